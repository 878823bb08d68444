// Reuse: the same object again, which must cost neither a read nor an upload.

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// reuseCase is the name of the case in the results.
const reuseCase = "reuse 20KiB@32"

// nameReusing is ferry with reuse on, as a mover.
const nameReusing = "ferry, reuse"

// prepareReuse prepares a ferry with reuse on, and counts what comes from the
// store for a hit: at most the answer to a question for the object's head.
func (b *bench) prepareReuse(ctx context.Context, binary string) error {
	at := b.sites[viaHTTP]
	counter, err := startLine(ctx, strings.TrimPrefix(at.store.url, "http://"), 0)
	if err != nil {
		return err
	}
	counted, err := prepareFerry(ctx, binary, filepath.Join(b.dir, "ferry-counted"), at, counter.url, true)
	if err != nil {
		return err
	}
	const hits = 64
	w := workload{warmUpSize, 8, viaHTTP}
	one := &ferries{nameReusing, map[string]*ferry{viaHTTP: counted}}
	if _, err := b.sample(ctx, one, w, hits, 0); err != nil {
		return err
	}
	// The first upload reads the object once; what came beside it, came for the hits.
	b.reuseHitBytes = max(0, float64(counter.returned.Load()-warmUpSize)/hits)
	b.say("%s: %d hits, one upload; the store sent %.0f bytes for each hit", nameReusing, hits, b.reuseHitBytes)
	b.reusing = binary
	return nil
}

// measureReuse measures hits beside uploads of the same file. Each run has a
// ferry with a state of its own, whose first upload is the only one.
func (b *bench) measureReuse(ctx context.Context) ([]caseResult, error) {
	if b.reusing == "" {
		return nil, nil
	}
	w := workload{warmUpSize, 32, viaHTTP}
	n := w.uploads(b.options.quick)
	at := b.sites[viaHTTP]
	result := newCaseResult(reuseCase, w)
	for run := range b.options.runs {
		reusing, err := prepareFerry(ctx, b.reusing, filepath.Join(b.dir, fmt.Sprintf("ferry-reusing-%d", run)), at, at.store.url, true)
		if err != nil {
			return nil, err
		}
		hits := &ferries{nameReusing, map[string]*ferry{viaHTTP: reusing}}
		for _, m := range []struct {
			mover
			sent int
		}{{hits, 0}, {b.movers[0], n}} {
			s, err := b.sample(ctx, m, w, n, m.sent)
			if err != nil {
				return nil, err
			}
			result.add(m.name(), s)
			b.sayRun(reuseCase, m, run, s)
		}
	}
	return []caseResult{result}, nil
}
