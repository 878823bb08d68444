package metasim

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// maxWaiting bounds the connections of a listener that have no complete request:
// new ones, and idle ones.
const maxWaiting = 1024

// waiting closes the connection that has waited for the longest time when there
// are too many without a complete request, so that clients that send nothing, or
// never the end of a header, do not keep others out.
type waiting struct {
	mu    sync.Mutex
	since map[net.Conn]time.Time
}

func newWaiting() *waiting { return &waiting{since: make(map[net.Conn]time.Time)} }

// changed is the ConnState of an http.Server.
func (w *waiting) changed(connection net.Conn, state http.ConnState) {
	if victim := w.update(connection, state); victim != nil {
		_ = victim.Close()
	}
}

// update takes account of a connection's state and returns the connection to close,
// or nil.
func (w *waiting) update(connection net.Conn, state http.ConnState) (victim net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if state != http.StateNew && state != http.StateIdle {
		delete(w.since, connection)
		return nil
	}
	w.since[connection] = time.Now()
	if len(w.since) <= maxWaiting {
		return nil
	}
	for other, since := range w.since {
		if victim == nil || since.Before(w.since[victim]) {
			victim = other
		}
	}
	delete(w.since, victim)
	return victim
}
