package metasim

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestClockStopsIsSetAdvancesAndRunsOn(t *testing.T) {
	s := startSim(t)
	client := NewControlClient(startControl(t, s), nil)
	start := s.manual.Now()
	check := func(step string, got Clock, err error, want time.Time, running bool) {
		t.Helper()
		if err != nil || !got.Time.Equal(want) || got.Running != running || !s.Now().Equal(want) || s.Clock().Running != running {
			t.Errorf("%s: %v, %v; Now is %v, want %v", step, got, err, s.Now(), want)
		}
	}
	got, err := client.Clock(t.Context())
	check("at first", got, err, start, true)
	got, err = client.AdvanceClock(t.Context(), 36*time.Hour)
	check("advanced", got, err, start.Add(36*time.Hour), true)
	s.manual.advance(time.Minute)
	got, err = client.StopClock(t.Context())
	check("stopped", got, err, start.Add(36*time.Hour+time.Minute), false)
	s.manual.advance(time.Hour)
	got, err = client.AdvanceClock(t.Context(), time.Second)
	check("advanced while it stands", got, err, start.Add(36*time.Hour+time.Minute+time.Second), false)
	got, err = client.RunClock(t.Context())
	check("running", got, err, start.Add(36*time.Hour+time.Minute+time.Second), true)
	past := time.Date(2025, 2, 28, 23, 59, 59, 0, time.UTC)
	got, err = client.SetClock(t.Context(), past)
	check("set back", got, err, past, true)
	s.manual.advance(time.Minute)
	check("running on", s.Clock(), nil, past.Add(time.Minute), true)
	s.Reset()
	check("reset", s.Clock(), nil, s.manual.Now(), true)
}

func TestWhatTheClockPassesExpires(t *testing.T) {
	s := startResumable(t)
	id := s.mustUpload("a.png", "image/png", png)
	address := s.address(id)
	session := s.mustBegin("a.png", "image/png", len(png))
	handle := s.handleOf(s.mustSendBytes(s.mustBegin("a.png", "image/png", len(png)), 0, png))
	advance := func(d time.Duration) {
		t.Helper()
		if _, err := s.AdvanceClock(d); err != nil {
			t.Fatal(err)
		}
	}
	advance(urlLifetime)
	if a := s.get(address); a.status != http.StatusNotFound {
		t.Errorf("the URL after %v: %d", urlLifetime, a.status)
	}
	advance(sessionLifetime)
	if a := s.get("/v25.0/" + session); a.status != http.StatusBadRequest {
		t.Errorf("the session after %v: %d", sessionLifetime, a.status)
	}
	if _, ok := s.Handle(handle.Handle); ok {
		t.Errorf("the handle is there after %v", handleLifetime)
	}
	if _, ok := s.Media(id); !ok {
		t.Error("the media expired early")
	}
	advance(mediaLifetime)
	assertNothingStored(t, s) // nobody had to upload anything
	if len(s.uploads.sessions)+len(s.uploads.handles.all()) > 0 {
		t.Error("sessions or handles are kept")
	}
}

func TestClockOutlivesARestart(t *testing.T) {
	records := NewMemoryRecords()
	manual := &manualClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	start := func() *Server { return New(Config{Clock: manual.Now, Records: records}) }
	first := start()
	if _, err := first.AdvanceClock(time.Hour); err != nil {
		t.Fatal(err)
	}
	manual.advance(time.Minute)
	second := start()
	if want := manual.Now().Add(time.Hour); !second.Now().Equal(want) || !second.Clock().Running {
		t.Errorf("running: %v, want %v", second.Clock(), want)
	}
	stopped, err := second.StopClock()
	if err != nil {
		t.Fatal(err)
	}
	manual.advance(time.Minute)
	third := start()
	if got := third.Clock(); got.Running || !got.Time.Equal(stopped.Time) {
		t.Errorf("stopped: %v, want %v", got, stopped)
	}
	third.Reset()
	fourth := start()
	if got := fourth.Clock(); !got.Running || !got.Time.Equal(manual.Now()) {
		t.Errorf("reset: %v, want %v", got, manual.Now())
	}
	for _, s := range []*Server{first, second, third, fourth} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestChangesOfTheClockThatMakeNoSenseAreRefused(t *testing.T) {
	s := startSim(t)
	control := startControl(t, s)
	before := s.Now()
	for body, mention := range map[string]string{
		`{"advance_ms":-1}`: "advance_ms", `{"advance_ms":9223372036854775807}`: "advance_ms", `{"advance":"1h"}`: "advance",
		`{"time":"tomorrow"}`: "tomorrow", `{"time":"1969-12-31T23:59:59Z"}`: "year", `{"time":"2199-12-31T23:59:59Z","advance_ms":1000}`: "year", ``: "EOF",
	} {
		a := s.mustSend(http.MethodPost, control+"/clock", strings.NewReader(body), "Content-Type", "application/json")
		if message, _ := a.fields(t)["error"].(string); a.status != http.StatusBadRequest || !strings.Contains(message, mention) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if got := s.Clock(); !got.Running || !got.Time.Equal(before) {
		t.Errorf("the clock was changed to %v", got)
	}
	a := s.mustSend(http.MethodPost, control+"/clock", strings.NewReader(`{"time":"2027-01-01T00:00:00Z","advance_ms":1500,"running":false}`), "Content-Type", "application/json")
	if a.status != http.StatusOK || a.fields(t)["time"] != "2027-01-01T00:00:01.5Z" || a.fields(t)["running"] != false {
		t.Errorf("everything at once: %d %s", a.status, a.body)
	}
}

func TestBadRecordsOfTheClockAreReported(t *testing.T) {
	for _, value := range []string{`{"running":false}`, `"x"`} {
		records := NewMemoryRecords()
		if err := records.Put(clockKind, clockKind, []byte(value)); err != nil {
			t.Fatal(err)
		}
		c := newClock(time.Now, records)
		if problems := c.load(); len(problems) != 1 || !c.get().Running {
			t.Errorf("%s: %v; %v", value, problems, c.get())
		}
	}
}
