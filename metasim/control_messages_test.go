package metasim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// postControl sends JSON to the control API.
func (s *sim) postControl(control, path, body string) response {
	s.t.Helper()
	return s.mustSend(http.MethodPost, control+path, strings.NewReader(body), "Content-Type", "application/json")
}

// mustSendText sends a text message from the first number and returns its id.
func (s *sim) mustSendText(to string) string {
	s.t.Helper()
	a := s.call("POST", phone1+"/messages", `{"messaging_product":"whatsapp","to":"+`+to+`","type":"text","text":{"body":"Hello"}}`)
	var sent struct{ Messages []struct{ ID string } }
	if err := json.Unmarshal([]byte(a.body), &sent); err != nil || len(sent.Messages) != 1 {
		s.t.Fatalf("%d %s", a.status, a.body)
	}
	return sent.Messages[0].ID
}

func TestControlAPISendsMessagesOfPeople(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	control := startControl(t, s)
	a := s.postControl(control, "/people/"+kerry+"/messages", `{"type":"image","image":{"mime_type":"image/png","content":"iVBORw0KGgo=","caption":"Hi"}}`)
	var received Received
	if err := json.Unmarshal([]byte(a.body), &received); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if file, ok := s.Media(received.MediaID); !ok || file.Size != 8 || !file.Inbound || file.PhoneNumberID != phone1 || received.Person.WAID != kerry {
		t.Errorf("%+v, %+v", received, file)
	}
	r.wait(1)
	a = s.postControl(control, "/people/"+kerry+"/messages?phone_number_id=106540352242923", `{"type":"text"}`)
	if a.status != http.StatusOK || !strings.Contains(r.wait(1)[1].body, `"phone_number_id":"106540352242923"`) {
		t.Errorf("another number: %d %s", a.status, a.body)
	}
	for body, mention := range map[string]string{
		`{"type":"image","image":{"mime":"image/png"}}`: "unknown field",
		`{"from":"1","type":"text"}`:                    "from is in the path",
		`{"type":"gif"}`:                                "is none of",
		`{}`:                                            "type is missing",
	} {
		if a := s.postControl(control, "/people/"+kerry+"/messages", body); a.status != http.StatusBadRequest || !strings.Contains(a.body, mention) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := s.postControl(control, "/people/"+kerry+"/messages?phone_number_id=1", `{"type":"text"}`); a.status != http.StatusBadRequest {
		t.Errorf("an unknown number: %d %s", a.status, a.body)
	}
}

func TestControlClientActsForPeople(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	client := NewControlClient(startControl(t, s), nil)
	received, err := client.Receive(t.Context(), phone1, Inbound{From: kerry, Text: &InboundText{Body: "Hello"}})
	if err != nil || received.Type != "text" {
		t.Fatalf("%+v, %v", received, err)
	}
	r.wait(1)
	changed, err := client.ChangePerson(t.Context(), "", kerry, PersonChange{Name: ptr("Kerry")})
	if err != nil || changed.Name != "Kerry" {
		t.Fatalf("%+v, %v", changed, err)
	}
	if person, err := client.Person(t.Context(), phone1, "+"+kerry); err != nil || !cmp.Equal(person, changed) {
		t.Errorf("%+v, %v", person, err)
	}
	if people, err := client.People(t.Context(), phone1); err != nil || len(people) != 1 || !cmp.Equal(people[0], changed) {
		t.Errorf("%+v, %v", people, err)
	}
	if _, err := client.Person(t.Context(), phone1, "16505550000"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("nobody: %v", err)
	}
	if person, err := client.ChangeNumber(t.Context(), phone1, kerry, "16505559999"); err != nil || person.WAID != "16505559999" {
		t.Errorf("%+v, %v", person, err)
	}
}

func TestPersonReadsAMessageOfTheBusiness(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r), func(c *Config) { c.MessageDelays.Read = -1 })
	s.startDelivery()
	client := NewControlClient(startControl(t, s), nil)
	if _, err := client.Receive(t.Context(), phone1, Inbound{From: kerry, Type: "text"}); err != nil {
		t.Fatal(err)
	}
	id := s.mustSendText(kerry)
	if _, err := s.AdvanceClock(time.Minute); err != nil {
		t.Fatal(err)
	}
	if found, err := client.Wait(t.Context(), Wait{For: WaitMessage, ID: id, Status: statusSent}); err != nil || len(found.Messages) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	if err := client.Read(t.Context(), phone1, kerry, id); err != nil {
		t.Fatal(err)
	}
	if found, err := client.Wait(t.Context(), Wait{For: WaitWebhook, State: WebhookDelivered, Contains: `"status":"read"`}); err != nil || !strings.Contains(found.Webhooks[0].Body, id) {
		t.Errorf("%+v, %v", found, err)
	}
	message, err := client.Message(t.Context(), id)
	if err != nil || message.Status != statusRead {
		t.Errorf("%+v, %v", message, err)
	}
	if err := client.Read(t.Context(), phone1, "16505550000", id); err == nil || !strings.Contains(err.Error(), "has no message") {
		t.Errorf("somebody else reads it: %v", err)
	}
	if err := client.SetStatus(t.Context(), id, statusFailed, 131026); err != nil {
		t.Fatal(err)
	}
	list, err := client.Messages(t.Context())
	if err != nil || list.Total != 1 || list.Messages[0].Status != statusFailed || list.Messages[0].Statuses[len(list.Messages[0].Statuses)-1].Code != 131026 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestControlAPISetsWebhooks(t *testing.T) {
	first, second := startReceiver(t), startReceiver(t)
	s := startSim(t, withApp(first))
	s.startDelivery()
	control := startControl(t, s)
	client := NewControlClient(control, nil)
	if err := client.SetAppWebhook(t.Context(), "", second.URL, "wrong"); err == nil || !strings.Contains(err.Error(), "(#2200)") {
		t.Errorf("a wrong verify token: %v", err)
	}
	if err := client.SetAppWebhook(t.Context(), app1, second.URL, verifyToken, "messages"); err != nil {
		t.Fatal(err)
	}
	apps, err := client.AppWebhooks(t.Context())
	if diff := cmp.Diff([]AppWebhook{{AppID: app1, URL: second.URL, Fields: []string{"messages"}, Verified: true}}, apps); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	delivery := WebhookDelivery{BatchSize: 2, Duplicate: 0.5, Lose: 0.25, Disorder: 1, Delay: 1500 * time.Millisecond, Signature: SignatureOld, OldSecret: "x", Times: 3}
	if err := client.SetWebhookDelivery(t.Context(), delivery); err != nil {
		t.Fatal(err)
	}
	delivery.OldSecret = "" // is not shown
	if got, err := client.WebhookDelivery(t.Context()); err != nil || got != delivery {
		t.Errorf("%+v, %v", got, err)
	}
	for body, mention := range map[string]string{
		`{"duplicate":2}`:      "is not a probability",
		`{"batch_size":1001}`:  "is not in 1 to 1000",
		`{"delay_ms":-1}`:      "delay_ms -1",
		`{"times":-1}`:         "times -1 is negative",
		`{"signature":"old"}`:  "requires old_secret",
		`{"signature":"good"}`: "is none of",
		`{"delay":5}`:          "unknown field",
	} {
		if a := s.postControl(control, "/webhooks/delivery", body); a.status != http.StatusBadRequest || !strings.Contains(a.body, mention) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if err := client.SetWebhookDelivery(t.Context(), WebhookDelivery{}); err != nil {
		t.Fatal(err)
	}
	if err := client.PostWebhook(t.Context(), WebhookUpdate{PhoneNumberID: phone1, Field: "messages", Value: json.RawMessage(`{"id":12345678901234567890}`)}); err != nil {
		t.Fatal(err)
	}
	if got := second.wait(1)[0].body; got != `{"object":"whatsapp_business_account","entry":[{"id":"`+account1+`","changes":[{"value":{"id":12345678901234567890},"field":"messages"}]}]}` {
		t.Errorf("%s", got)
	}
	for mention, u := range map[string]WebhookUpdate{
		"no such phone number": {PhoneNumberID: "1", Field: "x", Value: json.RawMessage(`1`)},
		"no business account":  {BusinessAccountID: "1", Field: "x", Value: json.RawMessage(`1`)},
		"a field and a value":  {Field: "x"},
		"belongs to another":   {BusinessAccountID: account1, PhoneNumberID: phone2, Field: "x", Value: json.RawMessage(`1`)},
	} {
		if err := client.PostWebhook(t.Context(), u); err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("%v, want %q", err, mention)
		}
	}
	history, err := client.Webhooks(t.Context())
	if err != nil || len(history.Webhooks) != 1 || history.Webhooks[0].Field != "messages" {
		t.Errorf("%+v, %v", history, err)
	}
	if err := client.ClearWebhooks(t.Context()); err != nil || len(s.Webhooks().Webhooks) != 0 {
		t.Errorf("%v", err)
	}
}

func TestWaitReturnsAsSoonAsThereIsWhatItWaitsFor(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	client := NewControlClient(startControl(t, s), nil)
	tests := map[string]struct {
		wait    Wait
		trigger func()
	}{
		"a webhook with a text": {
			Wait{For: WaitWebhook, State: WebhookDelivered, Field: "messages", Attempts: 1, Contains: "Grüezi/"},
			func() { s.textFrom(kerry, "Grüezi/") },
		},
		"two requests": {
			Wait{For: WaitRequest, Operation: OperationPhoneNumber, Count: 2},
			func() { s.get("/v25.0/" + phone1); s.get("/v25.0/" + phone1) },
		},
		"a message to somebody": {
			Wait{For: WaitMessage, To: "+" + kerry},
			func() { s.touchPerson(phone1, kerry, s.Now()); s.mustSendText(kerry) },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			type result struct {
				found Waited
				err   error
			}
			done := make(chan result, 1)
			go func() {
				found, err := client.Wait(t.Context(), test.wait)
				done <- result{found, err}
			}()
			test.trigger()
			if got := <-done; got.err != nil || got.found.count() < max(1, test.wait.Count) {
				t.Errorf("%+v", got)
			}
			if again, err := client.Wait(t.Context(), test.wait); err != nil || again.count() == 0 {
				t.Errorf("the second time: %+v, %v", again, err)
			}
		})
	}
}

func TestWaitEndsAfterItsTimeout(t *testing.T) {
	s := startSim(t)
	control := startControl(t, s)
	a := s.mustSend(http.MethodGet, control+"/wait?for=webhook&count=2&timeout=1ms", nil)
	if a.status != http.StatusRequestTimeout || !strings.Contains(a.body, "there were 0 of 2 events after 1ms") {
		t.Errorf("%d %s", a.status, a.body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := NewControlClient(control, nil).Wait(ctx, Wait{For: WaitMessage}); err == nil {
		t.Error("the client found a message")
	}
	if _, err := s.Wait(ctx, Wait{For: WaitMessage}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Server.Wait: %v", err)
	}
	for query, mention := range map[string]string{
		"":                                   `for \"\" is none of`,
		"for=messages":                       `for \"messages\" is none of`,
		"for=webhook&to=1":                   "describe a message",
		"for=message&field=x":                "describe a webhook",
		"for=message&attempts=1":             "describe a webhook",
		"for=webhook&attempts=x":             "is not a number",
		"for=message&operation=upload":       "describes a request",
		"for=request&operation=x":            "is not known",
		"for=message&status=gone":            "is none of sent",
		"for=webhook&state=gone":             "is not that of a webhook",
		"for=message&count=x":                "is not a number",
		"for=message&count=-1":               "is negative",
		"for=message&timeout=2m":             "is not a duration",
		"for=message&timeout=5":              "is not a duration",
		"for=message&timeout=1s&wamid=wamid": "parameter wamid is unknown",
	} {
		if a := s.mustSend(http.MethodGet, control+"/wait?"+query, nil); a.status != http.StatusBadRequest || !strings.Contains(a.body, mention) {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}
