package metasim

import (
	"fmt"
	"net/http"
	"strings"
)

// Bounds of the parameter fields.
const (
	maxFieldsLength = 16 << 10 // bytes
	maxFieldDepth   = 8        // braces in braces
)

// fieldRequest is a field that a request asks for, such as
// phone_numbers.limit(2){id,throughput{level}}.
type fieldRequest struct {
	name      string
	modifiers []modifier
	fields    []fieldRequest // in braces; nil means none
}

// modifier is a parameter of a field, such as limit(2).
type modifier struct{ name, value string }

// get returns the value of a modifier, the last one if there are several.
func (f fieldRequest) get(name string) string {
	value := ""
	for _, m := range f.modifiers {
		if m.name == name {
			value = m.value
		}
	}
	return value
}

// String returns the field as a request has it.
func (f fieldRequest) String() string {
	var text strings.Builder
	text.WriteString(f.name)
	for _, m := range f.modifiers {
		fmt.Fprintf(&text, ".%s(%s)", m.name, m.value)
	}
	if f.fields != nil {
		text.WriteString("{" + fieldsText(f.fields) + "}")
	}
	return text.String()
}

func fieldsText(fields []fieldRequest) string {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = f.String()
	}
	return strings.Join(texts, ",")
}

// parseFields reads the parameter fields (docs/references.md#graph-fields). Names,
// separated by commas, may have modifiers, and fields of their own in braces. An
// empty text has no fields.
func parseFields(text string) ([]fieldRequest, *apiError) {
	p := &fieldParser{text: text}
	if p.skipSpace(); p.at == len(text) {
		return nil, nil
	}
	if len(text) > maxFieldsLength {
		return nil, malformedForm("The parameter fields has more than %d bytes.", maxFieldsLength)
	}
	fields, refusal := p.list(0)
	if refusal == nil && p.at < len(text) {
		refusal = p.expected("end of string")
	}
	return fields, refusal
}

// fieldParser reads a text from at on.
type fieldParser struct {
	text string
	at   int
}

// list reads fields up to what cannot follow a field.
func (p *fieldParser) list(depth int) ([]fieldRequest, *apiError) {
	if depth > maxFieldDepth {
		return nil, malformedForm("The parameter fields has more than %d braces in braces.", maxFieldDepth)
	}
	fields := []fieldRequest{}
	for {
		f, refusal := p.field(depth)
		if refusal != nil {
			return nil, refusal
		}
		fields = append(fields, f)
		if !p.accept(',') {
			return fields, nil
		}
	}
}

// field reads one field with its modifiers and its own fields.
func (p *fieldParser) field(depth int) (f fieldRequest, refusal *apiError) {
	if f.name, refusal = p.name(); refusal != nil {
		return f, refusal
	}
	for p.accept('.') {
		m, refusal := p.modifier()
		if refusal != nil {
			return f, refusal
		}
		f.modifiers = append(f.modifiers, m)
	}
	if !p.accept('{') {
		return f, nil
	}
	if f.fields, refusal = p.list(depth + 1); refusal != nil {
		return f, refusal
	}
	if !p.accept('}') {
		return f, p.expected(`"}"`)
	}
	return f, nil
}

// modifier reads name(value), where brackets in the value are balanced.
func (p *fieldParser) modifier() (m modifier, refusal *apiError) {
	if m.name, refusal = p.name(); refusal != nil {
		return m, refusal
	}
	if !p.accept('(') {
		return m, p.expected(`"("`)
	}
	start := p.at
	for open := 0; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '(':
			open++
		case ')':
			if open == 0 {
				m.value = p.text[start:p.at]
				p.at++
				return m, nil
			}
			open--
		}
	}
	return m, p.expected(`")"`)
}

func (p *fieldParser) name() (string, *apiError) {
	p.skipSpace()
	start := p.at
	for p.at < len(p.text) && isNameByte(p.text[p.at]) {
		p.at++
	}
	if p.at == start {
		return "", p.syntaxError(`"Expected name."`)
	}
	return p.text[start:p.at], nil
}

func isNameByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// accept skips blanks and the byte, if it is next.
func (p *fieldParser) accept(b byte) bool {
	p.skipSpace()
	if p.at == len(p.text) || p.text[p.at] != b {
		return false
	}
	p.at++
	return true
}

func (p *fieldParser) skipSpace() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *fieldParser) expected(what string) *apiError {
	found := "end of string"
	if p.at < len(p.text) {
		found = `"` + strings.ToValidUTF8(p.text[p.at:p.at+1], "\uFFFD") + `"`
	}
	return p.syntaxError(fmt.Sprintf(`"Expected %s instead of %s."`, what, found))
}

// syntaxError has Meta's words, as observed (docs/references.md#graph-fields).
func (p *fieldParser) syntaxError(what string) *apiError {
	return oauthError(http.StatusBadRequest, 2500, "Syntax error %s at character %d: %s", what, p.at, truncate(p.text))
}
