// POST /{phone_number}/calls (docs/references.md#graph-calls).

package metasim

import (
	"encoding/json"
	"strings"
	"time"
)

var callOperations = []operation{
	{name: OperationCalls, method: "POST", pattern: "/{version}/{phone_number}/calls", auth: ownersToken, serve: (*Server).changeCalls,
		parameters: []string{"messaging_product", "to", "recipient", "action", "call_id", "session", "biz_opaque_callback_data"}, place: inBody},
	{name: OperationCallPermissions, method: "GET", pattern: "/{version}/{phone_number}/call_permissions", auth: ownersToken, serve: (*Server).callPermissions,
		parameters: []string{"user_wa_id", "recipient"}, place: inQuery},
}

// callActions are the actions, and whether they need a session of a type.
var callActions = map[string]string{"connect": "offer", "pre_accept": "answer", "accept": "answer", "reject": "", "terminate": ""}

// callsStarted and callChanged are responses.
type (
	callsStarted struct {
		MessagingProduct string         `json:"messaging_product"`
		Calls            []uploadResult `json:"calls"`
		Contacts         []sentContact  `json:"contacts,omitempty"`
	}
	callChanged struct {
		MessagingProduct string `json:"messaging_product"`
		Success          bool   `json:"success"`
	}
)

// changeCalls starts a call, or changes one.
func (s *Server) changeCalls(c *call) (any, *apiError) {
	product, ok := c.parameters["messaging_product"]
	if !ok {
		return nil, missingParameter("messaging_product")
	}
	if refusal := checkProduct(product.value); refusal != nil {
		return nil, refusal
	}
	action := strings.ToLower(c.parameters.get("action"))
	kind, known := callActions[action]
	switch {
	case action == "":
		return nil, missingParameter("action")
	case !known:
		return nil, parameterError("Param action must be one of {CONNECT, PRE_ACCEPT, ACCEPT, REJECT, TERMINATE} - got \"%s\".", truncate(action))
	}
	sdp, refusal := c.readSession(kind)
	if refusal == nil {
		refusal = s.checkSender(c)
	}
	if refusal != nil {
		return nil, refusal
	}
	if !s.callingEnabled(c.id) {
		return nil, codeError(138000, "")
	}
	s.endUnanswered()
	if action == "connect" {
		return s.startCall(c, sdp)
	}
	return s.changeCall(c, action, sdp)
}

// readSession returns the SDP of a session, which an action without a kind does not have.
func (c *call) readSession(kind string) (string, *apiError) {
	if kind == "" {
		return "", nil
	}
	given, ok := c.parameters["session"]
	if !ok {
		return "", missingParameter("session")
	}
	var session callSession
	if err := json.Unmarshal([]byte(given.value), &session); err != nil {
		return "", parameterError("Param session must be an object with sdp_type and sdp.")
	}
	switch {
	case !strings.EqualFold(session.Type, kind):
		return "", parameterError("Param session['sdp_type'] must be one of {%s} - got \"%s\".", strings.ToUpper(kind), truncate(session.Type))
	case !checkSDP(session.SDP):
		return "", invalidValue("SDP Validation error: it must begin with v=0")
	}
	return session.SDP, nil
}

// startCall calls a person.
func (s *Server) startCall(c *call, offer string) (any, *apiError) {
	to, refusal := s.readRecipient(c)
	if refusal != nil {
		return nil, refusal
	}
	waID, contact := to.waID, sentContact{Input: to.input, WAID: to.waID}
	if waID == "" {
		person, ok := s.personByUserID(c.id, to.userID)
		if !ok {
			return nil, codeError(138001, "")
		}
		waID, contact.UserID = person.WAID, to.userID
	}
	data := c.parameters.get("biz_opaque_callback_data")
	if characters(data) > maxCallbackData {
		return nil, tooManyCharacters("biz_opaque_callback_data", maxCallbackData)
	}
	person := s.person(c.id, waID)
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	permission, now := s.permission(c.id, waID), s.Now()
	live := s.liveCalls(c.id)
	switch {
	case person.NoWhatsApp || person.Blocks:
		return nil, codeError(138001, "")
	case permission.status(now) == "no_permission":
		return nil, codeError(138006, "")
	case len(live) >= maxConcurrentCalls:
		return nil, codeError(138002, "")
	case since(permission.Started, now, day) >= maxStartedCalls:
		return nil, codeError(138012, "")
	}
	for _, other := range live {
		if other.WAID == waID {
			return nil, codeError(138003, "There is a call with the same person: "+other.ID)
		}
	}
	started := Call{ID: s.newCallID(waID), PhoneNumberID: c.id, WAID: waID, Direction: fromBusiness, State: CallRinging, Offer: offer, CallbackData: data, Created: now}
	permission.Started = with(permission.Started, now, day)
	if err := s.putPermission(permission); err != nil {
		return nil, c.storageError(err)
	}
	if err := s.addCall(started); err != nil {
		return nil, c.storageError(err)
	}
	if !person.Offline {
		s.notifyCallStatus(started, "RINGING")
	}
	return callsStarted{"whatsapp", []uploadResult{{started.ID}}, []sentContact{contact}}, nil
}

// changeCall accepts, rejects or ends a call.
func (s *Server) changeCall(c *call, action, answer string) (any, *apiError) {
	id := c.parameters.get("call_id")
	if id == "" {
		return nil, missingParameter("call_id")
	}
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	row, ok := s.calls.rows.find(id, time.Time{})
	switch {
	case !ok || row.PhoneNumberID != c.id:
		return nil, invalidValue("The call %s does not exist", truncate(id))
	case row.State == CallEnded:
		return nil, invalidValue("The call %s has ended", id)
	case action == "terminate":
		_, err := s.endCall(row)
		return c.callSaved(err)
	case row.Direction == fromBusiness:
		return nil, invalidValue("The call %s is one of the business, which can only be terminated", id)
	case row.State == CallAccepted, row.State == CallPreAccepted && action == "pre_accept":
		return nil, codeError(138003, "The call is already "+strings.ToLower(strings.ReplaceAll(row.State, "_", "-"))+".")
	case action == "reject":
		_, err := s.endCall(row)
		return c.callSaved(err)
	}
	row.State, row.Answer = CallPreAccepted, answer
	if action == "accept" {
		row.State, row.Accepted = CallAccepted, s.Now()
	}
	return c.callSaved(s.calls.rows.put(id, row))
}

// callSaved returns the response to a change of a call that was stored.
func (c *call) callSaved(err error) (any, *apiError) {
	if err != nil {
		return nil, c.storageError(err)
	}
	return callChanged{"whatsapp", true}, nil
}
