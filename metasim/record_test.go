package metasim

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every record store behaves alike, and a second one on the same directory has
// what the first one had.
func TestRecordStoresKeepTheLastValueOfEachKindAndID(t *testing.T) {
	dir := t.TempDir()
	directory := func() RecordStore {
		storage, err := NewDirectoryStorage(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = storage.Close() })
		return storage.(PersistentStorage).RecordStore()
	}
	memory := NewMemoryRecords()
	stores := map[string]func() RecordStore{
		"memory": func() RecordStore { return memory }, "directory": directory,
	}
	// Ids that are names of files, and those that are not, or not everywhere.
	ids := []string{"1", "a-b_c", "A", "a", "wamid.HBgL/+=", "4::aW1h:AR\n4::aW1h", "..", "", strings.Repeat("a", 65), "a.json"}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			s := open()
			want := map[string]string{}
			for _, id := range ids {
				for _, value := range []string{`{"old":true}`, `{"new":"` + id[:min(len(id), 1)] + `"}`} {
					if err := s.Put("message", id, json.RawMessage(value)); err != nil {
						t.Fatalf("Put(%q): %v", id, err)
					}
					want[id] = value
				}
			}
			if err := errors.Join(s.Put("template", "1", json.RawMessage("1")), s.Delete("message", "a"), s.Delete("message", "none")); err != nil {
				t.Fatal(err)
			}
			delete(want, "a")
			for _, again := range []RecordStore{s, open()} {
				got := map[string]string{}
				records, problems := again.Records("message")
				for _, record := range records {
					got[record.ID] = string(record.Value)
				}
				if diff := cmp.Diff(want, got); len(problems) > 0 || diff != "" {
					t.Errorf("%v (-want +got):\n%s", problems, diff)
				}
			}
			for _, bad := range []error{
				s.Put("../message", "1", json.RawMessage("1")), s.Put("", "1", json.RawMessage("1")), s.Put("message", "1", json.RawMessage("{")),
				s.Put("message", "1", json.RawMessage(`"`+strings.Repeat("x", maxRecord)+`"`)),
			} {
				if !errors.Is(bad, ErrBadRecord) {
					t.Errorf("accepted, or %v", bad)
				}
			}
			if none, problems := s.Records("flow"); len(none)+len(problems) > 0 {
				t.Errorf("another kind: %v, %v", none, problems)
			}
		})
	}
}

func TestRecordsUnderAnothersNameAreReported(t *testing.T) {
	dir := t.TempDir()
	storage, err := NewDirectoryStorage(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	s := storage.(PersistentStorage).RecordStore()
	if err := s.Put("message", "1", json.RawMessage("1")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, recordPath("message", "2")), `{"id":"1","value":1}`)
	records, problems := s.Records("message")
	if len(records) != 1 || records[0].ID != "1" || !errors.Is(errors.Join(problems...), ErrBadRecord) {
		t.Errorf("%v, %v", records, problems)
	}
	assertFiles(t, dir, recordPath("message", "1"))
}
