package metasim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// openWindows makes everyone one who has just written.
func openWindows(c *Config) { c.OpenWindows = true }

// work carries out what is due.
func (s *sim) work() {
	fetches := s.newFetches(s.t.Context())
	for range 2 { // links, and what follows them
		s.advanceDue(fetches)
		fetches.wait()
	}
}

// advance moves the time forward in small steps, and does what is due in each.
func (s *sim) advance(d time.Duration) {
	for range d / (10 * time.Millisecond) {
		s.manual.advance(10 * time.Millisecond)
		s.work()
	}
}

// statuses returns the statuses of a message, with the code of failed.
func (s *sim) statuses(id string) string {
	m, _ := s.Message(id)
	var names []string
	for _, change := range m.Statuses {
		name := change.Status
		if change.Code != 0 {
			name = fmt.Sprintf("%s %d", name, change.Code)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// writes lets a person write to the first number now.
func (s *sim) writes(waID string) { s.touchPerson(phone1, waID, s.Now()) }

func TestTheLifeOfAMessage(t *testing.T) {
	const text = hello
	template := `"type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}`
	person := "16505551234"
	tests := map[string]struct {
		content string
		before  func(*sim)
		want    string
	}{
		"in the window":           {text, func(s *sim) { s.writes(person) }, "sent, delivered, read"},
		"without a window":        {text, nil, "failed 131047"},
		"a day later":             {text, func(s *sim) { s.writes(person); s.manual.advance(24 * time.Hour) }, "failed 131047"},
		"less than a day later":   {text, func(s *sim) { s.writes(person); s.manual.advance(24*time.Hour - time.Second) }, "sent, delivered, read"},
		"a template":              {template, nil, "sent, delivered, read"},
		"nobody":                  {template, func(s *sim) { s.change(person, PersonChange{NoWhatsApp: yes}) }, "failed 131026"},
		"a person who blocks":     {template, func(s *sim) { s.change(person, PersonChange{Blocks: yes}) }, "failed 131026"},
		"a person who is away":    {template, func(s *sim) { s.change(person, PersonChange{Offline: yes}) }, "sent"},
		"a reaction":              {`"type":"reaction","reaction":{"message_id":"MESSAGE","emoji":"👍"}`, func(s *sim) { s.writes(person) }, "sent"},
		"a reaction to the other": {`"type":"reaction","reaction":{"message_id":"wamid.QQ==","emoji":"👍"}`, func(s *sim) { s.writes(person) }, "sent"},
		"a reaction 30 days old":  {`"type":"reaction","reaction":{"message_id":"MESSAGE","emoji":"👍"}`, func(s *sim) { s.manual.advance(30 * 24 * time.Hour); s.writes(person) }, "failed 131009"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			first := s.message(template).sentID(t)
			s.advance(time.Second)
			if test.before != nil {
				test.before(s)
			}
			id := s.message(strings.ReplaceAll(test.content, "MESSAGE", first)).sentID(t)
			if got := s.statuses(id); got != "" {
				t.Errorf("at once: %s", got)
			}
			s.advance(time.Second)
			if got := s.statuses(id); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

var yesValue, noValue = true, false

var yes, no = &yesValue, &noValue

func (s *sim) change(waID string, change PersonChange) {
	s.t.Helper()
	if _, err := s.ChangePerson(phone1, waID, change); err != nil {
		s.t.Fatal(err)
	}
}

func TestOpenWindowsCloseAfterADay(t *testing.T) {
	s := startSim(t, openWindows)
	for _, test := range []struct {
		later time.Duration
		want  string
	}{{0, "sent, delivered, read"}, {23 * time.Hour, "sent, delivered, read"}, {time.Hour, "failed 131047"}} {
		s.manual.advance(test.later)
		id := s.message(hello).sentID(t)
		s.advance(time.Second)
		if got := s.statuses(id); got != test.want {
			t.Errorf("%v later: %s, want %s", test.later, got, test.want)
		}
	}
}

func TestAFaultMakesAMessageFailLater(t *testing.T) {
	s := startSim(t, openWindows)
	if _, err := s.AddFault(Fault{Operation: OperationSendMessage, FailLater: 131049, Times: 1}); err != nil {
		t.Fatal(err)
	}
	first, second := s.message(hello).sentID(t), s.message(hello).sentID(t)
	s.advance(time.Second)
	if got := s.statuses(first) + "; " + s.statuses(second); got != "failed 131049; sent, delivered, read" {
		t.Error(got)
	}
	for _, bad := range []Fault{{FailLater: -1}, {FailLater: 131049, Status: 500}, {FailLater: 131049, Operation: OperationUpload}} {
		if _, err := s.AddFault(bad); err == nil {
			t.Errorf("accepted: %+v", bad)
		}
	}
}

func TestAVoiceMessageIsPlayed(t *testing.T) {
	s := startSim(t, openWindows)
	voice := s.mustUpload("a.ogg", "audio/ogg", opus)
	played := s.message(`"type":"audio","audio":{"id":"` + voice + `","voice":true}`).sentID(t)
	plain := s.message(`"type":"audio","audio":{"id":"` + voice + `"}`).sentID(t)
	s.advance(time.Second)
	if got := s.statuses(played); got != "sent, delivered, read, played" {
		t.Error(got)
	}
	if got := s.statuses(plain); got != "sent, delivered, read" {
		t.Error(got)
	}
}

func TestMessagesToAPersonWhoWasAwayArriveInOrder(t *testing.T) {
	s := startSim(t, openWindows)
	s.change("16505551234", PersonChange{Offline: yes})
	var ids []string
	for range 5 {
		ids = append(ids, s.message(hello).sentID(t))
		s.advance(500 * time.Millisecond)
	}
	other := s.message(`{"messaging_product":"whatsapp","to":"16505559999",` + hello + `}`).sentID(t)
	s.advance(time.Second)
	if got := s.statuses(other); got != "sent, delivered, read" {
		t.Errorf("another person: %s", got)
	}
	s.webhooks.clear()
	s.change("16505551234", PersonChange{Offline: no})
	s.advance(time.Second)
	var delivered []string
	for _, hook := range s.Webhooks().Webhooks {
		if _, rest, ok := strings.Cut(hook.Body, `"statuses":[{"id":"`); ok && strings.Contains(rest, `"status":"delivered"`) {
			id, _, _ := strings.Cut(rest, `"`)
			delivered = append(delivered, strings.ReplaceAll(id, `\/`, "/"))
		}
	}
	if !slices.Equal(delivered, ids) {
		t.Errorf("delivered %q, want %q", delivered, ids)
	}
}

func TestAStoppedClockHoldsMessages(t *testing.T) {
	s := startSim(t, openWindows)
	if _, err := s.StopClock(); err != nil {
		t.Fatal(err)
	}
	id := s.message(hello).sentID(t)
	s.advance(time.Second)
	if got := s.statuses(id); got != "" {
		t.Errorf("while the clock stands still: %s", got)
	}
	for _, want := range []string{"sent", "sent, delivered"} {
		if _, err := s.AdvanceClock(60 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if s.work(); s.statuses(id) != want {
			t.Errorf("%s, want %s", s.statuses(id), want)
		}
	}
}

func TestStepsThatAreSwitchedOffAreLeftToTheTest(t *testing.T) {
	s := startSim(t, openWindows, func(c *Config) { c.MessageDelays.Delivered = -1 })
	id := s.message(hello).sentID(t)
	s.advance(time.Second)
	if got := s.statuses(id); got != "sent" {
		t.Fatal(got)
	}
	for _, step := range []struct {
		status string
		code   int
		refuse bool
	}{{"delivered", 0, false}, {"failed", 131026, false}, {"gone", 0, true}, {"read", 131026, true}} {
		if err := s.SetStatus(id, step.status, step.code); (err != nil) != step.refuse {
			t.Errorf("%s %d: %v", step.status, step.code, err)
		}
	}
	s.advance(time.Second)
	if got := s.statuses(id); got != "sent, delivered, failed 131026" {
		t.Error(got)
	}
	if err := s.SetStatus("wamid.QQ==", "read", 0); err == nil {
		t.Error("a message that does not exist has a status")
	}
}

func TestSetStatusEndsTheLifeOfAMessage(t *testing.T) {
	s := startSim(t, openWindows)
	id := s.message(hello).sentID(t)
	if err := s.SetStatus(id, "failed", 131049); err != nil {
		t.Fatal(err)
	}
	s.advance(time.Second)
	if got := s.statuses(id); got != "failed 131049" {
		t.Error(got)
	}
}

// Nothing but Run and RunBackground makes a message go on.
func TestRunBackgroundCarriesMessagesOn(t *testing.T) {
	s := startSim(t, openWindows, func(c *Config) { c.Clock = nil })
	id := s.message(hello).sentID(t)
	stop := s.startDelivery()
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for s.statuses(id) != "sent, delivered, read" {
		change := s.changed.change()
		if s.statuses(id) == "sent, delivered, read" {
			break
		}
		select {
		case <-change:
		case <-ctx.Done():
			t.Fatalf("after 20 s: %s", s.statuses(id))
		}
	}
}

func TestStatusesAreReportedAsByMeta(t *testing.T) {
	const head = `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"16315550001","phone_number_id":"106540352242922"},`
	const tail = `},"field":"messages"}]}]}`
	contact := `"contacts":[{"profile":{"name":"Person 1234"},"wa_id":"16505551234","user_id":"USER"}],`
	template := `"type":"template","biz_opaque_callback_data":"order 5","template":{"name":"offer","language":{"code":"en_US"}}`
	marketing := func(c *Config) {
		c.BusinessAccounts[0].Templates = []Template{{Name: "offer", Language: "en_US", Category: "MARKETING", Components: []TemplateComponent{{Type: "BODY", Text: "Buy"}}}}
	}
	tests := map[string]struct {
		content string
		change  []func(*Config)
		want    []string // values of successive webhooks
	}{
		"a text": {hello, []func(*Config){openWindows}, []string{
			contact + `"statuses":[{"id":"ID","status":"sent","timestamp":"TIME","recipient_id":"16505551234","recipient_user_id":"USER","pricing":{"billable":false,"pricing_model":"PMP","category":"service","type":"free_customer_service"}}]`,
			contact + `"statuses":[{"id":"ID","status":"delivered","timestamp":"TIME","recipient_id":"16505551234","recipient_user_id":"USER","pricing":{"billable":false,"pricing_model":"PMP","category":"service","type":"free_customer_service"}}]`,
			contact + `"statuses":[{"id":"ID","status":"read","timestamp":"TIME","recipient_id":"16505551234","recipient_user_id":"USER"}]`,
		}},
		"a template, up to v23.0": {template, []func(*Config){marketing, func(c *Config) { c.WebhookVersion = "v23.0" }}, []string{
			contact + `"statuses":[{"id":"ID","status":"sent","timestamp":"TIME","recipient_id":"16505551234","recipient_user_id":"USER","biz_opaque_callback_data":"order 5","conversation":{"id":"CONVERSATION","expiration_timestamp":"TOMORROW","origin":{"type":"marketing"}},"pricing":{"billable":true,"pricing_model":"PMP","category":"marketing","type":"regular"}}]`,
			contact + `"statuses":[{"id":"ID","status":"delivered","timestamp":"TIME","recipient_id":"16505551234","recipient_user_id":"USER","biz_opaque_callback_data":"order 5","conversation":{"id":"CONVERSATION","origin":{"type":"marketing"}},"pricing":{"billable":true,"pricing_model":"PMP","category":"marketing","type":"regular"}}]`,
			contact + `"statuses":[{"id":"ID","status":"read","timestamp":"TIME","recipient_id":"16505551234","recipient_user_id":"USER","biz_opaque_callback_data":"order 5"}]`,
		}},
		"outside the window": {hello, nil, []string{
			`"statuses":[{"id":"ID","status":"failed","timestamp":"TIME","recipient_id":"16505551234","errors":[{"code":131047,"title":"Re-engagement message","message":"Re-engagement message","error_data":{"details":"Message failed to send because more than 24 hours have passed since the customer last replied to this number."},"href":"https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"}]}]`,
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, test.change...)
			id := s.message(test.content).sentID(t)
			s.advance(990 * time.Millisecond) // within one second, which the timestamps have
			person := s.person(phone1, "16505551234")
			var got, want []string
			for _, hook := range s.Webhooks().Webhooks {
				body := strings.NewReplacer(`\/`, "/", `\u003c`, "<").Replace(hook.Body)
				got = append(got, body)
			}
			now := s.Now().Unix()
			conversation := ""
			if len(got) > 0 {
				_, rest, _ := strings.Cut(got[0], `"conversation":{"id":"`)
				conversation, _, _ = strings.Cut(rest, `"`)
			}
			for _, value := range test.want {
				want = append(want, strings.NewReplacer("ID", id, "USER", person.UserID, "TIME", fmt.Sprint(now), "TOMORROW", fmt.Sprint(now+86400),
					"CONVERSATION", conversation).Replace(head+value+tail))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAMessageToAUserIDNamesTheUserByIt(t *testing.T) {
	s := startSim(t, openWindows)
	person := s.person(phone1, "16505551234")
	id := s.message(`{"messaging_product":"whatsapp","recipient":"` + person.UserID + `",` + hello + `}`).sentID(t)
	unknown := s.message(`{"messaging_product":"whatsapp","recipient":"US.1",` + hello + `}`).sentID(t)
	s.advance(time.Second)
	if got := s.statuses(id); got != "sent, delivered, read" {
		t.Errorf("a person: %s", got)
	}
	if got := s.statuses(unknown); got != "failed 131026" {
		t.Errorf("nobody: %s", got)
	}
	for _, hook := range s.Webhooks().Webhooks {
		failed := strings.Contains(hook.Body, `"status":"failed"`)
		if failed && (strings.Contains(hook.Body, "recipient_id") || !strings.Contains(hook.Body, `"recipient_user_id":"US.1"`)) ||
			!failed && !strings.Contains(hook.Body, `"recipient_user_id":"`+person.UserID+`"`) {
			t.Error(hook.Body)
		}
	}
}

func TestMessagesInADirectoryGoOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir, openWindows)
	id := s.message(hello).sentID(t)
	s.advance(60 * time.Millisecond)
	before, _ := s.Message(id)
	s, log := s.restart(dir, 0)
	after, ok := s.Message(id)
	if diff := cmp.Diff(before, after); !ok || diff != "" {
		t.Errorf("found: %v (-before +after):\n%s", ok, diff)
	}
	s.advance(time.Second)
	if got := s.statuses(id); got != "sent, delivered, read" || log.Len() > 0 {
		t.Errorf("%s, log %s", got, log)
	}
	s.Reset()
	s, _ = s.restart(dir, 0)
	if list := s.Messages(); len(list) != 0 {
		t.Errorf("after a reset: %+v", list)
	}
}

func TestTheOldestMessagesMakeRoom(t *testing.T) {
	s := startSim(t, openWindows)
	var first, last string
	for i := range maxMessages + 5 {
		row := messageRow{Message: Message{ID: s.newMessageID("1", false), PhoneNumberID: phone1, Created: s.Now(), WAID: "16505551234"}, Step: stepSend, Due: s.Now()}
		if err := s.messages.add(row); err != nil {
			t.Fatal(err)
		}
		if last = row.ID; i == 0 {
			first = row.ID
		}
	}
	list := s.Messages()
	if _, ok := s.Message(first); ok || len(list) != maxMessages || list[len(list)-1].ID != last {
		t.Errorf("%d messages, the first is there: %v", len(list), ok)
	}
	s.work()
	if got := s.statuses(last); got != "sent" {
		t.Errorf("the last one: %s", got)
	}
}
