package state_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/state"
)

// TestNoWakeUpIsLost lets processes put deliveries into few lanes, work them, fail and
// die at the same time. A lost wake-up would leave a delivery in a lane that is never
// due.
func TestNoWakeUpIsLost(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		addEvents(t, db, []string{"event/1"}, "first") // with the account
		for episode := range 10 {
			putAndWork(t, db, episode, rand.New(rand.NewPCG(seed, uint64(episode))))
			_, counts, err := db.CountEvents(t.Context(), state.EventFilter{AccountID: "111122223333"})
			if err != nil || counts[outbox.Waiting] != 0 || counts[outbox.Delivered] == 0 {
				t.Fatalf("nothing is due, and the deliveries are %v, %v", counts, err)
			}
		}
	})
}

// putAndWork returns when all that it has put in was worked, and nothing is due.
func putAndWork(t *testing.T, db *state.DB, episode int, random *rand.Rand) {
	const putters, each, lanes = 3, 6, 3
	var putting, working sync.WaitGroup
	for p := range putters {
		random := rand.New(rand.NewPCG(random.Uint64(), 0))
		putting.Go(func() {
			for i := range each {
				var events []state.Event
				for _, lane := range random.Perm(lanes)[:1+random.IntN(lanes)] {
					events = append(events, state.Event{ID: fmt.Sprint(episode, " ", p, " ", i, " ", lane), AccountID: "111122223333", Kind: state.KindEvent, Name: "x",
						Conversation: fmt.Sprint(lane), Body: []byte("{}"), CreatedAt: now, Destinations: []string{"event/1"}})
				}
				if err := db.AddEvents(context.Background(), events); err != nil {
					t.Error(err)
				}
			}
		})
	}
	allPut := make(chan struct{})
	for w := range 3 {
		random := rand.New(rand.NewPCG(random.Uint64(), 1))
		working.Go(func() { workAtRandom(t, db, fmt.Sprint("worker", w), random, allPut) })
	}
	putting.Wait()
	close(allPut)
	working.Wait()
}

// workAtRandom makes rounds until everything is put in and nothing is due. Some of its
// deliveries fail, and some of its lanes are never returned, so that their leases end.
func workAtRandom(t *testing.T, db *state.DB, name string, random *rand.Rand, allPut <-chan struct{}) {
	const lease = 30 * time.Millisecond
	round := outbox.Round{Owner: name}
	for {
		isLast := false
		select {
		case <-allPut:
			isLast = true
		default:
		}
		round.Now = time.Now()
		round.Lease = round.Now.Add(lease)
		round.Take = []outbox.Take{{Destination: "event/1", Lanes: 1 + random.IntN(2)}}
		result, err := db.OutboxRound(context.Background(), round)
		if err != nil {
			t.Error(err)
			return
		}
		round.Ended, round.Returns = nil, nil
		for _, lane := range result.Taken {
			if random.IntN(10) == 0 {
				continue // the process has died
			}
			back := outbox.Return{Claim: lane.Claim, Head: lane.End, Due: time.Now()}
			for i, d := range lane.Deliveries {
				ended := outbox.Ended{Claim: lane.Claim, Seq: d.Seq, State: outbox.Delivered, Attempts: d.Attempts + 1, AttemptedAt: time.Now()}
				if random.IntN(8) == 0 {
					ended.State = outbox.Waiting
					back.Head, back.Failures = lane.Head, 1
					if i > 0 {
						back.Head = lane.Deliveries[i-1].Seq
					}
				}
				round.Ended = append(round.Ended, ended)
				if ended.State == outbox.Waiting {
					break
				}
			}
			round.Returns = append(round.Returns, back)
		}
		if len(round.Returns) == 0 && isLast {
			due, err := db.DueDestinations(context.Background())
			if err != nil {
				t.Error(err)
			}
			if err != nil || len(due) == 0 {
				return
			}
			time.Sleep(lease / 3)
		}
	}
}
