// Package outbox delivers what the database holds for others: messages to Meta,
// and events to the destinations of accounts.
//
// A delivery is put into the database by the transaction that causes it
// (internal/state), so that it is never lost. The loop of this package takes lanes
// of deliveries, makes the deliveries of a lane in order, and records how they
// ended. Several processes may share one database:
//
//	outbox.go       Delivery, the errors of an attempt, Config and New
//	store.go        what a round reads and writes; internal/state has its SQL
//	run.go          Run: one round after the other
//	round.go        what the next round consists of, and what follows from it
//	turn.go         the deliveries of one lane, in order
//	destination.go  how many lanes of a destination are worked at a time
//
// A lane is held by a lease and a claim number. A process that dies holds its lanes
// until their leases end; then another one takes them with the next number. What the
// first one still reports with the old number has no effect, except that a delivery
// was made.
package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A Delivery is an event, or a message, that is to be delivered to one destination.
type Delivery struct {
	Lane        string
	Claim       int64 // by which this process holds the lane
	Seq         int64 // within the lane
	Destination string
	EventID     string
	Attempts    int // that have ended before this one
	// Interrupted says that an attempt was begun whose end nobody has recorded. It is
	// set only for destinations for which Config.Once returns true.
	Interrupted bool
	CreatedAt   time.Time
	// ReleasedAt is when the destination was released after an operator had held it: its
	// age counts from then on. In 1970 it never was.
	ReleasedAt time.Time
	// Held reports whether this process still holds the lane. Only a Delivery that Deliver
	// gets has it.
	Held func() bool
}

// A RetryError says that an attempt failed and when to make the next one.
type RetryError struct {
	Err error
	// After is the shortest time until the next attempt. Zero means that the outbox
	// decides.
	After time.Duration
	// NotAttempted says that nothing was sent, so that the attempt does not count:
	// a rate limit or a closed circuit. The next attempt is made exactly After later.
	NotAttempted bool
	// MayBeDone says that the attempt may have succeeded, although its end is not known.
	// For destinations for which Config.Once returns true, the next one is Interrupted.
	MayBeDone bool
	// NotOfDestination says that the failure says nothing about the destination: it is of
	// the delivery, such as a file that cannot be read, or of this server. The attempt
	// counts for the delivery and the back-off of its lane, and slows no other lane.
	NotOfDestination bool
}

func (e *RetryError) Error() string { return e.Err.Error() }
func (e *RetryError) Unwrap() error { return e.Err }

// ErrNever is wrapped by errors after which the same delivery would fail again. It
// becomes a dead letter at once.
var ErrNever = errors.New("it cannot be delivered")

// A DestinationError says that the destination has failed, although the delivery is not
// made again: Err wraps ErrNever. Such a failure slows the destination as others do, so that
// fewer deliveries are lost there.
type DestinationError struct{ Err error }

func (e *DestinationError) Error() string { return e.Err.Error() }
func (e *DestinationError) Unwrap() error { return e.Err }

const (
	// TurnLength is the number of deliveries after which a lane gives its slot to
	// another one.
	TurnLength = 20
	// DefaultSlots is the number of lanes of one destination that a process works at
	// a time, unless Config.Slots says otherwise.
	DefaultSlots = 8
	// DefaultTimeout bounds one attempt, unless Config.Timeout says otherwise.
	DefaultTimeout = time.Minute
	// maxLanes bounds the lanes of all destinations that a process works at a time.
	maxLanes = 1024
	// maxError bounds the text of an error that is stored, in bytes.
	maxError = 2000
)

// Config configures an Outbox.
type Config struct {
	// Store is the database. Required.
	Store Store
	// Owner names the process in the database, for operators. Default: a random text.
	Owner string
	// Deliver makes one attempt. It returns nil when the delivery was made, or a
	// RetryError, or an error that wraps ErrNever; any other error is retried with
	// back-off. It must return soon after its context is done. Required.
	Deliver func(ctx context.Context, delivery Delivery) error
	// Once says that a delivery to a destination must not be repeated blindly. Deliver
	// then records that the attempt begins, just before it sends something; if its end
	// is not recorded, the next one is Interrupted. Default: no destination.
	Once func(destination string) bool
	// Slots returns how many lanes of a destination this process works at a time. Zero
	// means 8, the default.
	Slots func(destination string) int
	// Group returns what a destination has in common with others, such as the receiver to
	// which all of them lead, and how many lanes of all of these together this process works
	// at a time. So a receiver that hangs occupies no more than these, however many
	// destinations lead to it. Default: an empty name, which means that it has nothing in
	// common.
	Group func(destination string) (name string, slots int)
	// Timeout returns how long one attempt for a destination may take. Zero means 1 min,
	// the default.
	Timeout func(destination string) time.Duration
	// Lease is the time for which a lane is held without a sign of life. It is renewed
	// each third of it. Default: 10 s.
	Lease time.Duration
	// Poll is the longest time between two looks at what other processes put in.
	// Default: 1 s.
	Poll time.Duration
	// GiveUp is the age at which a delivery that fails becomes a dead letter.
	// Default: 72 hours.
	GiveUp time.Duration
	// MaxBackoff bounds the time between two attempts, the one that a destination asked
	// for too. What is known of a destination is forgotten after this time without
	// deliveries. Default: 1 hour.
	MaxBackoff time.Duration
	// Drain is how long the attempts in progress may continue when Run is to end.
	// Default: 20 s.
	Drain time.Duration
	// Now returns the current time. Processes that share a database must agree on it.
	// Default: time.Now.
	Now func() time.Time
	// Until returns how long it takes until Now returns t, if Now is not the time of this
	// machine. Default: the difference to Now.
	Until func(t time.Time) time.Duration
	// Logger receives what goes wrong. Default: it is discarded.
	Logger *slog.Logger
}

// An Outbox delivers what a database holds. Run does the work.
type Outbox struct {
	config Config
	jitter func(limit time.Duration) time.Duration // a random time below a limit

	signal chan struct{} // has an element if woken or reports may have changed
	mu     sync.Mutex
	woken  map[string]bool // destinations with new deliveries
	// reports is what turns have reported since the last round. Each turn adds at most
	// one report per delivery, and one for its end.
	reports []report
	rest    rest
	problem atomic.Pointer[error] // of the last round; nil means that it succeeded
}

// New creates an Outbox.
func New(config Config) (*Outbox, error) {
	if config.Store == nil || config.Deliver == nil {
		return nil, errors.New("an outbox needs a store and a function that delivers")
	}
	config.Owner = cmp.Or(config.Owner, rand.Text())
	if config.Once == nil {
		config.Once = func(string) bool { return false }
	}
	if config.Slots == nil {
		config.Slots = func(string) int { return DefaultSlots }
	}
	if config.Group == nil {
		config.Group = func(string) (string, int) { return "", 0 }
	}
	if config.Timeout == nil {
		config.Timeout = func(string) time.Duration { return DefaultTimeout }
	}
	for _, setting := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&config.Lease, 10 * time.Second},
		{&config.Poll, time.Second},
		{&config.GiveUp, 72 * time.Hour},
		{&config.MaxBackoff, time.Hour},
		{&config.Drain, 20 * time.Second},
	} {
		if *setting.value <= 0 {
			*setting.value = setting.usual
		}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Until == nil {
		config.Until = func(t time.Time) time.Duration { return t.Sub(config.Now()) }
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Outbox{
		config: config,
		jitter: func(limit time.Duration) time.Duration { return mathrand.N(limit) },
		signal: make(chan struct{}, 1),
		woken:  make(map[string]bool),
		rest:   rest{changed: make(chan struct{})},
	}, nil
}

// Problem returns why deliveries wait although they are due, or nil: the error of the last round
// if the database has failed.
func (o *Outbox) Problem() error {
	if err := o.problem.Load(); err != nil {
		return *err
	}
	return nil
}

// Wake says that deliveries for destinations were committed, or that the time has changed
// abruptly. It does not block. Without it, deliveries are found within Config.Poll.
func (o *Outbox) Wake(destinations ...string) {
	o.mu.Lock()
	o.rest.isReached = false
	for _, name := range destinations {
		o.woken[name] = true
	}
	o.mu.Unlock()
	o.notify()
}

// notify makes the loop look at woken and reports.
func (o *Outbox) notify() {
	select {
	case o.signal <- struct{}{}:
	default: // it has not looked since the last time
	}
}
