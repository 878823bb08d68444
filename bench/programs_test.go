package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWithoutGostreamTheOwnBareMoverIsUsed(t *testing.T) {
	b := &bench{root: t.TempDir(), dir: t.TempDir(), progress: io.Discard}
	if found, err := b.addGostream(t.Context()); found || err != nil {
		t.Fatalf("found %v, error %v", found, err)
	}
	if len(b.movers) != 0 || len(b.notes) != 1 || !strings.Contains(b.notes[0], "own bare mover") {
		t.Errorf("movers %v, notes %q", b.movers, b.notes)
	}
	b.options.gostream = "elsewhere"
	if _, err := b.addGostream(t.Context()); err == nil || !strings.Contains(err.Error(), "-gostream: there is no gostream/main.go in ") {
		t.Errorf("error %v for a directory that the command line names and that does not exist", err)
	}
}

func TestGostreamBesideTheRepositoryIsUsed(t *testing.T) {
	parent := t.TempDir()
	b := &bench{root: filepath.Join(parent, "ferry"), dir: t.TempDir(), progress: io.Discard}
	module := filepath.Join(parent, "shared", "bench")
	for name, text := range map[string]string{
		"go.mod": "module bench\n\ngo 1.26\n", "go.sum": "", "gostream/main.go": "package main\n\nfunc main() {}\n", "harness/harness.go": "package harness\n",
	} {
		path := filepath.Join(module, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := b.addGostream(t.Context()); !found || err != nil {
		t.Fatalf("found %v, error %v", found, err)
	}
	if len(b.movers) != 1 || b.movers[0].name() != nameGostream || len(b.notes) != 0 {
		t.Errorf("movers %v, notes %q", b.movers, b.notes)
	}
}
