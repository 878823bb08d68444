// Package policy decides who may call what, from IAM identity policy documents. It is pure: it parses, it
// evaluates, it does no I/O and keeps no state.
//
// It follows AWS's semantics (docs/references.md#iam-policy) for a subset of the language: Version, Id,
// Statement, Sid, Effect, Action, NotAction, Resource, NotResource. Parse refuses every other element,
// in particular Condition and policy variables: ignoring an element would grant or deny something that the
// author of the policy did not write.
package policy

// Document is one parsed policy. It does not change and is safe for concurrent use. The zero value has no
// statements, and so allows nothing.
type Document struct {
	statements []statement
}

// statement applies to a request when both of its lists match. A list of NotAction or NotResource matches
// what none of its patterns does.
type statement struct {
	sid       string
	deny      bool
	actions   list
	resources list
}

type list struct {
	not      bool
	patterns []pattern
}

func (l *list) matches(s string) bool {
	for i := range l.patterns {
		if l.patterns[i].matches(s) {
			return !l.not
		}
	}
	return l.not
}

// Request is one thing that a caller wants to do to one resource. Both fields are literal: "*" and "?" in
// them stand for themselves.
type Request struct {
	Action string // "social-messaging:PostWhatsAppMessageMedia", "s3:GetObject"; case does not matter

	// Resource is an ARN; case matters. Operations without a resource type, such as lists, ask for "*",
	// which only the pattern "*" and NotResource match, as on AWS.
	Resource string
}

// Outcome is what a set of documents says about a request. The zero value is NoAllow.
type Outcome int

// The outcomes. Only Allowed lets a request pass.
const (
	NoAllow      Outcome = iota // no statement allows it: the default
	Allowed                     // a statement allows it and none denies it
	ExplicitDeny                // a statement denies it, whatever else allows it
)

// Decision is an Outcome and, for ExplicitDeny, where it comes from.
type Decision struct {
	Outcome  Outcome
	Document int    // index of the denying document in the list
	Sid      string // of the denying statement; may be empty
}

// Allowed reports whether the request may pass.
func (d Decision) Allowed() bool { return d.Outcome == Allowed }

// Message is the text that AWS gives with AccessDeniedException, for the caller's ARN.
func (d Decision) Message(caller string, req Request) string {
	text := "User: " + caller + " is not authorized to perform: " + req.Action + " on resource: " + req.Resource
	if d.Outcome == ExplicitDeny {
		return text + " with an explicit deny in an identity-based policy"
	}
	return text + " because no identity-based policy allows the " + req.Action + " action"
}

// Evaluate decides req by all of docs together: a Deny that matches wins, else an Allow that matches, else
// the request is not allowed. The order of documents and statements changes nothing but which of several
// denying statements is named. A request without an action or a resource, or a nil document, is not allowed.
func Evaluate(docs []*Document, req Request) Decision {
	if req.Action == "" || req.Resource == "" {
		return Decision{}
	}
	decision := Decision{}
	for i, doc := range docs {
		if doc == nil {
			return Decision{}
		}
		for j := range doc.statements {
			s := &doc.statements[j]
			if !s.deny && decision.Outcome == Allowed || !s.actions.matches(req.Action) || !s.resources.matches(req.Resource) {
				continue
			}
			if s.deny {
				return Decision{ExplicitDeny, i, s.sid}
			}
			decision.Outcome = Allowed
		}
	}
	return decision
}
