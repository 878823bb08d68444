// What a program that runs a Server can be told as it happens.

package metasim

import (
	"fmt"
	"strings"
	"time"
)

// An ObservedKind says what an Observation is about.
type ObservedKind string

// The kinds of observations.
const (
	ObservedRequest ObservedKind = "request" // to the Graph API, when its response is sent
	ObservedWebhook ObservedKind = "webhook" // an attempt to deliver one
	ObservedStatus  ObservedKind = "status"  // a message of the business got a status
	ObservedInbound ObservedKind = "inbound" // a person has written
	ObservedPerson  ObservedKind = "person"  // a person was changed: is offline, has blocked the business, and so on
)

// An Observation is one thing that the Server did, or a person in it. Fields that do
// not apply are empty.
type Observation struct {
	Kind          ObservedKind
	Time          time.Time // by the system's clock, not the simulator's
	Took          time.Duration
	Name          string // operation of a request, field of a webhook, the status, type of the message, what was changed
	TraceID       string // of a request, as in the header x-fb-trace-id; of a webhook, its id
	PhoneNumberID string
	WAID          string // of the person, or their BSUID
	MessageID     string
	MediaID       string
	SHA256        string // of the file of an upload, hexadecimal
	Bytes         int64  // of the file of an upload, or of the body of a webhook
	Status        int    // of the response; 0 means that there was none
	Code          int    // of a failed message
	Failed        bool   // a request was refused, a webhook was not accepted, or a message has failed
	Text          string // why; without tokens
	FaultID       string // of the fault that was applied
}

// observe tells Config.Observe.
func (s *Server) observe(o Observation) {
	if s.cfg.Observe == nil {
		return
	}
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	s.cfg.Observe(o)
}

// observeRequest reports a request that has ended.
func (c *call) observeRequest(r Request) {
	o := Observation{
		Kind: ObservedRequest, Time: c.started, Took: r.Duration, Name: string(r.Operation), TraceID: r.TraceID, MessageID: r.MessageID,
		MediaID: r.MediaID, SHA256: r.SHA256, Bytes: r.FileSize, Status: r.Status, Text: r.Reason, FaultID: r.FaultID,
		Failed: r.Status < 200 || r.Status > 299 || r.Cut,
	}
	if c.server.phone(c.id) != nil {
		o.PhoneNumberID = c.id
	}
	if r.Cut {
		o.Text = strings.TrimSpace(o.Text + " The connection was cut on purpose.")
	}
	if message, ok := c.server.Message(r.MessageID); ok {
		o.WAID = message.person()
	}
	c.server.observe(o)
}

// person returns the wa_id of the addressee, or their BSUID.
func (m Message) person() string {
	if m.WAID != "" {
		return m.WAID
	}
	return m.UserID
}

// observeStatus reports the newest status of a message.
func (s *Server) observeStatus(row messageRow) {
	last := row.Statuses[len(row.Statuses)-1]
	o := Observation{
		Kind: ObservedStatus, Name: last.Status, PhoneNumberID: row.PhoneNumberID, WAID: row.person(), MessageID: row.ID,
		Code: last.Code, Failed: last.Status == statusFailed,
	}
	if o.Failed {
		o.Text = last.Title
		if last.Details != "" && last.Details != last.Title {
			o.Text += ": " + last.Details
		}
	}
	if len(row.Media) == 1 {
		o.MediaID = row.Media[0].ID
	}
	s.observe(o)
}

// observeChange reports that a person was changed.
func (s *Server) observeChange(p Person, change PersonChange) {
	var names []string
	flag := func(value *bool, yes, no string) {
		switch {
		case value == nil:
		case *value:
			names = append(names, yes)
		default:
			names = append(names, no)
		}
	}
	flag(change.Offline, "is offline", "is online")
	flag(change.Blocks, "blocks the business", "no longer blocks the business")
	flag(change.NoWhatsApp, "has no WhatsApp", "has WhatsApp")
	flag(change.HidesNumber, "hides the number", "shows the number")
	if change.Name != nil || change.Username != nil {
		names = append(names, "has another name")
	}
	if len(names) == 0 {
		return
	}
	s.observe(Observation{
		Kind: ObservedPerson, Name: "change", PhoneNumberID: p.PhoneNumberID, WAID: p.WAID,
		Text: fmt.Sprintf("The person %s.", strings.Join(names, ", ")),
	})
}
