// The people who write to business phone numbers and receive their messages.

package metasim

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	personKind    = "person"    // of records
	maxPeople     = 1 << 16     // that are remembered; further ones have the defaults each time
	inboundSaved  = time.Minute // by which Person.LastInbound is ahead of its record at most
	minWAID       = 5           // digits
	maxWAID       = 15
	maxPersonName = 512 // bytes
)

// A Person is a WhatsApp user as one business phone number sees them. A person exists
// from the first message on, with the defaults.
type Person struct {
	PhoneNumberID string    `json:"phone_number_id"` // of the business
	WAID          string    `json:"wa_id"`           // the person's phone number: 5 to 15 digits with the country code
	Name          string    `json:"name"`            // of the profile; default "Person " and the last four digits
	UserID        string    `json:"user_id"`         // BSUID, the same for all numbers of one business portfolio
	Username      string    `json:"username,omitempty"`
	HidesNumber   bool      `json:"hides_number,omitempty"` // webhooks have the BSUID and no number; requires a username
	Offline       bool      `json:"offline,omitempty"`      // messages to the person stay "sent"
	Blocks        bool      `json:"blocks,omitempty"`       // the person has blocked the business
	NoWhatsApp    bool      `json:"no_whatsapp,omitempty"`  // nobody uses WhatsApp with this number: messages fail with code 131026
	LastInbound   time.Time `json:"last_inbound,omitzero"`  // of the newest message to the business, which opens 24 hours for any answer
	Created       time.Time `json:"created"`
}

func (p Person) createdAt() time.Time { return p.Created }
func (p Person) expiresAt() time.Time { return time.Time{} }

// PersonChange is a change of a Person. What is nil stays.
type PersonChange struct {
	Name        *string `json:"name,omitempty"`
	Username    *string `json:"username,omitempty"` // empty removes it, and HidesNumber
	HidesNumber *bool   `json:"hides_number,omitempty"`
	Offline     *bool   `json:"offline,omitempty"`
	Blocks      *bool   `json:"blocks,omitempty"`
	NoWhatsApp  *bool   `json:"no_whatsapp,omitempty"`
}

var (
	errPeopleFull  = errors.New("metasim: people: too many people; reset the simulator")
	errNoPhone     = errors.New("metasim: there is no such phone number")
	usernameFormat = regexp.MustCompile(`^[a-z0-9._]{3,35}$`) // docs/references.md#graph-bsuid
)

// people are the people of all phone numbers.
type people struct {
	rows *table[Person] // by personKey

	mu      sync.Mutex           // held while a row is changed
	userIDs map[string]string    // phone number id/BSUID → personKey
	saved   map[string]time.Time // LastInbound in the record, by personKey
}

func newPeople(records RecordStore) *people {
	return &people{
		rows:    newTable[Person](personKind, maxPeople, errPeopleFull, records),
		userIDs: map[string]string{}, saved: map[string]time.Time{},
	}
}

func personKey(phoneID, waID string) string { return phoneID + "." + waID }

// checkPerson returns an error for a record that is damaged.
func (s *Server) checkPerson(id string, p Person) error {
	switch {
	case id != personKey(p.PhoneNumberID, p.WAID) || !isObjectID(p.PhoneNumberID) || !isWAID(p.WAID):
		return badRecord(personKind, id, "it is the record of %q", truncate(personKey(p.PhoneNumberID, p.WAID)))
	case p.UserID == "" || p.Name == "":
		return badRecord(personKind, id, "BSUID or name is missing")
	}
	return nil
}

// clear removes all people.
func (p *people) clear() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.userIDs)
	clear(p.saved)
	_, err := p.rows.removeWhere(func(Person) bool { return true })
	return err
}

// indexPeople makes people who have been restored known by their BSUID.
func (p *people) indexPeople() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, row := range p.rows.all() {
		key := personKey(row.PhoneNumberID, row.WAID)
		p.userIDs[row.PhoneNumberID+"/"+row.UserID] = key
		p.saved[key] = row.LastInbound
	}
}

func isWAID(id string) bool { return isObjectID(id) && len(id) >= minWAID && len(id) <= maxWAID }

// newUserID returns the BSUID of a person: the same in one business portfolio, and
// another one in each other (docs/references.md#graph-bsuid).
func (s *Server) newUserID(phoneID, waID string) string {
	portfolio := s.accounts[s.phone(phoneID).accountID].OwnerBusinessID
	sum := sha256.Sum256([]byte(portfolio + "/" + waID))
	return fmt.Sprintf("US.%020d", binary.BigEndian.Uint64(sum[:]))
}

// person returns a person, who exists from now on. The phone number must exist.
func (s *Server) person(phoneID, waID string) Person {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	found, ok := s.people.rows.find(personKey(phoneID, waID), time.Time{})
	if !ok {
		found = Person{
			PhoneNumberID: phoneID, WAID: waID, Name: "Person " + waID[max(0, len(waID)-4):],
			UserID: s.newUserID(phoneID, waID), Created: s.Now(),
		}
		if s.cfg.OpenWindows {
			found.LastInbound = found.Created
		}
		if err := s.putPerson(found); err != nil && !errors.Is(err, errPeopleFull) {
			s.logStorage(err)
		}
	}
	return found
}

// putPerson stores a person. The caller holds people.mu.
func (s *Server) putPerson(p Person) error {
	key := personKey(p.PhoneNumberID, p.WAID)
	if err := s.people.rows.put(key, p); err != nil {
		return err
	}
	s.people.userIDs[p.PhoneNumberID+"/"+p.UserID] = key
	s.people.saved[key] = p.LastInbound
	return nil
}

// replacePerson removes a person and adds another one in their place.
func (s *Server) replacePerson(old, by Person) error {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	key := personKey(old.PhoneNumberID, old.WAID)
	delete(s.people.userIDs, old.PhoneNumberID+"/"+old.UserID)
	delete(s.people.saved, key)
	if _, err := s.people.rows.remove(key); err != nil {
		return err
	}
	return s.putPerson(by)
}

// personByUserID returns the person with a BSUID.
func (s *Server) personByUserID(phoneID, userID string) (Person, bool) {
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	key, ok := s.people.userIDs[phoneID+"/"+userID]
	if !ok {
		return Person{}, false
	}
	return s.people.rows.find(key, time.Time{})
}

// changePerson changes a person, who exists from now on.
func (s *Server) changePerson(phoneID, waID string, change func(*Person) error) (Person, error) {
	p := s.person(phoneID, waID)
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	if current, ok := s.people.rows.find(personKey(phoneID, waID), time.Time{}); ok {
		p = current
	}
	if err := change(&p); err != nil {
		return Person{}, err
	}
	return p, s.putPerson(p)
}

// touchPerson records that a person has written, which opens the 24 hours in which
// the business may answer with any message. The record is written once a minute.
func (s *Server) touchPerson(phoneID, waID string, now time.Time) Person {
	p := s.person(phoneID, waID)
	s.people.mu.Lock()
	defer s.people.mu.Unlock()
	key := personKey(phoneID, waID)
	current, ok := s.people.rows.find(key, time.Time{})
	if !ok { // there are too many
		return p
	}
	current.LastInbound = now
	if now.Sub(s.people.saved[key]).Abs() < inboundSaved {
		s.people.rows.set(key, current)
	} else if err := s.putPerson(current); err != nil {
		s.logStorage(err)
	}
	return current
}

// Person returns a person who exists.
func (s *Server) Person(phoneID, waID string) (Person, bool) {
	return s.people.rows.find(personKey(phoneID, digits(waID)), time.Time{})
}

// People returns the people of a phone number, or of all if phoneID is empty: the
// newest 1000, newest last.
func (s *Server) People(phoneID string) []Person {
	rows, _ := s.people.rows.list(time.Time{}, maxPeople)
	rows = slices.DeleteFunc(rows, func(p Person) bool { return phoneID != "" && p.PhoneNumberID != phoneID })
	return rows[max(0, len(rows)-maxControlRows):]
}

// ChangePerson changes a person of a phone number, who exists from now on. The wa_id
// may have a + and blanks.
func (s *Server) ChangePerson(phoneID, waID string, change PersonChange) (Person, error) {
	waID, err := s.checkWAID(phoneID, waID)
	if err != nil {
		return Person{}, err
	}
	changed, err := s.changePerson(phoneID, waID, change.apply)
	if err == nil {
		if !changed.Offline {
			s.messages.resume(phoneID, waID, changed.UserID, s.Now().Round(0))
		}
		s.changed.broadcast()
		s.observeChange(changed, change)
	}
	return changed, err
}

// checkWAID returns a wa_id as digits, if it and the phone number are right.
func (s *Server) checkWAID(phoneID, waID string) (string, error) {
	if s.phone(phoneID) == nil {
		return "", fmt.Errorf("%w: %q", errNoPhone, truncate(phoneID))
	}
	plain := strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "").Replace(waID)
	if !isWAID(plain) {
		return "", fmt.Errorf("metasim: people: wa_id %q is not a phone number of %d to %d digits with its country code", truncate(waID), minWAID, maxWAID)
	}
	return plain, nil
}

// apply changes a person.
func (change PersonChange) apply(p *Person) error {
	if change.Name != nil {
		p.Name = cmp.Or(*change.Name, p.Name)
		if len(p.Name) > maxPersonName {
			return fmt.Errorf("metasim: people: the name has more than %d bytes", maxPersonName)
		}
	}
	if change.Username != nil {
		p.Username = strings.TrimPrefix(*change.Username, "@")
		if p.Username != "" && !usernameFormat.MatchString(p.Username) {
			return fmt.Errorf("metasim: people: username %q is not 3 to 35 of a-z, 0-9, dot and underscore", truncate(p.Username))
		}
		p.HidesNumber = p.HidesNumber && p.Username != ""
	}
	if change.HidesNumber != nil {
		p.HidesNumber = *change.HidesNumber
	}
	if p.HidesNumber && p.Username == "" {
		return errors.New("metasim: people: hides_number requires a username")
	}
	if change.Offline != nil {
		p.Offline = *change.Offline
	}
	if change.Blocks != nil {
		p.Blocks = *change.Blocks
	}
	if change.NoWhatsApp != nil {
		p.NoWhatsApp = *change.NoWhatsApp
	}
	return nil
}

// contact returns a person as webhooks have them.
func (p Person) contact() webhookContact {
	c := webhookContact{Profile: webhookProfile{Name: p.Name, Username: p.Username}, UserID: p.UserID}
	if !p.HidesNumber {
		c.WAID = p.WAID
	}
	return c
}
