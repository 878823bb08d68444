// Which messages, events and deliveries a query is about, and in which order it reads
// the tables: none of them reads a table of deliveries or of events as a whole.

package state

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/internal/outbox"
)

// EventFilter selects messages and events of one account. Each field that is set
// narrows it.
type EventFilter struct {
	AccountID   string        // required
	ID          string        // of an event or of a message, or Meta's id of a message
	Kind        string        // KindMessage or KindEvent
	Name        string        // "*" stands for any text
	Destination string        // of a delivery
	State       string        // of a delivery
	Status      MessageStatus // of a message
	Since       time.Time     // not before
	Until       time.Time     // before

	isReplay bool  // without the deliveries that prepare an event
	ids      []any // of events, one of which it must be; nil means any
}

// A statement is a query with the values of its parameters.
type statement struct {
	text   string
	values []any
}

// conditions are the conditions of a query, all of which must hold.
type conditions struct {
	texts  []string
	values []any
}

// add adds a condition, in which each "?" stands for one of the values.
func (c *conditions) add(text string, values ...any) {
	for _, value := range values {
		c.values = append(c.values, value)
		text = strings.Replace(text, "?", fmt.Sprintf("$%d", len(c.values)), 1)
	}
	c.texts = append(c.texts, text)
}

// addIn adds the condition that a column has one of some values.
func (c *conditions) addIn(column string, values ...any) {
	c.texts = append(c.texts, column+" IN ("+parameters(len(c.values)+1, len(values))+")")
	c.values = append(c.values, values...)
}

func (c *conditions) text() string { return strings.Join(c.texts, " AND ") }

// events returns the table event e, or the rows of it that have the filter's ID or one
// of its ids, which are the values of ofEvents from the second on. SQLite reads tables in
// the order of a CROSS JOIN.
func (f EventFilter) events() string {
	if len(f.ids) > 0 {
		return `(SELECT column1 AS id FROM (VALUES (` + strings.ReplaceAll(parameters(2, len(f.ids)), ", ", "), (") + `)) AS v) AS chosen CROSS JOIN event e`
	}
	if f.ID == "" {
		return "event e"
	}
	return `(SELECT id FROM event WHERE id = $2 UNION SELECT id FROM event WHERE message_id = $2 AND message_id <> ''
		UNION SELECT id FROM event WHERE wamid = $2 AND wamid <> '' UNION SELECT id FROM message WHERE wamid = $2 AND wamid <> '') AS chosen CROSS JOIN event e`
}

// ofEvents returns the conditions for the table event e.
func (f EventFilter) ofEvents() (c conditions) {
	c.add("e.account_id = ?", f.AccountID)
	if len(f.ids) > 0 {
		c.values = append(c.values, f.ids...) // of events
		c.add("e.id = chosen.id")
	} else if f.ID != "" {
		c.values = append(c.values, f.ID) // of events
		c.add("e.id = chosen.id")
	}
	f.addEvent(&c)
	return c
}

// addEvent adds the conditions for an event e of the account.
func (f EventFilter) addEvent(c *conditions) {
	if f.Kind != "" {
		c.add("e.kind = ?", f.Kind)
	}
	if f.Name != "" {
		c.add(`e.name LIKE ? ESCAPE '\'`, strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%").Replace(f.Name))
	}
	if f.Status != "" {
		c.add("(SELECT status FROM message WHERE message.id = e.id) = ?", string(f.Status))
	}
	if !f.Since.IsZero() {
		c.add("e.created_at >= ?", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		c.add("e.created_at < ?", f.Until.UnixMilli())
	}
}

// isOfEvents reports whether the filter says something of events besides their account.
func (f EventFilter) isOfEvents() bool {
	return f.ID != "" || f.Kind != "" || f.Name != "" || f.Status != "" || !f.Since.IsZero() || !f.Until.IsZero()
}

// isOfDeliveries reports whether the filter says something of deliveries.
func (f EventFilter) isOfDeliveries() bool { return f.Destination != "" || f.State != "" || f.isReplay }

// addDelivery adds the conditions for a delivery d.
func (f EventFilter) addDelivery(c *conditions) {
	if f.Destination != "" {
		c.add("d.lane_id >= ? AND d.lane_id < ?", f.Destination+" ", f.Destination+"!") // as toDestination
	}
	if f.State != "" {
		c.add("d.state = ?", f.State)
	}
	if f.isReplay {
		c.add(`d.lane_id NOT LIKE '` + preparePrefix + `%'`)
	}
}

// haveDelivery adds the condition that an event e has a delivery that is selected.
func (f EventFilter) haveDelivery(c *conditions) {
	if !f.isOfDeliveries() {
		return
	}
	inner := conditions{values: c.values}
	inner.add("d.event_id = e.id")
	f.addDelivery(&inner)
	c.values = inner.values
	c.add("EXISTS (SELECT 1 FROM delivery d WHERE " + inner.text() + ")")
}

// openStates are the states of deliveries that the index delivery_open has. isOpen is
// its condition, as it is written there.
var openStates = []string{outbox.Waiting, outbox.Dead}

const isOpen = `d.state IN ('waiting', 'dead')`

// toDestination is the condition that a delivery d goes to a destination t: the id of
// its lane begins with the destination and a space, which no destination has.
const toDestination = `d.lane_id >= t.id || ' ' AND d.lane_id < t.id || '!'`

// A start says with which rows a query of deliveries begins: with those that narrow it
// most.
type start int

const (
	startID          start = iota // the events with an id
	startDestination              // the deliveries to the account's destinations
	startTime                     // the events of the account, in the order of listedAt
)

// start returns how a query of the deliveries with one of some states begins, and
// whether all of these are open. No states means all states.
func (f EventFilter) start(states []string) (at start, areOpen bool) {
	if f.State != "" {
		states = []string{f.State}
	}
	areOpen = len(states) > 0 && !slices.ContainsFunc(states, func(state string) bool { return !slices.Contains(openStates, state) })
	switch {
	case f.ID != "":
		return startID, areOpen
	case areOpen || f.Destination != "" && f.Since.IsZero() && f.Until.IsZero():
		return startDestination, areOpen
	}
	return startTime, false
}

// A selection is what a filter selects of the deliveries d.
type selection struct {
	conditions
	from string
}

// deliveries returns what the filter selects of the deliveries with one of some states;
// none means all states. The events e are there unless it begins with destinations.
func (f EventFilter) deliveries(states []string) selection {
	var s selection
	at, areOpen := f.start(states)
	if at == startDestination {
		s.from = "destination t CROSS JOIN delivery d"
		s.add("t.account_id = ? AND "+toDestination, f.AccountID)
		if f.isOfEvents() {
			s.from += " CROSS JOIN event e"
			s.add("e.id = d.event_id AND e.account_id = ?", f.AccountID)
			f.addEvent(&s.conditions)
		}
		if f.Destination != "" {
			s.add("t.id = ?", f.Destination)
		}
		if areOpen {
			s.add(isOpen)
		}
	} else {
		s = selection{f.ofEvents(), f.events() + " CROSS JOIN delivery d"}
		s.add("d.event_id = e.id")
		if at == startTime && !f.Since.IsZero() { // no event is listed before it was recorded
			s.add(listedAt+" >= ?", f.Since.UnixMilli())
		}
	}
	f.addDelivery(&s.conditions)
	if len(states) > 0 {
		s.addIn("d.state", anySlice(states)...)
	}
	return s
}
