// The order of a run, and its checks.

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// bench is a run of the benchmark.
type bench struct {
	options   options
	root      string // of the repository
	dir       string // temporary; children work and log here
	workloads []workload
	progress  io.Writer

	sites    map[string]*site
	children []*process
	movers   []mover  // ferry first
	reusing  string   // ferry binary that has reuse; "" = it has none
	notes    []string // what is missing

	reuseHitBytes float64 // that the store sends for a hit
}

func (b *bench) say(format string, values ...any) {
	fmt.Fprintf(b.progress, format+"\n", values...)
}

// start builds what is measured, starts what it is measured with, and proves
// that every mover moves the right bytes.
func (b *bench) start(ctx context.Context) error {
	b.say("starting the S3 servers and the sinks, and putting the objects")
	if err := b.startSites(ctx); err != nil {
		return err
	}
	if err := b.addFerry(ctx); err != nil {
		return err
	}
	if err := b.addPrograms(ctx); err != nil {
		return err
	}
	for _, m := range b.movers {
		for _, via := range []string{viaHTTP, viaHTTPS} {
			if b.sites[via] == nil {
				continue
			}
			if err := b.prove(ctx, m, via); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) addFerry(ctx context.Context) (err error) {
	binary := b.options.ferry
	if binary == "" {
		b.say("building ferry")
		if binary, err = buildFerry(ctx, b.root, b.dir); err != nil {
			return err
		}
	}
	binary = under(b.root, binary)
	f := &ferries{"ferry", make(map[string]*ferry)}
	for via, at := range b.sites {
		if f.at[via], err = prepareFerry(ctx, binary, filepath.Join(b.dir, "ferry-at-"+via), at, at.store.url, false); err != nil {
			return err
		}
	}
	b.movers = append(b.movers, f)
	return b.prepareReuse(ctx, binary)
}

// close ends the children.
func (b *bench) close() {
	for _, child := range b.children {
		child.stop()
	}
}

// sizes are those of the objects, each once.
func (b *bench) sizes() []int64 {
	sizes := []int64{warmUpSize}
	for _, w := range b.workloads {
		sizes = append(sizes, w.size)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// prove moves the largest object once and compares what the sink got.
func (b *bench) prove(ctx context.Context, m mover, via string) error {
	w := workload{slices.Max(b.sizes()), 1, via}
	want := sha256.New()
	if _, err := io.Copy(want, newFile(w.size)); err != nil {
		return err
	}
	sink := b.sites[via].sink
	if err := sink.hash(ctx, "on"); err != nil {
		return err
	}
	if _, err := b.sample(ctx, m, w, 1, 1); err != nil {
		return err
	}
	got, err := sink.stats(ctx)
	if err != nil {
		return err
	}
	if got.Digest != hex.EncodeToString(want.Sum(nil)) {
		return fmt.Errorf("%s moved other bytes than those of the object %s", m.name(), w.key())
	}
	b.say("%s moves %v with the right SHA-256", m.name(), w)
	return sink.hash(ctx, "off")
}

// slowRuns is how many runs a slow mover has at most, and one if that takes
// longer than slowRun: its ratios are far from their bounds, and its time is
// better spent on pairs that are not.
const (
	slowRuns = 2
	slowRun  = 5 // seconds
)

// skips says whether a mover is left out of a run of a case.
func (c *caseResult) skips(m mover, w workload, run int) bool {
	if !m.measures(w) || w.via == viaLine && run >= slowRuns {
		return true
	}
	if p, isProgram := m.(*program); !isProgram || !p.slow || run == 0 {
		return false
	}
	first := c.mover(m.name())
	return run >= slowRuns || first.Runs[0].Wall > slowRun
}

// run measures every case. The movers take turns, so that each run of one has
// a run of the other beside it.
func (b *bench) run(ctx context.Context) ([]caseResult, error) {
	var results []caseResult
	for _, w := range b.workloads {
		result := newCaseResult(w.String(), w)
		failed := map[string]bool{} // movers that could not do this case
		for run := range b.options.runs {
			for _, m := range b.movers {
				if failed[m.name()] || result.skips(m, w, run) {
					continue
				}
				n := w.uploads(b.options.quick)
				p, isProgram := m.(*program)
				isSlow := isProgram && p.slow
				if isSlow {
					n = w.fewUploads(b.options.quick)
				}
				s, err := b.sample(ctx, m, w, n, n)
				if err != nil && isSlow && ctx.Err() == nil { // what people use today may break under a case that ferry bears
					failed[m.name()] = true
					b.missing(fmt.Sprintf("%s failed at %s, and is left out there: %v", m.name(), w, err))
					continue
				}
				if err != nil {
					return nil, err
				}
				result.add(m.name(), s)
				b.sayRun(result.Case, m, run, s)
			}
		}
		results = append(results, result)
	}
	return results, nil
}

func (b *bench) sayRun(label string, m mover, run int, s sample) {
	b.say("%-16s %-14s run %d of %d: %5d uploads in %6.2f s, %7.0f uploads/s, %6.0f MB/s, %6.2f CPU s/GB", label, m.name(),
		run+1, b.options.runs, s.Uploads, s.Wall, float64(s.Uploads)/s.Wall, s.gigabytes()*1e3/s.Wall, s.CPU/s.gigabytes())
}

// sample is one run of a mover, with what store and sink used meanwhile, and
// the proof that the sink got as many files and bytes as were sent: of the n
// uploads, so many beside the first.
func (b *bench) sample(ctx context.Context, m mover, w workload, n, sent int) (s sample, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runTimeout, fmt.Errorf("%s took longer than %v for %v", m.name(), runTimeout, w))
	defer cancel()
	before, usedBefore, err := b.ends(ctx, w.via)
	if err != nil {
		return s, err
	}
	if s, err = m.run(ctx, w, n); err != nil {
		return s, errors.Join(context.Cause(ctx), err)
	}
	after, usedAfter, err := b.ends(ctx, w.via)
	if err != nil {
		return s, err
	}
	s.StoreCPU, s.SinkCPU = usedAfter[0]-usedBefore[0], usedAfter[1]-usedBefore[1]
	return s, accounted(m.name(), before, after, w, sent)
}

// ends gives what the sink has taken so far and what store and sink have used.
func (b *bench) ends(ctx context.Context, via string) (now stats, used [2]float64, err error) {
	at := b.sites[via]
	if now, err = at.sink.stats(ctx); err != nil {
		return now, used, err
	}
	for i, p := range []*process{at.store.process, at.sink.process} {
		if used[i], err = cpuOf(p.pid()); err != nil {
			return now, used, err
		}
	}
	return now, used, nil
}

// accounted checks that the sink got the n files and the one before them, whole.
func accounted(name string, before, after stats, w workload, n int) error {
	files, bytes := int64(n)+1, int64(n)*w.size+warmUpSize
	if after.Files-before.Files != files || after.Bytes-before.Bytes != bytes || after.Refused != before.Refused {
		return fmt.Errorf("%s in %v: the sink got %d files of %d bytes and refused %d; sent were %d files of %d bytes", name, w,
			after.Files-before.Files, after.Bytes-before.Bytes, after.Refused-before.Refused, files, bytes)
	}
	return nil
}
