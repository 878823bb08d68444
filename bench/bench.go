// The order of a run, and its checks.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"ferry/bench/child"
)

// bench is a run of the benchmark.
type bench struct {
	options  options
	root     string // of the repository
	dir      string // temporary; child processes work and log here
	cases    []benchCase
	progress io.Writer

	binary   string // ferry
	sites    map[string]*site
	children []*child.Process
	movers   []mover  // ferry first
	notes    []string // what is missing
}

func (b *bench) logf(format string, values ...any) {
	fmt.Fprintf(b.progress, format+"\n", values...)
}

// note notes what a run does without.
func (b *bench) note(text string) {
	b.notes = append(b.notes, text)
	b.logf("%s", text)
}

// start builds ferry and the movers, starts stores and sinks, and proves that
// every mover moves the right bytes.
func (b *bench) start(ctx context.Context) error {
	b.logf("starting the S3 servers and the sinks, and storing the objects")
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
		for _, via := range []string{viaHTTP, viaHTTPS, viaVerify} {
			if err := b.prove(ctx, m, via); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) addFerry(ctx context.Context) (err error) {
	if b.binary = under(b.root, b.options.ferry); b.options.ferry == "" {
		b.logf("building ferry")
		if b.binary, err = child.BuildFerry(ctx, b.root, b.dir); err != nil {
			return err
		}
	}
	f := &ferries{label: nameFerry, at: make(map[string]*ferry)}
	for via, at := range b.sites {
		if f.at[via], err = prepareFerry(ctx, b.binary, filepath.Join(b.dir, "ferry-"+via), at, at.store.url, false); err != nil {
			return err
		}
		if via == viaVerify {
			f.at[via].flags = []string{"--verify-uploads"}
		}
	}
	b.movers = append(b.movers, f)
	return nil
}

// close ends the child processes.
func (b *bench) close() {
	for _, c := range b.children {
		c.Stop()
	}
}

// sizes returns the sizes of the objects, each once.
func (b *bench) sizes() []int64 {
	sizes := []int64{warmUpSize}
	for _, c := range b.cases {
		sizes = append(sizes, c.size)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

// prove moves the largest object that the mover moves this way, and compares its
// SHA-256 at the sink.
func (b *bench) prove(ctx context.Context, m mover, via string) error {
	w := workload{0, 1, via}
	for _, c := range b.cases {
		if c.via == via && m.measures(c) {
			w.size = max(w.size, c.size)
		}
	}
	if w.size == 0 {
		return nil // it takes no part in these cases
	}
	sink := b.sites[via].sink
	if err := sink.hash(ctx, "on"); err != nil {
		return err
	}
	if _, err := b.sample(ctx, m, w, 1, 1); err != nil {
		return err
	}
	received, err := sink.stats(ctx)
	if err != nil {
		return err
	}
	if received.Digest != objectDigest(w.size) {
		return fmt.Errorf("%s moved other bytes than those of the object %s", m.name(), w.key())
	}
	b.logf("%s moves %v with the right SHA-256", m.name(), w)
	return sink.hash(ctx, "off")
}

// A slow mover is run at most slowRuns times, and only once if that run takes
// longer than slowRun: its ratios are far from their bounds, and the time is
// better spent on movers whose ratios are close.
const (
	slowRuns = 2
	slowRun  = 5 // seconds
)

// skips reports whether a mover is left out of a run of a case.
func (c *caseResult) skips(m mover, via string, run int) bool {
	if via == viaLine && run >= slowRuns {
		return true
	}
	if !isSlow(m) || run == 0 {
		return false
	}
	return run >= slowRuns || c.mover(m.name()).Runs[0].Wall > slowRun
}

// run measures every case. The movers take turns, so that each run of one
// stands beside a run of the other.
func (b *bench) run(ctx context.Context) ([]caseResult, error) {
	var results []caseResult
	for _, c := range b.cases {
		measure := b.measureCase
		switch c.via {
		case viaReuse:
			measure = b.measureReuse
		case viaWatch:
			measure = b.measureWatch
		case viaTraced:
			measure = b.measureTraced
		}
		result, err := measure(ctx, c)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

func (b *bench) measureCase(ctx context.Context, c benchCase) (caseResult, error) {
	result := newCaseResult(c.workload)
	failed := map[string]bool{} // movers that cannot do this case
	for run := range b.options.runs {
		for _, m := range b.movers {
			if !m.measures(c) || failed[m.name()] || result.skips(m, c.via, run) {
				continue
			}
			n := c.uploads(b.options.quick)
			if isSlow(m) {
				n = c.fewUploads(b.options.quick)
			}
			s, err := b.sample(ctx, m, c.workload, n, n)
			if err != nil && isSlow(m) && ctx.Err() == nil { // an alternative may fail where ferry does not
				failed[m.name()] = true
				b.note(fmt.Sprintf("%s failed at %v, and is left out there: %v", m.name(), c.workload, err))
				continue
			}
			if err != nil {
				return result, err
			}
			result.add(m.name(), s)
			b.logRun(c.workload, m, run, s)
		}
	}
	return result, nil
}

func (b *bench) logRun(w workload, m mover, run int, s sample) {
	b.logf("%-16v %-14s run %d of %d: %5d uploads in %6.2f s, %7.0f uploads/s, %6.0f MB/s, %6.2f CPU s/GB", w, m.name(),
		run+1, b.options.runs, s.Uploads, s.Wall, float64(s.Uploads)/s.Wall, s.gigabytes()*1e3/s.Wall, s.CPU/s.gigabytes())
}

// sample is one run of a mover that uploads n files, with what store and sink
// used meanwhile. It checks that the sink received as many files and bytes as
// were sent: sent of the n uploads, and the first one.
func (b *bench) sample(ctx context.Context, m mover, w workload, n, sent int) (s sample, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runTimeout, fmt.Errorf("%s took longer than %v for %v", m.name(), runTimeout, w))
	defer cancel()
	before, usedBefore, err := b.counters(ctx, w.via)
	if err != nil {
		return s, err
	}
	if s, err = m.run(ctx, w, n); err != nil {
		return s, errors.Join(context.Cause(ctx), err)
	}
	after, usedAfter, err := b.counters(ctx, w.via)
	if err != nil {
		return s, err
	}
	s.StoreCPU, s.SinkCPU = usedAfter[0]-usedBefore[0], usedAfter[1]-usedBefore[1]
	return s, checkReceived(m.name(), before, after, w, sent)
}

// counters returns what the sink has received so far, and the CPU time that store
// and sink have used.
func (b *bench) counters(ctx context.Context, via string) (received stats, used [2]float64, err error) {
	at := b.sites[via]
	if received, err = at.sink.stats(ctx); err != nil {
		return received, used, err
	}
	for i, p := range []*child.Process{at.store.Process, at.sink.Process} {
		if used[i], err = cpuSeconds(p.PID()); err != nil {
			return received, used, err
		}
	}
	return received, used, nil
}

// checkReceived checks that the sink received the n files and the one before them, whole.
func checkReceived(name string, before, after stats, w workload, n int) error {
	files, bytes := int64(n)+1, int64(n)*w.size+warmUpSize
	if after.Files-before.Files != files || after.Bytes-before.Bytes != bytes || after.Refused != before.Refused {
		return fmt.Errorf("%s in %v: the sink received %d files of %d bytes and refused %d; expected %d files of %d bytes", name, w,
			after.Files-before.Files, after.Bytes-before.Bytes, after.Refused-before.Refused, files, bytes)
	}
	return nil
}
