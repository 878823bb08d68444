package media

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ferry/internal/sample"
)

// outFile is the file that a command of a Fix writes.
var outFile = regexp.MustCompile(`\bout\.[a-z0-9]+$`)

// command is what a Fix tells people to run, "" if it is nothing to run.
func command(fix string) string {
	if at := strings.LastIndex(fix, ": "); at >= 0 && outFile.MatchString(fix) {
		return fix[at+2:]
	}
	return ""
}

func TestFixMendsTheFile(t *testing.T) {
	if testing.Short() {
		t.Skip("runs encoders")
	}
	for _, f := range sample.BadFiles() {
		r := examined(t, f.ContentType, f.Name, f.Data, ExamineHead)
		if len(r.Findings) != 1 {
			t.Fatalf("%s: %+v", f.Name, r)
		}
		line := command(r.Findings[0].Fix)
		if line == "" || f.WantCode == FindImageDimensions { // no command to run; a header without a picture
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			made := run(t, line, f)
			data, err := os.ReadFile(made)
			if err != nil {
				t.Fatal(err)
			}
			mime, ok := mimeOfExtension(extension(made))
			if !ok {
				t.Fatalf("%s has no type of the table", made)
			}
			after := examined(t, mime, filepath.Base(made), data, HeadSize)
			if len(after.Findings)+len(after.Unchecked) > 0 {
				t.Errorf("after %q: %+v", line, after)
			}
		})
	}
}

// run runs a command of a Fix on a bad sample and gives the path of what it made.
func run(t *testing.T, line string, f sample.BadFile) string {
	dir := t.TempDir()
	for program := range strings.SplitSeq(line, " | ") {
		if name, _, _ := strings.Cut(program, " "); !installed(name) {
			t.Skipf("%s is not installed; it is to be run as: %s", name, line)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	line = regexp.MustCompile(`\bIN\b`).ReplaceAllString(line, f.Name)
	line = strings.NewReplacer("KEY", "00112233445566778899aabbccddeeff", "PASSWORD", "owner",
		"ffmpeg ", "ffmpeg -nostdin -loglevel error ").Replace(line)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return filepath.Join(dir, outFile.FindString(line))
}

func installed(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func TestFixesNameCommandsThatWriteTheRightType(t *testing.T) {
	for _, kind := range Types() {
		var r Report
		for code, rule := range rules {
			if rule.severity > 0 {
				r.add(kind, code)
			}
		}
		for _, f := range r.Findings {
			line := command(f.Fix)
			if (line != "") != strings.Contains(f.Fix, " IN ") && !strings.Contains(f.Fix, "soffice") || strings.Contains(f.Fix, "EXT") {
				t.Errorf("%s: %s", f.Code, f.Fix)
			}
			if line != "" && !slices.ContainsFunc(types, func(t Type) bool { return strings.HasSuffix(line, "."+t.Extension) }) {
				t.Errorf("%s: %s", f.Code, f.Fix)
			}
		}
	}
}
