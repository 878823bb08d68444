package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// runDirectory contains what all tests share: binaries, certificate, S3 server.
var runDirectory string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	var err error
	if runDirectory, err = os.MkdirTemp("", "ferry-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(runDirectory)
	defer stopSharedS3()
	return m.Run()
}

// A build is a way to build ferry; it is done once.
type build struct {
	name     string
	flags    []string
	fallback *build // used where this build is not possible; nil means none
	commit   string // of git, whose source is built; empty means the source of this directory
	exists   string // file of a binary that another process has built; empty means that there is none
	once     sync.Once
	err      error
}

// raceFlags are those of the Makefile: the race detector leaves SQLite's own code out.
var raceFlags = []string{"-race", "-gcflags=modernc.org/sqlite/lib=-race=false", "-gcflags=modernc.org/libc=-race=false"}

var (
	raceBuild     = &build{name: "ferry-race", flags: raceFlags, fallback: plainBuild} // needs a C compiler
	plainBuild    = &build{name: "ferry"}
	strippedBuild = &build{name: "ferry-stripped", flags: []string{"-ldflags", "-s -w"}}
	previousBuild = &build{name: "ferry-previous", commit: previousVersion, flags: []string{"-gcflags=ferry/...=-N -l", "-ldflags=-w"}} // which is built sooner
)

// path builds the binary, if no test has done so yet, and returns its file.
func (b *build) path(t testing.TB) string {
	t.Helper()
	if b.exists != "" {
		return b.exists
	}
	if b.commit != "" {
		requireCommit(t, b.commit)
	}
	file := filepath.Join(runDirectory, b.name)
	b.once.Do(func() {
		source := ".." // the product's module: its versions of the dependencies, not those of this one
		if b.commit != "" {
			source = filepath.Join(runDirectory, b.name+"-source")
			if b.err = extractCommit(b.commit, source); b.err != nil {
				return
			}
		}
		args := append(append([]string{"build"}, b.flags...), "-o", file, "./cmd/ferry")
		cmd := exec.Command("go", args...)
		cmd.Dir = source
		if output, err := cmd.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("go %v: %w\n%s", args, err, output)
		}
	})
	if b.err == nil {
		return file
	}
	if b.fallback == nil {
		t.Fatal(b.err)
	}
	file = b.fallback.path(t) // if this fails, too, ferry is broken
	if required() && installsPackages() && os.Getenv("CGO_ENABLED") != "0" {
		t.Fatalf("ferry cannot be built with the race detector; 'make system' installs the C compiler that it needs\n%v", b.err)
	}
	t.Logf("without the race detector, which needs cgo and a C compiler: %v", b.err)
	return file
}
