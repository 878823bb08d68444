// Package state stores ferry's state in SQL: accounts, access keys, linked
// WhatsApp Business Accounts with their phone numbers, and a record of every
// upload. The schema and all statements work on both SQLite and PostgreSQL, but for
// those of Open and of the maintenance of an SQLite file (integrity.go, checkpoint in
// purge.go). This version opens SQLite files.
//
// Secrets are encrypted before they are stored and decrypted when they are read.
// Queries for an account's resources name the account: for a resource of
// another account they return [ErrNotFound].
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
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite", without cgo

	"ferry/internal/secret"
)

// Memory is the path of a database in memory, which exists as long as its DB.
const Memory = ":memory:"

// busyTimeout is how long a statement waits for another process that writes.
const busyTimeout = 5 * time.Second

// openTimeout is how long Open waits for another process that opens the database.
const openTimeout = time.Minute

// ErrNotFound is returned if a row does not exist, or belongs to another account.
var ErrNotFound = errors.New("not found")

//go:embed migration/*.sql
var migrations embed.FS

// Config configures a DB.
type Config struct {
	// Path is an SQLite file, which is created with mode 0600 if it does not exist;
	// or Memory. Required.
	Path string
	// Sealer encrypts secrets. Required.
	Sealer *secret.Sealer
	// Now returns the current time. Default: time.Now.
	Now func() time.Time
	// CheckIntegrity checks the structure of the file when it is opened, which takes
	// up to five seconds for a large one. Run checks it completely in any case.
	CheckIntegrity bool
	// Filesystem returns the file system that holds a path. Default: what the
	// operating system says.
	Filesystem func(path string) (Filesystem, error)
	// Logger receives the errors of Run, and when the database cannot be written.
	// Default: they are discarded.
	Logger *slog.Logger
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	config Config
	write  *sql.DB // one connection: SQLite has one writer
	read   *sql.DB
	sealer *secret.Sealer
	now    func() time.Time
	logger *slog.Logger

	// The statements that every upload executes, prepared once per connection.
	accessKeyStmt, senderStmt, reusableStmt, insertMediaStmt, insertMediaRowsStmt *sql.Stmt

	keys         *recent[AccessKey]
	senders      *recent[Sender]
	files        *recent[Reusable]
	destinations *recent[[]EventDestination]
	uploads      batcher[Media]
	hits         batcher[hit]
	events       batcher[[]Event]
	messages     batcher[*newMessage]
	settlements  batcher[settlement]

	onDeliveries func(destinations []string) // may be nil

	writability writability
	isUnchecked bool // the check at the start was not completed
}

// Open opens the database, migrates its schema, and checks that its secrets were
// encrypted with the same keyset.
func Open(ctx context.Context, config Config) (*DB, error) {
	if config.Sealer == nil {
		return nil, errors.New("the database needs a keyset to encrypt its secrets; create one with 'ferry keyset create'")
	}
	if err := config.CheckPath(); err != nil {
		return nil, err
	}
	s := &DB{config: config, sealer: config.Sealer, now: config.Now, logger: config.Logger}
	if s.now == nil {
		s.now = time.Now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.writability.fatal = make(chan error, 1)
	s.uploads.db, s.uploads.apply = s, s.insertMedia
	s.hits.db, s.hits.apply = s, s.countHits
	s.events.db, s.events.apply = s, s.addEventBatch
	s.messages.db, s.messages.apply = s, s.addMessages
	s.settlements.db, s.settlements.apply = s, s.settleMessages
	s.keys, s.senders, s.files = newRecent[AccessKey](s.now), newRecent[Sender](s.now), newRecent[Reusable](s.now)
	s.destinations = newRecent[[]EventDestination](s.now)
	if err := s.open(ctx, config.Path); err != nil {
		_, err = explain(err)
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
	// Processes that open the same file at the same time take turns, even for the
	// first statement: SQLite does not wait for a lock when it changes the file to
	// WAL mode.
	unlock, err := lock(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if err := checkVersion(ctx, s.write); err != nil {
		return err
	}
	if s.config.CheckIntegrity && path != Memory {
		if err := s.quickCheck(ctx); err != nil {
			return err
		}
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
	s.insertMediaStmt, s.insertMediaRowsStmt = prepare(s.write, insertMedia(1)), prepare(s.write, insertMedia(insertRows))
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

// pragmas returns the settings of every connection, as part of the database's
// name.
func pragmas(journal string) string {
	return fmt.Sprintf("_pragma=foreign_keys(1)&_pragma=journal_mode(%s)&_pragma=synchronous(FULL)&_pragma=secure_delete(1)&_pragma=busy_timeout(%d)",
		journal, busyTimeout.Milliseconds())
}

// checkVersion refuses versions of SQLite that can corrupt a file in WAL mode,
// which was fixed in 3.51.3.
func checkVersion(ctx context.Context, db *sql.DB) error {
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

// migrate runs the migrations that have not been run.
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
		return fmt.Errorf("migrating the schema: %w", err)
	}
	return nil
}

// lock waits for other processes that open the database. The lock is an exclusive
// transaction on a second, empty database beside the first: it works on every
// operating system and ends with the process. The file is not removed, because
// another process could then lock a new file of the same name.
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
		return nil, errors.Join(fmt.Errorf("waiting for another process that opens the database: %w", err), db.Close())
	}
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}, nil
}

// checkKeyset decrypts a value that was encrypted when the database was created.
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
		return errors.New("the keyset is not the one that the secrets in this database were encrypted with; use that one")
	}
	return nil
}

// Ping checks that the database responds.
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

// inTransaction calls f within one write transaction.
func (s *DB) inTransaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.wrote(err)
	}
	if err := f(tx); err != nil {
		return errors.Join(s.wrote(err), tx.Rollback())
	}
	return s.wrote(tx.Commit())
}

// exec executes one statement that writes.
func (s *DB) exec(ctx context.Context, query string, values ...any) (sql.Result, error) {
	result, err := s.write.ExecContext(ctx, query, values...)
	return result, s.wrote(err)
}

// execOne executes one statement that writes and returns the id of its row. It returns
// ErrNotFound if there is no such row.
func (s *DB) execOne(ctx context.Context, query string, values ...any) error {
	var id string
	return asNotFound(s.wrote(s.write.QueryRowContext(ctx, query, values...).Scan(&id)))
}

// asNotFound converts sql.ErrNoRows to ErrNotFound.
func asNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
