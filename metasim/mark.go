// Marks: how much has happened so far, so that a test waits for what comes after.

package metasim

import (
	"fmt"
	"strconv"
	"strings"
)

// A Mark is a moment in the life of a Server. The empty Mark is its beginning. A Mark is
// of no use after a restart or a Reset.
type Mark string

// marked is a Mark, taken apart: how many messages, webhooks and requests there had been.
type marked struct{ messages, webhooks, requests int }

const markForm = "m%d-w%d-r%d"

// Mark returns the present moment.
func (s *Server) Mark() Mark {
	return Mark(fmt.Sprintf(markForm, s.messages.total(), s.webhooks.total(), s.history.total()))
}

func (m Mark) place() (p marked) {
	_, _ = fmt.Sscanf(string(m), markForm, &p.messages, &p.webhooks, &p.requests)
	return p
}

// isValid reports whether a Mark is empty or one that Server.Mark has returned.
func (m Mark) isValid() bool {
	p := m.place()
	return m == "" || m == Mark(fmt.Sprintf(markForm, p.messages, p.webhooks, p.requests))
}

// total returns the number of messages that there have been.
func (m *messages) total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.removed + len(m.order)
}

// after returns the messages that came after the first ones, oldest first.
func (m *messages) after(first int) []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := []Message{}
	for _, id := range m.order[min(max(0, first-m.removed), len(m.order)):] {
		if row, ok := m.find(id); ok { // none after Close
			list = append(list, row.Message.copied())
		}
	}
	return list
}

func (w *webhooks) total() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastID
}

// number returns the number in the id of a webhook.
func (w *Webhook) number() int {
	number, _ := strconv.Atoi(strings.TrimPrefix(w.ID, webhookIDPrefix))
	return number
}

func (h *history) total() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dropped + len(h.entries)
}

// after returns the requests that came after the first ones, oldest first.
func (h *history) after(first int) []Request {
	list, dropped := h.listWithDropped()
	return list[min(max(0, first-dropped), len(list)):]
}
