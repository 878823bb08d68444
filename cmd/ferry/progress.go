// How uploads are shown: lines of JSON, or bars on a terminal.

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && cwriter.IsTerminal(int(file.Fd()))
}

// printable is text from elsewhere without what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

func sizeText(bytes int64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("% .1f", decor.SizeB1024(bytes))
}

func fileCount(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// lineWriter writes whole lines, from any goroutine.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *lineWriter) write(line []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.out.Write(line)
	return err
}

// A reporter shows how the uploads of sources that were named one by one go.
// begin is called in order, from one goroutine; what it gives is called once,
// from any.
type reporter interface {
	begin(source string) (done func(posted))
	end(all []posted)
}

// lineReporter prints a JSON object a line.
type lineReporter struct{ lineWriter }

func (r *lineReporter) begin(string) func(posted) {
	return func(result posted) { _ = r.write(result.line()) }
}

func (r *lineReporter) end([]posted) {}

// barReporter draws a line for each upload and a bar for all.
type barReporter struct {
	out   io.Writer
	bars  *mpb.Progress
	total *mpb.Bar
}

func newBarReporter(out io.Writer, count int) *barReporter {
	bars := mpb.New(mpb.WithOutput(out), mpb.WithWidth(40))
	total := bars.AddBar(int64(count), mpb.BarPriority(count+1),
		mpb.PrependDecorators(decor.CountersNoUnit("%d of %d files")), mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)))
	return &barReporter{out, bars, total}
}

func (r *barReporter) begin(source string) func(posted) {
	var mu sync.Mutex
	outcome := ""
	bar := r.bars.New(1, mpb.SpinnerStyle().PositionLeft(), mpb.BarWidth(1), mpb.BarFillerClearOnComplete(),
		mpb.PrependDecorators(decor.Name(printable(source), decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			mu.Lock()
			defer mu.Unlock()
			return outcome
		})))
	return func(result posted) {
		mu.Lock()
		if outcome = result.MediaID; result.failed() {
			outcome = "FAILED " + printable(result.cause())
		}
		mu.Unlock()
		bar.SetCurrent(1)
		r.total.Increment()
	}
}

// end says in full why uploads failed, for which a bar has no room.
func (r *barReporter) end(all []posted) {
	r.bars.Wait()
	for _, result := range all {
		if result.failed() {
			fmt.Fprintf(r.out, "\n%s: %s\n", printable(result.Source), printable(result.Error))
		}
	}
}

const (
	flightLines = 4                // files in flight that are shown, the oldest
	fileCost    = 64 << 10         // bytes that take about as long as a file's overhead
	rateWindow  = 15 * time.Second // that the rate is taken over
)

// bulkBars shows a bulk upload: a few of the files in flight, one bar for
// all, and a line of figures. What is written to it appears above.
type bulkBars struct {
	*mpb.Progress
	tally *tally
	total *mpb.Bar
	texts []*mpb.Bar // lines without a bar
	rate  meter
}

func newBulkBars(out io.Writer, t *tally, concurrency int) *bulkBars {
	b := &bulkBars{Progress: mpb.New(mpb.WithOutput(out)), tally: t}
	for i := range min(flightLines, concurrency) {
		b.text(func() string { return b.flight(i) })
	}
	b.total = b.AddBar(1, mpb.BarWidth(30), mpb.BarFillerTrim(), mpb.BarFillerMiddleware(b.filled),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + b.counts() })))
	b.text(b.figures)
	return b
}

// line writes a line of output above the bars.
func (b *bulkBars) line(line []byte) error {
	_, err := io.WriteString(b, printable(strings.TrimSuffix(string(line), "\n"))+"\n")
	return err
}

// text adds a line of text.
func (b *bulkBars) text(text func() string) {
	b.texts = append(b.texts, b.New(1, mpb.NopStyle(), mpb.BarFillerTrim(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return text() }))))
}

// flight is the i-th oldest file in flight.
func (b *bulkBars) flight(i int) string {
	b.tally.mu.Lock()
	defer b.tally.mu.Unlock()
	if i >= len(b.tally.flights) {
		return ""
	}
	f := b.tally.flights[i]
	text := fmt.Sprintf("%6s %10s  %s", time.Since(f.started).Round(time.Second), sizeText(f.size), beginning(printable(f.source()), 50))
	if more := len(b.tally.flights) - flightLines; i == flightLines-1 && more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}

// beginning cuts text in front: the end of a key tells more.
func beginning(text string, length int) string {
	runes := []rune(text)
	if len(runes) <= length {
		return text
	}
	return "…" + string(runes[len(runes)-length+1:])
}

// filled draws a bar from the tally.
func (b *bulkBars) filled(bar mpb.BarFiller) mpb.BarFiller {
	return mpb.BarFillerFunc(func(w io.Writer, statistics decor.Statistics) error {
		now := b.tally.now()
		statistics.Current, statistics.Total = int64(now.done.cost()), int64(max(now.found.cost(), 1))
		return bar.Fill(w, statistics)
	})
}

// counts is the text beside the bar.
func (b *bulkBars) counts() string {
	now := b.tally.now()
	text := fmt.Sprintf("%d of %d", now.done.files, now.found.files)
	if !now.complete {
		text += "+"
	}
	text += " files"
	if now.failed > 0 {
		text += fmt.Sprintf(", %d failed", now.failed)
	}
	return text
}

func (b *bulkBars) figures() string {
	now := b.tally.now()
	recent, over := b.rate.measure(now.tried, time.Now())
	seconds := max(over.Seconds(), 0.1)
	text := fmt.Sprintf("%s of %s, %s/s, %.1f files/s", sizeText(now.done.bytes), sizeText(now.found.bytes),
		sizeText(int64(float64(recent.bytes)/seconds)), float64(recent.files)/seconds)
	if left := now.found.cost() - now.done.cost(); now.complete && recent.files > 0 && left > 0 {
		text += fmt.Sprintf(", %s remaining", time.Duration(left/recent.cost()*seconds*float64(time.Second)).Round(time.Second))
	}
	return text
}

// end leaves the bar as it is and takes the other lines away.
func (b *bulkBars) end() {
	for _, bar := range b.texts {
		bar.Abort(true)
	}
	b.total.Abort(false)
	b.Wait()
}

// meter takes a rate over the last rateWindow. It is for one goroutine.
type meter struct{ samples []reading }

type reading struct {
	amount
	at time.Time
}

// measure gives what was done since the window began, and how long that is.
func (m *meter) measure(done amount, now time.Time) (recent amount, over time.Duration) {
	if count := len(m.samples); count == 0 || now.Sub(m.samples[count-1].at) >= rateWindow/30 {
		m.samples = append(m.samples, reading{done, now})
	}
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= rateWindow {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	return amount{done.files - first.files, done.bytes - first.bytes}, now.Sub(first.at)
}
