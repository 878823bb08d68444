package metasim

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// Who a message goes to, and the ids of messages.

// recipient is the user whom a message is for.
type recipient struct {
	input  string // as in the request
	waID   string // digits of the phone number; empty if userID is not
	userID string // business-scoped user id
}

// key names the recipient among those of a phone number.
func (r recipient) key() string {
	if r.waID != "" {
		return r.waID
	}
	return r.userID
}

// userIDs are business-scoped user ids (docs/references.md#graph-bsuid).
var userIDs = regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}$`)

// readRecipient reads to, which counts, and recipient.
func (s *Server) readRecipient(c *call) (recipient, *apiError) {
	switch kind := c.parameters.get("recipient_type"); strings.ToLower(kind) {
	case "", "individual":
	case "group":
		return recipient{}, c.notSimulated("messages to groups", "Send to a person.")
	default:
		return recipient{}, parameterError("Param recipient_type must be one of {INDIVIDUAL, GROUP} - got \"%s\".", truncate(kind))
	}
	to, userID := c.parameters.get("to"), c.parameters.get("recipient")
	switch {
	case to == "" && userID == "":
		return recipient{}, missingParameter("to")
	case to == "" && !userIDs.MatchString(userID):
		return recipient{}, invalidValue("recipient is not a business-scoped user ID")
	case to == "":
		return recipient{input: userID, userID: userID}, nil
	}
	p := s.phone(c.id)
	waID, complete := normalizeNumber(to, p.DisplayPhoneNumber)
	if waID == "" {
		return recipient{}, invalidValue("to is not a phone number")
	}
	if !complete {
		refusal := c.warn(warnCountryCode, "The number %s has no country code, so that of %s is put before it. Begin it with + and the country code.",
			truncate(to), p.DisplayPhoneNumber)
		if refusal != nil {
			return recipient{}, refusal
		}
	}
	if waID == digits(p.DisplayPhoneNumber) {
		return recipient{}, codeError(131021, "")
	}
	if p.AllowedRecipients != nil && !slices.ContainsFunc(p.AllowedRecipients, func(allowed string) bool { return digits(allowed) == waID }) {
		return recipient{}, codeError(131030, "")
	}
	return recipient{input: to, waID: waID}, nil
}

// normalizeNumber returns the digits of a phone number with its country code, or ""
// if it is none. Spaces and + - ( ) are ignored. Without a + and without a country
// code, the country code of the sender is put before it, as Meta does; complete is
// false then. How Meta notices that is not known: here, a number that begins with 0
// lacks the code, and so do the ten digits of a North American number where the
// sender has one.
func normalizeNumber(given, sender string) (number string, complete bool) {
	bare := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(given)
	number = strings.TrimPrefix(bare, "+")
	if !isObjectID(number) {
		return "", false
	}
	complete = true
	code := text(dialCode(sender))
	if bare == number && code != "" {
		national := strings.TrimLeft(number, "0")
		if national != number || code == "1" && northAmerican.MatchString(number) {
			number, complete = code+national, false
		}
	}
	if !isWAID(number) {
		return "", false
	}
	return number, complete
}

// northAmerican are numbers of the North American plan without the country code.
var northAmerican = regexp.MustCompile(`^[2-9][0-9]{2}[2-9][0-9]{6}$`)

const messageIDPrefix = "wamid."

// The parts of the bytes of a message id, as observed in Meta's: between them are
// the user's number with its length, and 18 characters.
const (
	idBegin    = "\x1C\x18"
	idOutgoing = "\x15\x02\x00\x11\x18\x12"
	idIncoming = "\x15\x02\x00\x12\x18\x12"
	idEnd      = "\x00"
)

// newMessageID returns an id for a message from or to a user: "wamid." and standard
// base64, which clients decode (docs/references.md#graph-messages).
func (s *Server) newMessageID(user string, incoming bool) string {
	direction := idOutgoing
	if incoming {
		direction = idIncoming
	}
	user = user[:min(len(user), 255)]
	unique := strings.ToUpper(hex.EncodeToString(s.random.bytes(9)))
	return messageIDPrefix + base64.StdEncoding.EncodeToString([]byte(
		idBegin+string([]byte{byte(len(user))})+user+direction+unique+idEnd))
}

// isMessageID reports whether a text has the form of a message id.
func isMessageID(id string) bool {
	encoded, ok := strings.CutPrefix(id, messageIDPrefix)
	if !ok || encoded == "" || len(id) > 1024 {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(encoded)
	return err == nil
}
