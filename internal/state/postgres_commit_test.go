package state_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// cutter is a proxy in front of a server of PostgreSQL. It can break connections at
// the moment when the server confirms a commit.
type cutter struct {
	directory string // with its Unix socket
	server    string // the Unix socket of the server

	mu   sync.Mutex
	cuts int // commits that are made and not confirmed
	cut  int // how many were
}

// newCutter returns a proxy in front of the server of a database, and the URL of the
// database by way of the proxy.
func newCutter(t *testing.T, path string) (*cutter, string) {
	t.Helper()
	parsed, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	query := parsed.Query()
	if !strings.HasPrefix(query.Get("host"), "/") {
		t.Skip("the server of FERRY_TEST_POSTGRES has no Unix socket here")
	}
	socket := ".s.PGSQL." + query.Get("port")
	c := &cutter{directory: t.TempDir(), server: filepath.Join(query.Get("host"), socket)}
	listener, err := net.Listen("unix", filepath.Join(c.directory, socket))
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { c.pass(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	query.Set("host", c.directory)
	parsed.RawQuery = query.Encode()
	return c, parsed.String()
}

// next makes the next commits unconfirmed.
func (c *cutter) next(cuts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cuts, c.cut = cuts, 0
}

// done returns how many commits were not confirmed.
func (c *cutter) done() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cut
}

// isCut reports whether the connection is to be broken because of what the server sends.
func (c *cutter) isCut(data []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cuts == 0 || !bytes.Contains(data, []byte("COMMIT\x00")) { // the tag of the command
		return false
	}
	c.cuts, c.cut = c.cuts-1, c.cut+1
	return true
}

func (c *cutter) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if n > 0 && c.isCut(buffer[:n]) {
			return
		}
		if _, writeErr := client.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

// The server makes a commit, and the connection breaks before it can say so.
func TestWriteWhoseCommitWasNotConfirmedIsMadeOnce(t *testing.T) {
	path := statetest.Postgres.Path(t)
	cut, proxied := newCutter(t, path)
	s := statetest.Postgres.Open(t, state.Config{Path: proxied})
	linked := link(t, s, "1")
	number := linked.PhoneNumbers[0].ID
	for name, c := range map[string]struct {
		write func() error
		rows  string // a query that counts what must have been written once
	}{
		"the record of an upload": {
			func() error { return s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: "7"}) },
			`SELECT count(*)::text FROM media WHERE id = '7'`,
		},
		"an event": {
			func() error {
				return s.AddEvents(t.Context(), []state.Event{statusEvent(linked, "e-1", "sent", "wamid.1")})
			},
			`SELECT count(*)::text FROM event e JOIN delivery d ON d.event_id = e.id JOIN lane l ON l.id = d.lane_id AND l.tail = 1 WHERE e.id = 'e-1'`,
		},
		"a message of an SDK call": {
			func() error {
				if _, isNew, err := s.AddMessage(t.Context(), textTo(linked, "4915", "call-1")); !isNew {
					return fmt.Errorf("the message is not new (%w)", err)
				}
				return nil
			},
			`SELECT count(*)::text FROM message m JOIN delivery d ON d.event_id = m.id WHERE m.sdk_call = 'call-1'`,
		},
		"a message of a call that is not marked": {
			func() error {
				_, _, err := s.AddMessage(t.Context(), textTo(linked, "4916", ""))
				return err
			},
			`SELECT count(*)::text FROM message m JOIN delivery d ON d.event_id = m.id WHERE m.recipient = '4916'`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cut.next(2)
			if err := c.write(); err != nil {
				t.Errorf("the write: %v", err)
			}
			if rows := selectTexts(t, path, c.rows); rows[0] != "1" || cut.done() != 2 {
				t.Errorf("after %d commits that were not confirmed, it is stored %s times", cut.done(), rows[0])
			}
		})
	}
}

func TestWriteThatCannotBeRepeatedIsReportedAsUncertain(t *testing.T) {
	path := statetest.Postgres.Path(t)
	cut, proxied := newCutter(t, path)
	s := statetest.Postgres.Open(t, state.Config{Path: proxied})
	number := linkNumber(t, s)
	file := state.Reusable{PhoneNumberID: number, SHA256: "ab", MIMEType: "image/png", MediaID: "7", Size: 10, ExpiresAt: now.Add(time.Hour)}
	if err := s.Offer(t.Context(), file, holder, state.SourceVersion{Name: "s3://b/k"}, now); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func() error{
		"a user of a file": func() error { return s.Reuse(t.Context(), "111122223333", holder, file, nil) },
		"an access key": func() error {
			return s.CreateAccessKey(context.Background(), accessKey("AKIA7", "111122223333"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cut.next(1)
			err := write()
			for kind, target := range map[string]error{"ErrUncertain": state.ErrUncertain, "ErrUnreachable": state.ErrUnreachable, "ErrUnwritable": state.ErrUnwritable} {
				if !errors.Is(err, target) {
					t.Errorf("the error is not %s: %v", kind, err)
				}
			}
			if err != nil && !strings.Contains(err.Error(), "may have been made or not") {
				t.Errorf("the error does not say that the commit may have been made: %v", err)
			}
		})
	}
	if keys, err := s.AccessKeys(t.Context(), ""); err != nil || len(keys) != 1 {
		t.Errorf("the key whose commit was made is not stored: %v, %v", keys, err)
	}
}
