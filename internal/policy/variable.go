package policy

import (
	"fmt"
	"strings"
)

// template is a text with policy variables (docs/references.md#iam-conditions), or without: then it is one literal.
// What a variable stands for is literal, whatever characters it has.
type template struct {
	pattern        // the whole text if there are no variables
	parts   []part // nil if there are no variables
}

// part is a literal text, which may have wildcards, or a variable.
type part struct {
	text       string // compiled; empty for a variable
	prefix     int    // length of the text before the first wildcard
	variable   key
	hasDefault bool
	fallback   string // of a variable without a value
}

// parseTemplate reads a text with variables. isPattern says that "*" and "?" are wildcards. The fault is empty if
// the text is right.
func parseTemplate(text string, isPattern bool) (t template, fault string) {
	var parts []part
	literal := func(s string) {
		if s == "" {
			return
		}
		if last := len(parts) - 1; last >= 0 && parts[last].text != "" {
			parts[last].text += s
			return
		}
		parts = append(parts, part{text: s})
	}
	hasVariable := false
	for rest := text; rest != ""; {
		before, after, found := strings.Cut(rest, "${")
		if isPattern {
			before = wildcards(before)
		}
		literal(before)
		if !found {
			break
		}
		variable, end, fault := parseVariable(after)
		if fault != "" {
			return t, fault
		}
		if variable.text != "" {
			literal(variable.text)
		} else {
			parts = append(parts, variable)
			hasVariable = true
		}
		rest = after[end:]
	}
	if hasVariable {
		for i := range parts {
			parts[i].prefix = literalPrefix(parts[i].text)
		}
		t.parts = parts
		return t, ""
	}
	whole := ""
	for _, p := range parts {
		whole += p.text
	}
	t.pattern = compiled(whole, false)
	return t, ""
}

// parseVariable reads what stands behind "${", up to the "}", and returns where the text continues: one of the
// escaped characters *, ? and $, or a key, perhaps with a default.
func parseVariable(text string) (p part, end int, fault string) {
	if end = strings.IndexAny(text, ",}"); end < 0 {
		end = len(text)
	}
	name := text[:end]
	if rest := text[end:]; strings.HasPrefix(rest, ", '") {
		value, _, isClosed := strings.Cut(rest[len(", '"):], "'")
		if isClosed {
			p.hasDefault, p.fallback = true, value
			end += len(", '") + len(value) + len("'")
		}
	}
	if end >= len(text) || text[end] != '}' {
		return p, 0, `a policy variable is not complete; expected ${key} or ${key, 'default'}. Write ${$} for a "$" in front of "{"`
	}
	end++
	if strings.ContainsFunc(p.fallback, isControl) {
		return p, 0, "the default of a policy variable contains a control character; expected none"
	}
	if !p.hasDefault && (name == "*" || name == "?" || name == "$") {
		return part{text: name}, end, ""
	}
	if p.variable, fault = parseKey(name); fault != "" {
		return p, 0, fmt.Sprintf("the policy variable ${%s}: %s", clip(name), fault)
	}
	if keys[p.variable.id].isMulti {
		return p, 0, fmt.Sprintf("the policy variable ${%s} may have several values; expected a key with a single value", clip(name))
	}
	return p, end, ""
}

// matches reports whether the text, with the values of its variables, matches the whole of s. It does not match if a
// variable has no value, or several.
func (t *template) matches(e *evaluation, s string) bool {
	if t.parts == nil {
		return t.pattern.matches(s)
	}
	return t.matchesParts(e, s)
}

func (t *template) matchesParts(e *evaluation, s string) bool {
	rest := s
	for i := range t.parts {
		p := &t.parts[i]
		literal := p.text[:p.prefix]
		if p.text == "" {
			var ok bool
			if literal, ok = e.value(p); !ok {
				return false
			}
		}
		if len(rest) < len(literal) || rest[:len(literal)] != literal {
			return false
		}
		if rest = rest[len(literal):]; p.prefix < len(p.text) { // a wildcard follows
			text, ok := e.expand(t)
			return ok && matchText(text, s, false)
		}
	}
	return rest == ""
}

// resolves reports whether each variable has one value.
func (t *template) resolves(e *evaluation) bool {
	_, ok := e.expand(t)
	return ok
}

// value returns what a variable stands for.
func (e *evaluation) value(p *part) (text string, ok bool) {
	switch values := e.values(&p.variable); {
	case len(values) == 1:
		text = values[0]
	case len(values) == 0 && p.hasDefault:
		text = p.fallback
	default:
		return "", false
	}
	return text, literalPrefix(text) == len(text) // otherwise it is not UTF-8, and would become a wildcard
}

// expand returns the compiled text with the values of its variables. It is valid until the next call.
func (e *evaluation) expand(t *template) (text []byte, ok bool) {
	text = e.space[:0]
	for i := range t.parts {
		p := &t.parts[i]
		if p.text != "" {
			text = append(text, p.text...)
			continue
		}
		value, ok := e.value(p)
		if !ok {
			return nil, false
		}
		text = append(text, value...)
	}
	return text, true
}
