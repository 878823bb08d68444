package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/sassoftware/go-rpmutils"
)

const platform = "linux_amd64"

// maxBinary bounds the binary, in bytes.
const maxBinary = 50_000_000

// settings are what the Makefile otherwise takes from git.
var settings = []string{"VERSION=v1.2.3", "COMMIT=0123456789abcdef0123456789abcdef01234567", "COMMIT_TIME=2026-11-30T12:00:00Z", "PLATFORMS=" + platform}

// build builds the binary with the Makefile of a folder.
func build(t *testing.T, folder string) (binaries string) {
	t.Helper()
	dist := t.TempDir()
	cmd := exec.Command("make", append([]string{"-C", folder, "binaries", "DIST=" + dist}, settings...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, text)
	}
	return filepath.Join(dist, "binaries")
}

// copySource copies what the binary is built from into a folder of its own.
func copySource(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "another folder, with a longer name")
	for _, name := range []string{"Makefile", "go.mod", "go.sum", "cmd", "internal", "metasim", "socialmessaging"} {
		source, destination := filepath.Join("../..", name), filepath.Join(folder, name)
		if info, err := os.Stat(source); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			if err := os.CopyFS(destination, os.DirFS(source)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(source)
		if err == nil {
			err = errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(destination, text, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func digest(t *testing.T, file string) [sha256.Size]byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

// packed is a release for one platform, which all tests share.
var packed = sync.OnceValues(func() (*release, error) {
	folder, err := os.MkdirTemp("", "ferry-release-test-")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("make", append([]string{"-C", "../..", "binaries", "DIST=" + folder}, settings...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.Join(err, errors.New(string(text)))
	}
	r := &release{version: "v1.2.3", time: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), repository: "../..", binaries: filepath.Join(folder, "binaries"), out: folder}
	return r, r.pack()
})

func TestMain(m *testing.M) {
	status := m.Run()
	if r, err := packed(); err == nil {
		os.RemoveAll(r.out)
	}
	os.Exit(status)
}

func pack(t *testing.T) *release {
	t.Helper()
	r, err := packed()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, r *release, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(r.out, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestOneCommitIsTheSameBytesInEveryFolder(t *testing.T) {
	r := pack(t)
	here := filepath.Join(r.binaries, platform, "ferry")
	there := filepath.Join(build(t, copySource(t)), platform, "ferry")
	if digest(t, here) != digest(t, there) {
		t.Error("the binaries of two folders differ")
	}
	again := *r
	again.out, again.files = t.TempDir(), nil
	if err := again.pack(); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(again.files, "SHA256SUMS") {
		if !bytes.Equal(read(t, r, name), read(t, &again, name)) {
			t.Errorf("%s differs when it is packed a second time", name)
		}
	}
}

func TestBinarySaysItsVersionAndIsStatic(t *testing.T) {
	binary := filepath.Join(pack(t).binaries, platform, "ferry")
	text, err := exec.Command(binary, "version", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version, Commit, Time, Go string
		Dirty                     bool
		Modules                   []struct{ Path, Version, Sum string }
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != "v1.2.3" || got.Commit != "0123456789abcdef0123456789abcdef01234567" || got.Time != "2026-11-30T12:00:00Z" || got.Dirty || len(got.Modules) < 20 {
		t.Errorf("ferry version --json prints %s", text)
	}
	if module, err := os.ReadFile("../../go.mod"); err != nil || !strings.Contains(string(module), "\ntoolchain "+got.Go+"\n") {
		t.Errorf("the binary is built with %q, which is not the toolchain of go.mod: %v", got.Go, err)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxBinary {
		t.Errorf("the binary has %d bytes, want at most %d", info.Size(), maxBinary)
	}
	text, err = os.ReadFile(binary)
	if err != nil || bytes.Contains(text, []byte("ld-linux")) {
		t.Error("the binary needs a dynamic linker", err)
	}
}

// TestBillOfMaterialsListsAllThatGoListsOfTheBinary: `go version -m` is the judge.
func TestBillOfMaterialsListsAllThatGoListsOfTheBinary(t *testing.T) {
	r := pack(t)
	var bill cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(read(t, r, "ferry_1.2.3_linux_amd64.cdx.json")), cyclonedx.BOMFileFormatJSON).Decode(&bill); err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, c := range *bill.Components {
		listed = append(listed, c.Name+" "+c.Version)
	}
	text, err := exec.Command("go", "version", "-m", filepath.Join(r.binaries, platform, "ferry")).Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if fields[0] == "dep" || fields[0] == "=>" {
			modules++
			if !slices.Contains(listed, fields[1]+" "+fields[2]) {
				t.Errorf("the bill of materials lacks %s %s", fields[1], fields[2])
			}
		}
	}
	if info, err := buildinfo.ReadFile(filepath.Join(r.binaries, platform, "ferry")); err != nil || !slices.Contains(listed, "std "+info.GoVersion) {
		t.Error("the bill of materials lacks the Go release", err)
	}
	if modules < 20 || len(listed) != modules+1 {
		t.Errorf("go version -m lists %d modules, the bill of materials %d and the Go release", modules, len(listed)-1)
	}
	licences := string(read(t, r, "THIRD-PARTY-LICENCES.txt"))
	for _, module := range listed[1:] {
		if !strings.Contains(licences, "==== "+module+": ") {
			t.Errorf("THIRD-PARTY-LICENCES.txt lacks %s", module)
		}
	}
}

func TestChecksumsAreThoseOfAllFiles(t *testing.T) {
	r := pack(t)
	cmd := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
	cmd.Dir = r.out
	text, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(text), ": OK") != 5 {
		t.Errorf("want 5 files that are OK: archive, bill of materials, licences, deb, rpm (%v)\n%s", err, text)
	}
}

func TestArchivesHaveTheBinaryAndItsLicences(t *testing.T) {
	r := pack(t)
	want := []string{"CHANGELOG.md", "LICENSE", "README.md", "THIRD-PARTY-LICENCES.txt", "ferry"}
	compressed, err := gzip.NewReader(bytes.NewReader(read(t, r, "ferry_1.2.3_linux_amd64.tar.gz")))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimPrefix(header.Name, "ferry_1.2.3_linux_amd64/"))
		if isProgram := header.Name == "ferry_1.2.3_linux_amd64/ferry"; isProgram != (header.Mode == 0o755) || !header.ModTime.Equal(r.time) {
			t.Errorf("%s has mode %o and time %v", header.Name, header.Mode, header.ModTime)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("the archive has %q, want %q", names, want)
	}
	content, err := r.zip(target{"linux", "amd64", filepath.Join(r.binaries, platform, "ferry")}, "folder")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil || len(archive.File) != len(want) || archive.File[4].Name != "folder/ferry" {
		t.Errorf("the zip has %d files, want %d (%v)", len(archive.File), len(want), err)
	}
}

// packagedFiles are the files of both packages.
var packagedFiles = []string{
	"/etc/ferry/ferry.yaml", "/usr/bin/ferry", "/usr/lib/systemd/system/ferry.service", "/usr/share/doc/ferry/CHANGELOG.md",
	"/usr/share/doc/ferry/THIRD-PARTY-LICENCES.txt", "/usr/share/doc/ferry/copyright", "/usr/share/doc/ferry/operating.md",
}

func TestDebianPackageIsReadByDpkg(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("dpkg-deb is not installed")
	}
	file := filepath.Join(pack(t).out, "ferry_1.2.3_linux_amd64.deb")
	text, err := exec.Command("dpkg-deb", "--field", file, "Package", "Version", "Architecture").CombinedOutput()
	if err != nil || string(text) != "Package: ferry\nVersion: 1.2.3-1\nArchitecture: amd64\n" {
		t.Errorf("the package says (%v):\n%s", err, text)
	}
	root := t.TempDir()
	if text, err := exec.Command("dpkg-deb", "--extract", file, root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, name := range packagedFiles {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	text, err = exec.Command(filepath.Join(root, "usr/bin/ferry"), "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(text), "ferry v1.2.3 ") {
		t.Errorf("ferry version prints %q (%v)", text, err)
	}
}

func TestRedHatPackageHasTheSameFiles(t *testing.T) {
	header, err := rpmutils.ReadHeader(bytes.NewReader(read(t, pack(t), "ferry_1.2.3_linux_amd64.rpm")))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	files, err := header.GetFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	slices.Sort(names)
	if name, err := header.GetNEVRA(); err != nil || name.String() != "ferry-0:1.2.3-1.x86_64.rpm" || !slices.Equal(names, packagedFiles) {
		t.Errorf("the package is %v and has %q, want %q (%v)", name, names, packagedFiles, err)
	}
}

func TestVersionOfAPackageIsOrderedAsItsCommits(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3":                 "1.2.3",
		"v1.2.3-rc.1":            "1.2.3~rc.1",
		"v1.2.3-4-g0123abc":      "1.2.3+4.g0123abc",
		"v1.2.3-dirty":           "1.2.3+dirty",
		"v1.2.3-rc.1-4-g0123abc": "1.2.3~rc.1.4.g0123abc",
		"0123abc":                "0.0.0~0123abc",
		"0123abc-dirty":          "0.0.0~0123abc.dirty",
	} {
		if got := packageVersion(version); got != want {
			t.Errorf("%s is packed as %s, want %s", version, got, want)
		}
	}
}
