package local_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ferry/internal/local"
	"ferry/metasim"
)

// responses is a log handler that reads URLs of a world while a line is logged.
type responses struct {
	slog.Handler
	mu   sync.Mutex
	read map[string]string // by message
}

func (r *responses) Enabled(context.Context, slog.Level) bool { return true }

func (r *responses) Handle(_ context.Context, record slog.Record) error {
	if !strings.HasPrefix(record.Message, "seed: begun") {
		return nil
	}
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == "api" {
			text := ""
			for _, path := range []string{"/readyz", "/_ferry/health"} {
				text += get(a.Value.String() + path)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.read[record.Message] = text
		}
		return true
	})
	return nil
}

func get(url string) string {
	response, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.Status + " " + string(body)
}

// While the seed is put into the world, the servers respond, and the world is not ready.
func TestWorldIsReadyWhenTheSeedIsDone(t *testing.T) {
	log := &responses{Handler: slog.DiscardHandler, read: make(map[string]string)}
	world, err := local.Start(t.Context(), local.Config{Seed: "../../cmd/ferry/testdata/seed", Logger: slog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = world.Close() }()
	log.mu.Lock()
	meanwhile := log.read["seed: begun"]
	log.mu.Unlock()
	for _, want := range []string{"503 Service Unavailable seed is not available: the seed in ../../cmd/ferry/testdata/seed is being read\n", `{"name":"seed","status":"unavailable","reason":"the seed in`} {
		if !strings.Contains(meanwhile, want) {
			t.Errorf("meanwhile: %s\nwant %s", meanwhile, want)
		}
	}
	if ready := get(world.APIURL + "/readyz"); !strings.HasPrefix(ready, "200 ") {
		t.Errorf("afterwards: %s", ready)
	}
	for _, part := range []string{"api", "graph", "s3", "simulator", "events", "seed"} {
		if health := get(world.APIURL + "/_ferry/health"); !strings.Contains(health, `"name":"`+part+`","status":"ok"`) {
			t.Errorf("the health has no part %s: %s", part, health)
		}
	}
}

// A seed of which a template is refused when the world runs leaves nothing of it.
func TestRefusedSeedEndsTheWorld(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "templates"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "templates/a.json"), []byte(`{"name":"A","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"Hi."}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	world, err := local.Start(t.Context(), local.Config{Seed: dir})
	if world != nil || err == nil || !strings.Contains(err.Error(), "a.json:1: Name format is incorrect: ") {
		t.Fatalf("%v, %v", world, err)
	}
}

// A person of the seed is as the seed says, also after somebody has changed them, and nothing else
// happens to them.
func TestPeopleAreAsTheSeedSaysAtEachStart(t *testing.T) {
	data := t.TempDir()
	for range 2 {
		world, err := local.Start(t.Context(), local.Config{Seed: "../../cmd/ferry/testdata/seed", Data: data})
		if err != nil {
			t.Fatal(err)
		}
		anna, ok := world.Simulator.Person(local.MetaPhoneNumberID, "4915112345678")
		if !ok || anna.Name != "Anna" || anna.Offline {
			t.Errorf("%+v, %v", anna, ok)
		}
		bruno, ok := world.Simulator.Person("300000000000011", "33612345678")
		if !ok || bruno.Username != "bruno.b" || !bruno.Offline {
			t.Errorf("%+v, %v", bruno, ok)
		}
		if _, known := world.Simulator.Person(local.MetaPhoneNumberID, "33612345678"); known {
			t.Error("another phone number knows Bruno, too")
		}
		yes, no, name := true, false, "Another"
		if _, err := world.Simulator.ChangePerson(local.MetaPhoneNumberID, "4915112345678", metasim.PersonChange{Offline: &yes, Name: &name}); err != nil {
			t.Fatal(err)
		}
		if _, err := world.Simulator.ChangePerson("300000000000011", "33612345678", metasim.PersonChange{Offline: &no}); err != nil {
			t.Fatal(err)
		}
		if err := world.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
