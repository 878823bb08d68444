package state

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Freshness is exported for tests.
const Freshness = freshness

// WritableAge is exported for tests.
const WritableAge = writableAge

// FreeReserve is exported for tests.
const FreeReserve = freeReserve

// MaxUnlinked is exported for tests.
const MaxUnlinked = maxUnlinked

// Purge is exported for tests.
func (s *DB) Purge(ctx context.Context) (int64, error) { return s.purge(ctx) }

// LimitPages lets the file grow by some more pages only: SQLite then behaves as on a
// full disk.
func (s *DB) LimitPages(ctx context.Context, more int) error {
	var pages int
	if err := s.write.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages); err != nil {
		return err
	}
	return s.write.QueryRowContext(ctx, fmt.Sprintf(`PRAGMA max_page_count(%d)`, pages+more)).Scan(&pages)
}

// CheckAll runs the check of the background.
func (s *DB) CheckAll(ctx context.Context) error { return check(ctx, s.read, "integrity_check") }

// LoseWrites does what a failed fsync does.
func (s *DB) LoseWrites(cause error) {
	s.writability.isFatal, s.writability.broken = true, cause
	s.writability.fatal <- cause
}

// SystemFilesystem and MountType are exported for tests.
var (
	SystemFilesystem = systemFilesystem
	MountType        = mountType
)

// FailureOf is exported for tests, as a word.
func FailureOf(code int) string {
	return failureNames[failureOf(code)]
}

// HoldWriter takes the connection that writes, as a write that does not end.
func (s *DB) HoldWriter(ctx context.Context) (release func() error, err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return tx.Rollback, nil
}

// DoNotWaitForOthers makes a write fail at once while another process has the
// database locked, instead of after busyTimeout.
func (s *DB) DoNotWaitForOthers(ctx context.Context) error {
	_, err := s.write.ExecContext(ctx, `PRAGMA busy_timeout(0)`)
	return err
}

// BusyTimeout returns how long a write waits for another process, in milliseconds.
func (s *DB) BusyTimeout(ctx context.Context) (ms int, err error) {
	err = s.write.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&ms)
	return ms, err
}

// ResolveUnknown is exported for tests.
func (s *DB) ResolveUnknown(ctx context.Context, status ReportedStatus) (id string, err error) {
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		id, err = s.resolveUnknown(ctx, tx, status)
		return err
	})
	return id, err
}

// Deliveries returns the events that are to be delivered to a destination, in order.
func (s *DB) Deliveries(ctx context.Context, destination string) ([]string, error) {
	return s.texts(ctx, `SELECT d.event_id FROM delivery d JOIN lane l ON l.id = d.lane_id WHERE l.destination = $1 ORDER BY l.id, d.seq`, destination)
}

// DeliveredKept and UndeliveredKept are exported for tests.
const (
	DeliveredKept   = deliveredKept
	UndeliveredKept = undeliveredKept
)

// CountLanes returns the number of lanes.
func (s *DB) CountLanes(ctx context.Context) (n int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM lane`).Scan(&n)
	return n, err
}

// Texts returns the rows of a query that selects one text.
func (s *DB) Texts(ctx context.Context, query string, values ...any) ([]string, error) {
	return s.texts(ctx, query, values...)
}

// InTransaction is exported for tests.
func (s *DB) InTransaction(ctx context.Context, f func(*sql.Tx) error) error {
	return s.inTransaction(ctx, f)
}

// ClockSkew is exported for tests.
func (s *DB) ClockSkew(ctx context.Context) (skew, uncertainty time.Duration, err error) {
	return s.clockSkew(ctx)
}

// CheckServer is exported for tests.
var CheckServer = checkServerSettings

// PostgresFailure is exported for tests, as a word.
func PostgresFailure(code string) string { return failureNames[postgresFailure(code)] }

var failureNames = [...]string{"other", "contended", "busy", "full", "broken", "lost", "unsure", "damaged"}

// FollowClock makes Clock follow PostgreSQL's clock, even that of a test.
func (s *DB) FollowClock(ctx context.Context) error {
	skew, uncertainty, err := s.clockSkew(ctx)
	s.followClock(skew, uncertainty)
	return err
}
