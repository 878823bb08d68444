// A webhook becomes updates: each message, each status, and each change of another
// field is one.

package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

const (
	// maxUpdates bounds the updates of a webhook; Meta sends at most as many
	// (docs/references.md#webhooks).
	maxUpdates = 1000
	// maxSplit bounds the size of the entries that are made of a webhook, in bytes:
	// what its updates have in common is repeated in each.
	maxSplit = 16 << 20
)

// An update is one thing that a webhook reports.
type update struct {
	account string // Meta's id of the business account
	// entry is an element of the webhook's "entry" array that has only this update. If
	// the webhook's own element has no other, it is that one, byte for byte.
	entry []byte
	time  string    // of the entry, as it is written; messages have none, and then it is a digest of the webhook
	field string    // of the change
	phone phoneName // of the phone number; zero if it is about none

	message, status []byte // one of these; neither for what has no form of its own
	content         []byte // what identifies an update that is neither: the value of the change
}

// The errors for webhooks beyond the limits.
var (
	errTooMany = fmt.Errorf("the webhook has more than %d updates", maxUpdates)
	errTooLong = errors.New("the updates of the webhook have too much in common to repeat it in each")
)

// splitWebhook returns the updates of a webhook in their order.
func splitWebhook(body []byte) ([]update, error) {
	if err := checkJSON(body); err != nil {
		return nil, err
	}
	if kindOf(body) != '{' {
		return nil, errors.New("the body is not a JSON object")
	}
	digest := sha256.Sum256(body)
	s := splitter{digest: hex.EncodeToString(digest[:])}
	for _, m := range members(body) {
		if m.name != "entry" {
			continue
		}
		for _, entry := range elements(m.value) {
			if err := s.split(entry); err != nil {
				return nil, err
			}
		}
	}
	return s.updates, nil
}

// A splitter collects the updates of a webhook.
type splitter struct {
	updates []update
	size    int    // of the entries that were made
	digest  string // of the webhook
}

// split adds the updates of an entry.
func (s *splitter) split(raw []byte) error {
	parts := members(raw)
	first := len(s.updates)
	isKnown := false // whether it has something beside its id, time and changes
	for _, m := range parts {
		switch m.name {
		case "changes":
			for _, change := range elements(m.value) {
				if err := s.splitChange(parts, change); err != nil {
					return err
				}
			}
		case "id", "time":
		default:
			isKnown = true
		}
	}
	switch added := s.updates[first:]; {
	case len(added) == 1:
		added[0].entry = raw
	case len(added) == 0 && isKnown:
		return s.add(update{entry: raw, content: raw}, parts)
	}
	return nil
}

// add adds an update of an entry.
func (s *splitter) add(u update, entry []member) error {
	if len(s.updates) >= maxUpdates {
		return errTooMany
	}
	if s.size += len(u.entry); s.size > maxSplit {
		return errTooLong
	}
	u.account, u.time = textAt(entry, "id"), string(last(entry, "time"))
	if u.time == "" { // the same content may be reported again later
		u.time = s.digest
	}
	s.updates = append(s.updates, u)
	return nil
}

// splitChange adds the updates of one change of an entry.
func (s *splitter) splitChange(entry []member, change []byte) error {
	parts := members(change)
	value := last(parts, "value")
	base := update{field: textAt(parts, "field")}
	base.phone = phoneOf(base.field, members(value))
	if base.field != "messages" || kindOf(value) != '{' {
		base.entry, base.content = withMember(entry, "changes", inArray(change)), value
		return s.add(base, entry)
	}
	return s.splitValue(entry, parts, members(value), base)
}

// splitValue adds the updates of a change of the field "messages": one for each
// message and each status, and one for all that is neither, if there is any.
func (s *splitter) splitValue(entry, change, value []member, base update) error {
	var list []update
	var shared []member // what an update that is a message or a status has of the value
	hasRest := false
	for _, m := range value {
		switch m.name {
		case "messaging_product", "metadata", "contacts", "messages", "statuses":
			shared = append(shared, m)
		}
		if isList := kindOf(m.value) == '['; isList && m.name == "messages" {
			for _, element := range elements(m.value) {
				u := base
				u.message = element
				list = append(list, u)
			}
		} else if isList && m.name == "statuses" {
			for _, element := range elements(m.value) {
				u := base
				u.status = element
				list = append(list, u)
			}
		} else if m.name != "messaging_product" && m.name != "metadata" && m.name != "contacts" {
			hasRest = true
		}
	}
	if hasRest || len(list) == 0 {
		list = append(list, base)
	}
	if len(s.updates)+len(list) > maxUpdates {
		return errTooMany
	}
	contacts, err := assignContacts(value, list)
	if err != nil {
		return err
	}
	for i, u := range list {
		var v []byte
		if u.message != nil || u.status != nil {
			v = u.appendValue(nil, shared, contacts[i])
		} else {
			v = u.appendValue(nil, value, contacts[i])
			u.content = v
		}
		u.entry = withMember(entry, "changes", inArray(withMember(change, "value", v)))
		if err := s.add(u, entry); err != nil {
			return err
		}
	}
	return nil
}

// appendValue appends the value of a change with this update alone, and the contacts
// that belong to it. Members keep their order.
func (u update) appendValue(b []byte, value []member, contacts [][]byte) []byte {
	w := objectWriter{b: append(b, '{')}
	isWritten := make(map[string]bool) // of contacts, messages and statuses, which may be repeated
	for _, m := range value {
		isList := kindOf(m.value) == '['
		var mine [][]byte
		switch {
		case m.name == "messaging_product" || m.name == "metadata" || m.name == "contacts" && !isList:
			w.add(m, m.value)
			continue
		case m.name == "contacts":
			mine = contacts
		case m.name == "messages" && isList && u.message != nil:
			mine = [][]byte{u.message}
		case m.name == "statuses" && isList && u.status != nil:
			mine = [][]byte{u.status}
		case u.message == nil && u.status == nil && !(isList && (m.name == "messages" || m.name == "statuses")):
			w.add(m, m.value)
			continue
		}
		if len(mine) > 0 && !isWritten[m.name] {
			isWritten[m.name] = true
			w.add(m, inArray(mine...))
		}
	}
	return append(w.b, '}')
}

// An objectWriter writes the members of an object.
type objectWriter struct {
	b       []byte
	started bool
}

// add writes a member with the name of m.
func (w *objectWriter) add(m member, value []byte) {
	if w.started {
		w.b = append(w.b, ',')
	}
	w.started = true
	w.b = append(append(append(w.b, m.raw...), ':'), value...)
}

// withMember returns an object with another value of a member, which it has. All others
// are as they were.
func withMember(object []member, name string, value []byte) []byte {
	size := 2 + len(value)
	for _, m := range object {
		size += len(m.raw) + 2
		if m.name != name {
			size += len(m.value)
		}
	}
	w := objectWriter{b: append(make([]byte, 0, size), '{')}
	isWritten := false
	for _, m := range object {
		if m.name != name {
			w.add(m, m.value)
		} else if !isWritten {
			isWritten = true
			w.add(m, value)
		}
	}
	return append(w.b, '}')
}

// inArray returns an array of values.
func inArray(values ...[]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(values, []byte{','})...), ']')
}

// assignContacts returns the contacts of each update of a change: those whose id is an
// id in the update. One that fits none belongs to the updates without a contact, or
// else to the first update, so that none is lost. Together they must not be larger than
// maxSplit.
func assignContacts(value []member, list []update) ([][][]byte, error) {
	assigned, size := make([][][]byte, len(list)), 0
	byID := make(map[string][]int) // the updates with an id of a user
	for i, u := range list {
		for _, id := range u.users() {
			byID[id] = append(byID[id], i)
		}
	}
	var others [][]byte
	for _, m := range value {
		if m.name != "contacts" {
			continue
		}
		for _, contact := range elements(m.value) {
			parts := members(contact)
			isMine := make(map[int]bool)
			for _, id := range []string{textAt(parts, "wa_id"), textAt(parts, "user_id")} {
				for _, i := range byID[id] {
					if !isMine[i] {
						isMine[i] = true
						if size += len(contact); size > maxSplit {
							return nil, errTooLong
						}
						assigned[i] = append(assigned[i], contact)
					}
				}
			}
			if len(isMine) == 0 {
				others = append(others, contact)
			}
		}
	}
	if len(others) == 0 {
		return assigned, nil
	}
	isPlaced := false
	for i := range assigned {
		if len(assigned[i]) == 0 {
			assigned[i], isPlaced = others, true
		}
	}
	if !isPlaced {
		assigned[0] = append(assigned[0], others...)
	}
	return assigned, nil
}

// users returns the ids of the users that a message is from, or that a status is about.
func (u update) users() []string {
	var names []string
	parts := members(u.message)
	if u.message != nil {
		names = []string{"from", "from_user_id"}
	} else if u.status != nil {
		parts = members(u.status)
		names = append([]string{"recipient_id", "recipient_user_id"}, participantNames...)
	}
	var ids []string
	for _, name := range names {
		if id := textAt(parts, name); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// participantNames are the members of a status that say which participant of a group
// it is about.
var participantNames = []string{"recipient_participant_id", "participant_recipient_id", "recipient_participant_user_id"}
