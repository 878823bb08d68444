// The clock of a world: that of the simulator, by which the gateway lives, too.
//
// Ages, expiries, retries and the limits of Meta follow it. What happens between two
// programs at a moment follows real time: signatures, timeouts, transfers, caches and the
// admission of requests.

package local

import (
	"context"
	"sync/atomic"
	"time"

	"ferry/internal/gateway"
)

// A follower makes the simulator wait for the gateway when its clock is advanced.
type follower struct {
	gateway atomic.Pointer[gateway.Gateway] // nil until it is open
}

func (f *follower) ClockChanged(by time.Duration) {
	if g := f.gateway.Load(); g != nil {
		g.ClockChanged(by)
	}
}

func (f *follower) NextDue(ctx context.Context) (time.Time, error) {
	if g := f.gateway.Load(); g != nil {
		return g.NextDue(ctx)
	}
	return time.Time{}, nil
}
