// The stream of what happens: server-sent events with the numbers, kinds and ids of entries
// of the journal. Who wants more reads it by ListEntries or Why, which decide what is shown.

package social

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"ferry/internal/activity"
	"ferry/internal/control"
	"ferry/internal/journal"
	"ferry/internal/policy"
	"ferry/socialmessaging"
)

const (
	// maxStreams bounds the streams, of all accounts.
	maxStreams = 32
	// streamPage bounds the entries that are read for a stream at once.
	streamPage = 256
	// streamHeartbeat is the time between two lines of a stream on which nothing happens.
	streamHeartbeat = 15 * time.Second
	// streamWrite is the time in which a client must take what is sent at once.
	streamWrite = 10 * time.Second
	// maxStreamID bounds an id in a stream, in bytes. Longer ones are left out.
	maxStreamID = 128
)

// streamEnd is the output of a call whose response was a stream.
const streamEnd = streamEnded(true)

type streamEnded bool

// streamHandler is the stream, which is signed like ferry's own operations.
var streamHandler = handler{method: http.MethodGet, path: control.StreamPath, name: "Stream",
	call: func(ctx context.Context, c *call, _ []byte, _ string) (any, error) {
		if err := c.stream(ctx); err != nil {
			return nil, err
		}
		return streamEnd, nil
	}}

// streamed is an entry in a stream.
type streamed struct {
	Seq  int64  `json:"seq"`
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
}

// stream sends entries of the caller's account until the client disconnects, does not take
// what is sent, its access key expires, or the server stops. It resumes after the entry that Last-Event-ID names;
// without it, it begins with the next entry.
func (c *call) stream(ctx context.Context) error {
	c.entry.Resource = "*"
	if err := c.authorise(ctx, nil, policy.Request{Action: control.StreamAction, Resource: "*"}); err != nil {
		return err
	}
	defer c.streams.Add(-1)
	if c.streams.Add(1) > maxStreams {
		return throttled("There are %d streams already. Close one, or use ListEntries.", maxStreams)
	}
	first, last, err := c.config.Journal.Bounds(ctx)
	if err != nil {
		return err
	}
	after := last
	if text := c.request.Header.Get("Last-Event-Id"); text != "" {
		if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 {
			return fail(socialmessaging.KindValidation, nil, "Last-Event-ID is none of this stream; expected the number of an entry.")
		}
	}
	after = min(after, last) // a number of another server
	w := c.out
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Amzn-Requestid", c.entry.Trace)
	s := &entryStream{call: c, out: w, control: http.NewResponseController(w), after: after}
	if end := c.caller.expiresAt; !end.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, end.Sub(c.config.State.Clock()))
		defer cancel()
	}
	if s.write(": ferry\n\n") == nil && s.gap(first) == nil {
		s.run(ctx)
	}
	return nil
}

// An entryStream is a stream to one client.
type entryStream struct {
	call    *call
	out     http.ResponseWriter
	control *http.ResponseController
	after   int64 // number of the last entry that was looked at
}

// write sends a text.
func (s *entryStream) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if _, err := s.out.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

// gap tells the client that there were entries which the journal no longer has, if so.
func (s *entryStream) gap(first int64) error {
	if first <= s.after+1 {
		return nil
	}
	s.after = first - 1
	return s.write(fmt.Sprintf("id: %d\nevent: gap\ndata: {}\n\n", s.after))
}

func (s *entryStream) run(ctx context.Context) {
	heartbeat := time.NewTicker(streamHeartbeat)
	defer heartbeat.Stop()
	for {
		changed := s.call.config.Journal.Changed()
		more, err := s.send(ctx)
		if err != nil {
			return
		}
		if more {
			continue
		}
		select {
		case <-changed:
		case <-heartbeat.C:
			err = s.write(":\n\n")
		case <-ctx.Done():
			return
		case <-s.call.draining:
			return
		}
		if err != nil {
			return
		}
	}
}

// send sends what has happened since the last entry, and reports whether there may be more.
func (s *entryStream) send(ctx context.Context) (more bool, err error) {
	kept := s.call.config.Journal
	first, last, err := kept.Bounds(ctx)
	if err != nil {
		return false, err
	}
	if err := s.gap(first); err != nil {
		return false, err
	}
	entries, err := kept.Read(ctx, journal.Filter{Account: s.call.caller.accountID, After: s.after, Limit: streamPage})
	if err != nil {
		return false, err
	}
	text := []byte(nil)
	for _, e := range entries {
		text = append(text, streamLine(e)...)
		s.after = e.Seq
	}
	if len(entries) < streamPage {
		s.after = max(s.after, last)
	}
	if len(text) == 0 {
		return false, nil
	}
	return len(entries) == streamPage, s.write(string(text))
}

// streamLine returns the event of an entry.
func streamLine(e activity.Entry) string {
	line := streamed{Seq: e.Seq, Kind: string(e.Kind)}
	for _, id := range []string{e.WAMID, e.MessageID, e.MediaID, e.EventID, e.Trace} {
		if id != "" && len(id) <= maxStreamID {
			line.ID = id
			break
		}
	}
	data, _ := json.Marshal(line) // numbers and texts
	return fmt.Sprintf("id: %d\ndata: %s\n\n", e.Seq, data)
}
