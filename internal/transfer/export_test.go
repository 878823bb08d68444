package transfer

import "time"

// SetQuotaClock replaces the clock by which transfers are slow.
func (e *Engine) SetQuotaClock(now func() time.Time) { e.quota.now = now }

// Moved returns how many bytes each transfer in progress has passed on.
func (e *Engine) Moved() (bytes []int64) {
	e.quota.mu.Lock()
	defer e.quota.mu.Unlock()
	for _, u := range e.quota.accounts {
		for p := range u.inProgress {
			bytes = append(bytes, p.moved.Load())
		}
	}
	return bytes
}
