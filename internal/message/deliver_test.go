package message_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"ferry/internal/message"
	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestEveryFormReachesMetaByteForByte(t *testing.T) {
	engine := statetest.Default()
	w := newWorld(t, engine)
	w.start()
	archive, err := txtar.ParseFile("testdata/shapes.txtar")
	w.must(err)
	for _, file := range archive.Files {
		id := w.accept(string(file.Data))
		if e := w.wait(); e.id != id || e.err != nil {
			t.Errorf("%s: %+v", file.Name, e)
		}
		sent := w.meta.sent()
		if want := "/v23.0/1001/messages " + string(file.Data); sent[len(sent)-1] != want {
			t.Errorf("%s\naccepted: %q\nsent:     %q", file.Name, want, sent[len(sent)-1])
		}
		if m := w.stored(id); m.Status != state.MessageAccepted || (m.WAMID == "") != (m.Type == message.Receipt) {
			t.Errorf("%s: %+v", file.Name, m)
		}
	}
}

func TestAcceptedMessageIsReportedWithBothIds(t *testing.T) {
	w := newWorld(t, statetest.Default())
	id := w.accept(text("4915112345678", "x"))
	before := time.Now()
	w.must(w.deliver(id, false))
	entry, envelope := w.entry()
	events := w.reported()
	e := events[0]
	const want = `{"id":"100","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"1001"},` +
		`"statuses":[{"id":"wamid.1","status":"accepted","timestamp":"%d","recipient_id":"16505551234","biz_opaque_callback_data":"order-7"}]},"field":"messages"}]}`
	if diff := cmp.Diff(fmt.Sprintf(want, e.CreatedAt.Unix()), entry); diff != "" {
		t.Error(diff)
	}
	if envelope["messageId"] != id || envelope["aws_account_id"] != accountID || e.CreatedAt.Before(before) {
		t.Errorf("%v at %s", envelope, e.CreatedAt)
	}
	context, _ := json.Marshal(envelope["context"])
	const wantContext = `{"MetaPhoneNumberIds":[{"arn":"arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/11111111111111111111111111111111","metaPhoneNumberId":"1001"}],` +
		`"MetaWabaIds":[{"arn":"arn:aws:social-messaging:us-east-1:111122223333:waba/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","wabaId":"100"}]}`
	if diff := cmp.Diff(wantContext, string(context)); diff != "" {
		t.Error(diff)
	}
	e.Body = nil
	if diff := cmp.Diff(state.Event{
		ID: e.ID, AccountID: accountID, BusinessAccountID: w.linked.ID, PhoneNumberID: w.from.ID, Kind: state.KindEvent, Name: "status.accepted",
		Conversation: w.from.ID + "/16505551234", MessageID: id, WAMID: "wamid.1", CreatedAt: e.CreatedAt, Destinations: []string{"event/x"},
	}, e); diff != "" {
		t.Error(diff)
	}
	if m := w.stored(id); m.WAMID != "wamid.1" || m.Status != state.MessageAccepted {
		t.Errorf("%+v", m)
	}
}

func TestRefusalIsReportedAsMetasWebhooksDo(t *testing.T) {
	cases := map[string]struct {
		status, code     int
		message, details string
		want             string
	}{
		"a recipient": {400, 131030, "(#131030) Recipient phone number not in allowed list", "Add it.",
			`{"code":131030,"title":"Recipient phone number not in allowed list","message":"Recipient phone number not in allowed list","error_data":{"details":"Add it."}`},
		"a token": {401, 190, "Error validating access token: Session has expired", "",
			`{"code":190,"title":"Error validating access token: Session has expired","message":"Error validating access token: Session has expired","error_data":{"details":"Error validating access token: Session has expired"}`},
		"a template, with status 404": {404, 132001, "(#132001) Template name does not exist in the translation", "template name (x) does not exist in es",
			`{"code":132001,"title":"Template name does not exist in the translation","message":"Template name does not exist in the translation","error_data":{"details":"template name (x) does not exist in es"}`},
		"a number that is not registered, with status 500": {500, 131045, "Incorrect certificate", "d", `{"code":131045,"title":"Incorrect certificate","message":"Incorrect certificate","error_data":{"details":"d"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, statetest.Default())
			w.meta.respond = refuse(c.status, c.code, c.message, c.details)
			id := w.accept(text("4915112345678", "x"))
			if err := w.deliver(id, false); !errors.Is(err, outbox.ErrNever) || !strings.Contains(err.Error(), fmt.Sprint(c.code)) {
				t.Errorf("%v", err)
			}
			entry, envelope := w.entry()
			want := `"status":"failed","timestamp":"` + fmt.Sprint(w.reported()[0].CreatedAt.Unix()) + `","recipient_id":"4915112345678","biz_opaque_callback_data":"order-7","errors":[` + c.want +
				`,"href":"https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"}]`
			if !strings.Contains(entry, `"statuses":[{"id":"`+id+`",`+want+"}]") || envelope["messageId"] != id {
				t.Errorf("%s\nwant %s", entry, want)
			}
			if m := w.stored(id); m.Status != state.MessageFailed || !strings.Contains(m.Error, fmt.Sprintf("code %d", c.code)) || m.WAMID != "" {
				t.Errorf("%+v", m)
			}
			if err := w.deliver(id, false); !errors.Is(err, outbox.ErrNever) || len(w.meta.sent()) != 1 {
				t.Errorf("delivered again: %v, %d requests", err, len(w.meta.sent()))
			}
		})
	}
}

func TestMessageThatMetaMayHaveIsNotSentAgain(t *testing.T) {
	answer := func(status int, body string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, _ string) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, respond := range map[string]func(http.ResponseWriter, string){
		"the connection breaks":           hangUp,
		"the response is no JSON":         answer(200, "<html>"),
		"the response has no message id":  answer(200, "{}"),
		"a server in front of it gave up": answer(502, "<html>Bad Gateway"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, statetest.Default())
			w.start()
			w.meta.respondOnce(respond)
			id, next := w.accept(text("4915112345678", "x")), w.accept(text("4915112345678", "y"))
			if e := w.wait(); e.id != id || !errors.Is(e.err, outbox.ErrNever) {
				t.Errorf("%+v", e)
			}
			if e := w.wait(); e.id != next || e.err != nil {
				t.Errorf("the next message of the conversation: %+v", e)
			}
			if m := w.stored(id); m.Status != state.MessageUnknown || !strings.Contains(m.Error, "may have accepted the message") {
				t.Errorf("%+v", m)
			}
			if sent := w.meta.sent(); len(sent) != 2 || !strings.Contains(sent[1], `"y"`) {
				t.Errorf("%q", sent)
			}
			first := w.reported()[0]
			if first.Name != "status.failed" || first.MessageID != id || !strings.Contains(string(first.Body), `\"code\":990001,\"title\":\"Outcome unknown\"`) {
				t.Errorf("%+v %s", first, first.Body)
			}
		})
	}
}

func TestInterruptedMessageIsNotSentAgainButAReceiptIs(t *testing.T) {
	w := newWorld(t, statetest.Default())
	id := w.accept(text("4915112345678", "x"))
	if err := w.deliver(id, true); !errors.Is(err, outbox.ErrNever) || len(w.meta.sent()) != 0 {
		t.Errorf("%v, sent %q", err, w.meta.sent())
	}
	if m := w.stored(id); m.Status != state.MessageUnknown || !strings.Contains(m.Error, "interrupted") {
		t.Errorf("%+v", m)
	}
	receipt := w.accept(`{"messaging_product":"whatsapp","status":"read","message_id":"wamid.in"}`)
	if err := w.deliver(receipt, true); err != nil || len(w.meta.sent()) != 1 {
		t.Errorf("%v, sent %q", err, w.meta.sent())
	}
	if events := w.reported(); len(events) != 1 {
		t.Errorf("%+v", events)
	}
}

func TestMessageThatMetaDoesNotHaveIsSentAgainInOrder(t *testing.T) {
	t.Parallel() // it waits most of the time
	for name, respond := range map[string]func(http.ResponseWriter, string){
		"something went wrong": refuse(500, 131000, "(#131000) Something went wrong", "d"),
		"too many messages":    refuse(400, 130429, "(#130429) Rate limit hit", "d"),
		"too many, by status":  func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusTooManyRequests) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, statetest.Default())
			w.start()
			w.meta.respondOnce(respond)
			var ids []string
			for i := range 3 {
				ids = append(ids, w.accept(text("4915112345678", fmt.Sprint("n", i))))
			}
			if e := w.wait(); e.id != ids[0] {
				t.Errorf("%+v", e)
			} else if _, isRetry := errors.AsType[*outbox.RetryError](e.err); !isRetry {
				t.Errorf("%v", e.err)
			}
			var order []string
			for len(order) < len(ids) {
				if e := w.wait(); e.err == nil {
					order = append(order, e.id)
				}
			}
			if !slices.Equal(order, ids) || len(w.meta.sent()) != len(ids)+1 {
				t.Errorf("sent %v, want %v, in %d requests", order, ids, len(w.meta.sent()))
			}
		})
	}
}

func TestMessageIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		respond func(http.ResponseWriter, string)
		want    string
	}{
		"after Meta's error":    {refuse(500, 131000, "(#131000) Something went wrong", "d"), `\"code\":131000,\"title\":\"Something went wrong\"`},
		"without one of Meta's": {func(w http.ResponseWriter, _ string) { w.WriteHeader(http.StatusTooManyRequests) }, `\"code\":990002,\"title\":\"Message not sent\"`},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			w := newWorld(t, statetest.Default(), func(c *message.Config, g *message.GovernorConfig) {
				c.Now = func() time.Time { return now }
			})
			w.meta.respond = c.respond
			id := w.accept(text("4915112345678", "x"))
			now = now.Add(message.DefaultGiveUp)
			if err := w.deliver(id, false); !errors.Is(err, outbox.ErrNever) || !strings.Contains(err.Error(), "given up 24h0m0s after it was accepted") {
				t.Errorf("%v", err)
			}
			if body := string(w.reported()[0].Body); !strings.Contains(body, c.want) || !strings.Contains(body, "given up") {
				t.Error(body)
			}
		})
	}
}

// A message that waited because an operator held its number has its time from the
// release on.
func TestHoldOfAPhoneNumberDoesNotCountAsAge(t *testing.T) {
	engine := statetest.Default()
	const held = 2 * message.DefaultGiveUp
	var late atomic.Bool
	clock := func() time.Time {
		if late.Load() {
			return time.Now().Add(held)
		}
		return time.Now()
	}
	db := engine.Open(t, state.Config{Now: clock})
	w := newWorldOn(t, db, func(c *message.Config, _ *message.GovernorConfig) { c.Now = clock })
	destination := state.SendPrefix + w.from.ID
	w.must(db.HoldDestination(t.Context(), destination, "maintenance"))
	id := w.accept(text("4915112345678", "x"))
	late.Store(true)
	w.must(db.ReleaseDestination(t.Context(), destination))
	w.meta.respondOnce(refuse(500, 131000, "(#131000) Something went wrong", "d"))
	w.start()
	if e := w.wait(); e.id != id || errors.Is(e.err, outbox.ErrNever) {
		t.Errorf("the first attempt after the release: %+v", e)
	}
	if e := w.wait(); e.id != id || e.err != nil {
		t.Errorf("the second one: %+v", e)
	}
}

func TestOutcomeThatCannotBeRecordedIsRecordedLater(t *testing.T) {
	w := newWorld(t, statetest.Default())
	w.failRoutes(1)
	id := w.accept(text("4915112345678", "x"))
	again, ok := errors.AsType[*outbox.RetryError](w.deliver(id, false))
	if !ok || !again.MayBeDone {
		t.Fatalf("%+v", again)
	}
	if m := w.stored(id); m.Status != state.MessageQueued {
		t.Errorf("%+v", m)
	}
	w.must(w.deliver(id, true)) // as the outbox does, because the first attempt may be done
	if m := w.stored(id); m.Status != state.MessageAccepted || len(w.meta.sent()) != 1 {
		t.Errorf("%+v after %d requests", m, len(w.meta.sent()))
	}
}

func TestMessageOfANumberThatIsUnlinkedIsADeadLetter(t *testing.T) {
	w := newWorld(t, statetest.Default())
	if err := w.deliver("no-such-message", false); !errors.Is(err, outbox.ErrNever) || !strings.Contains(err.Error(), "no longer linked") {
		t.Errorf("%v", err)
	}
}

func TestExpiredVersionIsReplacedInTheURL(t *testing.T) {
	w := newWorld(t, statetest.Default())
	for version, path := range map[string]string{"v19.0": "/v25.0/", "v20.0": "/v25.0/", "v22.0": "/v22.0/", "v30.0": "/v30.0/"} {
		request := w.request(text("4915112345678", version))
		request.APIVersion = version
		id, err := w.sender.Accept(t.Context(), request)
		w.must(err)
		w.must(w.deliver(id, false))
		if sent := w.meta.sent(); !strings.HasPrefix(sent[len(sent)-1], path) || !strings.Contains(sent[len(sent)-1], version) {
			t.Errorf("%s: %q", version, sent[len(sent)-1])
		}
	}
}

// Everything that is logged of a message has the id of the call that sent it.
func TestStepsOfAMessageAreJoined(t *testing.T) {
	w := newWorld(t, statetest.Default())
	id := w.accept(text("4915112345678", "canary-text"))
	w.must(w.deliver(id, false))
	var kinds []string
	for line := range strings.Lines(w.log.String()) {
		var entry map[string]any
		w.must(json.Unmarshal([]byte(line), &entry))
		if entry["request_id"] != "r-1" || entry["message_id"] != id || entry["phone_number_id"] != w.from.ID {
			t.Errorf("%s", line)
		}
		kinds = append(kinds, fmt.Sprint(entry["msg"]))
		if entry["msg"] == "send" && (entry["wamid"] != "wamid.1" || entry["level"] != "INFO") {
			t.Errorf("%s", line)
		}
	}
	if !slices.Equal(kinds, []string{"message", "graph", "send", "event"}) || strings.Contains(w.log.String(), "canary-text") {
		t.Errorf("%v\n%s", kinds, w.log)
	}
}

// Two processes share a database and send each message once.
func TestReplicasSendEachMessageOnce(t *testing.T) {
	engine := statetest.Default()
	shared := state.Config{Path: engine.Path(t), Sealer: statetest.Sealer(t)}
	first, second := newWorldOn(t, engine.Open(t, shared)), newWorldOn(t, engine.Open(t, shared))
	first.start()
	second.start()
	const messages = 60
	ids := make(map[string]bool)
	for i := range messages {
		w := first
		if i%2 == 1 {
			w = second
		}
		ids[w.accept(text(fmt.Sprintf("49151%07d", i%20), fmt.Sprint("n", i)))] = true
	}
	for range messages {
		var e ended
		select {
		case e = <-first.ended:
		case e = <-second.ended:
		case <-time.After(30 * time.Second):
			t.Fatal("not all were sent")
		}
		if e.err != nil || !ids[e.id] {
			t.Errorf("%+v", e)
		}
		delete(ids, e.id)
	}
	seen := make(map[string]int)
	for _, request := range append(first.meta.sent(), second.meta.sent()...) {
		seen[request]++
	}
	if len(ids) != 0 || len(seen) != messages {
		t.Errorf("%d were not sent; %d different ones were", len(ids), len(seen))
	}
}
