package metasim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFieldsAreChosenWithTheirOwnFields(t *testing.T) {
	s := startResumable(t)
	const numbers = `"phone_numbers":{"data":[{"id":"106540352242922"},{"id":"106540352242923"}]`
	tests := map[string]struct{ target, want string }{
		"one field of an object": {phone1 + "?fields=throughput{level}", `{"id":"` + phone1 + `","throughput":{"level":"STANDARD"}}`},
		"an object with an id":   {account1 + "?fields=owner_business{name}", `{"id":"` + account1 + `","owner_business":{"id":"` + account1 + `","name":"First"}}`},
		"a renamed field":        {account1 + "?fields=name.as(title)", `{"id":"` + account1 + `","title":"First"}`},
		"blanks between fields":  {account1 + "?fields=" + url.QueryEscape(" id , name "), `{"id":"` + account1 + `","name":"First"}`},
		"nothing chosen":         {account1 + "?fields=", `{"currency":"USD","id":"` + account1 + `","message_template_namespace":"metasim_` + account1 + `","name":"First","timezone_id":"1"}`},
		"an unknown modifier":    {phone1 + "?fields=status.invalidate(false)", `{"id":"` + phone1 + `","status":"CONNECTED"}`},
		"the apps of an account": {account1 + "?fields=subscribed_apps{whatsapp_business_api_data{id}}", `{"id":"` + account1 + `","subscribed_apps":{"data":[{"whatsapp_business_api_data":{"id":"` + app1 + `"}}],"paging":{"cursors":{"after":"bWV0YXNpbTow","before":"bWV0YXNpbTow"}}}}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.get("/v25.0/" + test.target)
			if a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if diff := cmp.Diff(decoded(t, test.want), decoded(t, a.body)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	a := s.get("/v25.0/" + account1 + "?fields=phone_numbers.limit(2).summary(1){id}")
	if !strings.Contains(a.body, numbers) || !strings.Contains(a.body, `"summary":{"total_count":5}`) {
		t.Errorf("a list in a node: %s", a.body)
	}
}

func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// The links of a list in a node lead to the path of the list.
func TestAListInANodeCanBeReadToItsEnd(t *testing.T) {
	s := startSim(t)
	a := s.get("/v25.0/" + account1 + "?fields=phone_numbers.limit(2){id}")
	list := a.fields(t)["phone_numbers"].(map[string]any)
	seen := 0
	for range 10 {
		for _, row := range list["data"].([]any) {
			if got := row.(map[string]any); len(got) != 1 || got["id"] == "" {
				t.Errorf("row %v", got)
			}
			seen++
		}
		next, _ := list["paging"].(map[string]any)["next"].(string)
		if next == "" {
			break
		}
		list = s.get(next).fields(t)
	}
	if seen != 5 {
		t.Errorf("%d numbers, want 5", seen)
	}
}

// A client that sends its token in the query follows the link as it is.
func TestLinksOfPagesHaveTheTokenOnlyIfItWasAParameter(t *testing.T) {
	s := startSim(t)
	next := func(a response) string {
		link, _ := a.fields(t)["paging"].(map[string]any)["next"].(string)
		return link
	}
	byQuery := next(s.mustSend("GET", "/v25.0/"+account1+"/phone_numbers?limit=2&access_token="+token1, nil))
	if a := s.mustSend("GET", byQuery, nil); a.status != http.StatusOK {
		t.Errorf("%s: %d %s", byQuery, a.status, a.body)
	}
	if byHeader := next(s.get("/v25.0/" + account1 + "/phone_numbers?limit=2")); strings.Contains(byHeader, token1) {
		t.Errorf("%s has a token", byHeader)
	}
}

func TestPhoneNumbersAreSortedAndFilteredAsAtMeta(t *testing.T) {
	s := startSim(t, func(c *Config) {
		n := c.BusinessAccounts[0].PhoneNumbers
		n[1].LastOnboardedTime, n[3].LastOnboardedTime = "2026-03-01T00:00:00+0000", "2026-02-01T00:00:00+0000"
		n[2].AccountMode, n[4].IsOfficialBusinessAccount = "SANDBOX", true
	})
	tests := map[string]struct{ query, order string }{
		"latest first by default":    {"", "35246"},
		"earliest first":             {"sort=['last_onboarded_time_ascending']", "24653"},
		"earliest first as a text":   {"sort=last_onboarded_time_ascending", "24653"},
		"by its name only":           {"sort=creation_time", "24653"},
		"latest first":               {`sort=["creation_time_descending"]`, "35246"},
		"a filter as in Meta's text": {"filtering=[{'field':'account_mode','operator':'EQUAL','value':'SANDBOX'}]", "4"},
		"a filter as JSON":           {`filtering=[{"field":"is_official_business_account","operator":"EQUAL","value":true}]`, "6"},
		"a boolean as a text":        {`filtering=[{"field":"is_official_business_account","operator":"EQUAL","value":"true"}]`, "6"},
		"nothing left":               {`filtering=[{"field":"messaging_limit_tier","operator":"EQUAL","value":"TIER_100K"}]`, ""},
	}
	for name, test := range tests {
		parameter, value, _ := strings.Cut(test.query, "=")
		query := url.Values{"fields": {"id"}, parameter: {value}}
		var page struct{ Data []struct{ ID string } }
		a := s.get("/v25.0/" + account1 + "/phone_numbers?" + query.Encode())
		if err := json.Unmarshal([]byte(a.body), &page); err != nil {
			t.Fatal(err)
		}
		order := "" // the last digits of the ids
		for _, row := range page.Data {
			order += row.ID[len(row.ID)-1:]
		}
		if order != test.order || a.status != http.StatusOK {
			t.Errorf("%s: %s, want %s: %d %s", name, order, test.order, a.status, a.body)
		}
	}
}

// The words and the positions are those that users have published.
func TestFieldsWithSyntaxErrorsAreRefusedWithMetasWords(t *testing.T) {
	s := startSim(t)
	tests := map[string]string{
		"likes.limit(1000){id},comments.limit(1000){id}{from},sharedposts{id}": `Syntax error "Expected end of string instead of "{"." at character 46: `,
		"fan_count,name,picture?type=large,cover":                              `Syntax error "Expected end of string instead of "?"." at character 22: `,
		"app_,0.7933770411601355access_token,messenger_profile":                `Syntax error "Expected "(" instead of ","." at character 35: `,
		"******":              `Syntax error "Expected name." at character 0: `,
		"id,,status":          `Syntax error "Expected name." at character 3: `,
		"id,":                 `Syntax error "Expected name." at character 3: `,
		"throughput{}":        `Syntax error "Expected name." at character 11: `,
		"throughput{level":    `Syntax error "Expected "}" instead of end of string." at character 16: `,
		"throughput{level?}":  `Syntax error "Expected "}" instead of "?"." at character 16: `,
		"phone_numbers.limit": `Syntax error "Expected "(" instead of end of string." at character 19: `,
		"x.limit(2":           `Syntax error "Expected ")" instead of end of string." at character 9: `,
	}
	for fields, message := range tests {
		a := s.get("/v25.0/" + phone1 + "?fields=" + url.QueryEscape(fields))
		if e := a.refusal(t).Error; a.status != 400 || e.Code != 2500 || e.Type != "OAuthException" || e.Message != message+fields {
			t.Errorf("%s: %d %s", fields, a.status, a.body)
		}
	}
	for name, fields := range map[string]string{"too long": strings.Repeat("id,", 6000) + "id", "too deep": strings.Repeat("x{", 10) + "x" + strings.Repeat("}", 10)} {
		if e := s.get("/v25.0/" + phone1 + "?fields=" + fields).refusal(t).Error; e.Code != 100 || e.Data == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// FuzzFields checks that what is accepted has the same meaning when it is written
// out again, that nothing but blanks between names gets lost, and that an error
// names a position in the text.
func FuzzFields(f *testing.F) {
	for _, seed := range []string{"", "id", " id , name ", "a.b(c).d(e){f{g},h}", "x.y((z))", "x.y([{'a':'b'}]){id}", "a{b", "a,,b", "a.b", "é", "a{b}{c}"} {
		f.Add(seed)
	}
	blanks := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "")
	f.Fuzz(func(t *testing.T, text string) {
		fields, refusal := parseFields(text)
		if refusal != nil {
			if refusal.status != http.StatusBadRequest || refusal.code != 2500 && refusal.code != 100 {
				t.Fatalf("%q: %+v", text, refusal)
			}
			return
		}
		written := fieldsText(fields)
		if blanks.Replace(written) != blanks.Replace(text) {
			t.Fatalf("%q was read as %q", text, written)
		}
		again, refusal := parseFields(written)
		if refusal != nil {
			t.Fatalf("%q, written as %q: %s", text, written, refusal.message)
		}
		if diff := cmp.Diff(fields, again, cmp.AllowUnexported(fieldRequest{}, modifier{})); diff != "" {
			t.Fatalf("%q (-first +again):\n%s", text, diff)
		}
	})
}
