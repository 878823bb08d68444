// Meta's Resumable Upload, for template media (meta-cloud-api.md §8).

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
	// maxResumes bounds how often an upload whose connection broke is resumed,
	// including the attempts that fail before they send anything.
	maxResumes = 3
	// resumeDelay is the longest wait before the first of them; it doubles for each.
	resumeDelay = 200 * time.Millisecond
)

// HandleUpload is a file to be uploaded as the example of a template's header.
type HandleUpload struct {
	AppID       string // Meta's id of the app that the token is of
	Token       secret.Secret
	FileName    string
	ContentType string // application/pdf, image/jpeg, image/png or video/mp4
	Size        int64  // bytes
	// Open gives the file from an offset on, the same bytes each time. It is not
	// asked for nothing: offset < Size. What it gives may be closed twice, and
	// while a Read of it blocks.
	Open func(ctx context.Context, offset int64) (io.ReadCloser, error)
	// MayRetry is called before each resume, and may refuse it; nil allows them all.
	MayRetry func() bool
}

// UploadHandle uploads a file and gives Meta's handle of it, verbatim. When the
// connection breaks it waits a little, asks Meta how much arrived and goes on
// from there, a bounded number of times; retried says why, for each.
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

// pause waits for up to longest, a random time, and reports whether ctx still goes on.
func pause(ctx context.Context, longest time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-time.After(rand.N(longest)):
	}
	return ctx.Err() == nil
}

// resume asks Meta how much of the file has arrived, and sends the rest.
func (c *Client) resume(ctx context.Context, session string, upload HandleUpload) (string, error) {
	offset, err := c.sessionOffset(ctx, session, upload.Token)
	if answer, ok := errors.AsType[*Error](err); ok && answer.Status >= http.StatusInternalServerError {
		return "", unreachable(errors.New(answer.Error())) // a question can be asked again
	}
	if err != nil {
		return "", err
	}
	if offset < 0 || offset > upload.Size {
		return "", unreachable(fmt.Errorf("Meta wants to go on at byte %d of %d", offset, upload.Size))
	}
	return c.sendFrom(ctx, session, upload, offset)
}

// sessionPattern is what a session's id may be: it becomes part of a URL.
var sessionPattern = regexp.MustCompile(`^upload:[A-Za-z0-9+/=_.:-]+(\?sig=[A-Za-z0-9%+/=_.-]+)?$`)

// openSession announces the file and gives the session's id, "upload:…?sig=…".
func (c *Client) openSession(ctx context.Context, upload HandleUpload) (string, error) {
	target := c.node(upload.AppID, "uploads")
	target.RawQuery = url.Values{
		"file_name": {upload.FileName}, "file_length": {strconv.FormatInt(upload.Size, 10)}, "file_type": {upload.ContentType},
	}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), nil)
	if err != nil {
		return "", err
	}
	var answer struct {
		ID string `json:"id"`
	}
	if err := c.do(request, "upload_session", upload.Token, &answer); err != nil {
		return "", err
	}
	if len(answer.ID) > 4096 || !sessionPattern.MatchString(answer.ID) {
		return "", &UnreachableError{Cause: errors.New("status 200 without an upload session")}
	}
	return answer.ID, nil
}

// session makes a request to a session. Its id holds a query of its own.
func (c *Client) session(ctx context.Context, method, id string, token secret.Secret, body io.Reader) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base.Scheme+"://"+c.base.Host+"/"+c.version+"/"+id, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "OAuth "+token.Reveal())
	return request, nil
}

// sendFrom sends the file from an offset on. Meta answers with the handle, also
// when all of the file has arrived and nothing is sent.
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
	var answer struct {
		Handle string `json:"h"`
	}
	err = body.Send(request, func(r *http.Request) error { return c.do(r, "upload_bytes", upload.Token, &answer) })
	if err == nil && answer.Handle != "" {
		return answer.Handle, nil
	}
	_, sourceErr := body.End()
	switch {
	case isUnreachable(err) && sourceErr != nil:
		return "", fmt.Errorf("the upload stopped: %w", sourceErr)
	case err == nil:
		return "", &Error{Status: http.StatusOK, Message: "no handle in the answer to the whole file"}
	}
	return "", err
}

// sessionOffset asks how many bytes of the file have arrived.
func (c *Client) sessionOffset(ctx context.Context, id string, token secret.Secret) (int64, error) {
	request, err := c.session(ctx, http.MethodGet, id, token, nil)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Offset lenientInt64 `json:"file_offset"`
	}
	err = c.do(request, "upload_status", token, &answer)
	return int64(answer.Offset), err
}
