package envelope

import (
	"strconv"
	"strings"
	"time"
)

// The statuses that ferry reports itself. All others come from Meta.
const (
	Accepted = "accepted" // Meta has accepted the message for sending
	Failed   = "failed"   // Meta has refused it, or it could not be handed to Meta
)

// A Status is what became of a message that ferry sent. Empty members are left out,
// but for ID, Status and the time.
type Status struct {
	// ID is Meta's id of the message (wamid). Of a message that Meta has not
	// accepted, it is the id that SendWhatsAppMessage returned.
	ID              string
	Status          string // Accepted or Failed
	Time            time.Time
	RecipientID     string // digits of the recipient's number, or the id of a group
	RecipientUserID string // business-scoped user id, if the message was sent to one
	RecipientType   string // "group" if the recipient is one
	CallbackData    string // biz_opaque_callback_data of the message
	Errors          []Error
}

// An Error is why a message failed, in the form of the errors in Meta's webhooks.
type Error struct {
	Code    int // Meta's
	Title   string
	Message string // default: Title
	Details string // of error_data; empty means none
	Href    string // of a page that explains the code; empty means none
}

// StatusEntry returns an element of the "entry" array with one status, as Meta
// would send it. The display number may contain more than digits.
func StatusEntry(businessAccountMetaID, phoneMetaID, displayNumber string, status Status) []byte {
	b := append([]byte(nil), `{"id":`...)
	b = appendASCII(b, businessAccountMetaID)
	b = append(b, `,"changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":`...)
	b = appendASCII(b, digits(displayNumber))
	b = append(b, `,"phone_number_id":`...)
	b = appendASCII(b, phoneMetaID)
	b = append(b, `},"statuses":[`...)
	b = status.append(b)
	return append(b, `]},"field":"messages"}]}`...)
}

func (s Status) append(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = appendASCII(b, s.ID)
	b = append(b, `,"status":`...)
	b = appendASCII(b, s.Status)
	b = append(b, `,"timestamp":"`...)
	b = strconv.AppendInt(b, s.Time.Unix(), 10)
	b = append(b, '"')
	for _, member := range [...]struct{ name, value string }{
		{"recipient_id", s.RecipientID},
		{"recipient_type", s.RecipientType},
		{"recipient_user_id", s.RecipientUserID},
		{"biz_opaque_callback_data", s.CallbackData},
	} {
		b = appendMember(b, member.name, member.value)
	}
	for i, e := range s.Errors {
		if i == 0 {
			b = append(b, `,"errors":[`...)
		} else {
			b = append(b, ',')
		}
		b = e.append(b)
	}
	if len(s.Errors) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

func (e Error) append(b []byte) []byte {
	b = append(b, `{"code":`...)
	b = strconv.AppendInt(b, int64(e.Code), 10)
	b = append(b, `,"title":`...)
	b = appendASCII(b, e.Title)
	message := e.Message
	if message == "" {
		message = e.Title
	}
	b = appendMember(b, "message", message)
	if e.Details != "" {
		b = append(b, `,"error_data":{"details":`...)
		b = append(appendASCII(b, e.Details), '}')
	}
	return append(appendMember(b, "href", e.Href), '}')
}

// appendMember appends a member with a comma in front of it, unless it is empty.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendASCII(append(b, `,"`+name+`":`...), value)
}

// digits returns the digits of a number such as "+1 555-078-3881".
func digits(number string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
}
