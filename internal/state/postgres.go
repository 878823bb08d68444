// PostgreSQL: how a database on a server is opened, and how its schema is migrated.
// What only PostgreSQL has is in the files postgres*.go.

package state

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"time"
)

// DefaultConnections is the default of Config.Connections.
const DefaultConnections = 20

const (
	// minPostgres is the oldest version of PostgreSQL that is supported, as
	// server_version_num has it: 14, the oldest one with security fixes.
	minPostgres = 140000
	// idleConnectionTime is the time after which an unused connection is closed.
	idleConnectionTime = 5 * time.Minute
	// connectionLife is the time after which a connection is replaced, so that
	// connections move to a server that was added or came back.
	connectionLife = time.Hour
	// migrationPoll is how often a process that waits for the migration by another one
	// looks whether it has ended; it waits for openTimeout. The smallest that goose takes.
	migrationPoll = time.Second
)

// openPostgres opens the database at a URL, and migrates its schema.
func (s *DB) openPostgres(ctx context.Context, path string) error {
	config, err := parsePostgres(path)
	if err != nil {
		return err
	}
	connections := cmp.Or(s.config.Connections, DefaultConnections)
	if connections < 2 {
		return fmt.Errorf("the limit of connections to PostgreSQL is %d; expected at least 2, one for reading and one for writing", connections)
	}
	s.isPostgres = true
	onConnect(config, s.addresses.add)
	setup := sql.OpenDB(newConnector(config, migrationSettings, forWriting))
	defer setup.Close()
	if err := checkServer(ctx, setup); err != nil {
		return err
	}
	if err := migratePostgres(ctx, setup, s.logger, s.migrationOptions...); err != nil {
		return err
	}
	s.write = openPool(newConnector(config, writeSettings, forWriting), connections/2)
	s.read = openPool(newConnector(config, readSettings, forReading), connections-connections/2)
	return nil
}

// MaxConnections returns how many connections to PostgreSQL there may be; 0 means that the
// database is a file.
func (s *DB) MaxConnections() int {
	if !s.isPostgres {
		return 0
	}
	return cmp.Or(s.config.Connections, DefaultConnections)
}

func openPool(connector *postgresConnector, connections int) *sql.DB {
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	pool.SetConnMaxIdleTime(idleConnectionTime)
	pool.SetConnMaxLifetime(connectionLife)
	return pool
}

// checkServer refuses a server that cannot have the state.
func checkServer(ctx context.Context, db *sql.DB) error {
	var number int
	var version, encoding string
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('server_encoding')`).
		Scan(&number, &version, &encoding)
	if err != nil {
		return err
	}
	return checkServerSettings(number, version, encoding)
}

// checkServerSettings refuses a version that is too old, and a database that cannot have
// all texts.
func checkServerSettings(number int, version, encoding string) error {
	if number < minPostgres {
		return fmt.Errorf("the server is PostgreSQL %s; version %d or newer is required", version, minPostgres/10000)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s; UTF8 is required: create it with CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

// postgresMigrations returns the migrations with the collation "C" for all columns of
// text, so that text has the same order as on SQLite and in Go, that of its bytes.
// Otherwise the order would depend on the locale of the database, and indexes could
// become wrong with another version of the C library (docs/references.md#postgres-collation).
func postgresMigrations() (fs.FS, error) {
	files, err := migrationFiles()
	return collated{files}, err
}

// collated are SQL files whose columns of text have the collation "C".
type collated struct{ files fs.FS }

var textColumn = regexp.MustCompile(`\bTEXT\b`)

// Open opens a file or a directory.
func (c collated) Open(name string) (fs.File, error) {
	file, err := c.files.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return file, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return collatedFile{file, bytes.NewReader(textColumn.ReplaceAll(text, []byte(`TEXT COLLATE "C"`)))}, nil
}

type collatedFile struct {
	fs.File
	text io.Reader
}

func (f collatedFile) Read(p []byte) (int, error) { return f.text.Read(p) }
