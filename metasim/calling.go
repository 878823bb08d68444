// Calls: their state and their webhooks (docs/references.md#graph-calls).

package metasim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	callKind           = "call"            // of records
	permissionKind     = "call_permission" // of records
	fieldCalls         = "calls"           // of webhooks
	callIDPrefix       = "wacid."
	maxCalls           = 10_000   // that are kept; one more replaces the oldest
	maxPermissions     = 65_536   // of people
	maxSDP             = 48 << 10 // bytes
	maxConcurrentCalls = 1000     // of a phone number
	ringingTime        = time.Minute
	permissionLife     = 7 * 24 * time.Hour
	maxStartedCalls    = 10 // to one person in a day
)

// The states of a call.
const (
	CallRinging     = "RINGING"
	CallPreAccepted = "PRE_ACCEPTED"
	CallAccepted    = "ACCEPTED"
	CallEnded       = "ENDED"

	fromUser     = "USER_INITIATED"
	fromBusiness = "BUSINESS_INITIATED"
)

// A Call is a call between a person and a business phone number.
type Call struct {
	ID            string    `json:"id"` // wacid
	PhoneNumberID string    `json:"phone_number_id"`
	WAID          string    `json:"wa_id"`
	Direction     string    `json:"direction"` // USER_INITIATED or BUSINESS_INITIATED
	State         string    `json:"state"`     // RINGING, PRE_ACCEPTED, ACCEPTED or ENDED
	Offer         string    `json:"offer,omitempty"`
	Answer        string    `json:"answer,omitempty"` // SDP of the other side
	Status        string    `json:"status,omitempty"` // of a call that has ended: COMPLETED or FAILED
	CallbackData  string    `json:"biz_opaque_callback_data,omitempty"`
	Created       time.Time `json:"created"`
	Accepted      time.Time `json:"accepted,omitzero"`
	Ended         time.Time `json:"ended,omitzero"`
}

func (c Call) createdAt() time.Time { return c.Created }
func (c Call) expiresAt() time.Time { return time.Time{} }

var (
	errCallsFull       = errors.New("metasim: calls: too many calls; reset the simulator")
	errPermissionsFull = errors.New("metasim: calls: too many people with permissions; reset the simulator")
	errNoCall          = errors.New("metasim: there is no such call")
)

// calls are all calls, and whom the business may call.
type calls struct {
	mu          sync.Mutex // held while a row is changed
	rows        *table[Call]
	permissions *table[callPermission]
}

func newCalls(records RecordStore) *calls {
	return &calls{
		rows:        newTable[Call](callKind, maxCalls, errCallsFull, records),
		permissions: newTable[callPermission](permissionKind, maxPermissions, errPermissionsFull, records),
	}
}

// load reads what an earlier Server has left.
func (c *calls) load() []error {
	return slices.Concat(
		c.rows.load(func(id string, row Call) error {
			if row.ID != id || row.State == "" {
				return badRecord(callKind, id, "it is the record of %q", truncate(row.ID))
			}
			return nil
		}),
		c.permissions.load(func(id string, row callPermission) error {
			if personKey(row.PhoneNumberID, row.WAID) != id {
				return badRecord(permissionKind, id, "it is the record of %q", truncate(row.WAID))
			}
			return nil
		}))
}

// callsValue is the value of the field calls.
type callsValue struct {
	MessagingProduct string           `json:"messaging_product"`
	Metadata         webhookMetadata  `json:"metadata"`
	Contacts         []webhookContact `json:"contacts,omitempty"`
	Calls            []callEvent      `json:"calls,omitempty"`
	Statuses         []callStatus     `json:"statuses,omitempty"`
}

// callEvent is a call in a webhook.
type callEvent struct {
	ID           string       `json:"id"`
	From         string       `json:"from"`
	FromUserID   string       `json:"from_user_id,omitempty"`
	To           string       `json:"to"`
	ToUserID     string       `json:"to_user_id,omitempty"`
	Event        string       `json:"event"` // connect or terminate
	Timestamp    string       `json:"timestamp"`
	Direction    string       `json:"direction"`
	Session      *callSession `json:"session,omitempty"`
	Status       string       `json:"status,omitempty"` // of a call that has ended
	StartTime    string       `json:"start_time,omitempty"`
	EndTime      string       `json:"end_time,omitempty"`
	Duration     int64        `json:"duration,omitempty"` // seconds
	CallbackData string       `json:"biz_opaque_callback_data,omitempty"`
}

type callSession struct {
	Type string `json:"sdp_type"` // offer or answer
	SDP  string `json:"sdp"`
}

// callStatus is a status of a call of the business.
type callStatus struct {
	ID           string `json:"id"`
	Type         string `json:"type"` // call
	Status       string `json:"status"`
	Timestamp    string `json:"timestamp"`
	RecipientID  string `json:"recipient_id"`
	CallbackData string `json:"biz_opaque_callback_data,omitempty"`
}

func unixText(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// notifyCall sends the webhook with an event of a call.
func (s *Server) notifyCall(c Call, event string, session *callSession) {
	p, person := s.phone(c.PhoneNumberID), s.person(c.PhoneNumberID, c.WAID)
	contact := person.contact()
	e := callEvent{ID: c.ID, From: contact.WAID, FromUserID: person.UserID, To: digits(p.DisplayPhoneNumber), Event: event, Timestamp: unixText(s.Now()),
		Direction: c.Direction, Session: session, Status: c.Status, CallbackData: c.CallbackData}
	if c.Direction == fromBusiness {
		e.From, e.To, e.FromUserID, e.ToUserID = e.To, e.From, "", person.UserID
	}
	if !c.Ended.IsZero() && !c.Accepted.IsZero() {
		e.StartTime, e.EndTime, e.Duration = unixText(c.Accepted), unixText(c.Ended), int64(c.Ended.Sub(c.Accepted)/time.Second)
	}
	s.notify(update{account: p.accountID, phone: p, field: fieldCalls, user: c.WAID, value: callsValue{
		MessagingProduct: "whatsapp", Metadata: metadataOf(p), Contacts: []webhookContact{contact}, Calls: []callEvent{e}}})
}

// notifyCallStatus sends the webhook with the status of a call of the business.
func (s *Server) notifyCallStatus(c Call, status string) {
	p := s.phone(c.PhoneNumberID)
	s.notify(update{account: p.accountID, phone: p, field: fieldCalls, user: c.WAID, value: callsValue{
		MessagingProduct: "whatsapp", Metadata: metadataOf(p),
		Statuses: []callStatus{{ID: c.ID, Type: "call", Status: status, Timestamp: unixText(s.Now()), RecipientID: c.WAID, CallbackData: c.CallbackData}}}})
}

// newCallID returns an id of the form of Meta's.
func (s *Server) newCallID(user string) string {
	return callIDPrefix + strings.TrimPrefix(s.newMessageID(user, true), messageIDPrefix)
}

// checkSDP reports whether a text can be a session description.
func checkSDP(text string) bool { return strings.HasPrefix(text, "v=0") && len(text) <= maxSDP }

// liveCalls returns the calls of a phone number that have not ended.
func (s *Server) liveCalls(phoneID string) (live []Call) {
	for _, c := range s.calls.rows.all() {
		if c.PhoneNumberID == phoneID && c.State != CallEnded {
			live = append(live, c)
		}
	}
	return live
}

// addCall keeps a new call, in place of the oldest if there are too many. The caller
// holds calls.mu.
func (s *Server) addCall(c Call) error {
	if all := s.calls.rows.all(); len(all) >= maxCalls {
		oldest := slices.MinFunc(all, func(a, b Call) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
		if _, err := s.calls.rows.remove(oldest.ID); err != nil {
			return err
		}
	}
	return s.calls.rows.put(c.ID, c)
}

// endCall ends a call and reports that. The caller holds calls.mu.
func (s *Server) endCall(c Call) (Call, error) {
	c.State, c.Ended, c.Status = CallEnded, s.Now(), "FAILED"
	if !c.Accepted.IsZero() {
		c.Status = "COMPLETED"
	}
	if err := s.calls.rows.put(c.ID, c); err != nil {
		return c, err
	}
	s.notifyCall(c, "terminate", nil)
	return c, nil
}

// endUnanswered ends the calls that nobody has answered for a minute.
func (s *Server) endUnanswered() {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	now := s.Now()
	for _, c := range s.calls.rows.all() {
		if s.phone(c.PhoneNumberID) != nil && c.State != CallEnded && c.Accepted.IsZero() && now.Sub(c.Created) >= ringingTime {
			_, err := s.endCall(c)
			s.logStorage(err)
		}
	}
}

// Calls returns the calls that are kept, oldest first.
func (s *Server) Calls() []Call {
	s.endUnanswered()
	list, _ := s.calls.rows.list(time.Time{}, maxCalls)
	return list
}

// ReceiveCall makes a person call a business phone number. offer is the SDP; empty means
// an example. The app gets a webhook with the call.
func (s *Server) ReceiveCall(phoneID, waID, offer string) (Call, error) {
	waID, err := s.checkWAID(phoneID, waID)
	if err != nil {
		return Call{}, err
	}
	s.endUnanswered()
	offer = cmp.Or(offer, exampleSDP)
	switch {
	case !checkSDP(offer):
		return Call{}, errors.New("metasim: call: the offer is not an SDP that begins with v=0")
	case !s.callingEnabled(phoneID):
		return Call{}, errors.New("metasim: call: calls are not enabled; send POST /{phone_number}/settings with {\"calling\":{\"status\":\"ENABLED\"}}")
	}
	s.touchPerson(phoneID, waID, s.Now())
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	for _, live := range s.liveCalls(phoneID) {
		if live.WAID == waID {
			return Call{}, fmt.Errorf("metasim: call: the person is in the call %s", live.ID)
		}
	}
	c := Call{ID: s.newCallID(waID), PhoneNumberID: phoneID, WAID: waID, Direction: fromUser, State: CallRinging, Offer: offer, Created: s.Now()}
	if err := s.addCall(c); err != nil {
		return Call{}, err
	}
	s.notifyCall(c, "connect", &callSession{"offer", offer})
	if s.settingsOf(phoneID)["calling"]["callback_permission_status"] == "ENABLED" {
		return c, s.permit(phoneID, waID, CallPermissionReply{Response: "accept", Source: "automatic"}, "")
	}
	return c, nil
}

// exampleSDP is the offer of a person of whom the caller says nothing.
const exampleSDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 3480 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 127.0.0.1\r\na=rtpmap:111 opus/48000/2\r\n"

// ChangeCall is what a person does with a call: "accept" or "reject" one of the
// business, or "terminate" any. answer is the SDP of accept; empty means an example.
func (s *Server) ChangeCall(id, action, answer string) (Call, error) {
	s.endUnanswered()
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	c, ok := s.calls.rows.find(id, time.Time{})
	answer = cmp.Or(answer, exampleSDP)
	switch {
	case !ok || s.phone(c.PhoneNumberID) == nil:
		return Call{}, fmt.Errorf("%w: %q", errNoCall, truncate(id))
	case c.State == CallEnded:
		return Call{}, errors.New("metasim: call: it has ended")
	case action == "terminate":
		return s.endCall(c)
	case action != "accept" && action != "reject":
		return Call{}, fmt.Errorf("metasim: call: the action %q is none of accept, reject, terminate", truncate(action))
	case c.Direction != fromBusiness || c.State != CallRinging:
		return Call{}, errors.New("metasim: call: only a call of the business that rings can be accepted or rejected")
	case action == "reject":
		s.notifyCallStatus(c, "REJECTED")
		return s.endCall(c)
	case !checkSDP(answer):
		return Call{}, errors.New("metasim: call: the answer is not an SDP that begins with v=0")
	}
	c.State, c.Answer, c.Accepted = CallAccepted, answer, s.Now()
	if err := s.calls.rows.put(c.ID, c); err != nil {
		return Call{}, err
	}
	s.notifyCall(c, "connect", &callSession{"answer", answer})
	s.notifyCallStatus(c, "ACCEPTED")
	return c, nil
}
