package sample_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ferry/internal/media"
	"ferry/internal/sample"
)

func TestBadFilesHaveTheirTypeByTheirFirstBytes(t *testing.T) {
	for _, f := range sample.BadFiles() {
		result, err := media.Check(t.Context(), media.File{DeclaredType: f.ContentType, Name: f.Name, Size: int64(len(f.Data)), Head: f.Data})
		if err != nil || result.Type.MIME != f.ContentType {
			t.Errorf("%s: %s, %v", f.Name, result.Type.MIME, err)
		}
		if !strings.HasPrefix(f.Name, f.WantCode) {
			t.Errorf("%s is not called after %s", f.Name, f.WantCode)
		}
	}
}

func TestBadFilesAreSmallAndDistinct(t *testing.T) {
	total, names := 0, map[string]bool{}
	for _, f := range sample.BadFiles() {
		if len(f.Data) == 0 || len(f.Data) > 60<<10 || names[f.Name] {
			t.Errorf("%s: %d bytes, or there twice", f.Name, len(f.Data))
		}
		total += len(f.Data)
		names[f.Name] = true
	}
	if total > 800<<10 {
		t.Errorf("together %d bytes", total)
	}
	embedded, err := filepath.Glob("files/bad/*.*")
	if err != nil || len(embedded) != len(names)+2 { // and the two scripts
		t.Errorf("%d files in the folder for %d samples, %v", len(embedded), len(names), err)
	}
}

// TestGenerateMakesTheSameBad is TestGenerateMakesTheSame for the bad samples.
func TestGenerateMakesTheSameBad(t *testing.T) {
	if os.Getenv("FERRY_SAMPLE_GENERATE") == "" {
		t.Skip("FERRY_SAMPLE_GENERATE is not set; another release of ffmpeg makes other bytes")
	}
	dir := t.TempDir()
	if out, err := exec.Command("files/bad/generate.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, f := range sample.BadFiles() {
		if made, err := os.ReadFile(filepath.Join(dir, f.Name)); err != nil || !bytes.Equal(made, f.Data) {
			t.Errorf("%s differs: %v", f.Name, err)
		}
	}
}
