package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/state"
)

// measure measures the cases of a part of the benchmark; an empty name means all.
func (e *engine) measure(ctx context.Context, part string) (all []result, err error) {
	tests := []func(context.Context, *state.DB) ([]result, error){e.commits}
	if part != partServer {
		tests = append(tests, e.steady, e.backlog, e.deadDestination, e.resume)
	}
	for _, test := range tests {
		db, err := e.open(ctx)
		if err != nil {
			return nil, err
		}
		results, err := test(ctx, db)
		all = append(all, results...)
		if err := errors.Join(err, db.Close()); err != nil {
			return all, err
		}
	}
	if part != partOutbox {
		results, err := e.serve(ctx)
		if err != nil {
			return all, err
		}
		all = append(all, results...)
	}
	return all, ctx.Err()
}

// commits measures the engine: transactions with one row, one after the other.
func (e *engine) commits(ctx context.Context, db *state.DB) ([]result, error) {
	var took []time.Duration
	began := time.Now()
	for last := began; last.Sub(began) < e.duration/4; {
		if err := db.AddEvents(ctx, []state.Event{event(fmt.Sprint("c", len(took)), "none")}); err != nil {
			return nil, err
		}
		now := time.Now()
		took, last = append(took, now.Sub(last)), now
	}
	return []result{
		{what: "the engine: transactions with one row, one after the other", value: float64(len(took)) / time.Since(began).Seconds(), unit: "/s"},
		{what: "the engine: one of these, p99", value: milliseconds(took, 99), unit: "ms"},
	}, nil
}

// load runs a steady load for some time.
func (e *engine) load(ctx context.Context, db *state.DB, m *meter, perSecond int, duration time.Duration) {
	until := make(chan struct{})
	time.AfterFunc(duration, func() { close(until) })
	m.pace(ctx, db, perSecond, until)
	time.Sleep(time.Second) // for the last deliveries
}

func (e *engine) steady(ctx context.Context, db *state.DB) ([]result, error) {
	m := newMeter(0)
	end, err := m.start(ctx, db)
	if err != nil {
		return nil, err
	}
	defer end()
	e.load(ctx, db, m, 500, e.duration)
	return []result{
		atMost("storing an event at 500/s, p99", milliseconds(m.stored, 99), "ms", 25),
		atMost("from the commit to the first attempt at 500/s, p50", milliseconds(m.delays(), 50), "ms", 5),
	}, nil
}

// fill stores a backlog.
func (e *engine) fill(ctx context.Context, db *state.DB, events, lanes int, destination string) error {
	const batch = 500
	for first := 0; first < events; first += batch {
		var some []state.Event
		for i := first; i < min(first+batch, events); i++ {
			some = append(some, event(fmt.Sprint("b", destination, i), fmt.Sprint(i%lanes), destination))
		}
		if err := db.AddEvents(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) backlog(ctx context.Context, db *state.DB) ([]result, error) {
	if err := e.fill(ctx, db, e.size, e.size/20, "event/backlog"); err != nil {
		return nil, err
	}
	m := newMeter(e.size)
	before := heap()
	began := time.Now()
	end, err := m.start(ctx, db)
	if err != nil {
		return nil, err
	}
	defer end()
	m.pace(ctx, db, 500, m.reached)
	took := time.Since(began)
	return []result{
		atLeast(fmt.Sprintf("a backlog of %d drained while 500/s come in", e.size), float64(e.size)/took.Seconds(), "/s", 5000),
		atMost("storing an event meanwhile, p99", milliseconds(m.stored, 99), "ms", 50),
		atMost("growth of the heap meanwhile", float64(heap()-before)/(1<<20), "MiB", 32),
	}, ctx.Err()
}

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// deadDestination compares three databases: one with a live destination only, and two with
// one that hangs or refuses at once and has 10,000 deliveries that wait. They take turns, so
// that what else the machine does slows all of them.
func (e *engine) deadDestination(ctx context.Context, db *state.DB) ([]result, error) {
	const turns = 5
	meters := make([]*meter, 3)
	databases := []*state.DB{db}
	for i, destination := range []string{"", hanging, refusing} {
		meters[i] = newMeter(0)
		if destination == "" {
			continue
		}
		other, err := e.open(ctx)
		if err != nil {
			return nil, err
		}
		defer other.Close()
		databases = append(databases, other)
		if err := e.fill(ctx, other, 10_000, 1_000, destination); err != nil {
			return nil, err
		}
	}
	for range turns {
		for i, m := range meters {
			end, err := m.start(ctx, databases[i])
			if err != nil {
				return nil, err
			}
			e.load(ctx, databases[i], m, 200, e.duration/turns)
			end()
		}
	}
	alone, besideHanging, besideRefusing := meters[0].delays(), meters[1].delays(), meters[2].delays()
	stored := len(meters[1].committed) + len(meters[2].committed)
	return []result{
		{what: "from the commit to the first attempt at 200/s, p50", value: milliseconds(alone, 50), unit: "ms"},
		atMost("the same beside a destination that hangs, in percent of it", 100*milliseconds(besideHanging, 50)/milliseconds(alone, 50), "%", 110),
		atMost("the same beside a destination that refuses, in percent of it", 100*milliseconds(besideRefusing, 50)/milliseconds(alone, 50), "%", 110),
		atLeast("deliveries beside them, in percent of those stored", 100*float64(len(besideHanging)+len(besideRefusing))/float64(stored), "%", 99),
	}, ctx.Err()
}

// resume measures when what a killed process held is delivered: it leaves lanes that are
// held and not returned.
func (e *engine) resume(ctx context.Context, db *state.DB) ([]result, error) {
	const lanes = 8
	if err := e.fill(ctx, db, lanes, lanes, "event/held"); err != nil {
		return nil, err
	}
	now := db.Clock()
	round := outbox.Round{Owner: "killed", Now: now, Lease: now.Add(10 * time.Second), Take: []outbox.Take{{Destination: "event/held", Lanes: lanes}}}
	if taken, err := db.OutboxRound(ctx, round); err != nil || len(taken.Taken) != lanes {
		return nil, errors.Join(err, fmt.Errorf("%d lanes were taken", len(taken.Taken)))
	}
	m := newMeter(lanes)
	began := time.Now()
	end, err := m.start(ctx, db)
	if err != nil {
		return nil, err
	}
	defer end()
	select {
	case <-m.reached:
	case <-time.After(30 * time.Second):
	case <-ctx.Done():
	}
	return []result{atMost("after a kill -9: until everything that was held is delivered", time.Since(began).Seconds(), "s", 12)}, ctx.Err()
}
