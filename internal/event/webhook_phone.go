// Which phone number an update is about.

package event

import (
	"strings"

	"ferry/internal/state"
)

// A phoneName is how an update names the phone number that it is about. The zero
// phoneName names none.
type phoneName struct {
	metaID string
	digits string // of the number as Meta displays it; empty if there is a metaID
}

// is reports whether p names a phone number.
func (p phoneName) is(n state.PhoneNumber) bool {
	if p.metaID != "" {
		return n.MetaID == p.metaID
	}
	return p.digits != "" && digitsOf(n.DisplayNumber) == p.digits
}

// String returns Meta's id, or "+" and the digits of the number.
func (p phoneName) String() string {
	if p.digits != "" {
		return "+" + p.digits
	}
	return p.metaID
}

// phoneOf returns the phone number that the value of a change is about: what its
// metadata says, or else a member of its own or of an object in it, such as recipient
// or phone_number_settings. Meta's id of it comes before the number
// (docs/references.md#webhooks).
func phoneOf(field string, value []member) phoneName {
	objects := [][]member{members(last(value, "metadata")), value}
	for _, m := range value {
		if m.name != "metadata" && kindOf(m.value) == '{' {
			objects = append(objects, members(m.value))
		}
	}
	for _, o := range objects {
		if id := textAt(o, "phone_number_id"); id != "" {
			return phoneName{metaID: id}
		}
	}
	for _, o := range objects {
		if digits := digitsOf(textAt(o, "display_phone_number")); digits != "" {
			return phoneName{digits: digits}
		}
	}
	if field == "account_update" {
		return phoneName{digits: digitsOf(textAt(value, "phone_number"))}
	}
	return phoneName{}
}

// digitsOf returns the digits of a phone number: Meta writes the same one as
// "+1 555-078-3881" and as "15550783881".
func digitsOf(number string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
}
