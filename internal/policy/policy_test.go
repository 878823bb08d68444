package policy

import (
	"fmt"
	"strings"
	"testing"
)

// rule is a statement in the form that both the evaluator and the naive reference take.
type rule struct {
	sid                    string
	deny                   bool
	notAction, notResource bool
	actions, resources     []string
	condition              string // the element, as JSON; empty means none
}

// document returns rules as a Document, parsed from JSON.
func document(t testing.TB, rules []rule) *Document {
	t.Helper()
	if len(rules) == 0 {
		return &Document{}
	}
	var texts []string
	for _, r := range rules {
		effect, action, resource := "Allow", "Action", "Resource"
		if r.deny {
			effect = "Deny"
		}
		if r.notAction {
			action = "NotAction"
		}
		if r.notResource {
			resource = "NotResource"
		}
		condition := ""
		if r.condition != "" {
			condition = `,"Condition":` + r.condition
		}
		texts = append(texts, fmt.Sprintf(`{"Sid":%q,"Effect":%q,%q:["%s"],%q:["%s"]%s}`, r.sid, effect,
			action, strings.Join(r.actions, `","`), resource, strings.Join(r.resources, `","`), condition))
	}
	doc, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(texts, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// must returns the decision of Evaluate, which had no error.
func must(t testing.TB, docs []*Document, req Request) Decision {
	t.Helper()
	d, err := Evaluate(docs, req)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDefaultIsDeny(t *testing.T) {
	req := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	all := document(t, []rule{{actions: []string{"*"}, resources: []string{"*"}}})
	for name, docs := range map[string][]*Document{"no documents": nil, "zero document": {{}}, "nil document": {nil}, "nil beside all": {all, nil}} {
		if d := must(t, docs, req); d != (Decision{}) {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d := must(t, []*Document{{}, all}, req); !d.Allowed() {
		t.Errorf("%+v", d)
	}
}

func TestDecisionNamesTheDeny(t *testing.T) {
	all := []string{"*"}
	docs := []*Document{
		document(t, []rule{{sid: "A", actions: all, resources: all}}),
		document(t, []rule{{sid: "B", actions: all, resources: all}, {sid: "C", deny: true, actions: []string{"s3:Put*"}, resources: all}}),
	}
	if d := must(t, docs, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::b/k"}); d != (Decision{ExplicitDeny, 1, 1, "C"}) {
		t.Errorf("%+v", d)
	}
}

func TestDecisionNamesTheFirstAllow(t *testing.T) {
	docs := []*Document{
		document(t, []rule{{sid: "A", actions: []string{"s3:Put*"}, resources: []string{"*"}}}),
		document(t, []rule{{sid: "B", actions: []string{"sns:*"}, resources: []string{"*"}}, {sid: "C", actions: []string{"s3:*"}, resources: []string{"*"}}, {sid: "D", actions: []string{"*"}, resources: []string{"*"}}}),
	}
	if d := must(t, docs, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}); d != (Decision{Allowed, 1, 1, "C"}) {
		t.Errorf("%+v", d)
	}
}

func TestTextOfAStatementIsAsItWasWritten(t *testing.T) {
	const one, two = `{"Effect":"Allow", "Action":"s3:*","Resource":"*"}`, `{"Effect":"Deny","Action":["sns:*"],"Resource":"*"}`
	list, single := []byte(`{"Version":"2012-10-17","Statement":[`+one+`,`+two+`]}`), []byte(`{"Version":"2012-10-17","Statement":`+one+`}`)
	for _, row := range []struct {
		document []byte
		index    int
		want     string
	}{{list, 0, one}, {list, 1, two}, {list, 2, ""}, {list, -1, ""}, {single, 0, one}, {single, 1, ""}, {[]byte("{"), 0, ""}} {
		if got := StatementText(row.document, row.index); got != row.want {
			t.Errorf("%s %d: %s, want %s", row.document, row.index, got, row.want)
		}
	}
}

func TestMessage(t *testing.T) {
	req := Request{Action: "social-messaging:PostWhatsAppMessageMedia", Resource: "arn:r"}
	const head = "User: arn:u is not authorized to perform: social-messaging:PostWhatsAppMessageMedia on resource: arn:r "
	if got := (Decision{}).Message("arn:u", req); got != head+"because no identity-based policy allows the social-messaging:PostWhatsAppMessageMedia action" {
		t.Error(got)
	}
	if got := (Decision{Outcome: ExplicitDeny}).Message("arn:u", req); got != head+"with an explicit deny in an identity-based policy" {
		t.Error(got)
	}
}

func TestSizeIsBounded(t *testing.T) {
	text := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	text += strings.Repeat(" ", MaxDocument-len(text))
	if _, err := Parse([]byte(text)); err != nil {
		t.Error(err)
	}
	if _, err := Parse([]byte(text + " ")); err == nil || !strings.Contains(err.Error(), "expected at most 10240") {
		t.Error(err)
	}
	for _, deep := range []string{strings.Repeat("[", MaxDocument), strings.Repeat(`{"a":`, MaxDocument/5)} {
		if _, err := Parse([]byte(deep)); err == nil {
			t.Error("loaded")
		}
	}
}
