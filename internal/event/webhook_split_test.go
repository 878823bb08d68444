package event

import (
	"bytes"
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	diff "github.com/google/go-cmp/cmp"

	"github.com/go-json-experiment/json/jsontext"
)

// entries returns the entries of the updates of a webhook.
func entries(t *testing.T, body string) []string {
	t.Helper()
	updates, err := splitWebhook([]byte(body))
	if err != nil {
		t.Fatalf("%v\n%.300s", err, body)
	}
	var list []string
	for _, u := range updates {
		list = append(list, string(u.entry))
	}
	return list
}

func webhookOf(entries ...string) string {
	return `{"object":"whatsapp_business_account","entry":[` + strings.Join(entries, ",") + `]}`
}

func messagesEntry(value string) string {
	return `{"id":"100","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"1"},` + value + `},"field":"messages"}]}`
}

func TestEntryWithOneUpdateKeepsItsBytes(t *testing.T) {
	for name, entry := range map[string]string{
		"a message":                   messagesEntry(`"contacts":[{"profile":{"name":"Zo\u00eb \ud83d\ude00"},"wa_id":"4915"}],"messages":[{"from":"4915","id":"wamid.A","timestamp":"1","text":{"body":"a\/b \ud83d"},"type":"text"}]`),
		"a status":                    messagesEntry(`"statuses":[{"id":"wamid.A","status":"sent","n":1.50e+01,"recipient_id":"4915"}]`),
		"spaces":                      ` { "id" : "100" ,` + "\r\n\t" + `"changes" : [ { "field":"messages","value" : { "messages" : [ {"id" :1 } ] } } ] }`,
		"unknown members everywhere":  `{"id":"100","x":{"y":[]},"changes":[{"value":{"metadata":{"z":1},"messages":[{"id":"a","q":[1,[2]]}]},"field":"messages","w":null}],"time":1}`,
		"another field":               `{"id":"100","time":1739321024,"changes":[{"field":"message_template_status_update","value":{"event":"APPROVED","message_template_id":1689556908129832,"reason":null}}]}`,
		"repeated names":              `{"id":"1","id":"100","changes":[{"field":"x","field":"messages","value":1,"value":{"messages":[{"id":"a","id":"b"}]}}]}`,
		"no changes":                  `{"id":"100","messaging":[{"sender":{"id":"1"}}]}`,
		"errors of a number":          messagesEntry(`"errors":[{"code":130429}]`),
		"neither messages nor others": messagesEntry(`"messages":[]`),
	} {
		t.Run(name, func(t *testing.T) {
			if d := diff.Diff([]string{strings.TrimSpace(entry)}, entries(t, webhookOf(entry))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEachUpdateOfSeveralHasAnEntryOfItsOwn(t *testing.T) {
	const value = `"contacts":[{"wa_id":"2","profile":{"name":"B\u00e4r"}},{"user_id":"US.1","wa_id":"1"},{"user_id":"US.3"}],` +
		`"messages":[{"from":"1","id":"m1","n":1.0},{"from":"2","id":"m2"},{"from_user_id":"US.3","id":"m3"},{"from":"9","id":"m4"}],` +
		`"statuses":[{"id":"s1","status":"read","recipient_id":"2"}],"errors":[{"code":1}]`
	got := entries(t, webhookOf(`{"id":"100","x":1,"changes":[{"value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"1"},`+value+`},"field":"messages","y":2},{"field":"flows","value":{"event":"A"}}],"z":3}`))
	one := func(rest string) string {
		return `{"id":"100","x":1,"changes":[{"value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"1"},` + rest + `},"field":"messages","y":2}],"z":3}`
	}
	want := []string{
		one(`"contacts":[{"user_id":"US.1","wa_id":"1"}],"messages":[{"from":"1","id":"m1","n":1.0}]`),
		one(`"contacts":[{"wa_id":"2","profile":{"name":"B\u00e4r"}}],"messages":[{"from":"2","id":"m2"}]`),
		one(`"contacts":[{"user_id":"US.3"}],"messages":[{"from_user_id":"US.3","id":"m3"}]`),
		one(`"messages":[{"from":"9","id":"m4"}]`),
		one(`"contacts":[{"wa_id":"2","profile":{"name":"B\u00e4r"}}],"statuses":[{"id":"s1","status":"read","recipient_id":"2"}]`),
		one(`"errors":[{"code":1}]`),
		`{"id":"100","x":1,"changes":[{"field":"flows","value":{"event":"A"}}],"z":3}`,
	}
	if d := diff.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestContactThatFitsNoUpdateIsNotLost(t *testing.T) {
	const stranger = `{"wa_id":"8","profile":{"name":"Who"}}`
	for name, test := range map[string]struct{ messages, first, second string }{
		"goes to the update without one":    {`{"from":"1"},{"from":"2"}`, `{"wa_id":"1"}`, stranger},
		"goes to the first if all have one": {`{"from":"1"},{"from":"1"}`, `{"wa_id":"1"},` + stranger, `{"wa_id":"1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := entries(t, webhookOf(messagesEntry(`"contacts":[{"wa_id":"1"},`+stranger+`],"messages":[`+test.messages+`]`)))
			for i, want := range []string{test.first, test.second} {
				if !strings.Contains(got[i], `"contacts":[`+want+`],`) {
					t.Errorf("update %d is %s; expected the contacts %s", i, got[i], want)
				}
			}
		})
	}
}

func TestWebhookBeyondTheLimitsIsRefused(t *testing.T) {
	many := func(n int) string {
		return messagesEntry(`"messages":[` + strings.Repeat(`{"id":"a"},`, n-1) + `{"id":"a"}]`)
	}
	for name, test := range map[string]struct {
		body string
		want error
	}{
		"1,000 messages":                 {webhookOf(many(maxUpdates)), nil},
		"1,001 messages":                 {webhookOf(many(maxUpdates + 1)), errTooMany},
		"1,001 messages in two entries":  {webhookOf(many(maxUpdates), many(1)), errTooMany},
		"1,001 entries":                  {webhookOf(strings.Repeat(many(1)+",", maxUpdates) + many(1)), errTooMany},
		"10,000 entries without updates": {webhookOf(strings.Repeat(`{"id":"1","changes":[]},`, 9999) + `{}`), nil},
		"what is repeated is long":       {webhookOf(`{"id":"1","x":"` + strings.Repeat("x", 1<<20) + `","changes":[` + strings.Repeat(`{"field":"a","value":1},`, 999) + `{}]}`), errTooLong},
		"a contact of all is long":       {webhookOf(messagesEntry(`"contacts":[{"wa_id":"1","x":"` + strings.Repeat("x", 1<<20) + `"}],"messages":[` + strings.Repeat(`{"from":"1"},`, 999) + `{"from":"1"}]`)), errTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := splitWebhook([]byte(test.body)); err != test.want {
				t.Errorf("got %v, expected %v", err, test.want)
			}
		})
	}
}

// What is small in a webhook may be large when it is repeated in each update.
func TestSplittingAWebhookTakesNoMoreMemoryThanItsBounds(t *testing.T) {
	messages := `"messages":[` + strings.Repeat(`{"from":"1"},`, 998) + `{"from":"1"}]`
	for name, test := range map[string]struct {
		value string
		want  error
	}{
		"contacts of all messages": {`"contacts":[` + strings.Repeat(`{"wa_id":"1"},`, 100_000) + `{"wa_id":"1"}],` + messages, errTooLong},
		"contacts of no message":   {`"contacts":[` + strings.Repeat(`{"wa_id":"2"},`, 100_000) + `{"wa_id":"2"}],` + messages, errTooLong},
		"members of no message":    {strings.Repeat(`"x":1,`, 100_000) + messages, nil},
	} {
		t.Run(name, func(t *testing.T) {
			body := []byte(webhookOf(messagesEntry(test.value)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := splitWebhook(body)
			runtime.ReadMemStats(&after)
			if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; err != test.want || allocated > 250 {
				t.Errorf("%v, expected %v; allocated %d MiB", err, test.want, allocated)
			}
		})
	}
}

func TestReasonOfAFailedMessageIsBounded(t *testing.T) {
	const failure = `{"code":131026,"error_data":{"details":"Message undeliverable."}}`
	for count, want := range map[int]int{1: 1, 2: 2, 50_000: maxReasons} {
		status := `{"id":"a","status":"failed","recipient_id":"1","errors":[` + strings.Repeat(failure+",", count-1) + failure + `]}`
		updates, err := splitWebhook([]byte(webhookOf(messagesEntry(`"statuses":[` + status + `]`))))
		if err != nil || len(updates) != 1 {
			t.Fatal(len(updates), err)
		}
		f := updates[0].facts()
		if got := strings.Count(f.reason, "131026: Message undeliverable."); got != want || len(f.key) < count {
			t.Errorf("of %d errors, the reason has %d, expected %d; the key has %d parts", count, got, want, len(f.key))
		}
	}
}

func TestWebhookThatIsNotJSONIsRefused(t *testing.T) {
	for _, body := range []string{``, ` `, `{`, `{"entry":[NaN]}`, `{"entry":[+1]}`, `{"entry":[01]}`, `{"entry":[1,]}`, `{} {}`, `[]`, `null`, `"{}"`, `{"entry":["\ud83"]}`,
		`{"a":` + strings.Repeat(`[`, maxDepth) + strings.Repeat(`]`, maxDepth) + `}`, strings.Repeat(`{"a":`, 700_000) + `1` + strings.Repeat(`}`, 700_000)} {
		if updates, err := splitWebhook([]byte(body)); err == nil {
			t.Errorf("%.50q was read as %d updates", body, len(updates))
		}
	}
}

func TestWebhookWithoutUpdatesHasNone(t *testing.T) {
	for _, body := range []string{`{}`, `{"entry":null}`, `{"entry":[]}`, `{"entry":{}}`, `{"entry":[{}]}`, `{"entry":[null,1,"x",[]]}`, `{"entry":[{"id":"1","changes":null}]}`,
		`{"a":` + strings.Repeat(`[`, maxDepth-1) + strings.Repeat(`]`, maxDepth-1) + `}`} {
		if got := entries(t, body); len(got) > 0 {
			t.Errorf("%.50q has the updates %q", body, got)
		}
	}
}

// samples are webhooks as Meta sends them, one update or several.
var samples = []string{
	webhookOf(messagesEntry(`"contacts":[{"profile":{"name":"Zo\u00eb \ud83d\ude00"},"wa_id":"4915"}],"messages":[{"from":"4915","id":"wamid.A","timestamp":"1","text":{"body":"a\/b"},"type":"text"}]`)),
	webhookOf(messagesEntry(`"contacts":[{"wa_id":"1"},{"user_id":"US.2","wa_id":"2"},{"wa_id":"7"}],"messages":[{"from":"1","id":"a"},{"from":"2","id":"b","x":[1e999,-0.0]}],"statuses":[{"id":"c","status":"read","recipient_id":"1"}],"errors":[{"code":1}]`), `{"id":"2","time":7,"changes":[{"field":"flows","value":{"event":"A"}},{"field":"flows","value":[]}]}`),
	`{"entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[1],"messages":[2,3],"statuses":{},"contacts":7}}],"changes":[{}]},{"q":1},null]}`,
}

// FuzzSplit: no update of a webhook is lost, made up or changed, whatever it contains,
// and each entry is valid and has one update.
func FuzzSplit(f *testing.F) {
	for _, sample := range samples {
		f.Add([]byte(sample))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		updates, err := splitWebhook(body)
		if err != nil {
			return
		}
		var joined []string
		for _, u := range updates {
			again, err := splitWebhook([]byte(`{"entry":[` + string(u.entry) + `]}`))
			if err != nil || len(again) != 1 || !bytes.Equal(again[0].entry, u.entry) {
				t.Fatalf("the entry %q of %q is split into %d: %v", u.entry, body, len(again), err)
			}
			joined = append(joined, leaves(u.entry)...)
			checkFacts(t, u)
		}
		var whole []string
		for _, m := range members(body) {
			if m.name == "entry" {
				for _, entry := range elements(m.value) {
					whole = append(whole, leaves(entry)...)
				}
			}
		}
		slices.Sort(whole)
		slices.Sort(joined)
		// What updates have in common is repeated in each, and contacts may be.
		compacted := func(list []string, isRepeated bool) []string {
			list = slices.DeleteFunc(slices.Clone(list), func(leaf string) bool { return strings.HasPrefix(leaf, "repeated ") != isRepeated })
			if isRepeated {
				list = slices.Compact(list)
			}
			return list
		}
		for _, isRepeated := range []bool{false, true} {
			if d := diff.Diff(compacted(whole, isRepeated), compacted(joined, isRepeated)); d != "" {
				t.Errorf("%q: %s", body, d)
			}
		}
	})
}

// leaves are the parts of an entry that a split must not lose: messages, statuses and
// changes once, all others at least once. An entry without any has nothing to lose.
func leaves(entry []byte) []string {
	var list []string
	isEmpty := true
	for _, m := range members(entry) {
		if m.name != "changes" {
			list = append(list, fmt.Sprintf("repeated %s %s", m.name, m.value))
			isEmpty = isEmpty && (m.name == "id" || m.name == "time")
			continue
		}
		for _, change := range elements(m.value) {
			isEmpty = false
			parts := members(change)
			value := last(parts, "value")
			if textAt(parts, "field") != "messages" || kindOf(value) != '{' {
				list = append(list, "change "+string(change))
				continue
			}
			for _, part := range parts {
				if part.name != "value" {
					list = append(list, fmt.Sprintf("repeated %s %s", part.name, part.value))
				}
			}
			for _, part := range members(value) {
				if name := part.name; kindOf(part.value) == '[' && (name == "messages" || name == "statuses" || name == "contacts") {
					for _, element := range elements(part.value) {
						list = append(list, fmt.Sprintf("%s %s %s", map[bool]string{true: "repeated", false: "one"}[name == "contacts"], name, element))
					}
				} else {
					list = append(list, fmt.Sprintf("%s %s %s", map[bool]string{true: "repeated", false: "one"}[name == "metadata" || name == "messaging_product" || name == "contacts"], name, part.value))
				}
			}
		}
	}
	if isEmpty {
		return nil
	}
	return list
}

// checkFacts checks that what is read of an update can be stored by all databases.
func checkFacts(t *testing.T, u update) {
	t.Helper()
	f := u.facts()
	for _, text := range append([]string{f.name, f.conversation("b", "p", u.field), boundedID(f.wamid), boundedID(u.account), f.reason, f.updateKey("b", u.phone.metaID)}, f.recipients...) {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) || len(text) > cmp.Or(maxID+40, 0) && text != f.reason {
			t.Errorf("%q cannot be stored", text)
		}
	}
	if !jsontext.Value(u.entry).IsValid(lenient) {
		t.Errorf("the entry %q is no JSON", u.entry)
	}
}
