package console

import (
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"time"

	"ferry/internal/media"
	"ferry/metasim"
)

// bubble is a message in a chat.
type bubble struct {
	ID        string
	Mine      bool // of the person, whose phone it is
	Type      string
	Time      time.Time
	Header    string
	Text      string
	Footer    string
	File      *file
	Link      string // of a file that is not at Meta
	Place     *place
	Cards     []string // names and numbers of contacts
	Buttons   []button
	Menu      string // label of the list
	Reactions []string
	Quote     string // of the message that this one replies to
	Statuses  []metasim.StatusChange
	Status    string
	Failure   metasim.StatusChange
	Waits     bool // it has not arrived at the phone
	Read      time.Time
	Template  string
	TraceID   string
	Notes     []string
	Raw       string // the content, indented

	reactsTo, emoji, context string
}

// button is what a person can press.
type button struct {
	Kind        string // button_reply, list_reply, button; empty means that it cannot be pressed
	ID          string
	Title       string
	Description string
	Section     string // of a list
	Target      string // a URL or a phone number, which is only shown
}

type place struct {
	Latitude, Longitude float64
	Name, Address       string
}

// Summary returns a message in a few words.
func (b bubble) Summary() string {
	text := b.Text
	switch {
	case b.emoji != "":
		text = "reacted with " + b.emoji
	case text == "" && b.Header != "":
		text = b.Header
	case b.Place != nil:
		text = "location " + b.Place.Name
	case len(b.Cards) > 0:
		text = "contact " + b.Cards[0]
	case text == "" && b.File != nil:
		text = b.File.Label()
	case text == "":
		text = b.Type
	}
	return strings.Join(strings.Fields(text), " ")
}

// bubbles returns the messages between a person and the business, oldest first, each
// reaction at the message that it is for.
func (c *Console) bubbles(p metasim.Person, messages []metasim.Message, written []metasim.Written) []bubble {
	var all []bubble
	for _, m := range messages {
		if m.PhoneNumberID == p.PhoneNumberID && (m.WAID == p.WAID || m.UserID != "" && m.UserID == p.UserID) {
			all = append(all, c.bubbleOf(m))
		}
	}
	for _, w := range written {
		all = append(all, c.withFile(writtenBubble(w)))
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Time.Before(all[j].Time) })
	index := make(map[string]int, len(all))
	shown := make([]bubble, 0, len(all))
	for _, b := range all {
		if at, ok := index[b.reactsTo]; ok && b.reactsTo != "" && b.Failure.Code == 0 {
			shown[at].react(b)
			continue
		}
		if at, ok := index[b.context]; ok && b.context != "" {
			b.Quote = shown[at].Summary()
		}
		index[b.ID] = len(shown)
		shown = append(shown, b)
	}
	return shown
}

// react adds a reaction, in place of an earlier one of the same side.
func (b *bubble) react(reaction bubble) {
	who := "business "
	if reaction.Mine {
		who = "you "
	}
	b.Reactions = slices.DeleteFunc(b.Reactions, func(r string) bool { return strings.HasPrefix(r, who) })
	if reaction.emoji != "" {
		b.Reactions = append(b.Reactions, who+reaction.emoji)
	}
}

// bubbleOf returns a message of the business.
func (c *Console) bubbleOf(m metasim.Message) bubble {
	b := bubble{ID: m.ID, Type: m.Type, Time: m.Created, Statuses: m.Statuses, Status: m.Status, TraceID: m.TraceID, Notes: m.Notes, context: m.ContextID}
	b.Waits = !arrived(m)
	for _, s := range m.Statuses {
		if s.Status == "failed" {
			b.Failure = s
		}
	}
	b.fill(m.Content)
	if m.Type == "template" {
		c.fillTemplate(&b, m)
	}
	return c.withFile(b)
}

func writtenBubble(w metasim.Written) bubble {
	b := bubble{ID: w.ID, Mine: true, Type: w.Type, Time: w.Time, Read: w.Read, context: w.ContextID}
	b.fill(w.Content)
	return b
}

// withFile adds what is known about the file of a message.
func (c *Console) withFile(b bubble) bubble {
	if b.File == nil {
		return b
	}
	found, ok := c.config.Simulator.Media(b.File.ID)
	b.File.Gone = !ok
	if ok {
		b.File.Media = found
	}
	return b
}

// An object is a JSON object.
type object map[string]any

func (o object) object(name string) object { return asObject(o[name]) }
func (o object) text(name string) string   { text, _ := o[name].(string); return text }
func (o object) number(name string) float64 {
	number, _ := o[name].(float64)
	return number
}

func (o object) list(name string) (list []object) {
	values, _ := o[name].([]any)
	for _, value := range values {
		list = append(list, asObject(value))
	}
	return list
}

func asObject(value any) object { o, _ := value.(map[string]any); return o }

// fill sets what the content of a message shows.
func (b *bubble) fill(content json.RawMessage) {
	var value any
	if len(content) == 0 || json.Unmarshal(content, &value) != nil {
		return
	}
	if text, err := json.MarshalIndent(value, "", "  "); err == nil {
		b.Raw = string(text)
	}
	o := asObject(value)
	switch b.Type {
	case "text":
		b.Text = o.text("body")
	case "image", "video", "audio", "document", "sticker":
		b.fillFile(b.Type, o)
		b.Text = o.text("caption")
	case "location":
		b.Place = &place{o.number("latitude"), o.number("longitude"), o.text("name"), o.text("address")}
	case "contacts":
		b.fillContacts(object{"contacts": value})
	case "reaction":
		b.reactsTo, b.emoji = o.text("message_id"), o.text("emoji")
		b.Text = "reacted with " + b.emoji
	case "interactive":
		b.fillInteractive(o)
	case "button":
		b.Text = o.text("text")
	case "system":
		b.Text = o.text("body")
	}
}

func (b *bubble) fillFile(kind string, o object) {
	b.Link = o.text("link")
	if id := o.text("id"); id != "" {
		b.File = &file{Media: metasim.Media{ID: id, FileName: o.text("filename"), MIMEType: o.text("mime_type")}, Kind: kind}
		voice, _ := o["voice"].(bool)
		b.File.Voice = voice
	}
}

func (b *bubble) fillContacts(o object) {
	for _, contact := range o.list("contacts") {
		text := contact.object("name").text("formatted_name")
		for _, phone := range contact.list("phones") {
			text += " · " + phone.text("phone")
		}
		b.Cards = append(b.Cards, text)
	}
}

// fillInteractive sets what an interactive message of the business shows, or an answer
// of the person to one.
func (b *bubble) fillInteractive(o object) {
	header := o.object("header")
	b.Header, b.Text, b.Footer = header.text("text"), o.object("body").text("text"), o.object("footer").text("text")
	if kind := header.text("type"); kind != "" && kind != "text" {
		b.fillFile(kind, header.object(kind))
	}
	action := o.object("action")
	for _, choice := range action.list("buttons") {
		reply := choice.object("reply")
		b.Buttons = append(b.Buttons, button{Kind: "button_reply", ID: reply.text("id"), Title: reply.text("title")})
	}
	b.Menu = action.text("button")
	for _, section := range action.list("sections") {
		for _, row := range section.list("rows") {
			b.Buttons = append(b.Buttons, button{Kind: "list_reply", ID: row.text("id"), Title: row.text("title"), Description: row.text("description"), Section: section.text("title")})
		}
	}
	if parameters := action.object("parameters"); parameters.text("display_text") != "" {
		b.Buttons = append(b.Buttons, button{Title: parameters.text("display_text"), Target: parameters.text("url")})
	}
	for _, kind := range []string{"button_reply", "list_reply"} {
		if reply := o.object(kind); reply != nil {
			b.Text = reply.text("title")
		}
	}
	if reply := o.object("nfm_reply"); reply != nil {
		b.Text = "completed a flow: " + reply.text("response_json")
	}
	if reply := o.object("call_permission_reply"); reply != nil {
		b.Text = "call permission: " + reply.text("response")
	}
}

// Label returns what a file is, in a word or by its name.
func (f file) Label() string {
	switch {
	case f.Voice:
		return "voice message"
	case f.Kind == "document" && f.FileName != "":
		return f.FileName
	case f.Kind == "image":
		return "photo"
	case f.Kind == "":
		return media.MessageType(f.MIMEType)
	}
	return f.Kind
}
