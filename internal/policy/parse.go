package policy

import (
	"errors"
	"fmt"
	"strings"
)

// MaxDocument is the maximum size of a document in bytes. IAM's limits, without white space, are 6,144
// characters for a managed policy and 10,240 for the inline policies of a role.
const MaxDocument = 10_240

// Parse reads one policy document. It is as strict as IAM is when a policy is saved, and stricter where
// ferry does not support an element. The error joins all problems of the document; each names the path,
// the value found and what is expected. If the JSON itself is malformed, the error reports only that.
func Parse(json []byte) (*Document, error) {
	if len(json) > MaxDocument {
		return nil, fmt.Errorf("the policy has %d bytes; expected at most %d", len(json), MaxDocument)
	}
	root, err := readNode(json)
	if err != nil {
		return nil, err
	}
	if root.kind != '{' {
		return nil, fmt.Errorf("the policy is %s; expected an object with Version and Statement", root.describe())
	}
	p := parser{sids: map[string]bool{}, version: versionOf(&root), document: &Document{}, lists: map[string]uint8{}}
	p.read(&root)
	if len(p.problems) > 0 {
		return nil, errors.Join(p.problems...)
	}
	p.document.gather()
	return p.document, nil
}

// parser collects the problems of a document.
type parser struct {
	problems []error
	sids     map[string]bool // those of earlier statements
	version  string
	document *Document
	lists    map[string]uint8 // indexes of lists in document, by what they consist of
}

// withVariables is the version of the language that has policy variables. In the other one, they are literal text.
const withVariables = "2012-10-17"

// versionOf returns the version of a document, or "" if it has none.
func versionOf(root *node) string {
	for i := range root.members {
		if root.members[i].name == "Version" {
			return root.members[i].value.text
		}
	}
	return ""
}

// problem records a problem with the value at path.
func (p *parser) problem(path, format string, args ...any) {
	p.problems = append(p.problems, errors.New(path+": "+fmt.Sprintf(format, args...)))
}

func (p *parser) read(root *node) {
	m := p.members("", root, "Version", "Id", "Statement")
	if v := m["Version"]; v == nil {
		p.problem("Version", `missing; expected "2012-10-17"`)
	} else if v.kind != '"' || v.text != withVariables && v.text != "2008-10-17" {
		p.problem("Version", `%s; expected "2012-10-17" or "2008-10-17"`, v.describe())
	}
	p.text("Id", m["Id"])
	doc := p.document
	switch s := m["Statement"]; {
	case s == nil:
		p.problem("Statement", "missing; expected an object or a list of objects")
	case s.kind == '{':
		doc.statements = append(doc.statements, p.statement("Statement", s))
	case s.kind == '[' && len(s.items) > 0:
		for i := range s.items {
			path := fmt.Sprintf("Statement[%d]", i)
			if s.items[i].kind != '{' {
				p.problem(path, "%s; expected an object", s.items[i].describe())
				continue
			}
			doc.statements = append(doc.statements, p.statement(path, &s.items[i]))
		}
	default:
		p.problem("Statement", "%s; expected an object or a non-empty list of objects", s.describe())
	}
}

func (p *parser) statement(path string, n *node) statement {
	m := p.members(path+".", n, "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
	s := statement{sid: p.text(path+".Sid", m["Sid"])}
	if s.sid != "" {
		if strings.ContainsFunc(s.sid, func(r rune) bool { return !isAlphanumeric(r) }) {
			p.problem(path+".Sid", "%q; expected only the letters A to Z and a to z, and digits", clip(s.sid))
		}
		if p.sids[s.sid] {
			p.problem(path+".Sid", "%q is used twice; expected each Sid to be unique in a policy", clip(s.sid))
		}
		p.sids[s.sid] = true
	}
	switch e := m["Effect"]; {
	case e == nil:
		p.problem(path+".Effect", `missing; expected "Allow" or "Deny"`)
	case e.kind != '"' || e.text != "Allow" && e.text != "Deny":
		p.problem(path+".Effect", `%s; expected "Allow" or "Deny" (case-sensitive)`, e.describe())
	default:
		s.deny = e.text == "Deny"
	}
	s.actions = p.actions(path, m)
	s.resources = p.resources(path, m, s.deny)
	s.conditions = p.conditions(path+".Condition", m["Condition"])
	return s
}

// actions reads a list of actions, and returns its index.
func (p *parser) actions(path string, m map[string]*node) uint8 {
	not, items := p.list(path, "Action", m)
	l, id := actions{not: not}, fmt.Sprint("actions", not)
	for _, item := range items {
		if fault := checkAction(item.text); fault != "" {
			p.problem(item.path, "%q: %s", clip(item.text), fault)
			continue
		}
		l.patterns = append(l.patterns, newPattern(item.text, true))
		id += "\x00" + item.text
	}
	if _, known := p.lists[id]; !known {
		p.lists[id] = uint8(len(p.document.actions))
		p.document.actions = append(p.document.actions, l)
	}
	return p.lists[id]
}

// resources reads a list of resources, and returns its index.
func (p *parser) resources(path string, m map[string]*node, deny bool) uint8 {
	not, items := p.list(path, "Resource", m)
	l, id := resources{not: not, deny: deny}, fmt.Sprint("resources", not, deny)
	for _, item := range items {
		t, fault := p.template(item.text, true)
		if fault == "" {
			fault = checkResource(maskVariables(item.text))
		}
		if fault != "" {
			p.problem(item.path, "%q: %s", clip(item.text), fault)
			continue
		}
		l.patterns = append(l.patterns, t)
		id += "\x00" + item.text
	}
	if _, known := p.lists[id]; !known {
		p.lists[id] = uint8(len(p.document.resources))
		p.document.resources = append(p.document.resources, l)
	}
	return p.lists[id]
}

// template reads a text that may have variables.
func (p *parser) template(text string, isPattern bool) (template, string) {
	if p.version != withVariables && strings.Contains(text, "${") {
		return template{}, fmt.Sprintf("policy variables need the Version %q; in an older policy they would be literal text. Change the Version, or write the value", withVariables)
	}
	return parseTemplate(text, isPattern)
}

// listed is a text of a list, and where it is.
type listed struct{ path, text string }

// list reads the element name or "Not"+name, whichever is present. One of them is required. Its value is a
// string or a non-empty list of strings.
func (p *parser) list(path, name string, m map[string]*node) (not bool, list []listed) {
	value, notValue := m[name], m["Not"+name]
	not = notValue != nil
	if (value == nil) == (notValue == nil) {
		found := "neither is present"
		if value != nil {
			found = "both are present"
		}
		p.problem(path, "%s and Not%s: %s; expected exactly one of them", name, name, found)
		return not, nil
	}
	if not {
		name, value = "Not"+name, notValue
	}
	for _, item := range p.items(path+"."+name, value, "a string or a non-empty list of strings") {
		if item.value.kind != '"' {
			p.problem(item.path, "%s; expected a string", item.value.describe())
			continue
		}
		list = append(list, listed{item.path, item.value.text})
	}
	return not, list
}

// item is a value of a list, and where it is.
type item struct {
	path  string
	value *node
}

// items returns the values of a list, or the one value in place of a list. expected says what may be there instead of
// an empty list or an object.
func (p *parser) items(path string, value *node, expected string) (items []item) {
	switch {
	case value.kind == '{' || value.kind == '[' && len(value.items) == 0 || value.kind == 'n':
		p.problem(path, "%s; expected %s", value.describe(), expected)
	case value.kind != '[':
		items = []item{{path, value}}
	default:
		for i := range value.items {
			items = append(items, item{fmt.Sprintf("%s[%d]", path, i), &value.items[i]})
		}
	}
	return items
}

// text reads an optional string.
func (p *parser) text(path string, n *node) string {
	if n != nil && n.kind != '"' {
		p.problem(path, "%s; expected a string", n.describe())
		return ""
	}
	if n == nil {
		return ""
	}
	return n.text
}

// unsupported maps the elements of the policy language that ferry does not support to a message that says
// what to do.
var unsupported = map[string]string{
	"Principal":    "an identity policy has no Principal: it applies to the access key that it belongs to; remove it",
	"NotPrincipal": "an identity policy has no NotPrincipal: it applies to the access key that it belongs to; remove it",
}

// members returns the members of n by name, and records a problem for each that is not in known.
func (p *parser) members(prefix string, n *node, known ...string) map[string]*node {
	found := make(map[string]*node, len(n.members))
next:
	for i := range n.members {
		name := n.members[i].name
		if text, ok := unsupported[name]; ok {
			p.problem(prefix+name, "%s", text)
			continue
		}
		for _, k := range known {
			if name == k {
				found[k] = &n.members[i].value
				continue next
			}
			if strings.EqualFold(name, k) {
				p.problem(prefix+clip(name), "unknown; expected %q: names of elements are case-sensitive", k)
				continue next
			}
		}
		p.problem(prefix+clip(name), "unknown; expected only %s", strings.Join(known, ", "))
	}
	return found
}
