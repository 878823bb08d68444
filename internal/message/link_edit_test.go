package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// edited returns a message with the ids 900, 901 and so on in place of its links.
func edited(t testing.TB, body string) string {
	t.Helper()
	content, err := Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	links := linked(content.Media)
	ids := make([]string, len(links))
	for i := range ids {
		ids[i] = fmt.Sprint(900 + i)
	}
	return string(replaceLinks([]byte(body), links, ids))
}

func TestIDsReplaceLinksAndNothingElse(t *testing.T) {
	const start = `{"messaging_product":"whatsapp","to":"+1650","type":`
	for name, test := range map[string]struct{ body, want string }{
		"image": {start + `"image","image":{"link":"http://a.com/x"}}`, start + `"image","image":{"id":"900"}}`},
		"white space, escapes": {start + `"document", "document" : { "filename" : "a\u00e9.pdf" , "l\u0069nk" : "http:\/\/a.com/x" ,"caption":"\"link\":1" } }`,
			start + `"document", "document" : { "filename" : "a\u00e9.pdf" , "id" : "900" ,"caption":"\"link\":1" } }`},
		"an id that is null":  {start + `"video","video":{"id":null,"link":"http://a.com/x"}}`, start + `"video","video":{"id":"900","link":null}}`},
		"an empty id":         {start + `"video","video":{"link":"http://a.com/x","id":""}}`, start + `"video","video":{"link":null,"id":"900"}}`},
		"an id":               {start + `"video","video":{"id":"1","link":"http://a.com/x"}}`, start + `"video","video":{"id":"1","link":"http://a.com/x"}}`},
		"a link that is null": {start + `"video","video":{"link":null,"id":"1"}}`, start + `"video","video":{"link":null,"id":"1"}}`},
		"another type's":      {start + `"text","text":{"body":"x"},"image":{"link":"http://a.com/x"}}`, start + `"text","text":{"body":"x"},"image":{"link":"http://a.com/x"}}`},
		"template": {start + `"template","template":{"name":"t","language":{"code":"en"},"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"http://a.com/1"}}]},{"type":"body","parameters":[{"type":"text","text":"link"}]}]}}`,
			start + `"template","template":{"name":"t","language":{"code":"en"},"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"900"}}]},{"type":"body","parameters":[{"type":"text","text":"link"}]}]}}`},
		"cards of a template": {start + `"template","template":{"name":"t","language":{"code":"en"},"components":[{"type":"carousel","cards":[{"card_index":0,"components":[{"type":"header","parameters":[{"type":"video","video":{"link":"http://a.com/1"}}]}]},{"card_index":1,"components":[{"type":"header","parameters":[{"type":"video","video":{"link":"http://a.com/2"}}]}]}]}]}}`,
			start + `"template","template":{"name":"t","language":{"code":"en"},"components":[{"type":"carousel","cards":[{"card_index":0,"components":[{"type":"header","parameters":[{"type":"video","video":{"id":"900"}}]}]},{"card_index":1,"components":[{"type":"header","parameters":[{"type":"video","video":{"id":"901"}}]}]}]}]}}`},
		"interactive header": {start + `"interactive","interactive":{"type":"button","header":{"type":"document","document":{"link":"http://a.com/1","filename":"f"}},"body":{"text":"x"},"action":{"buttons":[]}}}`,
			start + `"interactive","interactive":{"type":"button","header":{"type":"document","document":{"id":"900","filename":"f"}},"body":{"text":"x"},"action":{"buttons":[]}}}`},
		"cards": {start + `"interactive","interactive":{"type":"carousel","action":{"cards":[{"header":{"type":"image","image":{"link":"http://a.com/1"}}}]}}}`,
			start + `"interactive","interactive":{"type":"carousel","action":{"cards":[{"header":{"type":"image","image":{"id":"900"}}}]}}}`},
		"data of a Flow": {start + `"interactive","interactive":{"type":"flow","action":{"name":"flow","parameters":{"flow_action_payload":{"data":{"image":{"link":"http://a.com/1"}}}}}}}`,
			start + `"interactive","interactive":{"type":"flow","action":{"name":"flow","parameters":{"flow_action_payload":{"data":{"image":{"link":"http://a.com/1"}}}}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := edited(t, test.body); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// FuzzIDsReplaceLinks checks that the message stays valid JSON and that it differs
// from the original one only in the members id and link of its media.
func FuzzIDsReplaceLinks(f *testing.F) {
	for _, body := range []string{
		`{"messaging_product":"whatsapp","to":"+1","type":"image","image":{"link":"http://a.com/x","caption":"é"}}`,
		`{"to":"+1","messaging_product":"whatsapp","type":"image","image":{"id":null , "link":"http://a.com/x"}}`,
		`{"messaging_product":"whatsapp","to":"+1","type":"template","template":{"name":"t","language":{"code":"en"},"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"x"}}]}]}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		content, err := Parse(body)
		if err != nil {
			return
		}
		links := linked(content.Media)
		ids := make([]string, len(links))
		for i := range ids {
			ids[i] = fmt.Sprint(900 + i)
		}
		after := replaceLinks(body, links, ids)
		if len(links) == 0 && !bytes.Equal(body, after) {
			t.Fatalf("a message without links became %q", after)
		}
		var was, is any
		if json.Unmarshal(body, &was) != nil || json.Unmarshal(after, &is) != nil {
			t.Fatalf("%q became %q", body, after)
		}
		if got, err := Parse(after); err != nil || len(linked(got.Media)) > 0 || len(got.Media) != len(content.Media) {
			t.Fatalf("%q became %q, with %d media in place of %d, %v", body, after, len(got.Media), len(content.Media), err)
		}
		if !reflect.DeepEqual(withoutMedia(was), withoutMedia(is)) {
			t.Fatalf("%q became %q", body, after)
		}
	})
}

// withoutMedia removes the members id and link everywhere.
func withoutMedia(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if strings.EqualFold(name, "id") || strings.EqualFold(name, "link") {
				delete(v, name)
				continue
			}
			v[name] = withoutMedia(member)
		}
	case []any:
		for i := range v {
			v[i] = withoutMedia(v[i])
		}
	}
	return value
}
