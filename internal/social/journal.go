// What has happened: ferry's own operations that read the journal.

package social

import (
	"context"
	"slices"
	"time"

	"ferry/internal/activity"
	"ferry/internal/control"
	"ferry/internal/journal"
	"ferry/socialmessaging"
)

// maxAnyID bounds an id that a caller looks for, in bytes.
const maxAnyID = 2000

// entryFilter returns the filter of the caller's account.
func (c *call) entryFilter(f control.EntryFilter) (journal.Filter, error) {
	f = f.At(c.config.Now())
	filter := journal.Filter{Account: c.caller.accountID, Failed: f.Failed, Since: f.Since}
	for _, kind := range f.Kinds {
		if !slices.Contains(activity.Kinds, activity.Kind(kind)) {
			return filter, fail(socialmessaging.KindValidation, nil, "There is no kind '%s' of entries; expected one of %v.", kind, activity.Kinds)
		}
		filter.Kinds = append(filter.Kinds, activity.Kind(kind))
	}
	if len(f.ID) > maxAnyID || f.ID != "" && !journal.IsID(f.ID) {
		return filter, fail(socialmessaging.KindValidation, nil, "id is none: it has more than %d bytes, or is not UTF-8.", maxAnyID)
	}
	if f.ID != "" {
		filter.IDs = journal.Spellings(f.ID)
	}
	return filter, nil
}

// ListEntries lists what has happened in the caller's account.
func (c *call) ListEntries(ctx context.Context, in *control.ListEntriesInput) (*control.ListEntriesOutput, error) {
	filter, err := c.entryFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	filter.After, filter.Latest, filter.Limit = in.After, in.Latest, in.Limit
	wait := time.Duration(in.Wait) * time.Second
	switch {
	case in.Limit == 0:
		filter.Limit = control.MaxEvents
	case in.Limit < 1 || in.Limit > control.MaxEvents:
		return nil, fail(socialmessaging.KindValidation, nil, "limit is %d; expected 1 to %d.", in.Limit, control.MaxEvents)
	}
	if wait < 0 || wait > maxListWait {
		return nil, fail(socialmessaging.KindValidation, nil, "wait is %d; expected 0 to %d seconds.", in.Wait, int(maxListWait.Seconds()))
	}
	if wait > 0 {
		defer c.waits.Add(-1)
		if c.waits.Add(1) > maxListWaits {
			return nil, throttled("Too many calls wait for entries already. Retry later, or without wait.")
		}
	}
	ended, end := context.WithTimeout(ctx, wait)
	defer end()
	for {
		changed := c.config.Journal.Changed()
		first, last, err := c.config.Journal.Bounds(ctx)
		if err != nil {
			return nil, err
		}
		entries, err := c.config.Journal.Read(ctx, filter)
		if err != nil {
			return nil, err
		}
		if len(entries) > 0 || wait == 0 || ended.Err() != nil || c.isDraining() {
			return entryPage(entries, in.After, first, last, filter.Limit), nil
		}
		filter.After = max(filter.After, last) // nothing of this is selected
		select {
		case <-changed:
		case <-ended.Done():
		case <-c.draining:
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// entryPage returns a page. If it is not full, the caller has all up to last, the number
// of the newest entry before the page was read.
func entryPage(entries []activity.Entry, after, first, last int64, limit int) *control.ListEntriesOutput {
	out := &control.ListEntriesOutput{Entries: []control.Entry{}, Next: after, Oldest: first}
	if len(entries) < limit {
		out.Next = max(out.Next, last)
	}
	for _, e := range entries {
		out.Entries = append(out.Entries, shown(e))
		out.Next = max(out.Next, e.Seq)
	}
	return out
}

// shown returns an entry as callers see it: without the cause, which is the operator's.
func shown(e activity.Entry) control.Entry {
	entry := control.Entry{
		Seq: e.Seq, Time: e.Time.UTC(), TookMS: float64(e.Took.Microseconds()) / 1000, Kind: string(e.Kind), Operation: e.Operation, Outcome: string(e.Outcome),
		Status: e.Status, Code: e.Code, Text: e.Text, RequestID: e.Trace, AccessKeyID: e.AccessKey, By: e.By, Resource: e.Resource, Person: e.Person,
		MediaID: e.MediaID, MessageID: e.MessageID, WAMID: e.WAMID, EventID: e.EventID, Object: e.Object, ETag: e.ETag, SHA256: e.SHA256,
		Destination: e.Destination, MetaTraceID: e.MetaTrace, Bytes: e.Bytes,
	}
	if e.PhoneNumberID != "" {
		entry.PhoneNumberID = kindPhoneNumber.id(e.PhoneNumberID)
	}
	if len(e.Details) > 0 {
		entry.Details = make(map[string]string, len(e.Details))
	}
	for _, d := range e.Details {
		entry.Details[d.Key] = d.Value.String()
	}
	return entry
}
