// Movers that are programs: each makes its own load, in its own process, and
// prints one line.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// program is such a mover.
type program struct {
	label string
	dir   string // working directory
	sites map[string]*site
	slow  bool // what people use today
	args  func(at *site, w workload, n int) []string
}

func (p *program) name() string { return p.label }

// measures says whether the mover takes part in a case.
func (p *program) measures(w workload) bool { return !p.slow || w.forPeople() }

func (p *program) run(ctx context.Context, w workload, n int) (sample, error) {
	at := p.sites[w.via]
	args := p.args(at, w, n)
	text, err := command(ctx, p.dir, at.env(), args[0], args[1:]...)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", p.label, err)
	}
	s, err := parsePrinted(p.label, text)
	s.Uploads, s.Bytes = n, int64(n)*w.size
	return s, err
}

// parsePrinted reads the one line that a mover prints.
func parsePrinted(label, text string) (sample, error) {
	var line printed
	if err := json.Unmarshal([]byte(strings.TrimSpace(text)), &line); err != nil || line.Wall <= 0 {
		return sample{}, fmt.Errorf("%s printed %q; expected a JSON object with its times", label, text)
	}
	if line.Errors > 0 {
		return sample{}, fmt.Errorf("%s: %d uploads failed", label, line.Errors)
	}
	return sample{Wall: line.Wall, CPU: line.User + line.System, PeakRSS: line.PeakKB * kib, P50: line.P50, P99: line.P99}, nil
}

// Names of the movers that bounds speak of.
const (
	nameGostream = "gostream"
	nameBare     = "bare"
	nameSHA256   = "bare+SHA-256"
	nameBoto3    = "boto3+requests"
)

// addPrograms adds the movers beside ferry: first the practical limits, then
// what people use today. What is missing here is left out and said.
func (b *bench) addPrograms(ctx context.Context) error {
	if err := b.addGostream(ctx); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.addRole(nameBare, self, "bare", false)
	b.addRole(nameSHA256, self, "sha256", false)
	if !b.options.people {
		return nil
	}
	b.addRole("naive Go", self, "naive", true)
	if _, err := exec.LookPath("curl"); err != nil {
		b.missing("the curl pipe is left out: there is no curl")
	} else {
		b.addRole("curl pipe", self, "curl", true)
	}
	if _, err := command(ctx, b.dir, environment(), "python3", "-c", "import boto3, requests"); err != nil {
		b.missing("boto3+requests is left out, and bounds against it are not measured: python3 with boto3 and requests is missing (pip install boto3 requests)")
	} else {
		b.addScript(nameBoto3, b.dir, "python3", "-W", "ignore", filepath.Join(b.root, "bench", "movers", "boto3_requests.py"))
	}
	sdk := filepath.Join(b.root, "e2e", "node")
	if _, err := command(ctx, sdk, environment(), "node", "-e", `require("@aws-sdk/client-s3")`); err != nil {
		b.missing("Node SDK+fetch is left out: node or its @aws-sdk/client-s3 is missing ('make node')")
	} else {
		b.addScript("Node SDK+fetch", sdk, "node", "--no-warnings", filepath.Join(b.root, "bench", "movers", "sdk_fetch.mjs"))
	}
	return nil
}

// missing notes what a run does without.
func (b *bench) missing(note string) {
	b.notes = append(b.notes, note)
	b.say("%s", note)
}

// addRole adds a mover that is this binary.
func (b *bench) addRole(label, self, role string, slow bool) {
	b.movers = append(b.movers, &program{label, b.dir, b.sites, slow, func(at *site, w workload, n int) []string {
		return []string{self, "role", role, "-store", at.store.url, "-sink", at.sinkURL,
			"-key", w.key(), "-n", strconv.Itoa(n), "-c", strconv.Itoa(w.concurrency)}
	}})
}

// addScript adds a mover that a script is.
func (b *bench) addScript(label, dir string, interpreter ...string) {
	b.movers = append(b.movers, &program{label, dir, b.sites, true, func(at *site, w workload, n int) []string {
		return append(interpreter[:len(interpreter):len(interpreter)], at.store.url, at.sinkURL, bucket,
			w.key(), strconv.Itoa(n), strconv.Itoa(w.concurrency))
	}})
}

// addGostream adds the bare mover that the bounds name. Its source is not part
// of this repository: it is built where it is found.
func (b *bench) addGostream(ctx context.Context) error {
	if b.options.gostream == "" {
		return nil
	}
	module := under(b.root, b.options.gostream)
	binary, found, err := buildGostream(ctx, module, b.dir)
	if err != nil {
		return err
	}
	if !found {
		b.missing(fmt.Sprintf("gostream is not at %s: our own bare mover takes its place in the bounds", module))
		return nil
	}
	b.say("built gostream from %s", module)
	b.movers = append(b.movers, &program{nameGostream, b.dir, b.sites, false, func(at *site, w workload, n int) []string {
		return []string{binary, "-s3", at.store.url, "-sink", at.sinkURL, "-bucket", bucket,
			"-key", w.key(), "-n", strconv.Itoa(n), "-c", strconv.Itoa(w.concurrency)}
	}})
	return nil
}

// buildGostream builds the mover from a copy of its module, which may be
// read-only. It gives false where the module is absent.
func buildGostream(ctx context.Context, module, dir string) (binary string, found bool, err error) {
	if _, err := os.Stat(filepath.Join(module, "gostream", "main.go")); err != nil {
		return "", false, nil
	}
	copied := filepath.Join(dir, "gostream-source")
	for _, part := range []string{"gostream", "harness"} {
		if err := os.CopyFS(filepath.Join(copied, part), os.DirFS(filepath.Join(module, part))); err != nil {
			return "", false, err
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(module, file))
		if err != nil {
			return "", false, err
		}
		if err := os.WriteFile(filepath.Join(copied, file), text, 0o600); err != nil {
			return "", false, err
		}
	}
	binary = filepath.Join(dir, "gostream")
	_, err = command(ctx, copied, append(os.Environ(), "GOWORK=off"), "go", "build", "-trimpath", "-o", binary, "./gostream")
	return binary, true, err
}
