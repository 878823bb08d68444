package message_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"ferry/internal/message"
	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

var flow = message.Flow{BusinessAccountID: "b1", PhoneNumberID: "n1", Recipient: "15550001111"}

// to returns a flow to another user.
func to(recipient string) message.Flow {
	other := flow
	other.Recipient = recipient
	return other
}

// replicas returns the databases of several processes that share an SQLite file.
func replicas(t *testing.T, number int) []*state.DB {
	t.Helper()
	sealer, path := statetest.Sealer(t), filepath.Join(t.TempDir(), "ferry.db")
	databases := make([]*state.DB, number)
	for i := range databases {
		db, err := state.Open(t.Context(), state.Config{Path: path, Sealer: sealer})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		databases[i] = db
	}
	return databases
}

func newGovernor(t *testing.T, config message.GovernorConfig) *message.Governor {
	t.Helper()
	governor, err := message.NewGovernor(config)
	if err != nil {
		t.Fatal(err)
	}
	return governor
}

// waitOf returns the wait that an error of Take asks for.
func waitOf(t *testing.T, err error) time.Duration {
	t.Helper()
	retry, ok := errors.AsType[*outbox.RetryError](err)
	if !ok || !retry.NotAttempted {
		t.Fatalf("%v is not a RetryError of an attempt that was not made", err)
	}
	return retry.After
}

// traffic is when messages were sent.
type traffic struct {
	mu   sync.Mutex
	sent []time.Time
}

func (tr *traffic) add() {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.sent = append(tr.sent, time.Now())
}

// most returns the largest number of messages in any time of a length.
func (tr *traffic) most(length time.Duration) (most int) {
	slices.SortFunc(tr.sent, time.Time.Compare)
	first := 0
	for last, at := range tr.sent {
		for at.Sub(tr.sent[first]) >= length {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// send has a process send as fast as the governor lets it, with its Slots, to a Meta
// that responds after latency, until ctx ends.
func send(ctx context.Context, t *testing.T, governor *message.Governor, latency time.Duration, sent *traffic) *sync.WaitGroup {
	var group sync.WaitGroup
	for range governor.Slots(flow.PhoneNumberID) {
		group.Go(func() {
			for ctx.Err() == nil {
				err := governor.Take(ctx, to(message.NoRecipient))
				switch {
				case err == nil:
					sent.add()
					time.Sleep(latency)
				case ctx.Err() == nil:
					time.Sleep(waitOf(t, err))
				}
			}
		})
	}
	return &group
}

func TestProcessesTogetherUseTheThroughputAndNeverMore(t *testing.T) {
	for name, test := range map[string]struct {
		processes, perSecond int
		latency, skew        time.Duration // of Meta; of the clock of the second process
	}{
		"one":                        {1, 80, 350 * time.Millisecond, 0},
		"two":                        {2, 80, 350 * time.Millisecond, 0},
		"three, slow":                {3, 20, 350 * time.Millisecond, 0},
		"two, fast":                  {2, 1000, 50 * time.Millisecond, 0},
		"two, one message a second":  {2, 1, 350 * time.Millisecond, 0},
		"two, one with a late clock": {2, 80, 350 * time.Millisecond, -3 * time.Second},
		"two, one with a fast clock": {2, 80, 350 * time.Millisecond, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				length := 10 * time.Second
				if test.perSecond == 1000 { // each is a statement of SQL
					length = 2 * time.Second
				}
				ctx, cancel := context.WithTimeout(t.Context(), length)
				defer cancel()
				var sent traffic
				var groups []*sync.WaitGroup
				for i, db := range replicas(t, test.processes) {
					now := time.Now
					if i == 1 {
						now = func() time.Time { return time.Now().Add(test.skew) }
					}
					governor := newGovernor(t, message.GovernorConfig{State: db, PerSecond: test.perSecond, Now: now})
					groups = append(groups, send(ctx, t, governor, test.latency, &sent))
				}
				for _, group := range groups {
					group.Wait()
				}
				most, possible := sent.most(time.Second), test.perSecond*int(length/time.Second)
				bound := test.perSecond + test.perSecond/10 + 1
				if test.skew != 0 { // what the process that is behind has taken before the other one begins
					bound += test.perSecond
				}
				if most > bound {
					t.Errorf("%d messages in one second, more than %d", most, bound)
				}
				if len(sent.sent)*100 < possible*95 {
					t.Errorf("%d messages in %v, less than 95 %% of %d", len(sent.sent), length, possible)
				}
				t.Logf("%d of %d messages, at most %d in one second", len(sent.sent), possible, most)
			})
		})
	}
}

// The same in real time, on both engines.
func TestProcessesOnOneDatabaseKeepTheThroughput(t *testing.T) {
	t.Parallel() // it waits for 4 s
	engine := statetest.Default()
	const length, perSecond = 4 * time.Second, 200
	path, sealer := engine.Path(t), statetest.Sealer(t)
	var governors []*message.Governor
	for range 2 {
		db := engine.Open(t, state.Config{Path: path, Sealer: sealer})
		governors = append(governors, newGovernor(t, message.GovernorConfig{State: db, PerSecond: perSecond}))
	}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var sent traffic
	var groups []*sync.WaitGroup
	for _, governor := range governors {
		groups = append(groups, send(ctx, t, governor, 100*time.Millisecond, &sent))
	}
	for _, group := range groups {
		group.Wait()
	}
	most := sent.most(time.Second)
	if bound := perSecond + perSecond/5; most > bound { // that of the test above, and how late this process notes a message
		t.Errorf("%d messages in one second, more than %d", most, bound)
	}
	begun := sent.sent[0].Add(time.Second) // before, PostgreSQL's connections are opened
	sent.sent = slices.DeleteFunc(sent.sent, func(at time.Time) bool { return at.Before(begun) })
	possible := perSecond * int(length/time.Second-1)
	if len(sent.sent)*100 < possible*90 { // 95 and more on a machine that does nothing else
		t.Errorf("%d messages, less than 90 %% of %d", len(sent.sent), possible)
	}
	t.Logf("%d of %d messages, at most %d in one second", len(sent.sent), possible, most)
}

func TestMessageOfAnIdleNumberIsSentAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		governor := newGovernor(t, message.GovernorConfig{State: replicas(t, 1)[0]})
		for range 3 {
			begun := time.Now()
			if err := governor.Take(t.Context(), flow); err != nil || time.Since(begun) > 0 {
				t.Errorf("after %v: %v", time.Since(begun), err)
			}
			time.Sleep(time.Second)
		}
	})
}

// Permits that a process has taken and does not use are not missing for long.
func TestUnusedPermitsExpire(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		databases := replicas(t, 2)
		busy, idle := newGovernor(t, message.GovernorConfig{State: databases[0]}), newGovernor(t, message.GovernorConfig{State: databases[1]})
		for range 20 { // so that it takes as many as are used
			if err := busy.Take(t.Context(), to(message.NoRecipient)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		begun := time.Now()
		for _, governor := range []*message.Governor{busy, idle} {
			if err := governor.Take(t.Context(), flow); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(begun); waited > 13*time.Millisecond {
			t.Errorf("two messages waited for %v", waited)
		}
	})
}

func TestCommitsAreFewerThanMessages(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "ferry.db")
		db, err := state.Open(t.Context(), state.Config{Path: path, Sealer: statetest.Sealer(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		governor := newGovernor(t, message.GovernorConfig{State: db})
		changes, last := 0, time.Time{}
		for range 200 {
			if err := governor.Take(t.Context(), to(message.NoRecipient)); err != nil {
				t.Fatal(err)
			}
			rates, err := db.Rates(t.Context(), "number/n1")
			if err != nil {
				t.Fatal(err)
			}
			if used := rates["number/n1"].UsedUntil; !used.Equal(last) { // as each commit changes it
				changes, last = changes+1, used
			}
			time.Sleep(20 * time.Millisecond) // 50 a second
		}
		if changes > 60 {
			t.Errorf("%d commits for 200 messages", changes)
		}
	})
}

func TestUserGetsABurstAndThenOneMessageEverySixSeconds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		databases := replicas(t, 2)
		governors := []*message.Governor{newGovernor(t, message.GovernorConfig{State: databases[0]}), newGovernor(t, message.GovernorConfig{State: databases[1]})}
		sent := 0
		take := func() error {
			err := governors[sent%2].Take(t.Context(), flow)
			if err == nil {
				sent++
				_, _, err = databases[sent%2].TakeRate(t.Context(), "pair/n1/15550001111", 6*time.Second, time.Now(), time.Now().Add(time.Hour))
			}
			return err
		}
		begun := time.Now()
		for range 45 {
			if err := take(); err != nil {
				t.Fatalf("message %d: %v", sent+1, err)
			}
		}
		for range 3 {
			err := take()
			wait := waitOf(t, err)
			if wait <= 0 || wait > 6*time.Second {
				t.Fatalf("message %d waits for %v", sent+1, wait)
			}
			if err := governors[0].Take(t.Context(), to("15550002222")); err != nil {
				t.Errorf("a message to another user: %v", err)
			}
			time.Sleep(wait)
			if err := take(); err != nil {
				t.Errorf("after the wait of %v: %v", wait, err)
			}
		}
		if took := time.Since(begun); took < 18*time.Second || took > 19*time.Second {
			t.Errorf("48 messages took %v", took)
		}
		for range 100 {
			if err := governors[0].Take(t.Context(), to(message.NoRecipient)); err != nil {
				t.Fatalf("a read receipt: %v", err)
			}
		}
	})
}
