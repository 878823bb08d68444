package metasim_test

import (
	"errors"
	"strings"
	"testing"

	"ferry/metasim"
)

func TestPutTemplateIsApprovedAtOnceAndKeepsItsID(t *testing.T) {
	var ids []string
	for range 2 {
		sim := metasim.New(metasim.Config{BusinessAccounts: []metasim.BusinessAccount{{ID: "1", Token: "t", PhoneNumbers: []metasim.PhoneNumber{{ID: "2"}}}}})
		first, err := sim.PutTemplate("1", []byte(`{"name":"order","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"Ready."}]}`))
		if err != nil {
			t.Fatal(err)
		}
		second, err := sim.PutTemplate("1", []byte(`{"name":"order","language":"en","category":"utility","components":[{"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::any"]}},{"type":"BODY","text":"Shipped."}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if second.ID != first.ID || second.Status != "APPROVED" || !strings.Contains(string(second.Components), "Shipped.") || len(sim.Templates("1")) != 2 { // hello_world is there, too
			t.Errorf("%+v, then %+v, of %d", first, second, len(sim.Templates("1")))
		}
		ids = append(ids, first.ID)
		if err := sim.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if ids[0] != ids[1] {
		t.Errorf("the ids differ: %v", ids)
	}
}

func TestPutTemplateIsRefusedAsACreatedOne(t *testing.T) {
	sim := metasim.New(metasim.Config{BusinessAccounts: []metasim.BusinessAccount{{ID: "1", Token: "t", PhoneNumbers: []metasim.PhoneNumber{{ID: "2"}}}}})
	defer func() { _ = sim.Close() }()
	const good = `{"name":"order","language":"en","category":"UTILITY","components":[{"type":"BODY","text":"Ready."}]}`
	if _, err := sim.PutTemplate("1", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ body, path, text string }{
		"no language":        {`{"name":"order","category":"UTILITY","components":[]}`, "language", "is required"},
		"unknown category":   {strings.Replace(good, "UTILITY", "URGENT", 1), "category", "must be one of"},
		"unknown parameter":  {strings.Replace(good, `"name"`, `"nam":1,"name"`, 1), "nam", "unknown"},
		"unknown member":     {strings.Replace(good, `"text"`, `"colour":"red","text"`, 1), "", "colour"},
		"another kind":       {strings.Replace(good, `"Ready."`, `7`, 1), "components[0]['text']", "must be a string"},
		"no example":         {strings.Replace(good, `Ready.`, `Dear {{1}}, ready.`, 1), "", "missing expected field(s) (example)"},
		"not JSON":           {`{"name":`, "", "not a JSON object"},
		"another's category": {strings.NewReplacer(`"en"`, `"de"`, "UTILITY", "MARKETING").Replace(good), "category", "one category"},
	} {
		_, err := sim.PutTemplate("1", []byte(test.body))
		refused, ok := errors.AsType[*metasim.TemplateError](err)
		if !ok || refused.Path != test.path || !strings.Contains(refused.Text, test.text) {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if list := sim.Templates("1"); len(list) != 2 || !strings.Contains(string(list[1].Components), "Ready.") {
		t.Errorf("the templates have changed: %v", list)
	}
	if _, err := sim.PutTemplate("9", []byte(good)); err == nil {
		t.Error("there is no account 9")
	}
}
