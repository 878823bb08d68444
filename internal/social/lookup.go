// Questions for the head of one object that come together.

package social

import (
	"context"
	"sync"

	"ferry/internal/object"
)

// lookups answer questions for an object's head, such as those of a campaign
// that sends one picture to many. While one request to the store is under way,
// all who ask for the same object wait for the next one: an answer is never
// older than its question, so whoever has just written an object is told of
// what they wrote. There are at most two lookups an object, and one goroutine.
type lookups struct {
	mu       sync.Mutex
	byObject map[string]*lookupQueue
}

// lookupQueue is the lookup of an object that is under way, and what comes after it.
type lookupQueue struct{ next *lookup }

// A lookup is one request to the store. Its goroutine writes head and err
// before it closes done.
type lookup struct {
	file *object.File
	ctx  context.Context // of the first who asked, without its end; the file bounds the time
	done chan struct{}
	head *object.Object
	err  error
}

// of gives the headers of an object.
func (l *lookups) of(ctx context.Context, file *object.File) (*object.Object, error) {
	mine := l.join(ctx, file)
	select {
	case <-mine.done:
		return mine.head, mine.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// join gives a lookup that has not begun.
func (l *lookups) join(ctx context.Context, file *object.File) *lookup {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.byObject[file.String()]
	if queue != nil && queue.next != nil {
		return queue.next
	}
	mine := &lookup{file: file, ctx: context.WithoutCancel(ctx), done: make(chan struct{})}
	if queue != nil {
		queue.next = mine
		return mine
	}
	queue = new(lookupQueue)
	l.byObject[file.String()] = queue
	go l.run(queue, mine)
	return mine
}

// run makes one lookup after the other until nobody asks.
func (l *lookups) run(queue *lookupQueue, current *lookup) {
	for current != nil {
		current.ask()
		l.mu.Lock()
		name := current.file.String()
		current, queue.next = queue.next, nil
		if current == nil {
			delete(l.byObject, name)
		}
		l.mu.Unlock()
	}
}

// ask asks the store.
func (l *lookup) ask() {
	defer close(l.done)
	defer func() {
		if panicked := recover(); panicked != nil {
			l.err = &panicError{panicked}
		}
	}()
	l.head, l.err = l.file.Stat(l.ctx)
}
