// What an update is about: the name of its event, the conversation that it belongs
// to, and what makes it the same update when Meta sends it again.

package event

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"ferry/internal/state"
)

// maxID bounds the ids of Meta's that are stored as they are, in bytes: those of
// messages have about 60, business-scoped ids of users up to 135. A longer one is
// stored as its digest.
const maxID = 256

const (
	// maxReason bounds the text of one error of a message that is stored, in bytes.
	maxReason = 500
	// maxReasons bounds the errors of a message whose texts are stored. Meta reports one.
	maxReasons = 4
)

// boundedID returns an id in the form in which it is stored: all databases accept it.
func boundedID(id string) string {
	id = strings.ReplaceAll(id, "\x00", "\uFFFD")
	if len(id) <= maxID {
		return id
	}
	return "sha256:" + digest(id)
}

// digest returns a digest of texts, which differs if any of them does.
func digest(texts ...string) string {
	hash := sha256.New()
	var length [8]byte
	for _, text := range texts {
		binary.BigEndian.PutUint64(length[:], uint64(len(text)))
		hash.Write(length[:])
		hash.Write([]byte(text))
	}
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil))
}

// facts are what ferry reads of an update. Everything else is passed on unread.
type facts struct {
	name  string // of the event
	wamid string // of the message, or of the one that the status is about; may be empty
	user  string // whom the conversation is with; empty if it is with nobody
	key   []string

	mediaIDs []string // of the files of an inbound message

	// Of a status:
	status                                      state.MessageStatus // as far as Message.Status has it; else empty
	reason                                      string
	recipients                                  []string // the ids under which the message may have been sent
	callbackData                                string
	recipientID, recipientUserID, recipientType string    // as Meta reports them
	at                                          time.Time // when Meta says that it happened; the zero time if that is no time
}

// facts reads an update.
func (u update) facts() facts {
	switch {
	case u.message != nil:
		return u.messageFacts()
	case u.status != nil:
		return u.statusFacts()
	}
	f := facts{name: eventName(u.field), key: []string{"other", u.field, u.time, string(u.content)}}
	if u.field == "calls" {
		f.user = callUser(members(u.content))
	}
	return f
}

// callUser returns the user of the first call that a change is about, or "": the signals
// of a call stay in order with each other and with the user's messages
// (docs/references.md#graph-calls).
func callUser(value []member) string {
	own := digitsOf(textAt(members(last(value, "metadata")), "display_phone_number"))
	for _, signal := range elements(last(value, "calls")) {
		m := members(signal)
		for _, user := range []string{firstText(m, "from", "from_user_id"), firstText(m, "to", "to_user_id")} {
			if user != "" && (own == "" || digitsOf(user) != own) {
				return user
			}
		}
	}
	for _, status := range elements(last(value, "statuses")) {
		if user := firstText(members(status), "recipient_id", "recipient_user_id"); user != "" {
			return user
		}
	}
	return ""
}

// mediaTypes are the types of messages that have a file.
var mediaTypes = map[string]bool{"image": true, "audio": true, "video": true, "document": true, "sticker": true}

func (u update) messageFacts() facts {
	m := members(u.message)
	kind := textAt(m, "type")
	f := facts{
		name: "message." + eventName(kind), wamid: textAt(m, "id"), user: firstText(m, "group_id", "from", "from_user_id"),
		// The same message may first be of the type "unsupported", until Meta has it all.
		key: []string{"message", u.field, textAt(m, "id"), kind},
	}
	if f.wamid == "" || kind == "edit" || kind == "revoke" {
		f.key = append(f.key, string(u.message)) // several edits of one message are several updates
	}
	if mediaTypes[kind] {
		if id := textAt(members(last(m, kind)), "id"); id != "" {
			f.mediaIDs = []string{id}
		}
	}
	return f
}

func (u update) statusFacts() facts {
	s := members(u.status)
	status := textAt(s, "status")
	f := facts{
		name: "status." + eventName(status), wamid: textAt(s, "id"), user: firstText(s, "recipient_id", "recipient_user_id"),
		key:          []string{"status", u.field, textAt(s, "id"), status, textAt(s, "type")},
		callbackData: textAt(s, "biz_opaque_callback_data"),
		recipientID:  textAt(s, "recipient_id"), recipientUserID: textAt(s, "recipient_user_id"), recipientType: textAt(s, "recipient_type"),
	}
	for _, name := range participantNames { // of a group: each one has a status
		f.key = append(f.key, textAt(s, name))
	}
	for i, failure := range elements(last(s, "errors")) {
		e := members(failure)
		f.key = append(f.key, textAt(e, "code"))
		if i < maxReasons {
			f.reason = joinTexts(f.reason, describeError(e))
		}
	}
	f.key = append(f.key, string(last(s, "payment"))) // the status of a payment changes, that of its message does not
	if f.wamid == "" {
		f.key = append(f.key, string(u.status))
	}
	f.status = statuses[status]
	if f.status != state.MessageFailed {
		f.reason = ""
	}
	f.recipients = append(spellings(f.recipientID), spellings(f.recipientUserID)...)
	if seconds, err := strconv.ParseInt(textAt(s, "timestamp"), 10, 64); err == nil && seconds > 0 && seconds < 1<<40 {
		f.at = time.Unix(seconds, 0)
	}
	return f
}

// statuses are those of Meta's that change the status of a message.
var statuses = map[string]state.MessageStatus{
	"sent": state.MessageSent, "delivered": state.MessageDelivered, "read": state.MessageRead, "played": state.MessageRead, "failed": state.MessageFailed,
}

// describeError returns the code and the text of an error of Meta's.
func describeError(e []member) string {
	text := firstText(members(last(e, "error_data")), "details")
	if text == "" {
		text = firstText(e, "message", "title")
	}
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "")
	}
	return strings.ReplaceAll(joinTexts(textAt(e, "code"), text), "\x00", "\uFFFD")
}

// joinTexts joins two texts, either of which may be empty.
func joinTexts(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ": " + b
}

// firstText returns the first of some members that is not empty.
func firstText(list []member, names ...string) string {
	for _, name := range names {
		if text := textAt(list, name); text != "" {
			return text
		}
	}
	return ""
}

// eventName returns a part of the name of an event: what Meta says, in lower-case
// letters, digits and underscores, of at most 64 bytes. Anything else is "unknown".
func eventName(text string) string {
	isOther := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }
	if text == "" || len(text) > 64 || strings.ContainsFunc(text, isOther) {
		return "unknown"
	}
	return text
}

// spellings returns the ways in which a recipient that Meta reports may have been
// written when a message was sent: in Brazil, Mexico and Argentina Meta adds or drops
// a digit of mobile numbers (docs/references.md#webhooks).
func spellings(id string) []string {
	if id == "" {
		return nil
	}
	list := []string{boundedID(id)}
	if strings.Trim(id, "0123456789") != "" {
		return list
	}
	switch {
	case strings.HasPrefix(id, "55") && len(id) == 13 && id[4] == '9':
		list = append(list, id[:4]+id[5:])
	case strings.HasPrefix(id, "55") && len(id) == 12:
		list = append(list, id[:4]+"9"+id[4:])
	case strings.HasPrefix(id, "521") && len(id) == 13:
		list = append(list, "52"+id[3:])
	case strings.HasPrefix(id, "52") && len(id) == 12:
		list = append(list, "521"+id[2:])
	case strings.HasPrefix(id, "549") && len(id) == 13:
		list = append(list, "54"+id[3:])
	case strings.HasPrefix(id, "54") && len(id) == 12:
		list = append(list, "549"+id[2:])
	}
	return list
}

// conversation returns what the events of an update are kept in order with.
func (f facts) conversation(businessAccountID, phoneNumberID, field string) string {
	if phoneNumberID != "" && f.user != "" {
		return phoneNumberID + "/" + boundedID(f.user)
	}
	return businessAccountID + "/" + eventName(field)
}

// updateKey returns the key of an update of one linked business account.
func (f facts) updateKey(businessAccountID, phoneMetaID string) string {
	return digest(append([]string{businessAccountID, phoneMetaID}, f.key...)...)
}
