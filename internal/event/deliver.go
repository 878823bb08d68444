package event

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"ferry/internal/activity"
	"ferry/internal/guard"
	"ferry/internal/outbox"
	"ferry/internal/state"
)

// DelivererConfig configures a Deliverer.
type DelivererConfig struct {
	State  *state.DB // required
	Router *Router   // required; its destinations are those that events are delivered to
	// Topics says how SNS topics that callers choose are reached. The topic says in
	// which region, and the caller which role. Default: AWS, with the SDK's credential
	// chain.
	Topics AWS
	// Guard dials all destinations. Default: a guard without own addresses.
	Guard *guard.Guard
	// RootCAs verify the certificates of destinations. Default: the system's.
	RootCAs *x509.CertPool
	// Stdout writes a line to standard output. Default: it fails.
	Stdout func(line []byte) error
	// UserAgent is sent to webhooks. Default: ferry.
	UserAgent string
	// Activity receives an entry for each attempt. Default: it is dropped.
	Activity *activity.Recorder
	// Logger receives what an operator must know. Default: it is discarded.
	Logger *slog.Logger
	// Now returns the current time, of signatures and durations. Default: time.Now.
	Now func() time.Time
	// EntryNow returns the current time of entries. Default: Now.
	EntryNow func() time.Time
}

// Deliverer makes the deliveries of events: Deliver is for the outbox. It is safe for
// concurrent use.
type Deliverer struct {
	config     DelivererConfig
	configured map[string]target             // by name
	topics     *lru.Cache[topicKey, *topics] // clients for topics that callers have chosen
	topicHTTP  *awsHTTP                      // of all of these clients
}

// A target is where events can be sent.
type target struct {
	sender  sender
	slots   int
	timeout time.Duration // of one attempt
}

// A sender makes one attempt to deliver an event. Its errors are failures.
type sender interface {
	send(ctx context.Context, e *state.Event) error
	close()
}

// errStdout is returned by the default of DelivererConfig.Stdout.
var errStdout = errors.New("there is no standard output")

// NewDeliverer returns a Deliverer. ctx is for reading the AWS SDK's configuration.
func NewDeliverer(ctx context.Context, config DelivererConfig) (*Deliverer, error) {
	if config.State == nil || config.Router == nil {
		return nil, errors.New("event: State and Router are required")
	}
	if err := config.Topics.Check(); err != nil {
		return nil, fmt.Errorf("SNS: %w", err)
	}
	if config.Guard == nil {
		config.Guard = guard.New(guard.Config{})
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Stdout == nil {
		config.Stdout = func([]byte) error { return errStdout }
	}
	if config.UserAgent == "" {
		config.UserAgent = "ferry"
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.EntryNow == nil {
		config.EntryNow = config.Now
	}
	d := &Deliverer{config: config, configured: make(map[string]target)}
	var err error
	if d.topics, err = lru.New[topicKey, *topics](maxTopicClients); err != nil {
		return nil, err
	}
	d.topicHTTP = d.awsHTTP(maxTopicConnections)
	for _, configured := range config.Router.config.Destinations {
		to, err := d.open(ctx, configured)
		if err != nil {
			d.Close()
			return nil, fmt.Errorf("destination %q: %w", configured.Name, err)
		}
		d.configured[configured.Name] = target{to, configured.Slots, configured.Timeout}
	}
	return d, nil
}

// Router returns what decides where events go.
func (d *Deliverer) Router() *Router { return d.config.Router }

// open returns the sender of a destination of the configuration.
func (d *Deliverer) open(ctx context.Context, to Destination) (sender, error) {
	switch to.Type {
	case SNS:
		return d.openTopic(ctx, to)
	case SQS:
		return d.openQueue(ctx, to)
	case EventBridge:
		return d.openBus(ctx, to)
	case HTTPS:
		return d.openWebhook(to)
	case File:
		return newLines(&logFile{path: to.Path}), nil
	default:
		return newLines(stdout{d.config.Stdout}), nil
	}
}

// Close closes connections and files. It must not be called while Deliver runs.
func (d *Deliverer) Close() {
	for _, to := range d.configured {
		to.sender.close()
	}
	d.topicHTTP.close()
}

// Slots returns how many deliveries to a destination may be in progress at the same
// time, within those of its Group.
func (d *Deliverer) Slots(destination string) int {
	if _, name, ok := splitKey(destination); ok {
		if to, isConfigured := d.configured[name]; isConfigured {
			return to.slots
		}
	}
	return defaultSlots
}

// Group returns what a destination has in common with those of other business accounts: the
// destination of the configuration to which it leads, or SNS; and how many deliveries to
// all of these together may be in progress at the same time.
func (d *Deliverer) Group(destination string) (name string, slots int) {
	_, target, ok := splitKey(destination)
	if !ok {
		return "", 0
	}
	if to, isConfigured := d.configured[target]; isConfigured {
		return prefix + target, to.slots
	}
	if _, err := ParseTopic(target); err == nil {
		return prefix + "topics", maxTopicConnections
	}
	return "", 0
}

// Deliver makes one attempt to deliver an event. Its error says for the outbox when to
// make the next one, or that there is none, and has a text for the user.
func (d *Deliverer) Deliver(ctx context.Context, delivery outbox.Delivery) error {
	begun := d.config.Now()
	e, err := d.config.State.Event(ctx, delivery.EventID)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return final("The event does not exist any more.").outcome()
	case err != nil:
		return &outbox.RetryError{Err: err, NotAttempted: true}
	}
	span := d.config.Activity.Begin(activity.ParseTraceParent(e.TraceParent))
	e.TraceParent = span.TraceParent() // for the receiver
	failed := d.attempt(ctx, delivery.Destination, &e)
	d.record(ctx, begun, delivery, &e, span, failed)
	if failed == nil {
		return nil
	}
	if failed.isGone {
		if err := d.config.State.HoldDestination(ctx, delivery.Destination, failed.text); err != nil {
			return err
		}
		d.config.Logger.Warn("a destination is held, because it asks for no more events; release it when it is to receive them again",
			"destination", delivery.Destination, "reason", failed.text)
	}
	return failed.outcome()
}

// attempt sends an event to its destination. A panic is a failure of this event, so
// that it holds up no other.
func (d *Deliverer) attempt(ctx context.Context, destination string, e *state.Event) (failed *failure) {
	defer func() {
		if panicked := recover(); panicked != nil {
			failed = final("The server failed to write the event for this destination. Its log has the cause.")
			failed.cause = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
			d.config.Logger.Error("delivering an event failed", "event_id", e.ID, "destination", destination, "cause", failed.cause)
		}
	}()
	to, err := d.find(ctx, destination, e)
	if err == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, to.timeout)
		defer cancel()
		err = to.sender.send(ctx, e)
	}
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*failure](err); ok {
		return known
	}
	failed = retryLater(err, "The server could not look up the destination. Its log has the cause.")
	failed.notOfDestination = true
	return failed
}

// find returns the target of a destination in the outbox.
func (d *Deliverer) find(ctx context.Context, destination string, e *state.Event) (target, error) {
	businessAccountID, name, ok := splitKey(destination)
	if !ok {
		return target{}, final("'%s' is not a destination of events.", destination)
	}
	// Not from the cache: another process may just have changed what is chosen, and
	// the event is a dead letter if its destination is not.
	chosen, err := d.config.State.ReadEventDestinations(ctx, businessAccountID)
	if err != nil {
		return target{}, err
	}
	if topic, err := ParseTopic(name); err == nil {
		at := slices.IndexFunc(chosen, func(c state.EventDestination) bool { return c.ARN == name })
		if at < 0 {
			return target{}, notChosen(name)
		}
		to, err := d.topic(ctx, topic, chosen[at].RoleARN, businessAccountID)
		return target{to, defaultSlots, defaultTimeout}, err
	}
	to, isConfigured := d.configured[name]
	if !isConfigured {
		return target{}, retryLater(nil, "The configuration of this server has no destination '%s'. Add it, or discard the delivery.", name)
	}
	configured := d.config.Router.byName[name]
	isChosen := slices.ContainsFunc(chosen, func(c state.EventDestination) bool {
		other, _, _, ok := nameInARN(c.ARN)
		return ok && other == name
	})
	if !configured.isFor(e.AccountID, businessAccountID) || configured.OnPut && !isChosen {
		return target{}, notChosen(name)
	}
	return to, nil
}

func notChosen(name string) *failure {
	return final("'%s' is no longer an event destination of the WhatsApp Business Account. "+
		"To deliver the event there, choose it again with PutWhatsAppBusinessAccountEventDestinations, and replay the event.", name)
}

// record reports an attempt.
func (d *Deliverer) record(ctx context.Context, begun time.Time, delivery outbox.Delivery, e *state.Event, span activity.Span, failed *failure) {
	took := d.config.Now().Sub(begun)
	entry := activity.Entry{
		Time: d.config.EntryNow().Add(-took), Took: took, Kind: activity.Attempt, Trace: e.ID, Account: e.AccountID, Operation: e.Name,
		PhoneNumberID: e.PhoneNumberID, EventID: e.ID, MessageID: e.MessageID, WAMID: e.WAMID, Destination: delivery.Destination, Bytes: int64(len(e.Body)), Outcome: activity.OK,
		Details: []slog.Attr{slog.Int("attempt", delivery.Attempts+1)}, Span: span,
	}
	if failed != nil {
		entry.Outcome, entry.Status, entry.Code, entry.Text = activity.Failed, failed.status, failed.code, failed.text
		if failed.cause != nil {
			entry.Cause = failed.cause.Error()
		}
	}
	d.config.Activity.Record(ctx, entry)
}
