package metasim

import "sync"

// broadcaster tells all who wait that something has changed.
type broadcaster struct {
	mu   sync.Mutex
	next chan struct{} // closed by the next change; nil means that nobody waits
}

// change returns a channel that is closed by the next change.
func (b *broadcaster) change() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

// broadcast reports a change.
func (b *broadcaster) broadcast() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}
