package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program returns the path of a program that a test needs. With FERRY_E2E=require it must be
// there, because 'make system' installs it.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, folder := range []string{"../.tools", "/usr/bin", "/usr/sbin"} {
		if path, err := filepath.Abs(filepath.Join(folder, name)); err == nil {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if os.Getenv("FERRY_E2E") == "require" && os.Geteuid() == 0 {
		t.Fatalf("%s is not installed; 'make system' installs it", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// maxExposure is the highest exposure of the service, in tenths: systemd calls up to 2.0
// "OK", and 10 is a service without any protection.
const maxExposure = "20"

func TestServiceIsExposedToLittle(t *testing.T) {
	analyze := program(t, "systemd-analyze")
	text, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", "--threshold="+maxExposure, "systemd/ferry.service").CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Log(lines[len(lines)-1])
}

// TestServiceIsValid: systemd knows every setting of the unit.
func TestServiceIsValid(t *testing.T) {
	analyze := program(t, "systemd-analyze")
	root := t.TempDir()
	unit, err := os.ReadFile("systemd/ferry.service")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "ferry.service")
	text := strings.Replace(string(unit), "ExecStart=/usr/bin/ferry ", "ExecStart="+os.Args[0]+" ", 1) // a program that is here
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", file).CombinedOutput()
	if err != nil || strings.Contains(string(output), "ferry.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, output)
	}
}
