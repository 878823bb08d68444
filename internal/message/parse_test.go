package message

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// A shape is a form of a message that programs send, and what ferry reads of it.
type shape struct {
	name string
	body []byte
	want []string // "type=text", "to=1650", "media=image:1001"
}

// shapes are those of testdata/shapes.txtar.
func shapes(tb testing.TB) []shape {
	tb.Helper()
	data, err := os.ReadFile("testdata/shapes.txtar")
	if err != nil {
		tb.Fatal(err)
	}
	var all []shape
	for _, file := range txtar.Parse(data).Files {
		at := strings.Index(file.Name, " type=")
		all = append(all, shape{file.Name[:at], file.Data, strings.Fields(file.Name[at:])})
	}
	if len(all) < 40 {
		tb.Fatalf("only %d forms were read", len(all))
	}
	return all
}

// describe returns what ferry reads of a message, as the names in shapes.txtar say it.
func describe(c Content) []string {
	words := []string{"type=" + c.Type}
	if c.Recipient != "" {
		words = append(words, "to="+c.Recipient)
	}
	if c.CallbackData != "" {
		words = append(words, "data="+c.CallbackData)
	}
	for _, m := range c.Media {
		words = append(words, "media="+m.Path+":"+m.ID+m.Link)
	}
	return words
}

func TestEveryFormThatProgramsSendIsAccepted(t *testing.T) {
	for _, s := range shapes(t) {
		t.Run(s.name, func(t *testing.T) {
			content, err := Parse(s.body)
			if diff := cmp.Diff(s.want, describe(content)); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			for _, m := range content.Media {
				if object := string(s.body[m.Start:m.End]); !strings.HasPrefix(object, "{") || !strings.HasSuffix(object, "}") {
					t.Errorf("%s is at %q", m.Path, object)
				}
			}
		})
	}
}

func TestMessageThatIsCertainToFailIsRefused(t *testing.T) {
	const head = `{"messaging_product":"whatsapp",`
	cases := map[string]struct{ body, want string }{
		"no JSON":                      {`hello`, "must be a JSON object"},
		"nothing but white space":      {` `, "must be a JSON object"},
		"a list":                       {`[{}]`, "must be a JSON object"},
		"base64 within base64":         {`eyJtZXNzYWdpbmdfcHJvZHVjdCI6IndoYXRzYXBwIn0=`, "base64 within base64"},
		"cut off":                      {head + `"to":"+1650`, "not valid JSON"},
		"a trailing comma":             {head + `"to":"+1650",}`, "not valid JSON"},
		"two objects":                  {head + `"to":"+1650","text":{"body":"x"}}{}`, "more after its JSON object"},
		"a member twice":               {head + `"to":"+1650","to":"+1651","text":{"body":"x"}}`, "more than once (/to)"},
		"a member twice, in escapes":   {head + `"to":"+1650","t\u006f":"+1651","text":{"body":"x"}}`, "more than once (/to)"},
		"a nested member twice":        {head + `"to":"+1650","text":{"body":"x","body":"y"}}`, "more than once (/text/body)"},
		"a byte order mark":            {"\uFEFF{}", "byte order mark"},
		"invalid UTF-8":                {head + `"to":"+1650","text":{"body":"` + "\xff" + `"}}`, "not UTF-8"},
		"half of an emoji":             {head + `"to":"+1650","text":{"body":"\ud83d"}}`, "not valid JSON"},
		"too deep":                     {head + `"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "not valid JSON"},
		"without a product":            {`{"to":"+1650","text":{"body":"x"}}`, `"messaging_product": "whatsapp"`},
		"for another product":          {`{"messaging_product":"sms","to":"+1650","text":{"body":"x"}}`, `"messaging_product": "whatsapp"`},
		"without a recipient":          {head + `"text":{"body":"x"}}`, invalidDestination + ": the message has neither"},
		"with null for both":           {head + `"to":null,"recipient":null,"text":{"body":"x"}}`, invalidDestination},
		"to without +":                 {head + `"to":"4915112345678","text":{"body":"x"}}`, invalidDestination + `: "to" must be`},
		"to as a number":               {head + `"to":4915112345678,"text":{"body":"x"}}`, invalidDestination},
		"to as a list":                 {head + `"to":["+4915112345678"],"text":{"body":"x"}}`, invalidDestination},
		"to with letters":              {head + `"to":"+49x","text":{"body":"x"}}`, invalidDestination},
		"to with too many digits":      {head + `"to":"+4915112345678901","text":{"body":"x"}}`, invalidDestination},
		"to empty":                     {head + `"to":"","recipient":"US.1","text":{"body":"x"}}`, invalidDestination},
		"an id as recipient":           {head + `"recipient":"1349","text":{"body":"x"}}`, invalidDestination},
		"a group without an id":        {head + `"recipient_type":"group","to":"","text":{"body":"x"}}`, invalidDestination},
		"a receipt without message_id": {head + `"status":"read"}`, invalidDestination + `: a read receipt needs the "message_id"`},
		"a receipt for an id with NUL": {head + `"status":"read","message_id":"wamid.\u0000"}`, `"message_id" must be the id of a message`},
		"a receipt for a long id":      {head + `"status":"read","message_id":"` + strings.Repeat("w", 513) + `"}`, `at most 512 bytes`},
		"a group with a line break":    {head + `"recipient_type":"group","to":"a\nb","text":{"body":"x"}}`, `"to" must be the id of a group`},
		"a group with C1 controls":     {head + `"recipient_type":"group","to":"a\u0085b","text":{"body":"x"}}`, `"to" must be the id of a group`},
		"a group with a long id":       {head + `"recipient_type":"group","to":"` + strings.Repeat("g", 257) + `","text":{"body":"x"}}`, `at most 256 bytes`},
		"another status":               {head + `"status":"delivered","message_id":"wamid.1"}`, `only "status"`},
		"an unknown type":              {head + `"to":"+1650","type":"jpeg","jpeg":{}}`, "type of the message is unknown"},
		"a type that is no text":       {head + `"to":"+1650","type":{},"text":{"body":"x"}}`, "type of the message is unknown"},
		"neither type nor text":        {head + `"to":"+1650","image":{"id":"1"}}`, `neither a "type" nor a "text"`},
		"a type without its object":    {head + `"to":"+1650","type":"image","text":{"body":"x"}}`, `its member "image" is missing`},
		"a text in place of an object": {head + `"to":"+1650","type":"text","text":"x"}`, `its member "text" is missing or of another JSON type`},
		"an object in place of a list": {head + `"to":"+1650","type":"contacts","contacts":{}}`, `its member "contacts"`},
		"no text":                      {head + `"to":"+1650","text":{}}`, `no "text.body"`},
		"an empty text":                {head + `"to":"+1650","text":{"body":""}}`, `no "text.body"`},
		"a long text":                  {head + `"to":"+1650","text":{"body":"` + strings.Repeat("ü", 4097) + `"}}`, "has 4097 characters"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if content, err := Parse([]byte(c.body)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v; want %q", content, err, c.want)
			}
		})
	}
}

func TestTextOfTheLargestLengthIsAccepted(t *testing.T) {
	body := `{"messaging_product":"whatsapp","to":"+1650","text":{"body":"` + strings.Repeat(`\u00fc`, 4096) + `"}}`
	if _, err := Parse([]byte(body)); err != nil {
		t.Error(err)
	}
}

// The time to look for media grows with the message, not with the elements of its lists.
func TestEndlessListsOfMediaAreLookedAtInPart(t *testing.T) {
	parameter := `{"type":"image","image":{"id":"1"}},`
	body := `{"messaging_product":"whatsapp","to":"+1650","type":"template","template":{"components":[{"parameters":[` +
		strings.TrimSuffix(strings.Repeat(parameter, 50_000), ",") + `]}]}}`
	content, err := Parse([]byte(body))
	if err != nil || len(content.Media) != maxElements-1 {
		t.Errorf("%d media, %v", len(content.Media), err)
	}
}

// FuzzParse: what is accepted is one JSON object in UTF-8 without a member twice; it is
// not changed; its media are where they are said to be; and it reads the same when it
// is written in another way.
func FuzzParse(f *testing.F) {
	for _, s := range shapes(f) {
		f.Add(s.body)
	}
	f.Add([]byte(`{"messaging_product":"whatsapp","to":"+1650","to":"+1651","text":{"body":"x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		original := bytes.Clone(body)
		content, err := Parse(body)
		if !bytes.Equal(original, body) {
			t.Fatal("the message was changed")
		}
		if err != nil {
			return
		}
		value := jsontext.Value(bytes.TrimSpace(body))
		if !utf8.Valid(body) || !value.IsValid() || value.Kind() != '{' {
			t.Errorf("accepted %q", body)
		}
		for _, id := range []string{content.Recipient, content.ReceiptOf} {
			if len(id) > maxMessageID || strings.ContainsFunc(id, unicode.IsControl) {
				t.Errorf("accepted the id %q", id)
			}
		}
		for _, m := range content.Media {
			again := (&mediaFinder{})
			again.medium(m.Path, m.Kind, member{value: body[m.Start:m.End], start: m.Start})
			if !slices.Equal(again.found, []Medium{m}) {
				t.Errorf("%+v is at %q", m, body[m.Start:m.End])
			}
		}
		rewritten := value.Clone()
		if err := rewritten.Indent(); err != nil {
			t.Fatal(err)
		}
		same, err := Parse(rewritten)
		if fmt.Sprint(describe(same)) != fmt.Sprint(describe(content)) || err != nil {
			t.Errorf("%q is read as %v, and in another form as %v, %v", body, describe(content), describe(same), err)
		}
	})
}
