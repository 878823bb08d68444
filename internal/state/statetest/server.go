// The server of PostgreSQL that all tests of a process share.

package statetest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"ferry/internal/postgrestest"
	"ferry/internal/state"
)

// server is a server of PostgreSQL.
type server struct {
	started *postgrestest.Server // it ends when nothing refers to it; nil if it is not ours
	url     *url.URL             // of a database on it
	// template is what databases of tests are copies of: a database with the schema, or an
	// empty one on a server that remains after the tests.
	template string

	mu   sync.Mutex
	free []string // databases with the schema of the template and no rows
}

const emptyTemplate = "template0"

// openServer finds or starts the server.
func openServer(ctx context.Context) (*server, error) {
	address := os.Getenv("FERRY_TEST_POSTGRES")
	if address != "" {
		parsed, err := url.Parse(address)
		if err != nil {
			return nil, errors.New("FERRY_TEST_POSTGRES is not a URL")
		}
		return &server{url: parsed, template: emptyTemplate}, nil
	}
	started, err := postgrestest.Start(ctx, postgrestest.Config{})
	if err != nil {
		return nil, err
	}
	parsed, err := url.Parse(started.URL("postgres"))
	if err != nil {
		return nil, err
	}
	s := &server{started: started, url: parsed, template: "ferry_template"}
	return s, s.makeTemplate(ctx)
}

// makeTemplate creates the template: a database that was opened once, without the
// value by which a wrong keyset is noticed.
func (s *server) makeTemplate(ctx context.Context) error {
	if err := execute(ctx, s.url.String(), createDatabase(s.template, emptyTemplate)); err != nil {
		return err
	}
	sealer, err := newSealer()
	if err != nil {
		return err
	}
	db, err := state.Open(ctx, state.Config{Path: s.database(s.template), Sealer: sealer, Connections: 2})
	if err != nil {
		return err
	}
	return errors.Join(db.Close(), execute(ctx, s.database(s.template), "DELETE FROM keyset_check"))
}

// database returns the URL of a database.
func (s *server) database(name string) string {
	at := *s.url
	at.Path = "/" + name
	return at.String()
}

// take returns the URL of a database with the template's schema, or none if the server
// is not ours, and without rows. After the test, the next one takes it.
func (s *server) take(tb testing.TB) string {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var name string
	if last := len(s.free) - 1; last >= 0 {
		name, s.free = s.free[last], s.free[:last]
	} else {
		name = newName()
		if err := execute(tb.Context(), s.url.String(), createDatabase(name, s.template)); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		if s.template == emptyTemplate {
			s.drop(tb, name)
		} else if err := execute(context.Background(), s.database(name), deleteRows); err != nil {
			tb.Error(err)
		} else {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.free = append(s.free, name)
		}
	})
	return s.database(name)
}

// deleteRows ends all other connections to a database, and deletes all rows of the
// schema. It does not check references between tables meanwhile.
const deleteRows = `
DO $$ DECLARE name text; BEGIN
	PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
	SET LOCAL session_replication_role = replica;
	FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version' LOOP
		EXECUTE format('DELETE FROM %I', name);
	END LOOP;
END $$`

// create creates an empty database, which is removed at the end of the test, and returns
// its URL.
func (s *server) create(tb testing.TB) string {
	tb.Helper()
	name := newName()
	if err := execute(tb.Context(), s.url.String(), createDatabase(name, emptyTemplate)); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.drop(tb, name) })
	return s.database(name)
}

func (s *server) drop(tb testing.TB, name string) {
	tb.Helper()
	if err := execute(context.Background(), s.url.String(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
		tb.Error(err)
	}
}

func newName() string { return "ferry_test_" + strings.ToLower(rand.Text()) }

func createDatabase(name, template string) string {
	return "CREATE DATABASE " + name + " ENCODING 'UTF8' TEMPLATE " + template
}

// execute executes a statement on a connection of its own.
func execute(ctx context.Context, address, statement string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
