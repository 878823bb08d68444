// What becomes of the updates of a webhook: events in the database, for each account
// that has linked what they are about.

package event

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"ferry/internal/activity"
	"ferry/internal/envelope"
	"ferry/internal/state"
)

// store stores the updates of a webhook that was signed by the given apps.
func (r *Receiver) store(ctx context.Context, updates []update, by signer, entry *activity.Entry) error {
	b := &intake{Receiver: r, now: r.config.Now(), signer: by, traceParent: entry.Span.TraceParent()}
	for _, u := range updates {
		if err := b.take(ctx, u); err != nil {
			return unstored(err)
		}
	}
	if err := b.matchStatuses(ctx); err != nil {
		return unstored(err)
	}
	received, err := b.finish(ctx)
	if err != nil {
		return unstored(err)
	}
	fresh, err := r.config.State.Receive(ctx, received)
	if err != nil {
		return unstored(err)
	}
	b.record(ctx, received, entry)
	entry.Details = append(entry.Details, slog.Int("updates", len(updates)), slog.Int("events", fresh), slog.Int("duplicates", len(received)-fresh))
	if len(b.unlinked) == 0 {
		return nil
	}
	entry.Details = append(entry.Details, slog.Int("unlinked", b.refused))
	if err := r.refuseUnlinked(ctx, b.unlinked); err != nil {
		return unstored(err)
	}
	if len(b.drafts) > 0 {
		return nil
	}
	return refuse(http.StatusNotFound, "The WhatsApp Business Account or the phone number is not linked here, or not with this app. Link it with 'ferry account link', or end the app's subscription to it.")
}

// unstored returns the response for a webhook that could not be stored: Meta sends it
// again later.
func unstored(cause error) error {
	return &refusal{status: http.StatusServiceUnavailable, text: "The webhook could not be stored. Send it again.", cause: cause, retryAfter: webhookRetryAfter}
}

// An intake is a webhook that is being stored.
type intake struct {
	*Receiver
	now         time.Time
	signer      signer
	traceParent string // of the webhook
	drafts      []draft
	unlinked    map[unlinkedID]int64
	refused     int // updates that nobody has linked
}

// unlinkedID is what an update is about that nobody has linked, as in state.Unlinked.
type unlinkedID struct{ businessAccount, phoneNumber, app string }

// A draft is the event of an update for one account.
type draft struct {
	facts
	received    state.Received
	envelope    envelope.Envelope
	isPreparing bool // it needs something before it is delivered
}

// take adds the events of an update, or counts it if nobody has linked what it is about.
func (b *intake) take(ctx context.Context, u update) error {
	all, err := b.linkedTo(ctx, u)
	if err != nil {
		return err
	}
	linked := b.signer.accountsOf(all)
	f, isTaken := u.facts(), false
	for _, account := range linked {
		var number state.PhoneNumber
		if u.phone != (phoneName{}) {
			i := slices.IndexFunc(account.PhoneNumbers, u.phone.is)
			if i < 0 {
				continue // the account has linked other numbers only
			}
			number = account.PhoneNumbers[i]
		}
		isTaken = true
		b.drafts = append(b.drafts, b.draft(u, f, account, number))
	}
	if isTaken {
		return nil
	}
	id := unlinkedID{businessAccount: boundedID(u.account)}
	switch {
	case len(linked) > 0:
		id.phoneNumber = boundedID(u.phone.String())
	case len(all) > 0:
		id.app = b.signer.app()
	}
	if b.unlinked == nil {
		b.unlinked = make(map[unlinkedID]int64)
	}
	b.unlinked[id]++
	b.refused++
	return nil
}

// linkedTo returns the business accounts here that an update is about. The entry of
// some account updates has the id of a business portfolio, and the account inside
// (docs/references.md#webhooks).
func (b *intake) linkedTo(ctx context.Context, u update) ([]state.Linked, error) {
	linked, err := b.config.State.LinkedTo(ctx, u.account)
	if err != nil || len(linked) > 0 || u.field != "account_update" {
		return linked, err
	}
	if id := textAt(members(last(members(u.content), "waba_info")), "waba_id"); id != "" {
		return b.config.State.LinkedTo(ctx, id)
	}
	return nil, nil
}

// draft returns the event of an update for an account.
func (b *intake) draft(u update, f facts, account state.Linked, number state.PhoneNumber) draft {
	d := draft{facts: f, isPreparing: len(f.mediaIDs) > 0 && account.Archive.Bucket != ""}
	d.envelope = envelope.Envelope{
		BusinessAccount: envelope.BusinessAccount(b.config.Region, account.AccountID, account.ID, account.MetaID),
		Entry:           u.entry, AccountID: account.AccountID, Time: b.now,
	}
	if number.ID != "" {
		d.envelope.PhoneNumber = envelope.PhoneNumber(b.config.Region, account.AccountID, number.ID, number.MetaID)
	}
	d.received = state.Received{
		Key: f.updateKey(account.ID, number.MetaID),
		Event: state.Event{
			ID: state.NewUUID(), AccountID: account.AccountID, BusinessAccountID: account.ID, PhoneNumberID: number.ID, Kind: state.KindEvent,
			Name: f.name, Conversation: f.conversation(account.ID, number.ID, u.field), WAMID: boundedID(f.wamid), CreatedAt: b.now, TraceParent: b.traceParent,
		},
		Status: f.status, Reason: f.reason,
	}
	return d
}

// isStatus reports whether a draft is the status of a message that ferry may have sent.
func (d *draft) isStatus() bool {
	return len(d.recipients) > 0 && d.received.Event.PhoneNumberID != "" && d.received.Event.WAMID != ""
}

// matchStatuses adds to statuses the ids that SendWhatsAppMessage returned for their
// messages. A status may come before Meta's response to the message is recorded: as
// long as a message to the same recipient is being sent, or its outcome is unknown,
// the event waits (prepare.go). These messages are looked for first: one that is not
// among them any more has its wamid.
func (b *intake) matchStatuses(ctx context.Context) error {
	byNumber := make(map[string][]*draft)
	for i := range b.drafts {
		if d := &b.drafts[i]; d.isStatus() {
			byNumber[d.received.Event.PhoneNumberID] = append(byNumber[d.received.Event.PhoneNumberID], d)
		}
	}
	for number, drafts := range byNumber {
		var recipients, wamids []string
		for _, d := range drafts {
			recipients, wamids = append(recipients, d.recipients...), append(wamids, d.received.Event.WAMID)
		}
		unsettled, err := b.config.State.UnsettledRecipients(ctx, number, distinct(recipients))
		if err != nil {
			return err
		}
		messages, err := b.config.State.MessagesByWAMID(ctx, number, distinct(wamids))
		if err != nil {
			return err
		}
		for _, d := range drafts {
			id, isKnown := messages[d.received.Event.WAMID]
			d.received.Event.MessageID, d.envelope.MessageID = id, id
			if !isKnown {
				d.isPreparing = slices.ContainsFunc(d.recipients, func(recipient string) bool { return unsettled[recipient] })
			}
		}
	}
	return nil
}

func distinct(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}

// finish completes the events: their bodies, and where they go.
func (b *intake) finish(ctx context.Context) ([]state.Received, error) {
	received := make([]state.Received, len(b.drafts))
	for i, d := range b.drafts {
		d.received.Event.Body = d.envelope.Marshal()
		if d.isPreparing {
			d.received.Event.Destinations = []string{state.PrepareDestination(d.received.Event.AccountID)}
		} else if err := b.config.Route(ctx, &d.received.Event); err != nil {
			return nil, err
		}
		received[i] = d.received
	}
	return received, nil
}

// unlinkedInterval is the shortest time between two lines in the log about one
// business account or phone number that nobody has linked.
const unlinkedInterval = 10 * time.Minute

// An unlinkedLog remembers about what a line was logged, so that a busy account that
// nobody has linked does not fill the log.
type unlinkedLog struct {
	mu     sync.Mutex
	logged map[unlinkedID]time.Time // at most maxLogged
}

// maxLogged bounds what is remembered. Beyond it everything is forgotten, and logged
// once more.
const maxLogged = 1024

// isDue reports whether a line is to be logged now.
func (l *unlinkedLog) isDue(id unlinkedID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, known := l.logged[id]; known && now.Sub(at).Abs() < unlinkedInterval {
		return false
	}
	if l.logged == nil || len(l.logged) >= maxLogged {
		l.logged = make(map[unlinkedID]time.Time)
	}
	l.logged[id] = now
	return true
}

// refuseUnlinked counts the updates that nobody has linked.
func (r *Receiver) refuseUnlinked(ctx context.Context, unlinked map[unlinkedID]int64) error {
	var counts []state.Unlinked
	for id, updates := range unlinked {
		counts = append(counts, state.Unlinked{BusinessAccount: id.businessAccount, PhoneNumber: id.phoneNumber, AppID: id.app, Updates: updates})
		if r.unknown.isDue(id, r.config.Now()) {
			what := fmt.Sprintf("WhatsApp Business Account %q is not linked", id.businessAccount)
			if id.phoneNumber != "" {
				what = fmt.Sprintf("phone number %q of WhatsApp Business Account %q is not linked", id.phoneNumber, id.businessAccount)
			}
			if id.app != "" {
				what = fmt.Sprintf("WhatsApp Business Account %q is not linked with the app %s, whose secret has signed the webhook (--app-id of 'ferry account link')", id.businessAccount, id.app)
			}
			r.config.Logger.WarnContext(ctx, "Meta's webhook reports updates that are refused: "+what+". Link it with 'ferry account link', or end the app's subscription to it")
		}
	}
	return r.config.State.CountUnlinked(ctx, counts)
}
