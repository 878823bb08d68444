package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"ferry/internal/sample"
)

// samples writes the sample files into good/ and bad/.
func samples(ts *testscript.TestScript, _ bool, _ []string) {
	write := func(name string, data []byte) {
		ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(name)), 0o755))
		ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o644))
	}
	for _, f := range sample.Files() {
		write("good/"+f.Name, f.Data)
	}
	for _, f := range sample.BadFiles() {
		write("bad/"+f.Name, f.Data)
	}
}

func TestLintFindsTheProblemOfEveryBadSample(t *testing.T) {
	directory := t.TempDir()
	for _, f := range sample.BadFiles() {
		path := filepath.Join(directory, f.Name)
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		status := run(t.Context(), t.Context(), []string{"media", "lint", "--content-type", f.ContentType, path}, &out, io.Discard)
		var got struct {
			Type     string
			Findings []struct{ Severity, Code, Why, Fix string }
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Findings) != 1 {
			t.Errorf("%s: %v, %s", f.Name, err, &out)
			continue
		}
		found := got.Findings[0]
		want := map[string]int{"looks-bad": 3, "will-fail": 4, "refused": 5}[found.Severity]
		if found.Code != f.WantCode || found.Why == "" || found.Fix == "" || got.Type != f.ContentType || status != want {
			t.Errorf("%s: status %d, %s", f.Name, status, &out)
		}
	}
}
