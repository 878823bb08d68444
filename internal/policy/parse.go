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
	p := parser{sids: map[string]bool{}}
	doc := p.document(&root)
	if len(p.problems) > 0 {
		return nil, errors.Join(p.problems...)
	}
	return doc, nil
}

// parser collects the problems of a document.
type parser struct {
	problems []error
	sids     map[string]bool // those of earlier statements
}

// problem records a problem with the value at path.
func (p *parser) problem(path, format string, args ...any) {
	p.problems = append(p.problems, errors.New(path+": "+fmt.Sprintf(format, args...)))
}

func (p *parser) document(root *node) *Document {
	m := p.members("", root, "Version", "Id", "Statement")
	if v := m["Version"]; v == nil {
		p.problem("Version", `missing; expected "2012-10-17"`)
	} else if v.kind != '"' || v.text != "2012-10-17" && v.text != "2008-10-17" {
		p.problem("Version", `%s; expected "2012-10-17" or "2008-10-17"`, v.describe())
	}
	p.text("Id", m["Id"])
	doc := &Document{}
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
	return doc
}

func (p *parser) statement(path string, n *node) statement {
	m := p.members(path+".", n, "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource")
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
	s.actions = p.list(path, "Action", m, true, checkAction)
	s.resources = p.list(path, "Resource", m, false, checkResource)
	return s
}

// list reads the element name or "Not"+name, whichever is present. One of them is required. Its value is a
// string or a non-empty list of strings.
func (p *parser) list(path, name string, m map[string]*node, fold bool, check func(string) string) list {
	value, not := m[name], m["Not"+name]
	l := list{not: not != nil}
	if (value == nil) == (not == nil) {
		found := "neither is present"
		if value != nil {
			found = "both are present"
		}
		p.problem(path, "%s and Not%s: %s; expected exactly one of them", name, name, found)
		return l
	}
	if l.not {
		name, value = "Not"+name, not
	}
	path += "." + name
	items := value.items
	if value.kind == '"' {
		items = []node{*value}
	}
	if len(items) == 0 {
		p.problem(path, "%s; expected a string or a non-empty list of strings", value.describe())
	}
	for i := range items {
		at := path
		if value.kind == '[' {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		if items[i].kind != '"' {
			p.problem(at, "%s; expected a string", items[i].describe())
			continue
		}
		if fault := check(items[i].text); fault != "" {
			p.problem(at, "%s: %s", items[i].describe(), fault)
			continue
		}
		l.patterns = append(l.patterns, newPattern(items[i].text, fold))
	}
	return l
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
	"Condition":    "Condition is not supported by this version of ferry; remove it, or use statements that need none",
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
