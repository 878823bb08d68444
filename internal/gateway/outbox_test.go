package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"ferry/internal/graph"
	"ferry/internal/message"
	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// An outcome that the database refused is recorded before the loop of the outbox ends.
func TestDrainRecordsOutcomesThatAreLate(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	db := statetest.Open(t)
	linked, err := db.Link(t.Context(), state.BusinessAccount{AccountID: "111122223333", MetaID: "100", Token: secret.New("EAA-token"),
		PhoneNumbers: []state.PhoneNumber{{MetaID: "1001", DisplayNumber: "+1 555-078-3881"}}})
	must(err)
	from, err := db.Sender(t.Context(), "111122223333", linked.PhoneNumbers[0].ID)
	must(err)
	meta := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"messages":[{"id":"wamid.1"}]}`)
	}))
	defer meta.Close()
	client, err := graph.New(graph.Config{BaseURL: meta.URL})
	must(err)
	defer client.Close()
	governor, err := message.NewGovernor(message.GovernorConfig{State: db})
	must(err)
	refused := errors.New("the database is locked")
	sender, err := message.New(message.Config{State: db, Graph: client, Governor: governor, Begin: func(context.Context, outbox.Delivery) error { return nil },
		Route: func(context.Context, *state.Event) error { return refused }})
	must(err)
	id, err := sender.Accept(t.Context(), message.Request{AccountID: "111122223333", AccessKeyID: "AKIA1", RequestID: "r-1", Sender: from, APIVersion: "v23.0",
		Body: []byte(`{"messaging_product":"whatsapp","to":"+4915112345678","text":{"body":"x"}}`)})
	must(err)
	if _, isLate := errors.AsType[*outbox.RetryError](sender.Deliver(t.Context(), outbox.Delivery{EventID: id, Destination: state.SendPrefix + from.ID})); !isLate {
		t.Fatal("the outcome was recorded at once")
	}
	refused = nil

	g := &Gateway{config: Config{State: db}, base: t.Context(), messages: sender}
	g.deliveries, err = outbox.New(outbox.Config{Store: db, Deliver: g.deliver})
	must(err)
	draining, drain := context.WithCancel(t.Context())
	drain()
	must(g.runOutbox(draining))
	if m, err := db.Message(t.Context(), id); err != nil || m.Status != state.MessageAccepted || m.WAMID != "wamid.1" {
		t.Errorf("%+v, %v", m, err)
	}
}
