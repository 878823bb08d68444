// SQLite files: how they are opened, locked, migrated, and maintained. What only
// SQLite has is in the files sqlite*.go.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", without cgo
)

// Memory is the path of a database in memory, which exists as long as its DB.
const Memory = ":memory:"

// busyTimeout is how long a statement waits for another process that writes.
const busyTimeout = 5 * time.Second

// openTimeout is how long Open waits for another process that opens the database.
const openTimeout = time.Minute

// isFile reports whether the database is an SQLite file.
func (s *DB) isFile() bool { return !s.isPostgres && s.config.Path != Memory }

// openSQLite opens the file at path, and migrates its schema.
func (s *DB) openSQLite(ctx context.Context, path string) (err error) {
	if path == Memory {
		return s.openMemory(ctx)
	}
	if err := s.openFile(path); err != nil {
		return err
	}
	// Processes that open the same file at the same time take turns, even for the
	// first statement: SQLite does not wait for a lock when it changes the file to
	// WAL mode.
	unlock, err := lockFile(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if err := checkSQLiteVersion(ctx, s.write); err != nil {
		return err
	}
	if s.config.CheckIntegrity {
		if err := s.quickCheck(ctx); err != nil {
			return err
		}
	}
	return migrateSQLite(ctx, s.write, s.logger, s.migrationOptions...)
}

func (s *DB) openFile(path string) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	if s.write, err = openSQLiteDriver(name + pragmas("WAL") + "&_txlock=immediate"); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = openSQLiteDriver(name + pragmas("WAL") + "&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(2 * runtime.GOMAXPROCS(0))
	s.read.SetMaxIdleConns(2 * runtime.GOMAXPROCS(0))
	return nil
}

// pragmas returns the settings of every connection, as part of the database's
// name.
func pragmas(journal string) string {
	return fmt.Sprintf("_pragma=foreign_keys(1)&_pragma=journal_mode(%s)&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_pragma=busy_timeout(%d)",
		journal, busyTimeout.Milliseconds())
}

// checkSQLiteVersion refuses versions of SQLite that can corrupt a file in WAL mode,
// which was fixed in 3.51.3.
func checkSQLiteVersion(ctx context.Context, db *sql.DB) error {
	var version string
	var major, minor, patch int
	if err := db.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return err
	}
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return fmt.Errorf("SQLite reports an unknown version: %q", version)
	}
	if major*1_000_000+minor*1_000+patch < 3_051_003 {
		return fmt.Errorf("SQLite %s can corrupt the database; 3.51.3 or newer is required", version)
	}
	return nil
}

// lockFile waits for other processes that open the database. The lock is an exclusive
// transaction on a second, empty database beside the first: it works on every
// operating system and ends with the process. The file is not removed, because
// another process could then lock a new file of the same name.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?_txlock=exclusive&_pragma=busy_timeout(%d)",
		(&url.URL{Path: path + "-migration"}).EscapedPath(), openTimeout.Milliseconds()))
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for another process that opens the database: %w", err), db.Close())
	}
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}, nil
}

// checkpoint empties the log of SQLite, which otherwise keeps what was deleted until it
// is overwritten. It does nothing while somebody reads what only the log has: SQLite
// would wait for the reader, and all writers for SQLite.
func (s *DB) checkpoint(ctx context.Context) error {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout(0)`); err != nil {
		return s.wrote(err)
	}
	_, err = conn.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	_, restored := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf(`PRAGMA busy_timeout(%d)`, busyTimeout.Milliseconds()))
	return errors.Join(s.wrote(err), restored)
}
