package state_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestDatabaseThatAnotherProcessLocksRefusesUploadsUntilItIsUnlocked(t *testing.T) {
	d := newDisk()
	path := filepath.Join(t.TempDir(), "ferry.db")
	s := d.openAt(t, path)
	number := linkNumber(t, s)
	if err := s.DoNotWaitForOthers(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	locked, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = locked.Rollback() }()
	record := state.Media{PhoneNumberID: number, ID: "1"}
	if err := s.RecordMedia(t.Context(), record); !errors.Is(err, state.ErrUnwritable) {
		t.Errorf("RecordMedia while the database is locked: %v", err)
	}
	for range 2 {
		if err := s.Writable(t.Context()); !errors.Is(err, state.ErrUnwritable) {
			t.Errorf("Writable while the database is locked: %v", err)
		}
		d.wait()
	}
	if err := locked.Rollback(); err != nil {
		t.Fatal(err)
	}
	d.wait()
	if err := s.Writable(t.Context()); err != nil {
		t.Errorf("Writable after the database was unlocked: %v", err)
	}
	if err := s.RecordMedia(t.Context(), record); err != nil {
		t.Errorf("RecordMedia after the database was unlocked: %v", err)
	}
}

func TestRecordThatWaitsTooLongIsAnUnwritableDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := state.Open(t.Context(), state.Config{Path: state.Memory, Sealer: statetest.Sealer(t)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		release, err := s.HoldWriter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.RecordMedia(t.Context(), state.Media{PhoneNumberID: "1", ID: "1"}); !errors.Is(err, state.ErrUnwritable) {
			t.Errorf("RecordMedia behind a write that does not end: %v", err)
		}
		if err := s.Writable(t.Context()); !errors.Is(err, state.ErrUnwritable) {
			t.Errorf("Writable behind a write that does not end: %v", err)
		}
		if err := release(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(state.WritableAge)
		if err := s.Writable(t.Context()); err != nil {
			t.Errorf("Writable after that write: %v", err)
		}
	})
}

func TestPurgeDoesNotMakeWritersWaitForAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ferry.db")
	s := newDisk().openAt(t, path)
	number := linkNumber(t, s)
	other, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	reading, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var count int
	if err := reading.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM media`).Scan(&count); err != nil {
		t.Fatal(err)
	}
	if err := s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: "1"}); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	if _, err := s.Purge(t.Context()); err != nil {
		t.Errorf("Purge during a backup: %v", err)
	}
	if took := time.Since(started); took > 4*time.Second { // SQLite would wait for 5 s
		t.Errorf("writers waited %v", took)
	}
	if err := reading.Rollback(); err != nil {
		t.Fatal(err)
	}
	var timeout int
	if timeout, err = s.BusyTimeout(t.Context()); err != nil || timeout != 5000 {
		t.Errorf("after that, a write waits for %d ms for another process (%v)", timeout, err)
	}
}
