// ferry media: a client of the media operations.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sync/errgroup"

	"ferry/socialmessaging"
)

type mediaCommands struct {
	Post mediaPostCommand `cmd:"" help:"Upload files to WhatsApp and print their media ids."`
}

type mediaPostCommand struct {
	clientFlags
	PhoneNumberID string   `help:"The phone number that will send the files: id or ARN." required:"" placeholder:"ID"`
	ContentType   string   `help:"Content-Type of presigned URLs; the default lets the server find the type by the file's first bytes. Default: ${default}." default:"application/octet-stream" placeholder:"TYPE"`
	Concurrency   int      `help:"Uploads at once." default:"4"`
	Source        []string `arg:"" help:"s3://BUCKET/KEY, or a presigned URL." placeholder:"SOURCE"`
}

// posted is what became of one source; its JSON is one line of output.
type posted struct {
	Source  string `json:"source"` // never with a URL's query
	MediaID string `json:"mediaId,omitempty"`
	Error   string `json:"error,omitempty"`
	Code    string `json:"code,omitempty"` // the exception's name
	Millis  int64  `json:"milliseconds"`
}

func (p posted) failed() bool { return p.Error != "" }

// Run uploads the sources, several at once. On a terminal it draws a bar for
// each; otherwise it prints a JSON object a line, in the order of completion.
func (c *mediaPostCommand) Run(ctx context.Context, console *console) error {
	inputs := make([]*socialmessaging.PostWhatsAppMessageMediaInput, len(c.Source))
	for i, text := range c.Source {
		input, err := c.input(text)
		if err != nil {
			return err
		}
		inputs[i] = input
	}
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	var report reporter = &lineReporter{out: console.out}
	if isTerminal(console.out) {
		report = newBarReporter(console.out, len(inputs))
	}
	var uploads errgroup.Group
	uploads.SetLimit(max(c.Concurrency, 1))
	results := make([]posted, len(inputs))
	for i, input := range inputs {
		done := report.begin(shown(c.Source[i]))
		uploads.Go(func() error {
			results[i] = post(ctx, client, shown(c.Source[i]), input)
			done(results[i])
			return nil
		})
	}
	_ = uploads.Wait() // no upload gives an error
	report.end(results)
	if slices.ContainsFunc(results, posted.failed) {
		return errReported
	}
	return nil
}

func post(ctx context.Context, client *socialmessaging.Client, name string, input *socialmessaging.PostWhatsAppMessageMediaInput) posted {
	started := time.Now()
	result := posted{Source: name}
	output, err := client.PostWhatsAppMessageMedia(ctx, input)
	result.Millis = time.Since(started).Milliseconds()
	if exception, ok := socialmessaging.AsException(err); ok {
		result.Code, result.Error = exception.Code, exception.Message
	} else if err != nil {
		result.Error = err.Error()
	} else if output.MediaID == nil {
		result.Error = "the answer has no media id"
	} else {
		result.MediaID = *output.MediaID
	}
	return result
}

// input reads a source as a person types it.
func (c *mediaPostCommand) input(text string) (*socialmessaging.PostWhatsAppMessageMediaInput, error) {
	input := &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberID: &c.PhoneNumberID}
	if location, ok := strings.CutPrefix(text, "s3://"); ok {
		bucket, key, _ := strings.Cut(location, "/")
		if bucket == "" || key == "" {
			return nil, fmt.Errorf("%q is not a file in a bucket; expected s3://BUCKET/KEY", text)
		}
		input.SourceS3File = &socialmessaging.S3File{BucketName: &bucket, Key: &key}
		return input, nil
	}
	link, err := url.Parse(text)
	if err != nil || link.Host == "" || link.Scheme != "https" && link.Scheme != "http" {
		return nil, fmt.Errorf("%q is not a source; expected s3://BUCKET/KEY or a presigned URL", shown(text))
	}
	input.SourceS3PresignedURL = &socialmessaging.S3PresignedURL{URL: &text, Headers: map[string]string{"Content-Type": c.ContentType}}
	return input, nil
}

// shown is a source without what makes it secret.
func shown(source string) string {
	source, _, _ = strings.Cut(source, "?")
	return source
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A reporter shows how uploads go. begin is called in order, from one
// goroutine; what it gives is called once, from any.
type reporter interface {
	begin(source string) (done func(posted))
	end(all []posted)
}

// lineReporter prints a JSON object a line.
type lineReporter struct {
	out io.Writer
	mu  sync.Mutex
}

func (r *lineReporter) begin(string) func(posted) {
	return func(result posted) {
		r.mu.Lock()
		defer r.mu.Unlock()
		encoder := json.NewEncoder(r.out)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(result)
	}
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
		mpb.PrependDecorators(decor.Name(source, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			mu.Lock()
			defer mu.Unlock()
			return outcome
		})))
	return func(result posted) {
		mu.Lock()
		if outcome = result.MediaID; result.failed() {
			outcome = "FAILED " + result.Code
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
			fmt.Fprintf(r.out, "\n%s: %s\n", result.Source, result.Error)
		}
	}
}
