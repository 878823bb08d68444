package gateway

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"ferry/internal/event"
	"ferry/internal/outbox"
	"ferry/internal/state"
)

// The kinds of destinations in the outbox: what stands before the first slash.
const (
	toMeta     = "send"    // messages: send/<phone number>
	toAccounts = "event"   // events: event/<business account>/<ARN or name>
	toPrepare  = "prepare" // events that are not complete yet: prepare/<account>
)

// sendTimeout bounds one attempt to send a message, with the uploads of media that it
// links to. The attempts of events have the outbox's own limit.
const sendTimeout = 15 * time.Minute

// The lanes of the outbox that a process works at a time, of the kinds that do not reach
// one receiver each. Together with those of topics (event.Deliverer.Group) they are fewer
// than all, so that what hangs leaves room for the others.
const (
	maxSending   = 512 // to Meta
	maxPreparing = 64  // events that are prepared
)

// group returns what a destination has in common with others.
func (g *Gateway) group(destination string) (name string, slots int) {
	switch kind, _, _ := strings.Cut(destination, "/"); kind {
	case toMeta:
		return kind, maxSending
	case toPrepare:
		return kind, maxPreparing
	}
	return g.events.Group(destination)
}

// simulatedLease is the time for which lanes are held by a time that can be moved by
// years. There is one process then, and a later one frees all lanes when it starts.
const simulatedLease = 200 * 365 * 24 * time.Hour

// alonePoll is the time between two looks at what other processes have put in, if there are
// none.
const alonePoll = 7 * 24 * time.Hour

// openOutbox opens the outbox of the gateway's database.
func (g *Gateway) openOutbox() (err error) {
	isMessage := func(destination string) bool { return strings.HasPrefix(destination, toMeta+"/") }
	var lease, poll time.Duration // the defaults
	if g.config.Alone {
		poll = alonePoll
	}
	if g.config.Now != nil {
		lease = simulatedLease
	}
	g.deliveries, err = outbox.New(outbox.Config{
		Store:   g.config.State,
		Deliver: g.deliver,
		Once:    isMessage,
		Slots: func(destination string) int {
			if phoneNumberID, ok := strings.CutPrefix(destination, state.SendPrefix); ok {
				return g.governor.Slots(phoneNumberID)
			}
			return g.events.Slots(destination)
		},
		Group: g.group,
		Timeout: func(destination string) time.Duration {
			switch {
			case isMessage(destination):
				return sendTimeout
			case state.IsPreparation(destination):
				return event.PrepareTimeout
			}
			return 0
		},
		Lease:  lease,
		Poll:   poll,
		Drain:  g.config.DrainTimeout,
		Now:    g.config.State.Clock,
		Until:  g.config.Until,
		Logger: g.config.Logger,
	})
	if err != nil {
		return err
	}
	g.config.State.OnDeliveries(func(destinations []string) { g.deliveries.Wake(destinations...) })
	return nil
}

// setBackTime is the time for moving what waits after the clock was set back.
const setBackTime = 5 * time.Second

// ClockChanged lets the gateway look at Config.Now again, which was moved abruptly. If it was
// set back, what waits for a time waits as long as before, and rate limits begin anew.
func (g *Gateway) ClockChanged(by time.Duration) {
	if by < 0 {
		g.governor.Forget()
		ctx, cancel := context.WithTimeout(context.Background(), setBackTime)
		defer cancel()
		if err := g.config.State.ClockSetBack(ctx, -by); err != nil {
			g.config.Logger.Error("what waits for a time of the clock before it was set back waits for longer", "by", -by, "error", err)
		}
	}
	g.deliveries.Wake()
}

// NextDue waits until all messages and events that are due have been delivered or tried,
// and returns when the next delivery is due; see [outbox.Outbox.NextDue].
func (g *Gateway) NextDue(ctx context.Context) (time.Time, error) { return g.deliveries.NextDue(ctx) }

// EventsProblem returns why messages and events are not delivered although they are due, or nil.
func (g *Gateway) EventsProblem() error { return g.deliveries.Problem() }

// runOutbox runs the outbox until ctx is done and it has ended. Meanwhile, outcomes of messages
// that could not be recorded at first are recorded.
func (g *Gateway) runOutbox(ctx context.Context) error {
	drained := make(chan struct{})
	var late sync.WaitGroup
	late.Go(func() { g.messages.RecordLate(g.base, drained) })
	err := g.deliveries.Run(ctx)
	close(drained)
	late.Wait()
	return err
}

// deliver makes one attempt of a delivery of the outbox. It ends when the gateway is
// stopped.
func (g *Gateway) deliver(ctx context.Context, delivery outbox.Delivery) error {
	kind, _, _ := strings.Cut(delivery.Destination, "/")
	deliver := g.deliverers[kind]
	if deliver == nil { // a newer version has put it in
		return fmt.Errorf("this version of ferry does not know destinations like %q", delivery.Destination)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(g.base, func() { cancel(context.Cause(g.base)) })()
	return deliver(ctx, delivery)
}
