// Matchers, and the conditions that narrow them.

package ferrytest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// A Matcher describes an Entry to wait for. Delivered and the other functions that return
// one accept conditions, which all must hold.
type Matcher struct {
	what       string // "a message delivered to +4915112345678"
	isNear     func(*Entry) bool
	conditions []Condition
	after      Mark
	problem    string // why it can match nothing
}

// A Condition is about one field of an Entry.
type Condition struct {
	field, want string
	got         func(*Entry) (value string, ok bool)
	after       Mark
	problem     string
}

// String describes what the matcher waits for.
func (m Matcher) String() string {
	text := m.what
	for _, c := range m.conditions {
		if c.field != "" && !strings.HasPrefix(c.field, ".") {
			text += fmt.Sprintf(", %s %s", c.field, c.want)
		}
	}
	return text
}

// matcher returns a matcher for entries of a kind. Conditions whose field begins with a
// dot are part of what.
func matcher(what, kind string, isNear func(*Entry) bool, own []Condition, more []Condition) Matcher {
	if isNear == nil {
		isNear = func(e *Entry) bool { return e.Kind == kind }
	}
	m := Matcher{what: what, isNear: isNear, conditions: []Condition{field(".kind", kind, func(e *Entry) string { return e.Kind })}}
	for _, c := range append(own, more...) {
		if c.problem != "" {
			m.problem = c.problem
		}
		if m.after = max(m.after, c.after); c.got != nil {
			m.conditions = append(m.conditions, c)
		}
	}
	return m
}

// field returns a condition that a field of an entry is equal to a text.
func field(name, want string, value func(*Entry) string) Condition {
	return Condition{field: name, want: want, got: func(e *Entry) (string, bool) {
		got := value(e)
		return got, got == want
	}}
}

// misses returns the conditions that an entry does not meet.
func (m Matcher) misses(e *Entry) (misses []miss) {
	for _, c := range m.conditions {
		if got, ok := c.got(e); !ok {
			misses = append(misses, miss{c, got})
		}
	}
	return misses
}

// A miss is a condition that an entry does not meet.
type miss struct {
	Condition
	value string
}

// Delivered matches a message of the business that arrived at a person's phone.
func Delivered(p *Person, conditions ...Condition) Matcher { return status(p, "delivered", conditions) }

// Read matches a message of the business that a person has read.
func Read(p *Person, conditions ...Condition) Matcher { return status(p, "read", conditions) }

// Failed matches a message of the business to a person that failed after WhatsApp had
// accepted it.
func Failed(p *Person, conditions ...Condition) Matcher { return status(p, "failed", conditions) }

func status(p *Person, name string, conditions []Condition) Matcher {
	what := fmt.Sprintf("a message to %s that is %s", p, name)
	if name == "failed" {
		what = fmt.Sprintf("a message to %s that failed", p)
	}
	return matcher(what, "status", nil, []Condition{
		field(".status", name, func(e *Entry) string { return e.Name }),
		field(".person", p.number, func(e *Entry) string { return e.Person }),
	}, conditions)
}

// Uploaded matches a file that WhatsApp has accepted.
func Uploaded(conditions ...Condition) Matcher {
	isNear := func(e *Entry) bool {
		return e.Kind == "request" && e.Name == "upload" || e.Kind == "call" && e.Name == "PostWhatsAppMessageMedia"
	}
	return matcher("a file that was uploaded to WhatsApp", "request", isNear, []Condition{
		field(".operation", "upload", func(e *Entry) string { return e.Name }),
		field(".outcome", "ok", func(e *Entry) string { return e.Outcome }),
	}, conditions)
}

// Called matches a request to ferry's API that has ended, whether it succeeded or not; see
// Code and Succeeded.
func Called(operation string, conditions ...Condition) Matcher {
	return matcher("a call of "+operation, "call", nil, []Condition{
		field(".operation", operation, func(e *Entry) string { return e.Name }),
	}, conditions)
}

// Requested matches a request to the simulated Graph API that has ended, whether it
// succeeded or not. The operations are those of package metasim, such as send_message.
func Requested(operation string, conditions ...Condition) Matcher {
	return matcher("a request to WhatsApp for "+operation, "request", nil, []Condition{
		field(".operation", operation, func(e *Entry) string { return e.Name }),
	}, conditions)
}

// Published matches an event that was published to an SNS topic, by the topic's name. The
// empty name means any topic.
func Published(topic string, conditions ...Condition) Matcher {
	return attempt("an event that was published", topic, field(".outcome", "ok", func(e *Entry) string { return e.Outcome }), conditions)
}

// PublishFailed matches an attempt to publish an event that failed; see FaultTopic. The
// empty name means any topic.
func PublishFailed(topic string, conditions ...Condition) Matcher {
	failed := Condition{field: ".outcome", want: "a failure", got: func(e *Entry) (string, bool) { return e.Outcome, e.Outcome != "ok" }}
	return attempt("an event that could not be published", topic, failed, conditions)
}

func attempt(what, topic string, outcome Condition, conditions []Condition) Matcher {
	own := []Condition{outcome}
	if topic != "" {
		what += " to " + topic
		own = append(own, field(".topic", topic, func(e *Entry) string { return e.Topic }))
	}
	return matcher(what, "attempt", nil, own, conditions)
}

// Type is the type of a message (image, text, template), or the MIME type of its file
// (image/jpeg).
func Type(want string) Condition {
	if strings.Contains(want, "/") {
		return field("type", want, func(e *Entry) string { return e.MIMEType })
	}
	return field("type", want, func(e *Entry) string { return e.Type })
}

// Text is the text or caption of a message.
func Text(want string) Condition {
	return field("text", strconv.Quote(want), func(e *Entry) string { return strconv.Quote(textOfMessage(e.Body)) })
}

// textOfMessage returns the text or caption of a message of the business, or of the first
// one of a person in an event.
func textOfMessage(body []byte) string {
	type content struct {
		Text                   struct{ Body string }
		Image, Video, Document struct{ Caption string }
	}
	var message struct {
		content
		Messages []content
	}
	_ = json.Unmarshal(body, &message)
	for _, m := range append([]content{message.content}, message.Messages...) {
		for _, text := range []string{m.Text.Body, m.Image.Caption, m.Video.Caption, m.Document.Caption} {
			if text != "" {
				return text
			}
		}
	}
	return ""
}

// JSON is a value in Entry.Body, by a path such as $.statuses[0].status. It is compared as
// JSON, so that 1 and 1.0 are equal.
func JSON(path string, want any) Condition {
	steps, err := parsePath(path)
	decoded, encodeErr := asJSON(want)
	c := Condition{field: path, want: textOf(decoded)}
	switch {
	case err != nil:
		c.problem = err.Error()
	case encodeErr != nil:
		c.problem = fmt.Sprintf("the value for %s is no JSON: %v", path, encodeErr)
	}
	c.got = func(e *Entry) (string, bool) {
		value, ok := follow(e.Body, steps)
		if !ok {
			return "missing", false
		}
		return textOf(value), equalJSON(value, decoded)
	}
	return c
}

// Code is the exception of a call, the code of a finding, or the error code of WhatsApp in
// digits: "131053".
func Code(want string) Condition {
	return field("code", want, func(e *Entry) string { return e.Code })
}

// Succeeded means that it did not fail.
func Succeeded() Condition {
	return field("outcome", "ok", func(e *Entry) string { return e.Outcome })
}

// Named is the name of an event, such as status.read or message.image, or Entry.Name in
// general.
func Named(want string) Condition {
	return field("name", want, func(e *Entry) string { return e.Name })
}

// Of is the message that an entry is about: an id of SendWhatsAppMessage, or WhatsApp's.
func Of(id string) Condition {
	return Condition{field: "message", want: id, got: func(e *Entry) (string, bool) {
		got := e.WAMID
		if got == "" || e.MessageID == id {
			got = e.MessageID
		}
		return got, id != "" && (e.WAMID == id || e.MessageID == id)
	}}
}

// Media is the id of a file at WhatsApp.
func Media(id string) Condition {
	return field("media", id, func(e *Entry) string { return e.MediaID })
}

// Where is a condition of your own, with what it is about in a failure.
func Where(what string, holds func(Entry) bool) Condition {
	return Condition{field: what, want: "true", got: func(e *Entry) (string, bool) {
		ok := holds(*e)
		return strconv.FormatBool(ok), ok
	}}
}

// A Mark is a moment between two entries.
type Mark int64

// Since means that it happened after a mark.
func Since(mark Mark) Condition { return Condition{after: mark} }
