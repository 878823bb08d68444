package metasim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzMessage checks that no body makes the simulator panic, that a message is kept
// if and only if it was accepted, and that a strict simulator accepts just what a lax
// one accepts without a warning.
func FuzzMessage(f *testing.F) {
	for _, content := range []string{
		hello, `"type":"image","image":{"link":"https://example.com/a.png","caption":null}`, `"type":"reaction","reaction":{"message_id":"wamid.QQ==","emoji":""}`,
		`"type":"interactive","interactive":{"type":"button","header":{"type":"image","image":{"id":"1"}},"body":{"text":"B"},"action":{"buttons":[` + replyOne + `]}}`,
		`"type":"interactive","interactive":{"type":"list","body":{"text":"B"},"action":{"button":"Open","sections":[{"rows":[{"id":"1","title":"One"}]}]}}`,
		`"type":"interactive","interactive":{"type":"carousel","body":{"text":"B"},"action":{"cards":[{"card_index":0,"type":"product","action":{"catalog_id":"1","product_retailer_id":"1"}},{}]}}`,
		`"type":"contacts","contacts":[{"name":{"formatted_name":"Ann","first_name":"Ann"},"phones":[null,{}]}]`,
		`"type":"location","location":{"latitude":"1e400","longitude":NaN}`, `"type":"location","location":{"latitude":"nan","longitude":-0}`,
		templateOf("order", "en_US", `{"type":"button","sub_type":"url","index":1e9,"parameters":[{"type":"text","text":5}]},{"type":"carousel","cards":[{"card_index":0,"components":[]}]}`),
		templateOf("order", "en_US", `{"type":"header","parameters":[{"type":"text","text":"5"}]},{"type":"body","parameters":[{"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"text","text":"c"}]},{"type":"button","sub_type":"url","index":"NaN","parameters":[{"type":"text","text":"5"}]}`), `"recipient_type":"group","text":[]`,
	} {
		f.Add(messageHead + content + "}")
	}
	f.Add(`{"messaging_product":"whatsapp","status":"read","message_id":"wamid.QQ==","typing_indicator":{"type":"text"}}`)
	f.Add(`{"messaging_product":"whatsapp","recipient":"US.1","to":null,"text":{"body":"x"}}`)

	servers := map[string]*Server{}
	for name, strict := range map[string]bool{"lax": false, "strict": true} {
		cfg := Config{Strict: strict, MessageLimits: MessageLimits{PerSecond: -1, PairBurst: -1},
			BusinessAccounts: []BusinessAccount{{ID: account1, Token: token1, PhoneNumbers: []PhoneNumber{{ID: phone1}}}}}
		withTemplates(&cfg)
		s := New(cfg)
		f.Cleanup(func() { s.Close() })
		servers[name] = s
	}
	f.Fuzz(func(t *testing.T, body string) {
		accepted := map[string]bool{}
		for name, s := range servers {
			s.Reset()
			r := httptest.NewRequest(http.MethodPost, "/v25.0/"+phone1+"/messages", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+token1)
			r.Header.Set("Content-Type", jsonBody)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			accepted[name] = w.Code == http.StatusOK
			checkMessageResponse(t, s, w)
		}
		warned := len(servers["lax"].Requests()[0].Warnings) > 0
		if accepted["strict"] != (accepted["lax"] && !warned) {
			t.Errorf("strict: %v, lax: %v with warnings: %v", accepted["strict"], accepted["lax"], warned)
		}
	})
}

// checkMessageResponse checks that a response tells what happened.
func checkMessageResponse(t *testing.T, s *Server, w *httptest.ResponseRecorder) {
	t.Helper()
	kept := s.Messages()
	if w.Code != http.StatusOK {
		var refusal envelope
		if err := json.Unmarshal(w.Body.Bytes(), &refusal); err != nil || refusal.Error.Code == 0 || len(kept) != 0 {
			t.Fatalf("refused with %d %s, kept %+v", w.Code, w.Body, kept)
		}
		return
	}
	var result sent
	if err := json.Unmarshal(w.Body.Bytes(), &result); err != nil {
		t.Fatal(err)
	}
	if len(result.Messages) == 0 { // it was marked as read
		if len(kept) != 0 || w.Body.String() != `{"success":true}` {
			t.Fatalf("%s, kept %+v", w.Body, kept)
		}
		return
	}
	if len(kept) != 1 || kept[0].ID != result.Messages[0].ID || !isMessageID(kept[0].ID) || !json.Valid(kept[0].Content) {
		t.Fatalf("accepted with %s, kept %+v", w.Body, kept)
	}
}

// FuzzLinkHosts checks that a link never makes the simulator call an address that is
// not this machine's, unless the configuration says so.
func FuzzLinkHosts(f *testing.F) {
	for _, link := range []string{"http://localhost/", "http://localhost.example.com/", "http://127.0.0.1.example.com/", "http://[::1]:80/", "http://2130706433/", "http://127.1/", "https://a.localhost./", "http://0/"} {
		f.Add(link)
	}
	s := New(Config{})
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, link string) {
		if !isLink(link) {
			return
		}
		r, err := http.NewRequest(http.MethodGet, link, nil)
		if err != nil {
			return
		}
		allowed := s.mayFetch(r.URL.Hostname())
		for _, address := range []string{"10.0.0.1", "169.254.169.254", "93.184.216.34", "0.0.0.0", "::", "fe80::1"} {
			if allowed != nil && allowed(parseAddr(t, address)) {
				t.Errorf("%s may lead to %s", link, address)
			}
		}
	})
}
