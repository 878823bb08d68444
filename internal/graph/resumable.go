// Meta's Resumable Upload, for template media (docs/references.md#graph-upload).

package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"ferry/internal/graph/wire"
	"ferry/internal/secret"
)

const (
	// maxResumes is the limit for resuming one upload after its connection broke,
	// including attempts that fail before they send anything.
	maxResumes = 3
	// resumeDelay is the longest wait before the first resume; it doubles for each.
	resumeDelay = 200 * time.Millisecond
)

// HandleUpload describes a file to upload as the example of a template's header.
type HandleUpload struct {
	AppID       string // Meta's id of the token's app
	Token       secret.Secret
	FileName    string
	ContentType string // application/pdf, image/jpeg, image/png or video/mp4
	Size        int64  // bytes
	// Open opens the file at an offset. It must return the same bytes each time. It is
	// never called with offset == Size. The result may be closed more than once, and
	// during a blocked Read.
	Open func(ctx context.Context, offset int64) (io.ReadCloser, error)
	// MayRetry is called before each resume, and may refuse it. Nil allows all.
	MayRetry func() bool
}

// UploadHandle uploads a file and returns Meta's handle of it, unchanged. If the
// connection breaks, UploadHandle waits, requests the offset that Meta has reached,
// and resumes there, up to maxResumes times. retried has the error before each resume.
func (c *Client) UploadHandle(ctx context.Context, upload HandleUpload) (handle string, retried []error, err error) {
	session, err := c.openSession(ctx, upload)
	if err != nil {
		return "", nil, err
	}
	handle, err = c.sendFrom(ctx, session, upload, 0)
	for isUnreachable(err) && len(retried) < maxResumes && (upload.MayRetry == nil || upload.MayRetry()) && pause(ctx, resumeDelay<<len(retried)) {
		retried = append(retried, err)
		handle, err = c.resume(ctx, session, upload)
	}
	return handle, retried, err
}

func isUnreachable(err error) bool {
	_, ok := errors.AsType[*UnreachableError](err)
	return ok
}

// pause waits for a random time of less than longest, and reports whether ctx is not done.
func pause(ctx context.Context, longest time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(longest)):
	}
	return ctx.Err() == nil
}

// resume requests the offset that Meta has reached, and sends the rest.
func (c *Client) resume(ctx context.Context, session string, upload HandleUpload) (string, error) {
	offset, err := c.sessionOffset(ctx, session, upload.Token)
	if response, ok := errors.AsType[*Error](err); ok && response.Status >= http.StatusInternalServerError {
		return "", unreachable(errors.New(response.Error())) // a GET can be retried
	}
	if err != nil {
		return "", err
	}
	if offset < 0 || offset > upload.Size {
		return "", unreachable(fmt.Errorf("Meta returned the offset %d in a file of %d bytes", offset, upload.Size))
	}
	return c.sendFrom(ctx, session, upload, offset)
}

// sessionPattern matches valid session ids. The id becomes part of a URL.
var sessionPattern = regexp.MustCompile(`^upload:[A-Za-z0-9+/=_.:-]+(\?sig=[A-Za-z0-9%+/=_.-]+)?$`)

// openSession creates an upload session and returns its id, "upload:…?sig=…".
func (c *Client) openSession(ctx context.Context, upload HandleUpload) (string, error) {
	target := c.node(upload.AppID, "uploads")
	target.RawQuery = url.Values{
		"file_name": {upload.FileName}, "file_length": {strconv.FormatInt(upload.Size, 10)}, "file_type": {upload.ContentType},
	}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), nil)
	if err != nil {
		return "", err
	}
	var response struct {
		ID string `json:"id"`
	}
	if err := c.do(request, "upload_session", upload.Token, &response); err != nil {
		return "", err
	}
	if len(response.ID) > 4096 || !sessionPattern.MatchString(response.ID) {
		return "", &UnreachableError{Cause: errors.New("status 200 without an upload session")}
	}
	return response.ID, nil
}

// session returns a request to a session. The session's id includes a query.
func (c *Client) session(ctx context.Context, method, id string, token secret.Secret, body io.Reader) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base.Scheme+"://"+c.base.Host+"/"+c.version+"/"+id, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "OAuth "+token.Reveal())
	return request, nil
}

// sendFrom sends the file from an offset on. Meta returns the handle, even if it
// already has the whole file and the request is empty.
func (c *Client) sendFrom(ctx context.Context, id string, upload HandleUpload, offset int64) (string, error) {
	body, content := wire.NewBody(http.NoBody, 0, nil), io.Reader(http.NoBody)
	if size := upload.Size - offset; size > 0 {
		file, err := upload.Open(ctx, offset)
		if err != nil {
			return "", err
		}
		defer file.Close()
		body = wire.NewBody(file, size, func() { _ = file.Close() })
		content = body
	}
	request, err := c.session(ctx, http.MethodPost, id, upload.Token, content)
	if err != nil {
		return "", err
	}
	request.ContentLength = body.Unread()
	request.Header.Set("File_offset", strconv.FormatInt(offset, 10))
	var response struct {
		Handle string `json:"h"`
	}
	err = body.Send(request, func(r *http.Request) error { return c.do(r, "upload_bytes", upload.Token, &response) })
	if err == nil && response.Handle != "" {
		return response.Handle, nil
	}
	_, sourceErr := body.End()
	switch {
	case isUnreachable(err) && sourceErr != nil:
		return "", fmt.Errorf("the upload stopped: %w", sourceErr)
	case err == nil:
		return "", &Error{Status: http.StatusOK, Message: "the response to the whole file has no handle"}
	}
	return "", err
}

// sessionOffset returns how many bytes of the file Meta has.
func (c *Client) sessionOffset(ctx context.Context, id string, token secret.Secret) (int64, error) {
	request, err := c.session(ctx, http.MethodGet, id, token, nil)
	if err != nil {
		return 0, err
	}
	var response struct {
		Offset lenientInt64 `json:"file_offset"`
	}
	err = c.do(request, "upload_status", token, &response)
	return int64(response.Offset), err
}
