package listen

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"net/http"
	"sync"
	"time"

	"ferry/internal/control"
)

const (
	workers        = 8                // attempts in progress to one URL
	queueLength    = 100              // events that wait in each lane; more make the stream wait
	attemptTimeout = 10 * time.Second // of one attempt
	maxAnswer      = 4 << 10          // bytes of an answer that are kept
	maxDrain       = 64 << 10         // bytes of an answer that are read
	maxAttempts    = 10               // of one event, with Config.Retry
	firstWait      = time.Second      // before the second attempt; it doubles
	longestWait    = 30 * time.Second
)

// An Attempt is one request to a program, or an event that goes nowhere.
type Attempt struct {
	Time    time.Time
	Event   string // id
	Name    string
	To      *Target // nil if it goes nowhere
	Number  int     // from 1
	Status  int     // of the answer; 0 if there is none
	Error   string  // why there is no answer
	Took    time.Duration
	Header  http.Header // of the request
	Body    []byte      // of the request
	Answer  []byte      // its first 4 KiB
	Retried bool        // another attempt follows
}

// Failed reports whether the program has not taken the event.
func (a Attempt) Failed() bool { return a.To != nil && (a.Status < 200 || a.Status > 299) }

// poster posts to one URL, through lanes of which each posts one event at a time.
type poster struct {
	target Target
	config *Config
	report func(Attempt)
	client *http.Client
	seed   maphash.Seed
	lanes  []chan control.Event
	ended  context.Context // done when no further attempt begins
	end    context.CancelFunc
	done   sync.WaitGroup
}

func newPoster(target Target, c *Config, report func(Attempt)) *poster {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = workers
	p := &poster{target: target, config: c, report: report, seed: maphash.MakeSeed(), client: &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	p.ended, p.end = context.WithCancel(context.Background())
	for range workers {
		lane := make(chan control.Event, queueLength)
		p.lanes = append(p.lanes, lane)
		p.done.Go(func() {
			for {
				select {
				case e := <-lane:
					p.post(e)
				case <-p.ended.Done():
					return
				}
			}
		})
	}
	return p
}

// put queues an event. It reports whether it did before ctx ended.
func (p *poster) put(ctx context.Context, e control.Event) bool {
	if !p.config.Form.takes(e) {
		return false
	}
	lane := p.lanes[maphash.String(p.seed, conversation(e))%workers]
	select {
	case lane <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

// finish waits for the attempts in progress.
func (p *poster) finish() {
	p.end()
	p.done.Wait()
	p.client.CloseIdleConnections()
}

// post posts an event until it is taken.
func (p *poster) post(e control.Event) {
	wait := firstWait
	for number := 1; p.ended.Err() == nil; number++ {
		a := p.attempt(e, number)
		a.Retried = a.Failed() && p.config.Retry && number < maxAttempts
		p.report(a)
		if !a.Retried {
			return
		}
		select {
		case <-time.After(wait):
		case <-p.ended.Done():
		}
		wait = min(2*wait, longestWait)
	}
}

// attempt posts an event once.
func (p *poster) attempt(e control.Event, number int) Attempt {
	a := Attempt{Time: time.Now(), Event: e.ID, Name: e.Name, To: &p.target, Number: number}
	ctx, cancel := context.WithTimeout(p.config.Abort, attemptTimeout)
	defer cancel()
	header, body, err := p.config.Form.encode(e, a.Time)
	if err != nil {
		a.Error = err.Error()
		return a
	}
	a.Header, a.Body = header, body
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.target.URL.String(), bytes.NewReader(body))
	if err != nil {
		a.Error = err.Error()
		return a
	}
	request.Header = header
	defer func() { a.Took = time.Since(a.Time) }()
	response, err := p.client.Do(request)
	if err != nil {
		a.Error = cause(err)
		a.Took = time.Since(a.Time)
		return a
	}
	defer response.Body.Close()
	a.Status = response.StatusCode
	a.Answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil {
		_, err = io.CopyN(io.Discard, response.Body, maxDrain-maxAnswer)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		a.Status, a.Error = 0, cause(err)
	}
	a.Took = time.Since(a.Time)
	return a
}

// cause returns an error of a request without the URL, which is printed beside it.
func cause(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + attemptTimeout.String()
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		if _, more := inner.(interface{ Unwrap() error }); !more {
			break
		}
		err = inner
	}
	return err.Error()
}
