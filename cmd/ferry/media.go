// ferry media: a client of the media operations.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"ferry/socialmessaging"
)

type mediaCommands struct {
	Post   mediaPostCommand   `cmd:"" help:"Upload files to WhatsApp and print their media ids."`
	Get    mediaGetCommand    `cmd:"" help:"Put a file of WhatsApp's into a bucket or behind a presigned URL, or tell its type and size."`
	Delete mediaDeleteCommand `cmd:"" help:"Delete files at WhatsApp."`
	Lint   mediaLintCommand   `cmd:"" help:"Say what WhatsApp would not take, not deliver or show badly; needs no server."`
	Stats  mediaStatsCommand  `cmd:"" help:"Say what was uploaded and what reuse has spared (on the server's database)."`
}

type mediaPostCommand struct {
	clientFlags
	PhoneNumberID string   `help:"The phone number that will send the files: id or ARN." required:"" placeholder:"ID"`
	ContentType   string   `help:"Content-Type of presigned URLs; the default lets the server find the type by the file's first bytes. Default: ${default}." default:"application/octet-stream" placeholder:"TYPE"`
	Concurrency   int      `help:"Uploads at once. Default: ${default}." default:"4" placeholder:"N"`
	Recursive     bool     `help:"Upload every object under s3://BUCKET/PREFIX/; directory markers are passed over." group:"Whole prefixes"`
	Manifest      string   `help:"Append a JSON line for each object to this file. Started again with it, ferry passes over what has a media id there that is younger than 30 days, for the same ETag and phone number, and tries again what failed." placeholder:"FILE" group:"Whole prefixes"`
	S3Profile     string   `name:"s3-profile" env:"FERRY_S3_PROFILE" help:"Profile of the AWS SDK's files to list the bucket with. Default: the credentials that call the API." placeholder:"NAME" group:"Whole prefixes"`
	S3Region      string   `name:"s3-region" env:"FERRY_S3_REGION" help:"Region to list the bucket in. Default: that of the API." placeholder:"REGION" group:"Whole prefixes"`
	Source        []string `arg:"" help:"s3://BUCKET/KEY, or a presigned URL; with --recursive s3://BUCKET/PREFIX/." placeholder:"SOURCE"`
}

// Run uploads the sources, several at once. On a terminal it draws bars;
// otherwise it prints a JSON object a line, in the order of completion.
func (c *mediaPostCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.Recursive {
		return c.runRecursive(ctx, terminal)
	}
	if c.Manifest != "" {
		return errors.New("--manifest goes with --recursive")
	}
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
	var report reporter = &lineReporter{lineWriter{out: terminal.out}}
	if isTerminal(terminal.out) {
		report = newBarReporter(terminal.out, len(inputs))
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
	if err != nil {
		result.Code, result.Error = explain(err)
		result.Finding = findingIn(result.Code, result.Error)
	} else if output.MediaId == nil {
		result.Error = "the answer has no media id"
	} else {
		result.MediaID = *output.MediaId
	}
	return result
}

// explain gives an exception's name and message; any other error has no name.
func explain(err error) (code, message string) {
	if exception, ok := socialmessaging.AsException(err); ok {
		return exception.Code, cmp.Or(exception.Message, exception.Code)
	}
	return "", err.Error()
}

// findingCode is how a refusal of ferry's ends that says what is wrong with a file.
var findingCode = regexp.MustCompile(`\[([a-z][a-z0-9-]{0,63})\]$`)

// findingIn is the code of what the service found in a file, "" if it refuses
// the call for another reason.
func findingIn(code, message string) string {
	if found := findingCode.FindStringSubmatch(message); found != nil && code == socialmessaging.KindInvalidParameters.Name {
		return found[1]
	}
	return ""
}

// input reads a source as a person types it.
func (c *mediaPostCommand) input(text string) (*socialmessaging.PostWhatsAppMessageMediaInput, error) {
	input := &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &c.PhoneNumberID}
	if location, ok := strings.CutPrefix(text, "s3://"); ok {
		bucket, key, _ := strings.Cut(location, "/")
		if bucket == "" || key == "" {
			return nil, fmt.Errorf("%q is not a file in a bucket; expected s3://BUCKET/KEY, or --recursive for all that is in it", text)
		}
		if strings.HasSuffix(key, "/") {
			return nil, fmt.Errorf("%q ends in a slash, as a prefix does; give --recursive to upload all that is under it", text)
		}
		input.SourceS3File = &socialmessaging.S3File{BucketName: &bucket, Key: &key}
		return input, nil
	}
	if !isLink(text) {
		return nil, fmt.Errorf("%q is not a source; expected s3://BUCKET/KEY or a presigned URL", shown(text))
	}
	input.SourceS3PresignedUrl = &socialmessaging.S3PresignedUrl{Url: &text, Headers: map[string]string{"Content-Type": c.ContentType}}
	return input, nil
}

// prefixes reads the sources of --recursive. As with the AWS CLI a prefix is a
// directory: it gets its slash. No object may be under two of them.
func (c *mediaPostCommand) prefixes() ([]listed, error) {
	var prefixes []listed
	for _, text := range c.Source {
		location, ok := strings.CutPrefix(text, "s3://")
		bucket, key, _ := strings.Cut(location, "/")
		if !ok || bucket == "" {
			return nil, fmt.Errorf("%q is not a prefix in a bucket; --recursive expects s3://BUCKET/PREFIX/", shown(text))
		}
		if key != "" && !strings.HasSuffix(key, "/") {
			key += "/"
		}
		for _, other := range prefixes {
			if other.bucket == bucket && (strings.HasPrefix(other.key, key) || strings.HasPrefix(key, other.key)) {
				return nil, fmt.Errorf("%q and %q hold the same objects; give one of them", other.source(), text)
			}
		}
		prefixes = append(prefixes, listed{bucket: bucket, key: key})
	}
	return prefixes, nil
}

func isLink(text string) bool {
	link, err := url.Parse(text)
	return err == nil && link.Host != "" && (link.Scheme == "https" || link.Scheme == "http")
}

// shown is a source without what makes it secret: a URL's query.
func shown(source string) string {
	if !strings.HasPrefix(source, "s3://") {
		source, _, _ = strings.Cut(source, "?")
	}
	return source
}
