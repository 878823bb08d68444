package object

import (
	"context"
	"errors"
	"net/http"
)

// Stat sends one HEAD, with retries as in Open. Its errors are those of Open. The
// Object has no Body.
func (f *File) Stat(ctx context.Context) (*Object, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.opener.cfg.OpenTimeout, errOpenTimeout)
	defer cancel()
	response, err := f.store.reader.read(ctx, http.MethodHead, f.bucket, f.key, http.Header{}, f.budget)
	if err != nil {
		return nil, f.failure(errors.Join(err, context.Cause(ctx)))
	}
	_ = response.Body.Close()
	return f.object(response), nil
}
