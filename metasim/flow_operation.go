// The edges of flows: create, read, change, publish, deprecate, delete and migrate
// (docs/references.md#graph-flows).

package metasim

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

var flowOperations = []operation{
	{name: OperationCreateFlow, method: "POST", pattern: "/{version}/{account}/flows", auth: ownersToken, serve: (*Server).createFlow,
		parameters: []string{"name", "categories", "flow_json", "publish", "clone_flow_id", "endpoint_uri", "application_id", "messaging_product"}, place: inBody,
		maxBody: maxFlowRequest, maxField: maxFlowRequest},
	{name: OperationFlows, method: "GET", pattern: "/{version}/{account}/flows", auth: ownersToken, serve: (*Server).listFlows,
		parameters: pageParameters, place: inQuery},
	{name: OperationMigrateFlows, method: "POST", pattern: "/{version}/{account}/migrate_flows", auth: ownersToken, serve: (*Server).migrateFlows,
		parameters: []string{"source_waba_id", "source_flow_names"}, place: inQuery},
	{name: OperationFlow, method: "GET", pattern: "/{version}/{flow}", auth: ownersToken, serve: (*Server).flow},
	{name: OperationUpdateFlow, method: "POST", pattern: "/{version}/{flow}", auth: ownersToken, serve: (*Server).updateFlow,
		parameters: []string{"name", "categories", "endpoint_uri", "application_id", "messaging_product"}, place: inBody},
	{name: OperationDeleteFlow, method: "DELETE", pattern: "/{version}/{flow}", auth: ownersToken, serve: (*Server).deleteFlow},
	{name: OperationFlowAssets, method: "GET", pattern: "/{version}/{flow}/assets", auth: ownersToken, serve: (*Server).flowAssets,
		parameters: pageParameters, place: inQuery},
	{name: OperationUpdateFlowAssets, method: "POST", pattern: "/{version}/{flow}/assets", auth: ownersToken, serve: (*Server).updateFlowAssets,
		parameters: []string{"file", "name", "asset_type", "messaging_product"}, place: inBody,
		maxBody: maxFlowRequest, maxField: maxFlowRequest, file: "file"},
	{name: OperationPublishFlow, method: "POST", pattern: "/{version}/{flow}/publish", auth: ownersToken, serve: (*Server).publishFlow},
	{name: OperationDeprecateFlow, method: "POST", pattern: "/{version}/{flow}/deprecate", auth: ownersToken, serve: (*Server).deprecateFlow},
	{name: OperationDownloadFlow, method: "GET", pattern: flowDownloadPath, auth: optionalToken, serve: (*Server).downloadFlow, mediaHost: true},
}

// flowResult is the response to a flow that was made.
type flowResult struct {
	ID       string        `json:"id,omitempty"`
	Success  bool          `json:"success"`
	Problems []FlowProblem `json:"validation_errors"`
}

// flowError is an error with Meta's title and text for it.
func flowError(code, subcode int, title, text string) *apiError {
	e := codeError(code, "")
	e.subcode, e.userTitle, e.userMsg = subcode, title, text
	return e
}

// flowInvalid is code 100 with a title.
func flowInvalid(title, text string) *apiError {
	e := parameterError("Invalid parameter")
	e.userTitle, e.userMsg = title, text
	return e
}

// createFlow makes a flow, from a JSON, from another flow, or without any.
func (s *Server) createFlow(c *call) (any, *apiError) {
	s.flows.mu.Lock()
	defer s.flows.mu.Unlock()
	row := flowRow{Flow: Flow{ID: s.newMediaID(), AccountID: c.id, Status: FlowDraft, Created: s.Now(), Updated: s.Now()}}
	for _, name := range []string{"name", "categories"} {
		if _, ok := c.parameters[name]; !ok && !(name == "categories" && c.parameters.get("clone_flow_id") != "") {
			return nil, missingParameter(name)
		}
	}
	text, refusal := s.flowSource(c, &row)
	if refusal == nil {
		refusal = s.readFlow(c, &row)
	}
	if refusal != nil {
		return nil, refusal
	}
	publish, ok := boolean(c.parameters.get("publish"))
	if !ok {
		return nil, parameterError("Param publish must be a boolean.")
	}
	if text != "" {
		if _, err := s.setFlowJSON(&row, text); err != nil {
			return nil, c.storageError(err)
		}
	}
	if refusal := row.checkEndpoint(); refusal != nil {
		s.discardFlowJSON(row.BlobID)
		return nil, refusal
	}
	if publish {
		if refusal := s.checkPublication(row); refusal != nil {
			s.discardFlowJSON(row.BlobID)
			return nil, refusal
		}
	}
	if err := s.storeFlow(row, ""); err != nil {
		s.discardFlowJSON(row.BlobID)
		return nil, c.storageError(err)
	}
	if publish {
		row.Status = FlowPublished
		if err := s.storeFlow(row, FlowDraft); err != nil {
			return nil, c.storageError(err)
		}
	}
	return flowResult{row.ID, true, problemsOf(row)}, nil
}

func problemsOf(row flowRow) []FlowProblem { return append([]FlowProblem{}, row.Problems...) }

// discardFlowJSON deletes the bytes of a Flow JSON that no flow names, if there are any.
func (s *Server) discardFlowJSON(id string) {
	if id != "" {
		s.discardBytes(id)
	}
}

// flowSource returns the JSON of a new flow: that of the request, or that of the flow
// that is cloned, whose categories and endpoint the new one gets as well.
func (s *Server) flowSource(c *call, row *flowRow) (string, *apiError) {
	text, clone := c.parameters.get("flow_json"), c.parameters.get("clone_flow_id")
	if len(text) > maxFlowJSON {
		return "", flowTooLarge()
	}
	if clone == "" {
		return text, nil
	}
	source, ok := s.flows.rows.find(clone, time.Time{})
	switch {
	case text != "":
		return "", flowInvalid("Multiple clone sources", "Only one of flow_json and clone_flow_id can be given.")
	case !ok || !c.accounts[source.AccountID]:
		return "", flowInvalid("Flow not found", "The Flow with the id "+truncate(clone)+" does not exist.")
	}
	row.Categories, row.EndpointURI, row.AppID = slices.Clone(source.Categories), source.EndpointURI, source.AppID
	if source.BlobID == "" {
		return "", nil
	}
	text, err := s.flowJSON(source)
	if err != nil {
		return "", c.storageError(err)
	}
	return text, nil
}

func flowTooLarge() *apiError {
	return flowInvalid("File Too Large", "The Flow JSON has more than 10 MB.")
}

// flowJSON returns the JSON of a flow.
func (s *Server) flowJSON(row flowRow) (string, error) {
	content, err := s.cfg.Storage.Open(row.BlobID)
	if err != nil {
		return "", err
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	return string(text), err
}

// readFlow reads the parameters that a flow is made or changed with.
func (s *Server) readFlow(c *call, row *flowRow) *apiError {
	if p, ok := c.parameters["name"]; ok {
		other, taken := s.flowNamed(row.AccountID, p.value)
		switch {
		case characters(p.value) > maxFlowName:
			return tooManyCharacters("name", maxFlowName)
		case taken && other.ID != row.ID:
			return flowInvalid("Flow name is not unique", "There is another Flow with the name \""+truncate(p.value)+"\" in this WhatsApp Business Account.")
		}
		row.Name = p.value
	}
	if p, ok := c.parameters["categories"]; ok {
		names, err := list(p.value)
		if err != nil || len(names) == 0 {
			return parameterError("Param categories must be a non-empty array.")
		}
		row.Categories = nil
		for _, name := range names {
			name = strings.ToUpper(name)
			if !slices.Contains(flowCategories, name) {
				return parameterError("Param categories[%d] must be one of {%s} - got \"%s\".", len(row.Categories), strings.Join(flowCategories, ", "), truncate(name))
			}
			if !slices.Contains(row.Categories, name) {
				row.Categories = append(row.Categories, name)
			}
		}
	}
	if uri := c.parameters.get("endpoint_uri"); uri != "" {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(uri) > maxFlowURI {
			return flowInvalid("Invalid Endpoint URI", "The endpoint URI is not a valid URL.")
		}
		row.EndpointURI = uri
	}
	if app := c.parameters.get("application_id"); app != "" {
		if !slices.ContainsFunc(s.apps[app], func(account string) bool { return c.accounts[account] }) {
			return flowInvalid("Invalid application", "The application with the id "+truncate(app)+" does not exist.")
		}
		row.AppID = app
	}
	return nil
}

// checkEndpoint refuses an endpoint URI beside a JSON that has one itself.
func (f flowRow) checkEndpoint() *apiError {
	if f.EndpointURI != "" && f.Version != "" && f.Version < "3" && len(f.Version) == len("3.0") {
		return flowInvalid("Invalid Endpoint URI", "The endpoint URI cannot be set for a Flow JSON before version 3.0, which has data_channel_uri.")
	}
	return nil
}

// updateFlow changes what is known of a flow besides its JSON.
func (s *Server) updateFlow(c *call) (any, *apiError) {
	return s.changeFlow(c, func(row *flowRow) *apiError {
		if refusal := s.readFlow(c, row); refusal != nil {
			return refusal
		}
		return row.checkEndpoint()
	})
}

// changeFlow changes a flow that can be edited. One that is published becomes a draft.
func (s *Server) changeFlow(c *call, change func(*flowRow) *apiError) (any, *apiError) {
	s.flows.mu.Lock()
	defer s.flows.mu.Unlock()
	row, _ := s.flows.rows.find(c.id, time.Time{})
	old := row.Status
	if old == FlowDeprecated || old == FlowBlocked {
		return nil, flowError(139001, 0, "Flow can't be updated", "A Flow in the state "+old+" can't be updated.")
	}
	if refusal := change(&row); refusal != nil {
		return nil, refusal
	}
	row.Status, row.Updated = FlowDraft, s.Now()
	return c.saved(s.storeFlow(row, old))
}

// checkPublication returns why a flow cannot be published, or nil.
func (s *Server) checkPublication(row flowRow) *apiError {
	refuse := func(subcode int, title, text string) *apiError { return flowError(139002, subcode, title, text) }
	account := s.accounts[row.AccountID]
	const failed = "Flow publishing failed"
	switch {
	case row.Status != FlowDraft:
		return refuse(0, failed, "A Flow in the state "+row.Status+" can't be published.")
	case account.AccountReviewStatus == "REJECTED" || account.BusinessVerificationStatus == "rejected":
		e := flowError(139000, 4233020, failed, "Integrity requirements not met.")
		e.message = "Blocked by Integrity"
		return e
	case row.BlobID == "":
		return refuse(0, failed, "The Flow has no Flow JSON.")
	case len(row.Problems) > 0:
		return refuse(0, failed, "The Flow JSON has validation errors. Fix them before publishing.")
	case !slices.Contains(flowVersions, row.Version):
		return refuse(0, failed, "Flow JSON version "+row.Version+" is frozen or has expired.")
	case !s.hasConnectedNumber(row.AccountID):
		return refuse(0, failed, "The WhatsApp Business Account has no phone number that is connected.")
	case row.APIVersion == "" && row.endpoint() == "":
		return nil
	case row.endpoint() == "":
		return refuse(4233024, failed, "endpoint_uri: You need to set the endpoint URI before you can send or publish a flow.")
	case !s.hasPublicKey(row.AccountID):
		return refuse(0, failed, "You need to upload a public key before you can send or publish a flow.")
	case row.AppID == "" && account.AppID == "":
		return refuse(0, failed, "You need to connect a Meta app to the flow.")
	case !s.subscribedToFlows(account):
		return refuse(0, failed, "You need to subscribe to the webhooks of Flows.")
	}
	return nil
}

// hasConnectedNumber reports whether an account has a number that can send.
func (s *Server) hasConnectedNumber(account string) bool {
	for _, p := range s.phones.list() {
		if p.accountID == account && p.Status == "CONNECTED" {
			return true
		}
	}
	return false
}

// subscribedToFlows reports whether the app of an account receives webhooks of flows.
func (s *Server) subscribedToFlows(a *BusinessAccount) bool {
	return a.AppID != "" && s.subscriptions.subscribed(a.ID) && s.subscriptions.app(a.AppID).wants(fieldFlows)
}

func (s *Server) publishFlow(c *call) (any, *apiError) {
	return s.moveFlow(c, FlowPublished, s.checkPublication)
}

func (s *Server) deprecateFlow(c *call) (any, *apiError) {
	return s.moveFlow(c, FlowDeprecated, func(row flowRow) *apiError {
		switch row.Status {
		case FlowDraft:
			return flowError(139003, 0, "Flow can't be deprecated", "The Flow is not published.")
		case FlowDeprecated:
			return flowError(139003, 0, "Flow can't be deprecated", "The Flow is already deprecated.")
		}
		return nil
	})
}

// moveFlow changes the status of a flow, unless check refuses it.
func (s *Server) moveFlow(c *call, status string, check func(flowRow) *apiError) (any, *apiError) {
	s.flows.mu.Lock()
	defer s.flows.mu.Unlock()
	row, _ := s.flows.rows.find(c.id, time.Time{})
	if refusal := check(row); refusal != nil {
		return nil, refusal
	}
	old := row.Status
	row.Status, row.Updated = status, s.Now()
	return c.saved(s.storeFlow(row, old))
}

// deleteFlow deletes a draft.
func (s *Server) deleteFlow(c *call) (any, *apiError) {
	s.flows.mu.Lock()
	defer s.flows.mu.Unlock()
	row, _ := s.flows.rows.find(c.id, time.Time{})
	if row.Status != FlowDraft {
		message := "A Flow in the state " + row.Status + " can't be deleted."
		if row.Status != FlowDeprecated {
			message += " Deprecate it."
		}
		return nil, flowError(139004, 0, "Flow can't be deleted", message)
	}
	existed, err := s.flows.rows.remove(row.ID)
	switch {
	case err != nil:
		return nil, c.storageError(err)
	case !existed:
		return nil, unsupported(http.MethodDelete, row.ID)
	}
	s.discardFlowJSON(row.BlobID)
	return success{true}, nil
}

// flowMoved is a flow that was copied to another account, and flowNotMoved one that was
// not.
type (
	flowMoved struct {
		Name       string `json:"source_name"`
		SourceID   string `json:"source_id"`
		MigratedID string `json:"migrated_id"`
	}
	flowNotMoved struct {
		Name    string `json:"source_name"`
		Code    string `json:"error_code"`
		Message string `json:"error_message"`
	}
	flowMigration struct {
		Moved  []flowMoved    `json:"migrated_flows"`
		Failed []flowNotMoved `json:"failed_flows"`
	}
)

// migrateFlows copies flows of another account, as drafts.
func (s *Server) migrateFlows(c *call) (any, *apiError) {
	source := c.parameters.get("source_waba_id")
	switch {
	case source == "":
		return nil, missingParameter("source_waba_id")
	case s.accounts[source] == nil || !c.accounts[source] || source == c.id:
		return nil, parameterError("Param source_waba_id must be another WhatsApp Business Account that the token has access to.")
	}
	var names []string
	if given := c.parameters.get("source_flow_names"); given != "" {
		var err error
		if names, err = list(given); err != nil || len(names) > maxFlowsMoved {
			return nil, parameterError("Param source_flow_names must be an array of at most %d names.", maxFlowsMoved)
		}
	} else {
		for _, row := range s.flowsOfAccount(source) {
			names = append(names, row.Name)
		}
		names = names[:min(len(names), maxFlowsMoved)]
	}
	s.flows.mu.Lock()
	defer s.flows.mu.Unlock()
	result := flowMigration{[]flowMoved{}, []flowNotMoved{}}
	for _, name := range names {
		moved, problem, err := s.migrateFlow(c.id, source, name)
		switch {
		case err != nil:
			return nil, c.storageError(err)
		case problem != nil:
			result.Failed = append(result.Failed, *problem)
		default:
			result.Moved = append(result.Moved, moved)
		}
	}
	return result, nil
}

// migrateFlow copies one flow. The caller holds s.flows.mu.
func (s *Server) migrateFlow(account, source, name string) (flowMoved, *flowNotMoved, error) {
	row, ok := s.flowNamed(source, name)
	if !ok {
		return flowMoved{}, &flowNotMoved{name, "4233040", "Flows Migration Error: Flow doesn't exist in source WABA."}, nil
	}
	if _, taken := s.flowNamed(account, name); taken {
		return flowMoved{}, &flowNotMoved{name, "4233041", "Flows Migration Error: Flow with the same name exists in destination WABA."}, nil
	}
	next := flowRow{Flow: Flow{ID: s.newMediaID(), AccountID: account, Name: name, Status: FlowDraft, Categories: slices.Clone(row.Categories),
		EndpointURI: row.EndpointURI, Created: s.Now(), Updated: s.Now()}}
	if row.BlobID != "" {
		text, err := s.flowJSON(row)
		if err == nil {
			_, err = s.setFlowJSON(&next, text)
		}
		if err != nil {
			return flowMoved{}, nil, err
		}
	}
	return flowMoved{name, row.ID, next.ID}, nil, s.storeFlow(next, "")
}
