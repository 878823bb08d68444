package transfer

import (
	"cmp"
	"fmt"
	"log/slog"

	"ferry/internal/activity"
	"ferry/internal/media"
	"ferry/internal/state"
)

// maxTraces bounds how many of Meta's trace ids a Report has.
const maxTraces = 16

// A Report says what happened on the way, whether or not the transfer succeeded.
type Report struct {
	Attempts   int          // transfers started; 0 if none was needed
	Gets       int          // requests to the source, GET and HEAD together
	Posts      int          // requests that sent the file, or a part of it, to Meta
	Resumes    int          // of sources that broke off
	Retried    []error      // why there was more than one attempt
	File       media.Result // what the file is, with the findings
	Media      state.Media  // the record of an upload; the zero Media if there is none
	Reused     bool         // no upload was needed: the file is at WhatsApp already
	Verified   bool         // WhatsApp's SHA-256 is that of the bytes that were sent
	Ambiguous  bool         // it failed, and it is unknown whether Meta has done it
	StillUsed  bool         // what was deleted has other users, and stays at WhatsApp
	MetaTraces []string     // x-fb-trace-id of Meta's responses, in their order, at most 16

	PhoneNumberID string // as in the ARN; of the job
	Object        string // the source: "s3://bucket/key", or a URL without its query
	MediaID       string // that was read or deleted
	Destination   string // of a file that was read back
}

// Describe writes the report into the entry of the call that the transfer was for.
func (r *Report) Describe(e *activity.Entry) {
	e.PhoneNumberID, e.Object = cmp.Or(r.PhoneNumberID, e.PhoneNumberID), r.Object
	e.MediaID, e.Destination = r.MediaID, r.Destination
	if r.Media.ID != "" {
		e.MediaID, e.Bytes, e.ETag, e.SHA256 = r.Media.ID, r.Media.Size, r.Media.SourceETag, r.Media.SHA256
	}
	e.Details = append(e.Details, r.attrs()...)
}

// attrs are what a log line says beside the fields of an Entry.
func (r *Report) attrs() []slog.Attr {
	var attrs []slog.Attr
	add := func(isSet bool, attr slog.Attr) {
		if isSet {
			attrs = append(attrs, attr)
		}
	}
	if m := r.Media; m.ID != "" {
		attrs = append(attrs, slog.String("mime_type", m.MIMEType), slog.Bool("reused", r.Reused), slog.String("source", m.Source))
		add(m.SHA256 != "", slog.String("sha256", m.SHA256))
	}
	add(r.Attempts > 1, slog.Int("attempts", r.Attempts))
	add(len(r.Retried) > 0, slog.Any("retried", texts(r.Retried)))
	add(r.Gets > 0, slog.Int("gets", r.Gets))
	add(r.Posts > 0, slog.Int("posts", r.Posts))
	add(r.Resumes > 0, slog.Int("resumes", r.Resumes))
	add(r.Verified, slog.Bool("verified", true))
	add(r.StillUsed, slog.Bool("still_used", true))
	add(len(r.File.Findings) > 0, slog.Any("findings", findingTexts(r.File.Findings)))
	add(len(r.File.Unchecked) > 0, slog.Any("unchecked", r.File.Unchecked))
	add(len(r.MetaTraces) > 0, slog.Any("meta_trace_ids", r.MetaTraces))
	return attrs
}

func findingTexts(list []media.Finding) []string {
	result := make([]string, len(list))
	for i, f := range list {
		result[i] = fmt.Sprintf("%s (%s): %s", f.Code, f.Severity, f.Why)
	}
	return result
}

func texts(list []error) []string {
	result := make([]string, len(list))
	for i, err := range list {
		result[i] = err.Error()
	}
	return result
}

// fixes returns how to mend each of the findings.
func fixes(list []media.Finding) []string {
	result := make([]string, len(list))
	for i, f := range list {
		result[i] = f.Code + ": " + f.Fix
	}
	return result
}
