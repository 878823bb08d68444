// Package message sends messages to Meta.
//
// A [Sender] accepts a message, which is in the database before its id is returned
// ([Sender.Accept]). The outbox then calls [Sender.Deliver] to send it, one message of
// a conversation at a time, and what became of it is recorded together with the event
// that reports it:
//
//	message.go    Sender and its Config
//	parse.go      what ferry reads of a message: type, recipient, media
//	media.go      where the media of a message are
//	accept.go     what is refused at once, and what is stored
//	deliver.go    one attempt to send a message
//	verdict.go    what Meta's response means
//	outcome.go    what is recorded, and the events
//	late.go       outcomes that the database refused at first
//	governor*.go  Meta's limits
//	link*.go      files that messages link to
//
// Meta's API has no idempotency key. A message whose response is lost is therefore
// never retried: its outcome is unknown until a status of Meta resolves it.
package message

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/outbox"
	"ferry/internal/state"
)

// DefaultGiveUp is the default of Config.GiveUp: after 24 hours without a word from the
// user, Meta takes templates only.
const DefaultGiveUp = 24 * time.Hour

// Config is what a Sender works with.
type Config struct {
	State    *state.DB     // required
	Graph    *graph.Client // required
	Governor *Governor     // required
	Links    *Links        // default: links are sent as they are
	// Begin records that an attempt is about to be made. Default: State.BeginDelivery.
	Begin func(ctx context.Context, d outbox.Delivery) error
	// Route sets where an event is delivered. Default: nowhere; the event is only on record.
	Route func(ctx context.Context, e *state.Event) error
	// Region is named in the ARNs of events. Default: us-east-1.
	Region string
	// GiveUp is the age at which a message that could not be sent has failed. It counts
	// from the release of the phone number if an operator has held it meanwhile.
	// Default: 24 hours.
	GiveUp   time.Duration
	Activity *activity.Recorder // default: drops the entries
	Logger   *slog.Logger       // default: discards
	Now      func() time.Time   // default time.Now
}

// Sender accepts and sends messages. It is safe for concurrent use.
type Sender struct {
	config Config
	kept   chan struct{} // has an element after an outcome was added to late

	mu   sync.Mutex
	late map[string]*outcome // that could not be recorded yet, by message id
	// isStopped says that nothing records what is kept.
	isStopped bool
}

// New returns a Sender.
func New(config Config) (*Sender, error) {
	if config.State == nil || config.Graph == nil || config.Governor == nil {
		return nil, errors.New("message: State, Graph and Governor are required")
	}
	if config.Begin == nil {
		config.Begin = config.State.BeginDelivery
	}
	if config.Route == nil {
		config.Route = func(context.Context, *state.Event) error { return nil }
	}
	if config.Region == "" {
		config.Region = "us-east-1"
	}
	if config.GiveUp <= 0 {
		config.GiveUp = DefaultGiveUp
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Sender{config: config, late: make(map[string]*outcome), kept: make(chan struct{}, 1)}, nil
}
