package ferry_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommentsCiteOnlyWhatReadersHave: a document that a comment names is in the
// repository, by its path from the root or from the file, and a section is
// preceded by the name of what it is a section of.
func TestCommentsCiteOnlyWhatReadersHave(t *testing.T) {
	document := regexp.MustCompile(`[\w./-]*\w\.md\b`)
	for _, path := range goFiles(t) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			text := group.Text()
			for _, cited := range document.FindAllString(text, -1) {
				_, fromRoot := os.Stat(cited)
				_, fromFile := os.Stat(filepath.Join(filepath.Dir(path), cited))
				if fromRoot != nil && fromFile != nil {
					t.Errorf("%s cites %s, which is not in the repository", path, cited)
				}
			}
			if strings.Contains(text, "(§") {
				t.Errorf("%s cites a section without a document: %s", path, text)
			}
		}
	}
}
