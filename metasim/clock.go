package metasim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	clockKind  = "clock" // of its record, and its id
	maxAdvance = 100 * 365 * 24 * time.Hour

	minClockSpeed = 0.001
	maxClockSpeed = 3600 // an hour in a second
)

// Clock is the state of a Server's clock.
type Clock struct {
	Time    time.Time `json:"time"`
	Running bool      `json:"running"`
	// Speed is how fast the clock is while it is running: 60 means a minute in a second
	// of Config.Clock.
	Speed float64 `json:"speed"`
}

// clockJSON is a request of the control API to change the clock. What is missing
// does not change. Time is applied before AdvanceMS.
type clockJSON struct {
	Time      *time.Time `json:"time,omitempty"`
	AdvanceMS *int64     `json:"advance_ms,omitempty"`
	Running   *bool      `json:"running,omitempty"`
	Speed     *float64   `json:"speed,omitempty"`
}

// clockRecord is the record of the clock: its time if it is stopped; the difference to
// Config.Clock if it is running as fast as that; otherwise its time when Config.Clock
// showed Base. A Speed of zero means 1.
type clockRecord struct {
	Running  bool          `json:"running"`
	OffsetNS time.Duration `json:"offset_ns"`
	Time     time.Time     `json:"time,omitzero"`
	Speed    float64       `json:"speed,omitempty"`
	Base     time.Time     `json:"base,omitzero"`
}

// isValid reports whether a record is one that change has made.
func (c clockRecord) isValid() bool {
	isOther := c.Speed != 0
	return (c.Running && !isOther || validTime(c.Time)) && (!isOther || validSpeed(c.Speed)) && (!c.Running || !isOther || !c.Base.IsZero())
}

// at returns the time of the clock when Config.Clock shows base.
func (c clockRecord) at(base time.Time) Clock {
	clock := Clock{Time: c.Time, Running: c.Running, Speed: cmp.Or(c.Speed, 1)}
	switch {
	case c.Running && c.Speed != 0:
		clock.Time = c.Time.Add(time.Duration(float64(base.Sub(c.Base)) * c.Speed))
	case c.Running:
		clock.Time = base.Add(c.OffsetNS)
	}
	return clock
}

// newClockRecord returns the record of a clock when Config.Clock shows base.
func newClockRecord(c Clock, base time.Time) clockRecord {
	record := clockRecord{Running: c.Running}
	if c.Speed != 1 {
		record.Speed = c.Speed
	}
	switch {
	case c.Running && record.Speed != 0:
		record.Time, record.Base = c.Time, base.Round(0)
	case c.Running:
		record.OffsetNS = c.Time.Sub(base)
	default:
		record.Time = c.Time
	}
	return record
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.records == nil {
		return nil
	}
	records, problems := c.records.Records(clockKind)
	for _, record := range records {
		var state clockRecord
		if err := json.Unmarshal(record.Value, &state); err != nil || !state.isValid() {
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

// validSpeed reports whether the clock may have a speed.
func validSpeed(speed float64) bool { return speed >= minClockSpeed && speed <= maxClockSpeed }

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
func (c *clock) read() Clock { return c.state.at(c.base()) }

// until returns the time by Config.Clock until the clock shows t: maxAdvance if the clock
// is stopped.
func (c *clock) until(t time.Time) time.Duration {
	now := c.get()
	wait := t.Sub(now.Time)
	switch {
	case wait <= 0:
		return 0
	case !now.Running:
		return maxAdvance
	}
	return time.Duration(min(float64(wait)/now.Speed, float64(maxAdvance)))
}

// change applies a change at one point in time.
func (c *clock) change(to clockJSON) (Clock, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	base := c.base()
	next := c.state.at(base)
	next.Time = next.Time.Round(0) // without the monotonic clock
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
	if to.Speed != nil {
		if next.Speed = *to.Speed; !validSpeed(next.Speed) {
			return Clock{}, fmt.Errorf("metasim: clock: speed %v is not in %v to %v", next.Speed, minClockSpeed, maxClockSpeed)
		}
	}
	if !validTime(next.Time) {
		return Clock{}, fmt.Errorf("metasim: clock: the year of %v is not in 1970 to 2199", next.Time)
	}
	state := newClockRecord(next, base)
	if err := putRecord(c.records, clockKind, clockKind, state); err != nil {
		return Clock{}, fmt.Errorf("metasim: clock: %w", err)
	}
	c.state = state
	return next, nil
}

// set makes the clock show a time from now on.
func (c *clock) set(to Clock) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	state := newClockRecord(to, c.base())
	if err := putRecord(c.records, clockKind, clockKind, state); err != nil {
		return err
	}
	c.state = state
	return nil
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

// UntilClock returns the time by Config.Clock until the clock shows t, as it runs now: a
// very long time if it is stopped.
func (s *Server) UntilClock(t time.Time) time.Duration { return s.clock.until(t) }

// StopClock stops the clock at the time that it shows.
func (s *Server) StopClock() (Clock, error) { return s.changeClock(clockJSON{Running: new(bool)}) }

// RunClock makes the clock run, from the time that it shows, as fast as Config.Clock.
func (s *Server) RunClock() (Clock, error) { return s.RunClockAt(1) }

// RunClockAt makes the clock run, from the time that it shows, at a speed of 0.001 to
// 3600: with 60, it runs a minute in a second of Config.Clock.
func (s *Server) RunClockAt(speed float64) (Clock, error) {
	running := true
	return s.changeClock(clockJSON{Running: &running, Speed: &speed})
}

// SetClock sets the clock to t, in the years 1970 to 2199, at once. The clock stays
// running or stopped.
func (s *Server) SetClock(t time.Time) (Clock, error) { return s.changeClock(clockJSON{Time: &t}) }

// AdvanceClock moves the clock forward by d, in whole milliseconds. While Run or
// RunBackground is running, it does so in steps: it stops at each moment at which
// something is due, here or at Config.ClockFollower, and waits until that has been done.
// So everything happens in its order, and has happened when AdvanceClock returns. A step
// that takes longer than 5 s is not waited for, and neither are those after a minute.
func (s *Server) AdvanceClock(d time.Duration) (Clock, error) {
	milliseconds := d.Milliseconds()
	return s.changeClock(clockJSON{AdvanceMS: &milliseconds})
}
