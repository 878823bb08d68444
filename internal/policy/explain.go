package policy

import (
	"fmt"
	"strings"
)

// Reason says how far a statement matches a request.
type Reason int

// The reasons, from the first one that is found.
const (
	OtherAction     Reason = iota // it is about other actions
	OtherResource                 // it is about other resources
	ConditionNotMet               // it is about this action and resource, but a condition is not true
	Applies
)

// Step is what one statement says about a request.
type Step struct {
	Document  int    // index
	Statement int    // index in the document
	Sid       string // may be empty
	Deny      bool
	Reason    Reason
	// Conditions are those of a statement that applies, or for ConditionNotMet the first one that is not true.
	Conditions []Condition
}

// Text says in a sentence or two what the statement contributes. It counts from 1. document names the document, such as
// "policy 1".
func (s Step) Text(document string) string {
	name := fmt.Sprintf("Statement %d of %s", s.Statement+1, document)
	if s.Sid != "" {
		name += " (" + s.Sid + ")"
	}
	effect, effects := "allow", "allows"
	if s.Deny {
		effect, effects = "deny", "denies"
	}
	switch s.Reason {
	case OtherAction:
		return name + " is about other actions."
	case OtherResource:
		return name + " " + effects + " the action on other resources only."
	case ConditionNotMet:
		return name + " would " + effect + " it, but a condition is not met. " + s.Conditions[0].Text()
	}
	return name + " " + effects + " it."
}

// Condition is one key of a Condition element, compared with a request.
type Condition struct {
	Operator string   // as written, such as "ForAllValues:StringLike"
	Key      string   // such as "aws:SourceIp"
	Negated  bool     // the operator is true for other values than the expected ones
	Expected []string // the values of the policy, as written
	Found    []string // those of the request; empty means that it does not have the key
}

// Text says what was expected and found.
func (c Condition) Text() string {
	expected, found := quoted(c.Expected, " or "), quoted(c.Found, " and ")
	switch {
	case c.Operator == "Null" && len(c.Expected) == 1 && c.Expected[0] == "true":
		expected = "no value"
	case c.Operator == "Null" && len(c.Expected) == 1:
		expected = "a value"
	case c.Negated:
		expected = "a value other than " + expected
	}
	if found == "" {
		found = "no value"
	}
	return fmt.Sprintf("%s of %s: expected %s, found %s.", c.Operator, c.Key, expected, found)
}

// Explain returns what Evaluate decides, and what each statement contributes, in their order.
func Explain(docs []*Document, req Request) (Decision, []Step, error) {
	decision, err := Evaluate(docs, req)
	if err != nil {
		return decision, nil, err
	}
	e := evaluation{request: req}
	var steps []Step
	for i, doc := range docs {
		if doc == nil {
			continue
		}
		e.begin(doc)
		for j := range doc.statements {
			s := &doc.statements[j]
			step := Step{Document: i, Statement: j, Sid: s.sid, Deny: s.deny}
			switch {
			case !e.isAction(s):
			case !e.isResource(s):
				step.Reason = OtherResource
			default:
				step.Reason = Applies
				if c := s.unmet(&e); c != nil {
					step.Reason, step.Conditions = ConditionNotMet, []Condition{c.explain(&e)}
					break
				}
				for k := range s.conditions {
					step.Conditions = append(step.Conditions, s.conditions[k].explain(&e))
				}
			}
			steps = append(steps, step)
		}
	}
	return decision, steps, e.err
}

func (c *condition) explain(e *evaluation) Condition {
	of := Condition{Operator: c.name, Key: c.key.text, Negated: c.operator.isNegated, Found: e.values(&c.key)}
	for _, v := range c.values {
		of.Expected = append(of.Expected, v.written)
	}
	return of
}

// quoted joins texts in quotation marks.
func quoted(texts []string, separator string) string {
	var list []string
	for _, s := range texts {
		list = append(list, fmt.Sprintf("%q", clip(s)))
	}
	return strings.Join(list, separator)
}
