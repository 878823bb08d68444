package testcode

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// Ids of the world, which are others when it is repeated, are marks in texts: the name of the
// variable that has the new one, between two characters that nothing else has.
const (
	markBegin = "\uE000"
	markEnd   = "\uE001"
)

// mark returns the mark of an id, if a step has made what it names.
func (c *collector) mark(id string) (string, bool) {
	name, ok := c.variables[id]
	return markBegin + name + markEnd, ok
}

var isID = regexp.MustCompile(`^(wamid\..+|[0-9]{14,20})$`)

// marked returns a value as JSON, with marks in place of the ids of files and messages. missing
// is an id that no step has made.
func (c *collector) marked(value any) (text, missing string) {
	encoded, err := json.Marshal(value)
	var decoded any
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	if err != nil || decoder.Decode(&decoded) != nil {
		return "", "?"
	}
	var walk func(name string, value any) any
	walk = func(name string, value any) any {
		switch v := value.(type) {
		case map[string]any:
			for member := range v {
				v[member] = walk(member, v[member])
			}
		case []any:
			for i := range v {
				v[i] = walk(name, v[i])
			}
		case string:
			if mark, ok := c.mark(v); ok {
				return mark
			}
			if (name == "id" || name == "message_id" || name == "original_message_id") && isID.MatchString(v) {
				missing = v
			}
			return strings.NewReplacer(markBegin, "", markEnd, "").Replace(v)
		}
		return value
	}
	decoded = walk("", decoded)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(decoded) != nil {
		return "", "?"
	}
	return strings.TrimSpace(out.String()), missing
}

// pieces splits a text at its marks: texts and names of variables take turns, and the first is
// a text.
func pieces(text string) (parts []string) {
	for {
		before, rest, ok := strings.Cut(text, markBegin)
		parts = append(parts, before)
		if !ok {
			return parts
		}
		name, after, _ := strings.Cut(rest, markEnd)
		parts = append(parts, name)
		text = after
	}
}
