package metasim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	maxControlBody = 256 << 10 // bytes of a request to the control API
	maxControlRows = 1000      // media or handles in one response
)

type faultsJSON struct {
	Faults []Fault `json:"faults"`
}

// Control returns the control API, which the package comment describes. It
// requires no credentials: listen on an address that only its users can reach. It
// refuses the web pages that they visit.
func (s *Server) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.controlHealth)
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, History{Dropped: s.DroppedRequests(), NotSimulated: s.NotSimulated(), Requests: s.Requests()})
	})
	mux.HandleFunc("DELETE /requests", action(s.history.clear))
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, faultsJSON{s.Faults()})
	})
	mux.HandleFunc("POST /faults", s.controlAddFault)
	mux.HandleFunc("DELETE /faults", action(s.ClearFaults))
	mux.HandleFunc("GET /faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		f, ok := s.faults.find(r.PathValue("id"))
		respondControl(w, ok, f)
	})
	mux.HandleFunc("DELETE /faults/{id}", func(w http.ResponseWriter, r *http.Request) {
		respondControl(w, s.RemoveFault(r.PathValue("id")), nil)
	})
	mux.HandleFunc("POST /reset", action(s.Reset))
	mux.HandleFunc("GET /media", func(w http.ResponseWriter, _ *http.Request) {
		files, total := s.media.list(s.Now(), maxControlRows)
		writeControl(w, http.StatusOK, MediaList{Total: total, Media: files})
	})
	mux.HandleFunc("GET /media/{id}", func(w http.ResponseWriter, r *http.Request) {
		file, ok := s.Media(r.PathValue("id"))
		respondControl(w, ok, file)
	})
	mux.HandleFunc("GET /handles", func(w http.ResponseWriter, _ *http.Request) {
		rows, total := s.uploads.handles.list(s.Now(), maxControlRows)
		list := HandleList{Total: total, Handles: []Handle{}}
		for _, row := range rows {
			list.Handles = append(list.Handles, row.Handle)
		}
		writeControl(w, http.StatusOK, list)
	})
	mux.HandleFunc("GET /clock", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, s.Clock())
	})
	mux.HandleFunc("POST /clock", s.controlClock)
	s.controlWebhooks(mux)
	s.controlMessages(mux)
	s.controlFlows(mux)
	s.controlDatasets(mux)
	s.controlTemplates(mux)
	s.controlTokens(mux)
	s.controlCalls(mux)
	s.controlNumbers(mux)
	s.controlWorld(mux)
	return s.guardControl(mux)
}

func (s *Server) controlClock(w http.ResponseWriter, r *http.Request) {
	var in clockJSON
	err := decodeControl(http.MaxBytesReader(w, r.Body, maxControlBody), &in)
	if err != nil {
		writeControlError(w, http.StatusBadRequest, err)
		return
	}
	now, err := s.changeClock(in)
	if err != nil {
		writeControlError(w, http.StatusBadRequest, err)
		return
	}
	writeControl(w, http.StatusOK, now)
}

func (s *Server) controlHealth(w http.ResponseWriter, _ *http.Request) {
	_, total := s.media.list(s.Now(), 0)
	missing := 0
	for _, count := range s.NotSimulated() {
		missing += count
	}
	writeControl(w, http.StatusOK, Health{
		Status: "ok", Media: total, Requests: len(s.Requests()), Faults: len(s.Faults()), NotSimulated: missing,
	})
}

func (s *Server) controlAddFault(w http.ResponseWriter, r *http.Request) {
	var in faultJSON
	if err := decodeControl(http.MaxBytesReader(w, r.Body, maxControlBody), &in); err != nil {
		writeControlError(w, http.StatusBadRequest, err)
		return
	}
	f, err := in.fault()
	if isTry := r.URL.Query().Get("dry_run") == "true"; isTry && err == nil {
		var requests []Request
		if requests, err = s.TryFault(f); err == nil {
			writeControl(w, http.StatusOK, History{Requests: requests})
			return
		}
	} else if err == nil {
		f, err = s.AddFault(f)
	}
	if err != nil {
		writeControlError(w, http.StatusBadRequest, err)
		return
	}
	writeControl(w, http.StatusCreated, f)
}

// decodeControl reads one JSON value. It refuses unknown members, so that a
// misspelt fault does not pass silently.
func decodeControl(body io.Reader, v any) error {
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("the body cannot be decoded: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body has more than one JSON value")
	}
	return nil
}

// action returns a handler that calls a function that cannot fail.
func action(f func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		f()
		w.WriteHeader(http.StatusNoContent)
	}
}

// respondControl writes v, or 204 if v is nil, or 404 if nothing was found.
func respondControl(w http.ResponseWriter, found bool, v any) {
	switch {
	case !found:
		writeControlError(w, http.StatusNotFound, errors.New("there is no such id"))
	case v == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeControl(w, http.StatusOK, v)
	}
}

func writeControlError(w http.ResponseWriter, status int, err error) {
	writeControl(w, status, map[string]string{"error": err.Error()})
}

func writeControl(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, `{"error":"cannot encode the response"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(body, '\n')); err != nil {
		return // the client has disconnected
	}
}
