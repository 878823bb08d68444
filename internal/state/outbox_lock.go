// How a process starts to work the outbox: what others held that have ended becomes
// due at once.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
)

// StartOutbox frees the lanes that were held by processes which have ended. On SQLite
// these are all lanes, if no other process works the outbox of the file: each one
// holds a lock as long as it does. On PostgreSQL their leases end, unless Config.Machine is
// set.
func (s *DB) StartOutbox(ctx context.Context) (end func(), err error) {
	if s.isPostgres && s.config.Machine == nil {
		return func() {}, s.startClock(ctx)
	}
	if s.isPostgres || s.config.Path == Memory {
		return func() {}, s.freeLanes(ctx)
	}
	unlock, err := lockOutbox(s.config.Path, true)
	switch {
	case err == nil:
		err = s.freeLanes(ctx)
		unlock()
		if err != nil {
			return nil, err
		}
	case !isBusy(err):
		return nil, err
	}
	// Another process may free the lanes here. This one holds none yet.
	return lockOutbox(s.config.Path, false)
}

// freeLanes ends all leases.
func (s *DB) freeLanes(ctx context.Context) error {
	_, err := s.exec(ctx, `UPDATE lane SET owner = '', due_at = $1 WHERE owner <> ''`, s.Clock().UnixMilli())
	return err
}

func isBusy(err error) bool {
	kind, _ := explain(err)
	return kind == busy
}

// lockOutbox locks the outbox of an SQLite file. An exclusive lock is only tried; a
// shared one waits for the end of an exclusive one. The lock is a transaction on a
// second, empty database beside the first, as for migrations: it ends with the process.
func lockOutbox(path string, isExclusive bool) (unlock func(), err error) {
	mode, timeout := "deferred", busyTimeout
	if isExclusive {
		mode, timeout = "exclusive", 0
	}
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?_txlock=%s&_pragma=busy_timeout(%d)",
		(&url.URL{Path: path + "-outbox"}).EscapedPath(), mode, timeout.Milliseconds()))
	if err != nil {
		return nil, err
	}
	ctx := context.Background() // whose end would end the transaction
	tx, err := db.BeginTx(ctx, nil)
	if err == nil {
		var tables int
		err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_schema`).Scan(&tables) // a read takes the shared lock
	}
	unlock = func() {
		if tx != nil {
			_ = tx.Rollback()
		}
		_ = db.Close()
	}
	if err != nil {
		unlock()
		return nil, errors.Join(errors.New("locking the outbox of the database"), err)
	}
	return unlock, nil
}
