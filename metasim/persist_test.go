package metasim

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// startOn starts a simulator on a directory. It returns a buffer with the errors
// that the simulator logs.
func startOn(t *testing.T, dir string, change ...func(*Config)) (*sim, *bytes.Buffer) {
	t.Helper()
	storage, err := NewDirectoryStorage(dir)
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	handler := slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})
	return startSim(t, append(change, func(c *Config) {
		c.Storage, c.Logger = storage, slog.New(handler)
	})...), log
}

// restart closes a simulator, advances the time and starts another simulator on
// the same directory.
func (s *sim) restart(dir string, later time.Duration) (*sim, *bytes.Buffer) {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.manual.advance(later)
	next, log := startOn(s.t, dir, func(c *Config) { c.Clock = s.manual.Now })
	next.manual = s.manual
	return next, log
}

func TestMediaInADirectoryAreServedAfterARestart(t *testing.T) {
	dir := t.TempDir()
	content := pdf + strings.Repeat("0123456789", 100_000) // several chunks
	s, _ := startOn(t, dir)
	id := s.mustUpload("a \\\"ü\\\".pdf", "application/pdf; x=1", content)
	before, _ := s.Media(id)
	address := s.address(id)

	s, log := s.restart(dir, time.Minute)
	after, ok := s.Media(id)
	if diff := cmp.Diff(before, after); !ok || diff != "" {
		t.Errorf("found: %v (-before +after):\n%s", ok, diff)
	}
	a := s.get(s.address(id))
	if a.status != http.StatusOK || a.header.Get("Content-Type") != before.MIMEType || a.body != content {
		t.Errorf("download: status %d, %s, %d bytes", a.status, a.header.Get("Content-Type"), len(a.body))
	}
	if a := s.get(s.url + address[strings.Index(address, downloadPath):]); a.status == http.StatusOK {
		t.Error("a download URL of the previous server is valid")
	}
	if log.Len() > 0 {
		t.Errorf("logged: %s", log)
	}

	// Both have seed 1, so that the second one generates the same ids.
	if second := s.mustUpload("b.png", "image/png", png); second == id {
		t.Error("the id of a file on disk was used again")
	}
	if a := s.get(s.address(id)); a.body != content {
		t.Error("the file has changed")
	}
	s, _ = s.restart(dir, 0)
	if _, total := s.media.list(s.manual.Now(), 0); total != 2 {
		t.Errorf("%d files after the second restart", total)
	}
}

func TestDeletedAndExpiredMediaAreGoneAfterARestart(t *testing.T) {
	upload := func(s *sim, ttl string) string {
		t.Helper()
		a := s.post(formOf(field("messaging_product", "whatsapp"), field("ttl_minutes", ttl), file("a.png", "image/png", png)))
		id, _ := a.fields(t)["id"].(string)
		return id
	}
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	deleted, short, long := upload(s, "60"), upload(s, "60"), upload(s, "120")
	if a := s.mustSend(http.MethodDelete, "/v25.0/"+deleted, nil, "Authorization", "Bearer "+token1); a.status != http.StatusOK {
		t.Fatalf("delete: %d %s", a.status, a.body)
	}
	assertFiles(t, dir, record(short), short+".media", record(long), long+".media")

	s, log := s.restart(dir, time.Hour)
	for _, id := range []string{deleted, short} {
		if _, ok := s.Media(id); ok {
			t.Errorf("%s is served again", id)
		}
	}
	if _, ok := s.Media(long); !ok || log.Len() > 0 {
		t.Errorf("the file that has not expired: %v; logged: %s", ok, log)
	}
	assertFiles(t, dir, record(long), long+".media")

	s.Reset()
	assertFiles(t, dir)
	s, _ = s.restart(dir, 0)
	assertNothingStored(t, s)
}

func TestBadRecordsAreDeletedAndLogged(t *testing.T) {
	edit := func(old, new string) func(t *testing.T, record, data string) {
		return func(t *testing.T, record, _ string) {
			content, err := os.ReadFile(record)
			if err != nil || !bytes.Contains(content, []byte(old)) {
				t.Fatalf("%v: %q is not in %s", err, old, content)
			}
			put(t, record, strings.Replace(string(content), old, new, 1))
		}
	}
	tests := map[string]func(t *testing.T, record, data string){
		"torn record": func(t *testing.T, record, _ string) {
			if err := os.Truncate(record, 50); err != nil {
				t.Fatal(err)
			}
		},
		"empty record":    func(t *testing.T, record, _ string) { put(t, record, "") },
		"huge record":     func(t *testing.T, record, _ string) { put(t, record, strings.Repeat(" ", maxRecord+1)) },
		"no envelope":     func(t *testing.T, record, _ string) { put(t, record, `{"id":"1"}`) },
		"other JSON":      func(t *testing.T, record, _ string) { put(t, record, "{}") },
		"two records":     edit("{", "{}{"),
		"another id":      edit(`"id":"`, `"id":"1`),
		"of another file": edit(`"value":{"id":"`, `"value":{"id":"1`),
		"another size":    edit(`"size":`, `"size":1`),
		"no number":       edit(`"phone_number_id"`, `"x"`),
		"no type":         edit(`"mime_type"`, `"x"`),
		"no name":         edit(`"file_name"`, `"x"`),
		"bad digest":      edit(`"sha256":"`, `"sha256":"00`),
		"never expires":   edit(`"expires"`, `"x"`),
		"short file":      func(t *testing.T, _, data string) { put(t, data, png[:20]) },
		"long file":       func(t *testing.T, _, data string) { put(t, data, png+"!") },
		"missing file":    func(t *testing.T, _, data string) { drop(t, data) },
		"directory in it": func(t *testing.T, _, data string) { drop(t, data); makeDirectory(t, data) },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, _ := startOn(t, dir)
			bad, good := s.mustUpload("a.png", "image/png", png), s.mustUpload("b.jpg", "image/jpeg", jpeg)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			damage(t, filepath.Join(dir, record(bad)), filepath.Join(dir, bad+".media"))

			s, log := s.restart(dir, 0)
			if e := s.get("/v25.0/" + bad).refusal(t).Error; e.Code != 100 || e.Subcode != 33 {
				t.Errorf("the damaged file: %+v", e)
			}
			if a := s.get(s.address(good)); a.body != jpeg {
				t.Errorf("the other file: %d %q", a.status, a.body)
			}
			if !strings.Contains(log.String(), bad) || strings.Contains(log.String(), good) {
				t.Errorf("logged: %s", log)
			}
			assertFiles(t, dir, record(good), good+".media")
			if _, log := s.restart(dir, 0); log.Len() > 0 {
				t.Errorf("logged again: %s", log)
			}
		})
	}
}

// Older versions kept the records of media beside the bytes.
func TestDirectoriesOfOlderVersionsAreConverted(t *testing.T) {
	const kept, torn = "155269040313087", "55269040313087001"
	dir := t.TempDir()
	put(t, filepath.Join(dir, kept+".media"), png)
	put(t, filepath.Join(dir, kept+".json"), `{"id":"155269040313087","phone_number_id":"106540352242922","mime_type":"image/png","file_name":"a.png",`+
		`"size":`+strconv.Itoa(len(png))+`,"sha256":"`+digestOf(png)+`","created":"2026-10-20T12:00:00.5Z","expires":"2026-11-19T12:00:00.5Z"}`)
	put(t, filepath.Join(dir, torn+".media"), png)
	put(t, filepath.Join(dir, torn+".json"), `{"id":"55269040313087001","phone_nu`)
	s, log := startOn(t, dir)
	want := Media{
		ID: kept, PhoneNumberID: phone1, MIMEType: "image/png", FileName: "a.png", Size: int64(len(png)), SHA256: digestOf(png),
		Created: time.Date(2026, 10, 20, 12, 0, 0, 5e8, time.UTC), Expires: time.Date(2026, 11, 19, 12, 0, 0, 5e8, time.UTC),
	}
	if file, ok := s.Media(kept); !ok || file != want {
		t.Errorf("%+v, %v", file, ok)
	}
	if a := s.get(s.address(kept)); a.body != png {
		t.Errorf("download: %d %q", a.status, a.body)
	}
	if _, ok := s.Media(torn); ok || !strings.Contains(log.String(), torn) || strings.Contains(log.String(), kept) {
		t.Errorf("the torn record: served %v; logged: %s", ok, log)
	}
	assertFiles(t, dir, record(kept), kept+".media")
	s, log = s.restart(dir, 0)
	if file, ok := s.Media(kept); !ok || file != want || log.Len() > 0 {
		t.Errorf("after a restart: %+v, %v; logged: %s", file, ok, log)
	}
}

// A record that cannot be read may be readable later: its file stays.
func TestFilesStayWhileRecordsCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	id := s.mustUpload("a.png", "image/png", png)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	storage, err := NewDirectoryStorage(dir)
	if err != nil {
		t.Fatal(err)
	}
	failing := failingRecords{storage.(PersistentStorage).RecordStore()}
	s = startSim(t, func(c *Config) { c.Storage, c.Records = storage, failing })
	if _, ok := s.Media(id); ok {
		t.Error("the file is served")
	}
	assertFiles(t, dir, record(id), id+".media")
}

// failingRecords cannot read.
type failingRecords struct{ RecordStore }

func (failingRecords) Records(string) ([]Record, []error) {
	return nil, []error{errors.New("input/output error")}
}

func TestLeftoversOfACrashAreRemoved(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	id := s.mustUpload("a.png", "image/png", png)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, leftover := range []string{"1.media.part", "2.media", "3.media", "3.json.part", record(id) + ".part"} {
		put(t, filepath.Join(dir, leftover), "half")
	}
	foreign := []string{"1", "4.part", "a.media", "a.media.part", "notes.json", "5.json.txt"}
	for _, name := range foreign {
		put(t, filepath.Join(dir, name), "foreign")
	}
	makeDirectory(t, filepath.Join(dir, "6.media"))

	s, log := s.restart(dir, 0)
	if a := s.get(s.address(id)); a.body != png || log.Len() > 0 {
		t.Errorf("%d %q; logged: %s", a.status, a.body, log)
	}
	assertFiles(t, dir, append(foreign, record(id), id+".media")...)
}

// Seed 1 generates the same ids each time, so that the first one can be taken by
// something that is not a record.
func TestIDsThatAreTakenOnDiskAreNotUsed(t *testing.T) {
	s, _ := startOn(t, t.TempDir())
	first := s.mustUpload("a.png", "image/png", png)
	for _, name := range []string{record(first), first + ".media", first + ".media.part"} {
		dir := t.TempDir()
		makeDirectory(t, filepath.Join(dir, name))
		s, log := startOn(t, dir)
		if id := s.mustUpload("a.png", "image/png", png); id == first || log.Len() > 0 {
			t.Errorf("%s: id %s; logged: %s", name, id, log)
		}
	}
}

func TestUploadWithoutARecordIsRefused(t *testing.T) {
	dir := t.TempDir()
	probe, _ := startOn(t, t.TempDir())
	first := probe.mustUpload("a.png", "image/png", png)
	s, log := startOn(t, dir)
	makeDirectory(t, filepath.Join(dir, record(first)+".part")) // so that the record cannot be written
	a := s.post(formOf(field("messaging_product", "whatsapp"), file("a.png", "image/png", png)))
	if a.status != http.StatusInternalServerError || !strings.Contains(log.String(), ".json.part") {
		t.Errorf("%d %s; logged: %s", a.status, a.body, log)
	}
	assertNothingStored(t, s)
	assertFiles(t, dir)
}

func TestBytesWithoutARecordAreDeletedAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s, err := NewDirectoryStorage(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(t, s, "1", "content").Commit(); err != nil {
		t.Fatal(err)
	}
	unfinished := write(t, s, "2", "content")
	records := s.(PersistentStorage).RecordStore()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	assertFiles(t, dir, "1.media")
	if err := unfinished.Abort(); err != nil {
		t.Errorf("Abort after Close: %v", err)
	}
	if err := records.Put(mediaKind, "1", []byte("{}")); !errors.Is(err, ErrStorageClosed) {
		t.Errorf("Put after Close: %v", err)
	}
	if list, problems := records.Records(mediaKind); len(list) > 0 || !errors.Is(errors.Join(problems...), ErrStorageClosed) {
		t.Errorf("Records after Close: %v, %v", list, problems)
	}
	next, log := startOn(t, dir)
	if _, ok := next.Media("1"); ok || log.Len() > 0 {
		t.Errorf("found: %v; logged: %s", ok, log)
	}
	assertFiles(t, dir)
}

// record is where a directory storage keeps the record of a media id.
func record(id string) string { return recordPath(mediaKind, id) }

// assertFiles checks which plain files are in a directory and below.
func assertFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	got := []string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			path, err = filepath.Rel(dir, path)
			got = append(got, filepath.ToSlash(path))
		}
		return err
	})
	want = append([]string{}, want...)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v; files (-want +got):\n%s", err, diff)
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func drop(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func makeDirectory(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsInADirectoryAreKeptWithTheirCounters(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	for _, f := range []Fault{{ID: "twice", Operation: OperationUpload, Status: 503, Times: 2, Skip: 1}, {ID: "slow", Latency: time.Millisecond}, {ID: "removed", Status: 500}} {
		if _, err := s.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
	s.RemoveFault("removed")
	for _, want := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		if a := s.post(formOf(field("messaging_product", "whatsapp"), file("a.pdf", "application/pdf", pdf))); a.status != want {
			t.Fatalf("status %d, want %d: %s", a.status, want, a.body)
		}
	}
	s, _ = s.restart(dir, time.Minute)
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		if a := s.post(formOf(field("messaging_product", "whatsapp"), file("a.pdf", "application/pdf", pdf))); a.status != want {
			t.Errorf("after the restart: status %d, want %d: %s", a.status, want, a.body)
		}
	}
	if faults := s.Faults(); len(faults) != 2 || faults[0].ID != "twice" || faults[0].Applied != 2 || faults[1].ID != "slow" {
		t.Errorf("%+v", faults)
	}
	s.ClearFaults()
	if s, log := s.restart(dir, time.Minute); len(s.Faults()) != 0 || log.Len() > 0 {
		t.Errorf("removed faults are there again: %+v, %s", s.Faults(), log)
	}
}
