package state_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// disk is the file system of a database, and a clock.
type disk struct {
	free    atomic.Uint64
	elapsed atomic.Int64 // ns
	asked   atomic.Int64
}

func newDisk() *disk {
	d := new(disk)
	d.free.Store(1 << 30)
	return d
}

// open opens a database on the disk.
func (d *disk) open(t *testing.T) *state.DB {
	t.Helper()
	return d.openAt(t, filepath.Join(t.TempDir(), "ferry.db"))
}

func (d *disk) openAt(t *testing.T, path string) *state.DB {
	t.Helper()
	s, err := state.Open(t.Context(), state.Config{
		Path: path, Sealer: statetest.Sealer(t),
		Now: func() time.Time { return now.Add(time.Duration(d.elapsed.Load())) },
		Filesystem: func(string) (state.Filesystem, error) {
			d.asked.Add(1)
			return state.Filesystem{Type: 0xEF53, Free: d.free.Load()}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// wait lets the time pass for which the state of a disk is remembered.
func (d *disk) wait() { d.elapsed.Add(int64(state.WritableAge)) }

// fill records uploads until one cannot be recorded, and returns its error.
func fill(t *testing.T, s *state.DB, number string) error {
	t.Helper()
	for i := range 10_000 {
		err := s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: fmt.Sprint("fill ", i), SourceName: strings.Repeat("x", 1000)})
		if err != nil {
			return err
		}
	}
	t.Fatal("the disk does not become full")
	return nil
}

func linkNumber(t *testing.T, s *state.DB) string {
	t.Helper()
	linked, err := s.Link(t.Context(), businessAccount("111122223333", "100", "1"))
	if err != nil {
		t.Fatal(err)
	}
	return linked.PhoneNumbers[0].ID
}

func TestFullDiskRefusesWritesUntilItHasSpaceAgain(t *testing.T) {
	d := newDisk()
	s := d.open(t)
	number := linkNumber(t, s)
	if err := s.Writable(t.Context()); err != nil {
		t.Fatalf("Writable on a disk with space: %v", err)
	}
	if err := s.LimitPages(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	failed := fill(t, s, number)
	for what, err := range map[string]error{
		"the record that does not fit": failed,
		"Writable":                     s.Writable(t.Context()),
	} {
		if !errors.Is(err, state.ErrUnwritable) || !strings.Contains(err.Error(), "disk is full") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for range 3 {
		d.wait()
		if err := s.Writable(t.Context()); !errors.Is(err, state.ErrUnwritable) {
			t.Errorf("Writable while the disk is full: %v", err)
		}
	}
	if _, err := s.Sender(t.Context(), "111122223333", number); err != nil {
		t.Errorf("reading on a full disk: %v", err)
	}
	if err := s.LimitPages(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	d.wait()
	if err := s.Writable(t.Context()); err != nil {
		t.Errorf("Writable a second after the disk has space again: %v", err)
	}
	if err := s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: "after"}); err != nil {
		t.Errorf("RecordMedia after the disk has space again: %v", err)
	}
	if err := s.CheckAll(t.Context()); err != nil {
		t.Errorf("the file after that: %v", err)
	}
}

func TestAdministrationSaysThatTheDiskIsFull(t *testing.T) {
	s := newDisk().open(t)
	number := linkNumber(t, s)
	if err := s.LimitPages(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	_ = fill(t, s, number)
	key := accessKey("AKIA1", "111122223333")
	key.Policies = []string{`{"a": "` + strings.Repeat("x", 10_000) + `"}`}
	for what, err := range map[string]error{
		"CreateAccessKey": s.CreateAccessKey(t.Context(), key),
		"Link": func() error {
			_, err := s.Link(t.Context(), businessAccount("111122223333", "200", strings.Repeat("2", 10_000)))
			return err
		}(),
	} {
		if !errors.Is(err, state.ErrUnwritable) || !strings.Contains(err.Error(), "Free some space") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestLittleFreeSpaceIsKeptForUploadsInProgress(t *testing.T) {
	d := newDisk()
	s := d.open(t)
	number := linkNumber(t, s)
	d.free.Store(state.FreeReserve - 1)
	d.wait()
	if err := s.Writable(t.Context()); !errors.Is(err, state.ErrUnwritable) || !strings.Contains(err.Error(), "15 MiB of free space") {
		t.Errorf("Writable below the reserve: %v", err)
	}
	if err := s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: "1"}); err != nil {
		t.Errorf("RecordMedia of an upload that was in progress: %v", err)
	}
	d.free.Store(state.FreeReserve)
	if err := s.Writable(t.Context()); err == nil {
		t.Error("the free space is read for each call")
	}
	d.wait()
	if err := s.Writable(t.Context()); err != nil {
		t.Errorf("Writable with the reserve: %v", err)
	}
}

func TestManyCallsAskTheDiskOnce(t *testing.T) {
	d := newDisk()
	s := d.open(t)
	before := d.asked.Load()
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			if err := s.Writable(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if asked := d.asked.Load() - before; asked != 1 {
		t.Errorf("the disk was asked %d times for 100 calls", asked)
	}
}

func TestLostWriteStopsTheServer(t *testing.T) {
	d := newDisk()
	s := d.open(t)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	cause := errors.New("fsync: input/output error")
	s.LoseWrites(cause)
	if err := <-ended; !errors.Is(err, cause) {
		t.Errorf("Run returns %v", err)
	}
	d.wait()
	if err := s.Writable(t.Context()); !errors.Is(err, cause) {
		t.Errorf("Writable: %v", err)
	}
}

func TestFailuresOfSQLiteAreClassified(t *testing.T) {
	for _, c := range []struct {
		code int
		want string
	}{
		{sqlite3.SQLITE_FULL, "full"},
		{sqlite3.SQLITE_IOERR_WRITE, "broken"},
		{sqlite3.SQLITE_IOERR_SHMSIZE, "broken"},
		{sqlite3.SQLITE_READONLY_DBMOVED, "broken"},
		{sqlite3.SQLITE_CANTOPEN, "broken"},
		{sqlite3.SQLITE_IOERR_FSYNC, "unsure"},
		{sqlite3.SQLITE_IOERR_DIR_FSYNC, "unsure"},
		{sqlite3.SQLITE_BUSY, "busy"},
		{sqlite3.SQLITE_BUSY_SNAPSHOT, "busy"},
		{sqlite3.SQLITE_CORRUPT_INDEX, "damaged"},
		{sqlite3.SQLITE_NOTADB, "damaged"},
		{sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, "other"},
		{sqlite3.SQLITE_INTERRUPT, "other"},
	} {
		if got := state.FailureOf(c.code); got != c.want {
			t.Errorf("%s (%d) is %s, want %s", sqlite.ErrorCodeString[c.code&0xff], c.code, got, c.want)
		}
	}
}

func TestFileThatCannotBeWrittenIsReported(t *testing.T) {
	_, err := state.Open(t.Context(), state.Config{Path: filepath.Join(t.TempDir(), "missing", "ferry.db"), Sealer: statetest.Sealer(t)})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open in a directory that does not exist: %v", err)
	}
}
