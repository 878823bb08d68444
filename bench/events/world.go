// The world around the server, as a process of its own: Meta's Graph API, and the
// program that receives events.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"ferry/bench/child"
	"ferry/metasim"
)

const (
	metaAccount = "102290129340398"
	metaPhone   = "106540352242922"
	metaToken   = "bench-token"
	roleWorld   = "world" // first argument of the process
)

// A world is the running process.
type world struct {
	*child.Process
	graphURL, receiverURL string
}

func startWorld(ctx context.Context, dir string) (*world, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	graph, err := child.FreeAddress()
	if err != nil {
		return nil, err
	}
	receiver, err := child.FreeAddress()
	if err != nil {
		return nil, err
	}
	w := &world{graphURL: "http://" + graph, receiverURL: "http://" + receiver}
	if w.Process, err = child.Start(ctx, dir, "world", child.Environment(), self, roleWorld, graph, receiver); err != nil {
		return nil, err
	}
	if err := w.WaitReady(ctx, w.receiverURL); err != nil {
		w.Stop()
		return nil, err
	}
	return w, nil
}

// received is what the program has received.
type received struct {
	Events     int `json:"events"`
	Duplicates int `json:"duplicates"` // with the id of an earlier event
}

// await waits until the program has received a number of events.
func (w *world) await(ctx context.Context, events int) (r received, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		text, err := child.Get(ctx, w.receiverURL)
		if err != nil {
			return r, fmt.Errorf("the destination has received %d of %d events: %w", r.Events, events, err)
		}
		if err := json.Unmarshal(text, &r); err != nil || r.Events >= events {
			return r, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// serveWorld is main of the process. The simulator reports no statuses of messages, so
// that a message is one event: accepted.
func serveWorld(graph, receiver string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", graph)
	if err != nil {
		return err
	}
	sim := metasim.New(metasim.Config{
		Storage:       metasim.NewDiscardStorage(),
		MessageLimits: metasim.MessageLimits{PerSecond: -1, PairBurst: -1}, OpenWindows: true,
		BusinessAccounts: []metasim.BusinessAccount{{ID: metaAccount, Token: metaToken, PhoneNumbers: []metasim.PhoneNumber{{ID: metaPhone}}}},
	})
	server := &http.Server{Addr: receiver, Handler: receive(), ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	go func() { _ = server.ListenAndServe() }()
	defer func() { _ = sim.Close() }()
	return sim.Run(ctx, listener, nil)
}

// object is every object of the store.
var object = strings.Repeat("All work and no play.\n", storeSize/22)

// receive counts the events that are posted, and returns their number to GET requests.
func receive() http.Handler {
	var mu sync.Mutex
	var total received
	ids := make(map[string]bool)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("Webhook-Id")
		switch {
		case strings.HasPrefix(r.URL.Path, "/"+bucket+"/"): // an object of the store
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("ETag", `"e"`)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(object))
		case r.Method != http.MethodPost:
			_ = json.NewEncoder(w).Encode(total)
		case ids[id]:
			total.Duplicates++
		default:
			ids[id] = true
			total.Events++
		}
	})
}
