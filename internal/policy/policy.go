// Package policy evaluates IAM identity policy documents: it decides who may call what. It is pure: it does
// no I/O and keeps no state.
//
// It follows AWS's semantics (docs/references.md#iam-policy, docs/references.md#iam-conditions) for a subset of the
// language: Version, Id, Statement, Sid, Effect, Action, NotAction, Resource, NotResource and Condition, policy
// variables, and the condition keys that requests to ferry have. Parse refuses everything else: ignoring it would grant
// or deny something that the author of the policy did not write.
//
//	parse.go, parse_condition.go, grammar.go, node.go  reading a document
//	pattern.go, variable.go      texts with wildcards and variables
//	operator.go, key.go, value.go  what conditions compare
//	condition.go                 whether a condition is true
//	explain.go                   why a request is allowed or not
package policy

// Document is one parsed policy. It is immutable and safe for concurrent use. The zero value has no
// statements and therefore allows nothing.
type Document struct {
	statements []statement
	actions    []actions   // the different lists of its statements
	resources  []resources // the different lists of its statements
}

// Counts returns the number of statements, and of those with conditions.
func (d *Document) Counts() (statements, conditional int) {
	for i := range d.statements {
		if len(d.statements[i].conditions) > 0 {
			conditional++
		}
	}
	return len(d.statements), conditional
}

// statement applies to a request when both of its lists match and its conditions are true. A list of NotAction or
// NotResource matches every text that none of its patterns matches. Statements of a document mostly share lists, which
// are then matched once.
type statement struct {
	deny       bool
	actions    uint8 // index in Document.actions
	resources  uint8 // index in Document.resources
	conditions []condition
	sid        string
}

// gather puts what Evaluate reads into the order in which it is read: most of the time is spent waiting for memory.
func (d *Document) gather() {
	var conditions []condition
	var values []operand
	for i := range d.statements {
		for _, c := range d.statements[i].conditions {
			conditions, values = append(conditions, c), append(values, c.values...)
		}
	}
	for i := range d.statements {
		s := &d.statements[i]
		n := len(s.conditions)
		s.conditions, conditions = conditions[:n:n], conditions[n:]
		for j := range s.conditions {
			n := len(s.conditions[j].values)
			s.conditions[j].values, values = values[:n:n], values[n:]
		}
	}
	var patterns []template
	for _, l := range d.resources {
		patterns = append(patterns, l.patterns...)
	}
	for i := range d.resources {
		n := len(d.resources[i].patterns)
		d.resources[i].patterns, patterns = patterns[:n:n], patterns[n:]
	}
}

// maxLists bounds the lists of a document: no more statements fit into one.
const maxLists = 1 << 8

const _ = uint(maxLists - MaxDocument/len(`{"Effect":"Allow","Action":"*","Resource":"*"}`)) // does not compile if there could be more

type actions struct {
	not      bool
	patterns []pattern
}

func (l *actions) matches(s string) bool {
	for i := range l.patterns {
		if l.patterns[i].matches(s) {
			return !l.not
		}
	}
	return l.not
}

// resources is a list of statements that all deny or all allow.
type resources struct {
	not      bool
	deny     bool
	patterns []template
}

// matches reports whether the list matches a resource. A variable without a value matches nothing, and NotResource does
// not allow anything because of it.
func (l *resources) matches(e *evaluation, s string) bool {
	for i := range l.patterns {
		if l.patterns[i].matches(e, s) {
			return !l.not
		}
	}
	if !l.not || l.deny {
		return l.not
	}
	for i := range l.patterns {
		if !l.patterns[i].resolves(e) {
			return false
		}
	}
	return true
}

// unmet returns the first condition that is not true, or nil.
func (s *statement) unmet(e *evaluation) *condition {
	for i := range s.conditions {
		if !s.conditions[i].holds(e, s.deny) {
			return &s.conditions[i]
		}
	}
	return nil
}

// Request is one action that a caller requests on one resource. Action and Resource are literal: they have
// no wildcards.
type Request struct {
	Action string // "social-messaging:PostWhatsAppMessageMedia", "s3:GetObject"; case does not matter

	// Resource is an ARN; case matters. For operations without a resource type, such as lists, it is "*",
	// which only the pattern "*" and NotResource match, as on AWS.
	Resource string

	Context Context // the values of condition keys; nil means that there are none
}

// Outcome is the result of evaluating a set of documents for a request. The zero value is NoAllow.
type Outcome int

// String returns allow, implicit-deny or explicit-deny.
func (o Outcome) String() string {
	return [...]string{NoAllow: "implicit-deny", Allowed: "allow", ExplicitDeny: "explicit-deny"}[o]
}

// The outcomes. Only Allowed permits a request.
const (
	NoAllow      Outcome = iota // no statement allows it: the default
	Allowed                     // a statement allows it and none denies it
	ExplicitDeny                // a statement denies it, whatever else allows it
)

// Decision is an Outcome and, unless that is NoAllow, the statement that causes it: the first one that
// denies the request, or else the first one that allows it.
type Decision struct {
	Outcome   Outcome
	Document  int    // index of the document with the statement
	Statement int    // index of the statement in it
	Sid       string // of the statement; may be empty
}

// Allowed reports whether the request is permitted.
func (d Decision) Allowed() bool { return d.Outcome == Allowed }

// Message returns the text that AWS sends with AccessDeniedException. caller is an ARN.
func (d Decision) Message(caller string, req Request) string {
	text := "User: " + caller + " is not authorized to perform: " + req.Action + " on resource: " + req.Resource
	if d.Outcome == ExplicitDeny {
		return text + " with an explicit deny in an identity-based policy"
	}
	return text + " because no identity-based policy allows the " + req.Action + " action"
}

// Evaluate decides req from all of docs together. If a Deny statement applies, the request is denied; if
// not, it is allowed if an Allow statement applies. The order of documents and statements only affects
// which of several statements the Decision names. Evaluate allows nothing if req has no action or
// no resource, or if a document is nil. The error is that of req.Context; nothing is allowed then.
func Evaluate(docs []*Document, req Request) (Decision, error) {
	if req.Action == "" || req.Resource == "" {
		return Decision{}, nil
	}
	e := evaluation{request: req}
	decision := Decision{}
	for i, doc := range docs {
		if doc == nil {
			return Decision{}, nil
		}
		e.begin(doc)
		for j := range doc.statements {
			s := &doc.statements[j]
			if !s.deny && decision.Outcome == Allowed || !e.isAction(s) || !e.isResource(s) || s.unmet(&e) != nil {
				continue
			}
			if e.err != nil {
				return Decision{}, e.err
			}
			if s.deny {
				return Decision{ExplicitDeny, i, j, s.sid}, nil
			}
			decision = Decision{Allowed, i, j, s.sid}
		}
	}
	if e.err != nil {
		return Decision{}, e.err
	}
	return decision, nil
}
