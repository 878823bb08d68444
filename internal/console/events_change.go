package console

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ferry/internal/control"
	"ferry/internal/social"
)

// changePage asks for the confirmation of a change, with the number of deliveries that it
// concerns.
type changePage struct {
	Do        string // replay or discard
	Concerned int64
	Counts    []string // "12 dead"
	Filter    control.Filter
	Fields    [][2]string // the filter, for the form
	Selection string      // the filter in words
	Back      string
}

// changes are the states of deliveries that a change concerns.
var changes = map[string][]string{
	"replay":  {control.Delivered, control.Dead, control.Cancelled},
	"discard": {control.Waiting, control.Dead},
}

// serveEventsChange shows how many deliveries a change concerns, before it is made.
func (c *Console) serveEventsChange(w http.ResponseWriter, r *request) {
	page, err := c.changePage(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	c.render(w, r, "change", page)
}

func (c *Console) changePage(r *request) (page changePage, err error) {
	page.Do = r.URL.Query().Get("do")
	states, ok := changes[page.Do]
	if !ok {
		return page, invalid("do is %.40q; expected replay or discard.", page.Do)
	}
	v, err := c.reader(r)
	if err != nil {
		return page, err
	}
	v.choose()
	if page.Filter, err = c.changeFilter(r); err != nil {
		return page, err
	}
	filter := page.Filter
	if page.Do == "replay" { // no message is repeated
		filter.Kind = "event"
	}
	counts, err := v.service().CountEvents(r.Context(), control.CountEventsInput{Filter: filter})
	if err != nil {
		return page, byService(err)
	}
	for _, state := range slices.Sorted(maps.Keys(counts.Deliveries)) {
		if n := counts.Deliveries[state]; slices.Contains(states, state) && n > 0 {
			page.Concerned += n
			page.Counts = append(page.Counts, fmt.Sprintf("%d %s", n, state))
		}
	}
	query := filterQuery(page.Filter, v.account)
	page.Back, page.Selection = pathWith("/events", query), filterWords(query)
	for _, name := range slices.Sorted(maps.Keys(query)) {
		page.Fields = append(page.Fields, [2]string{name, query.Get(name)})
	}
	return page, nil
}

// filterWords returns a filter in words.
func filterWords(query url.Values) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		words = append(words, name+" "+query.Get(name))
	}
	return strings.Join(words, ", ")
}

// changeFilter returns the filter of a change, which must not select everything.
func (c *Console) changeFilter(r *request) (control.Filter, error) {
	f, err := c.eventFilter(r)
	if err == nil && f == (control.Filter{}) {
		err = problem{http.StatusBadRequest, "This would concern all events.", "Choose a state, a destination, a name or an id first, and show the events."}
	}
	return f, err
}

// changeEvents makes a change, and returns what it did.
func (c *Console) changeEvents(r *request, name, note string, change func(social.Account, context.Context, control.ChangeEventsInput) (control.ChangeEventsOutput, error)) (done, error) {
	v, err := c.reader(r)
	if err != nil {
		return done{}, err
	}
	f, err := c.changeFilter(r)
	if err != nil {
		return done{}, err
	}
	changed, err := change(v.service(), r.Context(), control.ChangeEventsInput{Filter: f})
	if err != nil {
		return done{}, byService(err)
	}
	query := filterQuery(f, v.account)
	text := fmt.Sprintf("%d deliveries, selected by %s", changed.Changed, filterWords(query))
	if note != "" {
		text += ": " + note
	}
	path := "/events"
	if f.ID != "" {
		path, query = "/events/"+url.PathEscape(f.ID), filterQuery(control.Filter{}, v.account)
	}
	query.Set(name, strconv.FormatInt(changed.Changed, 10))
	return done{To: pathWith(path, query), Text: text, Account: v.own()}, nil
}

func (c *Console) replayEvents(r *request) (done, error) {
	return c.changeEvents(r, "replayed", "", social.Account.ReplayEvents)
}

func (c *Console) discardEvents(r *request) (done, error) {
	note, err := r.note("note")
	if err != nil {
		return done{}, err
	}
	if note == "" {
		return done{}, invalid("The note is missing; say why nobody needs these deliveries.")
	}
	return c.changeEvents(r, "discarded", note, social.Account.DiscardEvents)
}

// note returns a field in which a person says why.
func (r *request) note(name string) (string, error) {
	note := r.field(name)
	if n := utf8.RuneCountInString(note); n > maxNote {
		return "", invalid("The %s has %d characters; expected at most %d.", name, n, maxNote)
	}
	return note, nil
}

func (c *Console) holdDestination(r *request) (done, error) {
	reason, err := r.note("reason")
	if err != nil {
		return done{}, err
	}
	v, err := c.reader(r)
	if err != nil {
		return done{}, err
	}
	if reason == "" {
		reason = "held by " + r.user.Name
	}
	destination := r.field("destination")
	out, err := v.service().HoldDestination(r.Context(), control.HoldDestinationInput{Destination: destination, Reason: reason})
	return v.changedDestination(out, destination+": held, "+reason), byService(err)
}

func (c *Console) releaseDestination(r *request) (done, error) {
	v, err := c.reader(r)
	if err != nil {
		return done{}, err
	}
	destination := r.field("destination")
	out, err := v.service().ReleaseDestination(r.Context(), control.ReleaseDestinationInput{Destination: destination})
	return v.changedDestination(out, destination+": held → released"), byService(err)
}

func (v *reader) changedDestination(out control.HoldDestinationOutput, text string) done {
	query := filterQuery(control.Filter{}, v.account)
	query.Set("waiting", strconv.FormatInt(out.Waiting, 10))
	return done{To: pathWith("/events", query), Text: text, Account: v.own()}
}
