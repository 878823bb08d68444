// Package control has the operations that ferry offers beside those of AWS's API:
// they show what the server has to deliver, and change it. This file has their
// shapes, which server and client share; client.go has the client.
//
// Each operation is a POST of a JSON object to its path, signed as the calls of the
// API are, and answered with a JSON object. Errors have the form of the API's errors.
// A caller's policy must allow the action "ferry:" and the name of the operation, on
// the resource "*". An account sees only its own events.
package control

import (
	"encoding/json"
	"time"
)

// An Operation is one of ferry's own operations, with its input and output.
type Operation[In, Out any] struct{ Name string }

// Path returns the path of the operation.
func (o Operation[In, Out]) Path() string { return "/_ferry/" + o.Name }

// Action returns the action that a policy must allow.
func (o Operation[In, Out]) Action() string { return "ferry:" + o.Name }

// The operations.
var (
	// ListEvents lists messages and events, oldest first: sorted by the time since which
	// they are complete, which is the time at which they were recorded unless something
	// had to be prepared, such as the file of an inbound message.
	ListEvents = Operation[ListEventsInput, ListEventsOutput]{"ListEvents"}
	// CountEvents counts the deliveries of messages and events by state.
	CountEvents = Operation[CountEventsInput, CountEventsOutput]{"CountEvents"}
	// ReplayEvents delivers events again, with the same ids.
	ReplayEvents = Operation[ChangeEventsInput, ChangeEventsOutput]{"ReplayEvents"}
	// DiscardEvents ends deliveries that wait or have failed, without another attempt.
	DiscardEvents = Operation[ChangeEventsInput, ChangeEventsOutput]{"DiscardEvents"}
	// HoldDestination makes the deliveries to a destination wait.
	HoldDestination = Operation[HoldDestinationInput, HoldDestinationOutput]{"HoldDestination"}
	// ReleaseDestination makes them go on.
	ReleaseDestination = Operation[ReleaseDestinationInput, HoldDestinationOutput]{"ReleaseDestination"}
	// ListDestinations lists the destinations that have had deliveries.
	ListDestinations = Operation[ListDestinationsInput, ListDestinationsOutput]{"ListDestinations"}
)

// The states of a delivery.
const (
	Waiting   = "waiting"   // for its first attempt, for the next one, or for its destination to be released
	Delivered = "delivered" // the destination has accepted it; of a message: Meta has
	Dead      = "dead"      // it was given up; its error says why
	Cancelled = "cancelled" // it was discarded
	Replayed  = "replayed"  // it had ended, and was put in again
)

// A Filter selects messages and events. Each field that is set narrows it.
type Filter struct {
	// ID is the id of an event or of a message, or Meta's id of a message.
	ID string `json:"id,omitempty"`
	// Kind is "message" or "event". Empty means both.
	Kind string `json:"kind,omitempty"`
	// Name is the name of an event, such as "status.delivered"; a "*" stands for any
	// text.
	Name string `json:"name,omitempty"`
	// Destination is where a delivery goes.
	Destination string `json:"destination,omitempty"`
	// State is the state of a delivery.
	State string `json:"state,omitempty"`
	// Status is the status of a message, such as "failed".
	Status string `json:"status,omitempty"`
	// Since and Until bound the time at which the event was recorded. Since is part of
	// the interval, Until is not.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// SinceAgeMS and UntilAgeMS replace Since and Until: milliseconds before the present
	// time of the server. Zero means that they do not.
	SinceAgeMS int64 `json:"sinceAgeMs,omitempty"`
	UntilAgeMS int64 `json:"untilAgeMs,omitempty"`
}

// At returns the filter with times instead of ages, when the server's clock shows now.
func (f Filter) At(now time.Time) Filter {
	if f.SinceAgeMS != 0 {
		f.Since = before(now, f.SinceAgeMS)
	}
	if f.UntilAgeMS != 0 {
		f.Until = before(now, f.UntilAgeMS)
	}
	f.SinceAgeMS, f.UntilAgeMS = 0, 0
	return f
}

func before(now time.Time, milliseconds int64) time.Time {
	return now.Add(-time.Duration(milliseconds) * time.Millisecond)
}

// An Event is a message that was sent, or something that happened at WhatsApp, with
// its deliveries.
type Event struct {
	ID            string          `json:"id"`   // the same on every attempt of a delivery
	Kind          string          `json:"kind"` // "message" or "event"
	Name          string          `json:"name"` // "status.delivered", "message.image"; of a message: its type
	CreatedAt     time.Time       `json:"createdAt"`
	PhoneNumberID string          `json:"phoneNumberId,omitempty"` // "phone-number-id-…"
	MessageID     string          `json:"messageId,omitempty"`     // as SendWhatsAppMessage returned it
	WAMID         string          `json:"wamid,omitempty"`         // Meta's id of the message
	To            string          `json:"to,omitempty"`            // of a message: digits of the recipient's number, or Meta's id of a user or a group
	Status        string          `json:"status,omitempty"`        // of a message: queued, accepted, sent, delivered, read, failed or unknown
	Error         string          `json:"error,omitempty"`         // of a message: why it failed
	Deliveries    []Delivery      `json:"deliveries"`
	Body          json.RawMessage `json:"body,omitempty"` // of an event: the envelope; of a message: what Meta receives
}

// A Delivery is one delivery of an event to one destination.
type Delivery struct {
	Destination string    `json:"destination"`
	State       string    `json:"state"`
	Attempts    int       `json:"attempts"`
	Error       string    `json:"error,omitempty"` // of the last attempt
	AttemptedAt time.Time `json:"attemptedAt,omitzero"`
	EndedAt     time.Time `json:"endedAt,omitzero"`
}

// MaxEvents bounds the events of one page of ListEvents.
const MaxEvents = 100

// ListEventsInput selects a page of events.
type ListEventsInput struct {
	Filter Filter `json:"filter"`
	// After is the Next of an earlier page. Empty means from the start.
	After string `json:"after,omitempty"`
	// Latest lists the last Limit events in place of the first ones.
	Latest bool `json:"latest,omitempty"`
	// Before is the Earlier of another page: only events before that page are listed. It
	// needs Latest.
	Before string `json:"before,omitempty"`
	// Complete omits events that are prepared, until they are complete; so each event is
	// listed once. Otherwise such an event is listed as it is, and may be listed once more
	// on a later page, when it is complete.
	Complete bool `json:"complete,omitempty"`
	// Limit is the size of the page, at most MaxEvents, which is the default.
	Limit int `json:"limit,omitempty"`
	// Wait is how many seconds to wait for an event if there is none, at most 20.
	Wait int `json:"wait,omitempty"`
	// Body says whether the bodies of the events are wanted.
	Body bool `json:"body,omitempty"`
}

// ListEventsOutput is a page of events. It is the last one if Next does not change.
type ListEventsOutput struct {
	Events []Event `json:"events"`
	// Next continues after the last event of the page.
	Next string `json:"next"`
	// Earlier lists the page before this one, as Before; empty if there is none. Only pages
	// with Latest have it.
	Earlier string `json:"earlier,omitempty"`
	// Now is the time of the server's clock for which the ages of the filter were taken.
	Now time.Time `json:"now"`
}

// CountEventsInput selects what is counted.
type CountEventsInput struct {
	Filter Filter `json:"filter"`
}

// CountEventsOutput has the number of events, and of their deliveries in each state.
type CountEventsOutput struct {
	Events     int64            `json:"events"`
	Deliveries map[string]int64 `json:"deliveries"`
	Now        time.Time        `json:"now"` // as in ListEventsOutput
}

// ChangeEventsInput selects what is delivered again or discarded. The filter must
// not be empty.
type ChangeEventsInput struct {
	Filter Filter `json:"filter"`
}

// ChangeEventsOutput has the number of deliveries that were changed.
type ChangeEventsOutput struct {
	Changed int64 `json:"changed"`
}

// HoldDestinationInput names a destination as ListDestinations does.
type HoldDestinationInput struct {
	Destination string `json:"destination"`
	Reason      string `json:"reason"`
}

// ReleaseDestinationInput names a destination as ListDestinations does.
type ReleaseDestinationInput struct {
	Destination string `json:"destination"`
}

// HoldDestinationOutput has the number of deliveries that wait.
type HoldDestinationOutput struct {
	Waiting int64 `json:"waiting"`
}

// ListDestinationsInput has no members.
type ListDestinationsInput struct{}

// ListDestinationsOutput lists destinations, those of messages first.
type ListDestinationsOutput struct {
	Destinations []Destination `json:"destinations"`
	Now          time.Time     `json:"now"` // of the server's clock
}

// A Destination is where deliveries go.
type Destination struct {
	Destination string    `json:"destination"` // "send/…" for messages, "event/…" for events
	Waiting     int64     `json:"waiting"`
	Dead        int64     `json:"dead"`
	OldestAt    time.Time `json:"oldestAt,omitzero"` // when the oldest delivery that waits was put in
	HeldAt      time.Time `json:"heldAt,omitzero"`
	HeldReason  string    `json:"heldReason,omitempty"`
	LastError   string    `json:"lastError,omitempty"` // of a delivery that waits or is dead
}
