package policy

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rule is a statement in the form that both the evaluator and the naive reference take.
type rule struct {
	sid                    string
	deny                   bool
	notAction, notResource bool
	actions, resources     []string
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
		texts = append(texts, fmt.Sprintf(`{"Sid":%q,"Effect":%q,%q:["%s"],%q:["%s"]}`, r.sid, effect,
			action, strings.Join(r.actions, `","`), resource, strings.Join(r.resources, `","`)))
	}
	doc, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(texts, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// naive implements the semantics a second time, with regular expressions and with all denials first.
func naive(rules []rule, req Request) Outcome {
	for _, deny := range []bool{true, false} {
		for _, r := range rules {
			if r.deny == deny && naiveAny(r.actions, req.Action, "(?i)") != r.notAction &&
				naiveAny(r.resources, req.Resource, "") != r.notResource {
				return map[bool]Outcome{true: ExplicitDeny, false: Allowed}[deny]
			}
		}
	}
	return NoAllow
}

func naiveAny(patterns []string, s, flags string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return naiveMatch(p, s, flags) })
}

var naiveCache = map[string]*regexp.Regexp{}

func naiveMatch(p, s, flags string) bool {
	re := naiveCache[flags+p]
	if re == nil {
		text := regexp.QuoteMeta(p)
		text = strings.ReplaceAll(text, `\*`, `.*`)
		text = strings.ReplaceAll(text, `\?`, `.`)
		re = regexp.MustCompile(flags + `(?s)\A` + text + `\z`)
		if len(naiveCache) < 10_000 {
			naiveCache[flags+p] = re
		}
	}
	return re.MatchString(s)
}

// The alphabets are small, so that patterns often match.
var (
	someActions   = []string{"s3:GetObject", "s3:PutObject", "s3:G", "social-messaging:SendWhatsAppMessage", "social-messaging:Get"}
	somePatterns  = []string{"*", "s3:*", "s3:Get*", "s3:?etObject", "s3:*Object", "S3:gETobject", "social-messaging:*", "social-messaging:Send*Message", "s3:?", "social-messaging:G?t"}
	someResources = []string{"*", "arn:aws:s3:::b/k", "arn:aws:s3:::b/k/k", "arn:aws:s3:::c/k", "arn:aws:s3:::B/k", "arn:aws:social-messaging:us-east-1:1:waba/a", "arn:aws:social-messaging:us-east-1:2:waba/a"}
	someARNs      = []string{"*", "arn:aws:s3:::*", "arn:aws:s3:::b/*", "arn:aws:s3:::?/k", "arn:aws:s3:::b/k", "arn:*:s3:::*/k", "arn:aws:social-messaging:*:1:*", "arn:aws:social-messaging:us-east-1:?:waba/*"}
)

func pick(r *rand.Rand, from []string, n int) []string {
	out := make([]string, 1+r.IntN(n))
	for i := range out {
		out[i] = from[r.IntN(len(from))]
	}
	return out
}

func randomRule(r *rand.Rand, i int) rule {
	return rule{
		sid: fmt.Sprintf("S%d", i), deny: r.IntN(4) == 0, notAction: r.IntN(5) == 0, notResource: r.IntN(5) == 0,
		actions: pick(r, somePatterns, 3), resources: pick(r, someARNs, 3),
	}
}

func randomRules(r *rand.Rand) []rule {
	rules := make([]rule, r.IntN(5))
	for i := range rules {
		rules[i] = randomRule(r, i)
	}
	return rules
}

func randomRequest(r *rand.Rand) Request {
	return Request{Action: pick(r, someActions, 1)[0], Resource: pick(r, someResources, 1)[0]}
}

func decide(t *testing.T, rules []rule, req Request) Outcome {
	return Evaluate([]*Document{document(t, rules)}, req).Outcome
}

// TestLaws checks properties that hold for all policies, on random policies and requests. FuzzLaws is the
// same without end.
func TestLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3_000 {
		checkAdditions(t, r)
		checkRewritings(t, r)
	}
}

func FuzzLaws(f *testing.F) {
	f.Add(uint64(3), uint64(4))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		checkAdditions(t, r)
		checkRewritings(t, r)
	})
}

// checkAdditions checks that the naive reference agrees, that an additional Deny never grants access, and
// that an additional Allow never removes it.
func checkAdditions(t *testing.T, r *rand.Rand) {
	rules, req := randomRules(r), randomRequest(r)
	got := decide(t, rules, req)
	fail := func(law string, other Outcome) { t.Errorf("%s: %v, was %v: %+v %+v", law, other, got, rules, req) }
	if want := naive(rules, req); got != want {
		fail("the naive reference says otherwise", want)
	}
	extra := randomRule(r, 9)
	extra.deny = true
	if o := decide(t, append(slices.Clone(rules), extra), req); o == Allowed && got != Allowed || got == ExplicitDeny && o != ExplicitDeny {
		fail("a Deny gave access", o)
	}
	extra.deny = false
	if o := decide(t, append(slices.Clone(rules), extra), req); got == Allowed && o != Allowed || got == ExplicitDeny && o != ExplicitDeny {
		fail("an Allow took access, or overruled a Deny", o)
	}
}

// checkRewritings checks that equivalent policies decide alike.
func checkRewritings(t *testing.T, r *rand.Rand) {
	rules, req := randomRules(r), randomRequest(r)
	got := decide(t, rules, req)
	shuffled, renamed := slices.Clone(rules), slices.Clone(rules)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	var docs []*Document
	for i := range shuffled {
		renamed[i].sid = ""
		docs = append(docs, document(t, shuffled[i:i+1]))
	}
	upper := Request{Action: strings.ToUpper(req.Action), Resource: req.Resource}
	for law, o := range map[string]Outcome{
		"another order":                   decide(t, shuffled, req),
		"without Sids":                    decide(t, renamed, req),
		"one document for each statement": Evaluate(docs, req).Outcome,
		"one statement for each pattern":  decide(t, splitPatterns(rules), req),
		"the action in upper case":        decide(t, rules, upper),
		"everything twice":                Evaluate(slices.Concat(docs, docs), req).Outcome,
	} {
		if o != got {
			t.Errorf("%s: %v, was %v: %+v %+v", law, o, got, rules, req)
		}
	}
}

// splitPatterns returns one statement for each pair of patterns. Lists of NotAction and NotResource cannot be
// split.
func splitPatterns(rules []rule) []rule {
	var out []rule
	for _, one := range rules {
		one.sid = ""
		actions, resources := [][]string{one.actions}, [][]string{one.resources}
		if !one.notAction {
			actions = slices.Collect(slices.Chunk(one.actions, 1))
		}
		if !one.notResource {
			resources = slices.Collect(slices.Chunk(one.resources, 1))
		}
		for _, a := range actions {
			for _, res := range resources {
				part := one
				part.actions, part.resources = a, res
				out = append(out, part)
			}
		}
	}
	return out
}

func TestDefaultIsDeny(t *testing.T) {
	req := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	all := document(t, []rule{{actions: []string{"*"}, resources: []string{"*"}}})
	for name, docs := range map[string][]*Document{"no documents": nil, "zero document": {{}}, "nil document": {nil}, "nil beside all": {all, nil}} {
		if d := Evaluate(docs, req); d != (Decision{}) {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d := Evaluate([]*Document{{}, all}, req); !d.Allowed() {
		t.Errorf("%+v", d)
	}
}

func TestDecisionNamesTheDeny(t *testing.T) {
	all := []string{"*"}
	docs := []*Document{
		document(t, []rule{{sid: "A", actions: all, resources: all}}),
		document(t, []rule{{sid: "B", actions: all, resources: all}, {sid: "C", deny: true, actions: []string{"s3:Put*"}, resources: all}}),
	}
	if d := Evaluate(docs, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::b/k"}); d != (Decision{ExplicitDeny, 1, 1, "C"}) {
		t.Errorf("%+v", d)
	}
}

func TestDecisionNamesTheFirstAllow(t *testing.T) {
	docs := []*Document{
		document(t, []rule{{sid: "A", actions: []string{"s3:Put*"}, resources: []string{"*"}}}),
		document(t, []rule{{sid: "B", actions: []string{"sns:*"}, resources: []string{"*"}}, {sid: "C", actions: []string{"s3:*"}, resources: []string{"*"}}, {sid: "D", actions: []string{"*"}, resources: []string{"*"}}}),
	}
	if d := Evaluate(docs, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}); d != (Decision{Allowed, 1, 1, "C"}) {
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
