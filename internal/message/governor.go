// The governor: when a message may be sent, and whether one more may be accepted.

package message

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/state"
)

const (
	// DefaultPerSecond is the default of GovernorConfig.PerSecond: Meta's standard
	// throughput (docs/references.md#graph-rate-limits).
	DefaultPerSecond = 80
	// DefaultMaxQueued is the default of GovernorConfig.MaxQueued: what is sent in
	// about two minutes.
	DefaultMaxQueued = 10_000
	// minSlots and maxSlots bound Slots.
	minSlots = 4
	maxSlots = 256
)

// Meta's pair rate limit: one message every 6 s from a phone number to a user, of
// which up to 45 may be sent at once (docs/references.md#graph-rate-limits).
const (
	pairInterval = state.PairInterval
	pairBurst    = 45
)

// NoRecipient is the recipient of messages that have none: read receipts and typing
// indicators. No pair rate limit applies to them.
const NoRecipient = "receipt"

// GovernorConfig configures a Governor.
type GovernorConfig struct {
	// State has what all processes together have used. Required.
	State *state.DB
	// PerSecond is how many messages a phone number sends per second. Default: 80.
	PerSecond int
	// PerSecondOf replaces PerSecond for phone numbers, by PhoneNumber.ID. Default: none.
	PerSecondOf map[string]int
	// MaxQueued is how many messages of one phone number may wait. Default: 10,000.
	MaxQueued int
	// Now returns the current time. Default: time.Now.
	Now func() time.Time
	// Until returns how long it takes until Now returns t, for a Now that is not the time
	// of this machine. Permits do not expire then. Default: the difference to Now.
	Until func(t time.Time) time.Duration
}

// A Governor keeps the messages of all processes that share a database within
// Meta's limits. It is safe for concurrent use.
type Governor struct {
	config GovernorConfig

	mu      sync.Mutex
	numbers map[string]*number // by PhoneNumber.ID; as many as are linked
}

// number is what a process knows of one phone number.
type number struct {
	permits *permits
	queue   queue
	blocked atomic.Int64 // Unix microseconds: until when, as far as this process has learned itself
}

// NewGovernor returns a Governor.
func NewGovernor(config GovernorConfig) (*Governor, error) {
	if config.State == nil {
		return nil, errors.New("message: the governor needs State")
	}
	config.PerSecond = cmp.Or(config.PerSecond, DefaultPerSecond)
	config.MaxQueued = cmp.Or(config.MaxQueued, DefaultMaxQueued)
	if config.PerSecond < 1 || config.MaxQueued < 1 {
		return nil, errors.New("the number of messages per second, and of those that wait, must be at least 1")
	}
	for id, perSecond := range config.PerSecondOf {
		if perSecond < 1 {
			return nil, fmt.Errorf("the number of messages per second of the phone number %s must be at least 1", id)
		}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Governor{config: config, numbers: make(map[string]*number)}, nil
}

// number returns what is known of a phone number.
func (g *Governor) number(id string) *number {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.numbers[id]
	if n == nil {
		n = &number{
			permits: newPermits(g.config.State, numberRate(id), g.perSecond(id), g.config.Now),
			queue:   queue{state: g.config.State, destination: "send/" + id, limit: g.config.MaxQueued, now: g.config.Now},
		}
		g.numbers[id] = n
	}
	return n
}

// Forget forgets what this process knows of the limits, after the clock was set back.
func (g *Governor) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.numbers)
}

func (g *Governor) perSecond(phoneNumberID string) int {
	return cmp.Or(g.config.PerSecondOf[phoneNumberID], g.config.PerSecond)
}

// A Flow is what the limits apply to.
type Flow struct {
	BusinessAccountID string // as BusinessAccount.ID
	PhoneNumberID     string // as PhoneNumber.ID
	Recipient         string // digits of the number, a business-scoped user id, or NoRecipient
}

// The ids of rate limits in the database.
func accountRate(businessAccountID string) string { return "account/" + businessAccountID }
func numberRate(phoneNumberID string) string      { return "number/" + phoneNumberID }

// rates returns the ids of the limits of a flow.
func (f Flow) rates() []string {
	ids := []string{accountRate(f.BusinessAccountID), numberRate(f.PhoneNumberID)}
	if f.hasPair() {
		ids = append(ids, state.PairRate(f.PhoneNumberID, f.Recipient))
	}
	return ids
}

func (f Flow) hasPair() bool { return f.Recipient != "" && f.Recipient != NoRecipient }

// Take waits until a message may be sent, for little more than permitAhead at most. If
// it must wait for longer, or if the limits cannot be read, nothing is taken: then the
// error is an *outbox.RetryError of an attempt that was not made. Only one message of
// a pair may be on its way at a time; the outbox sees to that, because they are one
// conversation.
func (g *Governor) Take(ctx context.Context, flow Flow) error {
	rates, err := g.config.State.Rates(ctx, flow.rates()...)
	if err != nil {
		return later(fmt.Errorf("reading the rate limits: %w", err), permitAhead)
	}
	now := g.config.Now()
	account, number, pair := rates[accountRate(flow.BusinessAccountID)], rates[numberRate(flow.PhoneNumberID)], rates[state.PairRate(flow.PhoneNumberID, flow.Recipient)]
	for _, limit := range []struct {
		reason error
		until  time.Time
	}{
		{errAccountBlocked, account.BlockedUntil},
		{errNumberBlocked, number.BlockedUntil},
		{errPairBlocked, pair.BlockedUntil},
		{errPairUsed, pair.UsedUntil.Add(-(pairBurst - 1) * pairInterval)},
	} {
		if limit.until.After(now) {
			return later(limit.reason, limit.until.Sub(now))
		}
	}
	n := g.number(flow.PhoneNumberID)
	for {
		moment, err := n.permits.take(ctx)
		if err != nil {
			return err
		}
		if err := sleep(ctx, g.until(moment)); err != nil {
			return err
		}
		now := g.config.Now()
		if until := time.UnixMicro(n.blocked.Load()); until.After(now) { // meanwhile
			return later(errNumberBlocked, until.Sub(now))
		}
		if g.config.Until != nil || now.Before(moment.Add(permitLife)) { // else this machine was too busy to use it in time
			return nil
		}
	}
}

// Why a message is not sent yet.
var (
	errAccountBlocked = errors.New("Meta limits the rate of requests for the business account")
	errNumberBlocked  = errors.New("Meta limits the rate of messages of the phone number")
	errPairBlocked    = errors.New("Meta limits the rate of messages to this user")
	errPairUsed       = errors.New("more messages to this user would exceed Meta's limit of one every 6 s")
	errNumberUsed     = errors.New("more messages of the phone number would exceed its throughput")
)

// later returns the error for a message that is not sent yet.
func later(reason error, wait time.Duration) error {
	return &outbox.RetryError{Err: reason, After: wait, NotAttempted: true}
}

// Slots returns how many messages of a phone number one process should have on their
// way at a time, for the throughput at a response time of Meta of up to half a second.
func (g *Governor) Slots(phoneNumberID string) int {
	return min(max(g.perSecond(phoneNumberID)/2, minSlots), maxSlots)
}

// until returns how long to wait until a permit may be used. While the time stands still,
// that is not at all: permits are never far ahead.
func (g *Governor) until(moment time.Time) time.Duration {
	if g.config.Until == nil {
		return moment.Sub(g.config.Now())
	}
	if wait := g.config.Until(moment); wait <= permitAhead {
		return wait
	}
	return 0
}

// sleep returns after a time, or when ctx ends.
func sleep(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return later(context.Cause(ctx), permitAhead)
	}
}
