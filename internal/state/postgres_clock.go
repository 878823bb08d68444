// Whether the clock of this machine agrees with that of the database's server.

package state

import (
	"context"
	"time"
)

const (
	// maxClockSkew is the difference of the clocks above which a warning is logged.
	// Replicas compare times that other replicas have stored: leases of deliveries are
	// 10 s long, and rate limits are kept by the second.
	maxClockSkew = time.Second
	// clockInterval is the time between two comparisons of the clocks.
	clockInterval = time.Minute
)

// watchClock compares the clocks until ctx is done, and logs when they disagree and when
// they agree again. All replicas compare theirs with the same clock.
func (s *DB) watchClock(ctx context.Context) error {
	isWrong := false
	for {
		skew, uncertainty, err := s.clockSkew(ctx)
		if err == nil && s.config.Now == nil {
			s.followClock(skew, uncertainty)
		}
		switch isOver := skew.Abs() > maxClockSkew+uncertainty; {
		case err != nil: // other calls report that the server cannot be reached
		case isOver && !isWrong:
			s.logger.Warn("the clocks of this machine and of the database's server disagree; limits of messages may not hold. Synchronise both, for example by NTP",
				"ahead", skew.Round(time.Millisecond))
			isWrong = true
		case !isOver && isWrong:
			s.logger.Info("the clocks of this machine and of the database's server agree again")
			isWrong = false
		}
		select {
		case <-time.After(clockInterval):
		case <-ctx.Done():
			return nil
		}
	}
}

// clockSkew returns how far the clock of this machine is ahead of that of the server, and how
// wrong that may be, because the answer took some time.
func (s *DB) clockSkew(ctx context.Context) (skew, uncertainty time.Duration, err error) {
	begun, before := time.Now(), s.machine()
	var microseconds int64
	err = s.read.QueryRowContext(ctx, `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`).Scan(&microseconds)
	uncertainty = time.Since(begun) / 2
	return before.Add(uncertainty).Sub(time.UnixMicro(microseconds)), uncertainty, err
}
