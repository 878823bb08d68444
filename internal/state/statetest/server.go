// The server of PostgreSQL that all tests of a process share.

package statetest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
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
	s := &server{started, parsed, "ferry_template"}
	return s, s.makeTemplate(ctx)
}

// makeTemplate creates the template: a database that was opened once, without the
// value by which a wrong keyset is noticed.
func (s *server) makeTemplate(ctx context.Context) error {
	if err := exec(ctx, s.url.String(), createDatabase(s.template, emptyTemplate)); err != nil {
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
	return errors.Join(db.Close(), exec(ctx, s.database(s.template), "DELETE FROM keyset_check"))
}

// database returns the URL of a database.
func (s *server) database(name string) string {
	at := *s.url
	at.Path = "/" + name
	return at.String()
}

// create creates a database, which is removed at the end of the test, and returns its
// URL.
func (s *server) create(tb testing.TB, template string) string {
	tb.Helper()
	name := "ferry_test_" + strings.ToLower(rand.Text())
	if err := exec(tb.Context(), s.url.String(), createDatabase(name, template)); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := exec(context.Background(), s.url.String(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return s.database(name)
}

func createDatabase(name, template string) string {
	return "CREATE DATABASE " + name + " ENCODING 'UTF8' TEMPLATE " + template
}

// exec executes a statement on a connection of its own.
func exec(ctx context.Context, address, statement string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
