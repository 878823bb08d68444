// The part of the control API about flows, and the client's methods for it.

package metasim

import (
	"context"
	"net/http"
	"net/url"
)

// FlowList is the newest flows, newest first.
type FlowList struct {
	Total int    `json:"total"` // all flows; at most 1000 are listed
	Flows []Flow `json:"flows"`
}

type flowStatusJSON struct {
	Status string `json:"status"`
}

// controlFlows adds the paths about flows.
func (s *Server) controlFlows(mux *http.ServeMux) {
	mux.HandleFunc("GET /flows", func(w http.ResponseWriter, r *http.Request) {
		list := s.Flows(r.URL.Query().Get("business_account_id"))
		writeControl(w, http.StatusOK, FlowList{len(list), list[:min(len(list), maxControlRows)]})
	})
	mux.HandleFunc("GET /flows/{id}", func(w http.ResponseWriter, r *http.Request) {
		flow, ok := s.Flow(r.PathValue("id"))
		respondControl(w, ok, flow)
	})
	mux.HandleFunc("POST /flows/{id}/status", withBody(maxControlBody, func(r *http.Request, in flowStatusJSON) (any, error) {
		return s.SetFlowStatus(r.PathValue("id"), in.Status)
	}))
	mux.HandleFunc("POST /people/{wa_id}/flow", withBody(maxControlBody, func(r *http.Request, in FlowAnswer) (any, error) {
		return s.AnswerFlow(s.phoneOf(r), r.PathValue("wa_id"), in)
	}))
}

// Conversions returns the newest events that were sent to datasets.
func (c *ControlClient) Conversions(ctx context.Context) (list ConversionList, err error) {
	return list, c.do(ctx, http.MethodGet, "/conversions", nil, &list)
}

// Flows returns the newest flows.
func (c *ControlClient) Flows(ctx context.Context) (list FlowList, err error) {
	return list, c.do(ctx, http.MethodGet, "/flows", nil, &list)
}

// Flow returns a flow.
func (c *ControlClient) Flow(ctx context.Context, id string) (flow Flow, err error) {
	return flow, c.do(ctx, http.MethodGet, "/flows/"+url.PathEscape(id), nil, &flow)
}

// SetFlowStatus sets the status of a flow; see Server.SetFlowStatus.
func (c *ControlClient) SetFlowStatus(ctx context.Context, id, status string) (flow Flow, err error) {
	return flow, c.do(ctx, http.MethodPost, "/flows/"+url.PathEscape(id)+"/status", flowStatusJSON{status}, &flow)
}

// AnswerFlow sends what a person enters into a flow; see Server.AnswerFlow. An empty
// phoneID means the first number.
func (c *ControlClient) AnswerFlow(ctx context.Context, phoneID, waID string, answer FlowAnswer) (received Received, err error) {
	return received, c.do(ctx, http.MethodPost, personPath(phoneID, waID, "/flow"), answer, &received)
}
