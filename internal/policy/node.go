package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// node is one JSON value. members are in the order of the document.
type node struct {
	kind    jsontext.Kind // '{', '[', '"', '0', 't', 'f', 'n'
	text    string        // of a string, a number or a boolean
	items   []node
	members []member
}

type member struct {
	name  string
	value node
}

// readNode reads the single JSON value in data. It rejects duplicate names, however they are escaped,
// invalid UTF-8 (docs/references.md#i-json), and anything after the value.
func readNode(data []byte) (node, error) {
	d := jsontext.NewDecoder(bytes.NewReader(data))
	n, err := readValue(d)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return n, errors.New("the policy is empty; expected a JSON object")
		}
		return n, fmt.Errorf("the policy is not valid JSON: %w", err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return n, errors.New("the policy has content after its JSON object; expected the end")
	}
	return n, nil
}

func readValue(d *jsontext.Decoder) (node, error) {
	token, err := d.ReadToken()
	if err != nil {
		return node{}, err
	}
	n := node{kind: token.Kind()}
	switch n.kind {
	case '"', '0', 't', 'f':
		n.text = token.String()
	case '[':
		for d.PeekKind() != ']' {
			item, err := readValue(d)
			if err != nil {
				return n, err
			}
			n.items = append(n.items, item)
		}
		_, err = d.ReadToken()
	case '{':
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return n, err
			}
			m := member{name: name.String()}
			if m.value, err = readValue(d); err != nil {
				return n, err
			}
			n.members = append(n.members, m)
		}
		_, err = d.ReadToken()
	}
	return n, err
}

// describe returns how a message refers to the value.
func (n *node) describe() string {
	switch n.kind {
	case '"':
		return fmt.Sprintf("%q", clip(n.text))
	case '{':
		return "an object"
	case '[':
		if len(n.items) == 0 {
			return "an empty list"
		}
		return "a list"
	case '0':
		return "a number"
	case 'n':
		return "null"
	}
	return "a boolean"
}

// clip shortens a text that a message quotes.
func clip(s string) string {
	const maxRunes = 100
	if r := []rune(s); len(r) > maxRunes {
		return string(r[:maxRunes]) + "…"
	}
	return s
}
