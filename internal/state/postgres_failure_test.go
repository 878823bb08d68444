package state_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/postgrestest"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestFailuresOfPostgreSQLAreClassified(t *testing.T) {
	for code, want := range map[string]string{
		"53100": "full", "53300": "busy", "53200": "busy", "40001": "contended", "40P01": "contended", "55P03": "contended", "57014": "contended",
		"25006": "broken", "42501": "broken", "58030": "broken", "57P01": "lost", "57P02": "lost", "57P03": "lost", "08006": "lost", "08P01": "lost",
		"28P01": "lost", "3D000": "lost", "25P03": "lost", "XX001": "damaged", "XX002": "damaged",
		"23505": "other", "23503": "other", "22021": "other", "42703": "other", "XX000": "other", "": "other",
	} {
		if got := state.PostgresFailure(code); got != want {
			t.Errorf("%s is %s, want %s", code, got, want)
		}
	}
}

// A server is killed while records are written and rows are read. Nothing that was
// acknowledged is lost, and the database works again without being opened again.
func TestServerThatIsKilledAndStartedAgain(t *testing.T) {
	server := startServer(t, postgrestest.Config{})
	var elapsed atomic.Int64
	s := statetest.Postgres.Open(t, state.Config{Path: server.URL("postgres"), Now: func() time.Time { return now.Add(time.Duration(elapsed.Load())) }})
	number := linkNumber(t, s)

	var mu sync.Mutex
	var recorded []string
	var failures atomic.Int64
	stop := make(chan struct{})
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("%d-%d", worker, i)
				err := s.RecordMedia(context.Background(), state.Media{PhoneNumberID: number, ID: id})
				switch {
				case err == nil:
					mu.Lock()
					recorded = append(recorded, id)
					mu.Unlock()
				case errors.Is(err, state.ErrUnwritable) && errors.Is(err, state.ErrUnreachable):
					failures.Add(1)
					time.Sleep(time.Millisecond)
				default:
					t.Errorf("RecordMedia while the server is down: %v", err)
					return
				}
			}
		})
	}
	for range 3 {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		before := failures.Load()
		for failures.Load() == before {
			time.Sleep(time.Millisecond)
		}
		if err := s.Writable(t.Context()); !errors.Is(err, state.ErrUnreachable) || !strings.Contains(err.Error(), "check that it runs") {
			t.Errorf("Writable while the server is down: %v", err)
		}
		elapsed.Add(int64(time.Minute)) // nothing is remembered
		if _, err := s.Sender(t.Context(), "111122223333", number); !errors.Is(err, state.ErrUnreachable) {
			t.Errorf("Sender while the server is down: %v", err)
		}
		if err := s.Ping(t.Context()); !errors.Is(err, state.ErrUnreachable) {
			t.Errorf("Ping while the server is down: %v", err)
		}
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("Ping after the server is back: %v", err)
		}
		elapsed.Add(int64(time.Minute))
		if _, err := s.Sender(t.Context(), "111122223333", number); err != nil {
			t.Errorf("Sender, by a prepared statement, after the server is back: %v", err)
		}
		if err := s.Writable(t.Context()); err != nil {
			t.Errorf("Writable after the server is back: %v", err)
		}
	}
	close(stop)
	group.Wait()
	for _, id := range recorded {
		if _, err := s.Media(t.Context(), number, id); err != nil {
			t.Errorf("the acknowledged record %s of %d: %v", id, len(recorded), err)
		}
	}
	if len(recorded) == 0 {
		t.Error("nothing was recorded")
	}
}

// Idle connections of a pool do not know that their server was started again.
func TestRestartBetweenTwoCallsIsNotNoticed(t *testing.T) {
	server := startServer(t, postgrestest.Config{})
	s := statetest.Postgres.Open(t, state.Config{Path: server.URL("postgres")})
	number := linkNumber(t, s)
	for i := range 3 {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint(i)
		if err := s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: id}); err != nil {
			t.Errorf("the first record after a restart: %v", err)
		}
		if _, err := s.Media(t.Context(), number, id); err != nil {
			t.Errorf("the first read after a restart: %v", err)
		}
	}
}

// Two transactions lock the same rows in different orders. PostgreSQL ends one of them,
// which is tried again.
func TestTransactionThatIsInTheWayOfAnotherIsTriedAgain(t *testing.T) {
	s := statetest.Postgres.Open(t)
	for _, id := range []string{"a", "b"} {
		if _, _, err := s.TakeRate(t.Context(), id, time.Second, now, now); err != nil {
			t.Fatal(err)
		}
	}
	var tries atomic.Int64
	var both, group sync.WaitGroup
	both.Add(2)
	for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		group.Go(func() {
			isFirst := true
			err := s.InTransaction(t.Context(), func(tx *sql.Tx) error {
				tries.Add(1)
				for i, id := range order {
					if _, err := tx.ExecContext(t.Context(), `UPDATE rate SET used_until = used_until + 1 WHERE id = $1`, id); err != nil {
						return err
					}
					if i == 0 && isFirst {
						isFirst = false
						both.Done()
						both.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("a transaction with the order %q: %v", order, err)
			}
		})
	}
	group.Wait()
	if tries.Load() < 3 {
		t.Errorf("there was no deadlock: %d tries", tries.Load())
	}
	if err := s.Writable(t.Context()); err != nil {
		t.Errorf("Writable after a deadlock: %v", err)
	}
}

func TestServerThatIsReadOnlyIsReadAndNotWritten(t *testing.T) {
	path := statetest.Postgres.Path(t)
	var elapsed atomic.Int64
	s := statetest.Postgres.Open(t, state.Config{Path: path, Now: func() time.Time { return now.Add(time.Duration(elapsed.Load())) }})
	number := linkNumber(t, s)
	name := selectTexts(t, path, `SELECT current_database()`)[0]
	writing := path + "&default_transaction_read_only=off"
	defer execute(t, writing, `ALTER DATABASE `+name+` RESET default_transaction_read_only`)
	execute(t, path, `ALTER DATABASE `+name+` SET default_transaction_read_only = on`,
		`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	record := state.Media{PhoneNumberID: number, ID: "1"}
	for range 2 {
		if err := s.RecordMedia(t.Context(), record); !errors.Is(err, state.ErrUnwritable) || errors.Is(err, state.ErrUnreachable) || !strings.Contains(err.Error(), "does not accept writes") {
			t.Errorf("RecordMedia on a read-only server: %v", err)
		}
		if err := s.Writable(t.Context()); !errors.Is(err, state.ErrUnwritable) {
			t.Errorf("Writable on a read-only server: %v", err)
		}
		if _, err := s.Sender(t.Context(), "111122223333", number); err != nil {
			t.Errorf("Sender on a read-only server: %v", err)
		}
		elapsed.Add(int64(state.WritableAge))
	}
	execute(t, writing, `ALTER DATABASE `+name+` RESET default_transaction_read_only`)
	if err := s.Writable(t.Context()); err != nil {
		t.Errorf("Writable when the server accepts writes again: %v", err)
	}
	if err := s.RecordMedia(t.Context(), record); err != nil {
		t.Errorf("RecordMedia when the server accepts writes again: %v", err)
	}
}

func TestServerWithoutFreeConnectionsIsNamed(t *testing.T) {
	path := statetest.Postgres.EmptyPath(t)
	name := selectTexts(t, path, `SELECT current_database()`)[0]
	execute(t, path, `CREATE ROLE `+name+` LOGIN CONNECTION LIMIT 1`, `ALTER DATABASE `+name+` OWNER TO `+name)
	defer execute(t, path, `ALTER DATABASE `+name+` OWNER TO CURRENT_USER`, `REASSIGN OWNED BY `+name+` TO CURRENT_USER`, `DROP ROLE `+name)
	_, err := state.Open(t.Context(), state.Config{Path: strings.Replace(path, "//ferry@", "//"+name+"@", 1), Sealer: statetest.Sealer(t)})
	if !errors.Is(err, state.ErrUnwritable) || !strings.Contains(err.Error(), "--database-connections") {
		t.Errorf("Open with one connection: %v", err)
	}
}

// The tables are on a small disk, and the log of the server is not.
func TestFullDiskOfTheServerRefusesWritesUntilItHasSpaceAgain(t *testing.T) {
	server := startServer(t, postgrestest.Config{})
	small := filepath.Join(server.Directory, "small")
	if output, err := exec.Command("sh", "-c", `mkdir "$1" && mount -t tmpfs -o size=24m tmpfs "$1"`, "sh", small).CombinedOutput(); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v %s", err, output)
	}
	defer func() { _ = exec.Command("umount", "-l", small).Run() }()
	tables := filepath.Join(small, "tables")
	if output, err := exec.Command("install", "-d", "-o", "postgres", tables).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, output)
	}
	execute(t, server.URL("postgres"), `CREATE TABLESPACE small LOCATION '`+tables+`'`, `CREATE DATABASE small TABLESPACE small ENCODING 'UTF8' TEMPLATE template0`)
	var elapsed atomic.Int64
	s := statetest.Postgres.Open(t, state.Config{Path: server.URL("small"), Now: func() time.Time { return now.Add(time.Duration(elapsed.Load())) }})
	number := linkNumber(t, s)
	ballast := filepath.Join(small, "ballast")
	_ = exec.Command("sh", "-c", `head -c 24m /dev/zero >"$1"`, "sh", ballast).Run() // until the disk is full
	for what, err := range map[string]error{"the record that does not fit": fill(t, s, number), "Writable": s.Writable(t.Context())} {
		if !errors.Is(err, state.ErrUnwritable) || errors.Is(err, state.ErrUnreachable) || !strings.Contains(err.Error(), "the disk of its server is full") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.Sender(t.Context(), "111122223333", number); err != nil {
		t.Errorf("reading while the disk is full: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	elapsed.Add(int64(state.WritableAge))
	if err := s.Writable(t.Context()); err != nil {
		t.Errorf("Writable a second after the disk has space again: %v", err)
	}
	if err := s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: "after"}); err != nil {
		t.Errorf("RecordMedia after the disk has space again: %v", err)
	}
}
