package admission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// ErrBusy is returned by the body of a request that was given up because
// unverified clients hold too much memory. The client may retry.
var ErrBusy = errors.New("too many requests of unverified clients are in progress")

// Estimates of memory, measured with a server of this version of Go.
const (
	requestCost    = 8 << 10 // a request: goroutine, buffers, response
	headerLineCost = 128     // a header line beside its text
)

// A request is a request whose caller may not be known yet. It is the body of
// that request. The fields of the last block are guarded by the Limiter's mutex.
type request struct {
	conn     *conn
	body     io.ReadCloser
	response *http.ResponseController
	isHTTP2  bool

	// responding guards response, which must not be used when the handler has
	// returned: net/http uses its memory, or the connection, for another request.
	// The Limiter's mutex may be locked while it is held, but not the other way round.
	responding sync.Mutex
	returned   bool // the handler has

	held     int64 // estimated bytes
	complete bool  // the body was read to its end
	settled  bool  // the caller is verified, or the request has ended
	evicted  bool
	cutOff   bool // nothing more is received of the body
}

type requestKey struct{}

// handler counts the requests of a handler and refuses those with too many
// header lines.
func (l *Limiter) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		c, _ := in.Context().Value(connKey{}).(*conn)
		if c == nil { // a test calls the handler without a server
			next.ServeHTTP(w, in)
			return
		}
		lines, size := measure(in)
		r := &request{conn: c, body: in.Body, response: http.NewResponseController(w), isHTTP2: in.ProtoMajor == 2, held: requestCost + size + headerLineCost*int64(lines)}
		if in.Body == nil || in.Body == http.NoBody {
			r.complete = true
		} else if r.isHTTP2 {
			r.held += maxReceiveBuffer
		}
		r.begin()
		defer r.end()
		if lines > maxHeaderLines {
			w.Header().Set("Connection", "close")
			http.Error(w, fmt.Sprintf("The request has %d header lines; at most %d are accepted.", lines, maxHeaderLines), http.StatusRequestHeaderFieldsTooLarge)
			return
		}
		out := in.WithContext(context.WithValue(in.Context(), requestKey{}, r))
		if !r.complete {
			out.Body = r
		}
		next.ServeHTTP(w, out)
	})
}

// measure returns the number of header lines of a request, and the bytes of
// their text and of the request target.
func measure(r *http.Request) (lines int, size int64) {
	size = int64(len(r.RequestURI))
	for name, values := range r.Header {
		lines += len(values)
		size += int64(len(name) * len(values))
		for _, value := range values {
			size += int64(len(value))
		}
	}
	return lines, size
}

// Verified says that the caller of the request with this context is known: the
// request, and the connection that it came on, no longer count as unverified.
// The handler of an authenticated request must call it as soon as it can.
func Verified(ctx context.Context) {
	r, _ := ctx.Value(requestKey{}).(*request)
	if r == nil {
		return
	}
	l, c := r.conn.limiter, r.conn
	l.mu.Lock()
	defer l.mu.Unlock()
	r.settle()
	if c.closed {
		return
	}
	if c.evicted { // just before: the request goes on
		l.dying -= c.held
		l.held += c.held
		l.groups[c.address].held += c.held
		c.evicted, c.lingers = false, false
		for _, other := range c.requests {
			other.evicted = false
		}
	}
	if c.stranger != nil {
		l.groups[c.address].strangers.Remove(c.stranger)
		c.stranger = nil
	}
	c.release(c.base)
	c.base = 0
}

// begin counts the request.
func (r *request) begin() {
	l, c := r.conn.limiter, r.conn
	l.mu.Lock()
	c.busy++
	c.requests = append(c.requests, r)
	r.evicted = c.evicted
	c.hold(r.held)
	l.mu.Unlock()
	l.makeRoom(c, true)
}

// end ends the request.
func (r *request) end() {
	r.responding.Lock()
	r.returned = true
	r.responding.Unlock()
	r.conn.limiter.mu.Lock()
	defer r.conn.limiter.mu.Unlock()
	r.conn.busy--
	if r.conn.stranger == nil {
		r.conn.since = time.Now() // before the client has the response
	}
	r.settle()
}

// settle removes the request from those that are not verified. The mutex is held.
func (r *request) settle() {
	if r.settled {
		return
	}
	r.settled = true
	c := r.conn
	c.requests = slices.DeleteFunc(c.requests, func(other *request) bool { return other == r })
	if r.evicted && !c.evicted {
		c.limiter.dying -= r.held
		c.limiter.wakeNext()
		return
	}
	c.release(r.held)
}

// abandon takes the request out of those that can be evicted, and leaves its
// connection. The mutex is held.
func (r *request) abandon() {
	if r.evicted {
		return
	}
	r.evicted = true
	r.conn.release(r.held)
	r.conn.limiter.dying += r.held
}

// Read reads the body, and counts its bytes as long as the caller is not
// verified.
func (r *request) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	l := r.conn.limiter
	l.mu.Lock()
	counts := !r.settled && !r.evicted
	if counts {
		r.held += int64(n)
		r.conn.hold(int64(n))
		r.complete = errors.Is(err, io.EOF)
	}
	l.mu.Unlock()
	if counts && n > 0 {
		l.makeRoom(r.conn, true)
	}
	l.mu.Lock()
	givenUp := r.evicted && !r.complete && !r.settled
	cutOff := r.cutOff // just before the caller was verified
	l.mu.Unlock()
	if givenUp || cutOff && errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, ErrBusy
	}
	return n, err
}

// Close closes the body.
func (r *request) Close() error { return r.body.Close() }

// giveUp ends the request, which was evicted. Over HTTP/1.1 the handler receives
// ErrBusy from the body, and has a moment to say so to the client. A stream of
// HTTP/2 is reset.
func (r *request) giveUp() {
	r.cut()
	if r.isHTTP2 {
		return
	}
	l := r.conn.limiter
	time.AfterFunc(evictionGrace, func() {
		l.mu.Lock()
		settled := r.settled
		r.conn.lingers = r.conn.lingers && settled
		l.mu.Unlock()
		if !settled {
			_ = r.conn.Close()
		}
	})
}

// cut ends what is received of the request and, over HTTP/2, what is sent, unless
// the handler has returned.
func (r *request) cut() {
	r.responding.Lock()
	defer r.responding.Unlock()
	if r.returned {
		return
	}
	l := r.conn.limiter
	l.mu.Lock()
	r.cutOff = !r.complete && !r.settled
	cutsOff := r.cutOff
	l.mu.Unlock()
	past := time.Unix(1, 0)
	if cutsOff {
		_ = r.response.SetReadDeadline(past)
	}
	if r.isHTTP2 {
		_ = r.response.SetWriteDeadline(past)
	}
}
