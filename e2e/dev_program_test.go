package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// A program in the world of ferry dev finds everything in its environment, waits for what
// comes after a mark, and its exit status is ferry's.
func TestProgramOfDevPostsSendsAndWaits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "photo.jpg")
	if err := os.WriteFile(file, sampleFile(t, "sample.jpg").Data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		binary func(testing.TB) string
		script string
	}{
		{"Node", nodeBinary, "node/delivered.mjs"},
		{"Python", pythonBinary, "python/delivered.py"},
	} {
		t.Run(test.name, func(t *testing.T) {
			program := test.binary(t)
			for argument, want := range map[string]int{"0": 0, "9": 9} {
				printed, problems, status := run(t, environment(t.TempDir(), "FILE="+file), "", raceBuild.path(t), "dev", "--strict", "--", program, test.script, argument)
				if status != want {
					t.Fatalf("ferry exited with %d, want %d: %s", status, want, problems)
				}
				var got struct {
					MediaID  string
					None     int
					Messages []struct{ ID, Caption string }
				}
				decode(t, printed, &got)
				if len(got.Messages) != 1 || got.Messages[0].Caption != "after" || got.Messages[0].ID != got.MediaID || !mediaIDForm.MatchString(got.MediaID) || got.None != 204 {
					t.Errorf("the program printed %s", printed)
				}
			}
		})
	}
}
