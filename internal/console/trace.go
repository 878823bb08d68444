// What happened with one request: its steps as a waterfall.

package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/journal"
	"ferry/internal/why"
)

const (
	maxSteps      = 60       // of a request
	maxStepFields = 40_000   // bytes of the details of all steps of a page, with their markup
	fieldMarkup   = 80       // bytes around a detail
	maxFieldText  = 400      // characters of one detail
	barLength     = 1000     // of the waterfall, in its own units
	minBar        = 6        // length of a step that took no time
	entryPrefix   = "entry-" // of the number of an entry that belongs to no request
)

// step is an entry with its place in the waterfall.
type step struct {
	activity.Entry
	Offset   time.Duration // from the first step
	X, Width int           // of its bar, of barLength
	Fault    string        // of the simulator, that acted
	Fields   [][2]string
	Links    []link
}

// tracePage is what happened with one request.
type tracePage struct {
	ID       string
	Steps    []step
	Begun    time.Time
	Took     time.Duration
	Bytes    int64
	Attempts int // requests to Meta, or to deliver
	Faults   []string
	Failed   int
	WhyID    string
	IsCut    bool // there are more steps, or more details
}

func (c *Console) serveTrace(w http.ResponseWriter, r *request) {
	id := r.PathValue("id")
	v, err := c.reader(r)
	var entries []activity.Entry
	if err == nil {
		entries, err = v.steps(r.Context(), id)
	}
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	if len(entries) == 0 {
		c.renderError(w, r, problem{http.StatusNotFound, fmt.Sprintf("Nothing happened with the id %.100q, as far as the journal knows.", id), "The journal keeps the newest entries only; the timeline lists them."})
		return
	}
	c.render(w, r, "trace", c.waterfall(id, entries))
}

// steps returns the entries of a request, and those of the simulator that Meta's trace ids
// join with them, oldest first.
func (v *reader) steps(ctx context.Context, id string) ([]activity.Entry, error) {
	if number, ok := strings.CutPrefix(id, entryPrefix); ok {
		seq, _ := strconv.ParseInt(number, 10, 64)
		list, err := v.entries(ctx, journal.Filter{After: max(seq-1, 0), Limit: 1})
		return slices.DeleteFunc(list, func(e activity.Entry) bool { return e.Seq != seq }), err
	}
	if !journal.IsID(id) {
		return nil, nil
	}
	filter := journal.Filter{IDs: []string{id}, Latest: true, Limit: maxSteps + 1}
	list, err := v.entries(ctx, filter)
	for _, e := range list {
		for _, joined := range []string{e.MetaTrace, e.Trace} {
			isOfMeta := joined == e.MetaTrace || e.MetaTrace == id // of the request with Meta's id: its call
			if joined != "" && isOfMeta && !slices.Contains(filter.IDs, joined) {
				filter.IDs = append(filter.IDs, joined)
			}
		}
	}
	if err == nil && len(filter.IDs) > 1 {
		list, err = v.entries(ctx, filter)
	}
	sort.SliceStable(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Seq, b.Seq)) < 0
	})
	return list, err
}

// waterfall returns the page of the entries of a request, of which there is at least one.
func (c *Console) waterfall(id string, entries []activity.Entry) tracePage {
	page := tracePage{ID: id, Begun: entries[0].Time, IsCut: len(entries) > maxSteps}
	entries = entries[:min(len(entries), maxSteps)]
	for _, e := range entries {
		page.Took = max(page.Took, e.Time.Add(e.Took).Sub(page.Begun))
	}
	left := maxStepFields
	for _, e := range entries {
		s := step{Entry: e, Offset: e.Time.Sub(page.Begun), Fault: detailOf(e, "fault"), Links: c.linksOf(e)}
		s.Width = max(int(e.Took*barLength/max(page.Took, 1)), minBar)
		s.X = min(int(s.Offset*barLength/max(page.Took, 1)), barLength-s.Width)
		for _, field := range fieldsOf(e) {
			field[1] = shortTo(maxFieldText, field[1])
			if left -= len(field[0]) + len(field[1]) + fieldMarkup; left < 0 {
				page.IsCut = true
				break
			}
			s.Fields = append(s.Fields, field)
		}
		page.add(&s)
		page.Steps = append(page.Steps, s)
	}
	return page
}

// add adds a step to the sums of the page.
func (p *tracePage) add(s *step) {
	p.Bytes = max(p.Bytes, s.Bytes)
	if s.Kind == activity.Graph || s.Kind == activity.Send || s.Kind == activity.Attempt {
		p.Attempts++
	}
	if s.Outcome.IsFailure() {
		p.Failed++
	}
	if s.Fault != "" && !slices.Contains(p.Faults, s.Fault) {
		p.Faults = append(p.Faults, s.Fault)
	}
	if id := whyID(s.Entry); p.WhyID == "" || s.Kind == activity.Call || s.Kind == activity.Message {
		p.WhyID = cmp.Or(id, p.WhyID)
	}
}

// linksOf returns the pages about what an entry names.
func (c *Console) linksOf(e activity.Entry) (links []link) {
	for _, ref := range []why.Ref{{Kind: "media", ID: e.MediaID}, {Kind: "wamid", ID: e.WAMID}, {Kind: "event", ID: e.EventID}, {Kind: "message", ID: e.MessageID}} {
		if l := c.linkTo(ref); ref.ID != "" && l.Path != "" {
			links = append(links, l)
		}
	}
	return links
}

func detailOf(e activity.Entry, key string) string {
	for _, d := range e.Details {
		if d.Key == key {
			return d.Value.String()
		}
	}
	return ""
}

// fieldsOf returns what an entry says, by name.
func fieldsOf(e activity.Entry) (fields [][2]string) {
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, [2]string{name, value})
		}
	}
	add("text", e.Text)
	add("cause", e.Cause)
	add("code", e.Code)
	add("request", e.Trace)
	add("Meta's trace id", e.MetaTrace)
	add("source", e.Object)
	add("destination", e.Destination)
	add("ETag", e.ETag)
	add("SHA-256", e.SHA256)
	add("media id", e.MediaID)
	add("message", e.MessageID)
	add("message at Meta", e.WAMID)
	add("event", e.EventID)
	add("person", phoneNumber(e.Person))
	add("phone number", e.PhoneNumberID)
	add("account", e.Account)
	add("access key", e.AccessKey)
	add("by", e.By)
	add("from", e.Remote)
	add("resource", e.Resource)
	for _, d := range e.Details {
		add(strings.ReplaceAll(d.Key, "_", " "), d.Value.String())
	}
	return fields
}

// took returns a duration as people compare them: 0.4 ms, 212 ms, 1.4 s.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 ms"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return span(d)
}
