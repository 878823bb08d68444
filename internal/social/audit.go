// One log line a request, filled in as it goes through the gate.

package social

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"ferry/internal/media"
	"ferry/internal/state"
)

// auditLine is what is known of a request when it ends. The handler of the
// request is the only goroutine that touches it.
type auditLine struct {
	requestID string // a UUID, also in the header x-amzn-RequestId
	started   time.Time
	remote    string
	operation string
	caller    *caller // nil = not verified

	accessKeyID string       // as claimed
	media       *state.Media // the upload, when there was one
	reused      bool         // the upload was not needed
	found       media.Result // what the file is, and what is wrong with it
	attempts    int          // of the transfer
	resumes     int          // of sources that broke off, and went on where they did
	retried     []error      // why there was more than one attempt
	mediaID     string       // that was read or deleted
	destination string       // of what was read
	stillUsed   bool         // what was deleted has other users, and stays at WhatsApp
	callerGone  bool         // before there was an answer
	fault       *fault       // nil = success
	stack       string       // of a panic
}

func newAuditLine(r *http.Request, now time.Time) *auditLine {
	return &auditLine{requestID: newRequestID(), started: now, remote: r.RemoteAddr}
}

// newRequestID makes a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// take takes over what another line knows of an upload.
func (l *auditLine) take(from *auditLine) {
	l.media, l.reused, l.found = from.media, from.reused, from.found
	l.attempts, l.resumes, l.retried, l.stack = from.attempts, from.resumes, from.retried, from.stack
	l.mediaID, l.stillUsed = from.mediaID, from.stillUsed
}

type auditKey struct{}

func withAudit(ctx context.Context, line *auditLine) context.Context {
	return context.WithValue(ctx, auditKey{}, line)
}

func auditOf(ctx context.Context) *auditLine {
	return ctx.Value(auditKey{}).(*auditLine)
}

// write logs the line: as an error when the server is at fault, as a warning
// when something it depends on is, else for information.
func (l *auditLine) write(ctx context.Context, log *slog.Logger, now time.Time) {
	level, status := slog.LevelInfo, http.StatusOK
	attributes := []slog.Attr{
		slog.String("request_id", l.requestID), slog.String("operation", l.operation), slog.String("remote", l.remote),
		slog.Duration("duration", now.Sub(l.started)),
	}
	if l.accessKeyID != "" {
		attributes = append(attributes, slog.String("access_key", l.accessKeyID))
	}
	if l.caller != nil {
		attributes = append(attributes, slog.String("account", l.caller.accountID))
	}
	if l.attempts > 1 {
		attributes = append(attributes, slog.Int("attempts", l.attempts), slog.Any("retried", texts(l.retried)))
	}
	if l.resumes > 0 {
		attributes = append(attributes, slog.Int("resumes", l.resumes))
	}
	if m := l.media; m != nil {
		attributes = append(attributes, slog.String("media_id", m.ID), slog.String("mime_type", m.MIMEType), slog.Int64("size", m.Size),
			slog.Bool("reused", l.reused), slog.String("source", m.Source), slog.String("source_name", m.SourceName), slog.String("sha256", m.SHA256))
	}
	if l.mediaID != "" {
		attributes = append(attributes, slog.String("media_id", l.mediaID))
	}
	if l.destination != "" {
		attributes = append(attributes, slog.String("destination", l.destination))
	}
	if l.stillUsed {
		attributes = append(attributes, slog.Bool("still_used", true))
	}
	if l.callerGone {
		attributes = append(attributes, slog.Bool("caller_gone", true))
	}
	if len(l.found.Findings) > 0 {
		attributes = append(attributes, slog.Any("findings", findingTexts(l.found.Findings)))
	}
	if len(l.found.Unchecked) > 0 {
		attributes = append(attributes, slog.Any("unchecked", l.found.Unchecked))
	}
	if f := l.fault; f != nil {
		status = f.status
		attributes = append(attributes, slog.String("exception", f.code), slog.String("message", f.message))
		if f.cause != nil {
			attributes = append(attributes, slog.String("cause", f.cause.Error()))
		}
		if isAmbiguous(f.cause) {
			attributes = append(attributes, slog.Bool("ambiguous", true))
		}
		if l.stack != "" {
			attributes = append(attributes, slog.String("stack", l.stack))
		}
		switch {
		case status == http.StatusInternalServerError:
			level = slog.LevelError
		case status > http.StatusInternalServerError:
			level = slog.LevelWarn
		}
	}
	attributes = append(attributes, slog.Int("status", status))
	log.LogAttrs(context.WithoutCancel(ctx), level, "request", attributes...)
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
