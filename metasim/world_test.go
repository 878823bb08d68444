package metasim

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func exported(t *testing.T, s *Server) string {
	t.Helper()
	var out bytes.Buffer
	if err := s.Export(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// changeAtRandom does something that a client, a person or a tester does.
func changeAtRandom(t *testing.T, s *sim, random *rand.Rand, n int) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	person := fmt.Sprintf("1650555%04d", random.IntN(3))
	switch random.IntN(9) {
	case 0:
		s.mustUpload("a.png", "image/png", png+strings.Repeat("<&\xff", random.IntN(50_000)))
	case 1:
		_, err := s.AddFault(Fault{Operation: OperationUpload, Status: 503, Skip: 1000, Body: "<b>&\u2028"})
		must(err)
	case 2:
		_, err := s.Receive(phone1, Inbound{From: person, Text: &InboundText{Body: "Grüße <&> \u2028"}})
		must(err)
	case 3:
		_, err := s.Receive(phone1, Inbound{From: person, Type: "image"})
		must(err)
	case 4:
		_, err := s.ChangePerson(phone1, person, PersonChange{Offline: new(bool)})
		must(err)
	case 5:
		s.mustSend(http.MethodPost, "/v25.0/"+account1+"/message_templates", strings.NewReader(fmt.Sprintf(
			`{"name":"t%d","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"Hello"}]}`, n)),
			"Authorization", "Bearer "+token1, "Content-Type", "application/json")
	case 6:
		s.mustSend(http.MethodPost, "/v25.0/"+phone1+"/messages", strings.NewReader(
			`{"messaging_product":"whatsapp","to":"`+person+`","type":"text","text":{"body":"Hello"}}`),
			"Authorization", "Bearer "+token1, "Content-Type", "application/json")
	case 7:
		must(s.SetWebhookDelivery(WebhookDelivery{Delay: time.Duration(random.IntN(5)) * time.Second, Lose: 0.5}))
	default:
		_, err := s.AdvanceClock(time.Duration(random.IntN(100)) * time.Minute)
		must(err)
	}
}

// A state that is exported, imported by another Server and exported again is the same
// bytes, whether the clock is running or not.
func TestExportedStateIsTheSameBytesAfterAnImport(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			open := func(c *Config) { c.OpenWindows = true }
			first := startSim(t, open)
			for n := range 40 {
				changeAtRandom(t, first, random, n)
				first.manual.advance(time.Duration(random.IntN(1000)) * time.Millisecond)
			}
			if seed%3 == 0 {
				if _, err := first.StopClock(); err != nil {
					t.Fatal(err)
				}
			}
			once := exported(t, first.Server)
			first.manual.advance(time.Second)
			if again := exported(t, first.Server); again != once {
				t.Errorf("the same state, exported twice, differs")
			}
			storage, err := NewDirectoryStorage(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			second := startSim(t, open, func(c *Config) {
				if seed%2 == 0 {
					c.Storage = storage
				}
			})
			t.Cleanup(func() { _ = storage.Close() })
			second.manual.advance(1000 * time.Hour) // the age of the file does not matter
			if err := second.Import(strings.NewReader(once)); err != nil {
				t.Fatal(err)
			}
			second.manual.advance(time.Second)
			if again := exported(t, second.Server); again != once {
				t.Errorf("the state differs after an import:\n%s", firstDifference(once, again))
			}
			if len(first.Messages()) != len(second.Messages()) || len(first.Faults()) != len(second.Faults()) {
				t.Errorf("messages %d, %d, faults %d, %d", len(first.Messages()), len(second.Messages()), len(first.Faults()), len(second.Faults()))
			}
		})
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return truncate(x[i]) + "\n" + truncate(y[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(x), len(y))
}

func TestImportedFilesCanBeDownloaded(t *testing.T) {
	first := startSim(t)
	content := png + strings.Repeat("x", 3*worldPiece)
	id := first.mustUpload("a.png", "image/png", content)
	second := startSim(t, func(c *Config) { c.Seed = 2 })
	control := NewControlClient(startControl(t, second), nil)
	var out bytes.Buffer
	if err := NewControlClient(startControl(t, first), nil).Export(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	old := second.mustUpload("b.png", "image/png", png)
	if err := control.Import(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	url := second.get("/v25.0/" + id).fields(t)["url"].(string)
	if got := second.get(url, "User-Agent", "test"); got.body != content {
		t.Errorf("%d bytes, want %d", len(got.body), len(content))
	}
	if _, ok := second.Media(old); ok {
		t.Error("a file of before the import is there")
	}
}

// No part of a stream, and no change of one byte, is imported, and nothing is changed by it.
func TestDamagedStreamsAreRefusedAndChangeNothing(t *testing.T) {
	first := startSim(t)
	first.mustUpload("a.png", "image/png", png)
	whole := exported(t, first.Server)
	second := startSim(t)
	kept := second.mustUpload("b.png", "image/png", png)
	before := exported(t, second.Server)
	refused := func(what, stream, problem string) {
		t.Helper()
		err := second.Import(strings.NewReader(stream))
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, want %q", what, err, problem)
		}
	}
	for n := range len(whole) {
		refused(fmt.Sprintf("%d of %d bytes", n, len(whole)), whole[:n], "cut short")
		changed := []byte(whole)
		changed[n] ^= 1
		refused(fmt.Sprintf("byte %d", n), string(changed), "")
	}
	lines := slices.Collect(strings.Lines(whole))
	for n := range lines {
		refused(fmt.Sprintf("without line %d", n), strings.Join(slices.Delete(slices.Clone(lines), n, n+1), ""), "")
	}
	refused("newer", strings.Replace(whole, `"version":1`, `"version":2,"more":{}`, 1), "this simulator knows 1; use a newer one")
	refused("another format", `{"format":"zip","version":1}`+"\n", `the format is "zip", expected "metasim"`)
	refused("another kind", strings.Replace(whole, `"kind":"media"`, `"kind":"token"`, 1), `no kind of records "token"`)
	refused("more", whole+"{}\n", "more after the last line")
	refused("long line", `{"format":"`+strings.Repeat("x", maxWorldLine), "a line has more than")
	refused("nothing", "", "cut short")
	if after := exported(t, second.Server); after != before {
		t.Error("a refused stream has changed the state")
	}
	if _, ok := second.Media(kept); !ok {
		t.Error("the file is gone")
	}
}

// A file that the storage has no room for leaves a Server without state.
func TestImportThatTheStorageCannotHoldLeavesNothing(t *testing.T) {
	first := startSim(t)
	first.mustUpload("a.png", "image/png", png+strings.Repeat("x", 2000))
	second := startSim(t, func(c *Config) { c.Storage = NewMemoryStorage(1000) })
	err := second.Import(strings.NewReader(exported(t, first.Server)))
	if err == nil || !strings.Contains(err.Error(), "storage is full") {
		t.Fatal(err)
	}
	if list, total := second.media.list(second.Now(), 10); total != 0 {
		t.Errorf("there are %v", list)
	}
	second.mustUpload("b.png", "image/png", png)
}

// Every kind of records is exported, or left out on purpose.
func TestEveryKindOfRecordsIsExportedOrLeftOut(t *testing.T) {
	asked := &askedKinds{RecordStore: NewMemoryRecords()}
	startSim(t, func(c *Config) { c.Records = asked })
	slices.Sort(asked.kinds)
	want := append(slices.Clone(worldKinds), clockKind, faultKind, tokenKind)
	slices.Sort(want)
	if got := slices.Compact(asked.kinds); !slices.Equal(got, want) {
		t.Errorf("the Server reads records of kinds %v, exported or left out are %v", got, want)
	}
}

type askedKinds struct {
	RecordStore
	kinds []string
}

func (a *askedKinds) Records(kind string) ([]Record, []error) {
	a.kinds = append(a.kinds, kind)
	return a.RecordStore.Records(kind)
}

// An import while requests are served, and while the loops run, leaves the imported state.
func TestImportWhileRequestsAreServed(t *testing.T) {
	first := startSim(t)
	id := first.mustUpload("a.png", "image/png", png)
	whole := exported(t, first.Server)
	second := startSim(t, func(c *Config) { c.Seed = 2 }) // other ids for what arrives meanwhile
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 20 {
				if _, err := second.send(http.MethodGet, "/v25.0/"+id, nil, "Authorization", "Bearer "+token1); err != nil {
					t.Error(err)
				}
				_, _ = second.Receive(phone1, Inbound{From: "16505550000", Type: "image"})
				_ = second.Export(io.Discard)
			}
		})
	}
	for range 10 {
		if err := second.Import(strings.NewReader(whole)); err != nil {
			t.Error(err)
		}
	}
	clients.Wait()
	if err := second.Import(strings.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
	if _, ok := second.Media(id); !ok || !json.Valid([]byte(second.get("/v25.0/"+id).body)) {
		t.Error("the file is not there")
	}
}

func TestExportStopsAtItsLimit(t *testing.T) {
	var out bytes.Buffer
	w := &worldWriter{to: &out, digest: sha256.New(), limit: 100}
	for range 3 {
		w.write(worldLine{Data: make([]byte, 30)})
	}
	w.end()
	if w.err == nil || !strings.Contains(w.err.Error(), "more than 100 bytes") || out.Len() > 100 {
		t.Errorf("%v after %d bytes", w.err, out.Len())
	}
}
