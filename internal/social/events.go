// Ferry's own operations: what the server has to deliver (internal/control).

package social

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ferry/internal/control"
	"ferry/internal/policy"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// maxOwnBody bounds the request body of one of ferry's own operations, in bytes.
const maxOwnBody = 64 << 10

// own returns the handler of one of ferry's own operations. Unlike the API, it refuses
// members of the input that it does not know.
func own[In, Out any](operation control.Operation[In, Out], method func(c *call, ctx context.Context, in *In) (*Out, error)) handler {
	h := handler{method: "POST", path: operation.Path(), name: operation.Name, maxBody: maxOwnBody}
	h.call = func(ctx context.Context, c *call, body []byte, _ string) (any, error) {
		in := new(In)
		if err := json.Unmarshal(body, in, json.RejectUnknownMembers(true)); err != nil {
			return nil, fail(socialmessaging.KindValidation, err, "The input of %s is not valid: %v", operation.Name, err)
		}
		c.entry.Resource = "*"
		if err := c.authorise(ctx, in, policy.Request{Action: operation.Action(), Resource: "*"}); err != nil {
			return nil, err
		}
		out, err := method(c, ctx, in)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(out)
		return jsontext.Value(text), err
	}
	return h
}

// ownHandlers are ferry's own operations.
var ownHandlers = []handler{
	own(control.ListEvents, (*call).ListEvents),
	own(control.CountEvents, (*call).CountEvents),
	own(control.ReplayEvents, (*call).ReplayEvents),
	own(control.DiscardEvents, (*call).DiscardEvents),
	own(control.HoldDestination, (*call).HoldDestination),
	own(control.ReleaseDestination, (*call).ReleaseDestination),
	own(control.ListDestinations, (*call).ListDestinations),
	own(control.ListEntries, (*call).ListEntries),
	own(control.Why, (*call).Why),
}

// eventFilter returns the filter of the caller's account.
func (c *call) eventFilter(f control.Filter) (state.EventFilter, error) {
	if len(f.Name) > maxEventName || strings.Count(f.Name, "*") > 4 {
		return state.EventFilter{}, fail(socialmessaging.KindValidation, nil, "name has more than %d bytes, or more than four '*'.", maxEventName)
	}
	if status := state.MessageStatus(f.Status); status != "" && !slices.Contains(state.MessageStatuses, status) {
		return state.EventFilter{}, fail(socialmessaging.KindValidation, nil, "There is no status %.40q; expected one of %v.", f.Status, state.MessageStatuses)
	}
	return state.EventFilter{
		AccountID: c.caller.accountID, ID: f.ID, Kind: f.Kind, Name: f.Name, Destination: f.Destination, State: f.State, Status: state.MessageStatus(f.Status), Since: f.Since, Until: f.Until,
	}, nil
}

const (
	// maxListWait bounds how long ListEvents waits for an event.
	maxListWait = 20 * time.Second
	// listInterval is the time between two looks for new events while ListEvents waits.
	listInterval = 200 * time.Millisecond
	// maxListWaits bounds the calls that wait at a time, of all accounts.
	maxListWaits = 256
	// maxPageBodies bounds the bodies of the events of one page, in bytes, unless it has
	// one event only.
	maxPageBodies = 8 << 20
	// maxEventName bounds the pattern of an event's name, in bytes.
	maxEventName = 256
)

// ListEvents lists messages and events of the caller's account.
func (c *call) ListEvents(ctx context.Context, in *control.ListEventsInput) (*control.ListEventsOutput, error) {
	limit := in.Limit
	if limit == 0 {
		limit = control.MaxEvents
	}
	wait := time.Duration(in.Wait) * time.Second
	switch {
	case limit < 1 || limit > control.MaxEvents:
		return nil, fail(socialmessaging.KindValidation, nil, "limit is %d; expected 1 to %d.", in.Limit, control.MaxEvents)
	case wait < 0 || wait > maxListWait:
		return nil, fail(socialmessaging.KindValidation, nil, "wait is %d; expected 0 to %d seconds.", in.Wait, int(maxListWait.Seconds()))
	case in.Latest && in.After != "":
		return nil, fail(socialmessaging.KindValidation, nil, "Both latest and after are set. Set one of them.")
	case in.Before != "" && !in.Latest:
		return nil, fail(socialmessaging.KindValidation, nil, "before is set, and latest is not. Set both.")
	}
	if wait > 0 {
		defer c.waits.Add(-1)
		if c.waits.Add(1) > maxListWaits {
			return nil, throttled("Too many calls wait for events already. Retry later, or without wait.")
		}
	}
	now := c.config.Now()
	filter, err := c.eventFilter(in.Filter.At(now))
	if err != nil {
		return nil, err
	}
	from, err := parseCursor(in.After)
	if err != nil {
		return nil, err
	}
	until, err := parseCursor(in.Before)
	if err != nil {
		return nil, err
	}
	page := state.EventPage{From: from.from, After: from.id, Until: until.from, Before: until.id, Latest: in.Latest, Complete: in.Complete, Limit: limit + len(from.seen)}
	ended, end := context.WithTimeout(ctx, wait)
	defer end()
	for {
		records, err := c.config.State.Events(ctx, filter, page)
		if err != nil {
			return nil, err
		}
		isFull := len(records) == page.Limit
		if in.Latest && in.Body { // the last ones that fit
			slices.Reverse(records)
			records = records[:countWithin(records, maxPageBodies)]
			slices.Reverse(records)
		}
		fresh := slices.DeleteFunc(slices.Clone(records), func(r state.EventRecord) bool { return from.has(r) })
		fresh = fresh[:min(len(fresh), limit)]
		if len(fresh) > 0 || wait == 0 || ended.Err() != nil || c.isDraining() {
			out, err := c.eventPage(ctx, in, from, records, fresh)
			if err != nil {
				return nil, err
			}
			if out.Now = now; in.Latest && isFull && len(fresh) > 0 {
				out.Earlier = eventCursor{from: fresh[0].ListedAt, id: fresh[0].ID}.String()
			}
			return out, nil
		}
		select {
		case <-time.After(listInterval):
		case <-c.draining:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// eventPage returns a page, and a cursor behind it.
func (c *call) eventPage(ctx context.Context, in *control.ListEventsInput, from eventCursor, records, fresh []state.EventRecord) (*control.ListEventsOutput, error) {
	if in.Body {
		fresh = fresh[:countWithin(fresh, maxPageBodies)]
		if err := c.config.State.ReadBodies(ctx, fresh); err != nil {
			return nil, err
		}
	}
	next := from.after(records, fresh, c.config.Now())
	if in.Latest && len(fresh) > 0 { // nothing before these is listed later
		next = eventCursor{from: fresh[0].ListedAt, id: fresh[0].ID}.after(records[1:], fresh[1:], c.config.Now())
	}
	out := &control.ListEventsOutput{Events: []control.Event{}, Next: next.String()}
	for _, r := range fresh {
		out.Events = append(out.Events, eventOf(r))
	}
	return out, nil
}

// countWithin returns how many of the first records have bodies of a size in total, and
// at least one.
func countWithin(records []state.EventRecord, size int) int {
	for i, r := range records {
		if size -= r.Size; size < 0 && i > 0 {
			return i
		}
	}
	return len(records)
}

// eventOf returns an event as ferry's own operations show it.
func eventOf(r state.EventRecord) control.Event {
	e := control.Event{
		ID: r.ID, Kind: r.Kind, Name: r.Name, CreatedAt: r.CreatedAt.UTC(), MessageID: r.MessageID, WAMID: r.WAMID,
		To: r.Recipient, Status: string(r.Status), Error: r.Error, Deliveries: []control.Delivery{}, Body: r.Body,
	}
	if r.PhoneNumberID != "" {
		e.PhoneNumberID = kindPhoneNumber.id(r.PhoneNumberID)
	}
	if r.Kind == state.KindMessage {
		e.MessageID = r.ID
	}
	for _, d := range r.Deliveries {
		e.Deliveries = append(e.Deliveries, control.Delivery{
			Destination: d.Destination, State: d.State, Attempts: d.Attempts, Error: d.Error, AttemptedAt: d.AttemptedAt.UTC(), EndedAt: d.EndedAt.UTC(),
		})
	}
	return e
}

// An eventCursor is a place in the list of events, which are sorted by the time since
// which they are complete, and by id. An event that is committed a moment after its successors must not be missed: so the
// list is read again from some time before, without the events that the caller has.
type eventCursor struct {
	from time.Time
	id   string   // of the last event of exactly this time that the caller has; empty means none
	seen []uint64 // listedDigest of the events after that
}

const (
	// lateCommit is how long after its time an event may become visible.
	lateCommit = 10 * time.Second
	// maxSeen bounds the events that a cursor names. If there are more, the time for
	// late ones is shorter.
	maxSeen = 500
)

// listedDigest is the digest of an event at its place in the list. After a replay it has
// another one.
func listedDigest(r state.EventRecord) uint64 {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(r.ID), uint64(r.ListedAt.UnixMilli())))
	return binary.BigEndian.Uint64(sum[:])
}

func (e eventCursor) has(r state.EventRecord) bool { return slices.Contains(e.seen, listedDigest(r)) }

// after returns the cursor behind a page. records are what was read: fresh is the part
// of it that the caller did not have, and gets.
func (e eventCursor) after(records, fresh []state.EventRecord, now time.Time) eventCursor {
	if len(fresh) == 0 {
		if e.from.IsZero() { // an empty list: go on from here
			return eventCursor{from: now.Add(-lateCommit)}
		}
		return e
	}
	settled, next := now.Add(-lateCommit), e
	next.seen = nil
	var known []state.EventRecord // what the caller has, behind next
	complete := 0                 // the first of known, before which the caller has everything
	for i, r := range records {
		isFresh := slices.ContainsFunc(fresh, func(f state.EventRecord) bool { return f.ID == r.ID })
		if !isFresh && !e.has(r) {
			continue
		}
		if known = append(known, r); len(known) == i+1 {
			complete++
		}
	}
	for ; complete > 0 && (len(known) > maxSeen || known[0].ListedAt.Before(settled)); complete-- {
		next.from, next.id, known = known[0].ListedAt, known[0].ID, known[1:]
	}
	for _, r := range known[:min(len(known), maxSeen)] { // the rest would be listed twice
		next.seen = append(next.seen, listedDigest(r))
	}
	return next
}

// String returns the cursor as a text without meaning for the caller.
func (e eventCursor) String() string {
	text := binary.BigEndian.AppendUint64(nil, uint64(e.from.UnixMilli()))
	text = append(append(text, byte(len(e.id))), e.id...)
	for _, seen := range e.seen {
		text = binary.BigEndian.AppendUint64(text, seen)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseCursor reads what String returned. An empty text is the start of the list. A
// cursor that was made up selects nothing that its caller may not read.
func parseCursor(text string) (e eventCursor, err error) {
	if text == "" {
		return e, nil
	}
	rest, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(rest) > 8 && len(rest) >= 9+int(rest[8]) {
		e.from, e.id, rest = time.UnixMilli(int64(binary.BigEndian.Uint64(rest))), string(rest[9:9+int(rest[8])]), rest[9+int(rest[8]):]
		for ; len(rest) >= 8 && len(e.seen) < maxSeen; rest = rest[8:] {
			e.seen = append(e.seen, binary.BigEndian.Uint64(rest))
		}
		if len(rest) == 0 && utf8.ValidString(e.id) {
			return e, nil
		}
	}
	return eventCursor{}, fail(socialmessaging.KindValidation, err, "The place in the list is not the next or the earlier of a page. Omit it to start from the first event, or from the last one.")
}

// CountEvents counts messages, events and their deliveries.
func (c *call) CountEvents(ctx context.Context, in *control.CountEventsInput) (*control.CountEventsOutput, error) {
	now := c.config.Now()
	filter, err := c.eventFilter(in.Filter.At(now))
	if err != nil {
		return nil, err
	}
	events, deliveries, err := c.config.State.CountEvents(ctx, filter)
	if err != nil {
		return nil, err
	}
	return &control.CountEventsOutput{Events: events, Deliveries: deliveries, Now: now}, nil
}

// changeEvents changes what a filter selects, which must not be everything.
func (c *call) changeEvents(ctx context.Context, in *control.ChangeEventsInput, change func(context.Context, state.EventFilter) (int64, error)) (*control.ChangeEventsOutput, error) {
	if in.Filter == (control.Filter{}) {
		return nil, fail(socialmessaging.KindValidation, nil, "The filter is empty, which would select all events. Set at least one of its members.")
	}
	filter, err := c.eventFilter(in.Filter.At(c.config.Now()))
	if err != nil {
		return nil, err
	}
	changed, err := change(ctx, filter)
	if err != nil {
		return nil, err
	}
	selected, _ := json.Marshal(in.Filter)
	c.administered(ctx, "", fmt.Sprintf("%d deliveries, selected by %s", changed, selected))
	return &control.ChangeEventsOutput{Changed: changed}, nil
}

// ReplayEvents delivers events again.
func (c *call) ReplayEvents(ctx context.Context, in *control.ChangeEventsInput) (*control.ChangeEventsOutput, error) {
	return c.changeEvents(ctx, in, c.config.State.ReplayEvents)
}

// DiscardEvents gives up deliveries.
func (c *call) DiscardEvents(ctx context.Context, in *control.ChangeEventsInput) (*control.ChangeEventsOutput, error) {
	return c.changeEvents(ctx, in, c.config.State.DiscardEvents)
}

// ListDestinations lists the destinations of the account.
func (c *call) ListDestinations(ctx context.Context, _ *control.ListDestinationsInput) (*control.ListDestinationsOutput, error) {
	list, err := c.config.State.Destinations(ctx, c.caller.accountID)
	if err != nil {
		return nil, err
	}
	out := &control.ListDestinationsOutput{Destinations: []control.Destination{}, Now: c.config.Now()}
	for _, d := range list {
		out.Destinations = append(out.Destinations, control.Destination(d))
	}
	return out, nil
}

// HoldDestination makes deliveries wait.
func (c *call) HoldDestination(ctx context.Context, in *control.HoldDestinationInput) (*control.HoldDestinationOutput, error) {
	if err := c.checkDestinationName(ctx, in.Destination); err != nil {
		return nil, err
	}
	if err := c.config.State.HoldDestination(ctx, in.Destination, in.Reason); err != nil {
		return nil, err
	}
	c.administered(ctx, in.Destination, in.Reason)
	return c.waiting(ctx, in.Destination)
}

// ReleaseDestination lets deliveries continue.
func (c *call) ReleaseDestination(ctx context.Context, in *control.ReleaseDestinationInput) (*control.HoldDestinationOutput, error) {
	if err := c.checkDestinationName(ctx, in.Destination); err != nil {
		return nil, err
	}
	err := c.config.State.ReleaseDestination(ctx, in.Destination)
	if errors.Is(err, state.ErrNotFound) {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "The destination '%s' is not held.", in.Destination)
	}
	if err != nil {
		return nil, err
	}
	c.administered(ctx, in.Destination, "")
	return c.waiting(ctx, in.Destination)
}

// checkDestinationName requires a destination of the account.
func (c *call) checkDestinationName(ctx context.Context, name string) error {
	known, err := c.config.State.OwnsDestination(ctx, c.caller.accountID, name)
	if err == nil && !known {
		err = fail(socialmessaging.KindInvalidParameters, nil, "No delivery of account %s has gone to a destination '%s'. ListDestinations lists those that have.", c.caller.accountID, name)
	}
	return err
}

// waiting returns how many deliveries wait for a destination.
func (c *call) waiting(ctx context.Context, destination string) (*control.HoldDestinationOutput, error) {
	waiting, err := c.config.State.CountWaiting(ctx, destination)
	return &control.HoldDestinationOutput{Waiting: waiting}, err
}
