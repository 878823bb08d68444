package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// licenceFile is the form of the names of files with a licence, or with notices that a
// licence says to keep.
var licenceFile = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|notice|patents)([.-].*)?$`)

// forbidden are licences that what ferry ships must not have.
var forbidden = regexp.MustCompile(`(?i)GNU\s+(AFFERO\s+|LESSER\s+)?GENERAL\s+PUBLIC\s+LICENSE|Server Side Public License|Business Source License|Elastic License`)

// collectLicences returns the licences of Go and of all modules in the binaries.
func (r *release) collectLicences(targets []target) ([]byte, error) {
	modules := make(map[string]*debug.Module)
	var toolchain string
	for _, t := range targets {
		info, err := buildinfo.ReadFile(t.binary)
		if err != nil {
			return nil, err
		}
		toolchain = info.GoVersion
		for _, m := range info.Deps {
			modules[m.Path] = m
		}
	}
	folders, err := r.moduleFolders()
	if err != nil {
		return nil, err
	}
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := appendLicences(&text, "Go "+toolchain, strings.TrimSpace(string(root))); err != nil {
		return nil, err
	}
	for _, path := range sortedKeys(modules) {
		if err := appendLicences(&text, path+" "+modules[path].Version, folders[path]); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// moduleFolders returns where the modules of the product are, by their paths.
func (r *release) moduleFolders() (map[string]string, error) {
	list, err := output("go", "list", "-C", r.repository, "-m", "-json=Path,Dir", "all")
	if err != nil {
		return nil, err
	}
	folders := make(map[string]string)
	for decoder := json.NewDecoder(bytes.NewReader(list)); ; {
		var module struct{ Path, Dir string }
		if err := decoder.Decode(&module); errors.Is(err, io.EOF) {
			return folders, nil
		} else if err != nil {
			return nil, err
		}
		folders[module.Path] = module.Dir
	}
}

// appendLicences adds the licences in a folder. A module without one, or with one that
// ferry must not ship, is an error.
func appendLicences(text *bytes.Buffer, module, folder string) error {
	if folder == "" {
		return fmt.Errorf("the module %s is not on this machine; run 'go mod download'", module)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	found := false
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		if name := forbidden.Find(content); name != nil && !bytes.Contains(content, []byte("Mozilla Public License")) {
			return fmt.Errorf("%s of the module %s names the %s; ferry ships permissive licences only", entry.Name(), module, name)
		}
		found = true
		fmt.Fprintf(text, "==== %s: %s\n\n%s\n\n", module, entry.Name(), bytes.TrimSpace(content))
	}
	if !found {
		return fmt.Errorf("the module %s has no licence in %s", module, folder)
	}
	return nil
}

// output runs a command and returns its standard output.
func output(program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(context.Background(), program, args...)
	text, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%v: %w\n%s", cmd.Args, err, failed.Stderr)
	}
	return text, err
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
