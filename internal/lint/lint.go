// Package lint checks local files, objects in buckets and URLs for what WhatsApp refuses,
// does not deliver or shows badly, without a server (ferry media lint). Objects and URLs are
// read by package object and checked by package media, as the server does it, so that both
// report the same about the same file.
package lint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"ferry/internal/media"
	"ferry/internal/object"
)

// Config configures a [Linter].
type Config struct {
	// ContentType is used in place of the type that is stored with a file. Empty means
	// that the stored type is used; local files have none.
	ContentType string
	// TextAsPlain checks as for an account that has text-as-plain on.
	TextAsPlain bool
	// Store returns the store of s3:// sources. It is called once, for the first of them.
	Store func(ctx context.Context) (object.StoreConfig, error)
	// Proxy returns the proxy for a request, as that of [http.Transport] does. Default: none.
	Proxy func(*http.Request) (*url.URL, error)
}

// Linter checks sources. It is for one goroutine.
type Linter struct {
	config Config
	stores *object.Opener // nil until the first s3:// source
	links  *object.Opener // nil until the first URL
}

// New returns a Linter. Its caller calls Close.
func New(config Config) *Linter { return &Linter{config: config} }

// Close closes idle connections.
func (l *Linter) Close() {
	for _, opener := range []*object.Opener{l.stores, l.links} {
		if opener != nil {
			opener.Close()
		}
	}
}

// Result is the result for one source. Its JSON is a line of the command's output.
type Result struct {
	Source    string          `json:"source"` // without the query of a URL, which may be secret
	Name      string          `json:"name,omitempty"`
	Type      string          `json:"type,omitempty"` // the type for WhatsApp, or the declared one if WhatsApp does not accept it
	Size      *int64          `json:"size,omitempty"` // bytes; nil if not known
	Findings  []media.Finding `json:"findings,omitempty"`
	Unchecked []string        `json:"unchecked,omitempty"` // what could not be checked, and why
	Error     string          `json:"error,omitempty"`     // why the source could not be read; empty if it was
	Code      string          `json:"code,omitempty"`      // of the error: stable, and that of the API's exception
	Fix       string          `json:"fix,omitempty"`       // what to do about the error
	path      string          // of a local file
}

// MaxSeverity returns the highest severity of the findings, 0 if there are none.
func (r Result) MaxSeverity() media.Severity { return media.Result{Findings: r.Findings}.MaxSeverity() }

// Check checks one source: the path of a file, s3://BUCKET/KEY, or an http or https URL.
func (l *Linter) Check(ctx context.Context, source string) Result {
	result := Result{Source: source}
	if isURL(source) {
		result.Source, _, _ = strings.Cut(source, "?")
	}
	f, err := l.open(ctx, source)
	if err != nil {
		result.fail(err)
		return result
	}
	defer func() { _ = f.close() }()
	if l.config.ContentType != "" {
		f.DeclaredType = l.config.ContentType
	}
	f.TextAsPlain = l.config.TextAsPlain
	result.Name, result.Type, result.Size, result.path = f.Name, f.DeclaredType, &f.Size, f.path
	checked, err := media.Check(ctx, f.File)
	if checked.Type.MIME != "" {
		result.Type = checked.Type.MIME
	}
	result.Findings, result.Unchecked = checked.Findings, checked.Unchecked
	if err != nil {
		result.fail(err)
	}
	return result
}

// fail records why a source could not be read, or why its object is refused unread.
func (r *Result) fail(err error) {
	failed, ok := errors.AsType[*object.Error](err)
	switch {
	case !ok:
		r.Error = err.Error()
		return
	case failed.Code == media.CodeSizeUnknown: // says something about the object
		r.Findings = append(r.Findings, media.Finding{Severity: media.Refused, Code: failed.Code, Why: failed.Message, Fix: failed.Fix})
		return
	}
	r.Error, r.Code, r.Fix = failed.Message, failed.Code, failed.Fix
	if failed.Cause != nil {
		r.Error = fmt.Sprintf("%s (%v)", failed.Message, failed.Cause)
	}
}
