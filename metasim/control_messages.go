// The part of the control API about messages and people.

package metasim

import (
	"errors"
	"net/http"
)

// maxInboundBody is the maximum size in bytes of a request with a message: 16 MiB of a
// file in base64, and a little.
const maxInboundBody = 24 << 20

// PeopleList is people of a phone number: the newest 1000, newest last.
type PeopleList struct {
	People []Person `json:"people"`
}

// MessageList is the newest messages that were sent, newest last.
type MessageList struct {
	Total    int       `json:"total"` // all messages that are kept; at most 1000 are listed
	Messages []Message `json:"messages"`
}

// readJSON, numberJSON and statusJSON are requests of the control API.
type (
	readJSON struct {
		MessageID string `json:"message_id"`
	}
	numberJSON struct {
		WAID string `json:"wa_id"`
	}
	statusJSON struct {
		Status string `json:"status"`
		Code   int    `json:"code,omitempty"`
	}
)

// controlMessages adds the paths about messages and people.
func (s *Server) controlMessages(mux *http.ServeMux) {
	mux.HandleFunc("GET /people", func(w http.ResponseWriter, r *http.Request) {
		writeControl(w, http.StatusOK, PeopleList{s.People(r.URL.Query().Get("phone_number_id"))})
	})
	mux.HandleFunc("GET /people/{wa_id}", s.controlPerson)
	mux.HandleFunc("POST /people/{wa_id}", withBody(maxControlBody, func(r *http.Request, in PersonChange) (any, error) {
		return s.ChangePerson(s.phoneOf(r), r.PathValue("wa_id"), in)
	}))
	mux.HandleFunc("POST /people/{wa_id}/messages", withBody(maxInboundBody, func(r *http.Request, in Inbound) (any, error) {
		if in.From != "" {
			return nil, errors.New("from is in the path")
		}
		in.From = r.PathValue("wa_id")
		return s.Receive(s.phoneOf(r), in)
	}))
	mux.HandleFunc("POST /people/{wa_id}/read", withBody(maxControlBody, func(r *http.Request, in readJSON) (any, error) {
		return nil, s.Read(s.phoneOf(r), r.PathValue("wa_id"), in.MessageID)
	}))
	mux.HandleFunc("POST /people/{wa_id}/number", withBody(maxControlBody, func(r *http.Request, in numberJSON) (any, error) {
		return s.ChangeNumber(s.phoneOf(r), r.PathValue("wa_id"), in.WAID)
	}))
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, _ *http.Request) {
		list := s.Messages()
		writeControl(w, http.StatusOK, MessageList{len(list), list[max(0, len(list)-maxControlRows):]})
	})
	mux.HandleFunc("GET /messages/{id}", func(w http.ResponseWriter, r *http.Request) {
		message, ok := s.Message(r.PathValue("id"))
		respondControl(w, ok, message)
	})
	mux.HandleFunc("POST /messages/{id}/status", withBody(maxControlBody, func(r *http.Request, in statusJSON) (any, error) {
		return nil, s.SetStatus(r.PathValue("id"), in.Status, in.Code)
	}))
	mux.HandleFunc("GET /wait", s.controlWait)
	mux.HandleFunc("GET /_ferry/await", s.controlAwait)
	mux.HandleFunc("POST /_ferry/mark", s.controlMark)
}

func (s *Server) controlPerson(w http.ResponseWriter, r *http.Request) {
	person, ok := s.Person(s.phoneOf(r), r.PathValue("wa_id"))
	respondControl(w, ok, person)
}

// phoneOf returns the parameter phone_number_id of a request, or the first configured
// phone number.
func (s *Server) phoneOf(r *http.Request) string {
	if id := r.URL.Query().Get("phone_number_id"); id != "" {
		return id
	}
	for _, a := range s.cfg.BusinessAccounts {
		for _, p := range a.PhoneNumbers {
			return p.ID
		}
	}
	return ""
}

// withBody returns a handler that decodes a body of JSON of at most limit bytes and
// responds with what do returns, or 204 if that is nil.
func withBody[In any](limit int64, do func(*http.Request, In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		err := decodeControl(http.MaxBytesReader(w, r.Body, limit), &in)
		var out any
		if err == nil {
			out, err = do(r, in)
		}
		switch {
		case err != nil:
			writeControlError(w, http.StatusBadRequest, err)
		case out == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			writeControl(w, http.StatusOK, out)
		}
	}
}
