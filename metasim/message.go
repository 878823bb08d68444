package metasim

import (
	"encoding/json"
	"strings"
)

// POST /{phone_number}/messages: what a request means, and the response. A request
// sends a message, or marks one as read (docs/references.md#graph-messages).

// maxMessageBody is the maximum size in bytes of the request: 257 contacts fit.
const maxMessageBody = 512 << 10

// maxCallbackData is the maximum length in characters of biz_opaque_callback_data.
const maxCallbackData = 512

// messageParameters are those of a request that sends a message or marks one as read.
var messageParameters = append([]string{
	"messaging_product", "recipient_type", "to", "recipient", "type", "context", "biz_opaque_callback_data",
	"recipient_identity_key_hash", "message_activity_sharing", "status", "message_id", "typing_indicator",
}, sortedNames(messageShapes)...)

// sent is the response to a message that was accepted.
type sent struct {
	MessagingProduct string        `json:"messaging_product"`
	Contacts         []sentContact `json:"contacts"`
	Messages         []sentMessage `json:"messages"`
}

// sentContact names the recipient: by wa_id if the message went to a number, by
// user_id if it went to a business-scoped user id, never by both
// (docs/references.md#graph-bsuid).
type sentContact struct {
	Input  string `json:"input"`
	WAID   string `json:"wa_id,omitempty"`
	UserID string `json:"user_id,omitempty"`
}

type sentMessage struct {
	ID     string `json:"id"`
	Status string `json:"message_status,omitempty"` // of templates only
}

// sendMessage sends a message, or marks one as read.
func (s *Server) sendMessage(c *call) (any, *apiError) {
	product, ok := c.parameters["messaging_product"]
	if !ok {
		return nil, missingParameter("messaging_product")
	}
	if refusal := checkProduct(product.value); refusal != nil {
		return nil, refusal
	}
	if _, ok := c.parameters["status"]; ok {
		return s.markRead(c)
	}
	draft, refusal := s.readMessage(c)
	if refusal != nil {
		return nil, refusal
	}
	message, refusal := s.accept(c, draft)
	if refusal != nil {
		return nil, refusal
	}
	contact := sentContact{Input: draft.recipient.input, WAID: message.WAID}
	if message.WAID == "" {
		contact.UserID = message.UserID
	}
	response := sentMessage{ID: message.ID}
	if message.Type == "template" {
		response.Status = statusAccepted
	}
	return sent{"whatsapp", []sentContact{contact}, []sentMessage{response}}, nil
}

// draft is a message whose form is right.
type draft struct {
	kind      string // text, image, …
	recipient recipient
	content   map[string]any // of the member that kind names; nil for contacts, which are a list
	raw       string         // the same, as it was sent
	context   string         // id of the message that this one replies to
	callback  string
	media     []mediaReference
	template  *Template // that the content names; nil unless kind is template
}

// readMessage checks the parts of a message in the order in which Meta does, as far
// as that is known: recipient, type, form of the content, sender, media, template.
func (s *Server) readMessage(c *call) (draft, *apiError) {
	d := draft{kind: strings.ToLower(c.parameters.get("type")), callback: c.parameters.get("biz_opaque_callback_data")}
	var refusal *apiError
	if d.recipient, refusal = s.readRecipient(c); refusal != nil {
		return d, refusal
	}
	if d.kind == "" {
		d.kind = "text"
	}
	if refusal := checkMessageType(c.parameters.get("type"), d.kind); refusal != nil {
		return d, refusal
	}
	if characters(d.callback) > maxCallbackData {
		return d, tooManyCharacters("biz_opaque_callback_data", maxCallbackData)
	}
	check := &messageCheck{call: c}
	if d.context, refusal = check.readContext(); refusal != nil {
		return d, refusal
	}
	if refusal := check.readContent(&d); refusal != nil {
		return d, refusal
	}
	d.media = check.media
	if d.kind == "pin" { // which exists in groups only
		return d, codeError(130501, "")
	}
	if refusal := c.checkOtherContents(d.kind); refusal != nil {
		return d, refusal
	}
	if refusal := s.checkSender(c); refusal != nil {
		return d, refusal
	}
	if s.isBlocked(c.id, d.recipient) {
		return d, codeError(130403, "")
	}
	if refusal := s.checkAttachments(c, d.media); refusal != nil {
		return d, refusal
	}
	if d.kind == "interactive" {
		if refusal := s.checkSentFlow(c, d.content); refusal != nil {
			return d, refusal
		}
		if refusal := s.checkPermissionRequest(c, d.recipient, d.content); refusal != nil {
			return d, refusal
		}
	}
	if d.kind == "template" {
		d.template, refusal = s.checkTemplate(c, d.recipient, d.content)
	}
	return d, refusal
}

// messageTypes are the types in the words of Meta's error. GIF and LINK_PREVIEW are
// in it and cannot be sent.
const messageTypes = "AUDIO, CONTACTS, DOCUMENT, GIF, IMAGE, INTERACTIVE, LINK_PREVIEW, LOCATION, PIN, REACTION, STICKER, TEMPLATE, TEXT, VIDEO"

func checkMessageType(given, kind string) *apiError {
	if _, ok := messageShapes[kind]; ok {
		return nil
	}
	if kind == "gif" || kind == "link_preview" {
		return codeError(131051, "Message type is currently not supported.")
	}
	return parameterError("Param type must be one of {%s} - got \"%s\".", messageTypes, truncate(given))
}

// checkOtherContents warns of members for other types than the message's. Meta
// ignores them.
func (c *call) checkOtherContents(kind string) *apiError {
	for _, name := range sortedNames(messageShapes) {
		if _, ok := c.parameters[name]; ok && name != kind {
			if refusal := c.warn(warnMemberIgnored, "The parameter %s is ignored, because the type is %s. Remove it, or change the type.", name, kind); refusal != nil {
				return refusal
			}
		}
	}
	return nil
}

// checkSender refuses a number that cannot send.
func (s *Server) checkSender(c *call) *apiError {
	p := s.phone(c.id)
	account := s.accounts[p.accountID]
	switch {
	case p.Status == "DELETED":
		return codeError(33, "")
	case p.PlatformType != "CLOUD_API", p.Status == "PENDING", p.Status == "DISCONNECTED", p.Status == "UNVERIFIED", p.Status == "MIGRATED":
		return codeError(133010, "")
	case p.Status == "BANNED", p.CanSendMessage == "BLOCKED", account.CanSendMessage == "BLOCKED":
		return codeError(131031, "")
	}
	return nil
}

// markRead marks a message of a user as read, and may show the user that an answer
// is being written.
func (s *Server) markRead(c *call) (any, *apiError) {
	if status := c.parameters.get("status"); !strings.EqualFold(status, "read") {
		return nil, parameterError("Param status must be one of {READ} - got \"%s\".", truncate(status))
	}
	id := c.parameters.get("message_id")
	if id == "" {
		return nil, missingParameter("message_id")
	}
	if !isMessageID(id) {
		return nil, invalidValue("message_id is not the id of a message")
	}
	if p, ok := c.parameters["typing_indicator"]; ok {
		check := &messageCheck{call: c}
		if _, refusal := check.readObject("typing_indicator", p.value, typingShape); refusal != nil {
			return nil, refusal
		}
	}
	if refusal := s.checkSender(c); refusal != nil {
		return nil, refusal
	}
	_, typing := c.parameters["typing_indicator"]
	s.logStorage(s.inbox.markRead(id, s.Now().Round(0), typing))
	c.update(func(r *Request) { r.MessageID = id })
	return success{true}, nil
}

var typingShape = shape{members: []member{{name: "type", kind: textValue, required: true, enum: []string{"text"}}}}

// readContext returns the id of the message that this one replies to.
func (m *messageCheck) readContext() (string, *apiError) {
	p, ok := m.parameters["context"]
	if !ok {
		return "", nil
	}
	context, refusal := m.readObject("context", p.value, contextShape)
	return text(context["message_id"]), refusal
}

var contextShape = shape{members: []member{{name: "message_id", kind: textValue, required: true}}}

// readContent checks the member that the type names.
func (m *messageCheck) readContent(d *draft) *apiError {
	p, ok := m.parameters[d.kind]
	if !ok {
		return missingParameter(d.kind)
	}
	d.raw = p.value
	value := decodeMember(p.value)
	if refusal := m.value(d.kind, messageShapes[d.kind], value); refusal != nil {
		return refusal
	}
	if content, ok := value.(map[string]any); ok {
		d.content = content
	}
	return nil
}

// readObject checks a parameter that is an object.
func (m *messageCheck) readObject(name, given string, as shape) (map[string]any, *apiError) {
	value := decodeMember(given)
	refusal := m.value(name, member{kind: objectValue, shape: as}, value)
	object, _ := value.(map[string]any)
	return object, refusal
}

// decodeMember decodes the JSON of a parameter. What is not JSON is a text.
func decodeMember(given string) any {
	var value any
	decoder := json.NewDecoder(strings.NewReader(given))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return given
	}
	return value
}
