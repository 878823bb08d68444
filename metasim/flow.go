// Flows: their state and their life (docs/references.md#graph-flows).

package metasim

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

const (
	flowKind       = "flow" // of records
	maxFlows       = 10_000 // of all accounts
	maxFlowName    = 200    // characters
	maxFlowJSON    = 10 << 20
	maxFlowURI     = 2048 // bytes
	maxFlowsMoved  = 100  // in one migration
	flowsPerHour   = 10   // messages with a flow that is throttled
	previewLife    = 30 * 24 * time.Hour
	fieldFlows     = "flows" // of webhooks
	flowJSONName   = "flow.json"
	maxFlowRequest = 24 << 20 // bytes of a request with a Flow JSON, which may be escaped
)

// The states of a flow.
const (
	FlowDraft      = "DRAFT"
	FlowPublished  = "PUBLISHED"
	FlowThrottled  = "THROTTLED"
	FlowBlocked    = "BLOCKED"
	FlowDeprecated = "DEPRECATED"
)

// flowCategories are those of Meta, in the order of its documentation.
var flowCategories = []string{"SIGN_UP", "SIGN_IN", "APPOINTMENT_BOOKING", "LEAD_GENERATION", "CONTACT_US", "CUSTOMER_SUPPORT", "SURVEY", "OTHER"}

// A Flow is a form that messages can open.
type Flow struct {
	ID          string        `json:"id"`
	AccountID   string        `json:"business_account_id"`
	Name        string        `json:"name"`
	Status      string        `json:"status"` // DRAFT, PUBLISHED, THROTTLED, BLOCKED or DEPRECATED
	Categories  []string      `json:"categories"`
	EndpointURI string        `json:"endpoint_uri,omitempty"`
	AppID       string        `json:"application_id,omitempty"`
	Version     string        `json:"json_version,omitempty"`
	APIVersion  string        `json:"data_api_version,omitempty"` // empty means that the flow has no endpoint
	Screens     []string      `json:"screens,omitempty"`          // ids, in their order
	FirstScreen string        `json:"first_screen,omitempty"`     // to which no other one leads
	Problems    []FlowProblem `json:"validation_errors,omitempty"`
	Created     time.Time     `json:"created"`
	Updated     time.Time     `json:"updated"`
}

// flowRow is a flow with what only the simulator knows.
type flowRow struct {
	Flow
	BlobID         string      `json:"blob_id,omitempty"` // of its JSON in the storage; empty means none
	ChannelURI     string      `json:"channel_uri,omitempty"`
	PreviewToken   string      `json:"preview_token,omitempty"`
	PreviewExpires time.Time   `json:"preview_expires,omitzero"`
	Sent           []time.Time `json:"sent,omitempty"` // the last messages while it was throttled
}

func (f flowRow) createdAt() time.Time { return f.Created }
func (f flowRow) expiresAt() time.Time { return time.Time{} }

var (
	errFlowsFull = errors.New("metasim: flows: too many flows; reset the simulator")
	errNoFlow    = errors.New("metasim: there is no such flow")
)

// flows are the flows of all accounts.
type flows struct {
	rows *table[flowRow]
	mu   sync.Mutex // held while a flow is changed
}

func newFlows(records RecordStore) *flows {
	return &flows{rows: newTable[flowRow](flowKind, maxFlows, errFlowsFull, records)}
}

// checkFlowRecord returns an error for a record that is damaged.
func (s *Server) checkFlowRecord(id string, row flowRow) error {
	if row.ID != id || !isObjectID(id) || row.Name == "" || row.Status == "" {
		return badRecord(flowKind, id, "it is the record of %q", truncate(row.ID))
	}
	return nil
}

// endpoint returns the URI of the endpoint of a flow, or "".
func (f flowRow) endpoint() string { return cmp.Or(f.EndpointURI, f.ChannelURI) }

// flowsOfAccount returns the flows of an account, newest first.
func (s *Server) flowsOfAccount(account string) (found []flowRow) {
	for _, row := range s.flows.rows.all() {
		if row.AccountID == account {
			found = append(found, row)
		}
	}
	sort.Slice(found, func(i, j int) bool {
		a, b := &found[i], &found[j]
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID)) < 0
	})
	return found
}

// flowNamed returns the flow of an account with a name.
func (s *Server) flowNamed(account, name string) (flowRow, bool) {
	for _, row := range s.flows.rows.all() {
		if row.AccountID == account && row.Name == name {
			return row, true
		}
	}
	return flowRow{}, false
}

// flowStatusValue is the value of a webhook about the status of a flow.
type flowStatusValue struct {
	Event     string `json:"event"`
	Message   string `json:"message"`
	FlowID    string `json:"flow_id"`
	OldStatus string `json:"old_status,omitempty"` // not of a new flow
	NewStatus string `json:"new_status"`
	Warning   string `json:"warning,omitempty"`
}

// notifyFlow sends the webhook about a new status. An empty old one means that the
// flow is new.
func (s *Server) notifyFlow(row flowRow, old string) {
	value := flowStatusValue{Event: "FLOW_STATUS_CHANGE", FlowID: row.ID, OldStatus: old, NewStatus: row.Status,
		Message: fmt.Sprintf("Flow %s changed status from %s to %s", row.Name, old, row.Status)}
	if old == "" {
		value.Message = fmt.Sprintf("Flow %s has been created with status %s", row.Name, row.Status)
	}
	s.notify(update{account: row.AccountID, field: fieldFlows, value: value})
}

// storeFlow stores a flow and reports a new status. The caller holds s.flows.mu.
func (s *Server) storeFlow(row flowRow, old string) error {
	if err := s.flows.rows.put(row.ID, row); err != nil {
		return err
	}
	if row.Status != old {
		s.notifyFlow(row, old)
	}
	return nil
}

// setFlowJSON stores a Flow JSON and makes it that of the flow. The bytes that it had
// before are those of the returned id; the caller deletes them when the flow is stored.
func (s *Server) setFlowJSON(row *flowRow, text string) (old string, _ error) {
	id, blob, err := s.createFile(s.newMediaID)
	if err != nil {
		return "", err
	}
	if _, err := blob.Write([]byte(text)); err != nil {
		return "", errors.Join(err, blob.Abort())
	}
	if err := blob.Commit(); err != nil {
		return "", err
	}
	content := checkFlowJSON(text)
	old, row.BlobID = row.BlobID, id
	row.Version, row.APIVersion, row.ChannelURI = truncate(content.Version), truncate(content.APIVersion), truncateTo(content.ChannelURI, maxFlowURI)
	row.Screens, row.FirstScreen, row.Problems = content.Screens, content.FirstScreen, content.Problems
	return old, nil
}

// Flows returns the flows of a business account, newest first, or all if account is
// empty.
func (s *Server) Flows(account string) []Flow {
	list := []Flow{}
	for _, id := range sortedNames(s.accounts) {
		if account != "" && account != id {
			continue
		}
		for _, row := range s.flowsOfAccount(id) {
			list = append(list, row.Flow)
		}
	}
	return list
}

// Flow returns a flow.
func (s *Server) Flow(id string) (Flow, bool) {
	row, ok := s.flows.rows.find(id, time.Time{})
	return row.Flow, ok
}

// SetFlowStatus sets the status of a flow, as Meta's monitoring does: THROTTLED or BLOCKED,
// and PUBLISHED afterwards. The app gets a webhook.
func (s *Server) SetFlowStatus(id, status string) (Flow, error) {
	s.flows.mu.Lock()
	defer s.flows.mu.Unlock()
	row, ok := s.flows.rows.find(id, time.Time{})
	watched := []string{FlowPublished, FlowThrottled, FlowBlocked}
	switch {
	case !ok:
		return Flow{}, fmt.Errorf("%w: %q", errNoFlow, truncate(id))
	case !slices.Contains(watched, status):
		return Flow{}, fmt.Errorf("metasim: flow: the status %q is none of PUBLISHED, THROTTLED, BLOCKED", truncate(status))
	case !slices.Contains(watched, row.Status):
		return Flow{}, fmt.Errorf("metasim: flow: it is %s; publish it first", row.Status)
	}
	old := row.Status
	row.Status, row.Updated, row.Sent = status, s.Now(), nil
	return row.Flow, s.storeFlow(row, old)
}

// A FlowAnswer is what a person enters into a flow.
type FlowAnswer struct {
	MessageID string         `json:"message_id,omitempty"` // of the message with the flow; default: the newest to the person
	Response  map[string]any `json:"response,omitempty"`   // what the fields have; flow_token is added
}

// AnswerFlow sends what a person has entered into a flow that the business sent.
func (s *Server) AnswerFlow(phoneID, waID string, answer FlowAnswer) (Received, error) {
	var sent *Message
	var parameters struct {
		Type   string
		Action struct {
			Parameters struct {
				ID    string `json:"flow_id"`
				Name  string `json:"flow_name"`
				Token string `json:"flow_token"`
			}
		}
	}
	for _, m := range slices.Backward(s.Messages()) {
		if m.PhoneNumberID != phoneID || m.WAID != waID || m.Type != "interactive" || answer.MessageID != "" && m.ID != answer.MessageID {
			continue
		}
		if json.Unmarshal(m.Content, &parameters) == nil && parameters.Type == "flow" {
			sent = &m
			break
		}
	}
	if sent == nil {
		return Received{}, errors.New("metasim: flow: there is no such message with a flow to the person")
	}
	asked := parameters.Action.Parameters
	account := s.accountOf(phoneID)
	row, ok := s.flows.rows.find(asked.ID, time.Time{})
	if asked.ID == "" {
		row, ok = s.flowNamed(account, asked.Name)
	}
	if ok && row.Status == FlowBlocked {
		return Received{}, errors.New("metasim: flow: it is BLOCKED, so that nobody can open it")
	}
	response := map[string]any{"flow_token": cmp.Or(asked.Token, "unused")}
	for name, value := range answer.Response {
		response[name] = value
	}
	text, err := json.Marshal(response)
	if err != nil {
		return Received{}, fmt.Errorf("metasim: flow: the response is not JSON: %w", err)
	}
	return s.Receive(phoneID, Inbound{
		From: waID, Context: &InboundContext{ID: sent.ID},
		Interactive: &InboundInteractive{NFMReply: &NFMReply{ResponseJSON: string(text)}},
	})
}

// accountOf returns the id of the account of a phone number, or "".
func (s *Server) accountOf(phoneID string) string {
	if p := s.phone(phoneID); p != nil {
		return p.accountID
	}
	return ""
}
