// The stream of changes. It says which parts of a page are out of date, and never what
// they show: redaction and rights are decided where pages are rendered.

package console

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

const (
	heartbeatInterval = 15 * time.Second       // between two lines, so that a dead stream is noticed
	streamPause       = 100 * time.Millisecond // in which changes are collected
	streamLife        = 10 * time.Minute       // of a stream; the browser opens the next one
	streamWrite       = 10 * time.Second       // for a browser to take a line
	streamRetry       = 500 * time.Millisecond // after which the browser connects again
)

// serveStream sends an event "change" with the names of the sources that have changed.
// The first one has all names, because what happened before is not known.
func (c *Console) serveStream(w http.ResponseWriter, r *request) {
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		c.renderError(w, r, problem{http.StatusServiceUnavailable, fmt.Sprintf("There are %d streams already.", maxStreams), "Close other windows of the console."})
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Time{})
	write := func(format string, args ...any) error {
		if err := connection.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return err
		}
		return connection.Flush()
	}
	if write("retry: %d\n\n", streamRetry.Milliseconds()) != nil {
		return
	}
	life := time.NewTimer(streamLife)
	defer life.Stop()
	watched := c.watch()
	for {
		if names := watched.renew(); len(names) > 0 {
			if write("event: change\ndata: %s\n\n", strings.Join(names, " ")) != nil {
				return
			}
			if !c.wait(r, streamPause) {
				return
			}
			continue
		}
		switch watched.next(c, r, life.C) {
		case streamEnds:
			return
		case streamSilent:
			if write(": \n\n") != nil {
				return
			}
		}
	}
}

// wait waits for a while. It reports false if the stream has to end.
func (c *Console) wait(r *request, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.Context().Done():
	case <-c.draining:
	}
	return false
}

// watched are sources with the channels of their next changes.
type watched []*watchedSource

type watchedSource struct {
	name   string
	source Source
	change <-chan struct{} // nil means that it counts as changed
}

// watch returns all sources, each of which counts as changed.
func (c *Console) watch() (all watched) {
	for name, source := range c.config.Sources {
		all = append(all, &watchedSource{name: name, source: source})
	}
	slices.SortFunc(all, func(a, b *watchedSource) int { return cmp.Compare(a.name, b.name) })
	return all
}

// renew returns the names of the sources that have changed, and waits for their next
// changes from now on.
func (all watched) renew() (names []string) {
	for _, s := range all {
		select {
		case <-s.change:
		default:
			if s.change != nil {
				continue
			}
		}
		s.change = s.source.Changed()
		names = append(names, s.name)
	}
	return names
}

// What a stream has to do next.
const (
	streamChanged = iota
	streamSilent
	streamEnds
)

// next waits until a source changes, until it is time for a sign of life, or until the
// stream has to end.
func (all watched) next(c *Console, r *request, life <-chan time.Time) int {
	cases := []reflect.SelectCase{
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(time.After(heartbeatInterval))},
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(r.Context().Done())},
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c.draining)},
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(life)},
	}
	ends := len(cases)
	for _, s := range all {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(s.change)})
	}
	switch chosen, _, _ := reflect.Select(cases); {
	case chosen == 0:
		return streamSilent
	case chosen < ends:
		return streamEnds
	}
	return streamChanged
}
