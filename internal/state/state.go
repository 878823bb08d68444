// Package state keeps ferry's state in SQL: accounts, access keys, linked
// WhatsApp Business Accounts with their phone numbers, and a record of every
// upload. There is one schema and one SQL text, written for SQLite and
// PostgreSQL alike; only opening differs. This version opens SQLite.
//
// Secrets are sealed before they reach SQL and opened when they are read.
// Every query names the account that it is for: another account's row does not
// exist ([ErrNotFound]).
package state

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	"ferry/internal/secret"
)

// Memory, as a path, is a database that lives as long as its DB.
const Memory = ":memory:"

// busyTimeout is how long a statement waits for another writer of the file.
const busyTimeout = 5 * time.Second

// openTimeout is how long Open waits for another process that opens the database.
const openTimeout = time.Minute

// ErrNotFound says that there is no such row in the account.
var ErrNotFound = errors.New("not found")

//go:embed migration/*.sql
var migrations embed.FS

// Config says which database, and with what its secrets are sealed.
type Config struct {
	Path   string           // of the SQLite file, created when missing with mode 0600; or Memory
	Sealer *secret.Sealer   // required
	Now    func() time.Time // default time.Now
	Logger *slog.Logger     // of Run; default: discards
}

// DB is an open database. It is safe for use by several goroutines.
type DB struct {
	write  *sql.DB // one connection: SQLite has one writer
	read   *sql.DB
	sealer *secret.Sealer
	now    func() time.Time
	logger *slog.Logger

	// The statements that every upload runs, parsed once a connection.
	accessKeyStmt, senderStmt, reusableStmt, insertMediaStmt *sql.Stmt

	keys    *recent[AccessKey]
	senders *recent[Sender]
	files   *recent[Reusable]
	uploads batcher[Media]
	hits    batcher[hit]
}

// Open opens the database, brings its schema up to date, and checks that the
// keyset is the one that its secrets were sealed with.
func Open(ctx context.Context, config Config) (*DB, error) {
	if config.Sealer == nil {
		return nil, errors.New("the database needs a keyset to seal its secrets with; make one with 'ferry keyset create'")
	}
	if strings.Contains(config.Path, "://") {
		return nil, errors.New("the database is an address; this version of ferry keeps its state in an SQLite file: give a path, such as ferry.db")
	}
	s := &DB{sealer: config.Sealer, now: config.Now, logger: config.Logger}
	if s.now == nil {
		s.now = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.uploads.store, s.uploads.apply = s, s.insertMedia
	s.hits.store, s.hits.apply = s, s.countHits
	s.keys, s.senders, s.files = newRecent[AccessKey](s.now), newRecent[Sender](s.now), newRecent[Reusable](s.now)
	if err := s.open(ctx, config.Path); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", config.Path, err), s.Close())
	}
	return s, nil
}

func (s *DB) open(ctx context.Context, path string) (err error) {
	if path == Memory {
		if s.write, err = sql.Open("sqlite", "file::memory:?"+pragmas("MEMORY")); err != nil {
			return err
		}
		s.write.SetMaxOpenConns(1) // each connection would have a database of its own
		s.read = s.write
	} else if err := s.openFile(path); err != nil {
		return err
	}
	// Servers that start at once on one file take turns, from the first statement on:
	// SQLite does not wait where it changes the file to WAL mode.
	unlock, err := lock(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if err := checkVersion(ctx, s.write); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if err := s.checkKeyset(ctx); err != nil {
		return err
	}
	return s.prepare(ctx)
}

func (s *DB) prepare(ctx context.Context) error {
	var problems []error
	prepare := func(db *sql.DB, query string) *sql.Stmt {
		statement, err := db.PrepareContext(ctx, query)
		problems = append(problems, err)
		return statement
	}
	s.accessKeyStmt = prepare(s.read, selectAccessKey)
	s.senderStmt = prepare(s.read, selectSender)
	s.reusableStmt = prepare(s.read, selectReusable)
	s.insertMediaStmt = prepare(s.write, insertMedia)
	return errors.Join(problems...)
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
	if s.write, err = sql.Open("sqlite", name+pragmas("WAL")+"&_txlock=immediate"); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = sql.Open("sqlite", name+pragmas("WAL")+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(2 * runtime.GOMAXPROCS(0))
	s.read.SetMaxIdleConns(2 * runtime.GOMAXPROCS(0))
	return nil
}

// pragmas are in the name of the database, so that every connection has them.
func pragmas(journal string) string {
	return fmt.Sprintf("_pragma=foreign_keys(1)&_pragma=journal_mode(%s)&_pragma=synchronous(FULL)&_pragma=busy_timeout(%d)",
		journal, busyTimeout.Milliseconds())
}

// checkVersion refuses an SQLite that can corrupt a file in WAL mode (fixed in 3.51.3).
func checkVersion(ctx context.Context, db *sql.DB) error {
	var version string
	var major, minor, patch int
	if err := db.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return err
	}
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return fmt.Errorf("SQLite says its version is %q", version)
	}
	if major*1_000_000+minor*1_000+patch < 3_051_003 {
		return fmt.Errorf("SQLite %s can corrupt the database; 3.51.3 or newer is needed", version)
	}
	return nil
}

// migrate runs the migrations that are missing.
func (s *DB) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migration")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, s.write, files)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bringing the schema up to date: %w", err)
	}
	return nil
}

// lock holds an exclusive transaction on a second, empty database beside the
// first, which works on every system and ends with the process. The file stays:
// removing it would let a third process lock another file of its name.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	if path == Memory {
		return func() {}, nil
	}
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?_txlock=exclusive&_pragma=busy_timeout(%d)",
		(&url.URL{Path: path + "-migration"}).EscapedPath(), openTimeout.Milliseconds()))
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for another process that opens it: %w", err), db.Close())
	}
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}, nil
}

// checkKeyset opens the value that the first start sealed.
func (s *DB) checkKeyset(ctx context.Context) error {
	const id = "check"
	sealed, err := s.sealer.Seal(secret.New(id), "keyset_check", id)
	if err != nil {
		return err
	}
	if _, err := s.write.ExecContext(ctx, `INSERT INTO keyset_check (id, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, sealed); err != nil {
		return err
	}
	if err := s.write.QueryRowContext(ctx, `SELECT sealed FROM keyset_check WHERE id = $1`, id).Scan(&sealed); err != nil {
		return err
	}
	if _, err := s.sealer.Open(sealed, "keyset_check", id); err != nil {
		return errors.New("the keyset is not the one that this database was sealed with; start with the right one")
	}
	return nil
}

// Ping reports whether the database answers.
func (s *DB) Ping(ctx context.Context) error {
	var one int
	return s.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one)
}

// Close closes the database.
func (s *DB) Close() error {
	var problems []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			problems = append(problems, db.Close())
		}
	}
	return errors.Join(problems...)
}

// inTransaction runs f in one transaction of the writer.
func (s *DB) inTransaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// found turns the absence of a row into ErrNotFound.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
