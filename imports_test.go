// Package ferry_test holds the tests of the repository as a whole.
package ferry_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mayImport says which packages of ferry each package may import: the
// direction of ARCHITECTURE.md. A new package needs a row.
var mayImport = map[string]string{
	"ferry/cmd/ferry":                "ferry/internal/gateway ferry/internal/graph ferry/internal/local ferry/internal/media ferry/internal/object ferry/internal/sample ferry/internal/secret ferry/internal/social ferry/internal/state ferry/socialmessaging",
	"ferry/internal/local":           "ferry/internal/gateway ferry/internal/graph ferry/internal/guard ferry/internal/local/bucketdir ferry/internal/object ferry/internal/secret ferry/internal/social ferry/internal/state ferry/metasim",
	"ferry/internal/gateway":         "ferry/internal/graph ferry/internal/guard ferry/internal/object ferry/internal/secret ferry/internal/social ferry/internal/state",
	"ferry/internal/social":          "ferry/internal/graph ferry/internal/media ferry/internal/object ferry/internal/policy ferry/internal/secret ferry/internal/sigv4 ferry/internal/state ferry/socialmessaging",
	"ferry/internal/state":           "ferry/internal/secret",
	"ferry/internal/graph":           "ferry/internal/graph/wire ferry/internal/secret",
	"ferry/internal/graph/wire":      "",
	"ferry/internal/object":          "ferry/internal/guard ferry/internal/secret",
	"ferry/internal/guard":           "",
	"ferry/internal/sigv4":           "ferry/internal/secret",
	"ferry/internal/policy":          "",
	"ferry/internal/media":           "",
	"ferry/internal/sample":          "",
	"ferry/internal/secret":          "",
	"ferry/internal/local/bucketdir": "",
	"ferry/socialmessaging":          "",
	"ferry/metasim":                  "", // nothing of ours: it is the check on internal/graph
	"ferry/bench":                    "ferry/socialmessaging",
}

func TestImportsRunOneWay(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		allowed, known := mayImport[listed.ImportPath]
		ours := slices.DeleteFunc(listed.Imports, func(path string) bool { return !strings.HasPrefix(path, "ferry/") })
		if !known && len(ours) > 0 {
			t.Errorf("%s has no row in mayImport, and imports %v", listed.ImportPath, ours)
		}
		for _, path := range ours {
			if known && !slices.Contains(strings.Fields(allowed), path) {
				t.Errorf("%s may not import %s", listed.ImportPath, path)
			}
		}
	}
}

func TestNoPackageIsNamedForNothing(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Name}}", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(output)) {
		if slices.Contains([]string{"util", "utils", "common", "types", "models", "helpers", "middleware", "base", "misc"}, name) {
			t.Errorf("a package is called %s; name what it does", name)
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
