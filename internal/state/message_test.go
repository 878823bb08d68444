package state_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// textTo returns a text message from the first number of an account to a user.
func textTo(linked state.BusinessAccount, recipient, sdkCall string) state.Message {
	number := linked.PhoneNumbers[0].ID
	return state.Message{
		AccountID: linked.AccountID, BusinessAccountID: linked.ID, PhoneNumberID: number, Type: "text", Recipient: recipient,
		Conversation: number + "/" + recipient, APIVersion: "v23.0", AccessKeyID: "AKIA1", RequestID: "r-1", SDKCall: sdkCall,
		Body: []byte(`{"text":{"body":"Grüße"}}`), CreatedAt: now,
	}
}

func link(t *testing.T, s *state.DB, numbers ...string) state.BusinessAccount {
	t.Helper()
	linked, err := s.Link(t.Context(), businessAccount("111122223333", "100", numbers...))
	if err != nil {
		t.Fatal(err)
	}
	return linked
}

func add(t *testing.T, s *state.DB, m state.Message) string {
	t.Helper()
	id, isNew, err := s.AddMessage(t.Context(), m)
	if err != nil || !isNew {
		t.Fatalf("AddMessage = %v, %v", isNew, err)
	}
	return id
}

// statusEvent returns the event of a status of Meta's.
func statusEvent(linked state.BusinessAccount, id, status, wamid string) state.Event {
	number := linked.PhoneNumbers[0].ID
	return state.Event{
		ID: id, AccountID: linked.AccountID, BusinessAccountID: linked.ID, PhoneNumberID: number, Kind: state.KindEvent,
		Name: "status." + status, Conversation: number + "/4915", WAMID: wamid, Body: []byte("{}"), CreatedAt: now, Destinations: []string{"event/x"},
	}
}

func TestAddedMessageIsQueuedAndDeliveredToItsNumber(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		var announced []string
		s.OnDeliveries(func(destinations []string) { announced = append(announced, destinations...) })
		want := textTo(linked, "4915112345678", "call-1")
		want.ID = add(t, s, want)
		got, err := s.Message(t.Context(), want.ID)
		want.Status, want.UpdatedAt = state.MessageQueued, now
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		destination := state.SendPrefix + linked.PhoneNumbers[0].ID
		waiting, err := s.Deliveries(t.Context(), destination)
		if err != nil || !slices.Equal(waiting, []string{want.ID}) || !slices.Equal(announced, []string{destination}) {
			t.Errorf("waiting %v, announced %v, %v", waiting, announced, err)
		}
	})
}

func TestAttemptsOfOneSDKCallAreOneMessage(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		const attempts, calls = 20, 5
		ids, news := make([]string, attempts*calls), make([]bool, attempts*calls)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() {
				var err error
				if ids[i], news[i], err = s.AddMessage(t.Context(), textTo(linked, "4915", fmt.Sprintf("call-%d", i%calls))); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		waiting, err := s.Deliveries(t.Context(), state.SendPrefix+linked.PhoneNumbers[0].ID)
		if err != nil || len(waiting) != calls {
			t.Errorf("%d deliveries, %v", len(waiting), err)
		}
		added := 0
		for i, id := range ids {
			if known, err := s.MessageOfCall(t.Context(), fmt.Sprintf("call-%d", i%calls)); err != nil || known != id {
				t.Errorf("attempt %d got %s, the call has %s, %v", i, id, known, err)
			}
			if news[i] {
				added++
			}
		}
		if added != calls {
			t.Errorf("%d were new", added)
		}
		if _, err := s.MessageOfCall(t.Context(), "call-x"); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("a call without a message: %v", err)
		}
	})
}

func TestCallsThatAreNotMarkedAreMessagesOfTheirOwn(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		if first, second := add(t, s, textTo(linked, "4915", "")), add(t, s, textTo(linked, "4915", "")); first == second {
			t.Error("both got the same id")
		}
	})
}

func TestMessageThatMetaAcceptedHasItsWAMIDAndItsEvent(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		number := linked.PhoneNumbers[0].ID
		id := add(t, s, textTo(linked, "4915", ""))
		event := statusEvent(linked, "e-1", "accepted", "wamid.1")
		event.MessageID = id
		if err := s.MessageSent(t.Context(), id, "wamid.1", event); err != nil {
			t.Fatal(err)
		}
		m, err := s.MessageByWAMID(t.Context(), number, "wamid.1")
		if err != nil || m.ID != id || m.Status != state.MessageAccepted || m.Body != nil {
			t.Errorf("%+v, %v", m, err)
		}
		for _, other := range [][2]string{{number, "wamid.2"}, {"x", "wamid.1"}, {number, ""}} {
			if _, err := s.MessageByWAMID(t.Context(), other[0], other[1]); !errors.Is(err, state.ErrNotFound) {
				t.Errorf("%v: %v", other, err)
			}
		}
		if events, err := s.Deliveries(t.Context(), "event/x"); err != nil || !slices.Equal(events, []string{"e-1"}) {
			t.Errorf("%v, %v", events, err)
		}
	})
}

func TestStatusThatCameBeforeTheWAMIDCounts(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		id := add(t, s, textTo(linked, "4915", ""))
		early := []state.Event{statusEvent(linked, "e-1", "delivered", "wamid.1"), statusEvent(linked, "e-2", "sent", "wamid.1")}
		if err := s.AddEvents(t.Context(), early); err != nil {
			t.Fatal(err)
		}
		if err := s.MessageSent(t.Context(), id, "wamid.1"); err != nil {
			t.Fatal(err)
		}
		if m, err := s.Message(t.Context(), id); err != nil || m.Status != state.MessageDelivered {
			t.Errorf("%+v, %v", m, err)
		}
	})
}

func TestMessageThatFailedKeepsItsReason(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		for _, status := range []state.MessageStatus{state.MessageFailed, state.MessageUnknown} {
			id := add(t, s, textTo(linked, "4915", ""))
			if err := s.MessageFailed(t.Context(), id, status, "no such user"); err != nil {
				t.Fatal(err)
			}
			if m, err := s.Message(t.Context(), id); err != nil || m.Status != status || m.Error != "no such user" {
				t.Errorf("%+v, %v", m, err)
			}
		}
	})
}

func TestOutcomesThatEndTogetherAreAllRecorded(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		var ids []string
		for range 30 {
			ids = append(ids, add(t, s, textTo(linked, "4915", "")))
		}
		var group sync.WaitGroup
		for i, id := range ids {
			group.Go(func() {
				wamid := fmt.Sprint("wamid.", i)
				if err := s.MessageSent(t.Context(), id, wamid, statusEvent(linked, fmt.Sprint("e-", i), "accepted", wamid)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for i, id := range ids {
			if m, err := s.Message(t.Context(), id); err != nil || m.WAMID != fmt.Sprint("wamid.", i) {
				t.Errorf("%+v, %v", m, err)
			}
		}
		if events, err := s.Deliveries(t.Context(), "event/x"); err != nil || len(events) != len(ids) {
			t.Errorf("%d events, %v", len(events), err)
		}
	})
}

func TestMessagesOfAnUnlinkedNumberAreNotFound(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		if _, err := s.Message(t.Context(), "x"); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("%v", err)
		}
		linked := link(t, s, "1")
		m := textTo(linked, "4915", "")
		m.PhoneNumberID = "x"
		if _, _, err := s.AddMessage(t.Context(), m); err == nil {
			t.Error("a message was added for a number that is not linked")
		}
	})
}

func TestConversationOfAnInboundMessage(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1")
		inbound := statusEvent(linked, "e-1", "sent", "wamid.in")
		inbound.Name = "message.text"
		if err := s.AddEvents(t.Context(), []state.Event{inbound, statusEvent(linked, "e-2", "sent", "wamid.out")}); err != nil {
			t.Fatal(err)
		}
		number := linked.PhoneNumbers[0].ID
		if conversation, known, err := s.ConversationOf(t.Context(), number, "wamid.in"); err != nil || !known || conversation != inbound.Conversation {
			t.Errorf("%q, %v, %v", conversation, known, err)
		}
		for _, other := range [][2]string{{number, "wamid.out"}, {"x", "wamid.in"}, {number, ""}} {
			if _, known, err := s.ConversationOf(t.Context(), other[0], other[1]); err != nil || known {
				t.Errorf("%v: %v, %v", other, known, err)
			}
		}
	})
}

func TestForeignMediaAreThoseThatOnlyAnotherNumberHasUploaded(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked := link(t, s, "1", "2")
		mine, other := linked.PhoneNumbers[0].ID, linked.PhoneNumbers[1].ID
		same, err := s.Link(t.Context(), businessAccount("444455556666", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []state.Media{
			{PhoneNumberID: mine, ID: "10"}, {PhoneNumberID: other, ID: "20"}, {PhoneNumberID: same.PhoneNumbers[0].ID, ID: "30"},
			{PhoneNumberID: mine, ID: "40"}, {PhoneNumberID: other, ID: "40"},
		} {
			if err := s.RecordMedia(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		foreign, err := s.ForeignMedia(t.Context(), mine, []string{"10", "20", "30", "40", "50"})
		if err != nil || !slices.Equal(foreign, []string{"20"}) {
			t.Errorf("%v, %v", foreign, err)
		}
		if foreign, err := s.ForeignMedia(t.Context(), mine, nil); err != nil || foreign != nil {
			t.Errorf("of none: %v, %v", foreign, err)
		}
	})
}

func TestStatusResolvesTheOnlyMessageThatItCanBeAbout(t *testing.T) {
	reported := func(linked state.BusinessAccount) state.ReportedStatus {
		return state.ReportedStatus{PhoneNumberID: linked.PhoneNumbers[0].ID, WAMID: "wamid.1", Recipients: []string{"4915", "DE.1"}, Time: now.Add(time.Second)}
	}
	unknown := func(t *testing.T, s *state.DB, m state.Message) string {
		id := add(t, s, m)
		if err := s.MessageFailed(t.Context(), id, state.MessageUnknown, "no response"); err != nil {
			t.Fatal(err)
		}
		return id
	}
	withData := func(m state.Message) state.Message {
		m.Body = []byte(`{"biz_opaque_callback_data":"order-7"}`)
		return m
	}
	cases := map[string]struct {
		prepare  func(t *testing.T, s *state.DB, linked state.BusinessAccount) (want string)
		adjust   func(*state.ReportedStatus)
		resolves bool
	}{
		"by number": {func(t *testing.T, s *state.DB, linked state.BusinessAccount) string {
			unknown(t, s, textTo(linked, "4916", ""))
			return unknown(t, s, textTo(linked, "4915", ""))
		}, nil, true},
		"by business-scoped user id": {func(t *testing.T, s *state.DB, linked state.BusinessAccount) string {
			return unknown(t, s, textTo(linked, "DE.1", ""))
		}, nil, true},
		"by callback data": {func(t *testing.T, s *state.DB, linked state.BusinessAccount) string {
			unknown(t, s, textTo(linked, "4915", ""))
			return unknown(t, s, withData(textTo(linked, "4915", "")))
		}, func(r *state.ReportedStatus) { r.CallbackData = "order-7" }, true},
		"not one of two": {func(t *testing.T, s *state.DB, linked state.BusinessAccount) string {
			unknown(t, s, textTo(linked, "4915", ""))
			return unknown(t, s, textTo(linked, "4915", ""))
		}, nil, false},
		"not with other callback data": {func(t *testing.T, s *state.DB, linked state.BusinessAccount) string {
			return unknown(t, s, withData(textTo(linked, "4915", "")))
		}, func(r *state.ReportedStatus) { r.CallbackData = "order-8" }, false},
		"while another message to the user is queued": {func(t *testing.T, s *state.DB, linked state.BusinessAccount) string {
			id := unknown(t, s, textTo(linked, "4915", ""))
			add(t, s, textTo(linked, "4915", ""))
			return id
		}, nil, true},
		"not long after the attempt": {func(t *testing.T, s *state.DB, linked state.BusinessAccount) string {
			return unknown(t, s, textTo(linked, "4915", ""))
		}, func(r *state.ReportedStatus) { r.Time = now.Add(time.Hour) }, false},
		"not before the message": {func(t *testing.T, s *state.DB, linked state.BusinessAccount) string {
			return unknown(t, s, textTo(linked, "4915", ""))
		}, func(r *state.ReportedStatus) { r.Time = now.Add(-time.Hour) }, false},
		"not of a status without a user": {func(t *testing.T, s *state.DB, linked state.BusinessAccount) string {
			return unknown(t, s, textTo(linked, "", ""))
		}, func(r *state.ReportedStatus) { r.Recipients = nil }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, s *state.DB) {
				linked := link(t, s, "1")
				want := c.prepare(t, s, linked)
				status := reported(linked)
				if c.adjust != nil {
					c.adjust(&status)
				}
				got, err := s.ResolveUnknown(t.Context(), status)
				if err != nil || got != "" != c.resolves || c.resolves && got != want {
					t.Fatalf("resolved %q, want %q (%v), %v", got, want, c.resolves, err)
				}
				m, err := s.Message(t.Context(), want)
				if err != nil || m.WAMID == "wamid.1" != c.resolves || m.Status == state.MessageAccepted != c.resolves {
					t.Errorf("%+v, %v", m, err)
				}
			})
		})
	}
}

// Two replicas may accept two attempts of one SDK call at the same time.
func TestAttemptsOfOneSDKCallAreOneMessageOnAllReplicas(t *testing.T) {
	path, sealer := statetest.Postgres.Path(t), statetest.Sealer(t)
	replicas := []*state.DB{open(t, path, sealer), open(t, path, sealer)}
	linked := link(t, replicas[0], "1")
	const calls = 30
	for call := range calls {
		ids := make([]string, len(replicas))
		var group sync.WaitGroup
		for i, s := range replicas {
			group.Go(func() {
				var err error
				if ids[i], _, err = s.AddMessage(t.Context(), textTo(linked, "4915", fmt.Sprintf("call-%d", call))); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if ids[0] != ids[1] {
			t.Errorf("call %d is two messages: %v", call, ids)
		}
	}
	waiting, err := replicas[0].Deliveries(t.Context(), state.SendPrefix+linked.PhoneNumbers[0].ID)
	if err != nil || len(waiting) != calls {
		t.Errorf("%d deliveries, %v", len(waiting), err)
	}
}
