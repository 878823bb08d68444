// The progress of a bulk upload, or of a bulk of messages, on a terminal.

package bulk

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"ferry/internal/tty"
)

const (
	activeLines = 4                // uploads in progress that are shown: the oldest
	rateWindow  = 15 * time.Second // the rate is the average over this time
)

// Bars shows a bulk upload: a few of the files in progress, one bar for all of them, and
// a line of figures. What is written to it appears above them.
type Bars struct {
	bars  *mpb.Progress
	tally *tally
	total *mpb.Bar
	texts []*mpb.Bar // lines without a bar
	rate  rateMeter
}

// NewBars returns bars that draw on a terminal, nothing before Show.
func NewBars(terminal io.Writer) *Bars {
	return &Bars{bars: mpb.New(mpb.WithOutput(tty.Raw(terminal)))}
}

// Show draws the progress of an upload until End.
func (b *Bars) Show(u *Upload) { b.show(u.tally, u.config.Concurrency) }

// ShowSending draws the progress of messages until End.
func (b *Bars) ShowSending(s *Sending) { b.show(s.tally, s.config.Concurrency) }

func (b *Bars) show(t *tally, concurrency int) {
	b.tally = t
	for i := range min(activeLines, concurrency) {
		b.addText(func() string { return b.active(i) })
	}
	b.total = b.bars.AddBar(1, mpb.BarWidth(30), mpb.BarFillerTrim(), mpb.BarFillerMiddleware(b.fill),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + b.counts() })))
	b.addText(b.figures)
}

// Write writes lines of text above the bars, each at the start of a line of the terminal:
// the echo of ^C leaves the cursor elsewhere.
func (b *Bars) Write(lines []byte) (int, error) {
	for line := range strings.Lines(string(lines)) {
		if _, err := io.WriteString(b.bars, "\r"+tty.Clean(strings.TrimSuffix(line, "\n"))+"\n"); err != nil {
			return 0, err
		}
	}
	return len(lines), nil
}

// addText adds a line of text.
func (b *Bars) addText(text func() string) {
	b.texts = append(b.texts, b.bars.New(1, mpb.NopStyle(), mpb.BarFillerTrim(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return text() }))))
}

// active describes the i-th oldest upload in progress.
func (b *Bars) active(i int) string {
	upload, count := b.tally.oldest(i)
	if upload == nil {
		return ""
	}
	size := ""
	if upload.size > 0 {
		size = tty.Size(upload.size)
	}
	text := fmt.Sprintf("%6s %10s  %s", time.Since(upload.started).Round(time.Second), size, lastPart(tty.Clean(upload.name), 50))
	if more := count - activeLines; i == activeLines-1 && more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}

// lastPart shortens text at its beginning: the end of a key tells more.
func lastPart(text string, length int) string {
	runes := []rune(text)
	if len(runes) <= length {
		return text
	}
	return "…" + string(runes[len(runes)-length+1:])
}

// fill draws the bar from the tally.
func (b *Bars) fill(bar mpb.BarFiller) mpb.BarFiller {
	return mpb.BarFillerFunc(func(w io.Writer, statistics decor.Statistics) error {
		now := b.tally.now()
		statistics.Current, statistics.Total = int64(now.done.cost()), int64(max(now.total.cost(), 1))
		return bar.Fill(w, statistics)
	})
}

// counts is the text beside the bar.
func (b *Bars) counts() string {
	now := b.tally.now()
	text := fmt.Sprintf("%d of %d", now.done.files, now.total.files)
	if !now.complete {
		text += "+"
	}
	text += " " + b.tally.unit + "s"
	if now.failed > 0 {
		text += fmt.Sprintf(", %d failed", now.failed)
	}
	return text
}

// figures is the text below the bar: sizes, rates and the time that remains.
func (b *Bars) figures() string {
	now := b.tally.now()
	recent, over := b.rate.measure(now.tried, time.Now())
	seconds := max(over.Seconds(), 0.1)
	text := fmt.Sprintf("%.1f %ss/s", float64(recent.files)/seconds, b.tally.unit)
	if now.total.bytes > 0 {
		text = fmt.Sprintf("%s of %s, %s/s, ", tty.Size(now.done.bytes), tty.Size(now.total.bytes), tty.Size(int64(float64(recent.bytes)/seconds))) + text
	}
	if left := now.total.cost() - now.done.cost(); now.complete && recent.files > 0 && left > 0 {
		text += fmt.Sprintf(", %s remaining", time.Duration(left/recent.cost()*seconds*float64(time.Second)).Round(time.Second))
	}
	return text
}

// End leaves the bar as it is and removes the other lines.
func (b *Bars) End() {
	for _, bar := range b.texts {
		bar.Abort(true)
	}
	b.total.Abort(false)
	b.bars.Wait()
}

// rateMeter measures progress over the last rateWindow. It is for one goroutine.
type rateMeter struct{ samples []sample }

type sample struct {
	amount
	at time.Time
}

// measure returns what was done since the window began, and how long ago that was.
func (m *rateMeter) measure(done amount, now time.Time) (recent amount, over time.Duration) {
	if count := len(m.samples); count == 0 || now.Sub(m.samples[count-1].at) >= rateWindow/30 {
		m.samples = append(m.samples, sample{done, now})
	}
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= rateWindow {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	return amount{done.files - first.files, done.bytes - first.bytes}, now.Sub(first.at)
}
