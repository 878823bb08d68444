// Why a file or a message did not arrive: what is known is gathered here, and joined by
// internal/why.

package social

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/control"
	"ferry/internal/journal"
	"ferry/internal/state"
	"ferry/internal/why"
	"ferry/socialmessaging"
)

// maxCandidates bounds what an object or a phone number may stand for.
const maxCandidates = 20

// Why says what became of an id.
func (c *call) Why(ctx context.Context, in *control.WhyInput) (*why.Report, error) {
	id := strings.TrimSpace(in.ID)
	if id == "" || len(id) > maxAnyID || !journal.IsID(id) {
		return nil, fail(socialmessaging.KindValidation, nil, "id must be the id of a request, a file, a message, an event, Meta's trace id, s3://bucket/key or a phone number, of at most %d bytes.", maxAnyID)
	}
	g := &gathering{call: c, facts: why.Facts{ID: id, Now: c.config.Now(), Kept: keptText(c.config.Journal.Kept())}}
	if err := g.find(ctx, id); err != nil {
		return nil, err
	}
	report := why.Join(g.facts)
	return &report, nil
}

func keptText(kept journal.Kept) string {
	text := fmt.Sprintf("the last %d entries", kept.Entries)
	switch days := kept.Time / (24 * time.Hour); {
	case kept.Time == 0:
		return text
	case days > 1 && kept.Time%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days, and %s", days, text)
	}
	return kept.Time.String() + ", and " + text
}

// A gathering collects what is known of an id.
type gathering struct {
	call  *call
	facts why.Facts
}

// entries returns what the journal has of ids.
func (g *gathering) entries(ctx context.Context, ids ...string) ([]activity.Entry, error) {
	return g.call.config.Journal.Read(ctx, journal.Filter{Account: g.call.caller.accountID, IDs: ids, Latest: true, Limit: journal.MaxPage})
}

// unverified returns the call with a request id that was refused because of its signature,
// if it named the caller's access key, or if the server's own console reads it.
func (g *gathering) unverified(ctx context.Context, id string) ([]activity.Entry, error) {
	entries, err := g.call.config.Journal.Read(ctx, journal.Filter{Kinds: []activity.Kind{activity.Call}, IDs: []string{id}, Latest: true, Limit: 1})
	return slices.DeleteFunc(entries, func(e activity.Entry) bool {
		return e.Account != "" || e.AccessKey != g.call.caller.accessKeyID && !g.call.isInside || e.Trace != id
	}), err
}

// find collects what is known of an id.
func (g *gathering) find(ctx context.Context, id string) error {
	found, err := g.entries(ctx, journal.Spellings(id)...)
	if err == nil && len(found) == 0 {
		found, err = g.unverified(ctx, id)
	}
	if err != nil {
		return err
	}
	found, messageID, mediaID, err := g.follow(ctx, id, found)
	if err != nil || len(g.facts.Candidates) > 0 {
		return err
	}
	if messageID != "" {
		mediaID, err = g.message(ctx, messageID, mediaID)
		if err != nil {
			return err
		}
	}
	return g.upload(ctx, mediaID, found)
}

// follow finds out which message, or else which file, an id leads to. An object or a
// person that leads to several has candidates.
func (g *gathering) follow(ctx context.Context, id string, found []activity.Entry) (all []activity.Entry, messageID, mediaID string, err error) {
	var messages, media []string
	add := func(list *[]string, id string) {
		if id != "" && !slices.Contains(*list, id) {
			*list = append(*list, id)
		}
	}
	var traces []string
	for _, e := range found {
		add(&messages, e.MessageID)
		add(&media, e.MediaID)
		if e.Kind != activity.Attempt && e.Kind != activity.Event {
			add(&traces, e.Trace)
		}
	}
	isGroup := slices.ContainsFunc(found, func(e activity.Entry) bool { return e.Object == id || slices.Contains(journal.Spellings(id), e.Person) })
	if isGroup && len(messages)+len(media) > 1 {
		g.candidates(found)
		if len(g.facts.Candidates) > 1 {
			return nil, "", "", nil
		}
		g.facts.Candidates = nil
	}
	if len(messages) == 0 && len(media) == 0 && len(traces) > 0 { // an id of Meta's, of a step
		steps, err := g.entries(ctx, append(traces[:min(len(traces), 32)], id)...)
		if err != nil {
			return nil, "", "", err
		}
		if len(steps) > 0 { // none if the call was not verified
			found = steps
		}
		for _, e := range found {
			add(&messages, e.MessageID)
			add(&media, e.MediaID)
		}
	}
	if len(messages) > 0 {
		messageID = messages[len(messages)-1]
	} else {
		messageID = id // the database may know it
	}
	if len(media) > 0 {
		mediaID = media[len(media)-1]
	} else if len(messages) == 0 {
		mediaID = id
	}
	if messageID == id && len(media) == 1 && len(messages) == 0 { // messages that use the file
		messageID, err = g.lastMessageWith(ctx, media[0])
	}
	return found, messageID, mediaID, err
}

// lastMessageWith returns the id of the last message with a file; empty means none.
func (g *gathering) lastMessageWith(ctx context.Context, mediaID string) (string, error) {
	entries, err := g.entries(ctx, mediaID)
	if err != nil {
		return "", err
	}
	for _, e := range slices.Backward(entries) {
		if e.MessageID != "" {
			return e.MessageID, nil
		}
	}
	return "", nil
}

// candidates lists the uploads and messages among entries, newest last.
func (g *gathering) candidates(found []activity.Entry) {
	seen := make(map[string]bool)
	for _, e := range slices.Backward(found) {
		id, text := e.MessageID, "message"
		if e.Kind == activity.Call && e.MediaID != "" {
			id, text = e.MediaID, "upload of "+e.Object
		}
		if id == "" || seen[id] || e.Kind == activity.Phone || len(seen) >= maxCandidates {
			continue
		}
		seen[id] = true
		if e.Person != "" {
			text += " to " + e.Person
		}
		g.facts.Candidates = append(g.facts.Candidates, why.Candidate{ID: id, Time: e.Time, Text: text + ": " + string(e.Outcome), Person: e.Person})
	}
	slices.Reverse(g.facts.Candidates)
}

// message adds a message with its events, and returns the id of its file.
func (g *gathering) message(ctx context.Context, id, mediaID string) (string, error) {
	db, account := g.call.config.State, g.call.caller.accountID
	records, err := db.Events(ctx, state.EventFilter{AccountID: account, ID: id}, state.EventPage{Limit: control.MaxEvents})
	if err != nil {
		return mediaID, err
	}
	held := make(map[string]string)
	destinations, err := db.Destinations(ctx, account)
	if err != nil {
		return mediaID, err
	}
	for _, d := range destinations {
		if !d.HeldAt.IsZero() {
			held[d.Destination] = d.HeldReason
			if d.HeldReason == "" {
				held[d.Destination] = "without a reason"
			}
		}
	}
	messageID := ""
	for _, r := range records {
		if r.Kind == state.KindMessage {
			messageID = r.ID
		} else if messageID == "" {
			messageID = r.MessageID
		}
	}
	m, err := db.Message(ctx, messageID)
	if errors.Is(err, state.ErrNotFound) || err == nil && m.AccountID != account {
		return mediaID, g.received(ctx, records, held)
	}
	if err != nil {
		return mediaID, err
	}
	if records, err = db.Events(ctx, state.EventFilter{AccountID: account, ID: messageID}, state.EventPage{Limit: control.MaxEvents}); err != nil {
		return mediaID, err
	}
	for _, r := range records {
		if r.Kind == state.KindEvent {
			g.facts.Events = append(g.facts.Events, eventFact(r, held))
		}
	}
	file := mediaIn(m.Body)
	g.facts.Message = &why.Message{
		ID: m.ID, WAMID: m.WAMID, Type: m.Type, Recipient: m.Recipient, PhoneNumberID: kindPhoneNumber.id(m.PhoneNumberID), MediaID: file,
		Status: string(m.Status), Error: m.Error, Created: m.CreatedAt,
	}
	ids := []string{m.ID, m.RequestID}
	if m.WAMID != "" {
		ids = append(ids, m.WAMID)
	}
	g.facts.Entries, err = g.entries(ctx, ids...)
	return file, err
}

// received adds events that are not about a message of the account, such as a message that
// a person wrote.
func (g *gathering) received(ctx context.Context, records []state.EventRecord, held map[string]string) (err error) {
	var ids []string
	for _, r := range records {
		if r.Kind == state.KindEvent {
			g.facts.Events, ids = append(g.facts.Events, eventFact(r, held)), append(ids, r.ID)
		}
	}
	if len(ids) > 0 {
		g.facts.Entries, err = g.entries(ctx, ids...)
	}
	return err
}

func eventFact(r state.EventRecord, held map[string]string) why.Event {
	e := why.Event{ID: r.ID, Name: r.Name, Created: r.CreatedAt}
	for _, d := range r.Deliveries {
		delivery := why.Delivery{Destination: d.Destination, State: d.State, Error: d.Error, Attempts: d.Attempts}
		if d.State == control.Waiting {
			delivery.Held = held[d.Destination]
		}
		e.Deliveries = append(e.Deliveries, delivery)
	}
	return e
}

// mediaIn returns the media id in a message; empty means none.
func mediaIn(body []byte) string {
	var message map[string]json.RawMessage
	if json.Unmarshal(body, &message) != nil {
		return ""
	}
	for _, kind := range []string{"image", "video", "audio", "document", "sticker"} {
		var file struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(message[kind], &file) == nil && file.ID != "" {
			return file.ID
		}
	}
	return ""
}

// upload adds the file and the call that uploaded it.
func (g *gathering) upload(ctx context.Context, mediaID string, found []activity.Entry) error {
	entries := found
	if mediaID != "" {
		media, err := g.call.config.State.MediaOfAccount(ctx, g.call.caller.accountID, mediaID)
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		if err == nil {
			g.facts.Media = &why.Media{ID: media.ID, PhoneNumberID: kindPhoneNumber.id(media.PhoneNumberID), Source: media.SourceName, ETag: media.SourceETag,
				MIMEType: media.MIMEType, Size: media.Size, Created: media.CreatedAt, Expires: media.ExpiresAt}
		}
		if entries, err = g.entries(ctx, mediaID); err != nil {
			return err
		}
	}
	var traces []string
	for _, e := range entries {
		if e.Kind == activity.Call && e.MessageID == "" && !slices.Contains(traces, e.Trace) {
			traces = append(traces, e.Trace)
		}
	}
	if g.facts.Message == nil { // the refused call of a request id
		for _, e := range found {
			if e.Trace != "" && (e.Kind == activity.Call || e.Kind == activity.Message) && !slices.Contains(traces, e.Trace) {
				traces = append(traces, e.Trace)
			}
		}
	}
	if len(traces) > 0 {
		steps, err := g.entries(ctx, traces[max(0, len(traces)-8):]...)
		if err != nil {
			return err
		}
		if len(steps) == 0 { // the call was not verified
			steps = found
		}
		g.facts.Entries = append(g.facts.Entries, steps...)
	}
	g.facts.Entries = slices.CompactFunc(slices.SortedFunc(slices.Values(g.facts.Entries), func(a, b activity.Entry) int { return int(a.Seq - b.Seq) }),
		func(a, b activity.Entry) bool { return a.Seq == b.Seq })
	return nil
}
