// What happened in a world: the entries that matchers look at.

package ferrytest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/tty"
)

// An Entry is one thing that happened in a world. Fields that do not apply are empty.
type Entry struct {
	Seq  int64     // number, which grows with each entry
	Time time.Time // when it began
	Took time.Duration
	// Kind is what happened:
	//
	//	call     a request to ferry's API; Name is the operation
	//	message  a message that a caller wanted to send
	//	send     an attempt of ferry's to send it
	//	fetch    a source that was opened
	//	inspect  a file that was looked into
	//	graph    a request of ferry's to Meta's Graph API, as ferry saw it
	//	request  a request to the Graph API, as the simulator saw it; Name is the operation
	//	status   a message got a status; Name is sent, delivered, read, played or failed
	//	inbound  a person wrote; Name is the type of the message
	//	person   a person was changed
	//	hook     an attempt of the simulator's to deliver a webhook; Name is its field
	//	webhook  the same, as ferry saw it
	//	event    an event that ferry recorded; Name is such as status.read
	//	attempt  an attempt to deliver it to a destination
	//	archive  the file of an inbound message that was stored
	Kind string
	Name string

	RequestID string // of a call and its steps
	WAMID     string // of a message, as WhatsApp knows it
	MessageID string // of a message, as SendWhatsAppMessage returned it
	MediaID   string
	EventID   string
	Person    string // number in digits, or a user's id
	Topic     string // name of the SNS topic that an attempt delivered to, or its destination
	Object    string // "s3://bucket/key", or a URL without its query

	Outcome string // ok, refused, failed, ambiguous or waiting
	Status  int    // of the HTTP response
	Code    string // exception, code of a finding, or Meta's error code in digits
	Text    string // what the caller was told, or why it failed
	Bytes   int64

	Type     string // of a message: text, image, template, …
	MIMEType string // of a file, without parameters
	// Body is the content as JSON. Of a status it is the message, as it was sent to
	// WhatsApp: {"to", "type", "image": {…}}. Of an attempt it is the value of the change in
	// Meta's webhook that the event is about: {"statuses": […]}, {"messages": […]}, …
	Body []byte
	// Envelope is the event as it was published.
	Envelope []byte

	details []slog.Attr
}

// detail returns the lines of a detail of an entry.
func (e Entry) detail(key string) []string {
	for _, d := range e.details {
		if text := d.Value.String(); d.Key == key && text != "" {
			return strings.Split(text, "\n")
		}
	}
	return nil
}

// name says which message an entry is about.
func (e Entry) name() string {
	if e.WAMID == "" {
		return fmt.Sprintf("entry %d", e.Seq)
	}
	return "message " + e.WAMID
}

// String returns the entry as one line.
func (e Entry) String() string {
	var line strings.Builder
	fmt.Fprintf(&line, "#%d %s %s", e.Seq, e.Time.UTC().Format("15:04:05.000"), strings.TrimSpace(e.Kind+" "+e.Name))
	for _, f := range []struct{ name, value string }{
		{"person", e.Person}, {"type", e.Type}, {"mime", e.MIMEType}, {"topic", e.Topic}, {"object", e.Object}, {"media", e.MediaID},
		{"message", e.MessageID}, {"wamid", e.WAMID}, {"event", e.EventID},
	} {
		if f.value != "" {
			fmt.Fprintf(&line, " %s=%s", f.name, f.value)
		}
	}
	if e.Status != 0 {
		fmt.Fprintf(&line, " %d", e.Status)
	}
	if e.Outcome != string(activity.OK) {
		fmt.Fprintf(&line, " %s", strings.ToUpper(e.Outcome))
	}
	if e.Code != "" {
		fmt.Fprintf(&line, " %s", e.Code)
	}
	if e.Text != "" {
		fmt.Fprintf(&line, " %s", shorten(e.Text, maxLineText))
	}
	return tty.Clean(line.String())
}

// maxLineText bounds the text in the line of an entry, in characters.
const maxLineText = 200

func shorten(text string, limit int) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

// entry returns an entry of the journal with what the world knows about it besides.
func (w *World) entry(from activity.Entry) Entry {
	e := Entry{
		Seq: from.Seq, Time: from.Time, Took: from.Took, Kind: string(from.Kind), Name: from.Operation, RequestID: from.Trace,
		WAMID: from.WAMID, MessageID: from.MessageID, MediaID: from.MediaID, EventID: from.EventID, Person: from.Person, Object: from.Object,
		Outcome: string(from.Outcome), Status: from.Status, Code: strings.TrimPrefix(from.Code, "meta-"), Text: from.Text, Bytes: from.Bytes,
		details: from.Details,
	}
	switch from.Kind {
	case activity.Phone:
		e.Kind, e.Name, _ = strings.Cut(from.Operation, " ")
		if e.Kind == "webhook" {
			e.Kind = "hook"
		}
		e.RequestID = ""
	case activity.Attempt:
		e.Topic = topicOf(from.Destination)
		e.Envelope = w.topics.envelope(from.EventID)
		e.Body = valueOf(e.Envelope)
		e.RequestID = ""
	}
	if e.Kind == "status" || e.Kind == "request" {
		w.addMessage(&e)
	}
	if media, ok := w.Simulator.Media(e.MediaID); ok {
		e.MIMEType, _, _ = strings.Cut(media.MIMEType, ";")
	}
	return e
}

// addMessage adds what the simulator knows of a message.
func (w *World) addMessage(e *Entry) {
	message, ok := w.Simulator.Message(e.WAMID)
	if !ok {
		return
	}
	e.Type = message.Type
	body := map[string]any{"to": message.Recipient, "type": message.Type}
	if len(message.Content) > 0 {
		body[message.Type] = message.Content
	}
	e.Body, _ = json.Marshal(body) // content that cannot be read has no JSON paths
	if e.MediaID == "" {
		var content struct{ ID string }
		_ = json.Unmarshal(message.Content, &content)
		e.MediaID = content.ID
	}
}

// topicOf returns the name of the topic, or of the destination, that an attempt goes to:
// "event/<business account>/<ARN or name>".
func topicOf(destination string) string {
	name := destination[strings.LastIndexByte(destination, '/')+1:]
	return name[strings.LastIndexByte(name, ':')+1:]
}

// valueOf returns the value of the first change in the webhook that an envelope is about.
func valueOf(envelope []byte) []byte {
	var outer struct {
		Entry string `json:"whatsAppWebhookEntry"`
	}
	var entry struct {
		Changes []struct{ Value json.RawMessage }
	}
	if json.Unmarshal(envelope, &outer) != nil || json.Unmarshal([]byte(outer.Entry), &entry) != nil || len(entry.Changes) == 0 {
		return nil
	}
	return entry.Changes[0].Value
}
