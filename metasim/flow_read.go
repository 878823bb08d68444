// How flows and their JSON are read and replaced (docs/references.md#graph-flows).

package metasim

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// flowDownloadPath is of the URLs of Flow JSON, which need no token.
const flowDownloadPath = "/whatsapp_business/flow_assets/"

// metaTime is the form of the times in the fields of a flow.
const metaTime = "2006-01-02T15:04:05-0700"

// flow returns the requested fields of a flow. The modifier invalidate(true) of the
// field preview makes a new link.
func (s *Server) flow(c *call) (any, *apiError) {
	requested, refusal := parseFields(c.parameters.get("fields"))
	if refusal != nil {
		return nil, refusal
	}
	row, _ := s.flows.rows.find(c.id, time.Time{})
	phone := ""
	for _, f := range requested {
		switch f.name {
		case "preview":
			renew, _ := boolean(f.get("invalidate"))
			var err error
			if row, err = s.flowPreview(row.ID, renew); err != nil {
				return nil, c.storageError(err)
			}
		case "health_status":
			phone = f.get("phone_number")
		}
	}
	n := s.flowNode(row)
	if p := s.phone(phone); p != nil && p.accountID == row.AccountID {
		n.fields["health_status"] = s.flowHealth(row, health("PHONE_NUMBER", p.ID, p.CanSendMessage))
	}
	return c.choose(n, requested)
}

// flowPreview returns a flow that has a preview which is still valid.
func (s *Server) flowPreview(id string, renew bool) (flowRow, error) {
	s.flows.mu.Lock()
	defer s.flows.mu.Unlock()
	row, ok := s.flows.rows.find(id, time.Time{})
	if !ok {
		return row, errNoFlow
	}
	if now := s.Now(); renew || row.PreviewToken == "" || !now.Before(row.PreviewExpires) {
		row.PreviewToken, row.PreviewExpires = s.random.word(32), now.Add(previewLife)
		return row, s.flows.rows.put(id, row)
	}
	return row, nil
}

// flowNode returns a flow with its fields.
func (s *Server) flowNode(row flowRow) node {
	account := s.accounts[row.AccountID]
	fields := map[string]any{
		"id": row.ID, "name": row.Name, "status": row.Status, "categories": row.Categories, "validation_errors": problemsOf(row),
		"json_version": orNil(row.Version), "data_api_version": orNil(row.APIVersion),
		"data_channel_uri": orNil(row.endpoint()), "endpoint_uri": orNil(row.endpoint()),
		"updated_at": row.Updated.UTC().Format(metaTime), "health_status": s.flowHealth(row),
		"whatsapp_business_account": lazy(func(*call) any { return s.accountNode(account) }), "preview": nil, "application": nil,
		"assets": lazy(func(c *call) any { return s.assetsOf(c.r, row) }),
	}
	if app := orText(row.AppID, account.AppID); app != "" {
		fields["application"] = structure("Application", map[string]any{
			"id": app, "name": "Simulated App", "link": "https://www.facebook.com/games/?app_id=" + app})
	}
	if row.PreviewToken != "" && s.Now().Before(row.PreviewExpires) {
		fields["preview"] = structure("WhatsAppFlowPreview", map[string]any{
			"preview_url": "https://business.facebook.com/wa/manage/flows/" + row.ID + "/preview/?token=" + row.PreviewToken,
			"expires_at":  row.PreviewExpires.UTC().Format(metaTime)})
	}
	return node{kind: "WhatsAppFlow", as: nodeFlow, fields: fields, defaults: []string{"id", "name", "status", "categories", "validation_errors"}}
}

// orNil makes an empty text a field without a value.
func orNil(value string) any {
	if value == "" {
		return nil
	}
	return value
}

func orText(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// flowHealth says whether messages can have the flow.
func (s *Server) flowHealth(row flowRow, more ...map[string]any) node {
	account := s.accounts[row.AccountID]
	state := "AVAILABLE"
	switch row.Status {
	case FlowThrottled:
		state = "LIMITED"
	case FlowBlocked, FlowDeprecated:
		state = "BLOCKED"
	}
	entity := health("FLOW", row.ID, state)
	if row.APIVersion != "" && row.endpoint() == "" {
		entity["can_send_message"] = "BLOCKED"
		entity["errors"] = []map[string]any{{"error_code": 131000,
			"error_description": "endpoint_uri: You need to set the endpoint URI before you can send or publish a flow.",
			"possible_solution": "Set the endpoint URI of the flow."}}
	}
	entities := append([]map[string]any{entity}, more...)
	return healthStatus(append(entities, account.health(orText(row.AppID, account.AppID))...)...)
}

// flowsOf returns the list of the flows of an account.
func (s *Server) flowsOf(account string) edge {
	e := edge{}
	for _, row := range s.flowsOfAccount(account) {
		e.rows = append(e.rows, s.flowNode(row))
	}
	return e
}

func (s *Server) listFlows(c *call) (any, *apiError) {
	return c.respondWithEdge(s.flowsOf(c.id))
}

// assetsOf returns the list of the files of a flow: its JSON, if there is one.
func (s *Server) assetsOf(r *http.Request, row flowRow) edge {
	if row.BlobID == "" {
		return edge{}
	}
	expiry := strconv.FormatInt(s.Now().Add(urlLifetime).Unix(), 10)
	query := url.Values{"mid": {row.BlobID}, "oe": {expiry}, "oh": {s.urlSignature("flow "+row.BlobID, expiry)}}
	return edge{rows: []node{structure("WhatsAppFlowAsset", map[string]any{
		"name": flowJSONName, "asset_type": "FLOW_JSON", "download_url": s.origin(r) + flowDownloadPath + "?" + query.Encode()})}}
}

func (s *Server) flowAssets(c *call) (any, *apiError) {
	row, _ := s.flows.rows.find(c.id, time.Time{})
	return c.respondWithEdge(s.assetsOf(c.r, row))
}

// updateFlowAssets replaces the JSON of a flow. Problems of the JSON are no error.
func (s *Server) updateFlowAssets(c *call) (any, *apiError) {
	text, ok := c.parameters["file"]
	kind, name := c.parameters.get("asset_type"), c.parameters.get("name")
	switch {
	case !ok || text.value == "":
		return nil, missingParameter("file")
	case name == "":
		return nil, missingParameter("name")
	case kind == "":
		return nil, missingParameter("asset_type")
	case !strings.EqualFold(kind, "FLOW_JSON"):
		return nil, parameterError("Param asset_type must be one of {FLOW_JSON} - got \"%s\".", truncate(kind))
	case name != flowJSONName:
		return nil, parameterError("Param name must be \"%s\" - got \"%s\".", flowJSONName, truncate(name))
	case len(text.value) > maxFlowJSON:
		return nil, flowTooLarge()
	}
	var result flowResult
	old := ""
	_, refusal := s.changeFlow(c, func(row *flowRow) *apiError {
		var err error
		if old, err = s.setFlowJSON(row, text.value); err != nil {
			return c.storageError(err)
		}
		if refusal := row.checkEndpoint(); refusal != nil {
			s.discardFlowJSON(row.BlobID)
			return refusal
		}
		result = flowResult{"", true, problemsOf(*row)}
		return nil
	})
	if refusal != nil {
		return nil, refusal
	}
	s.discardFlowJSON(old)
	return result, nil
}

// downloadFlow sends the JSON of a flow. As at Meta, the URL is all that is needed.
func (s *Server) downloadFlow(c *call) (any, *apiError) {
	query := c.r.URL.Query()
	id, expiry := query.Get("mid"), query.Get("oe")
	if !hmac.Equal([]byte(query.Get("oh")), []byte(s.urlSignature("flow "+id, expiry))) {
		return nil, downloadNotFound("the URL was not made by this server")
	}
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	if err != nil || s.Now().Unix() >= seconds {
		return nil, downloadNotFound("the URL has expired")
	}
	content, err := s.cfg.Storage.Open(id)
	if errors.Is(err, ErrNotStored) {
		return nil, downloadNotFound("the flow has another JSON meanwhile, or none")
	}
	if err != nil {
		return nil, storageFailed("cannot read the file back: " + err.Error())
	}
	defer content.Close()
	c.w.Header().Set("Content-Type", "application/json")
	http.ServeContent(c.w, c.r, "", time.Time{}, content)
	return nil, nil
}
