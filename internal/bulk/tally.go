// What a bulk upload, or a bulk of messages, has done so far, for its bars and its summary.

package bulk

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"ferry/internal/tty"
)

// tally counts what has been listed and done so far.
type tally struct {
	unit    string // of what is counted: "file" or "message"
	started time.Time

	mu                      sync.Mutex
	counted, listed         amount // by CountAhead's listing, and by the one that feeds the uploads
	complete                bool   // one of them has ended
	posted, failed, skipped amount
	markers, aborted        int
	causes                  map[string]*cause // by name and fix
	active                  []*transfer       // uploads in progress, oldest first
}

type amount struct {
	files int
	bytes int64
}

func (a *amount) add(size int64) { a.files++; a.bytes += size }

func (a amount) plus(b amount) amount { return amount{a.files + b.files, a.bytes + b.bytes} }

// fileCost is how many bytes take about as long as the overhead of one file.
const fileCost = 64 << 10

// cost is the work for an amount in bytes, with an overhead for each file.
func (a amount) cost() float64 { return float64(a.bytes) + float64(a.files)*fileCost }

// cause is a reason for which files failed, with an example.
type cause struct {
	name, source, message string
	count                 int
}

// transfer is an upload or a call in progress.
type transfer struct {
	name    string
	size    int64
	started time.Time
}

func newTally(unit string) *tally {
	return &tally{unit: unit, started: time.Now(), causes: make(map[string]*cause)}
}

// outcome is how an upload or a call ended.
type outcome struct {
	failed bool
	source string // an example for its cause
	Failure
}

func (t *tally) locked(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
}

func (t *tally) addCounted(size int64) { t.locked(func() { t.counted.add(size) }) }
func (t *tally) addListed(size int64)  { t.locked(func() { t.listed.add(size) }) }
func (t *tally) addSkipped(size int64) { t.locked(func() { t.skipped.add(size) }) }
func (t *tally) addMarker()            { t.locked(func() { t.markers++ }) }
func (t *tally) listingEnded()         { t.locked(func() { t.complete = true }) }

// progress is a tally at one moment.
type progress struct {
	total, done amount
	tried       amount // done without those that were skipped
	failed      int
	complete    bool // total will not grow
}

func (t *tally) now() (p progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.tried = t.posted.plus(t.failed)
	p.done = p.tried.plus(t.skipped)
	p.total = t.listed
	if t.counted.files > p.total.files {
		p.total = t.counted
	}
	p.failed, p.complete = t.failed.files, t.complete
	return p
}

// begin records an upload as in progress. The returned function ends it with its result,
// or with nil if the outcome is not known.
func (t *tally) begin(name string, size int64) (ended func(*outcome)) {
	upload := &transfer{name, size, time.Now()}
	t.locked(func() { t.active = append(t.active, upload) })
	return func(result *outcome) {
		t.mu.Lock()
		defer t.mu.Unlock()
		i := slices.Index(t.active, upload)
		t.active = slices.Delete(t.active, i, i+1)
		switch {
		case result == nil:
			t.aborted++
		case !result.failed:
			t.posted.add(size)
		default:
			t.failed.add(size)
			t.addCause(*result)
		}
	}
}

// maxFixes is how many causes are told apart by their fix. Those above are told apart only by
// exception and finding, of which there are few.
const maxFixes = 100

// addCause counts a failure. Failures with one finding but different fixes, such as those of
// files that need different conversions, are different causes.
func (t *tally) addCause(result outcome) {
	name := result.cause()
	key := name + "\n" + result.Fix
	if t.causes[key] == nil && len(t.causes) >= maxFixes {
		key = name
	}
	if t.causes[key] == nil {
		t.causes[key] = &cause{name: name, source: result.source, message: result.Error}
	}
	t.causes[key].count++
}

// oldest returns the i-th oldest upload in progress, nil if there are fewer, and how many
// there are.
func (t *tally) oldest(i int) (upload *transfer, count int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i < len(t.active) {
		upload = t.active[i]
	}
	return upload, len(t.active)
}

// Summarize writes what was done, and why some files failed.
func (u *Upload) Summarize(w io.Writer) { u.tally.summarize(w) }

// count returns a number with its unit: "1 file", "2 files".
func (t *tally) count(n int) string {
	if n == 1 {
		return "1 " + t.unit
	}
	return fmt.Sprintf("%d %ss", n, t.unit)
}

func (t *tally) summarize(w io.Writer) {
	out := tty.NewOutput(w)
	t.mu.Lock()
	defer t.mu.Unlock()
	took := time.Since(t.started)
	if t.unit == "file" {
		_ = out.Printf("%s posted, %s in %s (%s/s)", t.count(t.posted.files), tty.Size(t.posted.bytes), took.Round(10*time.Millisecond),
			tty.Size(int64(float64(t.posted.bytes)/took.Seconds())))
	} else {
		_ = out.Printf("%s accepted in %s (%.1f/s)", t.count(t.posted.files), took.Round(10*time.Millisecond), float64(t.posted.files)/took.Seconds())
	}
	for _, part := range []struct {
		count     int
		one, many string
	}{
		{t.failed.files, "failed", "failed"},
		{t.skipped.files, "skipped: already in the manifest", "skipped: already in the manifest"},
		{t.aborted, "aborted; WhatsApp may have it", "aborted; WhatsApp may have them"},
		{t.markers, "directory marker ignored", "directory markers ignored"},
	} {
		switch {
		case part.count == 1:
			_ = out.Printf("\n1 %s", part.one)
		case part.count > 1:
			_ = out.Printf("\n%d %s", part.count, part.many)
		}
	}
	_ = out.Printf("\n")
	if t.complete && t.listed.files == 0 && t.unit == "file" {
		_ = out.Printf("No objects were found.\n")
	}
	causes := make([]*cause, 0, len(t.causes))
	for _, c := range t.causes {
		causes = append(causes, c)
	}
	slices.SortFunc(causes, func(a, b *cause) int {
		return cmp.Or(b.count-a.count, strings.Compare(a.name, b.name), strings.Compare(a.source, b.source))
	})
	for _, c := range causes {
		_ = out.Printf("\n%s: %d\n  for example %s\n  %s\n", c.name, c.count, c.source, c.message)
	}
}
