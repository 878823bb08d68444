// The part of the control API about calls, and the client's methods for it.

package metasim

import (
	"context"
	"net/http"
	"net/url"
)

// CallList is the newest calls, newest last.
type CallList struct {
	Total int    `json:"total"` // all that are kept; at most 1000 are listed
	Calls []Call `json:"calls"`
}

// sdpJSON is a request of the control API with an SDP.
type sdpJSON struct {
	SDP string `json:"sdp,omitempty"`
}

// controlCalls adds the paths about calls.
func (s *Server) controlCalls(mux *http.ServeMux) {
	mux.HandleFunc("GET /calls", func(w http.ResponseWriter, _ *http.Request) {
		list := s.Calls()
		writeControl(w, http.StatusOK, CallList{len(list), list[max(0, len(list)-maxControlRows):]})
	})
	mux.HandleFunc("POST /calls/{id}/{action}", withBody(maxControlBody, func(r *http.Request, in sdpJSON) (any, error) {
		return s.ChangeCall(r.PathValue("id"), r.PathValue("action"), in.SDP)
	}))
	mux.HandleFunc("POST /people/{wa_id}/calls", withBody(maxControlBody, func(r *http.Request, in sdpJSON) (any, error) {
		return s.ReceiveCall(s.phoneOf(r), r.PathValue("wa_id"), in.SDP)
	}))
	mux.HandleFunc("POST /people/{wa_id}/call_permission", withBody(maxControlBody, func(r *http.Request, in CallPermissionReply) (any, error) {
		return nil, s.AnswerCallPermission(s.phoneOf(r), r.PathValue("wa_id"), in)
	}))
}

// Calls returns the newest calls.
func (c *ControlClient) Calls(ctx context.Context) (list CallList, err error) {
	return list, c.do(ctx, http.MethodGet, "/calls", nil, &list)
}

// ReceiveCall makes a person call; see Server.ReceiveCall. An empty phoneID means the
// first number.
func (c *ControlClient) ReceiveCall(ctx context.Context, phoneID, waID, offer string) (call Call, err error) {
	return call, c.do(ctx, http.MethodPost, personPath(phoneID, waID, "/calls"), sdpJSON{offer}, &call)
}

// ChangeCall is what a person does with a call; see Server.ChangeCall.
func (c *ControlClient) ChangeCall(ctx context.Context, id, action, answer string) (call Call, err error) {
	return call, c.do(ctx, http.MethodPost, "/calls/"+url.PathEscape(id)+"/"+url.PathEscape(action), sdpJSON{answer}, &call)
}

// AnswerCallPermission makes a person allow or forbid calls; see
// Server.AnswerCallPermission.
func (c *ControlClient) AnswerCallPermission(ctx context.Context, phoneID, waID string, reply CallPermissionReply) error {
	return c.do(ctx, http.MethodPost, personPath(phoneID, waID, "/call_permission"), reply, nil)
}
