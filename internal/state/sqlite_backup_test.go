package state_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestBackupHasWhatWasRecordedBeforeItWhileOthersWrite(t *testing.T) {
	directory := t.TempDir()
	path, backup := filepath.Join(directory, "ferry, with a space?.db"), filepath.Join(directory, "back up?.db")
	sealer := statetest.Sealer(t)
	s, err := state.Open(t.Context(), state.Config{Path: path, Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	number := linkNumber(t, s)
	record := func(i int) error {
		return s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: fmt.Sprint(i), SourceName: "a.jpg"})
	}
	for i := range 100 {
		if err := record(i); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() {
		for i := 100; ; i++ {
			if err := record(i); err != nil || ctx.Err() != nil {
				written <- err
				return
			}
		}
	}()
	size, err := state.BackUp(t.Context(), path, backup)
	stop()
	if err := errors.Join(err, <-written); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(backup)
	if err != nil || info.Size() != size || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Fatalf("the backup is %v, want a file of %d bytes that only its owner reads (%v)", info, size, err)
	}
	copied, err := state.Open(t.Context(), state.Config{Path: backup, Sealer: sealer, CheckIntegrity: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := copied.Media(t.Context(), number, fmt.Sprint(i)); err != nil {
			t.Fatalf("record %d is missing in the backup: %v", i, err)
		}
	}
	if err := copied.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBackupReplacesNoFileAndLeavesNoneWhenItFails(t *testing.T) {
	directory := t.TempDir()
	path := newFile(t, statetest.Sealer(t))
	existing := filepath.Join(directory, "existing.db")
	if err := os.WriteFile(existing, []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := state.BackUp(t.Context(), path, existing); !errors.Is(err, state.ErrExists) {
		t.Errorf("a backup into a file that exists: %v", err)
	}
	if text, err := os.ReadFile(existing); err != nil || string(text) != "something else" {
		t.Errorf("the file is now %q (%v)", text, err)
	}
	if _, err := state.BackUp(t.Context(), filepath.Join(directory, "missing.db"), filepath.Join(directory, "new.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup of a file that does not exist: %v", err)
	}
	if _, err := state.BackUp(t.Context(), existing, filepath.Join(directory, "new.db")); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("a backup of a file that is no database: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := state.BackUp(cancelled, path, filepath.Join(directory, "new.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("a backup that is stopped: %v", err)
	}
	left, err := os.ReadDir(directory)
	if err != nil || len(left) != 1 {
		t.Errorf("%v are left, want only %s (%v)", left, existing, err)
	}
}

func TestBackupChangesNothingOfTheDatabase(t *testing.T) {
	path := newFile(t, statetest.Sealer(t))
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := state.BackUp(t.Context(), path, path+".backup"); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Error("the file has changed", err)
	}
}
