// A database as it is found: opened without changing it, and what is known about it.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"ferry/internal/secret"
)

// OpenToRead opens a database for reading only, beside the servers that use it. Unlike Open,
// it creates nothing, does not migrate the schema, and does not compare the keyset: those are
// what whoever examines a database wants to know (Schema, CheckKeyset). The engine
// refuses writes, and methods that write must not be called. Without Sealer, secrets cannot be
// read.
func OpenToRead(ctx context.Context, config Config) (*DB, error) {
	if err := config.CheckPath(); err != nil {
		return nil, err
	}
	if config.Path == Memory {
		return nil, errors.New("a database in memory exists only in the process that uses it")
	}
	s := newDB(config)
	err := s.openToRead()
	if err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		_, err = explain(err)
		return nil, errors.Join(fmt.Errorf("database %s: %w", config.name(), err), s.Close())
	}
	return s, nil
}

func (s *DB) openToRead() (err error) {
	const connections = 2
	if IsPostgres(s.config.Path) {
		config, err := parsePostgres(s.config.Path)
		if err != nil {
			return err
		}
		s.isPostgres = true
		s.read = openPool(newConnector(config, readSettings, forReading), connections)
	} else if s.read, err = openSQLiteDriver(fmt.Sprintf("%s?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(%d)", fileURL(s.config.Path), busyTimeout.Milliseconds())); err != nil {
		return err
	} else {
		s.read.SetMaxOpenConns(connections)
	}
	s.write = s.read
	return nil
}

// CheckKeyset reports whether the keyset is the one with which the secrets in the database
// were encrypted. A database in which no server has been yet has none to compare.
func (s *DB) CheckKeyset(ctx context.Context) error {
	err := s.opensCheck(ctx, s.read, s.sealer)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// ErrOtherKeyset says that the secrets in a database were encrypted with another keyset.
var ErrOtherKeyset = errors.New("the keyset is not the one that the secrets in this database were encrypted with; use that one")

// keysetCheck is the id, and the text, of the value by which a keyset is compared.
// Transactions that seal lock its row.
const keysetCheck = "check"

// sealKeysetCheck encrypts this value.
func (s *DB) sealKeysetCheck() ([]byte, error) {
	return s.sealer.Seal(secret.New(keysetCheck), "keyset_check", keysetCheck)
}

// Schema says which migrations a database has, by their numbers.
type Schema struct {
	Applied int64   // the last one that has run; 0 means that the database has no schema
	Known   int64   // the last one of this program
	Missing []int64 // that this program knows, and that have not run
	Reader  int64   // the one that a program must know to use the database; 0 means any
}

// Schema returns which migrations have run.
func (s *DB) Schema(ctx context.Context) (schema Schema, err error) {
	known, err := migrationNumbers()
	if err != nil {
		return schema, err
	}
	schema.Known = slices.Max(known)
	exists := `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '%s'`
	if s.isPostgres {
		exists = `SELECT COUNT(to_regclass('%s'))`
	}
	if schema.Reader, err = oldestReader(ctx, s.read, fmt.Sprintf(exists, "schema_reader")); err != nil {
		return schema, err
	}
	var tables int
	if err := s.read.QueryRowContext(ctx, fmt.Sprintf(exists, "goose_db_version")).Scan(&tables); err != nil {
		return schema, err
	}
	var applied []int64
	if tables > 0 {
		if applied, err = s.appliedMigrations(ctx); err != nil {
			return schema, err
		}
	}
	for _, number := range known {
		if !slices.Contains(applied, number) {
			schema.Missing = append(schema.Missing, number)
		}
	}
	if len(applied) > 0 {
		schema.Applied = slices.Max(applied)
	}
	return schema, nil
}

// migrationNumbers returns the numbers of this program's migrations.
func migrationNumbers() (numbers []int64, err error) {
	files, err := migrations.ReadDir("migration")
	for _, file := range files {
		number, _, _ := strings.Cut(path.Base(file.Name()), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, err
}

func (s *DB) appliedMigrations(ctx context.Context) (numbers []int64, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT version_id FROM goose_db_version WHERE is_applied ORDER BY version_id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, rows.Err()
}

// CheckStructure checks the structure of an SQLite file. The error is an ErrDamaged if it is
// damaged. PostgreSQL has checks of its own.
func (s *DB) CheckStructure(ctx context.Context) error {
	if s.isPostgres {
		return nil
	}
	return check(ctx, s.read, "quick_check")
}

// Facts are what is known about an open database.
type Facts struct {
	Name      string // its path, or the hosts and the name of a database on PostgreSQL
	Engine    string // SQLite or PostgreSQL
	Version   string // of the engine
	Size, Log int64  // bytes of the database, and of SQLite's log beside it

	IsFile      bool
	JournalMode string // of SQLite: wal
	Free        int64  // bytes that may still be written to the disk of the file; -1 means unknown

	// Of PostgreSQL.
	IsStandby bool              // it accepts no writes
	ReadOnly  bool              // the role, or the database, has default_transaction_read_only
	Settings  map[string]string // fsync, full_page_writes and synchronous_commit, as sessions of ferry's role have them
}

// Reserve is the free space of its disk, in bytes, below which a database accepts no new
// uploads, messages and webhooks.
const Reserve = freeReserve

// Facts returns what is known about the database.
func (s *DB) Facts(ctx context.Context) (f Facts, err error) {
	f = Facts{Name: s.config.name(), Engine: "SQLite", IsFile: s.isFile(), Free: -1}
	if s.config.Path == Memory {
		f.Name = "in memory"
	}
	if f.Size, f.Log, err = s.Size(ctx); err != nil {
		return f, err
	}
	if s.isPostgres {
		return f, s.postgresFacts(ctx, &f)
	}
	if s.isFile() {
		if system, err := s.config.filesystem(); err == nil {
			f.Free = int64(min(system.Free, 1<<62)) //nolint:gosec // bounded
		}
	}
	err = s.read.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&f.Version)
	return f, errors.Join(err, s.read.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&f.JournalMode))
}

// postgresFacts adds what only PostgreSQL has. Connections of ferry set
// default_transaction_read_only themselves, so the setting is read where it comes from.
func (s *DB) postgresFacts(ctx context.Context, f *Facts) error {
	f.Engine, f.Settings = "PostgreSQL", make(map[string]string)
	err := s.read.QueryRowContext(ctx, `SELECT current_setting('server_version'), pg_is_in_recovery(),
		EXISTS (SELECT 1 FROM pg_db_role_setting r, unnest(r.setconfig) c
			WHERE c = 'default_transaction_read_only=on' AND (r.setdatabase = 0 OR r.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
			AND (r.setrole = 0 OR r.setrole = (SELECT oid FROM pg_roles WHERE rolname = current_user)))`).Scan(&f.Version, &f.IsStandby, &f.ReadOnly)
	if err != nil {
		return err
	}
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := s.read.QueryRowContext(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
			return err
		}
		f.Settings[name] = value
	}
	return nil
}
