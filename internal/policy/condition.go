package policy

import (
	"net/netip"
	"strings"
	"time"
)

// condition is one key of a Condition element with its operator and its values.
type condition struct {
	name       string // of the operator, as it was written
	operator   *operator
	quantifier quantifier
	ifExists   bool
	key        key
	values     []operand
}

// operand is a value that a condition compares with, in the form of its operator's kind.
type operand struct {
	written string
	text    template     // of strings and booleans
	arn     *[6]template // the parts of an ARN
	date    time.Time
	network netip.Prefix
}

// Parts of an ARN.
const arnParts = 6

// holds reports whether the condition is true for the request, in a statement that denies or allows.
func (c *condition) holds(e *evaluation, deny bool) bool {
	values := e.values(&c.key)
	switch {
	case len(values) == 1 && c.quantifier == oneValue && c.operator.kind != nullKind:
		return c.holdsFor(e, values[0], deny)
	case c.operator.kind == nullKind:
		return c.isOneOf(e, boolText(isNull(values)))
	case len(values) == 0 && c.ifExists:
		return true
	case c.quantifier == allValues:
		return isNull(values) || c.holdForAll(e, values, deny)
	case c.quantifier == anyValue:
		return !isNull(values) && c.holdForAny(e, values, deny)
	case len(values) == 0:
		return c.operator.isNegated
	case deny: // a key with one value that has several: they deny as any of them would, and allow as all of them would
		return c.holdForAny(e, values, deny)
	}
	return c.holdForAll(e, values, deny)
}

// isNull reports whether a request has no value of a key, or only empty ones: what Null and the set operators mean.
func isNull(values []string) bool {
	for _, value := range values {
		if value != "" {
			return false
		}
	}
	return true
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func (c *condition) holdForAll(e *evaluation, values []string, deny bool) bool {
	for _, value := range values {
		if !c.holdsFor(e, value, deny) {
			return false
		}
	}
	return true
}

func (c *condition) holdForAny(e *evaluation, values []string, deny bool) bool {
	for _, value := range values {
		if c.holdsFor(e, value, deny) {
			return true
		}
	}
	return false
}

// holdsFor reports whether the condition is true for one value. A negated operator does not make a statement allow
// something because a variable has no value.
func (c *condition) holdsFor(e *evaluation, value string, deny bool) bool {
	if !c.operator.isNegated {
		return c.isOneOf(e, value)
	}
	return !c.isOneOf(e, value) && (deny || c.resolves(e))
}

// resolves reports whether all variables in the values have one value.
func (c *condition) resolves(e *evaluation) bool {
	for i := range c.values {
		v := &c.values[i]
		if !v.text.resolves(e) {
			return false
		}
		if v.arn == nil {
			continue
		}
		for j := range v.arn {
			if !v.arn[j].resolves(e) {
				return false
			}
		}
	}
	return true
}

// isOneOf reports whether the operator, without negation, is true for a value of the request and one of the
// condition. A value of the request that is not of the operator's kind does not match.
func (c *condition) isOneOf(e *evaluation, value string) bool {
	o := c.operator
	switch o.kind {
	case numericKind:
		if !isNumber(value) {
			return false
		}
		for i := range c.values {
			if o.isOrdered(compareNumbers(value, c.values[i].written)) {
				return true
			}
		}
	case dateKind:
		date, ok := e.dateOf(value)
		for i := range c.values {
			if ok && o.isOrdered(date.Compare(c.values[i].date)) {
				return true
			}
		}
	case addressKind:
		address, ok := e.addressOf(value)
		for i := range c.values {
			if ok && c.values[i].network.Contains(address) {
				return true
			}
		}
	case arnKind:
		for i := range c.values {
			if c.values[i].matchesARN(e, value) {
				return true
			}
		}
	default:
		for i := range c.values {
			if o.matchesText(e, &c.values[i].text, value) {
				return true
			}
		}
	}
	return false
}

// matchesText compares texts as the operator does.
func (o *operator) matchesText(e *evaluation, t *template, value string) bool {
	switch {
	case t.parts == nil && o.isFolded:
		return strings.EqualFold(t.text, value)
	case t.parts == nil && !o.isPattern:
		return t.text == value
	case o.isFolded:
		text, ok := e.expand(t)
		return ok && strings.EqualFold(string(text), value)
	}
	return t.matches(e, value)
}

func (o *operator) isOrdered(order int) bool {
	switch {
	case order < 0:
		return o.orders&below != 0
	case order > 0:
		return o.orders&above != 0
	}
	return o.orders&same != 0
}

// matchesARN compares the parts of two ARNs, the last one first, because ARNs mostly begin alike. A wildcard or a
// variable matches within its part only.
func (v *operand) matchesARN(e *evaluation, value string) bool {
	parts, ok := e.partsOf(value)
	if !ok {
		return false
	}
	for i := arnParts - 1; i >= 0; i-- {
		if !v.arn[i].matches(e, parts[i]) {
			return false
		}
	}
	return true
}
