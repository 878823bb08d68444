// The files that ferry serve has uploaded: what the database knows of each. The bytes are at
// Meta only; upload_preview.go reads them from there for an operator.

package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/journal"
	"ferry/internal/state"
	"ferry/internal/why"
)

const (
	maxUploadRows = 60 // files on a page
	maxUploadUses = 20 // calls and messages with a file that its page shows
)

// uploadsPage is a page of uploads, newest first.
type uploadsPage struct {
	Rows     []uploadRow
	Query    string
	Account  string
	Accounts []string
	Older    string // path; empty means that this is the last page
	Newest   string // path of the first page; empty means that this is the first page
}

// uploadRow is an upload as the person may see it.
type uploadRow struct {
	state.AccountMedia
	Expired bool
}

// uploadPage is one upload.
type uploadPage struct {
	uploadRow
	Number     string // of the business
	Inspection *why.Station
	Uses       []entryRow
	MayPreview bool
	Preview    *uploadPreview // nil unless the person has requested it
}

func (c *Console) routeUploads() {
	c.page(navItem{"/media", "Media", "m"}, viewer, c.serveUploads)
	c.page(navItem{Path: "/media/{id}"}, viewer, c.serveUpload)
	c.page(navItem{Path: "/media/{id}/view"}, operator, c.serveUploadView)
	c.page(navItem{Path: "/media/{id}/download"}, operator, c.serveUploadDownload)
	c.action("/media/{id}/preview", "PreviewMedia", operator, c.previewUpload)
}

func (c *Console) serveUploads(w http.ResponseWriter, r *request) {
	page, err := c.uploadsPage(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	c.render(w, r, "uploads", page)
}

func (c *Console) uploadsPage(r *request) (page uploadsPage, err error) {
	v, err := c.reader(r)
	if err != nil {
		return page, err
	}
	page = uploadsPage{Query: strings.TrimSpace(r.FormValue("q")), Account: v.account, Accounts: v.accounts}
	after, err := parseMediaPlace(r.FormValue("before"))
	if err != nil {
		return page, err
	}
	list, next, err := c.config.State.ListMedia(r.Context(), after, maxUploadRows, func(m state.AccountMedia) bool {
		if v.account != "" && m.AccountID != v.account {
			return false
		}
		// A viewer searches what a viewer sees.
		return page.Query == "" || strings.Contains(v.text(strings.Join([]string{m.SourceName, m.MIMEType, m.ID, m.SHA256}, " ")), page.Query)
	})
	if err != nil {
		return page, err
	}
	for _, m := range list {
		page.Rows = append(page.Rows, v.upload(m))
	}
	query := url.Values{}
	for name, value := range map[string]string{"q": page.Query, "account": page.Account} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if after != (state.MediaPlace{}) {
		page.Newest = pathWith("/media", query)
	}
	if next != (state.MediaPlace{}) {
		query.Set("before", mediaPlaceText(next))
		page.Older = pathWith("/media", query)
	}
	return page, nil
}

// upload returns an upload as the person may see it.
func (v *reader) upload(m state.AccountMedia) uploadRow {
	m.SourceName, m.MIMEType = v.text(m.SourceName), v.text(m.MIMEType)
	return uploadRow{m, !v.c.config.Now().Before(m.ExpiresAt)}
}

// mediaPlaceText returns a place in the list of uploads as a parameter of a URL.
func mediaPlaceText(p state.MediaPlace) string {
	return fmt.Sprintf("%d.%s.%s", p.ExpiresAt.UnixMilli(), p.PhoneNumberID, p.ID)
}

func parseMediaPlace(text string) (state.MediaPlace, error) {
	if text == "" {
		return state.MediaPlace{}, nil
	}
	parts := strings.SplitN(text, ".", 3)
	at, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil || len(parts) != 3 {
		return state.MediaPlace{}, invalid("before is %.60q; expected the one of a link on this page.", text)
	}
	return state.MediaPlace{ExpiresAt: time.UnixMilli(at), PhoneNumberID: parts[1], ID: parts[2]}, nil
}

func (c *Console) serveUpload(w http.ResponseWriter, r *request) {
	page, err := c.uploadPage(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	c.render(w, r, "upload", page)
}

// findUpload returns the record of the file that a request names.
func (c *Console) findUpload(r *request) (state.AccountMedia, error) {
	found, err := c.config.State.FindMedia(r.Context(), r.PathValue("id"))
	if errors.Is(err, state.ErrNotFound) {
		err = problem{http.StatusNotFound, fmt.Sprintf("There is no record of an upload %.100q.", r.PathValue("id")),
			"WhatsApp keeps a file for 30 days, and so does ferry its record. Files that people have sent are with the events about them."}
	}
	return found, err
}

func (c *Console) uploadPage(r *request) (page uploadPage, err error) {
	found, err := c.findUpload(r)
	if err != nil {
		return page, err
	}
	v, err := c.reader(r)
	if err != nil {
		return page, err
	}
	v.account = found.AccountID
	report, err := v.why(r.Context(), found.ID) // what it knows redacts the rest, too
	if err != nil {
		return page, err
	}
	page = uploadPage{uploadRow: v.upload(found), MayPreview: r.user.Role >= operator}
	if at := slices.IndexFunc(report.Stations, func(s why.Station) bool { return s.Name == "Inspection" }); at >= 0 && len(report.Stations[at].Facts) > 0 {
		page.Inspection = &report.Stations[at]
	}
	sender, err := c.config.State.Sender(r.Context(), found.AccountID, found.PhoneNumberID)
	if err != nil {
		return page, err
	}
	page.Number = r.user.number(sender.DisplayNumber)
	kinds := []activity.Kind{activity.Call, activity.Send}
	uses, err := v.entries(r.Context(), journal.Filter{IDs: []string{found.ID}, Kinds: kinds, Latest: true, Limit: maxUploadUses})
	if err != nil {
		return page, err
	}
	for _, e := range slices.Backward(uses) {
		page.Uses = append(page.Uses, rowOf(e))
	}
	if ticket := r.URL.Query().Get("preview"); ticket != "" && page.MayPreview {
		page.Preview, err = c.uploadPreview(r, found, ticket)
	}
	return page, err
}
