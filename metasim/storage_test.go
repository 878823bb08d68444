package metasim

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"testing"
)

// All storages that keep bytes behave the same.
func TestStoragesKeepWhatWasCommittedAndNothingElse(t *testing.T) {
	storages := map[string]func(t *testing.T) Storage{
		"memory": func(*testing.T) Storage { return NewMemoryStorage(1 << 20) },
		"directory": func(t *testing.T) Storage {
			d, err := NewDirectoryStorage(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
	}
	for name, open := range storages {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			write(t, s, "1", "kept").Commit()
			write(t, s, "2", "thrown away").Abort()
			unfinished := write(t, s, "3", "unfinished")

			if got, err := read(s, "1"); got != "kept" || err != nil {
				t.Errorf("committed: %q, %v", got, err)
			}
			for _, id := range []string{"2", "3", "4"} {
				if _, err := read(s, id); !errors.Is(err, ErrNotStored) {
					t.Errorf("%s: %v", id, err)
				}
				if err := s.Delete(id); err != nil {
					t.Errorf("Delete(%s): %v", id, err)
				}
			}
			if err := s.Delete("1"); err != nil {
				t.Errorf("Delete: %v", err)
			}
			if _, err := read(s, "1"); !errors.Is(err, ErrNotStored) {
				t.Errorf("deleted: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if err := unfinished.Commit(); !errors.Is(err, ErrStorageClosed) {
				t.Errorf("Commit after Close: %v", err)
			}
			if _, err := s.Create("5"); !errors.Is(err, ErrStorageClosed) {
				t.Errorf("Create after Close: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

func TestDirectoryStorageLeavesForeignFilesAlone(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "1"), "foreign")
	s, err := NewDirectoryStorage(dir)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "4.media"), "put there by somebody else")
	if _, err := s.Create("4"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over another file: %v", err)
	}
	write(t, s, "2", "own").Commit()
	write(t, s, "3", "own").Abort()
	for _, id := range []string{"", "a", "../1", "1.media"} {
		if _, err := s.Create(id); err == nil {
			t.Errorf("Create(%q) succeeded", id)
		}
	}
	if err := errors.Join(s.Delete("1"), s.Delete("2"), s.Close()); err != nil {
		t.Fatal(err)
	}
	assertFiles(t, dir, "1", "4.media")
}

func write(t *testing.T, s Storage, id, content string) Blob {
	t.Helper()
	blob, err := s.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(blob, content); err != nil {
		t.Fatal(err)
	}
	return blob
}

func read(s Storage, id string) (string, error) {
	file, err := s.Open(id)
	if err != nil {
		return "", err
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	return string(content), err
}
