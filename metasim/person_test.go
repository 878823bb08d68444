package metasim

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPersonExistsFromTheFirstMessageOn(t *testing.T) {
	s := startSim(t)
	if _, ok := s.Person(phone1, kerry); ok {
		t.Error("Kerry exists before any message")
	}
	for range 2 {
		if _, err := s.Receive(phone1, Inbound{From: "+1 (650) 555-1234", Type: "text"}); err != nil {
			t.Fatal(err)
		}
	}
	p, ok := s.Person(phone1, "+"+kerry)
	want := Person{PhoneNumberID: phone1, WAID: kerry, Name: "Person 1234", UserID: p.UserID, LastInbound: s.Now(), Created: s.Now()}
	if diff := cmp.Diff(want, p); !ok || diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !regexp.MustCompile(`^US\.[0-9]{20}$`).MatchString(p.UserID) {
		t.Errorf("BSUID %q", p.UserID)
	}
	if list := s.People(phone1); len(list) != 1 || len(s.People(phone2)) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestBSUIDIsOfThePortfolioNotOfTheNumber(t *testing.T) {
	s := startSim(t)
	first, second, other := s.person(phone1, kerry), s.person("106540352242923", kerry), s.person(phone2, kerry)
	if first.UserID != second.UserID || first.UserID == other.UserID {
		t.Errorf("%s and %s in one portfolio, %s in the other", first.UserID, second.UserID, other.UserID)
	}
	if found, ok := s.personByUserID(phone1, first.UserID); !ok || found.WAID != kerry {
		t.Errorf("by BSUID: %+v", found)
	}
	if _, ok := s.personByUserID(phone2, first.UserID); ok {
		t.Error("another portfolio's number knows the BSUID")
	}
}

func TestPersonWithAUsernameCanHideTheNumber(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	p, err := s.ChangePerson(phone1, kerry, PersonChange{Name: ptr("Kerry Fisher"), Username: ptr("@kerry.fisher"), HidesNumber: ptr(true)})
	if err != nil || p.Username != "kerry.fisher" {
		t.Fatalf("%+v, %v", p, err)
	}
	received, err := s.Receive(phone1, Inbound{From: kerry, Type: "text"})
	if err != nil {
		t.Fatal(err)
	}
	body := r.wait(1)[0].body
	if strings.Contains(body, kerry) || !strings.Contains(body, `"contacts":[{"profile":{"name":"Kerry Fisher","username":"kerry.fisher"},"user_id":"`+p.UserID+`"}],"messages":[{"from_user_id":"`+p.UserID+`","id":"`) {
		t.Errorf("%s", body)
	}
	if strings.Contains(received.ID, kerry) {
		t.Errorf("id %s", received.ID)
	}
	if p, err = s.ChangePerson(phone1, kerry, PersonChange{Username: ptr("")}); err != nil || p.HidesNumber {
		t.Errorf("without the username: %+v, %v", p, err)
	}
	for mention, change := range map[string]PersonChange{
		"requires a username": {HidesNumber: ptr(true)},
		"is not 3 to 35":      {Username: ptr("Kerry!")},
		"more than 512 bytes": {Name: ptr(strings.Repeat("x", 513))},
	} {
		if _, err := s.ChangePerson(phone1, kerry, change); err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("%v, want %q", err, mention)
		}
	}
}

func TestNewNumberIsANewPersonAndReported(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	if _, err := s.Receive(phone1, Inbound{From: kerry, Type: "text"}); err != nil {
		t.Fatal(err)
	}
	old, _ := s.Person(phone1, kerry)
	changed, err := s.ChangeNumber(phone1, kerry, "+1 650 555 9999")
	if err != nil || changed.UserID == old.UserID || changed.Name != old.Name || !changed.LastInbound.IsZero() {
		t.Fatalf("%+v, %v", changed, err)
	}
	if _, ok := s.Person(phone1, kerry); ok {
		t.Error("the old number is still somebody's")
	}
	if _, ok := s.personByUserID(phone1, old.UserID); ok {
		t.Error("the old BSUID is still somebody's")
	}
	got := r.wait(3)
	system, ids := got[1].body, got[2].body
	if strings.Contains(system, `"contacts"`) || !strings.Contains(system, `"type":"system","system":{"body":"User Person 1234 changed from 16505551234 to 16505559999","wa_id":"16505559999","user_id":"`+changed.UserID+`","type":"user_changed_number"}`) {
		t.Errorf("system message: %s", system)
	}
	if !strings.Contains(ids, `"user_id_update":[{"wa_id":"16505559999"`) || !strings.Contains(ids, `"user_id":{"previous":"`+old.UserID+`","current":"`+changed.UserID+`"}`) || !strings.Contains(ids, `"field":"user_id_update"`) {
		t.Errorf("user_id_update: %s", ids)
	}
	if _, err := s.ChangeNumber(phone1, "16505559999", "16505559999"); err == nil {
		t.Error("a person took a number that is taken")
	}
}

func TestPeopleOutliveTheServer(t *testing.T) {
	records := &countingRecords{RecordStore: NewMemoryRecords()}
	first := startSim(t, func(c *Config) { c.Records = records })
	for range 5 {
		if _, err := first.Receive(phone1, Inbound{From: kerry, Type: "text"}); err != nil {
			t.Fatal(err)
		}
		if _, err := first.AdvanceClock(20 * time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if n := records.count(personKind); n != 3 { // created, then at 0 and 60 s
		t.Errorf("the record was written %d times", n)
	}
	if _, err := first.ChangePerson(phone1, kerry, PersonChange{Offline: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	want, _ := first.Person(phone1, kerry)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := startSim(t, func(c *Config) { c.Records = records })
	if got, _ := second.Person(phone1, kerry); !cmp.Equal(want, got) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, ok := second.personByUserID(phone1, want.UserID); !ok {
		t.Error("the person is not known by the BSUID")
	}
	second.Reset()
	if len(second.People("")) != 0 {
		t.Error("people survive Reset")
	}
}

func TestMorePeopleThanFitHaveTheDefaults(t *testing.T) {
	s := startSim(t)
	s.people.rows.limit = 1
	first := s.person(phone1, kerry)
	second := s.touchPerson(phone1, "16505550000", s.Now())
	if first.Name != "Person 1234" || second.Name != "Person 0000" || second.UserID == "" {
		t.Errorf("%+v %+v", first, second)
	}
	if _, err := s.ChangePerson(phone1, "16505550000", PersonChange{Offline: ptr(true)}); err == nil {
		t.Error("one more person was changed")
	}
}

// countingRecords counts what is stored.
type countingRecords struct {
	RecordStore
	mu   sync.Mutex
	puts map[string]int // by kind
}

func (c *countingRecords) Put(kind, id string, value json.RawMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.puts == nil {
		c.puts = map[string]int{}
	}
	c.puts[kind]++
	return c.RecordStore.Put(kind, id, value)
}

func (c *countingRecords) count(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.puts[kind]
}
