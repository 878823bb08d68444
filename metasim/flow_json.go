// The JSON of a flow, with the place of each value in the text.

package metasim

import (
	"encoding/json"
	"errors"
	"sort"
	"strings"
	"unicode/utf8"
)

const (
	maxFlowValues = 200_000 // values and members of a Flow JSON
	maxFlowDepth  = 100     // objects and lists in each other
)

// jsonNode is a value in a text.
type jsonNode struct {
	kind     valueKind // anyValue is null
	from, to int       // bytes of the text
	text     string    // decoded if it is a text, otherwise as it stands
	members  []jsonMember
	elements []*jsonNode
}

// jsonMember is a member of an object.
type jsonMember struct {
	name     string
	from, to int // of the name, with its quotes
	value    *jsonNode
}

// get returns a member, the last one if there are several, or nil.
func (n *jsonNode) get(name string) *jsonNode {
	if n == nil {
		return nil
	}
	for i := len(n.members) - 1; i >= 0; i-- {
		if n.members[i].name == name {
			return n.members[i].value
		}
	}
	return nil
}

// textOf returns the value of a member that is a text, or "".
func (n *jsonNode) textOf(name string) string {
	if value := n.get(name); value != nil && value.kind == textValue {
		return value.text
	}
	return ""
}

// isTrue reports whether a member is true.
func (n *jsonNode) isTrue(name string) bool {
	value := n.get(name)
	return value != nil && value.kind == booleanValue && value.text == "true"
}

// jsonProblem is why a text is no JSON that the simulator reads.
type jsonProblem struct {
	at      int
	message string
}

// parseJSON reads a text. It returns where it is wrong, if it is.
func parseJSON(text string) (*jsonNode, *jsonProblem) {
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		at := len(text)
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			at = int(syntax.Offset) - 1
		}
		return nil, &jsonProblem{max(0, min(at, len(text)-1)), "The Flow JSON is not valid JSON: " + err.Error()}
	}
	p := &jsonParser{text: text}
	root := p.value(0)
	if p.problem != nil {
		return nil, p.problem
	}
	return root, nil
}

// jsonParser reads a text that is JSON from at on.
type jsonParser struct {
	text    string
	at      int
	count   int
	problem *jsonProblem
}

// next skips blanks and returns the next byte, which there is in valid JSON.
func (p *jsonParser) next() byte {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *jsonParser) value(depth int) *jsonNode {
	first := p.next()
	n := &jsonNode{from: p.at}
	if p.count++; p.count > maxFlowValues || depth > maxFlowDepth {
		p.problem = &jsonProblem{p.at, "The Flow JSON has too many values, or too many of them in each other."}
	}
	if p.problem != nil {
		return n
	}
	switch first {
	case '{':
		n.kind = objectValue
		p.object(n, depth)
	case '[':
		n.kind = listValue
		p.list(n, depth)
	case '"':
		n.kind = textValue
		n.text = p.string()
	default:
		for p.at < len(p.text) && strings.IndexByte(" \t\r\n,]}", p.text[p.at]) < 0 {
			p.at++
		}
		n.text = p.text[n.from:p.at]
		switch n.text {
		case "null":
			n.kind = anyValue
		case "true", "false":
			n.kind = booleanValue
		default:
			n.kind = numberValue
		}
	}
	n.to = p.at
	return n
}

func (p *jsonParser) object(n *jsonNode, depth int) {
	p.at++ // the brace
	for p.next() != '}' && p.problem == nil {
		if p.text[p.at] == ',' {
			p.at++
			p.next()
		}
		m := jsonMember{from: p.at}
		m.name = p.string()
		m.to = p.at
		p.next()
		p.at++ // the colon
		m.value = p.value(depth + 1)
		n.members = append(n.members, m)
	}
	p.at++
}

func (p *jsonParser) list(n *jsonNode, depth int) {
	p.at++ // the bracket
	for p.next() != ']' && p.problem == nil {
		if p.text[p.at] == ',' {
			p.at++
		}
		n.elements = append(n.elements, p.value(depth+1))
	}
	p.at++
}

// string reads a text with its quotes.
func (p *jsonParser) string() string {
	from := p.at
	for p.at++; p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			p.at++
		}
	}
	p.at++
	var decoded string
	_ = json.Unmarshal([]byte(p.text[from:p.at]), &decoded) // the text is valid JSON
	return decoded
}

// textLines finds the line and the column of a byte.
type textLines struct {
	text   string
	starts []int // of lines
}

func linesOf(text string) textLines {
	l := textLines{text: text, starts: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' && i+1 < len(text) {
			l.starts = append(l.starts, i+1)
		}
	}
	return l
}

// position returns line and column, both counted from 1, of the character at a byte.
// Columns count characters.
func (l textLines) position(at int) (line, column int) {
	at = max(0, min(at, len(l.text)-1))
	line = sort.SearchInts(l.starts, at+1)
	start := l.starts[line-1]
	return line, max(1, utf8.RuneCountInString(l.text[start:min(len(l.text), at+1)]))
}
