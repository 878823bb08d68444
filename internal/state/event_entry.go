package state

import (
	"log/slog"

	"ferry/internal/activity"
)

// Entry returns the entry of the journal for an event that was recorded, or, with its
// destinations, routed. trace is the request id of what has caused it.
func (e *Event) Entry(trace string) activity.Entry {
	entry := activity.Entry{
		Kind: activity.Event, Time: e.CreatedAt, Trace: trace, Account: e.AccountID, Operation: e.Name,
		PhoneNumberID: e.PhoneNumberID, MessageID: e.MessageID, WAMID: e.WAMID, EventID: e.ID, Outcome: activity.OK, Span: activity.ParseTraceParent(e.TraceParent).Child(),
	}
	var destinations []string
	for _, destination := range e.Destinations {
		if IsPreparation(destination) {
			entry.Outcome = activity.Waiting
			continue
		}
		destinations = append(destinations, destination)
	}
	if len(destinations) > 0 {
		entry.Destination = destinations[0]
		entry.Details = append(entry.Details, slog.Any("destinations", destinations))
	}
	return entry
}
