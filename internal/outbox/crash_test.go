// The crash rig: a process that stores events and delivers them is killed at random
// moments, again and again. Then everything that it has acknowledged is somewhere.

package outbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

const (
	crashEvents   = "event/1" // which are delivered again if nobody knows how an attempt has ended
	crashMessages = "send/1"  // which are not
)

// crashChild is the process that is killed. It stores events and messages until it is,
// writes the id of each one to its standard output when it is stored, and delivers them
// to a URL. If it stores nothing, it delivers until its standard input ends.
func crashChild(path, keyset, url, run string, stores bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sealer, err := secret.NewSealer(secret.New(keyset))
	if err != nil {
		return err
	}
	db, err := state.Open(ctx, state.Config{Path: path, Sealer: sealer})
	if err != nil {
		return err
	}
	defer db.Close()
	o, err := outbox.New(outbox.Config{Store: db, Once: func(destination string) bool { return destination == crashMessages },
		Deliver: func(ctx context.Context, d outbox.Delivery) error { return deliverTo(ctx, db, url, d) }})
	if err != nil {
		return err
	}
	db.OnDeliveries(func(destinations []string) { o.Wake(destinations...) })
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if stores {
		for worker := range 8 {
			go crashStore(ctx, db, run, worker)
		}
	}
	return o.Run(ctx)
}

// crashStore stores events in two conversations, and messages in one.
func crashStore(ctx context.Context, db *state.DB, run string, worker int) {
	for i := worker; ctx.Err() == nil; i++ { // the last digit says what the receiver does
		conversation, destination, kind := fmt.Sprintf("%d-%d", worker, i%2), crashEvents, state.KindEvent
		if i%5 == 3 {
			conversation, destination, kind = fmt.Sprint(worker), crashMessages, state.KindMessage
		}
		id := fmt.Sprintf("%s-%d-%06d", run, worker, i)
		err := db.AddEvents(ctx, []state.Event{{ID: id, AccountID: account, Kind: kind, Name: "status.sent", Conversation: conversation,
			Body: []byte(id), CreatedAt: time.Now(), Destinations: []string{destination}}})
		if err == nil {
			fmt.Println(id)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// deliverTo posts a delivery. The outcome of a message whose attempt was interrupted is
// unknown, and the message is not retried.
func deliverTo(ctx context.Context, db *state.DB, url string, d outbox.Delivery) error {
	path := "/deliver"
	if d.Interrupted {
		path = "/unknown"
	} else if d.Destination == crashMessages {
		if err := db.BeginDelivery(ctx, d); err != nil {
			return &outbox.RetryError{Err: err, NotAttempted: true}
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+path, strings.NewReader(d.EventID+"\n"+d.Lane))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusGone:
		return fmt.Errorf("%s: %w", response.Status, outbox.ErrNever)
	}
	return errors.New(response.Status)
}

// A crashSink receives deliveries, and refuses some: every 50th request for now, and
// every event whose number ends with 7 for ever.
type crashSink struct {
	mu       sync.Mutex
	requests int
	received map[string]int // by id
	unknown  map[string]bool
	last     map[string]string // id of the last event of each lane
	disorder []string
}

func (s *crashSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id, lane, _ := strings.Cut(string(body), "\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	isMessage := strings.HasPrefix(lane, crashMessages)
	switch {
	case r.URL.Path == "/unknown":
		s.unknown[id] = true
	case strings.HasSuffix(id, "7") && !isMessage:
		w.WriteHeader(http.StatusGone)
	case s.requests%50 == 0:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		if s.received[id]++; s.received[id] > 1 {
			return
		}
		if s.last[lane] >= id {
			s.disorder = append(s.disorder, s.last[lane]+" before "+id)
		}
		s.last[lane] = id
	}
}

// TestNothingIsLostWhenTheProcessIsKilled kills a process 15 times, or as often as
// FERRY_KILLS says. The real server is killed more often, in e2e.
func TestNothingIsLostWhenTheProcessIsKilled(t *testing.T) {
	kills := 15
	if text := os.Getenv("FERRY_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		keyset, err := secret.GenerateKeyset()
		if err != nil {
			t.Fatal(err)
		}
		sealer, err := secret.NewSealer(keyset)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "ferry.db")
		if engine == statetest.Postgres {
			path = engine.Path(t)
		}
		db := open(t, path, sealer)
		sink := &crashSink{received: make(map[string]int), unknown: make(map[string]bool), last: make(map[string]string)}
		server := httptest.NewServer(sink)
		defer server.Close()
		rig := crashRig{TB: t, path: path, keyset: keyset.Reveal(), url: server.URL}
		for run := range kills {
			rig.kill(fmt.Sprintf("%06d", run))
		}
		took := rig.finish(db)
		rig.count(db, sink, kills, took)
	})
}

// A crashRig runs the process and knows what it has acknowledged.
type crashRig struct {
	testing.TB
	path, keyset, url string
	acknowledged      []string
}

func (r *crashRig) command(run string, stores bool) *exec.Cmd {
	child := exec.CommandContext(r.Context(), os.Args[0])
	child.Env = append(os.Environ(), "FERRY_CRASH_PATH="+r.path, "FERRY_CRASH_KEYSET="+r.keyset, "FERRY_CRASH_URL="+r.url,
		"FERRY_CRASH_RUN="+run, "FERRY_CRASH_STORES="+strconv.FormatBool(stores))
	child.Stderr = os.Stderr
	return child
}

// kill runs the process, and kills it a moment after it has stored its first event.
func (r *crashRig) kill(run string) {
	r.Helper()
	child := r.command(run, true)
	input, err := child.StdinPipe() // which ends with the test
	if err != nil {
		r.Fatal(err)
	}
	defer input.Close()
	output, err := child.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	if err := child.Start(); err != nil {
		r.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for first := true; lines.Scan(); first = false {
		r.acknowledged = append(r.acknowledged, lines.Text())
		if first {
			time.AfterFunc(rand.N(400*time.Millisecond), func() { _ = child.Process.Kill() })
		}
	}
	if err := child.Wait(); child.ProcessState.ExitCode() != -1 {
		r.Fatalf("the process ended before it was killed: %v", err)
	}
}

// finish runs the process until nothing waits, and returns how long that took. It may take
// as long as the number of those that wait becomes less within each minute.
func (r *crashRig) finish(db *state.DB) time.Duration {
	r.Helper()
	began := time.Now()
	child := r.command("last", false)
	input, err := child.StdinPipe()
	if err != nil {
		r.Fatal(err)
	}
	if err := child.Start(); err != nil {
		r.Fatal(err)
	}
	least, deadline := int64(-1), time.Time{}
	for {
		due, err := db.DueDestinations(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		if len(due) == 0 {
			break
		}
		if now := time.Now(); now.After(deadline) {
			_, counts, err := db.CountEvents(r.Context(), state.EventFilter{AccountID: account, State: outbox.Waiting})
			if err != nil {
				r.Fatal(err)
			}
			waiting := counts[outbox.Waiting]
			if least >= 0 && waiting >= least {
				r.Fatalf("for a minute %d wait: due are %v", waiting, due)
			}
			least, deadline = waiting, now.Add(time.Minute)
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(began)
	input.Close()
	if err := child.Wait(); err != nil {
		r.Errorf("the last process: %v", err)
	}
	return took
}

// count compares what was acknowledged with what has arrived, and prints it.
func (r *crashRig) count(db *state.DB, sink *crashSink, kills int, took time.Duration) {
	r.Helper()
	sink.mu.Lock()
	defer sink.mu.Unlock()
	stateOf := make(map[string]string)
	for _, name := range []string{outbox.Waiting, outbox.Delivered, outbox.Dead} {
		page := state.EventPage{Limit: 1000}
		for full := true; full; {
			events, err := db.Events(r.Context(), state.EventFilter{AccountID: account, State: name}, page)
			if err != nil {
				r.Fatal(err)
			}
			for _, e := range events {
				stateOf[e.ID] = name
				page.From, page.After = e.ListedAt, e.ID
			}
			full = len(events) == page.Limit
		}
	}
	var lost, dead, unknown, duplicates int
	for _, id := range r.acknowledged {
		switch {
		case stateOf[id] == outbox.Dead && strings.HasSuffix(id, "7"):
			dead++
		case stateOf[id] == outbox.Delivered && sink.unknown[id]:
			unknown++
		case stateOf[id] != outbox.Delivered || sink.received[id] == 0:
			lost++
			r.Errorf("%s was acknowledged; it is %q, and has arrived %d times", id, stateOf[id], sink.received[id])
		}
	}
	for id, times := range sink.received {
		duplicates += times - 1
		if number, _ := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:]); times > 1 && number%5 == 3 {
			r.Errorf("the message %s was sent %d times", id, times)
		}
	}
	if len(sink.disorder) > 0 {
		r.Errorf("out of order: %q", sink.disorder)
	}
	fmt.Printf("%s: %d kills: acknowledged %d, delivered %d, dead-lettered %d, unknown %d, duplicated %d, lost %d; all done %.1f s after the last start\n",
		r.Name(), kills, len(r.acknowledged), len(r.acknowledged)-lost-dead-unknown, dead, unknown, duplicates, lost, took.Seconds())
	if len(r.acknowledged) < kills || dead == 0 {
		r.Errorf("too little was acknowledged or refused for the test to mean anything")
	}
}

// mainOfChild runs crashChild if the process was started by the crash rig.
func mainOfChild() {
	path := os.Getenv("FERRY_CRASH_PATH")
	if path == "" {
		return
	}
	err := crashChild(path, os.Getenv("FERRY_CRASH_KEYSET"), os.Getenv("FERRY_CRASH_URL"), os.Getenv("FERRY_CRASH_RUN"), os.Getenv("FERRY_CRASH_STORES") == "true")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
