// People: the other side of WhatsApp.

package ferrytest

import (
	"encoding/json"
	"fmt"
	"mime"
	"strings"

	"ferry/internal/local"
	"ferry/metasim"
)

// A Person uses WhatsApp on the phone with a number. A person who has not written yet
// counts as one who has just written when the first message to them is sent, so that any
// message arrives for 24 hours.
type Person struct {
	world   *World
	number  string // digits
	phoneID string // Meta's id of the business's phone number
}

// Person returns the person with a phone number, such as "+4915112345678". It is the same
// person each time.
func (w *World) Person(number string) *Person {
	w.t.Helper()
	found, err := w.Simulator.ChangePerson(local.MetaPhoneNumberID, number, metasim.PersonChange{})
	if err != nil {
		w.t.Fatalf("ferrytest: Person(%q): %v", number, err)
	}
	return &Person{w, found.WAID, local.MetaPhoneNumberID}
}

// To returns the same person in the conversation with another phone number of the
// business, by Meta's id of it: World.MetaPhoneNumberID2 is the second one.
func (p *Person) To(metaPhoneNumberID string) *Person {
	other := *p
	other.phoneID = metaPhoneNumberID
	return &other
}

// Number returns the number in E.164 form: "+4915112345678".
func (p *Person) Number() string { return "+" + p.number }

// String returns the number.
func (p *Person) String() string { return p.Number() }

// Sent is a message of a person.
type Sent = metasim.Received

// Says sends a text to the business. The 24 hours in which any message reaches the person
// begin again.
func (p *Person) Says(text string) Sent {
	p.world.t.Helper()
	return p.Writes(metasim.Inbound{Text: &metasim.InboundText{Body: text}})
}

// Answers sends a text that quotes a message of the business.
func (p *Person) Answers(m Entry, text string) Sent {
	p.world.t.Helper()
	return p.Writes(metasim.Inbound{Text: &metasim.InboundText{Body: text}, Context: p.quote(m)})
}

// Sends sends a file. Its type decides whether it is a picture, a sticker (image/webp), a
// voice note (audio/ogg), other audio, a video or a document.
func (p *Person) Sends(file File) Sent {
	p.world.t.Helper()
	media := &metasim.InboundMedia{Caption: file.Caption, MIMEType: file.Type, Content: file.Data}
	base, _, err := mime.ParseMediaType(file.Type)
	if err != nil {
		p.world.t.Fatalf("ferrytest: Sends: the type of %s is %q; expected a MIME type such as image/jpeg", file.Name, file.Type)
	}
	var in metasim.Inbound
	switch kind, _, _ := strings.Cut(base, "/"); {
	case base == "image/webp":
		in.Sticker = media
	case kind == "image":
		in.Image = media
	case kind == "video":
		in.Video = media
	case kind == "audio":
		isVoice := base == "audio/ogg"
		media.Voice, in.Audio = &isVoice, media
	default:
		media.FileName, in.Document = file.Name, media
	}
	return p.Writes(in)
}

// SharesLocation sends a place, in degrees.
func (p *Person) SharesLocation(latitude, longitude float64, name string) Sent {
	p.world.t.Helper()
	return p.Writes(metasim.Inbound{Location: &metasim.InboundLocation{Latitude: latitude, Longitude: longitude, Name: name}})
}

// SharesContact sends an entry of the person's address book.
func (p *Person) SharesContact(name, number string) Sent {
	p.world.t.Helper()
	first, last, _ := strings.Cut(name, " ")
	return p.Writes(metasim.Inbound{Contacts: []metasim.InboundContact{{
		Name:   map[string]any{"formatted_name": name, "first_name": first, "last_name": last},
		Phones: []map[string]any{{"phone": number, "type": "MOBILE"}},
	}}})
}

// Reacts reacts to a message of the business with an emoji. An empty one removes the
// reaction.
func (p *Person) Reacts(m Entry, emoji string) Sent {
	p.world.t.Helper()
	return p.Writes(metasim.Inbound{Reaction: &metasim.InboundReaction{MessageID: m.WAMID, Emoji: emoji}})
}

// Presses presses a button of a message, or chooses an entry of its list. The button is
// named by its title or its id. It fails the test if the message has no such button.
func (p *Person) Presses(m Entry, button string) Sent {
	p.world.t.Helper()
	choices := p.world.choices(m.WAMID)
	for _, c := range choices {
		if c.id == button || c.title == button {
			return p.Writes(c.answer(p.quote(m)))
		}
	}
	var titles []string
	for _, c := range choices {
		titles = append(titles, fmt.Sprintf("%q (id %q)", c.title, c.id))
	}
	if len(titles) == 0 {
		titles = []string{"none"}
	}
	p.world.t.Fatalf("ferrytest: Presses: %s has no button %q; it has %s", m.name(), button, strings.Join(titles, ", "))
	return Sent{}
}

// Writes sends a message of any kind that WhatsApp has, with all that belongs to it; From
// is set.
func (p *Person) Writes(in metasim.Inbound) Sent {
	p.world.t.Helper()
	in.From = p.number
	sent, err := p.world.Simulator.Receive(p.phoneID, in)
	if err != nil {
		p.world.t.Fatalf("ferrytest: the message of %s cannot be sent: %v", p, err)
	}
	return sent
}

// Reads opens a message of the business: its status becomes read.
func (p *Person) Reads(m Entry) {
	p.world.t.Helper()
	if err := p.world.Simulator.Read(p.phoneID, p.number, m.WAMID); err != nil {
		p.world.t.Fatalf("ferrytest: Reads: %v", err)
	}
}

// Blocks blocks the business, whose messages then fail with code 131026.
func (p *Person) Blocks() { p.world.t.Helper(); p.change(metasim.PersonChange{Blocks: yes()}) }

// Unblocks takes Blocks back.
func (p *Person) Unblocks() { p.world.t.Helper(); p.change(metasim.PersonChange{Blocks: no()}) }

// GoesOffline switches the phone off: messages stay sent, and arrive when it is on again.
func (p *Person) GoesOffline() { p.world.t.Helper(); p.change(metasim.PersonChange{Offline: yes()}) }

// ComesOnline switches the phone on again.
func (p *Person) ComesOnline() { p.world.t.Helper(); p.change(metasim.PersonChange{Offline: no()}) }

// LeavesWhatsApp means that nobody uses WhatsApp with the number: messages fail with code
// 131026.
func (p *Person) LeavesWhatsApp() {
	p.world.t.Helper()
	p.change(metasim.PersonChange{NoWhatsApp: yes()})
}

// ChangesNumber changes the number of the person; WhatsApp reports it to the business.
func (p *Person) ChangesNumber(number string) {
	p.world.t.Helper()
	changed, err := p.world.Simulator.ChangeNumber(p.phoneID, p.number, number)
	if err != nil {
		p.world.t.Fatalf("ferrytest: ChangesNumber: %v", err)
	}
	p.number = changed.WAID
}

func (p *Person) change(change metasim.PersonChange) {
	p.world.t.Helper()
	if _, err := p.world.Simulator.ChangePerson(p.phoneID, p.number, change); err != nil {
		p.world.t.Fatalf("ferrytest: %v", err)
	}
}

func (p *Person) quote(m Entry) *metasim.InboundContext { return &metasim.InboundContext{ID: m.WAMID} }

func yes() *bool { value := true; return &value }
func no() *bool  { return new(bool) }

// A choice is a button of a message, or an entry of its list.
type choice struct {
	kind      string // button, row, or quick reply of a template
	id, title string
}

// answer returns what WhatsApp sends when the person has chosen it.
func (c choice) answer(quoted *metasim.InboundContext) metasim.Inbound {
	reply := &metasim.InboundReply{ID: c.id, Title: c.title}
	switch c.kind {
	case "row":
		return metasim.Inbound{Interactive: &metasim.InboundInteractive{ListReply: reply}, Context: quoted}
	case "quick_reply":
		return metasim.Inbound{Button: &metasim.InboundButton{Payload: c.id, Text: c.title}, Context: quoted}
	}
	return metasim.Inbound{Interactive: &metasim.InboundInteractive{ButtonReply: reply}, Context: quoted}
}

// choices returns what a person can choose in a message.
func (w *World) choices(wamid string) (choices []choice) {
	message, ok := w.Simulator.Message(wamid)
	if !ok {
		return nil
	}
	var content struct {
		Action struct {
			Buttons  []struct{ Reply struct{ ID, Title string } }
			Sections []struct {
				Rows []struct{ ID, Title string }
			}
		}
	}
	if message.Type == "interactive" && json.Unmarshal(message.Content, &content) == nil {
		for _, b := range content.Action.Buttons {
			choices = append(choices, choice{"button", b.Reply.ID, b.Reply.Title})
		}
		for _, section := range content.Action.Sections {
			for _, row := range section.Rows {
				choices = append(choices, choice{"row", row.ID, row.Title})
			}
		}
	}
	if message.Type == "template" {
		choices = w.quickReplies(message)
	}
	return choices
}

// quickReplies returns the quick replies of a template that was sent: their texts are the
// template's, their payloads those of the message.
func (w *World) quickReplies(message metasim.Message) (choices []choice) {
	var sent struct {
		Language   struct{ Code string }
		Components []struct {
			Type       string
			SubType    string          `json:"sub_type"`
			Index      json.RawMessage // a number, or its text
			Parameters []struct{ Payload string }
		}
	}
	if json.Unmarshal(message.Content, &sent) != nil {
		return nil
	}
	payloads := map[string]string{} // by index
	for _, c := range sent.Components {
		if strings.EqualFold(c.Type, "button") && strings.EqualFold(c.SubType, "quick_reply") && len(c.Parameters) > 0 {
			payloads[strings.Trim(string(c.Index), `"`)] = c.Parameters[0].Payload
		}
	}
	for index, text := range w.quickReplyTexts(message.AccountID, message.Template, sent.Language.Code) {
		payload, ok := payloads[fmt.Sprint(index)]
		if !ok {
			payload = text
		}
		choices = append(choices, choice{"quick_reply", payload, text})
	}
	return choices
}

// quickReplyTexts returns the texts of the quick replies of a template, by the indexes of
// the buttons.
func (w *World) quickReplyTexts(accountID, name, language string) map[int]string {
	texts := map[int]string{}
	for _, template := range w.Simulator.Templates(accountID) {
		var components []struct {
			Buttons []struct{ Type, Text string }
		}
		if template.Name != name || template.Language != language || json.Unmarshal(template.Components, &components) != nil {
			continue
		}
		for _, component := range components {
			for i, b := range component.Buttons {
				if b.Type == "QUICK_REPLY" {
					texts[i] = b.Text
				}
			}
		}
	}
	return texts
}
