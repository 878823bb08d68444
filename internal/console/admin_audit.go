// What was changed: the entries of the journal about administration, with who did it.

package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/journal"
)

const (
	auditOnPage  = 50
	auditScanned = 5000 // entries that one page looks at for those of a person
	auditPeople  = 50   // people that the form suggests
)

// auditPage lists changes, the latest first.
type auditPage struct {
	Entries []auditRow
	By      string // that the list is limited to: a part of the name
	Account string
	People  []string
	Before  int64 // number of the entry before which the list continues; 0 means that it ends
	Kept    time.Duration
	First   bool
}

// auditRow is a change as the person may see it.
type auditRow struct {
	activity.Entry
	Who, About string
}

func (c *Console) serveAudit(w http.ResponseWriter, r *request) {
	query := r.URL.Query()
	page := auditPage{By: strings.TrimSpace(query.Get("by")), Account: query.Get("account"), Kept: c.config.Gateway.Journal().Kept().Time}
	before, err := strconv.ParseInt(query.Get("before"), 10, 64)
	if query.Get("before") == "" {
		before, err, page.First = 0, nil, true
	}
	if err != nil || before < 0 {
		c.renderError(w, r, asProblem(invalid("before is %.40q; expected the number of an entry.", query.Get("before"))))
		return
	}
	read, err := c.reader(r)
	if err == nil {
		err = page.read(r.Context(), read, before)
	}
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	c.render(w, r, "admin-audit", page)
}

// read reads changes from before an entry on, the latest first, until the page is full or
// enough was looked at.
func (page *auditPage) read(ctx context.Context, v *reader, before int64) error {
	scanned := 0
	for {
		filter := journal.Filter{Kinds: []activity.Kind{activity.Admin}, Before: before, Latest: true, Limit: min(journal.MaxPage, auditScanned-scanned)}
		entries, err := v.entries(ctx, filter)
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(entries) {
			before, scanned = e.Seq, scanned+1
			who := whoDid(e)
			if len(page.People) < auditPeople && !slices.Contains(page.People, who) {
				page.People = append(page.People, who)
			}
			if !strings.Contains(strings.ToLower(who), strings.ToLower(page.By)) {
				continue
			}
			if len(page.Entries) == auditOnPage {
				page.Before = page.Entries[auditOnPage-1].Seq
				return nil
			}
			page.Entries = append(page.Entries, auditRowOf(e))
		}
		switch {
		case len(entries) < filter.Limit:
			return nil
		case scanned >= auditScanned:
			page.Before = before
			return nil
		}
	}
}

// whoDid returns who has made a change.
func whoDid(e activity.Entry) string {
	if e.By == "" {
		return e.AccessKey
	}
	return e.By
}

func auditRowOf(e activity.Entry) auditRow {
	row := auditRow{Entry: e, Who: whoDid(e)}
	for _, about := range []string{e.Resource, e.Person, e.MediaID, e.WAMID, e.Destination} {
		if row.About == "" {
			row.About = about
		}
	}
	return row
}
