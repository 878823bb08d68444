// The part of the control API that waits.

package metasim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	defaultControlWait = 10 * time.Second
	maxControlWait     = time.Minute
)

// controlMark returns a mark.
func (s *Server) controlMark(w http.ResponseWriter, _ *http.Request) {
	writeControl(w, http.StatusOK, markJSON{s.Mark()})
}

type markJSON struct {
	Mark Mark `json:"mark"`
}

// Mark returns the present moment; see Server.Mark.
func (c *ControlClient) Mark(ctx context.Context) (Mark, error) {
	var mark markJSON
	err := c.do(ctx, http.MethodPost, "/_ferry/mark", struct{}{}, &mark)
	return mark.Mark, err
}

// controlWait waits for events. The response after the timeout is 408.
func (s *Server) controlWait(w http.ResponseWriter, r *http.Request) {
	s.serveWait(w, r, func(found Waited, wait Wait, timeout time.Duration) {
		writeControlError(w, http.StatusRequestTimeout, fmt.Errorf("there were %d of %d events after %v", found.count(), max(1, wait.Count), timeout))
	})
}

// controlAwait does the same. The response after the timeout is 204, for clients to which
// that is no error.
func (s *Server) controlAwait(w http.ResponseWriter, r *http.Request) {
	s.serveWait(w, r, func(Waited, Wait, time.Duration) { w.WriteHeader(http.StatusNoContent) })
}

// serveWait waits for events, and calls late if there are too few within the timeout.
func (s *Server) serveWait(w http.ResponseWriter, r *http.Request, late func(found Waited, wait Wait, timeout time.Duration)) {
	wait, timeout, err := parseWait(r.URL.Query())
	if err != nil {
		writeControlError(w, http.StatusBadRequest, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	found, err := s.Wait(ctx, wait)
	switch {
	case err == nil:
		writeControl(w, http.StatusOK, found)
	case errors.Is(err, context.DeadlineExceeded):
		late(found, wait, timeout)
	case errors.Is(err, context.Canceled), errors.Is(err, http.ErrServerClosed):
		writeControlError(w, http.StatusServiceUnavailable, errors.New("the simulator is stopping"))
	default:
		writeControlError(w, http.StatusBadRequest, err)
	}
}

// parseWait reads the query of a request to wait.
func parseWait(query url.Values) (w Wait, timeout time.Duration, err error) {
	timeout = defaultControlWait
	for name, values := range query {
		value := values[len(values)-1]
		switch name {
		case "for":
			w.For = value
		case "id":
			w.ID = value
		case "to":
			w.To = value
		case "status":
			w.Status = value
		case "type":
			w.Type = value
		case "since":
			w.Since = Mark(value)
		case "state":
			w.State = WebhookState(value)
		case "field":
			w.Field = value
		case "contains":
			w.Contains = value
		case "operation":
			w.Operation = Operation(value)
		case "count", "attempts":
			number, err := strconv.Atoi(value)
			if err != nil {
				return w, 0, fmt.Errorf("%s %q is not a number", name, truncate(value))
			}
			if name == "count" {
				w.Count = number
			} else {
				w.Attempts = number
			}
		case "timeout":
			timeout, err = time.ParseDuration(value)
			if err != nil || timeout <= 0 || timeout > maxControlWait {
				return w, 0, fmt.Errorf("timeout %q is not a duration of at most %v, such as 5s", truncate(value), maxControlWait)
			}
		default:
			return w, 0, fmt.Errorf("parameter %s is unknown", truncate(name))
		}
	}
	return w, timeout, nil
}

// query returns the query of a request to wait.
func (w Wait) query(timeout time.Duration) string {
	values := url.Values{"timeout": {timeout.String()}}
	for name, value := range map[string]string{
		"for": w.For, "id": w.ID, "to": w.To, "status": w.Status, "state": string(w.State),
		"type": w.Type, "since": string(w.Since), "field": w.Field, "contains": w.Contains, "operation": string(w.Operation),
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	for name, number := range map[string]int{"count": w.Count, "attempts": w.Attempts} {
		if number != 0 {
			values.Set(name, strconv.Itoa(number))
		}
	}
	return values.Encode()
}

// Wait waits for events until ctx is done, or for ten seconds if ctx has no deadline;
// see Server.Wait.
func (c *ControlClient) Wait(ctx context.Context, w Wait) (Waited, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, defaultControlWait)
		defer cancel()
	}
	for {
		deadline, _ := ctx.Deadline()
		timeout := min(max(time.Until(deadline), time.Millisecond), maxControlWait)
		var found Waited
		err := c.do(ctx, http.MethodGet, "/wait?"+w.query(timeout), nil, &found)
		var refused *ControlError
		if errors.As(err, &refused) && refused.StatusCode == http.StatusRequestTimeout && time.Now().Before(deadline) {
			continue
		}
		return found, err
	}
}
