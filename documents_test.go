package ferry_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are the documents of the repository.
var documents = []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/compatibility.md", "docs/references.md", "docs/destinations.md", "docs/performance.md", "docs/development.md"}

// TestCitedReferencesHaveARow: each docs/references.md#… in a Go file or a
// document is the anchor of a row of that page.
func TestCitedReferencesHaveARow(t *testing.T) {
	page, err := os.ReadFile("docs/references.md")
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	for _, match := range regexp.MustCompile(`<a id="([a-z0-9-]+)"></a>`).FindAllStringSubmatch(string(page), -1) {
		if slices.Contains(anchors, match[1]) {
			t.Errorf("docs/references.md has two rows with the anchor %s", match[1])
		}
		anchors = append(anchors, match[1])
	}
	citation := regexp.MustCompile(`references\.md#([A-Za-z0-9-]+)`)
	cited := 0
	for _, file := range slices.Concat(goFiles(t), documents) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range citation.FindAllStringSubmatch(string(text), -1) {
			cited++
			if !slices.Contains(anchors, match[1]) {
				t.Errorf("%s cites %s, which has no row", file, match[0])
			}
		}
	}
	if cited < 3 {
		t.Errorf("only %d citations found: is the pattern still right?", cited)
	}
}

// goFiles returns the paths of all Go files of the repository, those of its
// other modules included.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go"):
			files = append(files, filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
