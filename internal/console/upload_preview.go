// The bytes of an uploaded file, read from Meta because an operator wants to see them. Each
// preview is recorded. It has a ticket, which is for that person and file and lasts for some
// minutes, so that no link alone makes anybody see a file.

package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ferry/internal/graph"
	"ferry/internal/media"
	"ferry/internal/state"
)

const (
	previewLife = 5 * time.Minute // of a ticket
	previewTime = 5 * time.Minute // for reading a file from Meta and sending it to the browser
)

// uploadPreview is what a page shows of a file's bytes.
type uploadPreview struct {
	Shown  string // image, audio, video, pdf or text; empty means nothing
	Note   string
	Text   string
	Ticket string
	Size   int64  // bytes at Meta
	Type   string // of the bytes
}

// previewUpload records that somebody looks at a file, and shows its page with it.
func (c *Console) previewUpload(r *request) (done, error) {
	found, err := c.findUpload(r)
	if err != nil {
		return done{}, err
	}
	ticket, err := c.config.Gateway.Service().Account(found.AccountID).SealTicket(c.config.Now().Add(previewLife), r.user.Name, found.PhoneNumberID, found.ID)
	if err != nil {
		return done{}, err
	}
	return done{
		To: "/media/" + url.PathEscape(found.ID) + "?preview=" + url.QueryEscape(ticket), Account: found.AccountID, Media: found.ID,
		Text: "shown: " + found.SourceName,
	}, nil
}

// An openUpload is a file that is read from Meta.
type openUpload struct {
	record state.AccountMedia
	media  graph.Media
	head   []byte
	typ    string // of its bytes
	body   io.ReadCloser
	end    func()
}

// openPreview opens a file for which a person has a ticket.
func (c *Console) openPreview(ctx context.Context, r *request, found state.AccountMedia, ticket string) (*openUpload, error) {
	account := c.config.Gateway.Service().Account(found.AccountID)
	if !account.OpensTicket(ticket, c.config.Now(), r.user.Name, found.PhoneNumberID, found.ID) {
		return nil, problem{http.StatusForbidden, fmt.Sprintf("This preview is for another file or person, or older than %s.", span(previewLife)), "Open the page of the file, and press Show."}
	}
	select {
	case c.previews <- struct{}{}:
	default:
		return nil, problem{http.StatusServiceUnavailable, fmt.Sprintf("%d files are being read from Meta for other pages.", maxPreviews), "Try again in a moment."}
	}
	ctx, cancel := context.WithTimeout(ctx, previewTime)
	o := &openUpload{record: found, end: func() { cancel(); <-c.previews }}
	var err error
	if o.media, o.body, err = account.OpenMedia(ctx, found.PhoneNumberID, found.ID); err != nil {
		o.end()
		return nil, previewProblem(err)
	}
	o.head = make([]byte, min(max(o.media.Size, 0), media.HeadSize))
	n, err := io.ReadFull(o.body, o.head)
	if err == nil {
		var result media.Result
		result, err = media.Check(ctx, media.File{Size: o.media.Size, Head: o.head[:n]})
		o.typ = result.Type.MIME
	}
	if err != nil {
		o.close()
		return nil, previewProblem(err)
	}
	return o, nil
}

// previewProblem returns an error of reading a file from Meta as a problem.
func previewProblem(err error) error {
	if refused, ok := errors.AsType[*graph.Error](err); ok && refused.Code == 100 {
		return problem{http.StatusNotFound, "WhatsApp does not have this file any more: " + refused.Summary(), "It has expired, or it was deleted."}
	}
	return byMeta(err)
}

func (o *openUpload) close() {
	_ = o.body.Close()
	o.end()
}

// name is the name under which the file is saved.
func (o *openUpload) name() string {
	name := o.record.SourceName
	if at := strings.LastIndexByte(name, '/'); at >= 0 {
		name = name[at+1:]
	}
	if name == "" {
		return o.record.ID
	}
	return name
}

// uploadPreview returns what a page shows of a file's bytes.
func (c *Console) uploadPreview(r *request, found state.AccountMedia, ticket string) (*uploadPreview, error) {
	o, err := c.openPreview(r.Context(), r, found, ticket)
	if err != nil {
		return nil, err
	}
	defer o.close()
	p := &uploadPreview{Ticket: ticket, Size: o.media.Size, Type: o.typ}
	if p.Shown, p.Note = preview(o.typ); p.Shown == "parts" {
		p.Shown = ""
	}
	if p.Shown == "text" {
		p.Text = strings.ToValidUTF8(string(o.head[:min(len(o.head), maxShownText)]), "�")
	}
	return p, nil
}

// serveUploadView serves a file for a page to show. Its type is that of its bytes.
func (c *Console) serveUploadView(w http.ResponseWriter, r *request) {
	c.sendUpload(w, r, func(o *openUpload) error {
		if shown, _ := preview(o.typ); shown != "image" && shown != "audio" && shown != "video" && shown != "pdf" {
			return problem{http.StatusUnsupportedMediaType, "A browser must not show this file.", "Download it."}
		}
		w.Header().Set("Content-Type", o.typ)
		w.Header().Set("Content-Disposition", disposition("inline", o.name()))
		return nil
	})
}

// serveUploadDownload serves a file for a person to save.
func (c *Console) serveUploadDownload(w http.ResponseWriter, r *request) {
	c.sendUpload(w, r, func(o *openUpload) error {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", disposition("attachment", o.name()))
		return nil
	})
}

// sendUpload streams a file from Meta to the browser. If it breaks off, the connection is
// cut, so that the browser knows.
func (c *Console) sendUpload(w http.ResponseWriter, r *request, setHeaders func(*openUpload) error) {
	found, err := c.findUpload(r)
	var o *openUpload
	if err == nil {
		o, err = c.openPreview(r.Context(), r, found, r.URL.Query().Get("preview"))
	}
	if err == nil {
		defer o.close()
		err = setHeaders(o)
	}
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(previewTime)) // what cannot be set has no limit
	setFileHeaders(w.Header())
	w.Header().Set("Content-Length", strconv.FormatInt(o.media.Size, 10))
	if r.Method == http.MethodHead {
		return
	}
	if _, err := io.CopyN(w, io.MultiReader(bytes.NewReader(o.head), o.body), o.media.Size); err != nil {
		c.config.Logger.Warn("a file could not be sent to the console", "media_id", found.ID, "cause", err)
		panic(http.ErrAbortHandler)
	}
}
