package social_test

import (
	"errors"
	"strings"
	"testing"

	"ferry/internal/admin"
	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

func (w *world) disassociate(key state.AccessKey, id string) error {
	w.t.Helper()
	_, err := w.client(key).DisassociateWhatsAppBusinessAccount(w.t.Context(), &socialmessaging.DisassociateWhatsAppBusinessAccountInput{Id: &id})
	return err
}

func TestUnlinkedAccountIsGoneAndCanBeLinkedAgain(t *testing.T) {
	w := newWorld(t)
	arn := wabaARN + strings.TrimPrefix(w.waba, "waba-")
	if err := w.disassociate(w.newKey(stranger, admin.FullAccessPolicy), w.waba); !isNotFound(err) {
		t.Errorf("a stranger's call: %v", err)
	}
	if err := w.disassociate(w.newKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:Get*","Resource":"*"}]}`), w.waba); err == nil {
		t.Error("a key without the right has unlinked the account")
	}
	sent, err := w.client(w.key).SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &w.phone, MetaApiVersion: new("v23.0"),
		Message: []byte(`{"messaging_product":"whatsapp","to":"+4915112345678","type":"text","text":{"body":"Hi"}}`),
	})
	w.must(err)
	w.must(w.tag(w.key, arn, "a", "b"))
	for _, id := range []string{w.waba, w.waba, arn} { // again, by id and ARN
		w.must(w.disassociate(w.key, id))
	}
	list, err := w.client(w.key).ListLinkedWhatsAppBusinessAccounts(t.Context(), nil)
	if err != nil || len(list.LinkedAccounts) > 0 {
		t.Errorf("the list is %+v, %v", list, err)
	}
	if err := w.tag(w.key, arn, "a", "b"); err == nil {
		t.Error("what is unlinked has been tagged")
	}
	// The message that waited is a dead letter, and Meta never had it.
	err = w.messages.Deliver(t.Context(), outbox.Delivery{EventID: *sent.MessageId})
	if !errors.Is(err, outbox.ErrNever) || !strings.Contains(err.Error(), "no longer linked") {
		t.Errorf("the message that waited: %v", err)
	}
	for _, exchange := range w.simulator.Requests() {
		if strings.HasSuffix(exchange.Path, "/messages") || exchange.Method == "DELETE" {
			t.Errorf("Meta had %s %s", exchange.Method, exchange.Path)
		}
	}
	if err := w.disassociate(w.key, "waba-0123456789abcdef0123456789abcdef"); !isNotFound(err) {
		t.Errorf("an account that was never linked: %v", err)
	}
	again, err := admin.LinkAccount(t.Context(), w.graph, w.state, admin.Link{AccountID: account, MetaID: "100", Token: secret.New(metaToken)})
	if err != nil || len(again.PhoneNumbers) != 1 {
		t.Errorf("linked again: %+v, %v", again, err)
	}
}

func isNotFound(err error) bool {
	_, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err)
	return ok
}
