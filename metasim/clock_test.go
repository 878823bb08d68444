package metasim

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
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

func TestClockRunsAtASpeed(t *testing.T) {
	records := NewMemoryRecords()
	manual := &manualClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	s := New(Config{Clock: manual.Now, Records: records})
	client := NewControlClient(startControl(t, &sim{Server: s}), nil)
	begin := s.Now()
	if got, err := client.RunClockAt(t.Context(), 60); err != nil || got.Speed != 60 || !got.Running || !got.Time.Equal(begin) {
		t.Fatalf("%+v, %v", got, err)
	}
	manual.advance(time.Minute)
	if want := begin.Add(time.Hour); !s.Now().Equal(want) || s.UntilClock(want.Add(time.Hour)) != time.Minute {
		t.Errorf("after a minute it shows %v, and needs %v for an hour", s.Now(), s.UntilClock(want.Add(time.Hour)))
	}
	again := New(Config{Clock: manual.Now, Records: records})
	manual.advance(time.Minute)
	if want := begin.Add(2 * time.Hour); !again.Now().Equal(want) || again.Clock().Speed != 60 {
		t.Errorf("after a restart it shows %+v, want %v", again.Clock(), want)
	}
	if got, err := s.StopClock(); err != nil || got.Running || s.UntilClock(got.Time.Add(1)) != maxAdvance {
		t.Errorf("stopped: %+v, %v", got, err)
	}
	manual.advance(time.Hour)
	if got, err := s.RunClock(); err != nil || got.Speed != 1 || !got.Time.Equal(begin.Add(2*time.Hour)) {
		t.Errorf("running again: %+v, %v", got, err)
	}
	for _, speed := range []float64{0, -1, 3601, 0.0001} {
		if _, err := client.RunClockAt(t.Context(), speed); err == nil || !strings.Contains(err.Error(), "speed") {
			t.Errorf("speed %v: %v", speed, err)
		}
	}
}

// The steps of two messages, the retries of their webhooks and what a follower does happen
// at their times, one after the other.
func TestAdvancedClockStopsWhereSomethingIsDue(t *testing.T) {
	follower := &testFollower{}
	s := startSim(t, func(c *Config) {
		c.ClockFollower = follower
		c.TemplateReview = 90 * time.Second
	})
	follower.now = s.Now
	begin := s.Now()
	follower.due = []time.Time{begin.Add(time.Minute), begin.Add(time.Hour), begin.Add(48 * time.Hour)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.RunBackground(ctx) }()
	for s.loops.Load() == 0 {
		runtime.Gosched()
	}
	now, err := s.AdvanceClock(24 * time.Hour)
	if err != nil || !now.Time.Equal(begin.Add(24*time.Hour)) {
		t.Errorf("%+v, %v", now, err)
	}
	if got := follower.doneAt(); len(got) != 2 || !got[0].Equal(begin.Add(time.Minute)) || !got[1].Equal(begin.Add(time.Hour)) {
		t.Errorf("the follower worked at %v", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A testFollower has something to do at some times.
type testFollower struct {
	now func() time.Time

	mu   sync.Mutex
	due  []time.Time
	done []time.Time
}

func (f *testFollower) ClockChanged(time.Duration) {}

func (f *testFollower) NextDue(context.Context) (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.due) > 0 && !f.due[0].After(f.now()) {
		f.done, f.due = append(f.done, f.now()), f.due[1:]
	}
	if len(f.due) == 0 {
		return time.Time{}, nil
	}
	return f.due[0], nil
}

func (f *testFollower) doneAt() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.done
}
