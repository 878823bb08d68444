// What happened, newest first: the entries of the journal.

package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/journal"
)

const (
	maxTimeline  = 80  // entries on a page
	maxRowText   = 140 // characters of a text in a row
	maxShortName = 60  // characters of an id, a source or a name in a row
	maxLinkID    = 256 // bytes of an id that a page links to
)

// entryRow is an entry in a list.
type entryRow struct {
	activity.Entry
	Path    string // of what happened with it
	WhyID   string // the id by which 'ferry why' finds it; empty means none
	Subject string // what it is about
	Line    string // its text, or the code of a failure
}

// timelinePage is a page of entries.
type timelinePage struct {
	Rows     []entryRow
	Kind     string
	Failed   bool
	ID       string
	Since    string
	Account  string
	Accounts []string
	Kinds    []activity.Kind
	Ages     []string // that Since may be, besides others
	Before   int64    // only entries before this number; 0 means the newest
	Older    string   // path of the next page; empty means that this is the last one
	Newest   string   // path of the first page
}

func (c *Console) routeTimeline() {
	c.page(navItem{"/timeline", "Timeline", "t"}, viewer, c.serveTimeline)
	c.page(navItem{Path: "/trace/{id...}"}, viewer, c.serveTrace)
}

// tracePath returns the path of the page about a request.
func tracePath(id string) string { return "/trace/" + url.PathEscape(id) }

func (c *Console) serveTimeline(w http.ResponseWriter, r *request) {
	page, filter, err := timelineFilter(r, c.config.Now())
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	v, err := c.reader(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	filter.Latest, filter.Limit = true, maxTimeline+1
	entries, err := v.entries(r.Context(), filter)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	page.Account, page.Accounts = v.account, v.accounts
	query := r.URL.Query()
	query.Del("before")
	page.Newest = pathWith("/timeline", query)
	if len(entries) > maxTimeline {
		entries = entries[1:]
		query.Set("before", strconv.FormatInt(entries[0].Seq, 10))
		page.Older = pathWith("/timeline", query)
	}
	for _, e := range slices.Backward(entries) {
		page.Rows = append(page.Rows, rowOf(e))
	}
	c.render(w, r, "timeline", page)
}

// pathWith returns a path with parameters, if there are any.
func pathWith(path string, query url.Values) string {
	if text := query.Encode(); text != "" {
		return path + "?" + text
	}
	return path
}

// timelineFilter reads the filter in the URL. Parameters that are empty do not count, as a
// form sends them.
func timelineFilter(r *request, now time.Time) (page timelinePage, f journal.Filter, err error) {
	query := r.URL.Query()
	page = timelinePage{
		Kind: query.Get("kind"), Failed: query.Get("failed") != "", ID: strings.TrimSpace(query.Get("id")), Since: strings.TrimSpace(query.Get("since")),
		Kinds: activity.Kinds, Ages: []string{"10m", "1h", "24h"},
	}
	f.Failed = page.Failed
	for _, kind := range query["kind"] {
		if kind == "" {
			continue
		}
		if !slices.Contains(activity.Kinds, activity.Kind(kind)) {
			return page, f, invalid("There is no kind %.40q; expected one of %v.", kind, activity.Kinds)
		}
		f.Kinds = append(f.Kinds, activity.Kind(kind))
	}
	if page.ID != "" {
		if !journal.IsID(page.ID) {
			return page, f, invalid("The id is none: it is not UTF-8, or too long.")
		}
		f.IDs = journal.Spellings(page.ID)
	}
	if f.Since, err = timeOrAge(page.Since, now); err != nil {
		return page, f, err
	}
	if before := query.Get("before"); before != "" {
		if f.Before, err = strconv.ParseInt(before, 10, 64); err != nil || f.Before < 1 {
			return page, f, invalid("before is %.40q; expected the number of an entry.", before)
		}
		page.Before = f.Before
	}
	if page.Since != "" && !slices.Contains(page.Ages, page.Since) {
		page.Ages = append(page.Ages, page.Since)
	}
	return page, f, nil
}

// timeOrAge returns a time that a person states as such, or as an age. Empty is the zero
// time.
func timeOrAge(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(text); err == nil && age > 0 {
		return now.Add(-age), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, invalid("since is %.40q; expected an age such as 10m, or a time such as 2026-11-29T12:00:00Z.", text)
	}
	return at, nil
}

// rowOf returns the row of an entry.
func rowOf(e activity.Entry) entryRow {
	row := entryRow{Entry: e, WhyID: whyID(e)}
	trace := cmp.Or(e.Trace, e.MetaTrace)
	if trace == "" || len(trace) > maxLinkID {
		trace = entryPrefix + strconv.FormatInt(e.Seq, 10)
	}
	row.Path = tracePath(trace)
	row.Subject = shortTo(maxShortName, cmp.Or(e.Object, e.Destination, phoneNumber(e.Person), e.MediaID, e.WAMID, e.MessageID, e.EventID))
	row.Line = e.Text
	if e.Outcome.IsFailure() && e.Code != "" && !strings.HasPrefix(e.Text, e.Code) {
		row.Line = e.Code + " " + e.Text
	}
	row.Line = shortTo(maxRowText, row.Line)
	return row
}

// whyID returns the id by which a report finds most about an entry: ids that a viewer may
// not see are shortened, and find nothing.
func whyID(e activity.Entry) string {
	ids := []string{e.MessageID, e.WAMID, e.MediaID, e.EventID, e.Trace, e.MetaTrace}
	switch e.Kind {
	case activity.Admin:
		return ""
	case activity.Phone, activity.Webhook: // their Trace leads to no call
		ids[4] = ""
	}
	for _, id := range ids {
		if id != "" && len(id) <= maxLinkID && !strings.Contains(id, "…") {
			return id
		}
	}
	return ""
}

// shortTo returns the first characters of a text.
func shortTo(n int, text string) string {
	runes := []rune(text)
	if len(runes) > n {
		return string(runes[:n]) + "…"
	}
	return text
}
