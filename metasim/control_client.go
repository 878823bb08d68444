package metasim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxControlResponse is the maximum size in bytes of a response of the control API.
// The largest is the history of 1000 requests.
const maxControlResponse = 64 << 20

// A ControlClient calls the control API of a simulator, for example in another
// process. It is safe for concurrent use.
type ControlClient struct {
	baseURL string
	client  *http.Client
}

// NewControlClient returns a client of the control API at baseURL, such as
// "http://127.0.0.1:4084". A nil client means http.DefaultClient.
func NewControlClient(baseURL string, client *http.Client) *ControlClient {
	if client == nil {
		client = http.DefaultClient
	}
	return &ControlClient{baseURL: strings.TrimRight(baseURL, "/"), client: client}
}

// A ControlError is an error response of the control API: status 400 for an invalid
// request, 404 for an id that does not exist.
type ControlError struct {
	StatusCode int
	Message    string
}

func (e *ControlError) Error() string {
	return fmt.Sprintf("metasim: control API: status %d: %s", e.StatusCode, e.Message)
}

// Health reports that a Server is running, with its counts.
type Health struct {
	Status       string `json:"status"` // "ok"
	Media        int    `json:"media"`
	Requests     int    `json:"requests"` // in the history
	Faults       int    `json:"faults"`
	NotSimulated int    `json:"not_simulated"` // requests for what the simulator lacks
}

// History is the last requests to the Graph API, newest last.
type History struct {
	Dropped      int            `json:"dropped"`                 // number of older requests that the history has dropped
	NotSimulated map[string]int `json:"not_simulated,omitempty"` // number of requests for what the simulator lacks, by its name
	Requests     []Request      `json:"requests"`
}

// MediaList is the newest files, newest last.
type MediaList struct {
	Total int     `json:"total"` // all files that exist; at most 1000 are listed
	Media []Media `json:"media"`
}

// HandleList is the newest handles of resumable uploads, newest last.
type HandleList struct {
	Total   int      `json:"total"` // all handles that exist; at most 1000 are listed
	Handles []Handle `json:"handles"`
}

// Health returns an error if the Server cannot be reached.
func (c *ControlClient) Health(ctx context.Context) (health Health, err error) {
	return health, c.do(ctx, http.MethodGet, "/health", nil, &health)
}

// Requests returns the history.
func (c *ControlClient) Requests(ctx context.Context) (history History, err error) {
	return history, c.do(ctx, http.MethodGet, "/requests", nil, &history)
}

// ClearRequests empties the history.
func (c *ControlClient) ClearRequests(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/requests", nil, nil)
}

// AddFault adds a fault and returns it with its id; see Server.AddFault.
func (c *ControlClient) AddFault(ctx context.Context, fault Fault) (added Fault, err error) {
	return added, c.do(ctx, http.MethodPost, "/faults", fault, &added)
}

// TryFault returns the requests of the history that a fault would have been applied to;
// see Server.TryFault.
func (c *ControlClient) TryFault(ctx context.Context, fault Fault) ([]Request, error) {
	var list History
	err := c.do(ctx, http.MethodPost, "/faults?dry_run=true", fault, &list)
	return list.Requests, err
}

// Faults returns all faults with their counters, in the order in which they
// are tried.
func (c *ControlClient) Faults(ctx context.Context) ([]Fault, error) {
	var list faultsJSON
	err := c.do(ctx, http.MethodGet, "/faults", nil, &list)
	return list.Faults, err
}

// Fault returns one fault with its counters.
func (c *ControlClient) Fault(ctx context.Context, id string) (fault Fault, err error) {
	return fault, c.do(ctx, http.MethodGet, "/faults/"+url.PathEscape(id), nil, &fault)
}

// RemoveFault removes a fault.
func (c *ControlClient) RemoveFault(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/faults/"+url.PathEscape(id), nil, nil)
}

// ClearFaults removes all faults.
func (c *ControlClient) ClearFaults(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/faults", nil, nil)
}

// Media returns the newest files.
func (c *ControlClient) Media(ctx context.Context) (list MediaList, err error) {
	return list, c.do(ctx, http.MethodGet, "/media", nil, &list)
}

// MediaByID returns the description of one file.
func (c *ControlClient) MediaByID(ctx context.Context, id string) (file Media, err error) {
	return file, c.do(ctx, http.MethodGet, "/media/"+url.PathEscape(id), nil, &file)
}

// Handles returns the newest handles of resumable uploads.
func (c *ControlClient) Handles(ctx context.Context) (list HandleList, err error) {
	return list, c.do(ctx, http.MethodGet, "/handles", nil, &list)
}

// Clock returns the time of the simulator's clock, and whether it is running.
func (c *ControlClient) Clock(ctx context.Context) (now Clock, err error) {
	return now, c.do(ctx, http.MethodGet, "/clock", nil, &now)
}

// StopClock stops the clock; see Server.StopClock.
func (c *ControlClient) StopClock(ctx context.Context) (Clock, error) {
	return c.changeClock(ctx, clockJSON{Running: new(bool)})
}

// RunClock makes the clock run; see Server.RunClock.
func (c *ControlClient) RunClock(ctx context.Context) (Clock, error) {
	running := true
	speed := 1.0
	return c.changeClock(ctx, clockJSON{Running: &running, Speed: &speed})
}

// RunClockAt makes the clock run at a speed; see Server.RunClockAt.
func (c *ControlClient) RunClockAt(ctx context.Context, speed float64) (Clock, error) {
	running := true
	return c.changeClock(ctx, clockJSON{Running: &running, Speed: &speed})
}

// SetClock sets the clock; see Server.SetClock.
func (c *ControlClient) SetClock(ctx context.Context, t time.Time) (Clock, error) {
	return c.changeClock(ctx, clockJSON{Time: &t})
}

// AdvanceClock moves the clock forward by d; see Server.AdvanceClock.
func (c *ControlClient) AdvanceClock(ctx context.Context, d time.Duration) (Clock, error) {
	milliseconds := d.Milliseconds()
	return c.changeClock(ctx, clockJSON{AdvanceMS: &milliseconds})
}

func (c *ControlClient) changeClock(ctx context.Context, to clockJSON) (now Clock, err error) {
	return now, c.do(ctx, http.MethodPost, "/clock", to, &now)
}

// Reset removes everything but the accounts; see Server.Reset.
func (c *ControlClient) Reset(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/reset", nil, nil)
}

// do sends a request with in as JSON, if it is not nil, and decodes the
// response into out, if it is not nil.
func (c *ControlClient) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		content, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("metasim: control API: %w", err)
		}
		body = bytes.NewReader(content)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.baseURL+path, body)
	if err != nil {
		return fmt.Errorf("metasim: control API: %w", err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.client.Do(request)
	if err != nil {
		return fmt.Errorf("metasim: control API: %w", err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(http.MaxBytesReader(nil, response.Body, maxControlResponse))
	if err != nil {
		return fmt.Errorf("metasim: control API: reading the response: %w", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return controlError(response.StatusCode, content)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("metasim: control API: decoding the response: %w", err)
	}
	return nil
}

// controlError returns the error of a response, which may be that of another
// server.
func controlError(status int, content []byte) error {
	var message struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(content, &message) != nil || message.Error == "" {
		message.Error = truncate(strings.TrimSpace(string(content)))
	}
	return &ControlError{StatusCode: status, Message: message.Error}
}
