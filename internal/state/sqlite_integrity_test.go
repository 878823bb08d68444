package state_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// newFile returns the path of a database with some hundred records, which is closed.
func newFile(t *testing.T, sealer *secret.Sealer) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ferry.db")
	s, err := state.Open(t.Context(), state.Config{Path: path, Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	number := linkNumber(t, s)
	for i := range 500 {
		if err := s.RecordMedia(t.Context(), state.Media{PhoneNumberID: number, ID: fmt.Sprint(i), SourceName: strings.Repeat("x", 200)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDamagedFileIsNotOpened(t *testing.T) {
	for name, damage := range map[string]func(file []byte) []byte{
		"zeros in the middle":       func(file []byte) []byte { clear(file[len(file)/2 : len(file)/2+4096]); return file },
		"text in the middle":        func(file []byte) []byte { copy(file[len(file)/2/4096*4096:], "not a page of a database"); return file },
		"the second half is gone":   func(file []byte) []byte { return file[:len(file)/2] },
		"text in place of the file": func([]byte) []byte { return bytes.Repeat([]byte("this is not a database\n"), 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			sealer := statetest.Sealer(t)
			path := newFile(t, sealer)
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(file), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = state.Open(t.Context(), state.Config{Path: path, Sealer: sealer, CheckIntegrity: true})
			if !errors.Is(err, state.ErrDamaged) || !strings.Contains(err.Error(), "restore a backup") {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

func TestIntactFileIsOpened(t *testing.T) {
	sealer := statetest.Sealer(t)
	s, err := state.Open(t.Context(), state.Config{Path: newFile(t, sealer), Sealer: sealer, CheckIntegrity: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.CheckAll(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDamageIsFoundWhileTheFileIsOpen(t *testing.T) {
	sealer := statetest.Sealer(t)
	path := newFile(t, sealer)
	s, err := state.Open(t.Context(), state.Config{Path: path, Sealer: sealer, CheckIntegrity: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xff}, 4096), info.Size()/2/4096*4096); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckAll(t.Context()); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("the check of the background: %v", err)
	}
}

func TestDeletedRowsAreNotInTheFiles(t *testing.T) {
	directory := t.TempDir()
	s := open(t, filepath.Join(directory, "ferry.db"), statetest.Sealer(t))
	key := accessKey("AKIADELETED", "111122223333")
	key.Name = "deleted-name-7f13"
	if err := s.CreateAccessKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Purge(t.Context()); err != nil { // moves everything to the file
		t.Fatal(err)
	}
	if !contain(t, directory, key.ID) || !contain(t, directory, key.Name) {
		t.Fatal("the files do not contain the key before it is deleted: the test is wrong")
	}
	if err := s.DeleteAccessKey(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if contain(t, directory, key.ID) || contain(t, directory, key.Name) {
		t.Error("the files contain a key that was deleted")
	}
}

// contain reports whether a file of a directory has a text.
func contain(t *testing.T, directory, text string) bool {
	t.Helper()
	files, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(directory, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(text)) {
			return true
		}
	}
	return false
}
