// Package ferry_test holds the tests of the repository as a whole.
package ferry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layers are the packages of the product from top to bottom, as ARCHITECTURE.md
// shows them. A package imports only packages of the layers below its own.
// socialmessaging and metasim are outside: they import no other package of ferry,
// and mayImport says who imports them.
var layers = []string{
	"ferry/cmd/ferry",
	"ferry/ferrytest",
	"ferry/internal/local ferry/internal/bulk ferry/internal/lint ferry/internal/listen ferry/internal/console",
	"ferry/internal/gateway",
	"ferry/internal/social ferry/internal/doctor",
	"ferry/internal/event ferry/internal/message",
	"ferry/internal/transfer ferry/internal/admin ferry/internal/seed",
	"ferry/internal/state/statetest",
	"ferry/internal/object ferry/internal/graph ferry/internal/kms ferry/internal/media ferry/internal/state ferry/internal/policy ferry/internal/sigv4",
	"ferry/internal/control",
	"ferry/internal/journal ferry/internal/why ferry/internal/testcode ferry/internal/metrics ferry/internal/tracing",
	"ferry/internal/admission ferry/internal/envelope ferry/internal/outbox ferry/internal/guard " +
		"ferry/internal/graph/wire ferry/internal/activity ferry/internal/once ferry/internal/secret ferry/internal/tty " +
		"ferry/internal/logqueue ferry/internal/sample ferry/internal/local/bucketdir ferry/internal/memnet ferry/internal/postgrestest",
}

// mayImport says which packages of ferry each package may import. A new package
// needs a row, and a place in layers.
var mayImport = map[string]string{
	"ferry/cmd/ferry":                "ferry/internal/activity ferry/internal/admin ferry/internal/admission ferry/internal/bulk ferry/internal/console ferry/internal/control ferry/internal/doctor ferry/internal/event ferry/internal/gateway ferry/internal/graph ferry/internal/journal ferry/internal/kms ferry/internal/lint ferry/internal/listen ferry/internal/local ferry/internal/logqueue ferry/internal/media ferry/internal/message ferry/internal/object ferry/internal/policy ferry/internal/sample ferry/internal/secret ferry/internal/seed ferry/internal/social ferry/internal/state ferry/internal/tracing ferry/internal/transfer ferry/internal/tty ferry/internal/why ferry/metasim ferry/socialmessaging",
	"ferry/internal/local":           "ferry/internal/activity ferry/internal/admin ferry/internal/doctor ferry/internal/event ferry/internal/gateway ferry/internal/graph ferry/internal/guard ferry/internal/journal ferry/internal/kms ferry/internal/local/bucketdir ferry/internal/memnet ferry/internal/object ferry/internal/secret ferry/internal/seed ferry/internal/social ferry/internal/state ferry/internal/testcode ferry/internal/tracing ferry/metasim",
	"ferry/ferrytest":                "ferry/internal/activity ferry/internal/console ferry/internal/control ferry/internal/gateway ferry/internal/journal ferry/internal/local ferry/internal/memnet ferry/internal/sample ferry/internal/state ferry/internal/transfer ferry/internal/tty ferry/internal/why ferry/metasim ferry/socialmessaging",
	"ferry/internal/gateway":         "ferry/internal/activity ferry/internal/admission ferry/internal/doctor ferry/internal/event ferry/internal/graph ferry/internal/guard ferry/internal/journal ferry/internal/media ferry/internal/message ferry/internal/metrics ferry/internal/object ferry/internal/outbox ferry/internal/secret ferry/internal/social ferry/internal/state ferry/internal/tracing ferry/internal/transfer",
	"ferry/internal/console":         "ferry/internal/activity ferry/internal/admin ferry/internal/admission ferry/internal/control ferry/internal/doctor ferry/internal/event ferry/internal/gateway ferry/internal/graph ferry/internal/journal ferry/internal/media ferry/internal/object ferry/internal/policy ferry/internal/secret ferry/internal/social ferry/internal/state ferry/internal/testcode ferry/internal/transfer ferry/internal/tty ferry/internal/why ferry/metasim",
	"ferry/internal/doctor":          "ferry/internal/admission ferry/internal/event ferry/internal/graph ferry/internal/guard ferry/internal/object ferry/internal/secret ferry/internal/state",
	"ferry/internal/event":           "ferry/internal/activity ferry/internal/admission ferry/internal/envelope ferry/internal/graph ferry/internal/guard ferry/internal/object ferry/internal/outbox ferry/internal/secret ferry/internal/state ferry/internal/transfer",
	"ferry/internal/testcode":        "ferry/internal/activity ferry/internal/sample ferry/metasim",
	"ferry/internal/why":             "ferry/internal/activity",
	"ferry/internal/metrics":         "ferry/internal/activity",
	"ferry/internal/tracing":         "ferry/internal/activity ferry/internal/secret",
	"ferry/internal/social":          "ferry/internal/activity ferry/internal/admin ferry/internal/admission ferry/internal/control ferry/internal/event ferry/internal/graph ferry/internal/journal ferry/internal/kms ferry/internal/message ferry/internal/object ferry/internal/once ferry/internal/policy ferry/internal/secret ferry/internal/sigv4 ferry/internal/state ferry/internal/transfer ferry/internal/why ferry/socialmessaging",
	"ferry/internal/message":         "ferry/internal/activity ferry/internal/envelope ferry/internal/graph ferry/internal/media ferry/internal/object ferry/internal/once ferry/internal/outbox ferry/internal/state ferry/internal/transfer",
	"ferry/internal/transfer":        "ferry/internal/activity ferry/internal/graph ferry/internal/media ferry/internal/object ferry/internal/once ferry/internal/state", // no API around it
	"ferry/internal/activity":        "",
	"ferry/internal/journal":         "ferry/internal/activity",
	"ferry/internal/admission":       "",
	"ferry/internal/control":         "ferry/internal/why",
	"ferry/internal/once":            "",
	"ferry/internal/outbox":          "",
	"ferry/internal/envelope":        "",
	"ferry/internal/logqueue":        "",
	"ferry/internal/admin":           "ferry/internal/graph ferry/internal/policy ferry/internal/secret ferry/internal/sigv4 ferry/internal/state",
	"ferry/internal/seed":            "ferry/internal/policy",
	"ferry/internal/bulk":            "ferry/internal/tty ferry/socialmessaging",
	"ferry/internal/listen":          "ferry/internal/control ferry/internal/secret",
	"ferry/internal/lint":            "ferry/internal/media ferry/internal/object ferry/internal/tty",
	"ferry/internal/tty":             "",
	"ferry/internal/state/statetest": "ferry/internal/postgrestest ferry/internal/secret ferry/internal/state",
	"ferry/internal/postgrestest":    "",
	"ferry/internal/state":           "ferry/internal/activity ferry/internal/journal ferry/internal/outbox ferry/internal/secret",
	"ferry/internal/graph":           "ferry/internal/activity ferry/internal/graph/wire ferry/internal/secret",
	"ferry/internal/graph/wire":      "",
	"ferry/internal/object":          "ferry/internal/guard ferry/internal/secret",
	"ferry/internal/guard":           "",
	"ferry/internal/kms":             "ferry/internal/secret",
	"ferry/internal/sigv4":           "ferry/internal/secret",
	"ferry/internal/policy":          "",
	"ferry/internal/media":           "",
	"ferry/internal/sample":          "",
	"ferry/internal/secret":          "",
	"ferry/internal/local/bucketdir": "",
	"ferry/internal/memnet":          "",
	"ferry/socialmessaging":          "ferry/socialmessaging/types",
	"ferry/socialmessaging/types":    "",
	"ferry/metasim":                  "", // nothing of ours: it is the check on internal/graph
	"ferry/bench":                    "ferry/bench/child ferry/bench/page ferry/socialmessaging",
	"ferry/bench/child":              "",
	"ferry/bench/page":               "ferry/bench/child",
	"ferry/e2e":                      "ferry/e2e/namespace ferry/internal/postgrestest ferry/internal/sample ferry/metasim ferry/socialmessaging ferry/socialmessaging/types", // a black box otherwise
	"ferry/bench/events":             "ferry/bench/child ferry/bench/page ferry/internal/outbox ferry/internal/postgrestest ferry/internal/secret ferry/internal/state ferry/metasim ferry/socialmessaging",
	"ferry/e2e/hostile":              "ferry/e2e/namespace ferry/metasim ferry/socialmessaging",
}

// A listedPackage is a package of the repository, as go list prints it.
type listedPackage struct {
	ImportPath, Name     string
	Imports, TestImports []string
}

// listPackages returns the packages of every module of the repository: the
// product's, and those of e2e, bench and the like below it.
func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	modules, err := filepath.Glob("*/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var packages []listedPackage
	for _, module := range append(modules, "go.mod") {
		output, err := exec.CommandContext(t.Context(), "go", "list", "-C", filepath.Dir(module), "-json=ImportPath,Name,Imports,TestImports", "./...").Output()
		if err != nil {
			t.Fatalf("listing the packages of %s: %v", module, err)
		}
		decoder := json.NewDecoder(bytes.NewReader(output))
		for {
			var listed listedPackage
			if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			packages = append(packages, listed)
		}
	}
	return packages
}

func TestImportsRunOneWay(t *testing.T) {
	seen := make(map[string]bool)
	for _, listed := range listPackages(t) {
		seen[listed.ImportPath] = true
		imports := listed.Imports
		if listed.ImportPath == "ferry/e2e" { // it consists of tests
			imports = append(imports, listed.TestImports...)
		}
		allowed, known := mayImport[listed.ImportPath]
		ours := slices.DeleteFunc(imports, func(path string) bool { return !strings.HasPrefix(path, "ferry/") })
		if !known && len(ours) > 0 {
			t.Errorf("%s has no row in mayImport, and imports %v", listed.ImportPath, ours)
		}
		for _, path := range ours {
			if path == "ferry/socialmessaging/types" && listed.ImportPath != "ferry/socialmessaging" {
				path = "ferry/socialmessaging" // who may import the contract may import its types
			}
			if known && !slices.Contains(strings.Fields(allowed), path) {
				t.Errorf("%s may not import %s", listed.ImportPath, path)
			}
		}
	}
	for path := range mayImport {
		if !seen[path] {
			t.Errorf("mayImport has a row for %s, which does not exist", path)
		}
	}
}

// TestRowsFollowTheLayers checks that no row of mayImport allows an import upwards.
func TestRowsFollowTheLayers(t *testing.T) {
	layerOf := make(map[string]int)
	for i, layer := range layers {
		for path := range strings.FieldsSeq(layer) {
			layerOf[path] = i
		}
	}
	for path, allowed := range mayImport {
		layer, inProduct := layerOf[path]
		if !inProduct && strings.Contains(path, "/internal/") {
			t.Errorf("%s has no place in layers", path)
		}
		for below := range strings.FieldsSeq(allowed) {
			if l, found := layerOf[below]; inProduct && found && l <= layer {
				t.Errorf("%s may import %s, which is not in a layer below it", path, below)
			}
		}
	}
}

func TestNoPackageIsNamedForNothing(t *testing.T) {
	for _, listed := range listPackages(t) {
		if slices.Contains([]string{"util", "utils", "common", "types", "models", "helpers", "middleware", "base", "misc"}, listed.Name) &&
			listed.ImportPath != "ferry/socialmessaging/types" { // named like the package of the AWS SDK for Go that it mirrors
			t.Errorf("%s: the package is called %s; name what it does", listed.ImportPath, listed.Name)
		}
	}
}

// TestDocsNameFilesThatAreThere: every path in backquotes in the documents exists.
func TestDocsNameFilesThatAreThere(t *testing.T) {
	path := regexp.MustCompile("`((?:cmd|internal|socialmessaging|metasim|docs|e2e|bench|tools)/[^`{}*… ]*)`")
	found := 0
	for _, document := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/compatibility.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range path.FindAllStringSubmatch(string(text), -1) {
			found++
			if _, err := os.Stat(match[1]); err != nil {
				t.Errorf("%s names %s: %v", document, match[1], err)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d paths found: is the pattern still right?", found)
	}
}
