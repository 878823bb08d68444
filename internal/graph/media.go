// Media at Meta: upload, metadata, download (meta-cloud-api.md §3).

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

// Upload is a file to be uploaded for one phone number.
type Upload struct {
	PhoneNumberID string        // Meta's id of the number that will send the file
	Token         secret.Secret // of the number's business account
	FileName      string        // with the extension that fits ContentType
	ContentType   string        // of the file part, without line breaks: the one that Meta checks
	Size          int64         // bytes that Body gives
	Body          io.Reader     // read once, to its end, unless the upload fails
	// Stop ends a Read of Body that blocks, and all further ones: often the Close
	// of what Body reads. It is called when the upload has failed, at most once,
	// from any goroutine. Without it, a connection that breaks while Body is
	// silent is not noticed before Body's own deadline.
	Stop func()
}

// UploadMedia streams a file to Meta and returns its media id. Nothing of the
// file is held: the form's head and tail are made first, so that
// Content-Length is known, and the body goes between them as it is read.
//
// Errors: [*Error]; [*UnreachableError], whose BodySent says whether Meta may
// have the file; or the error that Body gave, wrapped.
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

	var answer struct {
		ID string `json:"id"`
	}
	err = body.Send(request, func(r *http.Request) error { return c.do(r, "upload", upload.Token, &answer) })
	if err == nil && body.Unread() == 0 && isID(answer.ID) {
		return answer.ID, nil
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
		return "", unreachable(fmt.Errorf("status 200 with %d bytes of the form not yet sent", body.Unread()))
	}
	return "", &UnreachableError{BodySent: true, Cause: errors.New("status 200 without a media id")}
}

// uploadForm makes what goes before and after the file (RFC 7578), around a fresh random
// boundary. The small fields come first. `type` is optional for Meta, which checks the
// part's own header.
func uploadForm(upload Upload) (head, tail, contentType string) {
	boundary := rand.Text()
	part := "--" + boundary + "\r\nContent-Disposition: "
	head = part + `form-data; name="messaging_product"` + "\r\n\r\nwhatsapp\r\n" +
		part + `form-data; name="type"` + "\r\n\r\n" + upload.ContentType + "\r\n" +
		part + multipart.FileContentDisposition("file", upload.FileName) +
		"\r\nContent-Type: " + upload.ContentType + "\r\n\r\n"
	return head, "\r\n--" + boundary + "--\r\n", "multipart/form-data; boundary=" + boundary
}

// Media is what Meta says of a file (meta-cloud-api.md §3.2).
type Media struct {
	ID       string
	URL      string // for Download; valid for 5 minutes
	MIMEType string
	SHA256   string // hexadecimal; "" when Meta gives none that is one
	Size     int64  // bytes
}

// Media asks for a file's metadata and a fresh download URL.
func (c *Client) Media(ctx context.Context, mediaID, phoneNumberID string, token secret.Secret) (Media, error) {
	var answer struct {
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
	if err := c.get(ctx, "retrieve", target, token, &answer); err != nil {
		return Media{}, err
	}
	return Media{answer.ID, answer.URL, answer.MIMEType, parseDigest(answer.SHA256), int64(answer.Size)}, nil
}

// parseDigest reads a SHA-256 as Meta writes it: hexadecimal in the answers
// captured, base64 in webhooks (meta-cloud-api.md §3.2).
func parseDigest(text string) string {
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == sha256.Size {
		return strings.ToLower(text)
	}
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil && len(raw) == sha256.Size {
		return hex.EncodeToString(raw)
	}
	return ""
}

// maxRedirects bounds how often a download is sent elsewhere.
const maxRedirects = 3

// Download opens a file at the URL that Meta gave. The token goes along, so
// the URL must be of the Graph API's own origin or of Meta's download hosts.
//
// Redirects are followed (meta-cloud-api.md §3.3), at most maxRedirects and
// among those hosts only. The token does not go to another one than Meta named
// in the URL. Errors: [*Error]; [*UnreachableError].
func (c *Client) Download(ctx context.Context, media Media, token secret.Secret) (io.ReadCloser, error) {
	target, err := url.Parse(media.URL)
	if err != nil || !c.isDownloadHost(target) {
		return nil, unreachable(errors.New("the download URL is not of a host of Meta's"))
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
		answer, _ := io.ReadAll(io.LimitReader(response.Body, maxResponse))
		response.Body.Close()
		if response.StatusCode == http.StatusNotFound { // it has expired: with a fresh one it may work
			return nil, unreachable(errors.New("the download URL does not work any more (HTTP 404)"))
		}
		if !isRedirect(response.StatusCode) {
			return nil, responseError(response, answer, token)
		}
		if redirects == maxRedirects {
			return nil, unreachable(fmt.Errorf("the download is redirected more than %d times", maxRedirects))
		}
		next, err := response.Location()
		switch {
		case err != nil: // its text has the place, with all that signs it
			return nil, unreachable(fmt.Errorf("the download is redirected (HTTP %d) to no place that can be read", response.StatusCode))
		case !c.isDownloadHost(next):
			return nil, unreachable(fmt.Errorf("the download is redirected to %q, which is not a host of Meta's", clean(next.Scheme+"://"+next.Host, token)))
		case next.Scheme != target.Scheme || next.Host != target.Host:
			authorization = ""
		}
		target = next
	}
}

// open sends one GET. Without an authorization it is sent as anybody's.
func (c *Client) open(ctx context.Context, target *url.URL, authorization string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	request.Header.Set("User-Agent", c.userAgent) // an empty one fails at Meta
	// Not c.http: its error for a place that it cannot parse has all of the place.
	response, err := c.roundTrip(request, "download", c.http.Transport.RoundTrip)
	if err != nil {
		return nil, unreachable(err)
	}
	return response, nil
}

// isRedirect reports whether an answer to a GET names another place for it (RFC 9110 §15.4).
func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// download is a file on its way from Meta. A Read that fails gives an [*UnreachableError].
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
	var answer struct {
		Success bool `json:"success"`
	}
	if err := c.do(request, "delete", token, &answer); err != nil {
		return err
	}
	if !answer.Success {
		return &UnreachableError{BodySent: true, Cause: errors.New("status 200 without success")}
	}
	return nil
}

// isDownloadHost reports whether a file may be fetched there. A URL that
// brings credentials of its own is none of Meta's.
func (c *Client) isDownloadHost(target *url.URL) bool {
	if target.User != nil {
		return false
	}
	if target.Scheme == c.base.Scheme && target.Host == c.base.Host {
		return true
	}
	return target.Scheme == "https" && strings.HasSuffix(target.Host, ".fbsbx.com")
}

// isID reports whether Meta's id is one that ferry may hand out:
// the model's WhatsAppMediaId, [A-Za-z0-9]{1,100}.
func isID(id string) bool {
	for _, b := range []byte(id) {
		if !('0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z') {
			return false
		}
	}
	return len(id) > 0 && len(id) <= 100
}

// lenientInt64 is a number that Meta sends as a number or as a string of digits.
type lenientInt64 int64

func (n *lenientInt64) UnmarshalJSON(data []byte) error {
	value, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	*n = lenientInt64(value)
	return err
}
