package bulk

import (
	"context"
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sync/errgroup"

	"ferry/internal/tty"
	"ferry/socialmessaging"
)

// File is a file to post.
type File struct {
	Source string // its name in the output, without anything secret
	Input  *socialmessaging.PostWhatsAppMessageMediaInput
}

// PostFiles posts files and returns their results in the order of the files.
// concurrency is the number of files in progress at once; less than 1 means 1. On a
// terminal it draws a line for each and a bar for all of them; otherwise it writes a
// line of JSON per file, in the order in which they end.
func PostFiles(ctx context.Context, client *socialmessaging.Client, files []File, concurrency int, out io.Writer) []Result {
	var display fileDisplay = &lineWriter{out: out}
	if tty.IsTerminal(out) {
		display = newFileBars(out, len(files))
	}
	var uploads errgroup.Group
	uploads.SetLimit(max(concurrency, 1))
	results := make([]Result, len(files))
	for i, file := range files {
		ended := display.begin(file.Source)
		uploads.Go(func() error {
			results[i], _ = post(ctx, client, file.Source, file.Input)
			ended(results[i])
			return nil
		})
	}
	_ = uploads.Wait() // the functions return no errors
	display.end(results)
	return results
}

// A fileDisplay shows the progress of named files. begin is called in their order, from
// one goroutine; the function that it returns is called once, from any goroutine.
type fileDisplay interface {
	begin(source string) (ended func(Result))
	end(all []Result)
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

func (w *lineWriter) begin(string) func(Result) {
	return func(result Result) { _ = w.write(result.line()) }
}

func (w *lineWriter) end([]Result) {}

// fileBars draws a line for each file and a bar for all of them.
type fileBars struct {
	out   io.Writer
	bars  *mpb.Progress
	total *mpb.Bar
}

func newFileBars(out io.Writer, count int) *fileBars {
	bars := mpb.New(mpb.WithOutput(tty.Raw(out)), mpb.WithWidth(40))
	total := bars.AddBar(int64(count), mpb.BarPriority(count+1),
		mpb.PrependDecorators(decor.CountersNoUnit("%d of %d files")), mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)))
	return &fileBars{out, bars, total}
}

func (b *fileBars) begin(source string) func(Result) {
	var mu sync.Mutex
	outcome := ""
	bar := b.bars.New(1, mpb.SpinnerStyle().PositionLeft(), mpb.BarWidth(1), mpb.BarFillerClearOnComplete(),
		mpb.PrependDecorators(decor.Name(tty.Clean(source), decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			mu.Lock()
			defer mu.Unlock()
			return outcome
		})))
	return func(result Result) {
		mu.Lock()
		if outcome = result.MediaID; result.Failed() {
			outcome = "FAILED " + tty.Clean(result.cause())
		}
		mu.Unlock()
		bar.SetCurrent(1)
		b.total.Increment()
	}
}

// end prints in full why files failed; a bar has no room for that.
func (b *fileBars) end(all []Result) {
	b.bars.Wait()
	for _, result := range all {
		if result.Failed() {
			_ = tty.NewOutput(b.out).Printf("\n%s: %s\n", result.Source, result.Error)
		}
	}
}
