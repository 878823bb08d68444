package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The tests build deploy/Dockerfile as it is. No registry is needed: the first stage has the
// Go release, make and busybox of this machine (deploy/builder/). Only the download of modules
// is left out, because the machine has them.

// containersConf makes podman work without systemd, in a container too.
const containersConf = `[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
[containers]
default_ulimits=["nofile=1024:1024","nproc=1024:1024"]
`

// rig runs podman and buildah.
type rig struct {
	t       *testing.T
	env     []string
	builder string // the image of the first stage
}

func newRig(t *testing.T) *rig {
	t.Helper()
	for _, name := range []string{"buildah", "podman", "runc", "make"} {
		if _, err := exec.LookPath(name); err != nil || os.Geteuid() != 0 {
			if os.Getenv("FERRY_E2E") == "require" && os.Geteuid() == 0 {
				t.Fatalf("%s is not installed; 'make system' installs it", name)
			}
			t.Skipf("%s is not installed, or the test does not run as root", name)
		}
	}
	config := filepath.Join(t.TempDir(), "containers.conf")
	if err := os.WriteFile(config, []byte(containersConf), 0o644); err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, env: append(os.Environ(), "CONTAINERS_CONF="+config)}
}

// try runs a command and returns what it prints.
func (r *rig) try(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = r.env
	var problems strings.Builder
	cmd.Stderr = &problems
	text, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %v: %w\n%s", name, args, err, problems.String())
	}
	return strings.TrimSpace(string(text)), err
}

func (r *rig) run(name string, args ...string) string {
	r.t.Helper()
	text, err := r.try(name, args...)
	if err != nil {
		r.t.Fatal(err, text)
	}
	return text
}

// removeImage removes an image at the end of the test.
func (r *rig) removeImage(id string) {
	r.t.Cleanup(func() { _, _ = r.try("buildah", "rmi", "--force", id) })
}

// makeBuilder makes the image of the first stage.
func (r *rig) makeBuilder() {
	r.t.Helper()
	r.builder = r.run("go", "run", "../builder")
	r.removeImage(r.builder)
}

// build builds the image of ferry from a folder with its Makefile, without what an earlier
// build has left.
func (r *rig) build(folder string) (id string) {
	r.t.Helper()
	r.run("make", "-C", folder, "modules")
	modules, cache := r.run("go", "env", "GOMODCACHE"), r.run("go", "env", "GOCACHE")
	file := filepath.Join(r.t.TempDir(), "id")
	r.run("make", "-C", folder, "image", "BUILDER="+r.builder, "SOURCE_DATE_EPOCH=1790000000", "VERSION=v1.2.3", "COMMIT=0123abc", "COMMIT_TIME=2026-11-30T12:00:00Z",
		"IMAGE_FLAGS=--quiet --no-cache --iidfile "+file+" --isolation chroot --volume "+modules+":/root/go/pkg/mod:ro --volume "+cache+":/root/.cache/go-build")
	text, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	id = strings.TrimPrefix(strings.TrimSpace(string(text)), "sha256:")
	r.removeImage(id)
	return id
}

// copySource copies what the image is built from into another folder.
func copySource(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "another folder")
	for _, name := range []string{".dockerignore", "Makefile", "LICENSE", "go.mod", "go.sum", "cmd", "ferrytest", "internal", "metasim", "socialmessaging", "deploy/Dockerfile"} {
		source, destination := filepath.Join("../..", name), filepath.Join(folder, name)
		info, err := os.Stat(source)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			err = os.CopyFS(destination, os.DirFS(source))
		} else if text, failed := os.ReadFile(source); failed != nil {
			err = failed
		} else {
			err = errors.Join(os.MkdirAll(filepath.Dir(destination), 0o755), os.WriteFile(destination, text, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestImageHasAHealthCheckWithoutAShell(t *testing.T) {
	text, err := os.ReadFile("../Dockerfile")
	if err != nil || !regexp.MustCompile(`(?m)^HEALTHCHECK .*CMD \["/ferry", "health"\]$`).Match(text) || !strings.Contains(string(text), "\nFROM scratch\n") {
		t.Error("deploy/Dockerfile has no health check that works in an image from scratch", err)
	}
}

// confined are the rights of a container: none, and a root that it cannot write.
var confined = []string{"--read-only", "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt", "no-new-privileges"}

func TestImageIsReproducibleAndNeedsNoRights(t *testing.T) {
	r := newRig(t)
	r.makeBuilder()
	image := r.build("../..")
	if other := r.build(copySource(t)); other != image {
		t.Errorf("the image of another folder is %s, want %s", other, image)
	}
	var config []struct {
		Config struct {
			User    string
			Volumes map[string]any
			Labels  map[string]string
		}
		Size int64
	}
	if err := json.Unmarshal([]byte(r.run("podman", "image", "inspect", image)), &config); err != nil {
		t.Fatal(err)
	}
	c := config[0].Config
	if _, hasData := c.Volumes["/data"]; c.User != "65532:65532" || !hasData || c.Labels["org.opencontainers.image.version"] != "v1.2.3" {
		t.Errorf("the image has the configuration %+v", c)
	}
	t.Logf("the image has %d bytes", config[0].Size)

	profile := seccompProfile(t)
	demo := r.run("podman", slices.Concat([]string{"run", "--rm", "--network", "none"}, confined, profile, []string{image, "demo"})...)
	if !strings.Contains(demo, "uploads read back unchanged from WhatsApp") {
		t.Errorf("ferry demo prints %s", demo)
	}
	r.checkToolchain(image)
	r.checkServer(image, profile)
}

// checkToolchain checks that the binary is built with the Go release of go.mod, whatever the builder has.
func (r *rig) checkToolchain(image string) {
	r.t.Helper()
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		r.t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^toolchain (go.+)$`).FindSubmatch(module)
	if line == nil {
		r.t.Fatal("go.mod has no line toolchain")
	}
	var version struct{ Go string }
	if err := json.Unmarshal([]byte(r.run("podman", "run", "--rm", "--network", "none", image, "version", "--json")), &version); err != nil {
		r.t.Fatal(err)
	}
	if version.Go != string(line[1]) {
		r.t.Errorf("the binary in the image is built with %s, want %s of go.mod", version.Go, line[1])
	}
}

// checkServer runs a server on a volume, and its health check.
func (r *rig) checkServer(image string, profile []string) {
	t := r.t
	volume := "ferry-test-" + image[:12]
	t.Cleanup(func() { _, _ = r.try("podman", "volume", "rm", "--force", volume) })
	base := slices.Concat(confined, profile, []string{"--network", "none", "--volume", volume + ":/data", "--env", "FERRY_KEYSET_FILE=/data/keyset.json", "--env", "FERRY_PLAIN_HTTP=true"})
	r.run("podman", slices.Concat([]string{"run", "--rm"}, base, []string{image, "keyset", "create", "/data/keyset.json"})...)
	// That of the Dockerfile, which images of OCI do not have.
	health := []string{"--health-cmd", `["/ferry","health"]`, "--health-interval", "disable"}
	container := r.run("podman", slices.Concat([]string{"run", "--detach"}, health, base, []string{image})...)
	t.Cleanup(func() { _, _ = r.try("podman", "rm", "--force", container) })
	r.run("podman", "exec", container, "/ferry", "health", "--wait", "1m")
	if text, err := r.try("podman", "healthcheck", "run", container); err != nil {
		t.Errorf("the health check of a server that is ready: %v %s", err, text)
	}
	if keys := r.run("podman", "exec", container, "/ferry", "key", "create", "--account", "111122223333", "--full-access"); !strings.Contains(keys, "AWS_ACCESS_KEY_ID") {
		t.Errorf("ferry key create prints %s", keys)
	}
	r.run("podman", "exec", container, "/ferry", "backup", "/data/backup.db")
	if _, err := r.try("podman", "exec", container, "/ferry", "keyset", "create", "/keyset.json"); err == nil {
		t.Error("the root of the container can be written")
	}
	r.run("podman", "stop", "--time", "60", container)
	if status := r.run("podman", "inspect", "--format", "{{.State.ExitCode}}", container); status != "0" {
		t.Errorf("the server ended with status %s when it was stopped", status)
	}
}

// seccompProfile returns the flags that allow only the system calls which the service of
// systemd allows. It returns none where systemd-analyze is not installed.
func seccompProfile(t *testing.T) []string {
	t.Helper()
	calls := func(set string) (names []string) {
		text, err := exec.Command("systemd-analyze", "syscall-filter", "--no-pager", set).Output()
		if err != nil {
			return nil
		}
		for line := range strings.Lines(string(text)) {
			name := strings.TrimSpace(line)
			if strings.HasPrefix(line, "    ") && !strings.HasPrefix(name, "#") {
				names = append(names, name)
			}
		}
		return names
	}
	var expand func(set string) map[string]bool
	expand = func(set string) map[string]bool {
		all := map[string]bool{}
		for _, name := range calls(set) {
			if strings.HasPrefix(name, "@") {
				for inner := range expand(name) {
					all[inner] = true
				}
			} else {
				all[name] = true
			}
		}
		return all
	}
	allowed := expand("@system-service")
	if len(allowed) == 0 {
		t.Log("systemd-analyze is not installed: the container has the system calls of podman's default")
		return nil
	}
	for _, set := range []string{"@privileged", "@resources"} {
		for name := range expand(set) {
			delete(allowed, name)
		}
	}
	// runc itself, between the filter and the program.
	for _, name := range []string{"capset", "capget"} {
		allowed[name] = true
	}
	var names []string
	for name := range allowed {
		names = append(names, name)
	}
	slices.Sort(names)
	text, err := json.Marshal(map[string]any{
		"defaultAction": "SCMP_ACT_ERRNO", "architectures": []string{"SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"},
		"syscalls": []any{map[string]any{"names": names, "action": "SCMP_ACT_ALLOW"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "seccomp.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("the container may use %d system calls", len(names))
	return []string{"--security-opt", "seccomp=" + file}
}
