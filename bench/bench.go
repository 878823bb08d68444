// The order of a run, and its checks.

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// bench is a run of the benchmark.
type bench struct {
	options   options
	root      string // of the repository
	dir       string // temporary; children work and log here
	workloads []workload
	progress  io.Writer

	store  *store
	sink   *sink
	movers []mover // ferry first
	note   string  // what is missing; "" = nothing
}

func (b *bench) say(format string, values ...any) {
	fmt.Fprintf(b.progress, format+"\n", values...)
}

// start builds what is measured, starts what it is measured with, and proves
// that every mover moves the right bytes.
func (b *bench) start(ctx context.Context) (err error) {
	b.say("starting the S3 server and the sink, and putting the objects")
	if b.store, err = startStore(ctx, b.root, b.dir); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if b.sink, err = startSink(ctx, b.dir, self); err != nil {
		return err
	}
	if err := b.store.put(ctx, b.sizes()); err != nil {
		return err
	}
	if err := b.addFerry(ctx); err != nil {
		return err
	}
	if err := b.addGostream(ctx); err != nil {
		return err
	}
	for _, m := range b.movers {
		if err := b.prove(ctx, m); err != nil {
			return err
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
	f, err := prepareFerry(ctx, under(b.root, binary), b.dir, b.store.url, b.sink.url)
	if err != nil {
		return err
	}
	b.movers = append(b.movers, f)
	return nil
}

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
		b.note = fmt.Sprintf("gostream is not at %s: there is nothing to compare ferry with, and no ratios.", module)
		b.say("%s", b.note)
		return nil
	}
	b.say("built gostream from %s", module)
	b.movers = append(b.movers, &gostream{binary, b.store.url, b.sink.url})
	return nil
}

// close ends the children.
func (b *bench) close() {
	if b.sink != nil {
		b.sink.stop()
	}
	if b.store != nil {
		b.store.stop()
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
func (b *bench) prove(ctx context.Context, m mover) error {
	w := workload{slices.Max(b.sizes()), 1}
	want := sha256.New()
	if _, err := io.Copy(want, newFile(w.size)); err != nil {
		return err
	}
	if err := b.sink.hash(ctx, "on"); err != nil {
		return err
	}
	if _, err := b.sample(ctx, m, w, 1); err != nil {
		return err
	}
	got, err := b.sink.stats(ctx)
	if err != nil {
		return err
	}
	if got.Digest != hex.EncodeToString(want.Sum(nil)) {
		return fmt.Errorf("%s moved other bytes than those of the object %s", m.name(), w.key())
	}
	b.say("%s moves %s with the right SHA-256", m.name(), w.key())
	return b.sink.hash(ctx, "off")
}

// run measures every case. The movers take turns, so that each run of one has
// a run of the other beside it.
func (b *bench) run(ctx context.Context) ([]caseResult, error) {
	var results []caseResult
	for _, w := range b.workloads {
		n := w.uploads(b.options.quick)
		result := newCaseResult(w)
		for run := range b.options.runs {
			for _, m := range b.movers {
				s, err := b.sample(ctx, m, w, n)
				if err != nil {
					return nil, err
				}
				result.add(m.name(), s)
				b.say("%-10s %-9s run %d of %d: %5d uploads in %6.2f s, %7.0f uploads/s, %6.0f MB/s, %6.2f CPU s/GB",
					w, m.name(), run+1, b.options.runs, n, s.Wall, float64(n)/s.Wall, s.gigabytes()*1e3/s.Wall, s.CPU/s.gigabytes())
			}
		}
		results = append(results, result)
	}
	return results, nil
}

// sample is one run of a mover, with what store and sink used meanwhile, and
// the proof that the sink got as many files and bytes as were sent.
func (b *bench) sample(ctx context.Context, m mover, w workload, n int) (s sample, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runTimeout, fmt.Errorf("%s took longer than %v for %v", m.name(), runTimeout, w))
	defer cancel()
	before, usedBefore, err := b.ends(ctx)
	if err != nil {
		return s, err
	}
	if s, err = m.run(ctx, w, n); err != nil {
		return s, errors.Join(context.Cause(ctx), err)
	}
	after, usedAfter, err := b.ends(ctx)
	if err != nil {
		return s, err
	}
	s.StoreCPU, s.SinkCPU = usedAfter[0]-usedBefore[0], usedAfter[1]-usedBefore[1]
	return s, accounted(m.name(), before, after, w, n)
}

// ends gives what the sink has taken so far and what store and sink have used.
func (b *bench) ends(ctx context.Context) (now stats, used [2]float64, err error) {
	if now, err = b.sink.stats(ctx); err != nil {
		return now, used, err
	}
	for i, p := range []*process{b.store.process, b.sink.process} {
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
