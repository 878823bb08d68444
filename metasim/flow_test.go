package metasim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rsaKey returns the PEM of a new public key.
func rsaKey(t *testing.T, bits int) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// quoted returns a text as a JSON string.
func quoted(text string) string {
	content, _ := json.Marshal(text) // never fails for a text
	return string(content)
}

// mustCreateFlow makes a flow and returns its id.
func (s *sim) mustCreateFlow(name, more string) string {
	s.t.Helper()
	a := s.call("POST", account1+"/flows", `{"name":"`+name+`","categories":["SURVEY"]`+more+`}`)
	id, ok := a.fields(s.t)["id"].(string)
	if a.status != http.StatusOK || !ok {
		s.t.Fatalf("%d %s", a.status, a.body)
	}
	return id
}

// goodAsFlow is the member with a JSON with which nothing is wrong.
var goodAsFlow = `,"flow_json":` + quoted(goodFlow)

// setAssets replaces the JSON of a flow.
func (s *sim) setAssets(id, content string, more ...string) response {
	s.t.Helper()
	if more == nil {
		more = []string{field("name", "flow.json"), field("asset_type", "FLOW_JSON")}
	}
	form := formOf(append(more, file("flow.json", "application/json", content))...)
	return s.mustSend("POST", "/v25.0/"+id+"/assets", strings.NewReader(form), "Authorization", "Bearer "+token1, "Content-Type", formType)
}

// flowEvents are the webhooks about the status of flows.
func (s *sim) flowEvents() (events []string) {
	for _, w := range s.Webhooks().Webhooks {
		if w.Field != fieldFlows {
			continue
		}
		var body struct {
			Entry []struct {
				Changes []struct{ Value flowStatusValue }
			}
		}
		if err := json.Unmarshal([]byte(w.Body), &body); err != nil {
			s.t.Fatal(err)
		}
		v := body.Entry[0].Changes[0].Value
		events = append(events, v.Event+" "+v.OldStatus+" "+v.NewStatus)
	}
	return events
}

func TestTheLifeOfAFlow(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	id := s.mustCreateFlow("Survey", "")
	a := s.setAssets(id, strings.Replace(goodFlow, "TextBody", "Text", 1))
	if a.status != http.StatusOK || !strings.HasPrefix(a.body, `{"success":true,"validation_errors":[{"error":"INVALID_PROPERTY_VALUE"`) {
		t.Fatalf("a bad JSON: %d %s", a.status, a.body)
	}
	if a := s.call("POST", id+"/publish", ""); a.refusal(t).Error.Code != 139002 {
		t.Errorf("published with a bad JSON: %d %s", a.status, a.body)
	}
	if a := s.setAssets(id, goodFlow); a.body != `{"success":true,"validation_errors":[]}` {
		t.Fatalf("a good JSON: %d %s", a.status, a.body)
	}
	s.mustSucceed(s.call("POST", id+"/publish", ""))
	want := `{"categories":["SURVEY"],"id":"` + id + `","name":"Survey","status":"PUBLISHED","validation_errors":[]}`
	if a := s.get("/v25.0/" + id); a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	s.mustSucceed(s.call("POST", id, `{"name":"Poll","categories":["OTHER"]}`))
	if flow, _ := s.Flow(id); flow.Status != FlowDraft || flow.Name != "Poll" {
		t.Errorf("a changed flow: %+v", flow)
	}
	s.mustSucceed(s.call("POST", id+"/publish", ""))
	for _, status := range []string{FlowThrottled, FlowBlocked, FlowPublished} {
		if _, err := s.SetFlowStatus(id, status); err != nil {
			t.Error(err)
		}
	}
	s.mustSucceed(s.call("POST", id+"/deprecate", ""))
	r.wait(8)
	events := []string{" DRAFT", "DRAFT PUBLISHED", "PUBLISHED DRAFT", "DRAFT PUBLISHED", "PUBLISHED THROTTLED", "THROTTLED BLOCKED", "BLOCKED PUBLISHED", "PUBLISHED DEPRECATED"}
	for i := range events {
		events[i] = "FLOW_STATUS_CHANGE " + events[i]
	}
	if diff := cmp.Diff(events, s.flowEvents()); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
	if body := s.Webhooks().Webhooks[1].Body; !strings.Contains(body, `"message":"Flow Survey changed status from DRAFT to PUBLISHED"`) {
		t.Errorf("%s", body)
	}
	draft := s.mustCreateFlow("Draft", goodAsFlow)
	s.mustSucceed(s.call("DELETE", draft, ""))
	if a := s.get("/v25.0/" + draft); a.refusal(t).Error.Subcode != 33 {
		t.Errorf("deleted: %d %s", a.status, a.body)
	}
}

func TestWhatAFlowIsRefusedFor(t *testing.T) {
	s := startResumable(t)
	draft := s.mustCreateFlow("Draft", "")
	good := s.mustCreateFlow("Good", goodAsFlow)
	published := s.mustCreateFlow("Published", goodAsFlow+`,"publish":true`)
	frozen := s.mustCreateFlow("Frozen", strings.Replace(goodAsFlow, "7.3", "5.0", 1))
	endpoint := s.mustCreateFlow("Endpoint", `,"flow_json":`+quoted(strings.Replace(goodFlow, `"version"`, `"data_api_version":"3.0","routing_model":{"NAME":["DONE"],"DONE":[]},"version"`, 1)))
	ended := s.mustCreateFlow("Ended", goodAsFlow+`,"publish":"true"`)
	s.mustSucceed(s.call("POST", ended+"/deprecate", ""))
	const create = account1 + "/flows"
	tests := map[string]struct {
		method, path, body string
		code, subcode      int
		mention            string
	}{
		"a name that is taken":       {"POST", create, `{"name":"Good","categories":["OTHER"]}`, 100, 0, "Flow name is not unique"},
		"a new name that is taken":   {"POST", draft, `{"name":"Good"}`, 100, 0, "Flow name is not unique"},
		"no name":                    {"POST", create, `{"categories":["OTHER"]}`, 100, 0, "The parameter name is required."},
		"no categories":              {"POST", create, `{"name":"A"}`, 100, 0, "The parameter categories is required."},
		"an empty list":              {"POST", create, `{"name":"A","categories":[]}`, 100, 0, "non-empty array"},
		"a category":                 {"POST", create, `{"name":"A","categories":["SHOPPING"]}`, 100, 0, "must be one of {SIGN_UP"},
		"a flag":                     {"POST", create, `{"name":"A","categories":["OTHER"],"publish":"maybe"}`, 100, 0, "publish must be a boolean"},
		"two sources":                {"POST", create, `{"name":"A","categories":["OTHER"],"clone_flow_id":"` + good + `"` + goodAsFlow + `}`, 100, 0, "Multiple clone sources"},
		"an unknown source":          {"POST", create, `{"name":"A","clone_flow_id":"1"}`, 100, 0, "Flow not found"},
		"an endpoint":                {"POST", create, `{"name":"A","categories":["OTHER"],"endpoint_uri":"nowhere"}`, 100, 0, "not a valid URL"},
		"an endpoint too early":      {"POST", create, `{"name":"A","categories":["OTHER"],"endpoint_uri":"https://a.example","flow_json":"{\"version\":\"2.1\"}"}`, 100, 0, "before version 3.0"},
		"an app":                     {"POST", draft, `{"application_id":"1"}`, 100, 0, "Invalid application"},
		"a long name":                {"POST", draft, `{"name":"` + strings.Repeat("a", 201) + `"}`, 100, 0, "at most 200 characters"},
		"published at once":          {"POST", create, `{"name":"A","categories":["OTHER"],"publish":true,"flow_json":"{}"}`, 139002, 0, "validation errors"},
		"published without a JSON":   {"POST", draft + "/publish", "", 139002, 0, "no Flow JSON"},
		"published twice":            {"POST", published + "/publish", "", 139002, 0, "in the state PUBLISHED"},
		"published although frozen":  {"POST", frozen + "/publish", "", 139002, 0, "is frozen"},
		"published without endpoint": {"POST", endpoint + "/publish", "", 139002, 4233024, "set the endpoint URI"},
		"deprecated too early":       {"POST", draft + "/deprecate", "", 139003, 0, "not published"},
		"deprecated twice":           {"POST", ended + "/deprecate", "", 139003, 0, "already deprecated"},
		"deleted too late":           {"DELETE", published, "", 139004, 0, "can't be deleted. Deprecate it."},
		"deleted when deprecated":    {"DELETE", ended, "", 139004, 0, "can't be deleted.\""},
		"changed too late":           {"POST", ended, `{"name":"B"}`, 139001, 0, "can't be updated"},
		"an id":                      {"POST", "123456/publish", "", 100, 33, "does not exist"},
		"a number":                   {"POST", phone1 + "/publish", "", 100, 33, "does not exist"},
		"a move from nowhere":        {"POST", account1 + "/migrate_flows", `{"source_waba_id":"1"}`, 100, 0, "another WhatsApp Business Account"},
		"a move from oneself":        {"POST", account1 + "/migrate_flows", `{"source_waba_id":"` + account1 + `"}`, 100, 0, "another WhatsApp Business Account"},
	}
	for name, test := range tests {
		a := s.call(test.method, test.path, test.body)
		e := a.refusal(t).Error
		if a.status != http.StatusBadRequest || e.Code != test.code || e.Subcode != test.subcode || !strings.Contains(a.body, test.mention) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if n := len(s.Flows(account1)); n != 6 {
		t.Errorf("%d flows are left", n)
	}
	for name, test := range map[string]struct {
		parts   []string
		mention string
	}{
		"no name":          {[]string{field("asset_type", "FLOW_JSON")}, "The parameter name is required."},
		"another name":     {[]string{field("name", "a.json"), field("asset_type", "FLOW_JSON")}, "must be"},
		"no type":          {[]string{field("name", "flow.json")}, "The parameter asset_type is required."},
		"another type":     {[]string{field("name", "flow.json"), field("asset_type", "IMAGE")}, "one of {FLOW_JSON}"},
		"too many letters": {[]string{field("name", "flow.json"), field("asset_type", "FLOW_JSON"), file("x", "application/json", strings.Repeat(" ", maxFlowJSON+1))}, "more than 10 MB"},
	} {
		content := goodFlow
		if len(test.parts) == 3 { // the last part of a name counts
			content, test.parts = strings.Repeat(" ", maxFlowJSON+1), test.parts[:2]
		}
		if a := s.setAssets(draft, content, test.parts...); a.refusal(t).Error.Code != 100 || !strings.Contains(a.body, test.mention) {
			t.Errorf("assets, %s: %d %s", name, a.status, a.body)
		}
	}
}

// Each check of a flow with an endpoint, and then none.
func TestAFlowWithAnEndpointIsPublishedWhenEverythingIsThere(t *testing.T) {
	s := startSim(t)
	id := s.mustCreateFlow("Endpoint", `,"endpoint_uri":"https://flows.example/x","flow_json":`+quoted(strings.Replace(goodFlow, `"version"`, `"data_api_version":"3.0","routing_model":{"NAME":["DONE"],"DONE":[]},"version"`, 1)))
	refused := func(mention string) {
		t.Helper()
		if a := s.call("POST", id+"/publish", ""); a.refusal(t).Error.Code != 139002 || !strings.Contains(a.body, mention) {
			t.Errorf("want %q: %d %s", mention, a.status, a.body)
		}
	}
	refused("public key")
	for name, key := range map[string]string{"a short key": rsaKey(t, 1024), "no key": "abc", "nothing": ""} {
		if a := s.call("POST", phone1+"/whatsapp_business_encryption", `{"business_public_key":`+quoted(key)+`}`); a.refusal(t).Error.Code != 100 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := s.get("/v25.0/" + phone1 + "/whatsapp_business_encryption"); a.body != `{"data":[]}` {
		t.Errorf("no key: %s", a.body)
	}
	key := rsaKey(t, 2048)
	form := url.Values{"business_public_key": {key}}.Encode()
	s.mustSucceed(s.mustSend("POST", "/v25.0/"+phone1+"/whatsapp_business_encryption", strings.NewReader(form),
		"Authorization", "Bearer "+token1, "Content-Type", "application/x-www-form-urlencoded"))
	want := `"business_public_key":` + quoted(key) + `,"business_public_key_signature_status":"VALID"`
	if a := s.get("/v25.0/" + phone1 + "/whatsapp_business_encryption"); !strings.Contains(a.body, want) {
		t.Errorf("the key: %s, want %s", a.body, want)
	}
	refused("Meta app")

	r := startReceiver(t)
	s = startSim(t, withApp(r))
	id = s.mustCreateFlow("Endpoint", `,"endpoint_uri":"https://flows.example/x","flow_json":`+quoted(strings.Replace(goodFlow, `"version"`, `"data_api_version":"3.0","routing_model":{"NAME":["DONE"],"DONE":[]},"version"`, 1)))
	s.mustSucceed(s.call("POST", phone1+"/whatsapp_business_encryption", `{"business_public_key":`+quoted(key)+`}`))
	if err := s.SetAppWebhook(t.Context(), app1, r.URL, "", "messages"); err != nil {
		t.Fatal(err)
	}
	refused("webhooks of Flows")
	if err := s.SetAppWebhook(t.Context(), app1, r.URL, "", "messages", "flows"); err != nil {
		t.Fatal(err)
	}
	s.mustSucceed(s.call("POST", id+"/publish", ""))
}

func TestAnAccountThatLacksIntegrityPublishesNothing(t *testing.T) {
	s := startSim(t, func(c *Config) { c.BusinessAccounts[0].AccountReviewStatus = "REJECTED" })
	a := s.call("POST", s.mustCreateFlow("A", goodAsFlow)+"/publish", "")
	e := a.refusal(t).Error
	if e.Code != 139000 || e.Subcode != 4233020 || e.Message != "Blocked by Integrity" || e.UserTitle != "Flow publishing failed" || e.UserMsg != "Integrity requirements not met." {
		t.Errorf("%s", a.body)
	}
}

func TestFlowsAreMadeWithAFormAndRead(t *testing.T) {
	s := startResumable(t)
	form := formOf(field("name", "Form"), field("categories", `["OTHER","SURVEY"]`), field("flow_json", goodFlow), field("endpoint_uri", "https://flows.example/x"))
	a := s.mustSend("POST", "/v25.0/"+account1+"/flows", strings.NewReader(form), "Authorization", "Bearer "+token1, "Content-Type", formType)
	id, _ := a.fields(t)["id"].(string)
	if a.status != http.StatusOK || a.body != `{"id":"`+id+`","success":true,"validation_errors":[]}` {
		t.Fatalf("%d %s", a.status, a.body)
	}
	clone := s.call("POST", account1+"/flows", `{"name":"Clone","clone_flow_id":"`+id+`"}`).fields(t)["id"].(string)
	if flow, _ := s.Flow(clone); !slices.Equal(flow.Categories, []string{"OTHER", "SURVEY"}) || !slices.Equal(flow.Screens, []string{"NAME", "DONE"}) || flow.EndpointURI == "" {
		t.Errorf("the clone: %+v", flow)
	}
	a = s.get("/v25.0/" + id + "?fields=json_version,data_api_version,endpoint_uri,data_channel_uri,updated_at,application{id},whatsapp_business_account{id,name},assets{name}")
	want := `{"application":{"id":"` + app1 + `"},"assets":{"data":[{"name":"flow.json"}],"paging":{"cursors":{"before":"` + cursor(0) + `","after":"` + cursor(0) + `"}}},` +
		`"data_channel_uri":"https://flows.example/x","endpoint_uri":"https://flows.example/x","id":"` + id + `","json_version":"7.3","updated_at":"2026-11-01T12:00:00+0000",` +
		`"whatsapp_business_account":{"id":"` + account1 + `","name":"First"}}`
	if a.body != want {
		t.Errorf("got  %s\nwant %s", a.body, want)
	}
	health := s.get("/v25.0/" + id + "?fields=health_status.phone_number(" + phone1 + ")")
	for _, entity := range []string{`"entity_type":"FLOW"`, `"entity_type":"PHONE_NUMBER"`, `"entity_type":"WABA"`, `"entity_type":"BUSINESS"`, `"entity_type":"APP"`} {
		if !strings.Contains(health.body, entity) {
			t.Errorf("%s is missing in %s", entity, health.body)
		}
	}
	list := s.get("/v25.0/" + account1 + "/flows?limit=1")
	if !strings.Contains(list.body, `"name":"Clone","status":"DRAFT"`) && !strings.Contains(list.body, `"name":"Form","status":"DRAFT"`) || !strings.Contains(list.body, `"next":"`) {
		t.Errorf("the list: %s", list.body)
	}
	if a := s.get("/v25.0/" + account1 + "?fields=flows.limit(1){name}"); a.status != http.StatusOK || !strings.Contains(a.body, `"flows":{"data":[{"id":`) {
		t.Errorf("as a field: %s", a.body)
	}
	if a := s.get("/v25.0/" + account1 + "/flows?after=x"); a.refusal(t).Error.Code != 131059 {
		t.Errorf("a bad cursor: %s", a.body)
	}
}

func TestThePreviewOfAFlowLives30Days(t *testing.T) {
	s := startSim(t)
	id := s.mustCreateFlow("A", goodAsFlow)
	preview := func(fields string) string {
		t.Helper()
		p, _ := s.get("/v25.0/" + id + "?fields=" + fields).fields(t)["preview"].(map[string]any)
		address, _ := p["preview_url"].(string)
		expires, _ := p["expires_at"].(string)
		if !strings.HasPrefix(address, "https://business.facebook.com/wa/manage/flows/"+id+"/preview/?token=") ||
			expires != s.Now().Add(previewLife).UTC().Format(metaTime) && fields != "preview" {
			t.Fatalf("%s: %v", fields, p)
		}
		return address
	}
	first := preview("preview.invalidate(false)")
	if preview("preview") != first {
		t.Error("it is another one each time")
	}
	second := preview("preview.invalidate(true)")
	s.manual.advance(previewLife)
	if third := preview("preview.invalidate(false)"); second == first || third == second {
		t.Errorf("%s, %s, %s", first, second, third)
	}
}

func TestTheJSONOfAFlowIsDownloadedWithoutAToken(t *testing.T) {
	s := startSim(t)
	id := s.mustCreateFlow("A", "")
	if a := s.get("/v25.0/" + id + "/assets"); a.body != `{"data":[]}` {
		t.Errorf("no JSON: %s", a.body)
	}
	s.setAssets(id, goodFlow)
	address := func() string {
		var list struct {
			Data []struct {
				Name, AssetType, DownloadURL string
			} `json:"data"`
		}
		a := s.get("/v25.0/" + id + "/assets")
		if err := json.Unmarshal([]byte(strings.ReplaceAll(strings.ReplaceAll(a.body, "download_url", "DownloadURL"), "asset_type", "AssetType")), &list); err != nil || len(list.Data) != 1 || list.Data[0].Name != "flow.json" || list.Data[0].AssetType != "FLOW_JSON" {
			t.Fatalf("%s", a.body)
		}
		return list.Data[0].DownloadURL
	}
	old := address()
	if a := s.mustSend("GET", old, nil); a.status != http.StatusOK || a.body != goodFlow {
		t.Errorf("%d %q", a.status, a.body)
	}
	if a := s.mustSend("GET", old+"x", nil); a.status != http.StatusNotFound {
		t.Errorf("another URL: %d", a.status)
	}
	s.setAssets(id, strings.ReplaceAll(goodFlow, "First name", "Name"))
	if a := s.mustSend("GET", old, nil); a.status != http.StatusNotFound {
		t.Errorf("the JSON that was replaced: %d", a.status)
	}
	next := address()
	s.manual.advance(urlLifetime)
	if a := s.mustSend("GET", next, nil); a.status != http.StatusNotFound {
		t.Errorf("five minutes later: %d", a.status)
	}
}

func TestFlowsMoveBetweenAccounts(t *testing.T) {
	s := startSim(t, func(c *Config) { c.BusinessAccounts[1].Token = token1 })
	id := s.mustCreateFlow("A", goodAsFlow)
	s.mustCreateFlow("B", "")
	if a := s.call("POST", account2+"/flows", `{"name":"B","categories":["OTHER"]}`); a.status != http.StatusOK {
		t.Fatal(a.body)
	}
	a := s.call("POST", account2+"/migrate_flows?source_waba_id="+account1+"&source_flow_names="+url.QueryEscape(`["A","B","C"]`), "")
	moved := s.Flows(account2)
	if len(moved) != 2 {
		t.Fatalf("%s, %+v", a.body, moved)
	}
	at := slices.IndexFunc(moved, func(f Flow) bool { return f.Name == "A" })
	want := `{"migrated_flows":[{"source_name":"A","source_id":"` + id + `","migrated_id":"` + moved[at].ID + `"}],"failed_flows":[` +
		`{"source_name":"B","error_code":"4233041","error_message":"Flows Migration Error: Flow with the same name exists in destination WABA."},` +
		`{"source_name":"C","error_code":"4233040","error_message":"Flows Migration Error: Flow doesn't exist in source WABA."}]}`
	if a.body != want || len(moved[at].Screens) != 2 {
		t.Errorf("got  %s\nwant %s\n%+v", a.body, want, moved[at])
	}
}

func TestFlowsAndKeysOutliveTheServerAndNotAReset(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	id := s.mustCreateFlow("A", goodAsFlow)
	key := rsaKey(t, 2048)
	s.mustSucceed(s.call("POST", phone1+"/whatsapp_business_encryption", `{"business_public_key":`+quoted(key)+`}`))
	before, _ := s.Flow(id)
	s, log := s.restart(dir, time.Minute)
	after, ok := s.Flow(id)
	if diff := cmp.Diff(before, after); !ok || diff != "" || log.Len() > 0 {
		t.Errorf("%v (-before +after):\n%s\n%s", ok, diff, log)
	}
	s.mustSucceed(s.call("POST", id+"/publish", ""))
	clone := s.mustCreateFlow("B", `,"clone_flow_id":"`+id+`"`) // its bytes are there
	if !s.hasPublicKey(account1) {
		t.Error("the key is lost")
	}
	s.Reset()
	if _, ok := s.Flow(clone); ok || s.hasPublicKey(account1) || len(s.Flows("")) != 0 {
		t.Error("a flow or a key is left")
	}
	s, log = s.restart(dir, time.Minute)
	if len(s.Flows("")) != 0 || log.Len() > 0 {
		t.Errorf("after a reset and a restart: %+v %s", s.Flows(""), log)
	}
}

func TestAFaultRefusesAFlowWithItsCode(t *testing.T) {
	s := startSim(t)
	if _, err := s.AddFault(Fault{Operation: OperationPublishFlow, ErrorCode: 139002, Subcode: 4233014, Times: 1}); err != nil {
		t.Fatal(err)
	}
	id := s.mustCreateFlow("A", goodAsFlow)
	if a := s.call("POST", id+"/publish", ""); a.refusal(t).Error.Subcode != 4233014 || a.header.Get("Content-Length") != strconv.Itoa(len(a.body)) {
		t.Errorf("%s", a.body)
	}
	s.mustSucceed(s.call("POST", id+"/publish", ""))
}
