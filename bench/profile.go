// Where ferry's CPU time goes: a profile of a run that is not timed, by a
// build of ferry that has one more file. The product has no profiler in it.

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
)

// profiledCases are those whose profile the page shows.
var profiledCases = []string{"20KiB@32", "16MiB@8", "https:16MiB@8"}

// profiledRuns is how many runs' uploads one profile is of: it is taken a hundred
// times a second.
const profiledRuns = 4

// profilerSource is the file: a profile of the whole process, written when it
// gets SIGUSR1.
const profilerSource = `package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

func init() {
	name := os.Getenv("BENCH_CPU_PROFILE")
	if name == "" {
		return
	}
	file, err := os.Create(name)
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGUSR1)
	go func() {
		<-stop
		pprof.StopCPUProfile()
		file.Close()
		os.WriteFile(name+".done", nil, 0o600)
	}()
}
`

// A profile is what one case's profile says. Shares are in percent of ferry's CPU time.
type profile struct {
	Case     string  `json:"case"`
	Packages []share `json:"packages"` // by what their own code takes
	Steps    []share `json:"steps"`    // ferry's functions, by what they and all below them take
}

type share struct {
	Name    string  `json:"name"`
	Percent float64 `json:"percent"`
}

// buildProfiled builds ferry with the profiler.
func buildProfiled(ctx context.Context, root, dir string) (string, error) {
	source, overlay, binary := filepath.Join(dir, "profiler.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "ferry-profiled")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "cmd", "ferry", "profiler.go"): source}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(source, []byte(profilerSource), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		return "", err
	}
	_, err = command(ctx, root, os.Environ(), "go", "build", "-trimpath", "-overlay", overlay, "-o", binary, "./cmd/ferry")
	return binary, err
}

// profiles makes the profiles of the cases that are measured.
func (b *bench) profiles(ctx context.Context) ([]profile, error) {
	binary, err := buildProfiled(ctx, b.root, b.dir)
	if err != nil {
		return nil, err
	}
	var list []profile
	for _, w := range b.workloads {
		if !slices.Contains(profiledCases, w.String()) {
			continue
		}
		b.say("profiling ferry in %v", w)
		plain := b.movers[0].(*ferries).at[w.via]
		profiled := *plain
		profiled.binary = binary
		profiled.profile = filepath.Join(b.dir, fmt.Sprintf("profile-%d", len(list)))
		n := profiledRuns * w.uploads(b.options.quick)
		if _, err := b.sample(ctx, &ferries{"ferry, profiled", map[string]*ferry{w.via: &profiled}}, w, n, n); err != nil {
			return nil, err
		}
		text, err := command(ctx, b.root, os.Environ(), "go", "tool", "pprof", "-top", "-nodecount=100000", "-nodefraction=0", "-edgefraction=0", binary, profiled.profile)
		if err != nil {
			return nil, err
		}
		list = append(list, parseProfile(w.String(), text))
	}
	return list, nil
}

// parseProfile reads what 'go tool pprof -top' prints.
func parseProfile(name, text string) profile {
	p := profile{Case: name}
	packages := make(map[string]float64)
	_, text, _ = strings.Cut(text, "cum%\n")
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 6 {
			continue
		}
		own, err := strconv.ParseFloat(strings.TrimSuffix(fields[1], "%"), 64)
		all, err2 := strconv.ParseFloat(strings.TrimSuffix(fields[4], "%"), 64)
		if err != nil || err2 != nil {
			continue
		}
		packages[packageOf(fields[5])] += own
		if strings.HasPrefix(fields[5], "ferry/internal/") && !strings.Contains(fields[5], ".func") && len(fields) == 6 {
			p.Steps = append(p.Steps, share{fields[5], all})
		}
	}
	for name, own := range packages {
		p.Packages = append(p.Packages, share{name, own})
	}
	p.Packages, p.Steps = largest(p.Packages, 8), largest(p.Steps, 16)
	return p
}

// largest are the largest shares that can be told from nothing.
func largest(shares []share, most int) []share {
	shares = slices.DeleteFunc(shares, func(s share) bool { return s.Percent < 0.5 })
	slices.SortFunc(shares, func(a, b share) int {
		if a.Percent != b.Percent {
			return cmp.Compare(b.Percent, a.Percent)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return shares[:min(most, len(shares))]
}

// packageOf is the package of a function as a profile names it.
func packageOf(function string) string {
	path, name := "", function
	if slash := strings.LastIndexByte(strings.SplitN(function, "(", 2)[0], '/'); slash >= 0 {
		path, name = function[:slash+1], function[slash+1:]
	}
	name, _, _ = strings.Cut(name, ".")
	return path + name
}
