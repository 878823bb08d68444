// The messages of the business, with their statuses.

package console

import (
	"net/http"
	"slices"
	"strings"

	"ferry/metasim"
)

const maxMessageRows = 200 // on one page

type messageRow struct {
	bubble
	metasim.Message
	Person string
}

type messagesPage struct {
	Rows   []messageRow
	Total  int
	Status string
	Query  string
	One    *messageRow
}

func (c *Console) routeMessages() {
	c.page(navItem{"/messages", "Messages", "s"}, viewer, c.serveMessages)
	c.page(navItem{Path: "/messages/{id}"}, viewer, c.serveMessage)
}

func (c *Console) serveMessages(w http.ResponseWriter, r *request) {
	page := messagesPage{Status: r.URL.Query().Get("status"), Query: strings.TrimSpace(r.URL.Query().Get("q"))}
	number := c.number(r)
	all := c.config.Simulator.Messages()
	slices.Reverse(all)
	for _, m := range all {
		if m.PhoneNumberID != number.ID || page.Status != "" && m.Status != page.Status {
			continue
		}
		if page.Query != "" && !strings.Contains(m.ID+" "+m.WAID+" "+m.UserID+" "+m.Template+" "+string(m.Content), page.Query) {
			continue
		}
		if page.Total++; len(page.Rows) < maxMessageRows {
			page.Rows = append(page.Rows, c.messageRow(m))
		}
	}
	c.render(w, r, "messages", page)
}

func (c *Console) serveMessage(w http.ResponseWriter, r *request) {
	m, ok := c.config.Simulator.Message(r.PathValue("id"))
	if !ok {
		c.renderError(w, r, asProblem(notFound("message", r.PathValue("id"))))
		return
	}
	c.render(w, r, "message", c.messageRow(m))
}

func (c *Console) messageRow(m metasim.Message) messageRow {
	row := messageRow{bubble: c.bubbleOf(m), Message: m, Person: phoneNumber(m.WAID)}
	if m.WAID == "" {
		row.Person = m.UserID
	}
	if person, ok := c.config.Simulator.Person(m.PhoneNumberID, m.WAID); ok {
		row.Person = person.Name + " " + phoneNumber(m.WAID)
	}
	return row
}
