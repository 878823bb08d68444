// How a message of a person becomes a webhook.

package metasim

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxInboundText    = 4096 // characters, of texts and captions
	maxInboundTitle   = 256  // characters, of ids, titles and payloads
	maxInboundEntries = 256  // contacts, and products of an order
)

// Receive sends a message from a person to a business phone number: the app that is
// subscribed to the account gets a webhook, and the person's 24 hours begin again.
func (s *Server) Receive(phoneID string, in Inbound) (Received, error) {
	waID, err := s.checkWAID(phoneID, in.From)
	if err != nil {
		return Received{}, err
	}
	if s.isBlocked(phoneID, recipient{waID: waID}) {
		return Received{}, errors.New("metasim: message: the business has blocked the person, whose messages do not arrive")
	}
	content, kind, err := in.complete()
	if err != nil {
		return Received{}, fmt.Errorf("metasim: message: %w", err)
	}
	received := Received{PhoneNumberID: phoneID, Type: kind, Time: s.Now()}
	file := content.media(kind)
	if content, received.MediaID, err = s.keepMedia(phoneID, kind, content); err != nil {
		return Received{}, err
	}
	if kind == "system" { // the person has written nothing
		received.Person = s.person(phoneID, waID)
	} else {
		received.Person = s.touchPerson(phoneID, waID, received.Time)
	}
	s.rememberClick(phoneID, in.Referral)
	message := inboundMessage{
		GroupID: in.GroupID, Context: in.Context.complete(s.phone(phoneID)), Referral: in.Referral, inboundContent: content,
	}
	switch {
	case file != nil && file.TooLarge:
		received.Type, message.Errors = "unsupported", []inboundError{fileTooLarge()}
	case kind == "unsupported":
		message.Errors = []inboundError{unknownType()}
	}
	received.ID = s.notifyInbound(received, message)
	return received, nil
}

// notifyInbound sends the webhook with a message, and returns the id that the message
// has got.
func (s *Server) notifyInbound(received Received, message inboundMessage) string {
	sender, contact := received.Person, received.Person.contact()
	message.From, message.FromUserID = contact.WAID, sender.UserID
	message.ID = s.newMessageID(cmp.Or(contact.WAID, sender.UserID), true)
	s.observe(Observation{
		Kind: ObservedInbound, Name: received.Type, PhoneNumberID: received.PhoneNumberID, WAID: cmp.Or(contact.WAID, sender.UserID),
		MessageID: message.ID, MediaID: received.MediaID,
	})
	message.Timestamp, message.Type = strconv.FormatInt(received.Time.Unix(), 10), received.Type
	received.ID = message.ID
	s.remember(received, message)
	s.notify(messagesUpdate(s.phone(received.PhoneNumberID), sender.WAID, func(v *messagesValue) {
		if received.Type != "system" {
			v.Contacts = []webhookContact{contact}
		}
		v.Messages = []any{message}
	}))
	return message.ID
}

// complete returns the context of a message to a business phone number.
func (c *InboundContext) complete(p *phone) *InboundContext {
	if c == nil || c.ID == "" && c.ReferredProduct == nil || c.From != "" {
		return c
	}
	completed := *c
	completed.From = digits(p.DisplayPhoneNumber)
	return &completed
}

// kinds returns the types whose members are set.
func (c *inboundContent) kinds() (kinds []string) {
	for kind, set := range map[string]bool{
		"text": c.Text != nil, "image": c.Image != nil, "video": c.Video != nil, "audio": c.Audio != nil,
		"document": c.Document != nil, "sticker": c.Sticker != nil, "location": c.Location != nil, "contacts": c.Contacts != nil,
		"interactive": c.Interactive != nil, "button": c.Button != nil, "reaction": c.Reaction != nil, "order": c.Order != nil,
		"system": c.System != nil, "unsupported": c.Unsupported != nil, "edit": c.Edit != nil, "revoke": c.Revoke != nil,
	} {
		if set {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// inboundTypes are the types that an Inbound may have.
var inboundTypes = []string{
	"audio", "button", "contacts", "document", "edit", "image", "interactive", "location", "order", "reaction", "revoke",
	"sticker", "system", "text", "unsupported", "video",
}

// complete returns the content of a message with its defaults, and its type.
func (in Inbound) complete() (content inboundContent, kind string, err error) {
	content = inboundContent(in)
	set := content.kinds()
	switch {
	case len(set) > 1:
		return content, "", fmt.Errorf("it has the members %s; send one", strings.Join(set, ", "))
	case len(set) == 0 && in.Type == "":
		return content, "", fmt.Errorf("type is missing; it is one of %s", strings.Join(inboundTypes, ", "))
	case len(set) == 0 && !slices.Contains(inboundTypes, in.Type):
		return content, "", fmt.Errorf("type %q is none of %s", truncate(in.Type), strings.Join(inboundTypes, ", "))
	case len(set) == 1 && in.Type != "" && in.Type != set[0]:
		return content, "", fmt.Errorf("its type is %q, but it has the member %s", truncate(in.Type), set[0])
	case len(set) == 0:
		kind = in.Type
		content.setDefault(kind)
	default:
		kind = set[0]
	}
	return content, kind, content.check(kind)
}

// setDefault sets the member of a type to an example. Types that refer to something
// of the business have none.
func (c *inboundContent) setDefault(kind string) {
	switch kind {
	case "text":
		c.Text = &InboundText{Body: "Hello"}
	case "image":
		c.Image = &InboundMedia{}
	case "video":
		c.Video = &InboundMedia{}
	case "audio":
		c.Audio = &InboundMedia{}
	case "document":
		c.Document = &InboundMedia{}
	case "sticker":
		c.Sticker = &InboundMedia{}
	case "location":
		c.Location = &InboundLocation{Latitude: 37.44221496582, Longitude: -122.16165924072, Name: "Philz Coffee", Address: "101 Forest Ave, Palo Alto, CA 94301"}
	case "contacts":
		c.Contacts = []InboundContact{{
			Name:   map[string]any{"first_name": "Barbara", "last_name": "Johnson", "formatted_name": "Barbara Johnson"},
			Phones: []map[string]any{{"phone": "+1 (415) 555-0829", "wa_id": "14155550829", "type": "MOBILE"}},
		}}
	case "order":
		c.Order = &InboundOrder{CatalogID: "194836987003835", ProductItems: []ProductItem{
			{ProductRetailerID: "di9ozbzfi4", Quantity: 2, ItemPrice: 30, Currency: "USD"}}}
	case "unsupported":
		c.Unsupported = &InboundUnsupported{}
	}
}

// check returns what is wrong with the member of a type, and fills in its defaults.
// The caller's values are not changed.
func (c *inboundContent) check(kind string) error {
	if file := c.media(kind); file != nil {
		return file.check(kind)
	}
	switch kind {
	case "text":
		return c.Text.check()
	case "location":
		return c.Location.check()
	case "contacts":
		return checkInboundContacts(c.Contacts)
	case "interactive":
		return c.completeInteractive()
	case "button":
		return checkTexts("button", "text", present(c.Button, func(b *InboundButton) string { return b.Text }))
	case "reaction":
		return checkTexts("reaction", "message_id", present(c.Reaction, func(r *InboundReaction) string { return r.MessageID }))
	case "order":
		return c.Order.check()
	case "system":
		return checkTexts("system", "type", present(c.System, func(s *InboundSystem) string { return s.Type }))
	case "unsupported":
		c.Unsupported = &InboundUnsupported{Type: cmp.Or(c.Unsupported.Type, "unknown")}
	case "edit":
		return c.Edit.check()
	case "revoke":
		return checkTexts("revoke", "original_message_id", present(c.Revoke, func(r *InboundRevoke) string { return r.OriginalMessageID }))
	}
	return nil
}

// present returns a text of a member, or "" if the member is missing.
func present[T any](member *T, text func(*T) string) string {
	if member == nil {
		return ""
	}
	return text(member)
}

// checkTexts returns an error for a text of a member that is missing or too long.
func checkTexts(member, name, value string) error {
	switch {
	case value == "":
		return fmt.Errorf("%s.%s is missing", member, name)
	case utf8.RuneCountInString(value) > maxInboundTitle:
		return fmt.Errorf("%s.%s has more than %d characters", member, name, maxInboundTitle)
	}
	return nil
}

func (t *InboundText) check() error {
	switch {
	case t.Body == "":
		return errors.New("text.body is missing")
	case utf8.RuneCountInString(t.Body) > maxInboundText:
		return fmt.Errorf("text.body has more than %d characters", maxInboundText)
	}
	return nil
}

func (l *InboundLocation) check() error {
	if !(l.Latitude >= -90 && l.Latitude <= 90) || !(l.Longitude >= -180 && l.Longitude <= 180) {
		return fmt.Errorf("location %v, %v is not on Earth: latitude is from -90 to 90, longitude from -180 to 180", l.Latitude, l.Longitude)
	}
	return nil
}

func checkInboundContacts(contacts []InboundContact) error {
	if len(contacts) == 0 || len(contacts) > maxInboundEntries {
		return fmt.Errorf("there are %d contacts; send 1 to %d", len(contacts), maxInboundEntries)
	}
	for i, contact := range contacts {
		if name, _ := contact.Name["formatted_name"].(string); name == "" {
			return fmt.Errorf("contacts[%d].name.formatted_name is missing", i)
		}
	}
	return nil
}

func (o *InboundOrder) check() error {
	if len(o.ProductItems) == 0 || len(o.ProductItems) > maxInboundEntries {
		return fmt.Errorf("there are %d product_items; send 1 to %d", len(o.ProductItems), maxInboundEntries)
	}
	return checkTexts("order", "catalog_id", o.CatalogID)
}

func (e *InboundEdit) check() error {
	if e == nil {
		return errors.New("edit.original_message_id is missing")
	}
	var message map[string]any
	if err := json.Unmarshal(e.Message, &message); err != nil || message["type"] == nil {
		return errors.New("edit.message is not an object with a type")
	}
	return checkTexts("edit", "original_message_id", e.OriginalMessageID)
}

// completeInteractive checks the answer to an interactive message, and sets its type.
func (c *inboundContent) completeInteractive() error {
	if c.Interactive == nil {
		return errors.New("interactive has none of button_reply, list_reply, nfm_reply, call_permission_reply")
	}
	in := *c.Interactive
	c.Interactive = &in
	var set []string
	var err error
	if in.ButtonReply != nil {
		set = append(set, "button_reply")
		err = errors.Join(checkTexts("button_reply", "id", in.ButtonReply.ID), checkTexts("button_reply", "title", in.ButtonReply.Title))
	}
	if in.ListReply != nil {
		set = append(set, "list_reply")
		err = errors.Join(checkTexts("list_reply", "id", in.ListReply.ID), checkTexts("list_reply", "title", in.ListReply.Title))
	}
	if in.NFMReply != nil {
		set = append(set, "nfm_reply")
		reply := *in.NFMReply
		reply.Body, reply.Name = cmp.Or(reply.Body, "Sent"), cmp.Or(reply.Name, "flow")
		in.NFMReply = &reply
		if !json.Valid([]byte(reply.ResponseJSON)) {
			err = errors.New("nfm_reply.response_json is not JSON")
		}
	}
	if in.CallPermissionReply != nil {
		set = append(set, "call_permission_reply")
		err = checkTexts("call_permission_reply", "response", in.CallPermissionReply.Response)
	}
	switch {
	case len(set) != 1:
		return fmt.Errorf("interactive has %d of button_reply, list_reply, nfm_reply, call_permission_reply; send one", len(set))
	case in.Type != "" && in.Type != set[0]:
		return fmt.Errorf("interactive.type is %q, but it has %s", truncate(in.Type), set[0])
	}
	in.Type = set[0]
	return err
}

// unknownType is the error of a message that the Cloud API does not deliver.
func unknownType() inboundError {
	e := inboundError{Code: 131051, Title: "Message type unknown", Message: "Message type unknown"}
	e.Data.Details = "Message type is currently not supported."
	return e
}

// fileTooLarge is the error of a message with a file of more than 100 MB
// (docs/references.md#media-failures).
func fileTooLarge() inboundError {
	const text = "Media file size too big. Max file size we currently support: 100MB. Please communicate with your customer to send a media file that is smaller than 100MB"
	e := inboundError{Code: 131052, Title: text, Message: text}
	e.Data.Details = text
	return e
}
