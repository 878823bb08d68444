package transfer

import "time"

// SetQuotaClock replaces the clock by which transfers are slow.
func (e *Engine) SetQuotaClock(now func() time.Time) { e.quota.now = now }
