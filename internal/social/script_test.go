package social_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"ferry/internal/graph"
	"ferry/socialmessaging"
)

// A script is a server that stands for Meta's Graph API: it has a list of responses for
// each method and path below the version, the last of which it repeats. A response is a
// JSON body with status 200, or "STATUS BODY", or "cut" for a connection that ends.
type script struct {
	mu        sync.Mutex
	responses map[string][]string
	requests  []string // "METHOD /path?query body", without the version
}

// scripted makes a world whose calls of what is managed at Meta go to a script.
func scripted(t *testing.T, responses map[string][]string, adjust ...func(*settings)) (*world, *script) {
	t.Helper()
	s := &script{responses: responses}
	server := httptest.NewServer(s)
	client, err := graph.New(graph.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return newWorld(t, append(adjust, func(c *settings) { c.api.Graph = client })...), s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path := strings.TrimPrefix(r.URL.Path, "/v25.0")
	line := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/v25.0")
	if len(body) > 0 {
		line += " " + string(body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, line)
	list := s.responses[r.Method+" "+path]
	if r.Header.Get("Authorization") != "Bearer "+metaToken || len(list) == 0 {
		list = []string{`400 {"error":{"message":"Unsupported request","code":100,"error_subcode":33}}`}
	} else if len(list) > 1 {
		s.responses[r.Method+" "+path] = list[1:]
	}
	response, status := list[0], http.StatusOK
	if response == "cut" {
		panic(http.ErrAbortHandler)
	}
	if code, rest, ok := strings.Cut(response, " "); ok && len(code) == 3 {
		if n, err := strconv.Atoi(code); err == nil {
			status, response = n, rest
		}
	}
	w.Header().Set("X-Fb-Trace-Id", "Trace1")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, response)
}

// taken returns the requests since the last call of taken.
func (s *script) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	return requests
}

// checkRequests compares the requests since the last check.
func (s *script) checkRequests(t *testing.T, want ...string) {
	t.Helper()
	if got := s.taken(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("Meta received\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// checkException compares the exception that an error is, and looks for texts in its message.
func checkException(t *testing.T, err error, code string, texts ...string) {
	t.Helper()
	exception, ok := socialmessaging.AsException(err)
	if !ok || exception.Code != code {
		t.Errorf("%v; want %s", err, code)
		return
	}
	for _, text := range texts {
		if !strings.Contains(exception.Message, text) {
			t.Errorf("%q does not contain %q", exception.Message, text)
		}
	}
}

var errNone = errors.New("no error")

func errOf[T any](_ T, err error) error {
	if err == nil {
		return errNone
	}
	return err
}
