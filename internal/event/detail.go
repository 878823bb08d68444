// Events in the form in which AWS puts them on EventBridge (docs/references.md#aws-events).

package event

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ferry/internal/state"
)

// detail is the content of an event on EventBridge.
type detail struct {
	kind string // detail-type
	text string // JSON
}

// detailTypes are AWS's detail-types of statuses. Every other notification is an
// unknown one.
var detailTypes = map[string]string{
	"status.sent":          "WhatsApp Message Sent",
	"status.delivered":     "WhatsApp Message Delivered",
	"status.read":          "WhatsApp Message Read",
	"status.failed":        "WhatsApp Message Failed",
	"status.undeliverable": "WhatsApp Message Undeliverable",
}

const (
	detailReceived = "WhatsApp Message Received"
	detailUnknown  = "WhatsApp Unknown Notification Received"
)

// detailMembers are the members of a detail in AWS's order. The ids are Meta's, but
// for messageId.
type detailMembers struct {
	BusinessAccount string        `json:"wabaId"`
	PhoneNumber     string        `json:"originationPhoneNumber,omitempty"` // digits
	PhoneNumberID   string        `json:"originationPhoneNumberId,omitempty"`
	MessageID       string        `json:"messageId,omitempty"` // as SendWhatsAppMessage returned it; of other messages Meta's
	Status          string        `json:"status,omitempty"`
	Time            string        `json:"eventTimestamp,omitempty"` // Unix seconds
	Errors          []detailError `json:"errors,omitempty"`
	Entry           string        `json:"whatsAppWebhookEntry,omitempty"` // as in the envelope; not of statuses that AWS has a type for
	EventID         string        `json:"eventId"`                        // the same on every attempt; AWS has no such member
}

type detailError struct {
	Code    jsontext.Value `json:"code,omitempty"`
	Title   string         `json:"title,omitempty"`
	Message string         `json:"message,omitempty"`
}

// envelopeMembers are those of an envelope that newDetail reads.
type envelopeMembers struct {
	Context struct {
		BusinessAccounts []struct {
			ID string `json:"wabaId"`
		} `json:"MetaWabaIds"`
	} `json:"context"`
	Entry     string `json:"whatsAppWebhookEntry"`
	MessageID string `json:"messageId"`
}

// entryMembers are those of an entry of Meta's webhook that newDetail reads. All but
// the structure is optional, because Meta adds fields without notice.
type entryMembers struct {
	Changes []struct {
		Value struct {
			Metadata struct {
				DisplayNumber string `json:"display_phone_number"`
				PhoneNumberID string `json:"phone_number_id"`
			} `json:"metadata"`
			Messages []struct {
				ID   string         `json:"id"`
				Time jsontext.Value `json:"timestamp"`
			} `json:"messages"`
			Statuses []struct {
				ID     string         `json:"id"`
				Status string         `json:"status"`
				Time   jsontext.Value `json:"timestamp"`
				Errors []detailError  `json:"errors"`
			} `json:"statuses"`
		} `json:"value"`
	} `json:"changes"`
}

// newDetail returns the detail of an event.
func newDetail(e *state.Event) (detail, error) {
	var outer envelopeMembers
	if err := json.Unmarshal(e.Body, &outer, lenient); err != nil {
		f := final("The event is not an envelope, so that EventBridge cannot take it.")
		f.cause = err
		return detail{}, f
	}
	members := detailMembers{MessageID: outer.MessageID, EventID: e.ID}
	if len(outer.Context.BusinessAccounts) > 0 {
		members.BusinessAccount = outer.Context.BusinessAccounts[0].ID
	}
	kind, isStatus := detailTypes[e.Name]
	if !isStatus {
		kind, members.Entry = detailUnknown, outer.Entry
	}
	if strings.HasPrefix(e.Name, "message.") {
		kind, members.Status = detailReceived, "received"
	}
	var entry entryMembers
	// A field whose value has another form, such as that of an account, has none of these members.
	_ = json.Unmarshal([]byte(outer.Entry), &entry, lenient)
	if len(entry.Changes) > 0 {
		members.read(&entry)
	}
	text, err := json.Marshal(members, lenient)
	if err != nil {
		return detail{}, err
	}
	return detail{kind, string(text)}, nil
}

// read takes the first status or message of an entry.
func (m *detailMembers) read(entry *entryMembers) {
	value := &entry.Changes[0].Value
	m.PhoneNumber, m.PhoneNumberID = digits(value.Metadata.DisplayNumber), value.Metadata.PhoneNumberID
	switch {
	case len(value.Statuses) > 0:
		status := value.Statuses[0]
		m.Status, m.Time, m.Errors = status.Status, textOf(status.Time), status.Errors
		if m.MessageID == "" {
			m.MessageID = status.ID
		}
	case len(value.Messages) > 0:
		m.MessageID, m.Time = value.Messages[0].ID, textOf(value.Messages[0].Time)
	}
}

// digits returns the digits of a phone number.
func digits(number string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, number)
}
