package metasim

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNodesReturnTheRequestedFields(t *testing.T) {
	s := startSim(t)
	tests := map[string]struct {
		target string
		want   map[string]any
	}{
		"account by default": {account1, map[string]any{
			"id": account1, "name": "First", "currency": "USD", "timezone_id": "1", "message_template_namespace": "metasim_" + account1}},
		"one field of an account": {account1 + "?fields=country", map[string]any{"id": account1, "country": "US"}},
		"objects": {account1 + "?fields=id,owner_business_info", map[string]any{
			"id": account1, "owner_business_info": map[string]any{"id": account1, "name": "First"}}},
		"number": {phone1 + "?fields=display_phone_number,quality_rating,throughput", map[string]any{
			"id": phone1, "display_phone_number": "+1 631-555-0001", "quality_rating": "GREEN", "throughput": map[string]any{"level": "STANDARD"}}},
		"a field without a value": {phone1 + "?fields=webhook_configuration", map[string]any{"id": phone1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.get("/v25.0/" + test.target)
			if diff := cmp.Diff(test.want, a.fields(t)); a.status != http.StatusOK || diff != "" {
				t.Errorf("status %d (-want +got):\n%s", a.status, diff)
			}
		})
	}
}

func TestFieldsThatDoNotExistAreRefused(t *testing.T) {
	s := startSim(t)
	tests := map[string]string{
		account1 + "?fields=id,nam":                         "(#100) Tried accessing nonexisting field (nam) on node type (WhatsAppBusinessAccount)",
		account1 + "/phone_numbers?fields=x":                "(#100) Tried accessing nonexisting field (x) on node type (WhatsAppBusinessPhoneNumber)",
		account1 + "?fields=phone_numbers{x}":               "(#100) Tried accessing nonexisting field (x) on node type (WhatsAppBusinessPhoneNumber)",
		account1 + "?fields=owner_business_info{x}":         "(#100) Tried accessing nonexisting field (x) on node type (BusinessInfo)",
		phone1 + "?fields=throughput{level,x}":              "(#100) Tried accessing nonexisting field (x) on node type (WhatsAppBusinessThroughput)",
		phone1 + "?fields=status{x}":                        "(#100) Subfields are not supported by status",
		account1 + "/phone_numbers?fields=id{x}":            "(#100) Subfields are not supported by id",
		account1 + "?fields=phone_numbers.limit(0)":         "(#100) Param limit must be a number from 1 to 5000.",
		account1 + "/phone_numbers?sort=name":               "(#100) Cannot sort by name_ascending",
		account1 + "/phone_numbers?sort=creation_time.desc": "(#100) Cannot sort by creation_time.desc_ascending",
		account1 + "/phone_numbers?filtering=x":             "(#100) Param filtering must be an array of objects with field, operator and value.",
	}
	for target, want := range tests {
		a := s.get("/v25.0/" + target)
		if e := a.refusal(t).Error; a.status != 400 || e.Code != 100 || e.Message != want {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
}

// healthEntities returns the types of the entities in the health of an object.
func (s *sim) healthEntities(id string) string {
	s.t.Helper()
	status, _ := s.get("/v25.0/" + id + "?fields=health_status").fields(s.t)["health_status"].(map[string]any)
	entities, _ := status["entities"].([]any)
	var kinds []string
	for _, e := range entities {
		kinds = append(kinds, e.(map[string]any)["entity_type"].(string))
	}
	return strings.Join(kinds, " ")
}

func TestHealthIsThatOfTheMostLimitedEntity(t *testing.T) {
	s := startSim(t, func(c *Config) { c.BusinessAccounts[0].CanSendMessage, c.BusinessAccounts[0].AppID = "BLOCKED", app1 })
	status, ok := s.get("/v25.0/" + phone1 + "?fields=health_status").fields(t)["health_status"].(map[string]any)
	if !ok || status["can_send_message"] != "BLOCKED" || len(status["entities"].([]any)) != 4 {
		t.Errorf("health_status %v", status)
	}
	for target, want := range map[string]string{account1: "WABA BUSINESS APP", phone1: "PHONE_NUMBER WABA BUSINESS APP"} {
		if got := s.healthEntities(target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func TestPhoneNumbersAreReturnedInPages(t *testing.T) {
	tests := map[string]struct {
		pageSize int
		query    string
		pages    []int
	}{
		"all by default":      {0, "?limit=100", []int{5}},
		"an awkward page":     {3, "?limit=100", []int{3, 2}},
		"limit below a page":  {0, "?limit=2", []int{2, 2, 1}},
		"exactly one page":    {5, "", []int{5}},
		"page as in graph":    {25, "?fields=id", []int{5}},
		"one row on each one": {25, "?fields=id&limit=1", []int{1, 1, 1, 1, 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, func(c *Config) { c.PageSize = test.pageSize })
			var sizes []int
			seen := map[any]bool{}
			next := s.url + "/v25.0/" + account1 + "/phone_numbers" + test.query
			for next != "" && len(sizes) < 10 {
				if strings.Contains(next, token1) {
					t.Errorf("the link %s has a token", next)
				}
				v := s.get(next).fields(t)
				rows := v["data"].([]any)
				for _, row := range rows {
					seen[row.(map[string]any)["id"]] = true
				}
				sizes = append(sizes, len(rows))
				next, _ = v["paging"].(map[string]any)["next"].(string)
			}
			if diff := cmp.Diff(test.pages, sizes); diff != "" || len(seen) != 5 {
				t.Errorf("%d numbers; pages (-want +got):\n%s", len(seen), diff)
			}
		})
	}
}

func TestPagesCanBeReadBackwards(t *testing.T) {
	s := startSim(t)
	first := s.get("/v25.0/" + account1 + "/phone_numbers?limit=2").fields(t)
	second := s.get(first["paging"].(map[string]any)["next"].(string)).fields(t)
	back := s.get(second["paging"].(map[string]any)["previous"].(string)).fields(t)
	if diff := cmp.Diff(first, back); diff != "" {
		t.Errorf("(-first +back):\n%s", diff)
	}
}

func TestPagingRefusesInvalidCursorsAndLimits(t *testing.T) {
	s := startSim(t)
	tests := map[string]int{
		"?after=nonsense": 131059, "?before=nonsense": 131059, "?after=a&before=b": 131059,
		"?limit=0": 100, "?limit=-1": 100, "?limit=many": 100,
	}
	for query, code := range tests {
		a := s.get("/v25.0/" + account1 + "/phone_numbers" + query)
		if e := a.refusal(t).Error; a.status != 400 || e.Code != code {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestAnAccountWithoutNumbersHasNoPaging(t *testing.T) {
	s := startSim(t, func(c *Config) { c.BusinessAccounts[0].PhoneNumbers = nil })
	if a := s.get("/v25.0/" + account1 + "/phone_numbers"); a.body != `{"data":[]}` {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestVersionsAreLiveFallForwardOrDoNotExist(t *testing.T) {
	s := startSim(t)
	tests := map[string]string{ // version → the one that serves it, "" for none
		"v26.0": "v26.0", "v25.0": "v25.0", "v21.0": "v21.0", "v20.0": "v21.0", "v2.12": "v21.0", "v1.0": "v21.0",
		"v27.0": "v27.0", "v36.0": "v36.0", "v37.0": "", "v25.1": "", "v2.13": "", "v0.0": "", "v-1.0": "", "v25": "", "25.0": "", "V25.0": "", "v025.0": "", "v25.00": "",
		"v99999999999999999999.0": "", "v": "", "latest": "",
	}
	for version, answering := range tests {
		a := s.get("/" + version + "/" + phone1)
		if answering == "" {
			e := a.refusal(t).Error
			if a.status != 400 || e.Code != 2500 || e.Message != "Unknown path components: /"+version+"/"+phone1 {
				t.Errorf("%s: %d %s", version, a.status, a.body)
			}
			continue
		}
		if got := a.header.Get("facebook-api-version"); a.status != 200 || got != answering {
			t.Errorf("%s: %d, answered by %s", version, a.status, got)
		}
	}
}

func TestUnknownPathsAreNamedInTheError(t *testing.T) {
	s := startSim(t)
	tests := map[string]string{
		"/v25.0/you": "/you", "/v25.0/you/media": "/you/media", "/v25.0/" + phone1 + "/massages": "/massages",
		"/" + phone1 + "/massages": "/" + phone1 + "/massages", "/v25.0/" + phone1 + "//": "/", "/v25.0//": "/",
		"/v25.0/" + phone1 + "/media/x": "/media/x", "//v25.0/" + phone1: "//v25.0/" + phone1, "/whatsapp_business/attachments": "/whatsapp_business/attachments",
	}
	for path, named := range tests {
		a := s.get(path)
		if e := a.refusal(t).Error; a.status != 400 || e.Code != 2500 || e.Message != "Unknown path components: "+named {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestEveryResponseHasGraphsHeaders(t *testing.T) {
	s := startSim(t)
	for _, path := range []string{"/v25.0/" + phone1, "/v25.0/1", "/nonsense", downloadPath} {
		a := s.get(path)
		for _, name := range []string{"facebook-api-version", "x-fb-request-id", "x-fb-trace-id", "x-fb-debug", "x-fb-rev", "x-app-usage"} {
			if a.header.Get(name) == "" {
				t.Errorf("%s: no %s", path, name)
			}
		}
		trace := a.header.Get("x-fb-trace-id")
		if got := s.lastRequest().TraceID; got != trace {
			t.Errorf("%s: the history has trace %s, the header %s", path, got, trace)
		}
		if a.status == http.StatusBadRequest && a.refusal(t).Error.TraceID != trace {
			t.Errorf("%s: the header has trace %s, the error is %s", path, trace, a.body)
		}
		if got := a.header.Get("Content-Type"); path != downloadPath && got != "application/json; charset=UTF-8" {
			t.Errorf("%s: Content-Type %s", path, got)
		}
	}
}

func TestConfigurationsThatMakeNoSenseAreRefused(t *testing.T) {
	err := Config{
		PublicURL: "graph.example", ThrottleStatus: 500, PageSize: -1,
		BusinessAccounts: []BusinessAccount{{ID: "x"}, {ID: "1", Token: "a b"}, {ID: "1", Token: "t", PhoneNumbers: []PhoneNumber{{}}}},
	}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"PublicURL", "ThrottleStatus", "PageSize", `"x" is not a number`, "1: the token", `"1" is used twice`, `phone number id ""`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("New did not panic")
		}
	}()
	New(Config{ThrottleStatus: 1})
}
