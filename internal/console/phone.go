// The phone of a person in the simulator: whom the business writes to, and who answers.

package console

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"ferry/metasim"
)

const (
	maxChats   = 200 // people in the list
	maxBubbles = 200 // messages of one chat that are shown; older ones are counted
	windowLife = 24 * time.Hour
)

// phonePage is a chat, with the list of people.
type phonePage struct {
	People []chat
	Person metasim.Person // the zero Person if there is nobody
	Window time.Duration  // for which the business may still send any message; 0 means that it is closed
	Chat   []bubble
	Older  int    // messages that are not shown
	Typing bool   // the business is writing
	Reply  bubble // that the next message replies to; the zero bubble if none
	Now    time.Time
}

// chat is a row of the list of people.
type chat struct {
	metasim.Person
	Last   string
	LastAt time.Time
	Unread int
	Open   bool
}

func (c *Console) routePhone() {
	c.page(navItem{"/phone", "Phone", "p"}, viewer, c.servePhone)
	c.page(navItem{Path: "/phone/{person}"}, viewer, c.servePhone)
	c.action("/phone", "AddPerson", admin, c.addPerson)
	c.action("/phone/{person}/change", "ChangePerson", admin, c.changePerson)
	c.action("/phone/{person}/number", "ChangeNumber", admin, c.changeNumber)
	c.action("/phone/{person}/send", "WriteMessage", admin, c.writeMessage)
	c.action("/phone/{person}/sample", "WriteSample", admin, c.writeSample)
	c.action("/phone/{person}/location", "WriteLocation", admin, c.writeLocation)
	c.action("/phone/{person}/contact", "WriteContact", admin, c.writeContact)
	c.action("/phone/{person}/react", "React", admin, c.react)
	c.action("/phone/{person}/press", "PressButton", admin, c.press)
	c.action("/phone/{person}/read", "ReadMessages", admin, c.readMessages)
	c.action("/phone/{person}/status", "SetStatus", admin, c.setStatus)
}

func (c *Console) servePhone(w http.ResponseWriter, r *request) {
	sim, number := c.config.Simulator, c.number(r)
	page := phonePage{Now: sim.Now()}
	waID := strings.TrimPrefix(r.PathValue("person"), "+")
	messages := sim.Messages()
	page.People = c.chats(number, messages)
	if waID == "" && len(page.People) > 0 {
		waID = page.People[0].WAID
	}
	for i := range page.People {
		page.People[i].Open = page.People[i].WAID == waID
	}
	if waID != "" {
		var ok bool
		if page.Person, ok = sim.Person(number.ID, waID); !ok {
			c.renderError(w, r, asProblem(notFound("person", waID)))
			return
		}
		c.fillChat(&page, r, messages)
	}
	c.render(w, r, "phone", page)
}

// fillChat adds the messages of the person.
func (c *Console) fillChat(page *phonePage, r *request, messages []metasim.Message) {
	if left := page.Person.LastInbound.Add(windowLife).Sub(page.Now); !page.Person.LastInbound.IsZero() && left > 0 {
		page.Window = left
	}
	written := c.config.Simulator.Written(page.Person.PhoneNumberID, page.Person.WAID)
	for _, w := range written {
		page.Typing = page.Typing || w.TypingUntil.After(page.Now)
	}
	page.Chat = c.bubbles(page.Person, messages, written)
	if n := len(page.Chat); n > 0 && !page.Chat[n-1].Mine {
		page.Typing = false // it has written meanwhile
	}
	if wanted := r.URL.Query().Get("reply"); wanted != "" {
		if i := slices.IndexFunc(page.Chat, func(b bubble) bool { return b.ID == wanted }); i >= 0 {
			page.Reply = page.Chat[i]
		}
	}
	page.Older = max(0, len(page.Chat)-maxBubbles)
	page.Chat = page.Chat[page.Older:]
}

// chats returns the people of a phone number, the last one to write or be written to
// first.
func (c *Console) chats(number metasim.Number, messages []metasim.Message) []chat {
	people := c.config.Simulator.People(number.ID)
	rows := make([]chat, len(people))
	byNumber, byUser := make(map[string]*chat), make(map[string]*chat)
	for i, p := range people {
		rows[i] = chat{Person: p, LastAt: p.Created}
		byNumber[p.WAID], byUser[p.UserID] = &rows[i], &rows[i]
	}
	for _, m := range messages {
		row := cmp.Or(byNumber[m.WAID], byUser[m.UserID])
		if row == nil || m.PhoneNumberID != number.ID {
			continue
		}
		if m.Status == "delivered" {
			row.Unread++
		}
		if (row.Last == "" || !m.Created.Before(row.LastAt)) && arrived(m) { // the first message makes the person
			row.LastAt, row.Last = m.Created, c.bubbleOf(m).Summary()
		}
	}
	for _, w := range c.config.Simulator.Written(number.ID, "") {
		if row := byNumber[w.WAID]; row != nil && !w.Time.Before(row.LastAt) {
			row.LastAt, row.Last = w.Time, "You: "+writtenBubble(w).Summary()
		}
	}
	sort.SliceStable(rows, func(i, j int) bool { return rows[j].LastAt.Before(rows[i].LastAt) })
	return rows[:min(len(rows), maxChats)]
}

// arrived reports whether a message is on the phone.
func arrived(m metasim.Message) bool {
	return slices.ContainsFunc(m.Statuses, func(s metasim.StatusChange) bool { return s.Status == "delivered" || s.Status == "read" }) || m.Status == "sent" && m.Type == "reaction"
}

// chatPath returns the path of a chat.
func (c *Console) chatPath(r *request, waID string) string {
	path := "/phone/" + url.PathEscape(waID)
	if number := r.URL.Query().Get("number"); number != "" {
		path += "?number=" + url.QueryEscape(number)
	}
	return path
}

func (c *Console) addPerson(r *request) (done, error) {
	name := r.field("name")
	change := metasim.PersonChange{}
	if name != "" {
		change.Name = &name
	}
	person, err := c.config.Simulator.ChangePerson(c.number(r).ID, r.field("wa_id"), change)
	if err != nil {
		return done{}, simulated(err)
	}
	return done{To: c.chatPath(r, person.WAID), Text: person.WAID + " " + person.Name}, nil
}

// changePerson sets what the fields of the form name: each is "true" or "false", and the
// name a text.
func (c *Console) changePerson(r *request) (done, error) {
	sim, number, waID := c.config.Simulator, c.number(r), r.PathValue("person")
	before, ok := sim.Person(number.ID, waID)
	if !ok {
		return done{}, notFound("person", waID)
	}
	var change metasim.PersonChange
	var text []string
	set := func(field string, old bool, to **bool) {
		if value := r.field(field); value != "" {
			wanted := value == "true"
			*to = &wanted
			text = append(text, field+": "+yesNo(old)+" → "+yesNo(wanted))
		}
	}
	set("offline", before.Offline, &change.Offline)
	set("blocks", before.Blocks, &change.Blocks)
	set("no_whatsapp", before.NoWhatsApp, &change.NoWhatsApp)
	if name := r.field("name"); name != "" && name != before.Name {
		change.Name = &name
		text = append(text, "name: "+before.Name+" → "+name)
	}
	after, err := sim.ChangePerson(number.ID, waID, change)
	return done{To: c.chatPath(r, after.WAID), Text: before.WAID + " " + strings.Join(text, ", ")}, simulated(err)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (c *Console) changeNumber(r *request) (done, error) {
	before := r.PathValue("person")
	after, err := c.config.Simulator.ChangeNumber(c.number(r).ID, before, r.field("wa_id"))
	if err != nil {
		return done{}, simulated(err)
	}
	return done{To: c.chatPath(r, after.WAID), Text: before + " → " + after.WAID}, nil
}
