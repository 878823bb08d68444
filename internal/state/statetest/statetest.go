// Package statetest opens databases for tests, on SQLite and on PostgreSQL.
//
// A package whose suite runs on both engines calls [Each]. The tests of the other
// packages that have state call [Open] or [Path]: they use SQLite, and PostgreSQL if
// FERRY_TEST_DATABASE is "postgres", with which 'make test' runs them a second time.
//
// A server of PostgreSQL is started when a test process needs it, and ends with it.
// With FERRY_TEST_POSTGRES, the URL of a server whose user may create databases, that
// one is used. Each test has a database of its own.
package statetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"ferry/internal/postgrestest"
	"ferry/internal/secret"
	"ferry/internal/state"
)

// Engine is the kind of a database.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Default returns the engine of Open and Path.
func Default() Engine {
	if os.Getenv("FERRY_TEST_DATABASE") == string(Postgres) {
		return Postgres
	}
	return SQLite
}

// Each runs a test on each engine, as a subtest.
func Each(t *testing.T, test func(t *testing.T, engine Engine)) {
	t.Helper()
	for _, engine := range []Engine{SQLite, Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			engine.Require(t)
			test(t, engine)
		})
	}
}

// Open opens a new database of the default engine, which is closed at the end of the
// test. What is missing in the configuration is filled in.
func Open(tb testing.TB, config ...state.Config) *state.DB {
	tb.Helper()
	return Default().Open(tb, config...)
}

// Path returns the path of a new database of the default engine: a file or a URL. It may
// be opened several times, until the end of the test.
func Path(tb testing.TB) string {
	tb.Helper()
	return Default().Path(tb)
}

// OncePath is Path for a database that is opened once, which may be in memory.
func OncePath(tb testing.TB) string {
	tb.Helper()
	if Default() == SQLite {
		return state.Memory
	}
	return Path(tb)
}

// Open opens a new database, or that of the Path in the configuration. It is closed at the
// end of the test. An SQLite database without a path is in memory.
func (e Engine) Open(tb testing.TB, configs ...state.Config) *state.DB {
	tb.Helper()
	var config state.Config
	for _, c := range configs {
		config = c
	}
	switch {
	case config.Path != "":
	case e == SQLite:
		config.Path = state.Memory
	default:
		config.Path = e.Path(tb)
	}
	if config.Sealer == nil {
		config.Sealer = Sealer(tb)
	}
	db, err := state.Open(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// Path returns the path of a new database: a file that does not exist yet, or the URL of
// a database with the schema. It may be opened several times, until the end of the
// test.
func (e Engine) Path(tb testing.TB) string {
	tb.Helper()
	if e == SQLite {
		return filepath.Join(tb.TempDir(), "ferry.db")
	}
	return e.server(tb).take(tb)
}

// EmptyPath is Path, but the database has no schema.
func (e Engine) EmptyPath(tb testing.TB) string {
	tb.Helper()
	if e == SQLite {
		return e.Path(tb)
	}
	return e.server(tb).create(tb)
}

// Sealer returns a sealer with a new keyset.
func Sealer(tb testing.TB) *secret.Sealer {
	tb.Helper()
	sealer, err := newSealer()
	if err != nil {
		tb.Fatal(err)
	}
	return sealer
}

func newSealer() (*secret.Sealer, error) {
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		return nil, err
	}
	return secret.NewSealer(keyset)
}

// theServer is the one that all tests of a process share.
var theServer = sync.OnceValues(func() (*server, error) { return openServer(context.Background()) })

// server returns the server. The test is skipped if PostgreSQL is missing; with
// FERRY_E2E=require, it fails if 'make test' could have installed it.
func (e Engine) server(tb testing.TB) *server {
	tb.Helper()
	s, err := theServer()
	switch {
	case errors.Is(err, postgrestest.ErrMissing) && !isRequired():
		tb.Skipf("not tested on PostgreSQL: %v, or set FERRY_TEST_POSTGRES to the URL of a server", err)
	case err != nil:
		tb.Fatal(err)
	}
	return s
}

// isRequired reports whether PostgreSQL must be there.
func isRequired() bool {
	_, err := exec.LookPath("apt-get")
	return os.Getenv("FERRY_E2E") == "require" && err == nil && os.Geteuid() == 0
}

// Require skips the test, or makes it fail, if the engine is missing.
func (e Engine) Require(tb testing.TB) {
	tb.Helper()
	if e == Postgres {
		e.server(tb)
	}
}
