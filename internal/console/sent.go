// The messages that ferry serve has accepted, with their statuses.

package console

import (
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"ferry/internal/control"
	"ferry/internal/state"
)

// sentPage is a page of messages, newest first.
type sentPage struct {
	Rows     []control.Event
	Status   string
	Statuses []state.MessageStatus
	Query    string // an id
	Account  string
	Accounts []string
	Before   string
	Older    string // path; empty means that this is the last page
	Newest   string
}

// sentOne is one message.
type sentOne struct {
	eventPage
	Ladder []sentStatus
}

// sentStatus is a status that a message has had.
type sentStatus struct {
	Status string
	Time   time.Time
	Event  control.Event // that reports it; the zero Event for the first one
}

func (c *Console) routeSent() {
	c.page(navItem{"/messages", "Messages", "s"}, viewer, c.serveSent)
	c.page(navItem{Path: "/messages/{id}"}, viewer, c.serveSentOne)
}

func (c *Console) serveSent(w http.ResponseWriter, r *request) {
	page, err := c.sentPage(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	c.render(w, r, "sent", page)
}

func (c *Console) sentPage(r *request) (page sentPage, err error) {
	v, err := c.reader(r)
	if err != nil {
		return page, err
	}
	v.choose()
	page = sentPage{
		Status: strings.TrimSpace(r.FormValue("status")), Statuses: state.MessageStatuses, Query: strings.TrimSpace(r.FormValue("id")),
		Account: v.account, Accounts: v.accounts, Before: r.FormValue("before"),
	}
	if v.own() == "" {
		return page, nil
	}
	filter := control.Filter{Kind: state.KindMessage, Status: page.Status, ID: page.Query}
	found, err := v.events(r.Context(), control.ListEventsInput{Filter: filter, Latest: true, Before: page.Before, Limit: maxEventRows})
	if err != nil {
		return page, err
	}
	page.Rows = found.Events
	slices.Reverse(page.Rows)
	query := url.Values{}
	for name, value := range map[string]string{"status": page.Status, "id": page.Query, "account": page.Account} {
		if value != "" {
			query.Set(name, value)
		}
	}
	page.Newest = pathWith("/messages", query)
	if found.Earlier != "" {
		query.Set("before", found.Earlier)
		page.Older = pathWith("/messages", query)
	}
	return page, nil
}

func (c *Console) serveSentOne(w http.ResponseWriter, r *request) {
	page, err := c.eventPage(r, r.PathValue("id"))
	if err == nil && (page.One == nil || page.One.Kind != state.KindMessage) {
		err = notFound("message", r.PathValue("id"))
	}
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	one := sentOne{eventPage: page, Ladder: []sentStatus{{Status: string(state.MessageQueued), Time: page.One.CreatedAt}}}
	for _, e := range page.About {
		if status, ok := strings.CutPrefix(e.Name, "status."); ok {
			one.Ladder = append(one.Ladder, sentStatus{status, e.CreatedAt, e})
		}
	}
	sort.SliceStable(one.Ladder, func(i, j int) bool { return one.Ladder[i].Time.Before(one.Ladder[j].Time) })
	c.render(w, r, "sent-one", one)
}
