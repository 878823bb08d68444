package policy

import (
	"encoding/json"
	"math/big"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// The reference: the semantics a second time, as plainly as possible, with the standard library's own means. It
// shares no code with the evaluator and expects right policies.

// naive decides a request. The names of values are in lower case.
func naive(rules []rule, action, resource string, values map[string][]string) Outcome {
	for _, deny := range []bool{true, false} {
		for _, r := range rules {
			if r.deny == deny && naiveApplies(r, action, resource, values) {
				return map[bool]Outcome{true: ExplicitDeny, false: Allowed}[deny]
			}
		}
	}
	return NoAllow
}

func naiveApplies(r rule, action, resource string, values map[string][]string) bool {
	isAction := slices.ContainsFunc(r.actions, func(p string) bool { return naiveMatch(p, action, "(?i)") })
	if isAction == r.notAction {
		return false
	}
	isResource, isResolved := false, true
	for _, p := range r.resources {
		expression, ok := naiveExpression(p, true, values)
		isResolved = isResolved && ok
		isResource = isResource || ok && naiveRegexp(expression, "").MatchString(resource)
	}
	if isResource == r.notResource || r.notResource && !isResolved && !r.deny {
		return false
	}
	if r.condition == "" {
		return true
	}
	var operators map[string]map[string]any
	if err := json.Unmarshal([]byte(r.condition), &operators); err != nil {
		panic(err)
	}
	for operator, keys := range operators {
		for key, expected := range keys {
			list, isList := expected.([]any)
			if !isList {
				list = []any{expected}
			}
			if !naiveCondition(operator, values[strings.ToLower(key)], list, values, r.deny) {
				return false
			}
		}
	}
	return true
}

func naiveCondition(operator string, found []string, expected []any, values map[string][]string, deny bool) bool {
	isEmpty := !slices.ContainsFunc(found, func(s string) bool { return s != "" })
	if operator == "Null" {
		return slices.ContainsFunc(expected, func(want any) bool {
			return want == isEmpty || want == map[bool]string{true: "true", false: "false"}[isEmpty]
		})
	}
	set, name, isSet := strings.Cut(operator, ":")
	if !isSet {
		set, name = "", operator
	}
	name, ifExists := strings.CutSuffix(name, "IfExists")
	isNegated := strings.Contains(name, "Not")
	name = strings.Replace(name, "Not", "", 1)
	if ifExists && len(found) == 0 {
		return true
	}
	if set != "" && isEmpty {
		return set == "ForAllValues"
	}
	if len(found) == 0 {
		return isNegated
	}
	count := 0
	for _, value := range found {
		isMatch, isResolved := false, true
		for _, want := range expected {
			matches, ok := naiveCompare(name, value, naiveText(want), values)
			isMatch, isResolved = isMatch || matches, isResolved && ok
		}
		if isNegated {
			isMatch = !isMatch && (deny || isResolved)
		}
		if isMatch {
			count++
		}
	}
	if set == "ForAnyValue" || set == "" && deny {
		return count > 0
	}
	return count == len(found)
}

// naiveText returns a value of a policy as a string.
func naiveText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func naiveCompare(operator, found, want string, values map[string][]string) (matches, isResolved bool) {
	switch {
	case strings.HasPrefix(operator, "Numeric"):
		a, b := naiveNumber(found), naiveNumber(want)
		return a != nil && naiveOrder(strings.TrimPrefix(operator, "Numeric"), a.Cmp(b)), true
	case strings.HasPrefix(operator, "Date"):
		a, b := naiveTime(found), naiveTime(want)
		return !a.IsZero() && naiveOrder(strings.TrimPrefix(operator, "Date"), a.Compare(b)), true
	case operator == "IpAddress":
		address := net.ParseIP(found)
		if !strings.Contains(want, "/") {
			return address != nil && address.Equal(net.ParseIP(want)), true
		}
		_, network, err := net.ParseCIDR(want)
		return err == nil && address != nil && network.Contains(address), true
	case strings.HasPrefix(operator, "Arn"):
		return naiveARN(found, want, values)
	}
	expression, ok := naiveExpression(want, operator == "StringLike", values)
	if !ok {
		return false, false
	}
	flags := ""
	if operator == "StringEqualsIgnoreCase" {
		flags = "(?i)"
	}
	return naiveRegexp(expression, flags).MatchString(found), true
}

func naiveARN(found, want string, values map[string][]string) (matches, isResolved bool) {
	hidden := naiveVariable.ReplaceAllStringFunc(want, func(v string) string { return strings.ReplaceAll(v, ":", "\x00") })
	parts, wants := strings.SplitN(found, ":", 6), strings.SplitN(hidden, ":", 6)
	matches, isResolved = len(parts) == 6, true
	for i := range wants {
		expression, ok := naiveExpression(strings.ReplaceAll(wants[i], "\x00", ":"), true, values)
		isResolved = isResolved && ok
		matches = matches && ok && naiveRegexp(expression, "").MatchString(parts[i])
	}
	return matches && isResolved, isResolved
}

func naiveOrder(name string, order int) bool {
	return strings.Contains(name, "Equals") && order == 0 || strings.Contains(name, "LessThan") && order < 0 || strings.Contains(name, "GreaterThan") && order > 0
}

var naiveDecimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func naiveNumber(s string) *big.Rat {
	if !naiveDecimal.MatchString(s) {
		return nil
	}
	n, _ := new(big.Rat).SetString(s)
	return n
}

func naiveTime(s string) time.Time {
	if regexp.MustCompile(`^[0-9]{10,11}$`).MatchString(s) {
		seconds, _ := new(big.Int).SetString(s, 10)
		return time.Unix(seconds.Int64(), 0)
	}
	for _, layout := range []string{"2006-01", "2006-01-02", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

var naiveVariable = regexp.MustCompile(`\$\{([^,}]+)(, '([^']*)')?\}`)

// naiveExpression returns a regular expression for a text with variables, and whether all of them have a value.
func naiveExpression(text string, hasWildcards bool, values map[string][]string) (expression string, isResolved bool) {
	literal := func(s string) string {
		if hasWildcards {
			return naiveWildcards(s)
		}
		return regexp.QuoteMeta(s)
	}
	isResolved = true
	last := 0
	for _, at := range naiveVariable.FindAllStringSubmatchIndex(text, -1) {
		expression += literal(text[last:at[0]])
		last = at[1]
		name, hasDefault := text[at[2]:at[3]], at[4] >= 0
		found := values[strings.ToLower(name)]
		switch {
		case !hasDefault && strings.Contains("*?$", name):
			expression += regexp.QuoteMeta(name)
		case len(found) == 1:
			expression += regexp.QuoteMeta(found[0])
		case hasDefault && len(found) == 0:
			expression += regexp.QuoteMeta(text[at[6]:at[7]])
		default:
			isResolved = false
		}
	}
	return expression + literal(text[last:]), isResolved
}

// naiveMatch matches a text with wildcards and without variables.
func naiveMatch(p, s, flags string) bool {
	return naiveRegexp(naiveWildcards(p), flags).MatchString(s)
}

func naiveWildcards(p string) string {
	return strings.ReplaceAll(strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, `.*`), `\?`, `.`)
}

var (
	naiveMu    sync.Mutex
	naiveCache = map[string]*regexp.Regexp{}
)

func naiveRegexp(expression, flags string) *regexp.Regexp {
	naiveMu.Lock()
	defer naiveMu.Unlock()
	re := naiveCache[flags+expression]
	if re == nil {
		re = regexp.MustCompile(flags + `(?s)\A(?:` + expression + `)\z`)
		if len(naiveCache) < 10_000 {
			naiveCache[flags+expression] = re
		}
	}
	return re
}
