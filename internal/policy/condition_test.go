package policy

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// conditionRow is a row of m_condition.txt.
type conditionRow struct {
	id, operator, key string
	expected, found   []string // of the policy, and of the request
	allow, deny       bool     // whether the condition is true in a statement that allows, and that denies
	values            map[string][]string
}

func conditionRows(t *testing.T) (list []conditionRow) {
	split := func(s string) (list []string) {
		for part := range strings.SplitSeq(s, ";") {
			list = append(list, strings.TrimSuffix(strings.TrimPrefix(part, `"`), `"`))
		}
		return list
	}
	for _, fields := range rows(t, "m_condition.txt", 6, 310) {
		verdict, others, _ := strings.Cut(fields[5], " | ")
		allow, deny, differ := strings.Cut(strings.TrimSpace(verdict), "/")
		if !differ {
			deny = allow
		}
		row := conditionRow{fields[0], fields[1], fields[2], split(fields[3]), nil, allow == "yes", deny == "yes", map[string][]string{}}
		if fields[4] != "-" {
			row.found = split(fields[4])
			row.values[strings.ToLower(row.key)] = row.found
		}
		for pair := range strings.SplitSeq(others, ";") {
			if name, value, found := strings.Cut(strings.TrimSpace(pair), "="); found {
				name = strings.ToLower(name)
				row.values[name] = append(row.values[name], value)
			}
		}
		list = append(list, row)
	}
	return list
}

// variants returns the row and others whose verdicts follow from it.
func (row conditionRow) variants() []conditionRow {
	with := func(operator string, allow, deny bool) conditionRow {
		v := row
		v.id, v.operator, v.allow, v.deny = row.id+" as "+operator, operator, allow, deny
		return v
	}
	list := []conditionRow{row}
	reversed := row
	reversed.id, reversed.expected = row.id+" reversed", slices.Clone(row.expected)
	slices.Reverse(reversed.expected)
	list = append(list, reversed)
	if strings.Contains(row.operator, ":") || strings.HasSuffix(row.operator, ifExists) || row.operator == "Null" {
		return list
	}
	found := row.values[strings.ToLower(row.key)]
	switch isMissing := len(found) == 0; {
	case isMissing:
		list = append(list, with(row.operator+ifExists, true, true), with(forAll+row.operator, true, true), with(forAny+row.operator, false, false))
	default:
		list = append(list, with(row.operator+ifExists, row.allow, row.deny))
		if len(found) == 1 && found[0] != "" {
			list = append(list, with(forAll+row.operator, row.allow, row.deny), with(forAny+row.operator, row.allow, row.deny))
		}
	}
	negated := map[string]string{"Bool": "", "IpAddress": "NotIpAddress"}
	opposite, known := negated[row.operator]
	if family, isEquals := strings.CutSuffix(row.operator, "Equals"); !known && isEquals && !strings.Contains(row.operator, "Not") && !strings.HasSuffix(family, "Than") {
		opposite = family + "NotEquals"
	} else if family, isLike := strings.CutSuffix(row.operator, "Like"); !known && isLike && !strings.Contains(row.operator, "Not") {
		opposite = family + "NotLike"
	}
	isResolved := !slices.ContainsFunc(row.expected, func(s string) bool { _, ok := naiveExpression(s, false, row.values); return !ok })
	if opposite != "" && row.allow == row.deny && (isResolved || row.allow) {
		list = append(list, with(opposite, !row.allow, !row.deny))
	}
	return list
}

func TestConditionRows(t *testing.T) {
	decisions := 0
	for _, row := range conditionRows(t) {
		for _, v := range row.variants() {
			element, err := json.Marshal(map[string]map[string][]string{v.operator: {v.key: v.expected}})
			if err != nil {
				t.Fatal(err)
			}
			one := rule{actions: []string{"*"}, resources: []string{"*"}, condition: string(element)}
			all, not := rule{actions: []string{"*"}, resources: []string{"*"}}, one
			not.deny = true
			req := ask("s3:GetObject", "arn:aws:s3:::b/k", v.values)
			for _, test := range []struct {
				rules []rule
				want  Outcome
			}{
				{[]rule{one}, map[bool]Outcome{true: Allowed}[v.allow]},
				{[]rule{all, not}, map[bool]Outcome{true: ExplicitDeny, false: Allowed}[v.deny]},
			} {
				decisions++
				if got := must(t, []*Document{document(t, test.rules)}, req.Request).Outcome; got != test.want {
					t.Errorf("%s: %s with %q: %v, want %v", v.id, element, v.values, got, test.want)
				}
				if got := naive(test.rules, req.Action, req.Resource, req.values); got != test.want {
					t.Errorf("%s: %s with %q: the naive reference says %v, want %v", v.id, element, v.values, got, test.want)
				}
			}
		}
	}
	t.Logf("%d decisions", decisions)
	if decisions < 1_500 {
		t.Errorf("%d decisions, want 1,500", decisions)
	}
}

func TestAllConditionsOfAStatementMustBeTrue(t *testing.T) {
	const condition = `{"StringEquals":{"aws:username":"app","aws:ResourceTag/team":["red","blue"]},"Bool":{"aws:SecureTransport":"true"}}`
	rules := []rule{{actions: []string{"*"}, resources: []string{"*"}, condition: condition}}
	good := map[string][]string{"aws:username": {"app"}, "aws:ResourceTag/team": {"blue"}, "aws:SecureTransport": {"true"}}
	if got := decide(t, rules, ask("s3:GetObject", "arn:aws:s3:::b/k", good)); got != Allowed {
		t.Errorf("all are true: %v", got)
	}
	for name := range good {
		for _, other := range [][]string{nil, {"other"}} {
			values := maps.Clone(good)
			values[name] = other
			if got := decide(t, rules, ask("s3:GetObject", "arn:aws:s3:::b/k", values)); got != NoAllow {
				t.Errorf("%s is %q: %v", name, other, got)
			}
		}
	}
}

// A variable in a resource stands for its literal value, and without a value for nothing.
func TestVariablesInResources(t *testing.T) {
	for name, test := range map[string]struct {
		pattern, resource string
		not, deny         bool
		values            map[string][]string
		applies           bool
	}{
		"value":                     {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/app/k", false, false, map[string][]string{"aws:username": {"app"}}, true},
		"another":                   {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bot/k", false, false, map[string][]string{"aws:username": {"app"}}, false},
		"longer":                    {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/app2/k", false, false, map[string][]string{"aws:username": {"app"}}, false},
		"star":                      {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/app/k", false, false, map[string][]string{"aws:username": {"*"}}, false},
		"question mark":             {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/a/k", false, false, map[string][]string{"aws:username": {"?"}}, false},
		"path":                      {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/b/k", false, false, map[string][]string{"aws:username": {"a/../b"}}, false},
		"variable as value":         {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/1/k", false, false, map[string][]string{"aws:username": {"${aws:PrincipalAccount}"}, "aws:PrincipalAccount": {"1"}}, false},
		"missing":                   {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b//k", false, false, nil, false},
		"missing, NotResource":      {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::c/k", true, false, nil, false},
		"missing, Deny":             {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/app/k", false, true, nil, false},
		"missing, Deny NotResource": {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/app/k", true, true, nil, true},
		"NotResource":               {"arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/app/k", true, false, map[string][]string{"aws:username": {"bot"}}, true},
		"default":                   {"arn:aws:s3:::b/${aws:ResourceTag/t, 'x'}/*", "arn:aws:s3:::b/x/k", false, false, nil, true},
		"default is literal":        {"arn:aws:s3:::b/${aws:ResourceTag/t, '*'}/*", "arn:aws:s3:::b/x/k", false, false, nil, false},
		"escaped star":              {"arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", false, false, nil, false},
		"escaped star itself":       {"arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", false, false, nil, true},
		"account":                   {"arn:aws:iam::${aws:PrincipalAccount}:role/*", "arn:aws:iam::1:role/r", false, false, map[string][]string{"aws:PrincipalAccount": {"1"}}, true},
		"request for all":           {"arn:aws:s3:::${aws:username}", "*", false, false, map[string][]string{"aws:username": {"*"}}, false},
	} {
		r := rule{actions: []string{"*"}, resources: []string{test.pattern}, notResource: test.not, deny: test.deny}
		rules := []rule{r, {actions: []string{"*"}, resources: []string{"*"}}}
		if !test.deny {
			rules = rules[:1]
		}
		want := map[[2]bool]Outcome{{false, true}: Allowed, {false, false}: NoAllow, {true, true}: ExplicitDeny, {true, false}: Allowed}[[2]bool{test.deny, test.applies}]
		if got := decide(t, rules, ask("s3:GetObject", test.resource, test.values)); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// FuzzVariablesAreLiteral puts any value into a pattern: it matches the texts that have it in that place, and no others.
func FuzzVariablesAreLiteral(f *testing.F) {
	for _, value := range []string{"", "*", "?", "**", "a*b", "${aws:username}", "${*}", "a/../b", ":", "\xff", "é", "'", "\\"} {
		f.Add(value, "x")
		f.Add(value, value)
	}
	f.Fuzz(literalChecker(f))
}

// TestVariablesAreLiteral does the same with values at random, which have many wildcards and variables, and other
// texts that differ from them little.
func TestVariablesAreLiteral(t *testing.T) {
	const values = 100_000
	parts := []string{"*", "?", "**", "${aws:username}", "${*}", "${", "}", "$", "/", ":", "a", "k", "é", "\xff", "'", "\\", " "}
	r := rand.New(rand.NewPCG(1, 2))
	check := literalChecker(t)
	equal := 0
	for range values {
		value := pick(r, parts, 6)
		other := slices.Clone(value)
		if r.IntN(2) == 0 {
			other[r.IntN(len(other))] = pick(r, parts, 1)[0]
		}
		if slices.Equal(value, other) {
			equal++
		}
		check(t, strings.Join(value, ""), strings.Join(other, ""))
	}
	if equal < values/4 || equal > values*3/4 {
		t.Errorf("%d of %d values are equal to the text: the random values test little", equal, values)
	}
}

// literalChecker returns a function that checks what a pattern with a value of a variable matches.
func literalChecker(tb testing.TB) func(t *testing.T, value, other string) {
	literal := document(tb, []rule{{actions: []string{"*"}, resources: []string{"arn:aws:s3:::b/${aws:RequestTag/v}/k"}}})
	wild := document(tb, []rule{{actions: []string{"*"}, resources: []string{"arn:aws:s3:::b/*/${aws:RequestTag/v}/?"}}})
	return func(t *testing.T, value, other string) {
		req := ask("s3:GetObject", "arn:aws:s3:::b/"+other+"/k", map[string][]string{"aws:RequestTag/v": {value}})
		isText := literalPrefix(value) == len(value) // otherwise it matches nothing
		if got := must(t, []*Document{literal}, req.Request).Allowed(); got != (value == other && isText) {
			t.Errorf("the value %q matches %q: %v", value, other, got)
		}
		req.Resource = "arn:aws:s3:::b/x/" + other + "/k"
		if got := must(t, []*Document{wild}, req.Request).Allowed(); got && !strings.HasSuffix("x/"+other, "/"+value) || !got && value == other && isText {
			t.Errorf("the value %q behind a wildcard matches %q: %v", value, other, got)
		}
	}
}

func TestErrorOfTheContextAllowsNothing(t *testing.T) {
	doc := document(t, []rule{
		{sid: "A", actions: []string{"*"}, resources: []string{"*"}},
		{sid: "B", actions: []string{"s3:Put*"}, resources: []string{"*"}, condition: `{"StringNotEquals":{"aws:ResourceTag/t":"x"}}`},
	})
	broken := errors.New("the database is closed")
	calls := 0
	context := func(string) ([]string, error) { calls++; return nil, broken }
	for action, want := range map[string]error{"s3:PutObject": nil, "s3:GetObject": nil} {
		if d, err := Evaluate([]*Document{doc}, Request{Action: action, Resource: "arn:aws:s3:::b/k", Context: context}); !errors.Is(err, want) || !d.Allowed() || calls > 0 {
			t.Errorf("%s: %+v, %v, %d calls: what decides already needs no values", action, d, err, calls)
		}
	}
	deny := document(t, []rule{{deny: true, actions: []string{"*"}, resources: []string{"*"}, condition: `{"StringEquals":{"aws:ResourceTag/t":"x"}}`}})
	if d, err := Evaluate([]*Document{doc, deny}, Request{Action: "s3:PutObject", Resource: "arn:aws:s3:::b/k", Context: context}); !errors.Is(err, broken) || d.Allowed() {
		t.Errorf("%+v, %v", d, err)
	}
}

// The values of a request are looked up when a statement needs them, and once.
func TestValuesAreLookedUpWhenTheyAreNeeded(t *testing.T) {
	doc := document(t, []rule{
		{actions: []string{"s3:*"}, resources: []string{"arn:aws:s3:::other/*"}, condition: `{"StringEquals":{"aws:ResourceTag/t":"x"}}`},
		{actions: []string{"sns:*"}, resources: []string{"*"}, condition: `{"IpAddress":{"aws:SourceIp":"10.0.0.1"}}`},
		{actions: []string{"s3:*"}, resources: []string{"*"}, condition: `{"StringEquals":{"aws:username":"a","aws:RequestTag/t":"x"}}`},
		{actions: []string{"s3:*"}, resources: []string{"*"}, condition: `{"StringEquals":{"aws:username":"b"}}`},
	})
	var names []string
	context := func(name string) ([]string, error) { names = append(names, name); return []string{"b"}, nil }
	if d, err := Evaluate([]*Document{doc}, Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Context: context}); err != nil || d.Statement != 3 {
		t.Errorf("%+v, %v", d, err)
	}
	if len(names) != 1 || names[0] != "aws:username" {
		t.Errorf("looked up %q", names)
	}
}
