package state_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"ferry/internal/postgrestest"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// startServer starts a server of PostgreSQL for one test.
func startServer(t *testing.T, config postgrestest.Config) *postgrestest.Server {
	t.Helper()
	statetest.Postgres.Require(t)
	server, err := postgrestest.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// execute executes statements on a database, one after the other.
func execute(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// selectTexts returns the rows of a query that has one column.
func selectTexts(t *testing.T, path, query string) []string {
	t.Helper()
	db, err := sql.Open("pgx", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var texts []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestServersThatStartAtOnceOnAnEmptyDatabaseTakeTurns(t *testing.T) {
	for _, count := range []int{2, 4} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			path, sealer := statetest.Postgres.EmptyPath(t), statetest.Sealer(t)
			var group sync.WaitGroup
			for range count {
				group.Go(func() {
					s, err := state.Open(context.Background(), state.Config{Path: path, Sealer: sealer})
					if err != nil {
						t.Error(err)
						return
					}
					if err := s.CreateAccessKey(context.Background(), accessKey(fmt.Sprintf("AKIA%p", s), "111122223333")); err != nil {
						t.Error(err)
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if keys := selectTexts(t, path, `SELECT id FROM access_key`); len(keys) != count {
				t.Errorf("%d servers have created the keys %q", count, keys)
			}
		})
	}
}

func TestTextsHaveTheOrderOfTheirBytes(t *testing.T) {
	s := statetest.Postgres.Open(t, state.Config{Path: statetest.Postgres.EmptyPath(t)})
	other, err := s.Texts(t.Context(), `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`)
	if err != nil || len(other) != 0 {
		t.Errorf("columns without the collation C: %q, %v", other, err)
	}
}

func TestServerThatCannotHaveTheStateIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		number            int
		version, encoding string
		want              string // in the error; empty means accepted
	}{
		"the oldest version":     {140000, "14.0", "UTF8", ""},
		"a new version":          {190003, "19.3", "UTF8", ""},
		"a version too old":      {130022, "13.22", "UTF8", "PostgreSQL 13.22; version 14 or newer is required"},
		"an encoding of letters": {170000, "17.0", "LATIN1", "has the encoding LATIN1; UTF8 is required"},
	} {
		t.Run(name, func(t *testing.T) {
			err := state.CheckServer(c.number, c.version, c.encoding)
			if c.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
	path := statetest.Postgres.EmptyPath(t)
	execute(t, path, `CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
	defer execute(t, path, `DROP DATABASE latin WITH (FORCE)`)
	_, err := state.Open(t.Context(), state.Config{Path: withDatabase(t, path, "latin"), Sealer: statetest.Sealer(t)})
	if err == nil || !strings.Contains(err.Error(), "UTF8 is required") {
		t.Errorf("a database with the encoding LATIN1: %v", err)
	}
}

// withDatabase returns the URL of another database on the same server.
func withDatabase(t *testing.T, path, name string) string {
	t.Helper()
	parsed, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	parsed.Path = "/" + name
	return parsed.String()
}

func TestURLWithAMistakeIsRefusedWithoutItsPassword(t *testing.T) {
	for name, c := range map[string]struct{ path, want string }{
		"no name of a database":        {"postgres://ferry:canary@db:5432", "no name of a database"},
		"an unknown sslmode":           {"postgres://ferry:canary@db/ferry?sslmode=always", "sslmode"},
		"a port that is not a number":  {"postgres://ferry:canary@db:canary/ferry", "cannot be read"},
		"a port that is too large":     {"postgres://ferry:canary@db:99999/ferry", "port"},
		"a percent sign":               {"postgres://ferry:canary%@db/ferry", "cannot be read"},
		"a slash in the password":      {"postgres://ferry:canary/1@db/ferry", "cannot be read"},
		"a missing root certificate":   {"postgres://ferry:canary@db/ferry?sslmode=verify-full&sslrootcert=/missing.pem", "/missing.pem"},
		"a timeout that is not one":    {"postgres://ferry:canary@db/ferry?connect_timeout=canary", "expected postgres://"},
		"a password in the parameters": {"postgres://ferry@db:99999/ferry?password=canary", "port"},
		"an upper-case scheme":         {"POSTGRESQL://ferry:canary@db:99999/ferry", "port"},
		"another session":              {"postgres://ferry:canary@db/ferry?target_session_attrs=canary", "expected postgres://"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := state.Open(t.Context(), state.Config{Path: c.path, Sealer: statetest.Sealer(t)})
			if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error does not have %q, or shows the password: %v", c.want, err)
			}
		})
	}
}

func TestServerIsReachedByTCPWithAPassword(t *testing.T) {
	server := startServer(t, postgrestest.Config{TCP: true})
	address := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(server.Port))
	good, sealer := server.TCPURL("postgres"), statetest.Sealer(t)
	for name, c := range map[string]struct{ path, want string }{
		"with the password":                  {good, ""},
		"with another case of the scheme":    {strings.Replace(good, "postgres://", "PostgreSQL://", 1), ""},
		"with a second host that is down":    {strings.Replace(good, "@127.0.0.1:", "@127.0.0.1:1,127.0.0.1:", 1), ""},
		"with a wrong password":              {strings.Replace(good, ":"+postgrestest.Password, ":canary-wrong", 1), "password authentication failed"},
		"with a database that is missing":    {strings.Replace(good, "/postgres?", "/missing?", 1), "does not exist"},
		"with TLS, which the server has not": {strings.Replace(good, "sslmode=disable", "sslmode=require", 1), "TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := state.Open(t.Context(), state.Config{Path: c.path, Sealer: sealer})
			if err == nil {
				defer s.Close()
				var addresses []netip.AddrPort
				s.OnAddress(func(a netip.AddrPort) { addresses = append(addresses, a) })
				if !slices.Contains(addresses, address) {
					t.Errorf("the addresses of the server are %v, want %v", addresses, address)
				}
			}
			if c.want == "" != (err == nil) || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary")) {
				t.Errorf("Open: %v; want %q", err, c.want)
			}
			if err != nil && !errors.Is(err, state.ErrUnreachable) {
				t.Errorf("the error is not ErrUnreachable: %v", err)
			}
		})
	}
}

func TestClockThatDisagreesWithTheServerIsReported(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"ahead": time.Hour, "behind": -10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			log := newLines()
			s := statetest.Postgres.Open(t, state.Config{Now: func() time.Time { return time.Now().Add(ahead) }, Logger: slog.New(slog.NewTextHandler(log, nil))})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			line := <-log.lines
			stop()
			if err := <-ended; err != nil || !strings.Contains(line, "clocks") {
				t.Errorf("Run: %v; logged %s", err, line)
			}
		})
	}
	s := statetest.Postgres.Open(t)
	if skew, uncertainty, err := s.ClockSkew(t.Context()); err != nil || skew.Abs() > uncertainty+100*time.Millisecond {
		t.Errorf("the clock of this machine is %v (± %v) ahead of itself, %v", skew, uncertainty, err)
	}
}

// lines are the lines of a log.
type lines struct{ lines chan string }

func newLines() *lines { return &lines{make(chan string, 100)} }

func (l *lines) Write(line []byte) (int, error) {
	l.lines <- string(bytes.Clone(line))
	return len(line), nil
}

func TestBytesThatPostgreSQLCannotStoreAreReplaced(t *testing.T) {
	texts := []string{"plain", "Grüße", "a\x00b", "a\xffb", "a\xfeb", "\xe2\x82", "�", "\x00", ""}
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		s := engine.Open(t)
		number := linkNumber(t, s)
		stored := make(map[string]string)
		for i, text := range texts {
			id := fmt.Sprint(i)
			if err := s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: id, SourceETag: text}); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			m, err := s.Media(t.Context(), number, id)
			if err != nil {
				t.Fatal(err)
			}
			if other, taken := stored[m.SourceETag]; taken {
				t.Errorf("%q and %q are both stored as %q", text, other, m.SourceETag)
			}
			stored[m.SourceETag] = text
			if engine == statetest.SQLite && m.SourceETag != text {
				t.Errorf("%q is stored as %q", text, m.SourceETag)
			}
		}
	})
}
