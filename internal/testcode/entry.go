package testcode

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"ferry/internal/activity"
	"ferry/metasim"
)

// entry adds the steps of an entry of the journal.
func (c *collector) entry(e activity.Entry) {
	switch {
	case e.Kind == activity.Call:
		c.call(e)
	case e.Kind == activity.Message && e.Operation == "accept" && e.Outcome == activity.OK:
		c.send(e)
	case e.Kind == activity.Phone:
		what, name, _ := strings.Cut(e.Operation, " ")
		switch what {
		case "request":
			c.request(e, name)
		case "status":
			c.status(e, name)
		case "inbound":
			c.inbound(e)
		case "person":
			c.change(e)
		}
	}
}

// call adds a call of the API.
func (c *collector) call(e activity.Entry) {
	isRead := strings.HasPrefix(e.Operation, "List") || strings.HasPrefix(e.Operation, "GetLinked") || strings.HasPrefix(e.Operation, "GetWhatsAppMessageTemplate")
	switch e.Operation {
	case "PostWhatsAppMessageMedia":
		c.post(e)
	case "GetWhatsAppMessageMedia", "DeleteWhatsAppMessageMedia":
		id, ok := c.mark(e.MediaID)
		if !c.isWanted(e.MediaID, e.Trace) {
			return
		}
		if !ok {
			c.note("%s of the file %s is not repeated: what made the file is not known.", e.Operation, e.MediaID)
			return
		}
		kind := map[bool]string{true: "get", false: "delete"}[e.Operation == "GetWhatsAppMessageMedia"]
		c.addFaults(e.Trace)
		c.add(e.Time, step{kind: kind, number: c.numberOf(e.PhoneNumberID), id: id, code: exception(e)})
	case "SendWhatsAppMessage":
		if e.Outcome != activity.OK && c.isWanted(e.Trace) && e.MessageID == "" {
			c.note("A call of SendWhatsAppMessage ended with %s and is not repeated: its message is not kept.", e.Code)
		}
	default:
		if c.wanted == nil && !isRead && e.AccessKey != "" {
			c.note("Calls of %s are not repeated: their content is not kept.", e.Operation)
		}
	}
}

// exception returns the exception with which a call ended, or "".
func exception(e activity.Entry) string {
	if e.Outcome == activity.OK {
		return ""
	}
	return e.Code
}

// post adds an upload of an object.
func (c *collector) post(e activity.Entry) {
	if !c.isWanted(e.MediaID, e.Trace, e.Object) {
		return
	}
	bucket, key, ok := strings.Cut(strings.TrimPrefix(e.Object, "s3://"), "/")
	if !strings.HasPrefix(e.Object, "s3://") || !ok {
		c.note("An upload from a presigned URL is not repeated: its signature is not kept.")
		return
	}
	s := step{kind: "post", number: c.numberOf(e.PhoneNumberID), key: key, code: exception(e)}
	data, mime, found := c.Object(bucket, key)
	switch {
	case found:
	case e.MediaID != "":
		data, mime, found = c.media(e.MediaID)
		c.note("The object %s does not exist any more: the file comes from WhatsApp.", e.Object)
	case e.Code == "ResourceNotFoundException":
	default:
		c.note("An upload of %s is not repeated: the object does not exist any more.", e.Object)
		return
	}
	if bucket != c.Bucket {
		c.note("The bucket %s is not the sample bucket, which plays its part.", bucket)
	}
	if found {
		s.file = c.fileOf(key, mime, data)
	}
	if s.code == "" {
		s.name = c.variable("media")
		c.variables[e.MediaID] = s.name
	}
	c.addFaults(e.Trace)
	c.add(e.Time, s)
}

// media returns the bytes of a file at WhatsApp.
func (c *collector) media(id string) (data []byte, mime string, ok bool) {
	media, ok := c.Simulator.Media(id)
	if !ok {
		return nil, "", false
	}
	content, err := c.Simulator.OpenMedia(id)
	if err != nil {
		return nil, "", false
	}
	defer content.Close()
	data, err = io.ReadAll(content)
	mime, _, _ = strings.Cut(media.MIMEType, ";")
	return data, mime, err == nil
}

// send adds a message that was sent through the API.
func (c *collector) send(e activity.Entry) {
	wamid := c.wamids[e.MessageID]
	if !c.isWanted(wamid, e.MessageID, e.Trace) {
		return
	}
	m, ok := c.Simulator.Message(wamid)
	if !ok || len(m.Content) == 0 {
		c.note("A message that WhatsApp has not accepted, or whose content has more than 64 KiB, is not repeated: its content is not kept.")
		return
	}
	c.message(m, "send", e.Trace)
}

// request adds what a program sent to the Graph API itself.
func (c *collector) request(e activity.Entry, operation string) {
	if operation != string(metasim.OperationSendMessage) || e.WAMID == "" || c.through[e.WAMID] || !c.isWanted(e.WAMID) {
		return
	}
	if m, ok := c.Simulator.Message(e.WAMID); ok && len(m.Content) > 0 {
		c.message(m, "graph", e.WAMID)
	}
}

// message adds a message of the business, and before it the faults of what made it.
func (c *collector) message(m metasim.Message, kind, maker string) {
	if m.WAID == "" {
		c.note("A message to %s is not repeated: it has no phone number.", m.Recipient)
		return
	}
	if m.Type == "template" && !c.template(m) {
		return
	}
	body := map[string]any{"messaging_product": "whatsapp", "to": "+" + m.WAID, "type": m.Type, m.Type: json.RawMessage(m.Content)}
	if m.ContextID != "" {
		body["context"] = map[string]any{"message_id": m.ContextID}
	}
	if m.CallbackData != "" {
		body["biz_opaque_callback_data"] = m.CallbackData
	}
	text, missing := c.marked(body)
	if missing != "" {
		c.note("A message is not repeated: what made the file or the message %s in it is not known.", missing)
		return
	}
	s := step{kind: kind, name: c.variable("message"), number: c.numberOf(m.PhoneNumberID), person: c.person(m.WAID, m.PhoneNumberID), text: text, version: m.Version}
	c.variables[m.ID] = s.name
	c.addFaults(maker)
	c.add(m.Created, s)
}

// template makes sure that the template of a message exists.
func (c *collector) template(m metasim.Message) bool {
	var sent struct {
		Language struct{ Code string }
	}
	_ = json.Unmarshal(m.Content, &sent)
	if m.Template == "hello_world" || c.templates[m.Template+"/"+sent.Language.Code] {
		return true
	}
	for _, t := range c.Simulator.Templates(m.AccountID) {
		if t.Name != m.Template || t.Language != sent.Language.Code {
			continue
		}
		body, err := json.Marshal(map[string]any{"name": t.Name, "language": t.Language, "category": t.Category, "parameter_format": t.ParameterFormat, "components": t.Components})
		if err != nil || c.Simulator.CheckTemplate(m.AccountID, body) != nil {
			break
		}
		c.templates[m.Template+"/"+sent.Language.Code] = true
		s := step{kind: "template", text: string(body)}
		s.template.account, s.template.name = m.AccountID, t.Name
		c.recording.steps = append(c.recording.steps, s)
		return true
	}
	c.note("A message with the template %s is not repeated: the request that made the template is not kept.", m.Template)
	return false
}

// status adds what became of a message.
func (c *collector) status(e activity.Entry, name string) {
	id, ok := c.mark(e.WAMID)
	if !ok || !slices.Contains([]string{"delivered", "read", "failed"}, name) {
		return
	}
	m, _ := c.Simulator.Message(e.WAMID)
	s := step{kind: name, id: id, person: c.person(m.WAID, m.PhoneNumberID), code: strings.TrimPrefix(e.Code, "meta-")}
	if name != "failed" {
		s.code = ""
	}
	c.recording.steps = append(c.recording.steps, s)
}

// change adds a change of a person.
func (c *collector) change(e activity.Entry) {
	if c.wanted != nil && c.about.Person != e.Person {
		return
	}
	var changes []string
	text := strings.Trim(strings.TrimPrefix(e.Text, "The person "), ".")
	for part := range strings.SplitSeq(text, ", ") {
		if change, ok := changesOf[part]; ok {
			changes = append(changes, change)
		}
	}
	if len(changes) > 0 {
		s := step{kind: "change", person: c.person(e.Person, e.PhoneNumberID), change: changes}
		c.recording.steps = append(c.recording.steps, s)
	}
}

// changesOf are the changes that can be repeated, by the words of the journal.
var changesOf = map[string]string{
	"is offline": "offline", "is online": "online", "blocks the business": "blocks", "no longer blocks the business": "unblocks", "has no WhatsApp": "leaves",
}

// inbound adds a message of a person.
func (c *collector) inbound(e activity.Entry) {
	w, ok := c.written(e.WAMID)
	if !ok || !c.isWanted(w.ID) {
		return
	}
	if len(w.Content) == 0 {
		c.note("A message of a person, of the type %s, is not repeated: its content has more than 64 KiB.", w.Type)
		return
	}
	var content any
	if json.Unmarshal(w.Content, &content) != nil {
		return
	}
	message := map[string]any{"type": w.Type, w.Type: content}
	if members, isObject := content.(map[string]any); isObject && w.MediaID != "" {
		message[w.Type] = c.inboundFile(w, maps.Clone(members))
	}
	if w.ContextID != "" {
		message["context"] = map[string]any{"id": w.ContextID}
	}
	text, missing := c.marked(message)
	if missing != "" {
		c.note("A message of a person is not repeated: what made the message %s, which it is about, is not known.", missing)
		return
	}
	s := step{kind: "inbound", name: c.variable("inbound"), person: c.person(w.WAID, w.PhoneNumberID), text: text}
	c.variables[w.ID] = s.name
	if w.MediaID != "" {
		c.variables[w.MediaID] = s.name + ".MediaID"
	}
	c.add(w.Time, s)
}

// inboundFile returns the content of a message of a person with the bytes of its file.
func (c *collector) inboundFile(w metasim.Written, members map[string]any) map[string]any {
	for _, name := range []string{"id", "sha256", "url"} { // the simulator makes them
		delete(members, name)
	}
	if data, mime, ok := c.media(w.MediaID); ok {
		members["content"] = c.fileOf("the file of a person", mime, data).data
	}
	return members
}

func (c *collector) written(id string) (metasim.Written, bool) {
	for _, n := range c.Simulator.Numbers() {
		for _, w := range c.Simulator.Written(n.ID, "") {
			if w.ID == id {
				return w, true
			}
		}
	}
	return metasim.Written{}, false
}
