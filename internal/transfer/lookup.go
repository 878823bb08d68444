// One HEAD request for all uploads that need the headers of the same object.
//
// This file is here for speed only. A campaign that sends one picture to many
// recipients asks for the same object thousands of times, and with reuse the
// HEAD request is most of what such an upload costs. Without this file, the
// bound for reuse in docs/performance.md (twice the uploads per second of
// ferry without reuse) does not hold: 1.3 and 1.4 were measured,
// and 2.4 and 2.5 with it.

package transfer

import (
	"context"
	"fmt"
	"sync"

	"ferry/internal/object"
)

// lookups share requests for the headers of an object. Each caller
// waits for a request that started after its own call, so that it sees an object
// that it has just written. There are at most two lookups per object, one in
// progress and the next one, and one goroutine.
type lookups struct {
	mu       sync.Mutex
	byObject map[string]*lookupQueue
}

// lookupQueue is the lookup of an object that is in progress, and the next one.
type lookupQueue struct{ next *lookup }

// A lookup is one request to the store. Its goroutine writes headers and err
// before it closes done.
type lookup struct {
	source  object.Source
	ctx     context.Context // of the first caller, but not cancelled with it; the source bounds the time
	done    chan struct{}
	headers *object.Object
	err     error
}

// stat returns the headers of an object. The request is sent once: what to do after
// a failure is up to each caller, with its own budget.
func (l *lookups) stat(ctx context.Context, source object.Source) (*object.Object, error) {
	mine := l.join(ctx, source)
	select {
	case <-mine.done:
		return mine.headers, mine.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// join returns a lookup that has not begun.
func (l *lookups) join(ctx context.Context, source object.Source) *lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := source.String()
	queue := l.byObject[name]
	if queue != nil && queue.next != nil {
		return queue.next
	}
	mine := &lookup{source: source.WithBudget(object.NewBudget(1, nil)), ctx: context.WithoutCancel(ctx), done: make(chan struct{})}
	if queue != nil {
		queue.next = mine
		return mine
	}
	queue = new(lookupQueue)
	if l.byObject == nil {
		l.byObject = make(map[string]*lookupQueue)
	}
	l.byObject[name] = queue
	go l.run(name, queue, mine)
	return mine
}

// run makes one lookup after the other until nobody waits for one.
func (l *lookups) run(name string, queue *lookupQueue, current *lookup) {
	for current != nil {
		current.request()
		l.mu.Lock()
		current, queue.next = queue.next, nil
		if current == nil {
			delete(l.byObject, name)
		}
		l.mu.Unlock()
	}
}

// request asks the store. A panic is an error of the lookup: it is in a
// goroutine of its own, where nobody else would recover it.
func (l *lookup) request() {
	defer close(l.done)
	defer func() {
		if panicked := recover(); panicked != nil {
			l.err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	l.headers, l.err = l.source.Stat(l.ctx)
}
