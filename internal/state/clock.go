// The time of the outbox, on which processes that share a database must agree.

package state

import (
	"context"
	"time"
)

// maxUncertainty is the uncertainty of a comparison with PostgreSQL's clock beyond which
// it is not followed.
const maxUncertainty = 500 * time.Millisecond

// Clock returns the time that leases and waits of deliveries are measured with: on
// PostgreSQL that of its server, so that processes agree whose clocks do not; on SQLite
// that of the machine.
func (s *DB) Clock() time.Time { return s.now().Add(-time.Duration(s.skew.Load())) }

// followClock makes Clock follow PostgreSQL's clock from now on.
func (s *DB) followClock(skew, uncertainty time.Duration) {
	if uncertainty <= maxUncertainty {
		s.skew.Store(int64(skew))
	}
}

// startClock makes the first comparison. The clock of a test is left alone, here and in
// watchClock.
func (s *DB) startClock(ctx context.Context) error {
	if s.config.Now != nil {
		return nil
	}
	skew, uncertainty, err := s.clockSkew(ctx)
	if err == nil {
		s.followClock(skew, uncertainty)
	}
	return err
}
