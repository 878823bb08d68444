package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"ferry/internal/graph"
	"ferry/internal/secret"
)

// session is a server for one Resumable Upload session.
type session struct {
	mu      sync.Mutex
	arrived []byte
	asked   []string // "POST 0" for bytes from 0 on, "GET" for the offset
	cuts    []int    // bytes of the file at which a POST is cut off
	answers []string // to a GET, before the true one: "cut", a status or a JSON response
}

func (s *session) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/uploads"):
		_, _ = io.WriteString(w, `{"id":"upload:MTp?sig=ARZ"}`)
	case r.Method == http.MethodGet:
		s.asked = append(s.asked, "GET")
		if len(s.answers) == 0 {
			fmt.Fprintf(w, `{"id":"upload:MTp","file_offset":%d}`, len(s.arrived))
			return
		}
		answer := s.answers[0]
		s.answers = s.answers[1:]
		if answer == "cut" {
			panic(http.ErrAbortHandler)
		}
		if status, err := strconv.Atoi(answer); err == nil {
			w.WriteHeader(status)
			answer = `{"error":{"message":"no","code":100,"error_subcode":33}}`
		}
		_, _ = io.WriteString(w, answer)
	default:
		s.asked = append(s.asked, "POST "+r.Header.Get("file_offset"))
		if len(s.cuts) > 0 {
			piece := make([]byte, s.cuts[0]-len(s.arrived))
			s.cuts = s.cuts[1:]
			n, _ := io.ReadFull(r.Body, piece)
			s.arrived = append(s.arrived, piece[:n]...)
			panic(http.ErrAbortHandler)
		}
		rest, _ := io.ReadAll(r.Body)
		s.arrived = append(s.arrived, rest...)
		_, _ = io.WriteString(w, `{"h":"4::handle"}`)
	}
}

func handleUpload(file string) graph.HandleUpload {
	return graph.HandleUpload{
		AppID: "500", Token: secret.New(token), FileName: "a.pdf", ContentType: "application/pdf", Size: int64(len(file)),
		Open: func(_ context.Context, offset int64) (io.ReadCloser, error) {
			if offset == int64(len(file)) {
				return nil, errors.New("nothing of the file is asked for")
			}
			return io.NopCloser(strings.NewReader(file[offset:])), nil
		},
	}
}

func TestHandleUploadIsTakenUp(t *testing.T) {
	file := strings.Repeat("0123456789", 200_000)
	for name, row := range map[string]struct {
		cuts    []int
		answers []string
		asked   []string
		retried int
		refusal bool // a response of Meta ends it
		lost    bool
	}{
		"nothing breaks":      {nil, nil, []string{"POST 0"}, 0, false, false},
		"once":                {[]int{5}, nil, []string{"POST 0", "GET", "POST 5"}, 1, false, false},
		"three times":         {[]int{5, 50, 500}, nil, []string{"POST 0", "GET", "POST 5", "GET", "POST 50", "GET", "POST 500"}, 3, false, false},
		"four times":          {[]int{5, 50, 500, 5000}, nil, []string{"POST 0", "GET", "POST 5", "GET", "POST 50", "GET", "POST 500"}, 3, false, true},
		"the question breaks": {[]int{5}, []string{"cut", "503"}, []string{"POST 0", "GET", "GET", "GET", "POST 5"}, 3, false, false},
		"question after all":  {[]int{5}, []string{"cut", "cut", "cut"}, []string{"POST 0", "GET", "GET", "GET"}, 3, false, true},
		"no such session":     {[]int{5}, []string{"400"}, []string{"POST 0", "GET"}, 1, true, false},
		"a wild offset":       {[]int{5}, []string{`{"file_offset":99999999}`}, []string{"POST 0", "GET", "GET", "POST 5"}, 2, false, false},
		"all arrived":         {[]int{2_000_000}, nil, []string{"POST 0", "GET", "POST 2000000"}, 1, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			remote := &session{cuts: row.cuts, answers: row.answers}
			handle, retried, err := serve(t, remote.serve).UploadHandle(t.Context(), handleUpload(file))
			_, refused := errors.AsType[*graph.Error](err)
			_, lost := errors.AsType[*graph.UnreachableError](err)
			if refused != row.refusal || lost != row.lost || (err == nil) != (handle == "4::handle") || (err == nil) == (row.refusal || row.lost) {
				t.Errorf("%q, %v", handle, err)
			}
			remote.mu.Lock()
			defer remote.mu.Unlock()
			if !slices.Equal(remote.asked, row.asked) || len(retried) != row.retried {
				t.Errorf("asked %q, retried for %q", remote.asked, retried)
			}
			if err == nil && string(remote.arrived) != file {
				t.Errorf("%d bytes arrived", len(remote.arrived))
			}
		})
	}
}

func TestHandleUploadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	remote := &session{}
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "upload:") {
			cancel()
			panic(http.ErrAbortHandler)
		}
		remote.serve(w, r)
	})
	if _, retried, err := client.UploadHandle(ctx, handleUpload("0123456789")); err == nil || len(retried) != 0 {
		t.Errorf("%v, retried for %q", err, retried)
	}
}
