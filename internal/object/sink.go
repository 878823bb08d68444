package object

import (
	"context"
	"io"
)

// Sink is what [FileSink] and [URLSink] have in common.
type Sink interface {
	// Put writes one object. If the content is short, long, broken or of another
	// digest than it says, the store keeps what it had under that name. An error
	// of Content.Body comes back as it is; ErrContent tells the others apart.
	//
	// Any other error after the last byte leaves it open whether the object is
	// there. What is there is right: a store never has a part of a file.
	Put(ctx context.Context, content Content) error
	// Within returns the same sink with its retries taken out of a budget.
	Within(budget *Budget) Sink
	// String names the sink for a log or a record, without query or headers.
	String() string
}

// put sends the content with one request, again (fetchAttempts) while none is
// answered and nothing of the content is used up.
func (o *Opener) put(ctx context.Context, from origin, content Content, budget *Budget, send func(ctx context.Context, cancel context.CancelCauseFunc, body io.Reader) error) error {
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
			return from.fail(Unavailable, "answered before it had all of the file; try again.", nil)
		case err == nil:
			return nil
		case attempt == fetchAttempts || f.started && f.Size > 0 || !isRetryable(err) || !budget.retry() || !pause(ctx, o.cfg.RetryBackoff/fetchAttempts):
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
