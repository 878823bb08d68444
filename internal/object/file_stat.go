package object

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Stat sends one HEAD, with retries as in Open. Its errors are those of Open. The
// Object has no Body.
func (f *File) Stat(ctx context.Context) (*Object, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(context.Canceled)
	limit := time.AfterFunc(f.opener.cfg.OpenTimeout, func() { cancel(errOpenTimeout) })
	defer limit.Stop()
	response, err := f.store.reader.read(ctx, readRequest{http.MethodHead, f.bucket, f.key, http.Header{}, f.budget, cancel})
	if err != nil {
		return nil, f.failure(errors.Join(err, context.Cause(ctx)))
	}
	_ = response.Body.Close()
	return f.object(response), nil
}
