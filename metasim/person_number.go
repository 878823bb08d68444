// What people do besides writing: they read messages, and change their number.

package metasim

import (
	"fmt"
	"strconv"
	"time"
)

// Read makes a person read a message of the business: its status becomes read.
func (s *Server) Read(phoneID, waID, messageID string) error {
	waID, err := s.checkWAID(phoneID, waID)
	if err != nil {
		return err
	}
	p := s.person(phoneID, waID)
	if message, ok := s.Message(messageID); !ok || message.PhoneNumberID != phoneID || message.WAID != waID && message.UserID != p.UserID {
		return fmt.Errorf("metasim: people: %s has no message %q of this phone number", waID, truncate(messageID))
	}
	return s.SetStatus(messageID, statusRead, 0)
}

// userIDChange is an element of the webhook field user_id_update.
type userIDChange struct {
	WAID   string `json:"wa_id,omitempty"`
	Detail string `json:"detail"`
	UserID struct {
		Previous string `json:"previous"`
		Current  string `json:"current"`
	} `json:"user_id"`
	Timestamp string `json:"timestamp"` // Unix seconds
}

// ChangeNumber gives a person another phone number, and with it another BSUID. The
// business is told so by a system message, and by the webhook field user_id_update
// (docs/references.md#graph-bsuid). The 24 hours of the old number do not count for
// the new one.
func (s *Server) ChangeNumber(phoneID, waID, newWAID string) (Person, error) {
	waID, err := s.checkWAID(phoneID, waID)
	if err != nil {
		return Person{}, err
	}
	if newWAID, err = s.checkWAID(phoneID, newWAID); err != nil {
		return Person{}, err
	}
	if _, exists := s.Person(phoneID, newWAID); exists || newWAID == waID {
		return Person{}, fmt.Errorf("metasim: people: %s is the number of somebody already", newWAID)
	}
	old := s.person(phoneID, waID)
	changed := old
	changed.WAID, changed.UserID = newWAID, s.newUserID(phoneID, newWAID)
	changed.LastInbound, changed.Created = time.Time{}, s.Now()
	if err := s.replacePerson(old, changed); err != nil {
		return Person{}, err
	}
	notice := InboundSystem{
		Type: "user_changed_number", WAID: newWAID, UserID: changed.UserID,
		Body: fmt.Sprintf("User %s changed from %s to %s", old.Name, waID, newWAID),
	}
	if changed.HidesNumber {
		notice = InboundSystem{
			Type: "user_changed_user_id", UserID: changed.UserID,
			Body: fmt.Sprintf("User %s changed from %s to %s", old.Name, old.UserID, changed.UserID),
		}
	}
	s.notifyInbound(Received{PhoneNumberID: phoneID, Person: old, Type: "system", Time: s.Now()},
		inboundMessage{inboundContent: inboundContent{System: &notice}})
	s.notifyUserID(old, changed)
	return changed, nil
}

// notifyUserID sends the webhook about a new BSUID.
func (s *Server) notifyUserID(old, changed Person) {
	p := s.phone(changed.PhoneNumberID)
	change := userIDChange{
		WAID: changed.contact().WAID, Detail: "The user's business-scoped user ID has changed.",
		Timestamp: strconv.FormatInt(s.Now().Unix(), 10),
	}
	change.UserID.Previous, change.UserID.Current = old.UserID, changed.UserID
	s.notify(update{account: p.accountID, phone: p, field: "user_id_update", user: old.WAID, value: struct {
		MessagingProduct string           `json:"messaging_product"`
		Metadata         webhookMetadata  `json:"metadata"`
		Contacts         []webhookContact `json:"contacts"`
		Changes          []userIDChange   `json:"user_id_update"`
	}{"whatsapp", metadataOf(p), []webhookContact{changed.contact()}, []userIDChange{change}}})
}
