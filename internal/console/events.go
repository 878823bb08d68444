// Events: what is to be delivered, and what became of it. Replays, discards and holds are
// those of `ferry events` (internal/control).

package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/control"
	"ferry/internal/journal"
	"ferry/internal/state"
)

const (
	maxEventRows = 60       // events on a page
	maxBody      = 32 << 10 // bytes of an event's body that are shown
	maxAttempts  = 50       // of an event, that are shown
	maxNote      = 500      // characters of a note or of a reason
)

// eventsPage is a page of events, with the destinations.
type eventsPage struct {
	Destinations []destinationRow
	Rows         []control.Event
	Filter       control.Filter
	Query        string // the filter, as parameters of a URL
	Account      string
	Accounts     []string
	Before       string
	Older        string // path; empty means that this is the last page
	Newest       string
	Changed      string // what was done: "12 deliveries were put in again."
	MayChange    bool
}

// destinationRow is a destination with its state.
type destinationRow struct {
	control.Destination
	State  string // held, failing, dead, waiting or ok
	Oldest time.Duration
}

// eventPage is one event, or the events of one message.
type eventPage struct {
	ID        string
	One       *control.Event // the event or message with this id; nil means that there are only events about it
	About     []control.Event
	Attempts  []entryRow
	Body      string // indented; empty for viewers
	IsCut     bool   // the body is longer
	WhyID     string
	Account   string
	Changed   string
	MayReplay bool
	MayEnd    bool
	MayChange bool
}

func (c *Console) routeEvents() {
	c.page(navItem{"/events", "Events", "e"}, viewer, c.serveEvents)
	c.page(navItem{Path: "/events/change"}, operator, c.serveEventsChange)
	c.page(navItem{Path: "/events/{id}"}, viewer, c.serveEvent)
	c.action("/events/replay", "ReplayEvents", operator, c.replayEvents)
	c.action("/events/discard", "DiscardEvents", operator, c.discardEvents)
	c.action("/events/hold", "HoldDestination", operator, c.holdDestination)
	c.action("/events/release", "ReleaseDestination", operator, c.releaseDestination)
}

// eventStates are the states of a delivery by which events are selected.
var eventStates = []string{control.Waiting, control.Dead, control.Delivered, control.Cancelled, control.Replayed}

// eventFilter reads the filter of a URL or a form. Ages become times, so that the filter
// selects the same later.
func (c *Console) eventFilter(r *request) (f control.Filter, err error) {
	field := func(name string) string { return strings.TrimSpace(r.FormValue(name)) }
	f = control.Filter{ID: field("id"), Kind: field("kind"), Name: field("name"), Destination: field("destination"), State: field("state")}
	if f.State != "" && !slices.Contains(eventStates, f.State) {
		return f, invalid("There is no state %.40q; expected one of %v.", f.State, eventStates)
	}
	if f.Kind != "" && f.Kind != state.KindEvent && f.Kind != state.KindMessage {
		return f, invalid("There is no kind %.40q; expected event or message.", f.Kind)
	}
	if f.Since, err = timeOrAge(field("since"), c.config.Now()); err == nil {
		f.Until, err = timeOrAge(field("until"), c.config.Now())
	}
	return f, err
}

// filterQuery returns a filter as parameters of a URL.
func filterQuery(f control.Filter, account string) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"id": f.ID, "kind": f.Kind, "name": f.Name, "destination": f.Destination, "state": f.State, "account": account} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return query
}

func (c *Console) serveEvents(w http.ResponseWriter, r *request) {
	page, err := c.eventsPage(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	c.render(w, r, "events", page)
}

func (c *Console) eventsPage(r *request) (page eventsPage, err error) {
	v, err := c.reader(r)
	if err != nil {
		return page, err
	}
	v.choose()
	page = eventsPage{Account: v.account, Accounts: v.accounts, Before: r.URL.Query().Get("before"), Changed: changedText(r), MayChange: r.user.Role >= operator}
	if page.Filter, err = c.eventFilter(r); err != nil {
		return page, err
	}
	query := filterQuery(page.Filter, v.account)
	page.Query, page.Newest = query.Encode(), pathWith("/events", query)
	list, err := v.destinations(r.Context())
	if err != nil {
		return page, err
	}
	for _, d := range list.Destinations {
		page.Destinations = append(page.Destinations, rowOfDestination(d, list.Now))
	}
	events, err := v.events(r.Context(), control.ListEventsInput{Filter: page.Filter, Latest: true, Before: page.Before, Limit: maxEventRows})
	if err != nil {
		return page, err
	}
	page.Rows = events.Events
	slices.Reverse(page.Rows)
	if events.Earlier != "" {
		query.Set("before", events.Earlier)
		page.Older = pathWith("/events", query)
	}
	return page, nil
}

// rowOfDestination returns the row of a destination at a time.
func rowOfDestination(d control.Destination, now time.Time) destinationRow {
	row := destinationRow{Destination: d, State: "ok"}
	switch {
	case !d.HeldAt.IsZero():
		row.State = "held"
	case d.Waiting > 0 && d.LastError != "":
		row.State = "failing"
	case d.Dead > 0:
		row.State = "dead"
	case d.Waiting > 0:
		row.State = "waiting"
	}
	if !d.OldestAt.IsZero() {
		row.Oldest = max(0, now.Sub(d.OldestAt))
	}
	return row
}

// changedText says what the action before this page did. Its parameters are numbers, so
// that a link cannot make the page say anything else.
func changedText(r *request) string {
	for name, text := range map[string]string{"replayed": "%d deliveries were put in again.", "discarded": "%d deliveries were discarded.", "waiting": "Done. Deliveries that wait: %d."} {
		var n int64
		if _, err := fmt.Sscan(r.URL.Query().Get(name), &n); err == nil && n >= 0 {
			return fmt.Sprintf(text, n)
		}
	}
	return ""
}

func (c *Console) serveEvent(w http.ResponseWriter, r *request) {
	page, err := c.eventPage(r, r.PathValue("id"))
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	c.render(w, r, "event", page)
}

func (c *Console) eventPage(r *request, id string) (page eventPage, err error) {
	v, err := c.reader(r)
	if err != nil {
		return page, err
	}
	var found control.ListEventsOutput
	for _, account := range v.asked(r.Context(), id) {
		v.account = account
		found, err = v.events(r.Context(), control.ListEventsInput{Filter: control.Filter{ID: id}, Body: true})
		if err != nil || len(found.Events) > 0 {
			break
		}
	}
	if err != nil {
		return page, err
	}
	if len(found.Events) == 0 {
		return page, notFound("event or message", id)
	}
	page = eventPage{ID: id, WhyID: id, Account: v.account, Changed: changedText(r), MayChange: r.user.Role >= operator}
	for i, e := range found.Events {
		if e.ID == id || len(found.Events) == 1 {
			page.One = &found.Events[i]
			continue
		}
		page.About = append(page.About, e)
	}
	if page.One != nil {
		c.fillEvent(&page)
		page.Attempts, err = v.attempts(r, page.One)
	}
	return page, err
}

// fillEvent adds what is shown of the event besides its rows.
func (c *Console) fillEvent(page *eventPage) {
	e := page.One
	page.ID = e.ID
	var indented bytes.Buffer
	if len(e.Body) > 0 && json.Indent(&indented, e.Body, "", "  ") == nil {
		page.Body = indented.String()
	} else {
		page.Body = string(e.Body)
	}
	if len(page.Body) > maxBody {
		page.Body, page.IsCut = strings.ToValidUTF8(page.Body[:maxBody], ""), true
	}
	for _, d := range e.Deliveries {
		switch d.State {
		case control.Waiting:
			page.MayEnd = true
		case control.Dead:
			page.MayEnd, page.MayReplay = true, page.MayReplay || e.Kind == state.KindEvent
		case control.Delivered, control.Cancelled:
			page.MayReplay = page.MayReplay || e.Kind == state.KindEvent
		}
	}
}

// attempts returns the attempts to deliver an event, or to send a message, newest first.
func (v *reader) attempts(r *request, e *control.Event) (rows []entryRow, err error) {
	filter := journal.Filter{IDs: []string{e.ID}, Kinds: []activity.Kind{activity.Attempt, activity.Send}, Latest: true, Limit: maxAttempts}
	list, err := v.entries(r.Context(), filter)
	for _, entry := range slices.Backward(list) {
		rows = append(rows, rowOf(entry))
	}
	return rows, err
}
