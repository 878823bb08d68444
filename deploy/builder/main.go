// Command builder makes the image in which 'make image' builds ferry where no registry can be
// reached: the Go release of this machine, make, and busybox as a shell. It prints the id of
// the image.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

// containerfile has no network: the modules are those of this machine, mounted by whoever
// builds in the image.
const containerfile = `FROM scratch
COPY root /
COPY go /usr/local/go
ENV PATH=/usr/local/go/bin:/bin HOME=/root GOPATH=/root/go GOCACHE=/root/.cache/go-build GOFLAGS=-buildvcs=false GOPROXY=off
`

// shell are the programs of busybox that deploy/Dockerfile and the Makefile use.
var shell = []string{"sh", "mkdir", "mv", "rm", "echo", "true", "sed"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	id, err := build(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "builder:", err)
		os.Exit(1)
	}
	fmt.Println(id)
}

func build(ctx context.Context) (id string, err error) {
	folder, err := os.MkdirTemp("", "ferry-builder-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := fill(ctx, filepath.Join(folder, "root")); err != nil {
		return "", err
	}
	goroot, err := output(ctx, "go", "env", "GOROOT")
	if err != nil {
		return "", err
	}
	if _, err := output(ctx, "cp", "-r", goroot, filepath.Join(folder, "go")); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, "Containerfile"), []byte(containerfile), 0o644); err != nil {
		return "", err
	}
	return output(ctx, "podman", "build", "--quiet", folder)
}

// fill makes the file system of the image, but for Go.
func fill(ctx context.Context, root string) error {
	copied := map[string]string{}
	for _, name := range []string{"busybox", "make"} {
		file, err := exec.LookPath(name)
		if err != nil {
			return fmt.Errorf("%w; 'make system' installs what is missing", err)
		}
		copied[file] = "bin/" + name
	}
	libraries, err := output(ctx, "sh", "-c", "ldd \"$(command -v make)\"") // busybox is static
	if err != nil {
		return err
	}
	for field := range strings.FieldsSeq(libraries) {
		if strings.HasPrefix(field, "/") {
			copied[field] = strings.TrimPrefix(field, "/")
		}
	}
	for source, name := range copied {
		destination := filepath.Join(root, name)
		content, err := os.ReadFile(source)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(destination), 0o755), os.WriteFile(destination, content, 0o755)); err != nil {
			return err
		}
	}
	for _, name := range shell {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", name)); err != nil {
			return err
		}
	}
	return os.Mkdir(filepath.Join(root, "tmp"), 0o777)
}

// output runs a program and returns what it prints, without the last line's end.
func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd.Args, err, problems.String())
	}
	return strings.TrimSpace(string(text)), nil
}
