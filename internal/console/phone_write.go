package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"ferry/metasim"
)

// receive sends a message of the person of the chat.
func (c *Console) receive(r *request, in metasim.Inbound) (done, error) {
	in.From = r.PathValue("person")
	if reply := r.field("reply"); reply != "" {
		in.Context = &metasim.InboundContext{ID: reply}
	}
	received, err := c.config.Simulator.Receive(c.number(r).ID, in)
	if err != nil {
		return done{}, simulated(err)
	}
	return done{
		To: c.chatPath(r, received.Person.WAID), WAMID: received.ID, Media: received.MediaID,
		Text: received.Person.WAID + " wrote a message of type " + received.Type,
	}, nil
}

// writeMessage sends a text, or a file with a caption.
func (c *Console) writeMessage(r *request) (done, error) {
	content, name, declared, err := r.file("file")
	if err != nil {
		return done{}, err
	}
	text := r.field("text")
	switch {
	case len(content) == 0 && name != "":
		return done{}, invalid("The file %.100q is empty.", name)
	case len(content) == 0 && text == "":
		return done{}, invalid("The message is empty. Write a text, or choose a file.")
	case len(content) == 0:
		return c.receive(r, metasim.Inbound{Text: &metasim.InboundText{Body: text}})
	}
	if declared == "" || declared == "application/octet-stream" {
		declared = http.DetectContentType(content)
	}
	in, takesCaption := inboundFile(r.field("as"), metasim.InboundMedia{Content: content, MIMEType: declared, FileName: name, Caption: text})
	sent, err := c.receive(r, in)
	if err == nil && text != "" && !takesCaption {
		_, err = c.receive(r, metasim.Inbound{Text: &metasim.InboundText{Body: text}})
	}
	return sent, err
}

// inboundFile returns a message with a file: as what the person chose, or else as what
// phones send such a file as. It reports whether the message has a caption.
func inboundFile(as string, file metasim.InboundMedia) (in metasim.Inbound, takesCaption bool) {
	base, _, _ := strings.Cut(file.MIMEType, "/")
	if as == "" {
		as = base
		switch {
		case file.MIMEType == "image/webp":
			as = "sticker"
		case base == "image" && file.MIMEType != "image/jpeg" && file.MIMEType != "image/png":
			as = "document"
		}
	}
	name := file.FileName
	file.FileName = ""
	switch as {
	case "image":
		return metasim.Inbound{Image: &file}, true
	case "video":
		return metasim.Inbound{Video: &file}, true
	case "audio", "voice":
		isVoice := as == "voice"
		file.Caption, file.Voice = "", &isVoice
		return metasim.Inbound{Audio: &file}, false
	case "sticker":
		file.Caption = ""
		return metasim.Inbound{Sticker: &file}, false
	}
	file.FileName = name
	return metasim.Inbound{Document: &file}, true
}

// sampleTypes are the messages that the simulator has an example of.
var sampleTypes = []string{"image", "audio", "video", "document", "sticker", "location", "contacts", "order", "unsupported"}

// writeSample sends one of the simulator's examples.
func (c *Console) writeSample(r *request) (done, error) {
	kind := r.field("type")
	if !slices.Contains(sampleTypes, kind) {
		return done{}, invalid("The type is %.40q; expected one of %s.", kind, strings.Join(sampleTypes, ", "))
	}
	return c.receive(r, metasim.Inbound{Type: kind})
}

func (c *Console) writeLocation(r *request) (done, error) {
	var degrees [2]float64
	for i, field := range []string{"latitude", "longitude"} {
		var err error
		if degrees[i], err = strconv.ParseFloat(r.field(field), 64); err != nil {
			return done{}, invalid("The %s is %.40q; expected degrees such as 52.5163.", field, r.field(field))
		}
	}
	return c.receive(r, metasim.Inbound{Location: &metasim.InboundLocation{Latitude: degrees[0], Longitude: degrees[1], Name: r.field("name"), Address: r.field("address")}})
}

func (c *Console) writeContact(r *request) (done, error) {
	name, phone := r.field("name"), r.field("phone")
	if name == "" {
		return done{}, invalid("The name of the contact is missing.")
	}
	contact := metasim.InboundContact{Name: map[string]any{"formatted_name": name, "first_name": strings.Fields(name)[0]}}
	if phone != "" {
		contact.Phones = []map[string]any{{"phone": phone, "type": "MOBILE"}}
	}
	return c.receive(r, metasim.Inbound{Contacts: []metasim.InboundContact{contact}})
}

func (c *Console) react(r *request) (done, error) {
	return c.receive(r, metasim.Inbound{Reaction: &metasim.InboundReaction{MessageID: r.field("message"), Emoji: r.field("emoji")}})
}

// press presses a button of a message, or chooses an entry of its list.
func (c *Console) press(r *request) (done, error) {
	reply := &metasim.InboundReply{ID: r.field("id"), Title: r.field("title"), Description: r.field("description")}
	switch kind := r.field("kind"); kind {
	case "button_reply":
		return c.receive(r, metasim.Inbound{Interactive: &metasim.InboundInteractive{ButtonReply: reply}})
	case "list_reply":
		return c.receive(r, metasim.Inbound{Interactive: &metasim.InboundInteractive{ListReply: reply}})
	case "button":
		return c.receive(r, metasim.Inbound{Button: &metasim.InboundButton{Payload: reply.ID, Text: reply.Title}})
	default:
		return done{}, invalid("The button is of kind %.40q; expected button_reply, list_reply or button.", kind)
	}
}

// readMessages reads a message, or all that have arrived.
func (c *Console) readMessages(r *request) (done, error) {
	sim, number, waID := c.config.Simulator, c.number(r), r.PathValue("person")
	to := done{To: c.chatPath(r, waID), WAMID: r.field("message")}
	if to.WAMID != "" {
		return to, simulated(sim.Read(number.ID, waID, to.WAMID))
	}
	count := 0
	for _, m := range sim.Messages() {
		if m.PhoneNumberID == number.ID && m.WAID == waID && m.Status == "delivered" {
			if err := sim.Read(number.ID, waID, m.ID); err != nil {
				return to, simulated(err)
			}
			count++
		}
	}
	to.Text = fmt.Sprintf("%s read %d messages", waID, count)
	return to, nil
}

// setStatus sets the status of a message of the business, as Meta does.
func (c *Console) setStatus(r *request) (done, error) {
	id, status := r.field("message"), r.field("status")
	before, ok := c.config.Simulator.Message(id)
	if !ok {
		return done{}, notFound("message", id)
	}
	code, err := r.number("code")
	if err != nil {
		return done{}, err
	}
	if status != "failed" {
		code = 0
	}
	result := done{To: c.chatPath(r, r.PathValue("person")), WAMID: id, Text: cmp.Or(before.Status, "accepted") + " → " + status}
	return result, simulated(c.config.Simulator.SetStatus(id, status, code))
}
