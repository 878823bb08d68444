// The queue of webhooks: lanes of updates that wait for their first delivery, and
// webhooks that wait for their next one.

package metasim

import (
	"container/heap"
	fifo "container/list"
	"fmt"
	"sync"
	"time"
)

const (
	maxWebhooksQueued     = 50_000 // updates and webhooks that wait; one more drops the oldest
	maxWebhooksInProgress = 64     // deliveries at once
	droppedPerWarning     = 1000   // drops between two lines in the log

	webhookIDPrefix = "webhook-"
)

// webhooks are the updates to be delivered and what has become of earlier ones.
type webhooks struct {
	server *Server
	wake   chan struct{} // capacity 1: there is something to do

	mu         sync.Mutex
	delivery   WebhookDelivery
	treated    int // updates to which delivery has been applied
	lanes      map[string]*lane
	ready      []job
	timers     timers
	queued     *fifo.List // of *queuedUpdate, oldest first
	retries    *fifo.List // of *post, in the order in which they failed
	inProgress int
	generation int // of the queue; clear starts another
	dropped    int
	lastID     int
	history    []*Webhook
}

// lane is a queue of updates that are delivered in order.
type lane struct {
	queue []*queuedUpdate
	busy  bool // it is in ready, in timers, or being delivered
}

// queuedUpdate is an update that waits for its first delivery.
type queuedUpdate struct {
	update
	at        time.Time // when it happened
	due       time.Time
	copies    int // that are delivered in addition
	signature string
	oldSecret string
	lane      *lane
	element   *fifo.Element
}

// post is a webhook in memory.
type post struct {
	entry      *Webhook // in the history; changed under webhooks.mu only
	body       []byte
	account    string
	phoneID    string
	field      string
	signature  string
	oldSecret  string
	attempts   int
	generation int
	element    *fifo.Element // in retries, while it waits
}

// job is a lane or a post to be worked on, now or when it is due.
type job struct {
	due  time.Time
	lane *lane
	post *post
}

func newWebhooks(s *Server) *webhooks {
	return &webhooks{
		server: s, wake: make(chan struct{}, 1), delivery: s.cfg.WebhookDelivery,
		lanes: map[string]*lane{}, queued: fifo.New(), retries: fifo.New(),
	}
}

// signal makes the delivering goroutine look at the queue.
func (w *webhooks) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *webhooks) setDelivery(d WebhookDelivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delivery, w.treated = d, 0
}

func (w *webhooks) currentDelivery() WebhookDelivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.delivery
}

// pendingCount returns the number of updates and webhooks that wait. The caller
// holds w.mu.
func (w *webhooks) pendingCount() int { return w.queued.Len() + w.retries.Len() }

// add queues an update that happens now.
func (w *webhooks) add(u update, now time.Time) {
	phoneID := ""
	if u.phone != nil {
		phoneID = u.phone.ID
	}
	_, state := w.server.callbackOf(u.account, phoneID, u.field)
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.server.changed.broadcast()
	how := w.treatment()
	if state == WebhookWaiting && w.chance(how.Lose) {
		state = WebhookLost
	}
	if state != WebhookWaiting {
		body, err := webhookBody([]update{u}, now)
		if err != nil {
			w.server.cfg.Logger.Error("metasim: encode a webhook", "field", u.field, "error", err)
		}
		w.record(w.newEntry([]update{u}, now, state), body)
		return
	}
	name := w.server.laneOf(u)
	q := &queuedUpdate{update: u, at: now, due: now.Add(how.Delay), signature: how.Signature, oldSecret: how.OldSecret}
	if w.chance(how.Duplicate) {
		q.copies = 1
	}
	if w.chance(how.Disorder) {
		name += "/late"
		q.due = q.due.Add(disorderDelay)
	}
	w.makeRoom()
	q.element = w.queued.PushBack(q)
	if w.lanes[name] == nil {
		w.lanes[name] = &lane{}
	}
	q.lane = w.lanes[name]
	q.lane.queue = append(q.lane.queue, q)
	switch {
	case !q.lane.busy:
		q.lane.busy = true
		w.ready = append(w.ready, job{lane: q.lane})
	case w.delivery.BatchSize > 1 && len(q.lane.queue) == w.delivery.BatchSize: // a batch is full
		w.promote(q.lane)
	default:
		return
	}
	w.signal()
}

// treatment returns how the next update is delivered. The caller holds w.mu.
func (w *webhooks) treatment() WebhookDelivery {
	if w.delivery.Times > 0 && w.treated >= w.delivery.Times {
		return WebhookDelivery{BatchSize: w.delivery.BatchSize}
	}
	w.treated++
	return w.delivery
}

func (w *webhooks) chance(p float64) bool { return p > 0 && w.server.random.float() < p }

// makeRoom drops the oldest of what waits if the queue is full. Webhooks that have
// failed before are older than those that wait for their first delivery. The caller
// holds w.mu.
func (w *webhooks) makeRoom() {
	if w.pendingCount() < maxWebhooksQueued {
		return
	}
	if w.dropped%droppedPerWarning == 0 {
		w.server.cfg.Logger.Warn("metasim: the queue of webhooks is full, so the oldest are dropped", "queued", maxWebhooksQueued, "dropped", w.dropped+1)
	}
	w.dropped++
	if first := w.retries.Front(); first != nil {
		p := first.Value.(*post)
		w.retries.Remove(first)
		w.timers.remove(p)
		p.element, p.entry.State, p.entry.NextAttempt = nil, WebhookDropped, time.Time{}
		return
	}
	q := w.queued.Remove(w.queued.Front()).(*queuedUpdate)
	q.lane.queue = q.lane.queue[1:] // the oldest of all is the first of its lane
}

// promote makes a lane that waits in timers ready. The caller holds w.mu.
func (w *webhooks) promote(l *lane) {
	if w.timers.removeLane(l) {
		w.ready = append(w.ready, job{lane: l})
	}
}

// clear empties the queue and the history. Deliveries in progress are not repeated.
func (w *webhooks) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delivery, w.treated = w.server.cfg.WebhookDelivery, 0
	w.lanes, w.ready, w.timers = map[string]*lane{}, nil, nil
	w.queued.Init()
	w.retries.Init()
	w.generation++
	w.dropped, w.history = 0, nil
}

// take returns a job that is due at a time, as a post to be sent. It returns none,
// and the time until the next one is due, if there is none or too many are in
// progress.
func (w *webhooks) take(now time.Time) (j job, wait time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.timers) > 0 && !w.timers[0].due.After(now) {
		w.ready = append(w.ready, heap.Pop(&w.timers).(job))
	}
	for len(w.ready) > 0 && w.inProgress < maxWebhooksInProgress {
		j, w.ready = w.ready[0], w.ready[1:]
		if j.lane != nil && !w.form(&j, now) {
			continue
		}
		if j.post.element != nil {
			w.retries.Remove(j.post.element)
			j.post.element = nil
		}
		w.inProgress++
		return j, 0, true
	}
	wait = idleWebhookWait
	if len(w.timers) > 0 {
		wait = min(maxWebhookWait, max(minWebhookWait, w.server.clock.until(w.timers[0].due)))
	}
	return job{}, wait, false
}

// form makes the first updates of a lane the post of its job. It reports false if
// they are not due yet. The caller holds w.mu.
func (w *webhooks) form(j *job, now time.Time) bool {
	l, size := j.lane, max(1, w.delivery.BatchSize)
	if len(l.queue) == 0 {
		l.busy = false
		return false
	}
	due := l.queue[0].due
	if size > 1 && len(l.queue) < size {
		due = due.Add(batchWait)
	}
	if due.After(now) {
		heap.Push(&w.timers, job{due: due, lane: l})
		return false
	}
	first, n := l.queue[0], 1
	for n < min(size, len(l.queue)) && l.queue[n].signature == first.signature && !l.queue[n].due.After(now) {
		n++
	}
	updates, copies := make([]update, n), 0
	for i, q := range l.queue[:n] {
		updates[i], copies = q.update, max(copies, q.copies)
		w.queued.Remove(q.element)
	}
	at := l.queue[n-1].at
	l.queue = l.queue[n:]
	body, err := webhookBody(updates, at)
	if err != nil { // a value that is not JSON, which no caller makes
		w.server.cfg.Logger.Error("metasim: encode a webhook", "field", first.field, "error", err)
		w.ready = append(w.ready, job{lane: l})
		return false
	}
	entry := w.newEntry(updates, at, WebhookWaiting)
	j.post = &post{
		body: body, account: first.account, phoneID: entry.PhoneNumberID, field: first.field,
		signature: first.signature, oldSecret: first.oldSecret, generation: w.generation,
	}
	j.post.entry = w.record(entry, body)
	for range copies {
		again := *j.post
		entry := w.newEntry(updates, at, WebhookWaiting)
		entry.CopyOf = j.post.entry.ID
		again.entry = w.record(entry, body)
		w.ready = append(w.ready, job{post: &again})
	}
	return true
}

// newEntry returns an entry of the history for updates. The caller holds w.mu.
func (w *webhooks) newEntry(updates []update, at time.Time, state WebhookState) Webhook {
	w.lastID++
	entry := Webhook{
		ID: fmt.Sprint(webhookIDPrefix, w.lastID), Time: at, BusinessAccountID: updates[0].account,
		Field: updates[0].field, Updates: len(updates), State: state,
	}
	if p := updates[0].phone; p != nil {
		entry.PhoneNumberID = p.ID
	}
	return entry
}

// timers is a heap of jobs by the time when they are due.
type timers []job

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].due.Before(t[j].due) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(j any)        { *t = append(*t, j.(job)) }
func (t *timers) Pop() any {
	last := (*t)[len(*t)-1]
	*t = (*t)[:len(*t)-1]
	return last
}

func (t *timers) removeLane(l *lane) bool {
	return t.removeFirst(func(j job) bool { return j.lane == l })
}

func (t *timers) remove(p *post) bool {
	return t.removeFirst(func(j job) bool { return j.post == p })
}

func (t *timers) removeFirst(is func(job) bool) bool {
	for i, j := range *t {
		if is(j) {
			heap.Remove(t, i)
			return true
		}
	}
	return false
}
