// Reuse: the same object again, which must need neither a read nor an upload.

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// measureReuse measures uploads that reuse answers beside uploads of the same
// file. Each run has a ferry with a state of its own, whose first upload is the
// only one that reaches the sink.
func (b *bench) measureReuse(ctx context.Context, c benchCase) (caseResult, error) {
	result := newCaseResult(c.workload)
	hitBytes, err := b.countHitBytes(ctx)
	if err != nil {
		return result, err
	}
	at, n := b.sites[viaReuse], c.uploads(b.options.quick)
	for run := range b.options.runs {
		reusing, err := prepareFerry(ctx, b.binary, filepath.Join(b.dir, fmt.Sprintf("ferry-reusing-%d", run)), at, at.store.url, true)
		if err != nil {
			return result, err
		}
		for _, turn := range []struct {
			mover mover
			sent  int
		}{
			{&ferries{nameReusing, map[string]*ferry{viaReuse: reusing}}, 0},
			{b.movers[0], n},
		} {
			s, err := b.sample(ctx, turn.mover, c.workload, n, turn.sent)
			if err != nil {
				return result, err
			}
			if turn.sent == 0 {
				s.HitBytes = hitBytes
			}
			result.add(turn.mover.name(), s)
			b.logRun(c.workload, turn.mover, run, s)
		}
	}
	return result, nil
}

// countHitBytes returns what the store sends for an upload that reuse answers,
// by a proxy before it that counts: the response to a HEAD request at most.
func (b *bench) countHitBytes(ctx context.Context) (float64, error) {
	at := b.sites[viaReuse]
	counter, err := startLine(ctx, strings.TrimPrefix(at.store.url, "http://"), 0)
	if err != nil {
		return 0, err
	}
	counted, err := prepareFerry(ctx, b.binary, filepath.Join(b.dir, "ferry-counted"), at, counter.url, true)
	if err != nil {
		return 0, err
	}
	const hits = 64
	w := workload{warmUpSize, 8, viaReuse}
	if _, err := b.sample(ctx, &ferries{nameReusing, map[string]*ferry{viaReuse: counted}}, w, hits, 0); err != nil {
		return 0, err
	}
	// The first upload reads the object once; the rest was sent for the others.
	perHit := max(0, float64(counter.returned.Load()-warmUpSize)/hits)
	b.logf("%s: %d hits, one upload; the store sent %.0f bytes for each hit", nameReusing, hits, perHit)
	return perHit, nil
}
