// What ferry reads of a message (docs/references.md#graph-messages).

package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxText is the length of a text that Meta accepts, in code points.
	maxText = 4096
	// maxDigits bounds the digits of a phone number: E.164 has 15.
	maxDigits = 15
	// maxGroupID bounds the id of a group, in bytes.
	maxGroupID = 256
	// maxMessageID bounds Meta's id of a message that a read receipt is about, in bytes.
	maxMessageID = 512
)

// Receipt is the type of a Content that is a read receipt, with or without a typing
// indicator.
const Receipt = "receipt"

// Content is what ferry reads of a message. The message itself is sent byte for byte.
type Content struct {
	Type         string // "text", "image", "template" and so on, or Receipt
	Recipient    string // digits of the number, a business-scoped user id, or a group's id; empty for a Receipt
	Kind         RecipientKind
	ReceiptOf    string   // Meta's id of the message that a Receipt is about
	CallbackData string   // biz_opaque_callback_data, which Meta repeats in each status; empty means none
	Media        []Medium // in the order of the message
}

// mediaID returns Meta's id of the first file of the message that has one; empty means
// none.
func (c Content) mediaID() string {
	for _, m := range c.Media {
		if m.ID != "" {
			return m.ID
		}
	}
	return ""
}

// RecipientKind says what a recipient is.
type RecipientKind uint8

// The kinds of recipients.
const (
	NoUser     RecipientKind = iota // of a Receipt
	UserNumber                      // digits of a phone number
	UserID                          // a business-scoped user id
	Group
)

// An Error says why a message is refused. Its text is for the caller.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

func refuse(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// invalidDestination is how AWS refuses a message without a usable recipient, or a read
// receipt without a message (docs/references.md#aws-errors).
const invalidDestination = "Invalid destination phone number or message Id"

// types are the types of messages that Meta names when it refuses another one.
var types = []string{"audio", "contacts", "document", "gif", "image", "interactive", "link_preview", "location", "pin", "reaction", "sticker", "template", "text", "video"}

// withoutForm are those types whose objects are not documented.
var withoutForm = []string{"gif", "link_preview"}

// wanted are the members of a message that ferry reads.
var wanted = append([]string{"biz_opaque_callback_data", "message_id", "messaging_product", "recipient", "recipient_type", "status", "to", "type"}, types...)

// A member is a member of a JSON object.
type member struct {
	value jsontext.Value // without white space around it
	start int            // its offset in the message
}

// isSet reports whether a member is there and not null: many clients write null for
// what they do not set.
func (m member) isSet() bool { return len(m.value) > 0 && m.value.Kind() != 'n' }

// text returns a string, or the digits of a number in its place; any other value is "".
func (m member) text() string {
	switch m.value.Kind() {
	case '"':
		text, _ := jsontext.AppendUnquote(nil, m.value) // it is valid
		return string(text)
	case '0':
		return string(m.value)
	}
	return ""
}

// Parse reads a message. It is strict about the JSON, so that ferry and Meta read the
// same: one object in UTF-8, and no member twice. Members that it does not know are
// Meta's business, and so is what they contain. The error is an [*Error].
func Parse(body []byte) (Content, error) {
	top, err := parseTop(body)
	if err != nil {
		return Content{}, err
	}
	content := Content{CallbackData: top["biz_opaque_callback_data"].text()}
	if product := top["messaging_product"]; product.text() != "whatsapp" {
		return Content{}, refuse(`The message must have "messaging_product": "whatsapp".`)
	}
	if top["status"].isSet() {
		return content.asReceipt(top)
	}
	if err := content.setRecipient(top); err != nil {
		return Content{}, err
	}
	if err := content.setType(top); err != nil {
		return Content{}, err
	}
	return content, content.checkObject(top)
}

// parseTop returns the members of a message.
func parseTop(body []byte) (map[string]member, error) {
	switch {
	case bytes.HasPrefix(body, []byte("\uFEFF")):
		return nil, refuse("The message begins with a byte order mark. Send JSON without one.")
	case !utf8.Valid(body):
		return nil, refuse("The message is not UTF-8.")
	}
	top := make(map[string]member)
	read := newReader(body, 0)
	if read.PeekKind() != '{' {
		if isBase64OfJSON(body) {
			return nil, refuse("The message is base64 within base64. Pass the JSON itself to the SDK, which encodes it.")
		}
		return nil, refuse("The message must be a JSON object of Meta's Cloud API.")
	}
	err := read.members(func(name string, m member) {
		if slices.Contains(wanted, name) {
			top[name] = m
		}
	})
	if err == nil {
		if _, err = read.ReadToken(); errors.Is(err, io.EOF) {
			return top, nil
		}
		return nil, refuse("The message has more after its JSON object.")
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return nil, refuse("The message contains a member more than once (%s). Which of them Meta would read is not known.", pointer(err))
	}
	return nil, refuse("The message is not valid JSON: %s.", strings.TrimPrefix(err.Error(), "jsontext: "))
}

// pointer returns where an error is: "/text/body".
func pointer(err error) string {
	if at, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return string(at.JSONPointer)
	}
	return "at an unknown place"
}

// isBase64OfJSON reports whether a message was encoded twice.
func isBase64OfJSON(body []byte) bool {
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(body)))
	return err == nil && bytes.HasPrefix(bytes.TrimLeft(decoded, " \t\r\n"), []byte("{"))
}

// A reader reads the members of an object, or the elements of a list, that is a part of
// a message.
type reader struct {
	*jsontext.Decoder
	source []byte // what is read
	start  int    // its offset in the message
}

func newReader(source []byte, start int) reader {
	return reader{jsontext.NewDecoder(bytes.NewBuffer(source)), source, start}
}

// value reads the next value.
func (r reader) value() (member, error) {
	value, err := r.ReadValue()
	end := int(r.InputOffset())
	return member{r.source[end-len(value) : end], r.start + end - len(value)}, err
}

// members reads an object and calls visit for each member.
func (r reader) members(visit func(name string, m member)) error {
	if _, err := r.ReadToken(); err != nil {
		return err
	}
	for r.PeekKind() != '}' {
		token, err := r.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		m, err := r.value()
		if err != nil {
			return err
		}
		visit(name, m)
	}
	_, err := r.ReadToken()
	return err
}

// asReceipt returns the content of a read receipt.
func (c Content) asReceipt(top map[string]member) (Content, error) {
	if top["status"].text() != "read" {
		return Content{}, refuse(`The only "status" that can be sent is "read".`)
	}
	c.Type, c.ReceiptOf = Receipt, top["message_id"].text()
	if c.ReceiptOf == "" {
		return Content{}, refuse(`%s: a read receipt needs the "message_id" of the message that was read.`, invalidDestination)
	}
	if !isID(c.ReceiptOf, maxMessageID) {
		return Content{}, refuse(`%s: "message_id" must be the id of a message, of at most %d bytes and without control characters.`, invalidDestination, maxMessageID)
	}
	return c, nil
}

// isID reports whether a text can be an id of Meta's, as far as ferry must know: lanes
// have it in their names, which all databases must be able to store.
func isID(text string, maxBytes int) bool {
	return text != "" && len(text) <= maxBytes && !strings.ContainsFunc(text, unicode.IsControl)
}

var (
	separators = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "")
	// userIDForm is that of a business-scoped user id (docs/references.md#graph-messages).
	userIDForm = regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}$`)
)

// setRecipient sets the recipient of a message: "to" if it is set, as for Meta,
// otherwise "recipient".
func (c *Content) setRecipient(top map[string]member) error {
	to, recipient := top["to"], top["recipient"]
	switch {
	case to.isSet() && top["recipient_type"].text() == "group":
		c.Recipient, c.Kind = to.text(), Group
		if !isID(c.Recipient, maxGroupID) {
			return refuse(`%s: "to" must be the id of a group, of at most %d bytes and without control characters.`, invalidDestination, maxGroupID)
		}
	case to.isSet():
		digits, hasPlus := strings.CutPrefix(separators.Replace(to.text()), "+")
		if !hasPlus || digits == "" || len(digits) > maxDigits || strings.Trim(digits, "0123456789") != "" {
			return refuse(`%s: "to" must be a phone number in E.164 form with its leading "+", such as "+4915112345678".`, invalidDestination)
		}
		c.Recipient, c.Kind = digits, UserNumber
	case recipient.isSet():
		c.Recipient, c.Kind = recipient.text(), UserID
		if !userIDForm.MatchString(c.Recipient) {
			return refuse(`%s: "recipient" must be a business-scoped user id, such as "US.1349…".`, invalidDestination)
		}
	default:
		return refuse(`%s: the message has neither "to" nor "recipient".`, invalidDestination)
	}
	return nil
}

// setType sets the type of a message, which is "text" if none is set.
func (c *Content) setType(top map[string]member) error {
	c.Type = "text"
	if named := top["type"]; named.isSet() {
		c.Type = strings.ToLower(named.text())
	}
	if !slices.Contains(types, c.Type) {
		return refuse("The type of the message is unknown. WhatsApp has these: %s.", strings.Join(types, ", "))
	}
	return nil
}

// checkObject checks the object that has the name of the type, as far as its absence
// or its length are certain to be refused, and finds the media in it.
func (c *Content) checkObject(top map[string]member) error {
	object := top[c.Type]
	wanted := jsontext.Kind('{')
	if c.Type == "contacts" {
		wanted = '['
	}
	if slices.Contains(withoutForm, c.Type) {
		return nil
	}
	if object.value.Kind() != wanted {
		if !top["type"].isSet() {
			return refuse(`The message has neither a "type" nor a "text".`)
		}
		return refuse(`The type of the message is %q, but its member %[1]q is missing or of another JSON type.`, c.Type)
	}
	if c.Type == "text" {
		return checkText(object)
	}
	c.Media = mediaOf(c.Type, object)
	return nil
}

// checkText checks the length of a text.
func checkText(object member) error {
	var body member
	object.each(func(name string, m member) {
		if name == "body" {
			body = m
		}
	})
	switch length := utf8.RuneCountInString(body.text()); {
	case !body.isSet() || body.value.Kind() == '"' && length == 0:
		return refuse(`The message has no "text.body".`)
	case length > maxText:
		return refuse("The text has %d characters; WhatsApp accepts at most %d.", length, maxText)
	}
	return nil
}
