// Media: upload, metadata, download, delete (docs/references.md#graph-media).

package graph

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"ferry/internal/graph/wire"
	"ferry/internal/secret"
)

// Upload describes a file to upload for one phone number.
type Upload struct {
	PhoneNumberID string        // Meta's id of the number that will send the file
	Token         secret.Secret // of the number's business account
	FileName      string        // with the extension that fits ContentType
	ContentType   string        // of the form's file part, which Meta checks; without line breaks
	Size          int64         // of Body in bytes
	Body          io.Reader     // read once; to its end, unless the upload fails
	// Stop makes a blocked Read of Body, and every later one, return at once; it often
	// is the Close of what Body reads. It is called when the upload has failed, at
	// most once, from any goroutine. It may be nil; then a connection that breaks
	// during a blocked Read is noticed only when that Read returns.
	Stop func()
}

// UploadMedia streams a file to Meta and returns its media id. The beginning and the
// end of the form are made first, so that Content-Length is known. The file is sent
// between them while it is read, and is never held whole.
//
// The error is an [*Error], an [*UnreachableError], whose BodySent reports whether
// Meta may have the file, or wraps the error that Body returned.
func (c *Client) UploadMedia(ctx context.Context, upload Upload) (mediaID string, err error) {
	head, tail, contentType := uploadForm(upload)
	form := io.MultiReader(strings.NewReader(head), upload.Body, strings.NewReader(tail))
	body := wire.NewBody(form, int64(len(head))+upload.Size+int64(len(tail)), upload.Stop)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.node(upload.PhoneNumberID, "media").String(), body)
	if err != nil {
		return "", err
	}
	request.ContentLength = body.Unread()
	request.Header.Set("Content-Type", contentType)

	var response struct {
		ID string `json:"id"`
	}
	err = body.Send(request, func(r *http.Request) error { return c.do(r, "upload", upload.Token, &response) })
	if err == nil && body.Unread() == 0 && isID(response.ID) {
		return response.ID, nil
	}
	sent, sourceErr := body.End()
	switch failed, isUnreachable := errors.AsType[*UnreachableError](err); {
	case isUnreachable && sourceErr != nil:
		return "", fmt.Errorf("the upload stopped: %w", sourceErr)
	case isUnreachable:
		failed.BodySent = sent
		return "", err
	case err != nil:
		return "", err
	case !sent:
		return "", unreachable(fmt.Errorf("status 200 before %d bytes of the form were sent", body.Unread()))
	}
	return "", &UnreachableError{BodySent: true, Cause: errors.New("status 200 without a media id")}
}

// uploadForm returns the parts of the form (RFC 7578) in front of and after the file,
// with a random boundary. The small fields come first. Meta checks the Content-Type of
// the file part; the field "type" is optional.
func uploadForm(upload Upload) (head, tail, contentType string) {
	boundary := rand.Text()
	part := "--" + boundary + "\r\nContent-Disposition: "
	head = part + `form-data; name="messaging_product"` + "\r\n\r\nwhatsapp\r\n" +
		part + `form-data; name="type"` + "\r\n\r\n" + upload.ContentType + "\r\n" +
		part + multipart.FileContentDisposition("file", upload.FileName) +
		"\r\nContent-Type: " + upload.ContentType + "\r\n\r\n"
	return head, "\r\n--" + boundary + "--\r\n", "multipart/form-data; boundary=" + boundary
}

// Media is the metadata of a file at Meta.
type Media struct {
	ID       string
	URL      string // for Download; valid for 5 minutes
	MIMEType string
	SHA256   string // hexadecimal; empty if Meta returned no valid digest
	Size     int64  // bytes
}

// Media returns the metadata of a file, with a new download URL.
func (c *Client) Media(ctx context.Context, mediaID, phoneNumberID string, token secret.Secret) (Media, error) {
	var response struct {
		ID       string       `json:"id"`
		URL      string       `json:"url"`
		MIMEType string       `json:"mime_type"`
		SHA256   string       `json:"sha256"`
		Size     lenientInt64 `json:"file_size"`
	}
	target := c.node(mediaID)
	if phoneNumberID != "" {
		target.RawQuery = url.Values{"phone_number_id": {phoneNumberID}}.Encode()
	}
	if err := c.get(ctx, "retrieve", target, token, &response); err != nil {
		return Media{}, err
	}
	return Media{response.ID, response.URL, response.MIMEType, parseDigest(response.SHA256), int64(response.Size)}, nil
}

// parseDigest returns a SHA-256 of Meta in hexadecimal, or "" if text is not one.
// Meta writes it in hexadecimal in responses, and in base64 in webhooks.
func parseDigest(text string) string {
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == sha256.Size {
		return strings.ToLower(text)
	}
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) == sha256.Size {
		return hex.EncodeToString(raw)
	}
	return ""
}

// maxRedirects is the limit for the redirects of one download.
const maxRedirects = 3

// Download opens a file at its download URL. Since the token is sent with the
// request, the URL's host must be the Graph API's or one of Meta's download hosts.
//
// Redirects to these hosts are followed, at most maxRedirects. The token is sent only
// to the host of the download URL. The error is an [*Error] or an [*UnreachableError].
func (c *Client) Download(ctx context.Context, media Media, token secret.Secret) (io.ReadCloser, error) {
	target, err := url.Parse(media.URL)
	if err == nil && c.downloads != nil && target.Scheme == c.downloads.Scheme && target.Host == c.downloads.Host {
		target.Scheme, target.Host = c.base.Scheme, c.base.Host
	}
	if err != nil || !c.isDownloadHost(target) {
		return nil, unreachable(errors.New("the download URL has a host that is not one of Meta's"))
	}
	authorization := "Bearer " + token.Reveal()
	for redirects := 0; ; redirects++ {
		response, err := c.open(ctx, target, authorization)
		if err != nil {
			return nil, err
		}
		if response.StatusCode == http.StatusOK {
			return download{response.Body}, nil
		}
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxResponse))
		response.Body.Close()
		if response.StatusCode == http.StatusNotFound { // the URL has expired; a new one may work
			return nil, unreachable(errors.New("the download URL has expired (HTTP 404)"))
		}
		if !isRedirect(response.StatusCode) {
			return nil, responseError(response, body, token)
		}
		if redirects == maxRedirects {
			return nil, unreachable(fmt.Errorf("the download is redirected more than %d times", maxRedirects))
		}
		next, err := response.Location()
		switch {
		case err != nil: // the error's text has the location with its signature
			return nil, unreachable(fmt.Errorf("the download is redirected (HTTP %d) to an invalid URL", response.StatusCode))
		case !c.isDownloadHost(next):
			return nil, unreachable(fmt.Errorf("the download is redirected to %q, which is not one of Meta's hosts", clean(next.Scheme+"://"+next.Host, token)))
		case next.Scheme != target.Scheme || next.Host != target.Host:
			authorization = ""
		}
		target = next
	}
}

// open sends one GET. authorization may be empty.
func (c *Client) open(ctx context.Context, target *url.URL, authorization string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	request.Header.Set("User-Agent", c.userAgent) // Meta refuses requests without one
	response, err := c.roundTrip(request, "download")
	if err != nil {
		return nil, unreachable(err)
	}
	return response, nil
}

// isRedirect reports whether a response to a GET redirects it (RFC 9110 §15.4).
func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// download is the body of a download. Its Read returns an [*UnreachableError] on failure.
type download struct{ io.ReadCloser }

func (d download) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = unreachable(fmt.Errorf("the download broke off: %w", err))
	}
	return n, err
}

// DeleteMedia removes a file from WhatsApp.
func (c *Client) DeleteMedia(ctx context.Context, mediaID, phoneNumberID string, token secret.Secret) error {
	target := c.node(mediaID)
	target.RawQuery = url.Values{"phone_number_id": {phoneNumberID}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, target.String(), nil)
	if err != nil {
		return err
	}
	var response struct {
		Success bool `json:"success"`
	}
	if err := c.do(request, "delete", token, &response); err != nil {
		return err
	}
	if !response.Success {
		return &UnreachableError{BodySent: true, Cause: errors.New("status 200 without success")}
	}
	return nil
}

// isDownloadHost reports whether files may be downloaded from the URL's host. A URL
// with a user name or password is refused.
func (c *Client) isDownloadHost(target *url.URL) bool {
	if target.User != nil {
		return false
	}
	if target.Scheme == c.base.Scheme && target.Host == c.base.Host {
		return true
	}
	return target.Scheme == "https" && strings.HasSuffix(target.Host, ".fbsbx.com")
}

// isID reports whether Meta's media id is valid for callers: WhatsAppMediaId in the
// service model is [A-Za-z0-9]{1,100}.
func isID(id string) bool {
	for _, b := range []byte(id) {
		if !('0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z') {
			return false
		}
	}
	return len(id) > 0 && len(id) <= 100
}

// lenientInt64 decodes a number that Meta sends as a JSON number or string.
type lenientInt64 int64

func (n *lenientInt64) UnmarshalJSON(data []byte) error {
	value, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	*n = lenientInt64(value)
	return err
}
