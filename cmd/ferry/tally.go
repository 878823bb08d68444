// What a bulk upload has done so far: what its bars show and its summary says.

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally is what has been listed and done so far.
type tally struct {
	started time.Time

	mu                      sync.Mutex
	counted, listed         amount // by the first and by the second listing
	complete                bool   // one of them has ended
	posted, failed, skipped amount
	markers, cutOff         int
	causes                  map[string]*cause // by name
	flights                 []*flight         // oldest first
}

type amount struct {
	files int
	bytes int64
}

func (a *amount) add(size int64) { a.files++; a.bytes += size }

func (a amount) plus(b amount) amount { return amount{a.files + b.files, a.bytes + b.bytes} }

// cost is what the work takes, in bytes: each file has an overhead.
func (a amount) cost() float64 { return float64(a.bytes) + float64(a.files)*fileCost }

// cause is why files failed, with an example.
type cause struct {
	name, source, message string
	count                 int
}

// flight is a file on its way.
type flight struct {
	listed
	started time.Time
}

func newTally() *tally { return &tally{started: time.Now(), causes: make(map[string]*cause)} }

func (t *tally) locked(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
}

func (t *tally) count(size int64) { t.locked(func() { t.counted.add(size) }) }
func (t *tally) list(size int64)  { t.locked(func() { t.listed.add(size) }) }
func (t *tally) skip(size int64)  { t.locked(func() { t.skipped.add(size) }) }
func (t *tally) marker()          { t.locked(func() { t.markers++ }) }
func (t *tally) listingEnded()    { t.locked(func() { t.complete = true }) }

func (t *tally) failures() (files int) {
	t.locked(func() { files = t.failed.files })
	return files
}

// progress is a tally at one moment.
type progress struct {
	found, done amount
	tried       amount // of done, what was not skipped
	failed      int
	complete    bool // found is all
}

func (t *tally) now() (p progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.tried = t.posted.plus(t.failed)
	p.done = p.tried.plus(t.skipped)
	p.found = t.listed
	if t.counted.files > p.found.files {
		p.found = t.counted
	}
	p.failed, p.complete = t.failed.files, t.complete
	return p
}

// takeOff notes a file as in flight, until landed is called with what became
// of it, or with nil when nobody knows.
func (t *tally) takeOff(o listed) (landed func(*posted)) {
	f := &flight{o, time.Now()}
	t.locked(func() { t.flights = append(t.flights, f) })
	return func(result *posted) {
		t.mu.Lock()
		defer t.mu.Unlock()
		i := slices.Index(t.flights, f)
		t.flights = slices.Delete(t.flights, i, i+1)
		switch {
		case result == nil:
			t.cutOff++
		case !result.failed():
			t.posted.add(o.size)
		default:
			t.failed.add(o.size)
			name := result.cause()
			if t.causes[name] == nil {
				t.causes[name] = &cause{name: name, source: result.Source, message: result.Error}
			}
			t.causes[name].count++
		}
	}
}

// summarize says at the end what was done, and why not all of it.
func (t *tally) summarize(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	took := time.Since(t.started)
	fmt.Fprintf(w, "%s posted, %s in %s (%s/s)", fileCount(t.posted.files), sizeText(t.posted.bytes), took.Round(10*time.Millisecond),
		sizeText(int64(float64(t.posted.bytes)/took.Seconds())))
	for _, part := range []struct {
		count int
		text  string
	}{
		{t.failed.files, "failed"}, {t.skipped.files, "skipped, in the manifest already"},
		{t.cutOff, "cut off, perhaps at WhatsApp"}, {t.markers, "directory markers passed over"},
	} {
		if part.count > 0 {
			fmt.Fprintf(w, "\n%d %s", part.count, part.text)
		}
	}
	fmt.Fprintln(w)
	if t.complete && t.listed.files == 0 {
		fmt.Fprintln(w, "There is no object under this prefix.")
	}
	causes := make([]*cause, 0, len(t.causes))
	for _, c := range t.causes {
		causes = append(causes, c)
	}
	slices.SortFunc(causes, func(a, b *cause) int { return cmp.Or(b.count-a.count, strings.Compare(a.name, b.name)) })
	for _, c := range causes {
		fmt.Fprintf(w, "\n%s: %d\n  for example %s\n  %s\n", printable(c.name), c.count, printable(c.source), printable(c.message))
	}
}
