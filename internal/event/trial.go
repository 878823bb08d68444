// Test events: one attempt to deliver an event that nobody has to act upon.

package event

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json"

	"ferry/internal/activity"
	"ferry/internal/envelope"
	"ferry/internal/outbox"
	"ferry/internal/state"
)

// TestName is the name of test events, and the field in their entry.
const TestName = "ferry.test"

// testText is what a test event says.
const testText = "This is a test event of ferry. It reports nothing that happened at WhatsApp."

// Test makes one attempt to deliver a test event to a target, as Router.Targets names it,
// on behalf of a linked business account. The zero account stands for none: the target is
// then one of the configuration. It ignores filters and holds, and the outbox knows
// nothing of it. It returns the event's id; the error has a text for the operator.
func (d *Deliverer) Test(ctx context.Context, account state.BusinessAccount, target string) (id string, err error) {
	begun := d.config.Now()
	e, err := d.testEvent(account)
	if err != nil {
		return "", err
	}
	var failed *failure
	if account.ID != "" {
		failed = d.attempt(ctx, destinationKey(account.ID, target), e)
	} else {
		failed = d.testConfigured(ctx, target, e)
	}
	d.record(ctx, begun, outbox.Delivery{Destination: destinationKey(account.ID, target)}, e, activity.Span{}, failed)
	if failed != nil {
		return e.ID, failed
	}
	return e.ID, nil
}

// testConfigured sends an event to a destination of the configuration.
func (d *Deliverer) testConfigured(ctx context.Context, name string, e *state.Event) *failure {
	to, ok := d.configured[name]
	if !ok {
		return final("The configuration of this server has no destination '%s'.", name)
	}
	ctx, cancel := context.WithTimeout(ctx, to.timeout)
	defer cancel()
	err := to.sender.send(ctx, e)
	if known, ok := errors.AsType[*failure](err); ok || err == nil {
		return known
	}
	return retryLater(err, "The server failed to write the event for this destination. Its log has the cause.")
}

// testEvent returns a test event for a business account, which may be the zero one.
func (d *Deliverer) testEvent(account state.BusinessAccount) (*state.Event, error) {
	type value struct {
		Product string `json:"messaging_product"`
		Text    string `json:"text"`
	}
	type change struct {
		Value value  `json:"value"`
		Field string `json:"field"`
	}
	entry, err := json.Marshal(struct {
		ID      string   `json:"id"`
		Changes []change `json:"changes"`
	}{account.MetaID, []change{{value{"whatsapp", testText}, TestName}}})
	if err != nil {
		return nil, err
	}
	e := &state.Event{
		ID: state.NewUUID(), AccountID: account.AccountID, BusinessAccountID: account.ID, Kind: state.KindEvent, Name: TestName, CreatedAt: d.config.EntryNow(),
	}
	made := envelope.Envelope{Entry: entry, AccountID: account.AccountID, Time: e.CreatedAt}
	made.BusinessAccount = envelope.BusinessAccount(d.config.Router.config.Region, account.AccountID, account.ID, account.MetaID)
	e.Body = made.Marshal()
	return e, nil
}
