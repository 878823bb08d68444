// Command release packs a release of ferry: archives, packages for Debian and Red Hat, a
// bill of materials for each binary, the licences of what is in them, and checksums.
// 'make release' builds the binaries and runs it.
//
// Its output depends on its input only, so that the same commit always becomes the same
// bytes.
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	var r release
	var seconds int64
	flag.StringVar(&r.version, "version", "", "version, as git describe prints it")
	flag.Int64Var(&seconds, "time", 0, "time of the commit, in seconds since 1970, which all files in archives have")
	flag.StringVar(&r.repository, "repository", "..", "folder of the repository")
	flag.StringVar(&r.binaries, "binaries", "../dist/binaries", "folder with the binaries: OS_ARCHITECTURE/ferry")
	flag.StringVar(&r.out, "out", "../dist", "folder for the release")
	flag.Parse()
	r.time = time.Unix(seconds, 0).UTC()
	if err := r.pack(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// A release is what is packed.
type release struct {
	version    string
	time       time.Time // of the commit
	repository string
	binaries   string
	out        string

	licences []byte   // of the modules in the binaries
	files    []string // that have been written, by their names in out
}

// A target is a binary for one platform.
type target struct {
	system, architecture string // as in GOOS and GOARCH
	binary               string // its file
}

func (t target) platform() string { return t.system + "_" + t.architecture }

// pack writes the whole release.
func (r *release) pack() error {
	if r.version == "" {
		return errors.New("the version is missing; set -version to what git describe prints")
	}
	targets, err := r.targets()
	if err != nil {
		return err
	}
	if r.licences, err = r.collectLicences(targets); err != nil {
		return err
	}
	if err := r.write("THIRD-PARTY-LICENCES.txt", r.licences); err != nil {
		return err
	}
	for _, t := range targets {
		if err := r.packTarget(t); err != nil {
			return fmt.Errorf("%s: %w", t.platform(), err)
		}
	}
	return r.writeChecksums()
}

// packTarget writes the files of one platform.
func (r *release) packTarget(t target) error {
	bill, err := r.billOfMaterials(t)
	if err != nil {
		return err
	}
	name := "ferry_" + strings.TrimPrefix(r.version, "v") + "_" + t.platform()
	if err := r.write(name+".cdx.json", bill); err != nil {
		return err
	}
	pack, extension := r.tarball, ".tar.gz"
	if t.system == "windows" {
		pack, extension = r.zip, ".zip"
	}
	archive, err := pack(t, name)
	if err != nil {
		return err
	}
	if err := r.write(name+extension, archive); err != nil {
		return err
	}
	if t.system != "linux" {
		return nil
	}
	for _, format := range []string{"deb", "rpm"} {
		content, err := r.systemPackage(t, format)
		if err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
		if err := r.write(name+"."+format, content); err != nil {
			return err
		}
	}
	return nil
}

var platformForm = regexp.MustCompile(`^([a-z0-9]+)_([a-z0-9]+)$`)

// targets returns the binaries, in the order of their platforms.
func (r *release) targets() (targets []target, err error) {
	folders, err := os.ReadDir(r.binaries)
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		parts := platformForm.FindStringSubmatch(folder.Name())
		if parts == nil {
			return nil, fmt.Errorf("%s: expected a folder that is named as linux_amd64", filepath.Join(r.binaries, folder.Name()))
		}
		t := target{system: parts[1], architecture: parts[2], binary: filepath.Join(r.binaries, folder.Name(), "ferry")}
		if t.system == "windows" {
			t.binary += ".exe"
		}
		if _, err := os.Stat(t.binary); err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("%s has no binaries; expected folders such as linux_amd64", r.binaries)
	}
	return targets, nil
}

// write writes a file of the release.
func (r *release) write(name string, content []byte) error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	r.files = append(r.files, name)
	return os.WriteFile(filepath.Join(r.out, name), content, 0o644)
}

// writeChecksums writes SHA256SUMS, which sha256sum --check reads.
func (r *release) writeChecksums() error {
	var sums strings.Builder
	slices.Sort(r.files)
	for _, name := range r.files {
		content, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), name)
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// A packed file is a file of the repository in archives and packages.
type packedFile struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// documents returns what archives have beside the binary.
func (r *release) documents() (files []packedFile, err error) {
	for _, name := range []string{"CHANGELOG.md", "LICENSE", "README.md"} {
		content, err := os.ReadFile(filepath.Join(r.repository, name))
		if err != nil {
			return nil, err
		}
		files = append(files, packedFile{name, 0o644, content})
	}
	return append(files, packedFile{"THIRD-PARTY-LICENCES.txt", 0o644, r.licences}), nil
}
