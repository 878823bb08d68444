package metasim

import (
	"cmp"
	"time"
)

// Why a message that was accepted is not delivered.

// serviceWindow is how long after a person's message any answer is delivered
// (docs/references.md#graph-messages).
const serviceWindow = 24 * time.Hour

// failure is the status of a message that is not delivered. Without details, they are
// those of the code.
func failure(code int, details string) StatusChange {
	row := errorCodes[code]
	return StatusChange{Status: statusFailed, Code: code, Title: cmp.Or(row.title, "Error"), Details: cmp.Or(details, row.details, row.title)}
}

// deliveryFault returns why a message is not delivered, or nil.
func (s *Server) deliveryFault(row messageRow) *StatusChange {
	code, details := s.findFault(row)
	if code == 0 {
		return nil
	}
	fault := failure(code, details)
	return &fault
}

// findFault returns the code of what keeps a message from being delivered, or 0.
func (s *Server) findFault(row messageRow) (code int, details string) {
	person := s.addressee(row.Message)
	switch {
	case row.FailLater != 0:
		return row.FailLater, ""
	case person.NoWhatsApp, person.Blocks:
		return 131026, ""
	case row.Template == "" && !s.inWindow(person, row.Created):
		return 131047, ""
	case row.Type == "reaction" && !s.knowsMessage(row.PhoneNumberID, row.TargetID):
		return 131009, "Reaction message_id is unknown or older than 30 days."
	case row.LinkFault != "":
		return 131053, row.LinkFault
	}
	for _, file := range row.Media {
		if file.ID == "" {
			continue
		}
		if details := s.mediaFault(file); details != "" {
			return 131053, details
		}
	}
	return 0, ""
}

// addressee returns the person whom a message is for. A business-scoped user id that
// the simulator has not made belongs to nobody on WhatsApp.
func (s *Server) addressee(m Message) Person {
	if m.WAID != "" {
		return s.person(m.PhoneNumberID, m.WAID)
	}
	if person, ok := s.personByUserID(m.PhoneNumberID, m.UserID); ok {
		return person
	}
	return Person{PhoneNumberID: m.PhoneNumberID, UserID: m.UserID, NoWhatsApp: true}
}

// inWindow reports whether any message may go to a person: within 24 hours of the
// person's last one.
func (s *Server) inWindow(person Person, at time.Time) bool {
	return !person.LastInbound.IsZero() && at.Sub(person.LastInbound) < serviceWindow
}

// reactionAge is how old a message may be that a reaction is for.
const reactionAge = 30 * 24 * time.Hour

// knowsMessage reports whether a phone number has sent a message in the last 30 days,
// or received it.
func (s *Server) knowsMessage(phoneID, id string) bool {
	row, ok := s.messages.find(id)
	return ok && row.PhoneNumberID == phoneID && s.Now().Sub(row.Created) < reactionAge || !ok && isMessageID(id)
}
