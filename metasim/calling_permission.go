// Whom a business may call (docs/references.md#graph-calls).

package metasim

import (
	"errors"
	"slices"
	"time"
)

const (
	day = 24 * time.Hour

	maxRequestsPerDay  = 1 // for permission, to one person
	maxRequestsPerWeek = 2
)

// callPermission is what a person has allowed, and what the business has asked for.
type callPermission struct {
	PhoneNumberID string      `json:"phone_number_id"`
	WAID          string      `json:"wa_id"`
	Permanent     bool        `json:"permanent,omitempty"`
	Expires       time.Time   `json:"expires,omitzero"`   // of a permission that is not permanent
	Requests      []time.Time `json:"requests,omitempty"` // of the last seven days
	Started       []time.Time `json:"started,omitempty"`  // calls of the last day
	Created       time.Time   `json:"created"`
}

func (p callPermission) createdAt() time.Time { return p.Created }
func (p callPermission) expiresAt() time.Time { return time.Time{} }

// status returns the status of the permission at a time.
func (p callPermission) status(now time.Time) string {
	switch {
	case p.Permanent:
		return "permanent"
	case now.Before(p.Expires):
		return "temporary"
	}
	return "no_permission"
}

// since counts the times that are less than an age before now.
func since(times []time.Time, now time.Time, age time.Duration) (count int) {
	for _, t := range times {
		if now.Sub(t) < age {
			count++
		}
	}
	return count
}

// with returns the times with now, and without those that are older than an age.
func with(times []time.Time, now time.Time, age time.Duration) []time.Time {
	times = slices.DeleteFunc(slices.Clone(times), func(t time.Time) bool { return now.Sub(t) >= age })
	return append(times, now)
}

// CallPermissionReply is the answer of a person to a request for permission to call.
type CallPermissionReply struct {
	Response  string `json:"response"` // accept or reject
	Permanent bool   `json:"is_permanent"`
	Expires   int64  `json:"expiration_timestamp,omitempty"` // Unix seconds; not for the caller
	Source    string `json:"response_source"`                // user_action or automatic; default user_action
}

// permission returns the permission of a person.
func (s *Server) permission(phoneID, waID string) callPermission {
	row, ok := s.calls.permissions.find(personKey(phoneID, waID), time.Time{})
	if !ok {
		row = callPermission{PhoneNumberID: phoneID, WAID: waID, Created: s.Now()}
	}
	return row
}

func (s *Server) putPermission(row callPermission) error {
	return s.calls.permissions.put(personKey(row.PhoneNumberID, row.WAID), row)
}

// AnswerCallPermission makes a person allow or forbid that the business calls. The app
// gets a webhook with the answer.
func (s *Server) AnswerCallPermission(phoneID, waID string, reply CallPermissionReply) error {
	waID, err := s.checkWAID(phoneID, waID)
	if err != nil {
		return err
	}
	if reply.Response != "accept" && reply.Response != "reject" {
		return errors.New("metasim: call permission: the response is accept or reject")
	}
	request := ""
	for _, m := range slices.Backward(s.Messages()) {
		if m.PhoneNumberID == phoneID && m.WAID == waID && m.Type == "interactive" && isPermissionRequest(m) {
			request = m.ID
			break
		}
	}
	reply.Source = "user_action"
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return s.permit(phoneID, waID, reply, request)
}

func isPermissionRequest(m Message) bool {
	content, _ := decodeMember(string(m.Content)).(map[string]any)
	return lower(content, "type") == "call_permission_request"
}

// permit stores the answer of a person and sends it. The caller holds calls.mu.
func (s *Server) permit(phoneID, waID string, reply CallPermissionReply, request string) error {
	row := s.permission(phoneID, waID)
	row.Permanent, row.Expires, reply.Expires = false, time.Time{}, 0
	switch {
	case reply.Response == "reject":
		reply.Permanent = false
	case reply.Permanent:
		row.Permanent = true
	default:
		row.Expires = s.Now().Add(permissionLife)
		reply.Expires = row.Expires.Unix()
	}
	if err := s.putPermission(row); err != nil {
		return err
	}
	in := Inbound{From: waID, Interactive: &InboundInteractive{CallPermissionReply: &reply}}
	if request != "" {
		in.Context = &InboundContext{ID: request}
	}
	_, err := s.Receive(phoneID, in)
	return err
}

// checkPermissionRequest refuses a message that asks for permission to call, and counts
// it.
func (s *Server) checkPermissionRequest(c *call, to recipient, content map[string]any) *apiError {
	if lower(content, "type") != "call_permission_request" || to.waID == "" {
		return nil
	}
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	row, now := s.permission(c.id, to.waID), s.Now()
	switch {
	case !s.callingEnabled(c.id):
		return codeError(138000, "")
	case row.Permanent:
		return codeError(138017, "")
	case since(row.Requests, now, day) >= maxRequestsPerDay, since(row.Requests, now, 7*day) >= maxRequestsPerWeek:
		return codeError(138009, "")
	}
	row.Requests = with(row.Requests, now, 7*day)
	if err := s.putPermission(row); err != nil {
		return c.storageError(err)
	}
	return nil
}

// callPermissions responds with what the business may do with a person.
func (s *Server) callPermissions(c *call) (any, *apiError) {
	number := c.parameters.get("user_wa_id")
	waID := digits(number)
	if number == "" {
		userID := c.parameters.get("recipient")
		if userID == "" {
			return nil, missingParameter("user_wa_id")
		}
		person, ok := s.personByUserID(c.id, userID)
		if !ok {
			return nil, invalidValue("recipient is not a business-scoped user ID of a person")
		}
		waID = person.WAID
	}
	if !isWAID(waID) {
		return nil, invalidValue("user_wa_id is not a phone number")
	}
	row, now := s.permission(c.id, waID), s.Now()
	permission := map[string]any{"status": row.status(now)}
	if permission["status"] == "temporary" {
		permission["expiration_time"] = row.Expires.Unix()
	}
	limit := func(period string, most int, times []time.Time, age time.Duration) map[string]any {
		return map[string]any{"time_period": period, "max_allowed": most, "current_usage": since(times, now, age)}
	}
	requests := []map[string]any{limit("PT24H", maxRequestsPerDay, row.Requests, day), limit("P7D", maxRequestsPerWeek, row.Requests, 7*day)}
	mayRequest := since(row.Requests, now, day) < maxRequestsPerDay && since(row.Requests, now, 7*day) < maxRequestsPerWeek && !row.Permanent
	mayCall := row.status(now) != "no_permission" && since(row.Started, now, day) < maxStartedCalls
	return object{
		"messaging_product": "whatsapp", "permission": permission,
		"actions": []map[string]any{
			{"action_name": "send_call_permission_request", "can_perform_action": mayRequest, "limits": requests},
			{"action_name": "start_call", "can_perform_action": mayCall, "limits": []map[string]any{limit("PT24H", maxStartedCalls, row.Started, day)}},
		},
	}, nil
}
