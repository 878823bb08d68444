package message_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"ferry/internal/message"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestMediaOfAnotherNumberIsRefused(t *testing.T) {
	w := newWorld(t, statetest.Default())
	for number, id := range map[int]string{0: "1001", 1: "2001"} {
		w.must(w.state.RecordMedia(t.Context(), state.Media{PhoneNumberID: w.linked.PhoneNumbers[number].ID, ID: id}))
	}
	const head = `{"messaging_product":"whatsapp","to":"+4915112345678",`
	forms := map[string]string{
		"image":                    head + `"type":"image","image":{"id":%q}}`,
		"interactive.header.video": head + `"type":"interactive","interactive":{"type":"button","header":{"type":"video","video":{"id":%q}}}}`,
		"interactive.action.cards[1].header.image":                          head + `"type":"interactive","interactive":{"type":"carousel","action":{"cards":[{},{"header":{"image":{"id":%q}}}]}}}`,
		"template.components[0].parameters[0].document":                     head + `"type":"template","template":{"components":[{"parameters":[{"type":"document","document":{"id":%q}}]}]}}`,
		"template.components[0].cards[0].components[0].parameters[0].image": head + `"type":"template","template":{"components":[{"type":"carousel","cards":[{"components":[{"parameters":[{"image":{"id":%q}}]}]}]}]}}`,
	}
	for path, form := range forms {
		t.Run(path, func(t *testing.T) {
			for _, id := range []string{"1001", "3001"} { // its own, and one that ferry does not know
				w.accept(fmt.Sprintf(form, id))
			}
			_, err := w.sender.Accept(t.Context(), w.request(fmt.Sprintf(form, "2001")))
			refusal, ok := errors.AsType[*message.Error](err)
			if !ok || !strings.HasPrefix(refusal.Message, "The media id at "+path+".id was uploaded for another phone number") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestVersionMustHaveMajorAndMinor(t *testing.T) {
	w := newWorld(t, statetest.Default())
	for _, version := range []string{"", "23.0", "v23", "latest", "v23.0/../../x"} {
		request := w.request(text("4915112345678", "x"))
		request.APIVersion = version
		if _, err := w.sender.Accept(t.Context(), request); err == nil || !strings.Contains(err.Error(), "metaApiVersion") {
			t.Errorf("%q: %v", version, err)
		}
	}
}

func TestRetryOfAnAcceptedCallGetsItsIdAlthoughTheQueueIsFull(t *testing.T) {
	w := newWorld(t, statetest.Default(), func(_ *message.Config, g *message.GovernorConfig) { g.MaxQueued = 1 })
	request := w.request(text("4915112345678", "x"))
	request.SDKCall = "call-1"
	id, err := w.sender.Accept(t.Context(), request)
	w.must(err)
	if again, err := w.sender.Accept(t.Context(), request); err != nil || again != id {
		t.Errorf("%s and then %s, %v", id, again, err)
	}
	request.SDKCall = "call-2"
	_, err = w.sender.Accept(t.Context(), request)
	if full, ok := errors.AsType[*message.QueueFullError](err); !ok || full.RetryAfter <= 0 {
		t.Errorf("%v", err)
	}
}

func TestReceiptGoesInOrderWithTheMessagesToItsUser(t *testing.T) {
	w := newWorld(t, statetest.Default())
	w.must(w.state.AddEvents(t.Context(), []state.Event{{
		ID: "e-1", AccountID: accountID, BusinessAccountID: w.linked.ID, PhoneNumberID: w.from.ID, Kind: state.KindEvent, Name: "message.text",
		Conversation: w.from.ID + "/4915112345678", WAMID: "wamid.in", Body: []byte("{}"),
	}}))
	for wamid, want := range map[string]string{"wamid.in": w.from.ID + "/4915112345678", "wamid.other": w.from.ID + "/receipt/wamid.other"} {
		id := w.accept(`{"messaging_product":"whatsapp","status":"read","message_id":"` + wamid + `","typing_indicator":{"type":"text"}}`)
		if m := w.stored(id); m.Conversation != want || m.Type != message.Receipt || m.Recipient != "" {
			t.Errorf("%+v", m)
		}
	}
}
