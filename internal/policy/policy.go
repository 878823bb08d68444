// Package policy evaluates IAM identity policy documents: it decides who may call what. It is pure: it does
// no I/O and keeps no state.
//
// It follows AWS's semantics (docs/references.md#iam-policy) for a subset of the language: Version, Id,
// Statement, Sid, Effect, Action, NotAction, Resource, NotResource. Parse refuses every other element,
// in particular Condition and policy variables: ignoring an element would grant or deny something that the
// author of the policy did not write.
package policy

// Document is one parsed policy. It is immutable and safe for concurrent use. The zero value has no
// statements and therefore allows nothing.
type Document struct {
	statements []statement
}

// statement applies to a request when both of its lists match. A list of NotAction or NotResource matches
// every text that none of its patterns matches.
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

// Request is one action that a caller requests on one resource. Action and Resource are literal: they have
// no wildcards.
type Request struct {
	Action string // "social-messaging:PostWhatsAppMessageMedia", "s3:GetObject"; case does not matter

	// Resource is an ARN; case matters. For operations without a resource type, such as lists, it is "*",
	// which only the pattern "*" and NotResource match, as on AWS.
	Resource string

	// Context returns the values of condition keys, such as "aws:ResourceTag/team", for a statement whose
	// Condition needs them. Parse refuses Condition in this version, so that Evaluate never calls it. Nil
	// means that there are none.
	Context func() (map[string][]string, error)
}

// Outcome is the result of evaluating a set of documents for a request. The zero value is NoAllow.
type Outcome int

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
// no resource, or if a document is nil.
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
				return Decision{ExplicitDeny, i, j, s.sid}
			}
			decision = Decision{Allowed, i, j, s.sid}
		}
	}
	return decision
}
