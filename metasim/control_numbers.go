// The part of the control API about phone numbers, and the client's methods for it.

package metasim

import (
	"context"
	"net/http"
	"net/url"
)

// NumberList is all phone numbers.
type NumberList struct {
	Numbers []Number `json:"numbers"`
}

// signupJSON is a request of the control API for a code.
type signupJSON struct {
	AccountID string `json:"waba_id,omitempty"`
}

// controlNumbers adds the paths about phone numbers.
func (s *Server) controlNumbers(mux *http.ServeMux) {
	mux.HandleFunc("GET /numbers", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, NumberList{s.Numbers()})
	})
	mux.HandleFunc("POST /signup", withBody(maxControlBody, func(_ *http.Request, in signupJSON) (any, error) {
		return s.Signup(in.AccountID)
	}))
	mux.HandleFunc("GET /numbers/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if s.phone(id) == nil {
			respondControl(w, false, nil)
			return
		}
		respondControl(w, true, s.numberRow(id).Number)
	})
	mux.HandleFunc("POST /numbers/{id}", withBody(maxControlBody, func(r *http.Request, in NumberChange) (any, error) {
		return s.ChangeNumberState(r.PathValue("id"), in)
	}))
}

// Signup makes a code of embedded signup; see Server.Signup.
func (c *ControlClient) Signup(ctx context.Context, accountID string) (code Signup, err error) {
	return code, c.do(ctx, http.MethodPost, "/signup", signupJSON{accountID}, &code)
}

// Numbers returns all phone numbers.
func (c *ControlClient) Numbers(ctx context.Context) ([]Number, error) {
	var list NumberList
	err := c.do(ctx, http.MethodGet, "/numbers", nil, &list)
	return list.Numbers, err
}

// Number returns a phone number, with the code that was sent to it.
func (c *ControlClient) Number(ctx context.Context, id string) (number Number, err error) {
	return number, c.do(ctx, http.MethodGet, "/numbers/"+url.PathEscape(id), nil, &number)
}

// ChangeNumberState changes a phone number as Meta does; see Server.ChangeNumberState.
func (c *ControlClient) ChangeNumberState(ctx context.Context, id string, change NumberChange) (number Number, err error) {
	return number, c.do(ctx, http.MethodPost, "/numbers/"+url.PathEscape(id), change, &number)
}
