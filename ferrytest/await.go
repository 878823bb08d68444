// Waiting for what happens, and for nothing to happen.

package ferrytest

import (
	"context"
	"fmt"
	"testing/synctest"
	"time"

	"ferry/internal/journal"
)

const (
	// stopMargin is the time that is left before the deadline of the test when Await
	// gives up.
	stopMargin = time.Second
	// quiet is the real time without an entry after which Await moves a stopped clock on,
	// by clockStep.
	quiet     = 10 * time.Millisecond
	clockStep = 50 * time.Millisecond
	// maxGrace is the real time at most that Never leaves to the program that is tested.
	maxGrace = 100 * time.Millisecond
)

// Mark returns the present moment, for Since.
func (w *World) Mark() Mark {
	_, last, err := w.journal.Bounds(context.Background())
	if err != nil { // the journal in memory has none
		w.t.Helper()
		w.t.Fatalf("ferrytest: %v", err)
	}
	return Mark(last)
}

// Await waits until something has happened that a matcher describes, and returns it. It
// returns the first such entry, also if that happened before the call; see Since. A
// stopped clock moves on while Await waits. If there is none in time, the test fails, with
// what came closest.
func (w *World) Await(m Matcher) Entry {
	w.t.Helper()
	if m.problem != "" {
		w.t.Fatalf("ferrytest: Await: %s", m.problem)
	}
	limit := w.limit()
	found, ok := w.await(m, limit)
	if !ok {
		w.t.Fatal(w.failure(fmt.Sprintf("Await: there was no %s within %v.", withoutArticle(m), limit), m))
	}
	return found
}

// limit returns how long Await may wait.
func (w *World) limit() time.Duration {
	limit := w.settings.timeout
	if deadline, ok := w.deadline(); ok {
		limit = min(limit, max(0, time.Until(deadline)-stopMargin))
	}
	return limit
}

// deadline returns the deadline of the test.
func (w *World) deadline() (time.Time, bool) {
	t, ok := w.t.(interface{ Deadline() (time.Time, bool) })
	if !ok || w.isBubble { // the clock of a bubble is another one
		return time.Time{}, false
	}
	return t.Deadline()
}

// await returns the first entry that a matcher describes, or false after limit.
func (w *World) await(m Matcher, limit time.Duration) (Entry, bool) {
	after, moved := int64(m.after), time.Duration(0)
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		changed := w.journal.Changed() // before looking, so that no entry is missed
		found, ok, last := w.find(m, after)
		if ok {
			return found, true
		}
		after = last
		pause := w.pause(moved < limit)
		select {
		case <-changed:
		case <-pause:
			moved += clockStep
			w.advance(clockStep)
		case <-end.C:
			return Entry{}, false
		}
	}
}

// pause returns a channel that is ready when a stopped clock is to move on.
func (w *World) pause(mayMove bool) <-chan time.Time {
	if !mayMove || w.Simulator.Clock().Running {
		return nil
	}
	return time.After(quiet)
}

// find returns the first entry after a number that a matcher describes, or else the number
// of the last one.
func (w *World) find(m Matcher, after int64) (found Entry, ok bool, last int64) {
	for e := range w.entries(after) {
		if last = e.Seq; len(m.misses(&e)) == 0 {
			return e, true, last
		}
	}
	return Entry{}, false, max(last, after)
}

// entries returns the entries after a number, oldest first.
func (w *World) entries(after int64) func(yield func(Entry) bool) {
	return func(yield func(Entry) bool) {
		for {
			page, err := w.journal.Read(context.Background(), journal.Filter{After: after})
			if err != nil || len(page) == 0 { // the journal in memory has no errors
				return
			}
			for _, from := range page {
				if after = from.Seq; !yield(w.entry(from)) {
					return
				}
			}
		}
	}
}

// Never fails the test if something happens that a matcher describes while the clock of
// the world moves on by d. What happened before the call does not count. It takes as long
// as what is due in that time, and the program that is tested has up to 0.1 s more, in real
// time, to do what it should not.
func (w *World) Never(d time.Duration, m Matcher) {
	w.t.Helper()
	if m.problem != "" {
		w.t.Fatalf("ferrytest: Never: %s", m.problem)
	}
	m.after = max(m.after, w.Mark())
	w.Advance(d)
	if !w.isBubble {
		if found, ok := w.await(m, min(d, maxGrace)); ok {
			w.t.Fatal(w.unwanted(d, m, found))
		}
		return
	}
	if found, ok, _ := w.find(m, int64(m.after)); ok {
		w.t.Fatal(w.unwanted(d, m, found))
	}
}

// Advance moves the clock of the world on by d, for ferry and for WhatsApp. It stops at
// each moment at which something is due, and waits until that has been done: statuses,
// retries, the end of the 24 hours, what expires. Signatures and the timeouts of
// connections stay with real time. In a bubble of testing/synctest it sleeps.
func (w *World) Advance(d time.Duration) {
	w.t.Helper()
	if d < 0 {
		w.t.Fatalf("ferrytest: Advance(%v): a clock that moves back is not simulated", d)
	}
	w.advance(d)
}

func (w *World) advance(d time.Duration) {
	w.t.Helper()
	if w.isBubble {
		time.Sleep(d)
		synctest.Wait()
		return
	}
	if _, err := w.Simulator.AdvanceClock(d); err != nil {
		w.t.Fatalf("ferrytest: Advance(%v): %v", d, err)
	}
}

// Now returns the time of the world's clock.
func (w *World) Now() time.Time { return w.Simulator.Now() }

// isBubble reports whether the caller runs in a bubble of testing/synctest.
func isBubble() (is bool) {
	defer func() {
		if recover() != nil {
			is = false
		}
	}()
	synctest.Wait() // panics outside
	return true
}
