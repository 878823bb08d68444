// The movers besides ferry. Each is a program that makes its own load, in its
// own process, and prints one line.

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ferry/bench/child"
)

// A programRow is a row of the table of programs.
type programRow struct {
	name        string
	role        string   // of this binary, or
	script      []string // an interpreter, its flags, and a file of bench/movers
	alternative bool     // what a user would run without ferry; otherwise a bare mover
	needs       []string // a command that succeeds where the mover can run
	dir         string   // of that command and of the mover, in the repository
	missing     string   // what to do where it cannot
}

// programs are the movers in the order in which they take their turns.
// addGostream adds gostream before them.
var programs = []programRow{
	{name: nameBare, role: "bare"},
	{name: nameSHA256, role: "sha256"},
	{name: "naive Go", role: "naive", alternative: true},
	{name: "curl pipe", role: "curl", alternative: true, needs: []string{"curl", "--version"}, missing: "install curl"},
	{
		name: nameBoto3, script: []string{"python3", "-W", "ignore", "boto3_requests.py"}, alternative: true,
		needs: []string{"python3", "-c", "import boto3, requests"}, missing: "install Python 3 with boto3 and requests; bounds that compare ferry with it are not measured",
	},
	{
		name: "Node SDK+fetch", script: []string{"node", "--no-warnings", "sdk_fetch.mjs"}, alternative: true,
		needs: []string{"node", "-e", `require("@aws-sdk/client-s3")`}, dir: "e2e/node", missing: "'make node' installs node and its @aws-sdk/client-s3",
	},
}

func isAlternative(name string) bool {
	return slices.ContainsFunc(programs, func(p programRow) bool { return p.name == name && p.alternative })
}

// program is a mover that is a program.
type program struct {
	label string
	dir   string // working directory
	sites map[string]*site
	kind  programKind
	args  func(at *site, w workload, n int) []string
}

type programKind int

const (
	yardstickProgram   programKind = iota // gostream or its substitute
	digestProgram                         // the bare mover with SHA-256
	alternativeProgram                    // what a user would run without ferry
)

func (p *program) name() string { return p.label }

// measures reports whether the mover takes part in a case.
func (p *program) measures(c benchCase) bool {
	switch p.kind {
	case yardstickProgram:
		return c.bare == yardstick
	case digestProgram:
		return c.bare == nameSHA256
	default:
		return c.alternatives
	}
}

// isSlow reports whether the mover moves fewer files, in fewer runs.
func isSlow(m mover) bool {
	p, isProgram := m.(*program)
	return isProgram && p.kind == alternativeProgram
}

func (p *program) run(ctx context.Context, w workload, n int) (sample, error) {
	at := p.sites[w.via]
	args := p.args(at, w, n)
	text, err := child.Command(ctx, p.dir, at.env(), args[0], args[1:]...)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", p.label, err)
	}
	s, err := parsePrinted(p.label, text)
	s.Uploads, s.Bytes = n, int64(n)*w.size
	return s, err
}

// parsePrinted reads the line that a mover prints.
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

// addPrograms adds the movers besides ferry. Those that cannot run here are left
// out, with a note in the report.
func (b *bench) addPrograms(ctx context.Context) error {
	hasGostream, err := b.addGostream(ctx)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, row := range programs {
		if row.alternative && !b.options.alternatives || row.name == nameBare && hasGostream {
			continue
		}
		dir := b.dir
		if row.dir != "" {
			dir = filepath.Join(b.root, row.dir)
		}
		if row.needs != nil {
			if _, err := child.Command(ctx, dir, child.Environment(), row.needs[0], row.needs[1:]...); err != nil {
				b.note(fmt.Sprintf("%s is left out; %s", row.name, row.missing))
				continue
			}
		}
		p := &program{label: row.name, dir: dir, sites: b.sites, args: b.scriptArgs(row.script)}
		if row.role != "" {
			p.args = roleArgs(self, row.role)
		}
		switch {
		case row.alternative:
			p.kind = alternativeProgram
		case row.name == nameSHA256:
			p.kind = digestProgram
		}
		b.movers = append(b.movers, p)
	}
	return nil
}

// roleArgs returns the command line of a mover that is this binary.
func roleArgs(self, role string) func(*site, workload, int) []string {
	return func(at *site, w workload, n int) []string {
		return []string{
			self, "role", role, "-store", at.store.url, "-sink", at.sinkURL,
			"-key", w.key(), "-n", strconv.Itoa(n), "-c", strconv.Itoa(w.concurrency),
		}
	}
}

// scriptArgs returns the command line of a mover that is a script.
func (b *bench) scriptArgs(script []string) func(*site, workload, int) []string {
	return func(at *site, w workload, n int) []string {
		last := len(script) - 1
		args := append(slices.Clone(script[:last]), filepath.Join(b.root, "bench", "movers", script[last]))
		return append(args, at.store.url, at.sinkURL, bucket, w.key(), strconv.Itoa(n), strconv.Itoa(w.concurrency))
	}
}

// siblingGostream is where gostream is looked for, relative to the repository,
// unless the command line says where it is.
const siblingGostream = "../shared/bench"

// addGostream adds the bare mover that the bounds refer to. Its source is not part
// of this repository: it is built where it is found.
func (b *bench) addGostream(ctx context.Context) (found bool, err error) {
	module := under(b.root, cmp.Or(b.options.gostream, siblingGostream))
	binary, found, err := buildGostream(ctx, module, b.dir)
	if err != nil {
		return false, err
	}
	if !found && b.options.gostream != "" {
		return false, fmt.Errorf("-gostream: there is no gostream/main.go in %s", module)
	}
	if !found {
		b.note("there is no gostream here: this benchmark's own bare mover, which does the same, takes its place in the bounds")
		return false, nil
	}
	b.logf("built gostream from %s", module)
	b.movers = append(b.movers, &program{label: nameGostream, dir: b.dir, sites: b.sites, args: func(at *site, w workload, n int) []string {
		return []string{
			binary, "-s3", at.store.url, "-sink", at.sinkURL, "-bucket", bucket,
			"-key", w.key(), "-n", strconv.Itoa(n), "-c", strconv.Itoa(w.concurrency),
		}
	}})
	return true, nil
}

// buildGostream builds the mover from a copy of its module, which may be
// read-only. found is false where the module does not exist.
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
	_, err = child.Command(ctx, copied, append(os.Environ(), "GOWORK=off"), "go", "build", "-trimpath", "-o", binary, "./gostream")
	return binary, true, err
}
