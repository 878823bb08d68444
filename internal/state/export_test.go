package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pressly/goose/v3"

	"ferry/internal/journal"
)

// Freshness is exported for tests.
const Freshness = freshness

// WritableAge is exported for tests.
const WritableAge = writableAge

// FreeReserve is exported for tests.
const FreeReserve = freeReserve

// MaxSignups is exported for tests.
const MaxSignups = maxSignups

// MaxUnlinked is exported for tests.
const MaxUnlinked = maxUnlinked

// FlushKeyUses records the uses of keys that are not recorded yet.
func (s *DB) FlushKeyUses(ctx context.Context) { s.flushKeyUses(ctx) }

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

// SetChangeBatch sets how many deliveries one transaction changes.
func (s *DB) SetChangeBatch(n int) { s.changeBatch = n }

// Statement is a query, for tests.
type Statement struct {
	statement
	Deliveries bool // it chooses or counts deliveries
	IsBatch    bool // it reads one batch by its keys
}

// NewStatement returns a query without parameters.
func NewStatement(text string) Statement { return Statement{statement: statement{text: text}} }

func (s Statement) String() string { return s.text }

// EventStatements returns the queries that list, count, replay and discard what a
// filter selects, and those of destinations.
func (s *DB) EventStatements(f EventFilter) []Statement {
	replay := f
	replay.isReplay, replay.Kind = true, KindEvent
	chosen := []chosenDelivery{{lane: "a", seq: 1}, {lane: "b", seq: 1}}
	few := f
	few.ids = []any{"e1", "e2"}
	return []Statement{
		{statement: few.list(EventPage{Limit: 100}), IsBatch: true},
		{statement: f.openEvents(), Deliveries: true},
		{statement: f.list(EventPage{Limit: 100})},
		{statement: f.list(EventPage{Limit: 100, From: time.UnixMilli(1), After: "a", Complete: true})},
		{statement: f.list(EventPage{Limit: 100, Until: time.UnixMilli(1), Before: "a", Latest: true})},
		{statement: f.list(EventPage{Limit: 100, Latest: true})},
		{statement: f.countEvents(), Deliveries: true},
		{statement: f.countDeliveries(), Deliveries: true},
		{statement: chooseOne(f, []string{"waiting", "dead"}, chosen[0]), Deliveries: true},
		{statement: chooseOne(replay, []string{"delivered", "dead", "cancelled"}, chosen[0]), Deliveries: true},
		{statement: s.lockDeliveries(chosen, []string{"waiting", "dead"}), IsBatch: true},
		{statement: statement{summaries, []any{f.AccountID}}, Deliveries: true},
		{statement: statement{idleHeld, []any{f.AccountID}}},
		{statement: statement{waitingLanes, []any{"event/1 ", "event/1!", 10}}},
		{statement: purgeableEvents(1, "a", 1, 1)},
		{statement: statement{unusedLanes, []any{"a", 10}}},
		{statement: statement{endedDeliveries, []any{"delivered", 1, 10}}},
		{statement: statement{countWaiting, []any{"event/1"}}, Deliveries: true},
	}
}

// chooseOne chooses deliveries to one of the destinations, if it begins with these.
func chooseOne(f EventFilter, states []string, after chosenDelivery) statement {
	if at, _ := f.start(states); at == startDestination {
		f.Destination = cmp.Or(f.Destination, "event/1")
	}
	return f.choose(states, time.Now(), after, changeBatch)
}

// FillForPlans adds 20,000 events of 50 accounts on PostgreSQL, which plans by the number
// of rows; one of the accounts is 111122223333. SQLite plans without rows.
func (s *DB) FillForPlans(ctx context.Context) error {
	if !s.isPostgres {
		return nil
	}
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`INSERT INTO account (id, created_at) SELECT (111122223333 + i)::text, 1 FROM generate_series(0, 49) i`,
			`INSERT INTO destination (id, account_id) SELECT 'event/' || i, (111122223333 + i % 50)::text FROM generate_series(0, 99) i`,
			`INSERT INTO event (id, account_id, business_account_id, phone_number_id, kind, name, conversation, message_id, wamid, body, created_at, ready_at)
				SELECT 'e' || i, (111122223333 + i % 50)::text, 'w', '', 'event', 'status.sent', 'c' || i / 400, 'm' || i, 'w' || i, '', 1000 * i, 1000 * i FROM generate_series(0, 19999) i`,
			`INSERT INTO lane (id, destination, tail, head, due_at, owner, claim, failures, not_before, released_at)
				SELECT 'event/' || i % 100 || ' c' || i / 100, 'event/' || i % 100, 4, 4, CASE WHEN i / 100 % 5 = 0 THEN 1 END, '', 0, 0, 0, 0 FROM generate_series(0, 4999) i`,
			`INSERT INTO delivery (lane_id, seq, event_id, state, attempts, error, created_at, attempted_at, ended_at)
				SELECT 'event/' || i % 100 || ' c' || i / 400, 1 + i / 100 % 4, 'e' || i, CASE i % 1000 WHEN 0 THEN 'dead' WHEN 1 THEN 'waiting' ELSE 'delivered' END, 1, '', 1000 * i, 1,
					CASE WHEN i % 1000 <> 1 THEN 1000 * i END FROM generate_series(0, 19999) i`,
			`INSERT INTO business_account (id, account_id, meta_id, name, marketing_onboarding, sealed_token, linked_at) VALUES ('w', '111122223333', '1', '', '', '', 1)`,
			`INSERT INTO phone_number (id, business_account_id, meta_id, display_number, verified_name, quality_rating) VALUES ('p', 'w', '1', '', '', '')`,
			`INSERT INTO message (id, phone_number_id, recipient, api_version, access_key_id, request_id, status, wamid, error, updated_at)
				SELECT 'e' || i, 'p', '', '', '', '', 'sent', 'x' || i, '', 1 FROM generate_series(0, 4999) i`,
			`ANALYZE account, destination, event, lane, delivery, message`,
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// Explain returns the rows of the plan of a query. PostgreSQL prefers any other plan to
// one that reads a whole table, however few rows it has.
func (s *DB) Explain(ctx context.Context, query Statement) (plan []string, err error) {
	explain, column := `EXPLAIN QUERY PLAN `, 3
	if s.isPostgres {
		explain, column = `EXPLAIN `, 0
	}
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		if s.isPostgres {
			if _, err := tx.ExecContext(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
				return err
			}
		}
		rows, err := tx.QueryContext(ctx, explain+query.text, query.values...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			values := make([]any, column+1)
			for i := range values {
				values[i] = new(string)
			}
			if err := rows.Scan(values...); err != nil {
				return err
			}
			plan = append(plan, *values[column].(*string))
		}
		return rows.Err()
	})
	return plan, err
}

// WaitForLock returns when a transaction on PostgreSQL waits for the lock of another one.
func (s *DB) WaitForLock(ctx context.Context) error {
	for {
		waiting, err := s.texts(ctx, `SELECT 'x' FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		if err != nil || len(waiting) > 0 {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// EntriesStatement returns the query of a filter of the journal.
func EntriesStatement(f journal.Filter) Statement { return Statement{statement: entriesQuery(f)} }

// OpenStoppable opens the database as Open does, up to the end of the migrations. It calls a
// function before each statement of a migration, and after each migration.
func OpenStoppable(ctx context.Context, config Config, step func()) error {
	s := newDB(config)
	s.migrationOptions = []goose.ProviderOption{goose.WithVerbose(true), goose.WithLogger(stepLogger(step))}
	openEngine := s.openSQLite
	if IsPostgres(config.Path) {
		openEngine = s.openPostgres
	}
	return errors.Join(openEngine(ctx, config.Path), s.Close())
}

// stepLogger is called by goose for each step.
type stepLogger func()

func (s stepLogger) Printf(string, ...any) { s() }
func (s stepLogger) Fatalf(string, ...any) { s() }

// SealedColumns returns the names of the columns that a rotation seals again.
func SealedColumns() (names []string) {
	for _, c := range sealedColumns {
		names = append(names, c.table+"."+c.column)
	}
	slices.Sort(names)
	return names
}

// RefreshKeyset is exported for tests.
func (s *DB) RefreshKeyset(ctx context.Context) error { return errors.Join(s.refreshKeyset(ctx)) }
