// Package state stores ferry's state in SQL: accounts, access keys, linked
// WhatsApp Business Accounts with their phone numbers, and a record of every
// upload. The schema and all statements work on both SQLite and PostgreSQL. What only
// one of them has is in the files sqlite*.go and postgres*.go.
//
// Secrets are encrypted before they are stored and decrypted when they are read.
// Queries for an account's resources name the account: for a resource of
// another account they return [ErrNotFound].
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"

	"ferry/internal/outbox"
	"ferry/internal/secret"
)

// ErrNotFound is returned if a row does not exist, or belongs to another account.
var ErrNotFound = errors.New("not found")

// Config configures a DB.
type Config struct {
	// Path is an SQLite file, which is created with mode 0600 if it does not exist;
	// or Memory; or the URL of a PostgreSQL server with the name of a database,
	// postgres://user:password@host:port/name, which may contain a password and is
	// never shown. Required.
	Path string
	// Connections bounds the connections to a PostgreSQL server, half of which are for
	// writing. Default: DefaultConnections. At least 2.
	Connections int
	// Sealer encrypts secrets. Required.
	Sealer *secret.Sealer
	// Server is the name of this process, if it serves with the database for some time: Open
	// and Run then record which keys of the keyset it holds, and Run reads the file of the
	// Sealer again when it has changed. Default: none, the process is of no interest to others.
	Server string
	// ServerInterval is the longest time between two times that Run does so. Default: 10 s.
	ServerInterval time.Duration
	// Now returns the current time. Default: time.Now.
	Now func() time.Time
	// Machine returns the time by which rows are cached, and failed writes are tried again,
	// for a Now that can stand still or be moved. Only one process at a time may use such a
	// database: StartOutbox ends all leases. Default: Now.
	Machine func() time.Time
	// CheckIntegrity checks the structure of the file when it is opened, which takes
	// up to five seconds for a large one. Run checks it completely in any case.
	CheckIntegrity bool
	// PurgeInterval is the maximum time between two purges of expired rows. Default: 1 h.
	PurgeInterval time.Duration
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
	write  *sql.DB // one connection on SQLite, which has one writer
	read   *sql.DB
	sealer *secret.Sealer
	now    func() time.Time
	// machine is Config.Machine.
	machine func() time.Time
	logger  *slog.Logger

	// The statements that every upload executes, prepared once per connection.
	accessKeyStmt, senderStmt, reusableStmt, insertMediaStmt, insertMediaRowsStmt *sql.Stmt

	keys         *recent[AccessKey]
	senders      *recent[Sender]
	files        *recent[Reusable]
	destinations *recent[[]EventDestination]
	linked       *recent[[]Linked]
	uploads      batcher[Media]
	hits         batcher[hit]
	events       batcher[[]Event]
	messages     batcher[*newMessage]
	settlements  batcher[*settlement]
	beginnings   batcher[outbox.Delivery]
	receipts     batcher[*receipt]
	forwards     batcher[Event]
	refusals     batcher[[]Unlinked]

	onDeliveries func(destinations []string) // may be nil
	skew         atomic.Int64                // of this machine's clock against PostgreSQL's, in nanoseconds
	changeBatch  int                         // changeBatch, but less in tests
	purgeLane    string                      // the last lane that a purge has examined; only Run reads and writes it

	writability writability
	uses        keyUses
	server      Server // this one; without an id if Config.Server is empty
	isUnchecked bool   // the check at the start was not completed

	isPostgres bool
	addresses  addresses

	migrationOptions []goose.ProviderOption // of tests
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
	s := newDB(config)
	if err := s.open(ctx); err != nil {
		_, err = explain(err)
		return nil, errors.Join(fmt.Errorf("database %s: %w", config.name(), err), s.Close())
	}
	return s, nil
}

// newDB returns a DB that is not open.
func newDB(config Config) *DB {
	s := &DB{changeBatch: changeBatch, config: config, sealer: config.Sealer, now: config.Now, logger: config.Logger}
	if s.now == nil {
		s.now = time.Now
	}
	if s.machine = config.Machine; s.machine == nil {
		s.machine = s.now
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.writability.fatal = make(chan error, 1)
	s.uses.some = make(chan struct{}, 1)
	s.uploads.db, s.uploads.apply = s, s.insertMedia
	s.uploads.isIdempotent, s.events.isIdempotent, s.messages.isIdempotent = true, true, true
	s.hits.db, s.hits.apply = s, s.countHits
	s.events.db, s.events.apply = s, s.addEventBatch
	s.messages.db, s.messages.apply = s, s.addMessages
	s.settlements.db, s.settlements.apply = s, s.settleMessages
	s.settlements.isIdempotent = true
	s.beginnings.db, s.beginnings.apply, s.beginnings.isIdempotent = s, s.beginDeliveries, true
	s.receipts.db, s.receipts.apply = s, s.receive
	s.forwards.db, s.forwards.apply = s, s.forward
	s.refusals.db, s.refusals.apply = s, s.countUnlinked
	s.linked = newRecent[[]Linked](s.machine)
	s.keys, s.senders, s.files = newRecent[AccessKey](s.machine), newRecent[Sender](s.machine), newRecent[Reusable](s.machine)
	s.destinations = newRecent[[]EventDestination](s.machine)
	return s
}

func (s *DB) open(ctx context.Context) error {
	openEngine := s.openSQLite
	if IsPostgres(s.config.Path) {
		openEngine = s.openPostgres
	}
	if err := openEngine(ctx, s.config.Path); err != nil {
		return err
	}
	if err := s.checkKeyset(ctx); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	return s.join(ctx)
}

func (s *DB) prepare(ctx context.Context) error {
	var problems []error
	prepare := func(db *sql.DB, query string) *sql.Stmt {
		statement, err := db.PrepareContext(ctx, query)
		problems = append(problems, err)
		return statement
	}
	s.accessKeyStmt = prepare(s.read, selectKeys(`id = $1`))
	s.senderStmt = prepare(s.read, selectSender)
	s.reusableStmt = prepare(s.read, selectReusable)
	s.insertMediaStmt, s.insertMediaRowsStmt = prepare(s.write, insertMedia(1)), prepare(s.write, insertMedia(insertRows))
	return errors.Join(problems...)
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

// asNotFound converts sql.ErrNoRows to ErrNotFound.
func asNotFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}
