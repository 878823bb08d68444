package social

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestErrorCodesAreThoseOfTheSource reads the source: the metrics count errors by these
// codes, and all others as one.
func TestErrorCodesAreThoseOfTheSource(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	signatures, err := filepath.Glob("../sigv4/*.go")
	if err != nil {
		t.Fatal(err)
	}
	shapes, err := filepath.Glob("../../socialmessaging/*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`(?:fault\{code: |Error\{Code: |Exception\{Code: )"([A-Za-z]+)"`)
	known, found := ErrorCodes(), 0
	for _, path := range slices.Concat(files, signatures, shapes) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range literal.FindAllStringSubmatch(string(text), -1) {
			found++
			if !slices.Contains(known, match[1]) && filepath.Ext(path) == ".go" && !regexp.MustCompile(`_test\.go$`).MatchString(path) {
				t.Errorf("%s has the code %s, which ErrorCodes has not", path, match[1])
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d codes found: is the pattern still right?", found)
	}
}
