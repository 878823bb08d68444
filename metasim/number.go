// Phone numbers: what changes of them after the configuration
// (docs/references.md#graph-phone-numbers).

package metasim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	numberKind          = "number" // of records
	maxNumbers          = 10_000   // that are made or changed
	maxNumbersOfAccount = 20       // above which an account gets no new ones
	maxRegistrations    = 10       // and deregistrations of a number in registrationPeriod
	registrationPeriod  = 72 * time.Hour
	codeLife            = 10 * time.Minute
	maxCodesPerHour     = 5
	maxPINGuesses       = 5 // wrong ones in an hour
	fieldNameUpdate     = "phone_number_name_update"
	fieldQualityUpdate  = "phone_number_quality_update"
	notApplicable       = "NOT_APPLICABLE"
	nameNotReviewed     = "PENDING_REVIEW"
	maxVerifiedName     = 75 // characters
	minVerifiedName     = 2
)

var errNumbersFull = errors.New("metasim: numbers: too many phone numbers were made or changed; reset the simulator")

// phoneBook is the phone numbers, in the order of the configuration and then of their
// creation. A number is replaced and never changed, so that it can be read without a
// lock.
type phoneBook struct {
	mu    sync.RWMutex
	byID  map[string]*phone
	order []string
}

func (b *phoneBook) set(p *phone) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byID == nil {
		b.byID = map[string]*phone{}
	}
	if b.byID[p.ID] == nil {
		b.order = append(b.order, p.ID)
	}
	b.byID[p.ID] = p
}

func (b *phoneBook) remove(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.byID, id)
	b.order = slices.DeleteFunc(b.order, func(other string) bool { return other == id })
}

func (b *phoneBook) list() []*phone {
	b.mu.RLock()
	defer b.mu.RUnlock()
	all := make([]*phone, len(b.order))
	for i, id := range b.order {
		all[i] = b.byID[id]
	}
	return all
}

// phone returns a phone number, or nil.
func (s *Server) phone(id string) *phone {
	s.phones.mu.RLock()
	defer s.phones.mu.RUnlock()
	return s.phones.byID[id]
}

// A Number is what has become of a phone number.
type Number struct {
	ID          string    `json:"id"`
	AccountID   string    `json:"business_account_id"`
	Display     string    `json:"display_phone_number"`
	Name        string    `json:"verified_name"`
	Status      string    `json:"status"`
	Platform    string    `json:"platform_type"`
	Verified    string    `json:"code_verification_status"`
	NameStatus  string    `json:"name_status"`
	NewName     string    `json:"new_display_name,omitempty"` // that is reviewed
	NewStatus   string    `json:"new_name_status,omitempty"`
	Quality     string    `json:"quality_rating"`
	Tier        string    `json:"messaging_limit_tier"`
	PIN         string    `json:"pin,omitempty"`  // of two-step verification; empty means that there is none
	Code        string    `json:"code,omitempty"` // that the last request_code has sent
	CodeExpires time.Time `json:"code_expires,omitzero"`
	Onboarded   string    `json:"last_onboarded_time"`
}

// numberRow is a Number with what only the simulator knows.
type numberRow struct {
	Number
	Made          bool         `json:"made,omitempty"` // by a request, not by the configuration
	Registrations []time.Time  `json:"registrations,omitempty"`
	Codes         []time.Time  `json:"codes,omitempty"`   // when they were requested
	Guesses       []time.Time  `json:"guesses,omitempty"` // of the PIN, which were wrong
	Profile       *profile     `json:"profile,omitempty"`
	Extras        numberExtras `json:"extras,omitzero"`
	Created       time.Time    `json:"created"`
}

func (n numberRow) createdAt() time.Time { return n.Created }
func (n numberRow) expiresAt() time.Time { return time.Time{} }

// numbers are the phone numbers that were made or changed.
type numbers struct {
	mu   sync.Mutex // held while a number is changed
	rows *table[numberRow]
}

func newNumbers(records RecordStore) *numbers {
	return &numbers{rows: newTable[numberRow](numberKind, maxNumbers, errNumbersFull, records)}
}

// checkNumberRecord returns an error for a record that is damaged.
func (s *Server) checkNumberRecord(id string, row numberRow) error {
	if row.ID != id || !isObjectID(id) || row.Display == "" {
		return badRecord(numberKind, id, "it is the record of %q", truncate(row.ID))
	}
	return nil
}

// loadNumbers reads what an earlier Server has made and changed.
func (s *Server) loadNumbers() []error {
	problems := s.numbers.rows.load(s.checkNumberRecord)
	rows, _ := s.numbers.rows.list(time.Time{}, maxNumbers)
	for _, row := range rows {
		s.applyNumber(row)
	}
	return problems
}

// configuredNumber returns a phone number as the configuration has it, or nil.
func (s *Server) configuredNumber(id string) (*PhoneNumber, string) {
	for _, a := range s.cfg.BusinessAccounts {
		for _, p := range a.PhoneNumbers {
			if p.ID == id {
				p = p.withDefaults()
				return &p, a.ID
			}
		}
	}
	return nil, ""
}

// numberRow returns what has become of a phone number, which exists.
func (s *Server) numberRow(id string) numberRow {
	if row, ok := s.numbers.rows.find(id, time.Time{}); ok {
		return row
	}
	p := s.phone(id)
	if p == nil { // it has been removed meanwhile
		return numberRow{}
	}
	return numberRow{Created: s.Now(), Number: Number{
		ID: id, AccountID: p.accountID, Display: p.DisplayPhoneNumber, Name: p.VerifiedName, Status: p.Status, Platform: p.PlatformType,
		Verified: p.CodeVerificationStatus, NameStatus: p.NameStatus, Quality: p.QualityRating, Tier: p.MessagingLimitTier,
		PIN: p.PIN, Onboarded: p.LastOnboardedTime}}
}

// putNumber stores a phone number and makes it what requests see. The caller holds
// numbers.mu.
func (s *Server) putNumber(row numberRow) error {
	if err := s.numbers.rows.put(row.ID, row); err != nil {
		return err
	}
	s.applyNumber(row)
	return nil
}

// applyNumber makes a row what requests see. A number that neither the configuration nor
// a request has made, or whose account is missing, is left out.
func (s *Server) applyNumber(row numberRow) {
	configured, account := s.configuredNumber(row.ID)
	switch {
	case configured == nil && (!row.Made || s.accounts[row.AccountID] == nil):
		return
	case configured == nil:
		made := PhoneNumber{ID: row.ID}.withDefaults()
		configured, account = &made, row.AccountID
	}
	p := &phone{PhoneNumber: *configured, accountID: account}
	p.DisplayPhoneNumber, p.VerifiedName, p.Status, p.PlatformType = row.Display, row.Name, row.Status, row.Platform
	p.CodeVerificationStatus, p.NameStatus, p.QualityRating, p.MessagingLimitTier = row.Verified, row.NameStatus, row.Quality, row.Tier
	p.PIN, p.LastOnboardedTime, p.row = row.PIN, row.Onboarded, &row
	s.phones.set(p)
}

// clearNumbers makes all phone numbers again what the configuration says.
func (s *Server) clearNumbers() {
	for _, p := range s.phones.list() {
		configured, account := s.configuredNumber(p.ID)
		if configured == nil {
			s.phones.remove(p.ID)
			continue
		}
		s.phones.set(&phone{PhoneNumber: *configured, accountID: account})
	}
}

// changeNumber changes a phone number, unless change refuses it.
func (s *Server) changeNumber(c *call, change func(*numberRow) *apiError) (any, *apiError) {
	s.numbers.mu.Lock()
	defer s.numbers.mu.Unlock()
	row := s.numberRow(c.id)
	refusal := change(&row)
	if refusal != nil && !refusal.changes {
		return nil, refusal
	}
	if err := s.putNumber(row); err != nil {
		return nil, c.storageError(err)
	}
	if refusal != nil {
		return nil, refusal
	}
	return success{true}, nil
}

// Numbers returns all phone numbers, in the order of the configuration and then of their
// creation.
func (s *Server) Numbers() []Number {
	list := []Number{}
	for _, p := range s.phones.list() {
		list = append(list, s.numberRow(p.ID).Number)
	}
	return list
}

// NumberChange is a change of a phone number by Meta. What is empty stays.
type NumberChange struct {
	Status       string `json:"status,omitempty"`               // such as CONNECTED, FLAGGED, RESTRICTED, BANNED
	Quality      string `json:"quality_rating,omitempty"`       // GREEN, YELLOW, RED or UNKNOWN
	Tier         string `json:"messaging_limit_tier,omitempty"` // such as TIER_2K
	NameDecision string `json:"name_decision,omitempty"`        // APPROVED or DECLINED: of the name that is reviewed
}

// ChangeNumberState changes a phone number as Meta does. The app gets webhooks.
func (s *Server) ChangeNumberState(id string, change NumberChange) (Number, error) {
	s.numbers.mu.Lock()
	defer s.numbers.mu.Unlock()
	if s.phone(id) == nil {
		return Number{}, fmt.Errorf("%w: %q", errNoPhone, truncate(id))
	}
	row := s.numberRow(id)
	old := row
	row.Status, row.Quality, row.Tier = cmp.Or(change.Status, row.Status), cmp.Or(change.Quality, row.Quality), cmp.Or(change.Tier, row.Tier)
	if problem := row.decide(change.NameDecision); problem != nil {
		return Number{}, problem
	}
	if err := s.putNumber(row); err != nil {
		return Number{}, err
	}
	s.notifyNumber(old, row, change.NameDecision)
	return row.Number, nil
}

// decide accepts or declines the name that is reviewed.
func (n *numberRow) decide(decision string) error {
	reviewed := n.NewStatus == nameNotReviewed
	switch {
	case decision == "":
	case decision != "APPROVED" && decision != "DECLINED":
		return fmt.Errorf("metasim: number: the decision %q is none of APPROVED, DECLINED", truncate(decision))
	case !reviewed && n.NameStatus != nameNotReviewed:
		return errors.New("metasim: number: no name is reviewed")
	case !reviewed:
		n.NameStatus = decision
	default:
		n.NewStatus = decision
		if decision == "APPROVED" {
			n.Name, n.NameStatus, n.NewName, n.NewStatus = n.NewName, decision, "", ""
		}
	}
	return nil
}

// nameUpdateValue and qualityUpdateValue are values of webhooks.
type (
	nameUpdateValue struct {
		Display   string  `json:"display_phone_number"`
		Decision  string  `json:"decision"`
		Requested string  `json:"requested_verified_name"`
		Rejection *string `json:"rejection_reason"`
	}
	qualityUpdateValue struct {
		Display string `json:"display_phone_number"`
		Event   string `json:"event"`
		Limit   string `json:"current_limit"`
	}
)

// notifyNumber sends the webhooks about what has changed of a number.
func (s *Server) notifyNumber(old, now numberRow, decision string) {
	send := func(field string, value any) { s.notify(update{account: now.AccountID, field: field, value: value}) }
	if decision != "" {
		value := nameUpdateValue{Display: digits(now.Display), Decision: decision, Requested: cmp.Or(old.NewName, old.Name)}
		if decision == "DECLINED" {
			reason := "NAME_DOES_NOT_MEET_GUIDELINES"
			value.Rejection = &reason
		}
		send(fieldNameUpdate, value)
	}
	event := ""
	switch {
	case old.Quality != now.Quality && now.Quality == "RED":
		event = "FLAGGED"
	case old.Quality != now.Quality && old.Quality == "RED":
		event = "UNFLAGGED"
	case old.Tier != now.Tier && tierOf(now.Tier) > tierOf(old.Tier):
		event = "UPGRADE"
	case old.Tier != now.Tier:
		event = "DOWNGRADE"
	}
	if event != "" {
		send(fieldQualityUpdate, qualityUpdateValue{digits(now.Display), event, now.Tier})
	}
}

// tierOf returns the place of a limit among the others.
func tierOf(tier string) int {
	return slices.Index([]string{"TIER_50", "TIER_250", "TIER_1K", "TIER_2K", "TIER_10K", "TIER_100K", "TIER_UNLIMITED"}, tier)
}
