package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The alphabets are small, so that patterns and conditions often match.
var (
	someActions   = []string{"s3:GetObject", "s3:PutObject", "s3:G", "social-messaging:SendWhatsAppMessage", "social-messaging:Get"}
	somePatterns  = []string{"*", "s3:*", "s3:Get*", "s3:?etObject", "s3:*Object", "S3:gETobject", "social-messaging:*", "social-messaging:Send*Message", "s3:?", "social-messaging:G?t"}
	someResources = []string{"*", "arn:aws:s3:::b/k", "arn:aws:s3:::b/k/k", "arn:aws:s3:::c/k", "arn:aws:s3:::B/k", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/", "arn:aws:social-messaging:us-east-1:1:waba/a", "arn:aws:social-messaging:us-east-1:2:waba/a"}
	someARNs      = []string{"*", "arn:aws:s3:::*", "arn:aws:s3:::b/*", "arn:aws:s3:::?/k", "arn:aws:s3:::b/k", "arn:*:s3:::*/k", "arn:aws:social-messaging:*:1:*", "arn:aws:social-messaging:us-east-1:?:waba/*",
		"arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/${aws:UserName}*", "arn:aws:s3:::${aws:ResourceTag/t}/k", "arn:aws:s3:::b/${aws:RequestTag/t, 'k'}", "arn:aws:s3:::b/${*}", "arn:aws:s3:::b/${$}{aws:username}", "arn:aws:social-messaging:us-east-1:${aws:PrincipalAccount}:*"}

	someTexts     = []string{"a", "A", "k", "b", "", "*", "?", "a*", "k/k", "${aws:username}", "${*}"}
	someTemplates = []string{"a", "A", "k", "*", "?", "a*", "*a*", "", "${aws:username}", "${aws:ResourceTag/t}", "${aws:resourcetag/T, 'a'}*", "${*}", "${?}", "?${$}", "x${aws:RequestTag/t}", "k/*"}
	someNumbers   = []string{"1", "-1", "0", "-0", "1.0", "01", "10", "0.5", "-0.50", "9007199254740993", "9007199254740992", "1767225600"}
	someDates     = []string{"2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T01:00+01:00", "2026-01", "1767225600", "2026-01-01T00:00:00.5Z", "2025-12-31T23:59:59Z"}
	someAddresses = []string{"10.0.0.1", "10.0.0.2", "::1", "2001:db8::1", "::ffff:10.0.0.1", "192.0.2.255"}
	someRanges    = []string{"10.0.0.1", "10.0.0.0/8", "10.0.0.1/31", "0.0.0.0/0", "::/0", "2001:db8::/32", "::1", "::ffff:10.0.0.0/104", "192.0.2.128/25"}
	someUsers     = []string{"arn:aws:iam::1:user/a", "arn:aws:iam::1:user/a:b", "arn:aws:iam::2:user/k", "arn:aws:iam::1:user/*"}
	someUserARNs  = []string{"arn:aws:iam::1:user/a", "arn:aws:iam::*:user/a*", "arn:*:*:*:?:user/*", "arn:aws:iam:*:1:user/a", "arn:aws:iam::1:user/${aws:username}", "arn:aws:iam::${aws:PrincipalAccount}:user/?", "arn:aws:iam::${aws:RequestTag/t, '1:user/a'}:user/a", "arn:aws:iam::1:*:user/a"}

	// someKeys are condition keys with values that a request may have.
	someKeys = map[string][]string{
		"aws:CurrentTime": someDates, "aws:EpochTime": {"1767225600", "1767225599"}, "aws:PrincipalAccount": {"1", "2"}, "aws:PrincipalArn": someUsers,
		"aws:SecureTransport": {"true", "false"}, "aws:SourceIp": someAddresses, "aws:TagKeys": {"a", "k", "A"}, "aws:username": someTexts, "aws:TokenIssueTime": someDates,
		"aws:ResourceTag/t": slices.Concat(someTexts, someNumbers, someDates, someAddresses, someUsers, []string{"true", "false", "1e400", "+1", " 1"}),
		"aws:RequestTag/t":  slices.Concat(someTexts, someNumbers, []string{"true"}),
	}
	someKeyNames = slices.Sorted(maps.Keys(someKeys))
)

func pick(r *rand.Rand, from []string, n int) []string {
	out := make([]string, 1+r.IntN(n))
	for i := range out {
		out[i] = from[r.IntN(len(from))]
	}
	return out
}

// randomCondition returns an element with one to three keys, or "".
func randomCondition(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return ""
	}
	element := map[string]map[string]any{}
	for n := 1 + r.IntN(3); n > 0; {
		var c condition
		name := pick(r, []string{"", "", forAll, forAny}, 1)[0] + operators[r.IntN(len(operators))].name + pick(r, []string{"", "", ifExists}, 1)[0]
		key := pick(r, someKeyNames, 1)[0]
		if fault := parseOperator(name, &c); fault != "" {
			continue
		}
		if c.key, _ = parseKey(key); c.suits() != "" {
			continue
		}
		n--
		values := pick(r, map[kinds][]string{stringKind: someTemplates, numericKind: someNumbers, dateKind: someDates, boolKind: {"true", "false"},
			addressKind: someRanges, arnKind: someUserARNs, nullKind: {"true", "false"}}[c.operator.kind], 3)
		if c.operator.isPattern && r.IntN(2) == 0 {
			values = pick(r, someTemplates, 3)
		}
		if element[name] == nil {
			element[name] = map[string]any{}
		}
		if element[name][key] = any(values); len(values) == 1 && r.IntN(2) == 0 {
			element[name][key] = values[0]
		}
	}
	text, err := json.Marshal(element)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func randomRule(r *rand.Rand, i int) rule {
	return rule{
		sid: fmt.Sprintf("S%d", i), deny: r.IntN(4) == 0, notAction: r.IntN(5) == 0, notResource: r.IntN(5) == 0,
		actions: pick(r, somePatterns, 3), resources: pick(r, someARNs, 3), condition: randomCondition(r),
	}
}

func randomRules(r *rand.Rand) []rule {
	rules := make([]rule, r.IntN(5))
	for i := range rules {
		rules[i] = randomRule(r, i)
	}
	return rules
}

// asked is a request with the values of its context.
type asked struct {
	Request
	values map[string][]string // by names in lower case
}

// ask returns a request with values.
func ask(action, resource string, values map[string][]string) asked {
	folded := map[string][]string{}
	for name, list := range values {
		folded[strings.ToLower(name)] = list
	}
	context := func(name string) ([]string, error) { return folded[strings.ToLower(name)], nil }
	return asked{Request{Action: action, Resource: resource, Context: context}, folded}
}

func randomRequest(r *rand.Rand) asked {
	values := map[string][]string{}
	for _, name := range someKeyNames {
		switch {
		case r.IntN(4) == 0: // the request does not have it
		case name == "aws:TagKeys" || r.IntN(8) == 0:
			values[name] = pick(r, someKeys[name], 3)
		default:
			values[name] = pick(r, someKeys[name], 1)
		}
	}
	return ask(pick(r, someActions, 1)[0], pick(r, someResources, 1)[0], values)
}

func decide(t *testing.T, rules []rule, req asked) Outcome {
	return must(t, []*Document{document(t, rules)}, req.Request).Outcome
}

// share checks n random cases, or FERRY_ROUNDS times as many, in a subtest for each processor. Each subtest has a
// source of its own.
func share(t *testing.T, n int, check func(t *testing.T, r *rand.Rand, n int)) {
	t.Helper()
	if text := os.Getenv("FERRY_ROUNDS"); text != "" {
		rounds, err := strconv.Atoi(text)
		if err != nil || rounds < 1 {
			t.Fatalf("FERRY_ROUNDS is %q; expected how many times as many random cases to check", text)
		}
		n *= rounds
	}
	workers := runtime.GOMAXPROCS(0)
	t.Run("random", func(t *testing.T) { // returns when all are done
		for i := range workers {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				check(t, rand.New(rand.NewPCG(1, uint64(i))), (n+workers-1)/workers)
			})
		}
	})
}

// TestLaws checks properties that hold for all policies, on random policies and requests. FuzzLaws is the
// same without end.
func TestLaws(t *testing.T) {
	share(t, 1_000, func(t *testing.T, r *rand.Rand, n int) {
		for range n {
			checkAdditions(t, r)
			checkRewritings(t, r)
		}
	})
}

func FuzzLaws(f *testing.F) {
	f.Add(uint64(3), uint64(4))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		checkAdditions(t, r)
		checkRewritings(t, r)
		checkReference(t, r, 20)
	})
}

// TestReferenceAgrees compares the evaluator with the naive one.
func TestReferenceAgrees(t *testing.T) {
	var mu sync.Mutex
	outcomes := make(map[Outcome]int)
	share(t, 2_000, func(t *testing.T, r *rand.Rand, n int) {
		found := checkReference(t, r, n)
		mu.Lock()
		defer mu.Unlock()
		for o, count := range found {
			outcomes[o] += count
		}
	})
	t.Log(outcomes)
	for _, o := range []Outcome{NoAllow, Allowed, ExplicitDeny} {
		if outcomes[o] < 500 {
			t.Errorf("the outcome %d occurs %d times: the random requests test little", o, outcomes[o])
		}
	}
}

// checkReference decides several requests for each of n random policies twice. It returns how often each outcome
// occurred.
func checkReference(t *testing.T, r *rand.Rand, n int) map[Outcome]int {
	outcomes := map[Outcome]int{}
	for range n {
		rules := randomRules(r)
		doc := document(t, rules)
		for range 10 {
			req := randomRequest(r)
			got := must(t, []*Document{doc}, req.Request).Outcome
			if want := naive(rules, req.Action, req.Resource, req.values); got != want {
				t.Fatalf("%v, the naive reference says %v:\n%+v\n%s %s %q", got, want, rules, req.Action, req.Resource, req.values)
			}
			outcomes[got]++
		}
	}
	return outcomes
}

// checkAdditions checks that an additional Deny never grants access, and that an additional Allow never removes it.
func checkAdditions(t *testing.T, r *rand.Rand) {
	rules, req := randomRules(r), randomRequest(r)
	got := decide(t, rules, req)
	fail := func(law string, other Outcome) {
		t.Errorf("%s: %v, was %v: %+v %+v", law, other, got, rules, req.values)
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
	var docs, split []*Document
	for i := range shuffled {
		renamed[i].sid = ""
		docs = append(docs, document(t, shuffled[i:i+1]))
	}
	for some := range slices.Chunk(splitPatterns(rules), 5) { // all in one document could be longer than a policy may be
		split = append(split, document(t, some))
	}
	upper := req
	upper.Action = strings.ToUpper(req.Action)
	for law, o := range map[string]Outcome{
		"another order":                   decide(t, shuffled, req),
		"without Sids":                    decide(t, renamed, req),
		"one document for each statement": must(t, docs, req.Request).Outcome,
		"one statement for each pattern":  must(t, split, req.Request).Outcome,
		"the action in upper case":        decide(t, rules, upper),
		"everything twice":                must(t, slices.Concat(docs, docs), req.Request).Outcome,
		"keys in upper case":              decide(t, upperKeys(rules), req),
		"without what never applies":      decide(t, slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return !naiveApplies(r, req.Action, req.Resource, req.values) }), req),
	} {
		if o != got {
			t.Errorf("%s: %v, was %v: %+v %s %s %q", law, o, got, rules, req.Action, req.Resource, req.values)
		}
	}
}

// upperKeys writes the condition keys in another case.
func upperKeys(rules []rule) []rule {
	out := slices.Clone(rules)
	for i := range out {
		for _, name := range someKeyNames {
			out[i].condition = strings.ReplaceAll(out[i].condition, `"`+name+`":`, `"`+strings.ToUpper(name)+`":`)
		}
	}
	return out
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
