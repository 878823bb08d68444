package metasim

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	clockKind  = "clock" // of its record, and its id
	maxAdvance = 100 * 365 * 24 * time.Hour
)

// Clock is the state of a Server's clock.
type Clock struct {
	Time    time.Time `json:"time"`
	Running bool      `json:"running"`
}

// clockJSON is a request of the control API to change the clock. What is missing
// does not change. Time is applied before AdvanceMS.
type clockJSON struct {
	Time      *time.Time `json:"time,omitempty"`
	AdvanceMS *int64     `json:"advance_ms,omitempty"`
	Running   *bool      `json:"running,omitempty"`
}

// clockRecord is the record of the clock: the difference to Config.Clock if the
// clock is running, its time if it is stopped.
type clockRecord struct {
	Running  bool          `json:"running"`
	OffsetNS time.Duration `json:"offset_ns"`
	Time     time.Time     `json:"time,omitzero"`
}

// clock is the time by which media, URLs, sessions and handles expire.
type clock struct {
	base    func() time.Time
	records RecordStore // nil means that the clock ends with the Server

	mu    sync.Mutex
	state clockRecord
}

func newClock(base func() time.Time, records RecordStore) *clock {
	return &clock{base: base, records: records, state: clockRecord{Running: true}}
}

// load restores the clock of an earlier Server.
func (c *clock) load() (problems []error) {
	if c.records == nil {
		return nil
	}
	records, problems := c.records.Records(clockKind)
	for _, record := range records {
		var state clockRecord
		if err := json.Unmarshal(record.Value, &state); err != nil || !state.Running && !validTime(state.Time) {
			problems = append(problems, badRecord(clockKind, record.ID, "it is not the state of a clock: %s", truncate(string(record.Value))),
				c.records.Delete(clockKind, record.ID))
			continue
		}
		c.state = state
	}
	return slices.DeleteFunc(problems, func(err error) bool { return err == nil })
}

// validTime reports whether the clock may show a time. A time.Duration cannot hold
// differences to all others.
func validTime(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 2200 }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read().Time
}

func (c *clock) get() Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

// read returns the time. The caller holds c.mu.
func (c *clock) read() Clock {
	if c.state.Running {
		return Clock{Time: c.base().Add(c.state.OffsetNS), Running: true}
	}
	return Clock{Time: c.state.Time}
}

// change applies a change at one point in time.
func (c *clock) change(to clockJSON) (Clock, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	base := c.base()
	next := Clock{Time: c.state.Time, Running: c.state.Running}
	if c.state.Running {
		next.Time = base.Add(c.state.OffsetNS)
	}
	if to.Time != nil {
		next.Time = to.Time.Round(0) // without the monotonic clock
	}
	if to.AdvanceMS != nil {
		if *to.AdvanceMS < 0 || *to.AdvanceMS > maxAdvance.Milliseconds() {
			return Clock{}, fmt.Errorf("metasim: clock: advance_ms %d is not in 0 to %d; set the time to move the clock back", *to.AdvanceMS, maxAdvance.Milliseconds())
		}
		next.Time = next.Time.Add(time.Duration(*to.AdvanceMS) * time.Millisecond)
	}
	if to.Running != nil {
		next.Running = *to.Running
	}
	if !validTime(next.Time) {
		return Clock{}, fmt.Errorf("metasim: clock: the year of %v is not in 1970 to 2199", next.Time)
	}
	state := clockRecord{Running: next.Running, OffsetNS: next.Time.Sub(base)}
	if !next.Running {
		state.OffsetNS, state.Time = 0, next.Time
	}
	if err := putRecord(c.records, clockKind, clockKind, state); err != nil {
		return Clock{}, fmt.Errorf("metasim: clock: %w", err)
	}
	c.state = state
	return next, nil
}

// reset makes the clock show the time of Config.Clock again.
func (c *clock) reset() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = clockRecord{Running: true}
	if c.records == nil {
		return nil
	}
	return c.records.Delete(clockKind, clockKind)
}

// Now returns the time of the simulator's clock, which is Config.Clock until it is
// changed.
func (s *Server) Now() time.Time { return s.clock.now() }

// Clock returns the time of the simulator's clock, and whether it is running.
func (s *Server) Clock() Clock { return s.clock.get() }

// StopClock stops the clock at the time that it shows.
func (s *Server) StopClock() (Clock, error) { return s.changeClock(clockJSON{Running: new(bool)}) }

// RunClock makes the clock run, from the time that it shows.
func (s *Server) RunClock() (Clock, error) {
	running := true
	return s.changeClock(clockJSON{Running: &running})
}

// SetClock sets the clock to t, in the years 1970 to 2199. The clock stays running
// or stopped.
func (s *Server) SetClock(t time.Time) (Clock, error) { return s.changeClock(clockJSON{Time: &t}) }

// AdvanceClock moves the clock forward by d, in whole milliseconds.
func (s *Server) AdvanceClock(d time.Duration) (Clock, error) {
	milliseconds := d.Milliseconds()
	return s.changeClock(clockJSON{AdvanceMS: &milliseconds})
}

// changeClock changes the clock and removes what has expired by its new time.
func (s *Server) changeClock(to clockJSON) (Clock, error) {
	now, err := s.clock.change(to)
	if err == nil {
		s.removeExpired()
		s.webhooks.signal()
		s.messages.signal()
		s.templates.signal()
	}
	return now, err
}
