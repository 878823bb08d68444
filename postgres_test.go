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

// onBothEngines are the packages whose tests always run on SQLite and on PostgreSQL.
var onBothEngines = []string{"ferry/internal/state", "ferry/internal/outbox"}

// TestSuitesWithStateRunOnPostgreSQL checks that 'make test' runs the tests of every
// package that opens a database on PostgreSQL, too.
func TestSuitesWithStateRunOnPostgreSQL(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^POSTGRES_PACKAGES := (.*)$`).FindSubmatch(makefile)
	if list == nil {
		t.Fatal("the Makefile has no POSTGRES_PACKAGES")
	}
	var listed []string
	for path := range strings.FieldsSeq(string(list[1])) {
		listed = append(listed, "ferry/"+strings.TrimPrefix(path, "./"))
	}
	output, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,TestImports,XTestImports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var tested struct {
			ImportPath                string
			TestImports, XTestImports []string
		}
		if err := decoder.Decode(&tested); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		imports := append(tested.TestImports, tested.XTestImports...)
		hasState := slices.Contains(imports, "ferry/internal/state")
		hasBoth := slices.Contains(imports, "ferry/internal/state/statetest")
		isListed, path := slices.Contains(listed, tested.ImportPath), tested.ImportPath
		switch {
		case slices.Contains(onBothEngines, path):
			if !hasBoth || isListed {
				t.Errorf("the tests of %s always run on both engines: they use statetest.Each, and are not in POSTGRES_PACKAGES", path)
			}
		case hasState && !hasBoth:
			t.Errorf("the tests of %s open databases without internal/state/statetest, so that they run on SQLite only", path)
		case hasBoth != isListed:
			t.Errorf("%s: its tests use internal/state/statetest: %v; it is in POSTGRES_PACKAGES: %v; expected both or none", path, hasBoth, isListed)
		}
		listed = slices.DeleteFunc(listed, func(p string) bool { return p == path })
	}
	if len(listed) > 0 {
		t.Errorf("POSTGRES_PACKAGES has packages that do not exist: %q", listed)
	}
}
