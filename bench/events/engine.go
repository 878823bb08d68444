package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/postgrestest"
	"ferry/internal/secret"
	"ferry/internal/state"
)

const (
	account  = "111122223333"
	live     = "event/live"
	hanging  = "event/hanging"
	refusing = "event/refusing"
)

// An engine is where databases are opened.
type engine struct {
	name      string
	directory string               // of SQLite files and servers
	binary    string               // ferry
	postgres  *postgrestest.Server // nil means SQLite
	databases int
	size      int           // of the backlog
	duration  time.Duration // of a steady load
}

// database returns the path or the URL of a new database.
func (e *engine) database(ctx context.Context) (string, error) {
	e.databases++
	if e.postgres == nil {
		return filepath.Abs(filepath.Join(e.directory, fmt.Sprintf("%d.db", e.databases)))
	}
	name := fmt.Sprintf("events_%d", e.databases)
	return e.postgres.URL(name), e.postgres.CreateDatabase(ctx, name)
}

// open opens a new database with an account.
func (e *engine) open(ctx context.Context) (*state.DB, error) {
	path, err := e.database(ctx)
	if err != nil {
		return nil, err
	}
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		return nil, err
	}
	sealer, err := secret.NewSealer(keyset)
	if err != nil {
		return nil, err
	}
	db, err := state.Open(ctx, state.Config{Path: path, Sealer: sealer})
	if err != nil {
		return nil, err
	}
	return db, db.CreateAccessKey(ctx, state.AccessKey{ID: "AKIA1", AccountID: account, Secret: secret.New("x")})
}

// event returns an event of a usual size.
func event(id, conversation string, destinations ...string) state.Event {
	return state.Event{ID: id, AccountID: account, Kind: state.KindEvent, Name: "status.delivered", Conversation: conversation,
		Body: make([]byte, 700), CreatedAt: time.Now(), Destinations: destinations}
}

// A meter notes when events were committed and when their deliveries began.
type meter struct {
	mu        sync.Mutex
	committed map[string]time.Time
	begun     map[string]time.Time
	stored    []time.Duration // that storing took, the wait for its turn included
	delivered int
	reached   chan struct{} // closed when delivered is target
	target    int
}

func newMeter(target int) *meter {
	return &meter{committed: make(map[string]time.Time), begun: make(map[string]time.Time), reached: make(chan struct{}), target: target}
}

// deliver succeeds at once for a live destination.
func (m *meter) deliver(ctx context.Context, d outbox.Delivery) error {
	switch d.Destination {
	case refusing:
		return errors.New("503 Service Unavailable")
	case hanging:
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
		}
		return context.DeadlineExceeded
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.EventID[0] == 'p' { // of a pace
		m.begun[d.EventID] = now
	} else if m.delivered++; m.delivered == m.target {
		close(m.reached)
	}
	return nil
}

// pace stores events at a rate until a channel is closed, each in a lane of its own, and
// returns when all are stored.
func (m *meter) pace(ctx context.Context, db *state.DB, perSecond int, until <-chan struct{}) {
	var storing sync.WaitGroup
	defer storing.Wait()
	began := time.Now()
	for i := 0; ; i++ {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		select {
		case <-until:
			return
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		storing.Go(func() {
			id := fmt.Sprintf("p%d-%d", began.UnixNano(), i)
			err := db.AddEvents(ctx, []state.Event{event(id, "of "+id, live)})
			now := time.Now()
			m.mu.Lock()
			defer m.mu.Unlock()
			if err == nil {
				m.committed[id] = now
				m.stored = append(m.stored, now.Sub(due))
			}
		})
	}
}

// start runs an outbox, and returns what ends it.
func (m *meter) start(ctx context.Context, db *state.DB) (end func(), err error) {
	o, err := outbox.New(outbox.Config{Store: db, Deliver: m.deliver, Now: db.Clock})
	if err != nil {
		return nil, err
	}
	db.OnDeliveries(func(destinations []string) { o.Wake(destinations...) })
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = o.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}, nil
}

// milliseconds returns a percentile of durations.
func milliseconds(all []time.Duration, percent int) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return float64(all[(len(all)-1)*percent/100].Microseconds()) / 1000
}

// delays returns the times from a commit to the first attempt.
func (m *meter) delays() []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []time.Duration
	for id, at := range m.begun {
		if committed, ok := m.committed[id]; ok {
			all = append(all, max(0, at.Sub(committed)))
		}
	}
	return all
}
