package policy

import (
	"fmt"
	"strings"
)

// conditions reads the element Condition, which maps operators to keys, and these to values.
func (p *parser) conditions(path string, n *node) (conditions []condition) {
	if n == nil {
		return nil
	}
	if n.kind != '{' || len(n.members) == 0 {
		p.problem(path, `%s; expected an object of operators, such as {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}. Omit it for a statement without conditions`, n.describe())
		return nil
	}
	for i := range n.members {
		name, of := n.members[i].name, &n.members[i].value
		at := path + "." + clip(name)
		var c condition
		if fault := parseOperator(name, &c); fault != "" {
			p.problem(at, "%s", fault)
			continue
		}
		if of.kind != '{' || len(of.members) == 0 {
			p.problem(at, "%s; expected an object that maps condition keys to values", of.describe())
			continue
		}
		seen := map[string]bool{}
		for j := range of.members {
			one, isRight := p.condition(at+"."+clip(of.members[j].name), c, &of.members[j])
			if isRight && seen[one.key.name] {
				p.problem(at, "the key %s is there twice, in different case; expected it once, perhaps with a list of values", one.key.text)
			}
			seen[one.key.name] = true
			conditions = append(conditions, one)
		}
	}
	return conditions
}

// condition reads one key and its values for the operator of c.
func (p *parser) condition(path string, c condition, m *member) (of condition, isRight bool) {
	fault := ""
	if c.key, fault = parseKey(m.name); fault == "" {
		fault = c.suits()
	}
	if fault != "" {
		p.problem(path, "%s", fault)
		return c, false
	}
	for _, item := range p.items(path, &m.value, "a value or a non-empty list of values") {
		v, fault := p.operand(c.operator, item.value)
		if fault != "" {
			p.problem(item.path, "%s", fault)
			continue
		}
		c.values = append(c.values, v)
	}
	return c, true
}

// operand reads a value for an operator. The fault is empty if it is right.
func (p *parser) operand(o *operator, n *node) (v operand, fault string) {
	v.written = n.text
	isRight := n.kind == '"'
	switch o.kind {
	case numericKind, dateKind:
		isRight = isRight || n.kind == '0'
	case boolKind, nullKind:
		isRight = isRight || n.kind == 't' || n.kind == 'f'
	}
	switch {
	case !isRight && n.kind == '0':
		return v, fmt.Sprintf("%s is a number; expected a string, in quotation marks", clip(n.text))
	case !isRight:
		return v, n.describe() + "; expected a string"
	case strings.ContainsFunc(n.text, isControl):
		return v, n.describe() + " contains a control character; expected none"
	case strings.Contains(n.text, "${") && o.kind&(stringKind|boolKind|arnKind) == 0:
		return v, n.describe() + ": " + o.name + " does not compare with policy variables; expected a value"
	}
	expected := ""
	switch o.kind {
	case stringKind:
		v.text, fault = p.template(n.text, o.isPattern)
	case boolKind:
		v.text, fault = p.template(n.text, false)
		isRight, expected = v.text.parts != nil || isBool(n.text), `"true", "false" or a policy variable`
	case nullKind:
		v.text, fault = p.template(n.text, false)
		isRight, expected = isBool(n.text), `"true" (the request does not have the key) or "false" (it has)`
	case numericKind:
		isRight, expected = isNumber(n.text), `a decimal number, such as "10" or "-0.5"`
	case dateKind:
		v.date, isRight = parseDate(n.text)
		expected = `a date such as "2026-01-31" (midnight UTC) or "2026-01-31T08:00:00Z", or seconds since 1970 with 10 or 11 digits`
	case addressKind:
		v.network, isRight = parseRange(n.text)
		expected = `an address or a range of addresses, such as "203.0.113.5", "203.0.113.0/24" or "2001:db8::/32"`
	case arnKind:
		v.arn, fault = p.arn(n.text)
	}
	if fault == "" && !isRight {
		fault = "expected " + expected
	}
	if fault != "" {
		return v, fmt.Sprintf("%q: %s", clip(n.text), fault)
	}
	return v, ""
}

func isBool(s string) bool { return s == "true" || s == "false" }

// arn reads an ARN, all parts of which but the first may have wildcards and variables.
func (p *parser) arn(text string) (*[arnParts]template, string) {
	parts := splitARN(text)
	if _, fault := p.template(text, true); fault != "" {
		return nil, fault
	}
	if len(parts) < arnParts || parts[0] != "arn" || parts[arnParts-1] == "" {
		return nil, `expected an ARN with six parts, "arn:partition:service:region:account:resource", which may have wildcards behind "arn"`
	}
	arn := new([arnParts]template)
	for i, part := range parts {
		arn[i], _ = p.template(part, true) // right, as the whole is
	}
	return arn, ""
}

// splitARN splits a text at the first colons outside variables, into the parts of an ARN.
func splitARN(text string) (parts []string) {
	from := 0
	for i := 0; i < len(text) && len(parts) < arnParts-1; i++ {
		switch {
		case text[i] == ':':
			parts = append(parts, text[from:i])
			from = i + 1
		case strings.HasPrefix(text[i:], "${"):
			if _, end, fault := parseVariable(text[i+len("${"):]); fault == "" {
				i += len("${") + end - 1
			}
		}
	}
	return append(parts, text[from:])
}

// maskVariables replaces each variable and escape by a character that the grammar of ARNs does not know.
func maskVariables(text string) string {
	var masked strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		masked.WriteString(before)
		if !found {
			return masked.String()
		}
		_, end, fault := parseVariable(after)
		if fault != "" {
			return masked.String() // it was refused before
		}
		masked.WriteByte('_')
		text = after[end:]
	}
}
