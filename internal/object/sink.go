package object

import (
	"context"
	"io"
	"time"
)

// Sink is what [FileSink] and [URLSink] have in common.
type Sink interface {
	// Put writes one object. If the content is shorter or longer than announced, has
	// another digest, or cannot be read, the store keeps what it had under that
	// name. An error of Content.Body is returned unchanged.
	//
	// After any other error the object may or may not have been written. If it was,
	// it is complete: a store never gets a part of a file.
	Put(ctx context.Context, content Content) error
	// WithBudget returns the same sink, whose retries count against a budget.
	WithBudget(budget *Budget) Sink
	// String returns a name for logs and records, without query and headers.
	String() string
}

// put sends the content with one request. It retries, up to fetchAttempts in all,
// as long as there is no response and nothing of the content was read. by is the time
// by which the host must be reached; zero means no limit.
func (o *Opener) put(ctx context.Context, from origin, content Content, budget *Budget, by time.Time, send func(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader) error) error {
	f, err := newContentReader(content, o.cfg.MaxSize)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		err = o.putOnce(ctx, f, send)
		switch {
		case f.err != nil:
			return f.err
		case err == nil && !f.complete:
			return from.fail(early, nil)
		case err == nil:
			return nil
		case attempt == fetchAttempts || f.started && f.Size > 0 || !isRetryable(err) || !pause(ctx, o.cfg.RetryBackoff/fetchAttempts, by) || !budget.retry():
			return err
		}
	}
}

func (o *Opener) putOnce(ctx context.Context, f *contentReader, send func(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	t := &requestBody{content: f, rate: newWriteRate(o.cfg, cancel)}
	defer t.end()
	defer cancel(context.Canceled)
	return send(ctx, cancel, t)
}
