package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/envelope"
	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/transfer"
)

const (
	// claimTimeout is how long the status of a message that is being sent waits for
	// Meta's response to that message. The response takes a minute at most, and a
	// process that has died is noticed after some seconds.
	claimTimeout = 2 * time.Minute
	// archiveTimeout is the age of an event after which a file that cannot be stored is
	// not tried again.
	archiveTimeout = 10 * time.Minute
	// PrepareTimeout bounds one attempt to prepare an event, with the transfer of a file.
	PrepareTimeout = 5 * time.Minute
	// minPrepareWait and maxPrepareWait bound the time between two attempts, which is
	// half the age of the event.
	minPrepareWait = 200 * time.Millisecond
	maxPrepareWait = 30 * time.Second
)

// PreparerConfig configures a Preparer.
type PreparerConfig struct {
	State     *state.DB        // required
	Transfers *transfer.Engine // required
	Objects   *object.Opener   // required
	// Route sets the destinations of an event. Required.
	Route func(ctx context.Context, e *state.Event) error
	// Region is that of the ARNs in events. Default: us-east-1.
	Region   string
	Activity *activity.Recorder // default: drops the entries
	Logger   *slog.Logger       // default: discards
	Now      func() time.Time   // default time.Now
}

// Preparer completes events before they are delivered: it stores the files of inbound
// messages for accounts that have turned that on, and finds the messages that statuses
// are about which came before Meta's response to the message. Deliver is for the
// outbox. It is safe for concurrent use.
type Preparer struct{ config PreparerConfig }

// NewPreparer returns a Preparer.
func NewPreparer(config PreparerConfig) (*Preparer, error) {
	if config.State == nil || config.Transfers == nil || config.Objects == nil || config.Route == nil {
		return nil, errors.New("event: State, Transfers, Objects and Route are required")
	}
	if config.Region == "" {
		config.Region = "us-east-1"
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Preparer{config: config}, nil
}

// Deliver prepares an event and adds the deliveries to its destinations. Events of one
// conversation are prepared one after the other, so that their order is kept. An
// attempt that is repeated after a crash changes nothing any more. What fails otherwise,
// such as the database, is no failure of the destination: that is this server.
func (p *Preparer) Deliver(ctx context.Context, delivery outbox.Delivery) error {
	err := p.prepare(ctx, delivery)
	if _, isRetry := errors.AsType[*outbox.RetryError](err); err == nil || isRetry || errors.Is(err, outbox.ErrNever) {
		return err
	}
	return &outbox.RetryError{Err: err, NotOfDestination: true}
}

func (p *Preparer) prepare(ctx context.Context, delivery outbox.Delivery) error {
	e, err := p.config.State.Event(ctx, delivery.EventID)
	if errors.Is(err, state.ErrNotFound) {
		return fmt.Errorf("%w: its account is not linked any more", outbox.ErrNever)
	}
	if err != nil {
		return err
	}
	u, ok := updateOf(e.Body)
	if ok {
		if err := p.complete(ctx, &e, u); err != nil {
			return err
		}
	}
	if err := p.config.Route(ctx, &e); err != nil {
		return err
	}
	if err := p.config.State.Forward(ctx, e); err != nil {
		return err
	}
	p.config.Activity.Record(ctx, e.Entry(e.ID))
	return nil
}

// updateOf returns the update that an event was made of.
func updateOf(body []byte) (update, bool) {
	var marshalled struct {
		Entry     string          `json:"whatsAppWebhookEntry"`
		MessageID string          `json:"messageId"`
		Media     json.RawMessage `json:"ferryMedia"`
	}
	if json.Unmarshal(body, &marshalled) != nil || marshalled.MessageID != "" || marshalled.Media != nil { // it is complete
		return update{}, false
	}
	updates, err := splitWebhook([]byte(`{"entry":[` + marshalled.Entry + `]}`))
	if err != nil || len(updates) != 1 {
		return update{}, false
	}
	return updates[0], true
}

// complete adds to an event what it lacks. It returns an error if that is not there yet.
func (p *Preparer) complete(ctx context.Context, e *state.Event, u update) error {
	f := u.facts()
	var media []envelope.Media
	messageID := ""
	var err error
	switch {
	case len(f.mediaIDs) > 0:
		media, err = p.archive(ctx, *e, f.mediaIDs)
	case len(f.recipients) > 0 && e.WAMID != "" && e.PhoneNumberID != "":
		messageID, err = p.claim(ctx, *e, f)
	}
	if err != nil {
		return err
	}
	e.MessageID, e.Body = messageID, envelope.Complete(e.Body, messageID, media)
	return nil
}

// later returns the error after which an attempt is repeated. It does not count as one
// that failed.
func (p *Preparer) later(e state.Event, cause error) error {
	wait := min(max(p.age(e)/2, minPrepareWait), maxPrepareWait)
	return &outbox.RetryError{Err: cause, After: wait, NotAttempted: true}
}

func (p *Preparer) age(e state.Event) time.Duration { return p.config.Now().Sub(e.CreatedAt) }

// claim returns the id of the message that a status is about; empty means that ferry
// has not sent it.
func (p *Preparer) claim(ctx context.Context, e state.Event, f facts) (messageID string, err error) {
	accepted, err := p.acceptedEvent(ctx, e, f)
	if errors.Is(err, state.ErrNotFound) {
		return "", nil // the phone number is not linked any more, nor are its messages there
	}
	if err != nil {
		return "", err
	}
	at := f.at
	if at.IsZero() {
		at = e.CreatedAt
	}
	messageID, err = p.config.State.Claim(ctx, state.ReportedStatus{
		PhoneNumberID: e.PhoneNumberID, WAMID: e.WAMID, Recipients: f.recipients, CallbackData: f.callbackData, Time: at,
	}, state.Received{Event: e, Status: f.status, Reason: f.reason}, accepted)
	switch {
	case errors.Is(err, state.ErrUnsettled) && p.age(e) < claimTimeout:
		return "", p.later(e, err)
	case errors.Is(err, state.ErrUnsettled):
		return "", nil
	}
	return messageID, err
}

// acceptedEvent returns a function that makes the event that links a message, whose
// outcome was unknown until the status f came, with Meta's id of it.
func (p *Preparer) acceptedEvent(ctx context.Context, e state.Event, f facts) (func(messageID string) state.Event, error) {
	number, err := p.config.State.Sender(ctx, e.AccountID, e.PhoneNumberID)
	if err != nil {
		return nil, err
	}
	account, err := p.config.State.BusinessAccount(ctx, e.AccountID, e.BusinessAccountID)
	if err != nil {
		return nil, err
	}
	made := state.Event{
		ID: state.NewUUID(), AccountID: e.AccountID, BusinessAccountID: e.BusinessAccountID, PhoneNumberID: e.PhoneNumberID, Kind: state.KindEvent,
		Name: statusAccepted, Conversation: e.Conversation, WAMID: e.WAMID, CreatedAt: p.config.Now(), TraceParent: e.TraceParent,
	}
	if err := p.config.Route(ctx, &made); err != nil {
		return nil, err
	}
	return func(messageID string) state.Event {
		made.MessageID = messageID
		made.Body = envelope.Envelope{
			BusinessAccount: envelope.BusinessAccount(p.config.Region, e.AccountID, account.ID, account.MetaID),
			PhoneNumber:     envelope.PhoneNumber(p.config.Region, e.AccountID, number.ID, number.MetaID),
			Entry: envelope.StatusEntry(account.MetaID, number.MetaID, number.DisplayNumber, envelope.Status{
				ID: f.wamid, Status: envelope.Accepted, Time: made.CreatedAt, RecipientID: f.recipientID, RecipientUserID: f.recipientUserID,
				RecipientType: f.recipientType, CallbackData: f.callbackData,
			}),
			AccountID: e.AccountID, Time: made.CreatedAt, MessageID: messageID,
		}.Marshal()
		return made
	}, nil
}

// archive stores the files of an inbound message in the account's bucket. It returns an
// error if that is to be tried again; a file that cannot be stored is in the result,
// with the reason.
func (p *Preparer) archive(ctx context.Context, e state.Event, mediaIDs []string) ([]envelope.Media, error) {
	to, err := p.config.State.ArchiveOf(ctx, e.AccountID)
	if err != nil || to.Bucket == "" { // turned off meanwhile
		return nil, err
	}
	sender, err := p.config.State.Sender(ctx, e.AccountID, e.PhoneNumberID)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return nil, err
	}
	var list []envelope.Media
	for _, id := range mediaIDs {
		stored := envelope.Media{ID: id}
		switch problem := checkMediaID(id); {
		case err != nil:
			stored.Error = "The phone number is not linked any more."
		case problem != "":
			stored.Error = problem
		default:
			if stored, err = p.store(ctx, e, sender, to, id); err != nil {
				return nil, err
			}
		}
		list = append(list, stored)
	}
	return list, nil
}

// maxMediaID bounds a media id, which is part of a key, in characters.
const maxMediaID = 128

// checkMediaID returns what is wrong with a media id, which becomes part of a key and
// of a URL. Meta's consist of digits.
func checkMediaID(id string) string {
	isOther := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' && r != '-'
	}
	if len(id) > maxMediaID || strings.ContainsFunc(id, isOther) {
		return "The media id is not one of WhatsApp's."
	}
	return ""
}

// store stores one file under the key that GetWhatsAppMessageMedia would give it: the
// prefix, the media id, a dot and the MIME subtype.
func (p *Preparer) store(ctx context.Context, e state.Event, sender state.Sender, to state.Archive, id string) (envelope.Media, error) {
	begun := time.Now()
	span := p.config.Activity.Begin(activity.ParseTraceParent(e.TraceParent))
	entry := activity.Entry{Kind: activity.Archive, Time: p.config.Now(), Span: span, Trace: e.ID, EventID: e.ID, WAMID: e.WAMID, Operation: "archive", Account: e.AccountID}
	key := ""
	media, report, err := p.config.Transfers.Fetch(ctx, transfer.Job{
		Trace: e.ID, Span: span, AccountID: e.AccountID, Sender: sender, MediaID: id,
		Destination: func(mimeType string) (object.Sink, error) {
			_, subtype, _ := strings.Cut(mimeType, "/")
			key = to.Prefix + id + "." + subtype
			return p.config.Objects.FileSink(to.Bucket, key)
		},
	})
	report.Describe(&entry)
	entry.Took, entry.Bytes, entry.Outcome = time.Since(begun), media.Size, activity.OK
	if err == nil {
		p.config.Activity.Record(ctx, entry)
		return envelope.Media{ID: id, URI: "s3://" + to.Bucket + "/" + key, MIMEType: media.MIMEType, Size: media.Size}, nil
	}
	text, isFinal := explainArchive(err)
	entry.Outcome, entry.Text, entry.Cause = activity.Failed, text, err.Error()
	p.config.Activity.Record(ctx, entry)
	if ctx.Err() == nil && (isFinal || p.age(e) >= archiveTimeout) {
		p.config.Logger.WarnContext(ctx, "the file of an inbound message is not stored; its event goes without", "event_id", e.ID, "account", e.AccountID, "media_id", id, "message", text, "cause", err)
		return envelope.Media{ID: id, Error: text}, nil
	}
	return envelope.Media{}, p.later(e, err)
}

// explainArchive returns why a file could not be stored, for whoever receives the event,
// and whether another attempt would fail in the same way.
func explainArchive(err error) (text string, isFinal bool) {
	if own, ok := errors.AsType[*transfer.Error](err); ok {
		return own.Message, own.Kind == transfer.Unsuitable || own.Kind == transfer.NotFound
	}
	if store, ok := errors.AsType[*object.Error](err); ok {
		return store.Error(), store.Kind != object.Unavailable && store.Kind != object.Changed
	}
	if refusal, ok := errors.AsType[*graph.Error](err); ok {
		isFinal := refusal.Code == 100 || refusal.Code == 10 || refusal.Code == 190 || 200 <= refusal.Code && refusal.Code <= 299
		return "WhatsApp (Meta) rejected the request: " + refusal.Summary() + ".", isFinal
	}
	if _, ok := errors.AsType[*graph.UnreachableError](err); ok {
		return "WhatsApp (Meta's Graph API) did not respond properly.", false
	}
	return "The server failed. Its log has the cause under the id of this event.", false
}
