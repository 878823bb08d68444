// Package envelope writes events as AWS End User Messaging Social delivers them:
// one element of the "entry" array of Meta's webhook, as text, with the ids and
// ARNs of the business account and the phone number that it is about
// (docs/references.md#aws-events).
//
//	envelope.go  the envelope
//	status.go    entries that ferry makes itself: accepted and failed messages
//	text.go      JSON strings
package envelope

import (
	"strconv"
	"time"
)

// An Envelope is one event.
type Envelope struct {
	BusinessAccount Reference
	PhoneNumber     Reference // the zero Reference if the entry is about none
	Entry           []byte    // one element of Meta's "entry" array, as JSON
	AccountID       string    // 12 digits
	Time            time.Time // when the event was received or made
	MessageID       string    // as SendWhatsAppMessage returned it; empty for all but the statuses of such a message

	// Media are the files of an inbound message that ferry has stored, or tried to.
	// AWS's envelope has no such member; it is written only if Media is not empty.
	Media []Media
}

// A Reference names a resource by Meta's id and by its ARN.
type Reference struct{ MetaID, ARN string }

// A Media is a file of an inbound message: where it is stored, or why it is not.
type Media struct {
	ID       string // Meta's media id
	URI      string // "s3://bucket/key"; empty if it is not stored
	MIMEType string // without parameters; empty if it is not stored
	Size     int64  // in bytes; 0 if it is not stored
	Error    string // why it is not stored; empty if it is
}

// BusinessAccount returns the reference to a linked WhatsApp Business Account of an
// account (12 digits), whose id in ferry and at Meta are given.
func BusinessAccount(region, accountID, id, metaID string) Reference {
	return Reference{metaID, arn(region, accountID, "waba", id)}
}

// PhoneNumber returns the reference to a phone number of an account (12 digits),
// whose id in ferry and at Meta are given.
func PhoneNumber(region, accountID, id, metaID string) Reference {
	return Reference{metaID, arn(region, accountID, "phone-number-id", id)}
}

func arn(region, accountID, kind, id string) string {
	return "arn:aws:social-messaging:" + region + ":" + accountID + ":" + kind + "/" + id
}

// timestampForm is RFC 3339 with nine digits of a second, as AWS writes it.
const timestampForm = "2006-01-02T15:04:05.000000000Z"

// Marshal returns the envelope as JSON, with its members in AWS's order. It is valid
// UTF-8: invalid bytes in the entry become U+FFFD.
func (e Envelope) Marshal() []byte {
	b := make([]byte, 0, len(e.Entry)+len(e.Entry)/4+512)
	b = append(b, `{"context":{"MetaWabaIds":[`...)
	b = appendReference(b, "wabaId", e.BusinessAccount)
	b = append(b, `],"MetaPhoneNumberIds":[`...)
	b = appendReference(b, "metaPhoneNumberId", e.PhoneNumber)
	b = append(b, `]},"whatsAppWebhookEntry":`...)
	b = appendString(b, e.Entry)
	b = append(b, `,"aws_account_id":`...)
	b = appendString(b, e.AccountID)
	b = append(b, `,"message_timestamp":`...)
	b = appendString(b, e.Time.UTC().Format(timestampForm))
	return append(appendRest(b, e.MessageID, e.Media), '}')
}

// Complete returns a marshalled envelope that has neither a message id nor media, with
// these.
func Complete(marshalled []byte, messageID string, media []Media) []byte {
	if len(marshalled) == 0 {
		return nil
	}
	b := append(make([]byte, 0, len(marshalled)+512), marshalled[:len(marshalled)-1]...)
	return append(appendRest(b, messageID, media), '}')
}

// appendRest appends the members that may be missing.
func appendRest(b []byte, messageID string, media []Media) []byte {
	if messageID != "" {
		b = append(b, `,"messageId":`...)
		b = appendString(b, messageID)
	}
	return appendMedia(b, media)
}

// appendReference appends the only element of a list of ids, or nothing.
func appendReference(b []byte, name string, r Reference) []byte {
	if r == (Reference{}) {
		return b
	}
	b = append(b, `{"`+name+`":`...)
	b = appendString(b, r.MetaID)
	b = append(b, `,"arn":`...)
	b = appendString(b, r.ARN)
	return append(b, '}')
}

// appendMedia appends the member ferryMedia, if there is any.
func appendMedia(b []byte, list []Media) []byte {
	for i, m := range list {
		if i == 0 {
			b = append(b, `,"ferryMedia":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, `{"mediaId":`...)
		b = appendString(b, m.ID)
		if m.URI != "" {
			b = append(b, `,"uri":`...)
			b = appendString(b, m.URI)
			b = append(b, `,"mimeType":`...)
			b = appendString(b, m.MIMEType)
			b = append(b, `,"fileSize":`...)
			b = strconv.AppendInt(b, m.Size, 10)
		}
		if m.Error != "" {
			b = append(b, `,"error":`...)
			b = appendString(b, m.Error)
		}
		b = append(b, '}')
	}
	if len(list) > 0 {
		b = append(b, ']')
	}
	return b
}
