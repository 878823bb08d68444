package policy

import (
	"strings"
)

// kinds are the kinds of values that operators compare.
type kinds uint8

const (
	stringKind kinds = 1 << iota
	numericKind
	dateKind
	boolKind
	addressKind
	arnKind
	nullKind
	anyKind = stringKind | numericKind | dateKind | boolKind | addressKind | arnKind
)

// operator is a condition operator without ForAllValues, ForAnyValue and IfExists.
type operator struct {
	name      string
	kind      kinds
	isNegated bool
	isFolded  bool // strings in any case
	isPattern bool // strings with wildcards
	orders    int  // of numbers and dates: what makes it true, of below, same and above
}

// How a value of a request compares with that of the policy.
const (
	below = 1 << iota
	same
	above
)

// operators are those of AWS (docs/references.md#iam-conditions) but BinaryEquals: no key has binary values.
var operators = []operator{
	{name: "StringEquals", kind: stringKind},
	{name: "StringNotEquals", kind: stringKind, isNegated: true},
	{name: "StringEqualsIgnoreCase", kind: stringKind, isFolded: true},
	{name: "StringNotEqualsIgnoreCase", kind: stringKind, isFolded: true, isNegated: true},
	{name: "StringLike", kind: stringKind, isPattern: true},
	{name: "StringNotLike", kind: stringKind, isPattern: true, isNegated: true},
	{name: "NumericEquals", kind: numericKind, orders: same},
	{name: "NumericNotEquals", kind: numericKind, orders: same, isNegated: true},
	{name: "NumericLessThan", kind: numericKind, orders: below},
	{name: "NumericLessThanEquals", kind: numericKind, orders: below | same},
	{name: "NumericGreaterThan", kind: numericKind, orders: above},
	{name: "NumericGreaterThanEquals", kind: numericKind, orders: above | same},
	{name: "DateEquals", kind: dateKind, orders: same},
	{name: "DateNotEquals", kind: dateKind, orders: same, isNegated: true},
	{name: "DateLessThan", kind: dateKind, orders: below},
	{name: "DateLessThanEquals", kind: dateKind, orders: below | same},
	{name: "DateGreaterThan", kind: dateKind, orders: above},
	{name: "DateGreaterThanEquals", kind: dateKind, orders: above | same},
	{name: "Bool", kind: boolKind},
	{name: "IpAddress", kind: addressKind},
	{name: "NotIpAddress", kind: addressKind, isNegated: true},
	{name: "ArnEquals", kind: arnKind}, // as ArnLike, also at AWS
	{name: "ArnLike", kind: arnKind},
	{name: "ArnNotEquals", kind: arnKind, isNegated: true},
	{name: "ArnNotLike", kind: arnKind, isNegated: true},
	{name: "Null", kind: nullKind},
}

// quantifier says how many of several values of a key must match.
type quantifier uint8

const (
	oneValue quantifier = iota // the key has one value
	allValues
	anyValue
)

const (
	forAll   = "ForAllValues:"
	forAny   = "ForAnyValue:"
	ifExists = "IfExists"
)

// parseOperator reads the name of an operator into c. The fault is empty if it is right.
func parseOperator(text string, c *condition) (fault string) {
	name, isAll := strings.CutPrefix(text, forAll)
	name, isAny := strings.CutPrefix(name, forAny)
	name, c.ifExists = strings.CutSuffix(name, ifExists)
	c.name = text
	switch {
	case isAll && isAny:
		return `expected at most one of "` + forAll + `" and "` + forAny + `" in front of an operator`
	case isAll:
		c.quantifier = allValues
	case isAny:
		c.quantifier = anyValue
	}
	for i := range operators {
		o := &operators[i]
		switch {
		case o.name == name && o.kind == nullKind && name != text:
			return `Null asks whether a key exists; expected it without "` + forAll + `", "` + forAny + `" and "` + ifExists + `"`
		case o.name == name:
			c.operator = o
			return ""
		case strings.EqualFold(o.name, name):
			return `unknown operator; expected "` + o.name + `": names of operators are case-sensitive`
		}
	}
	if strings.EqualFold(name, "BinaryEquals") {
		return "no condition key of ferry has binary values; expected another operator"
	}
	return `unknown operator; expected StringEquals, StringEqualsIgnoreCase, StringLike, NumericEquals, NumericLessThan, NumericLessThanEquals, ` +
		`NumericGreaterThan, NumericGreaterThanEquals, the same of Date, Bool, IpAddress, ArnEquals, ArnLike, a negated one such as StringNotEquals, ` +
		`NotIpAddress or ArnNotLike, or Null; perhaps with "` + forAll + `" or "` + forAny + `" in front, or "` + ifExists + `" at the end`
}

// suits returns why the operator cannot be used with a key, or "".
func (c *condition) suits() string {
	info := &keys[c.key.id]
	switch {
	case c.operator.kind == nullKind:
		return ""
	case info.kinds&c.operator.kind == 0:
		return c.name + " is not an operator for " + c.key.text + "; expected " + info.kinds.operators()
	case info.isMulti && c.quantifier == oneValue:
		return "a request may have several values of " + c.key.text + `; expected "` + forAll + c.name + `" or "` + forAny + c.name + `"`
	}
	return ""
}

// operators describes the operators of kinds.
func (k kinds) operators() string {
	var names []string
	for _, of := range []struct {
		kind kinds
		name string
	}{{stringKind, "String…"}, {numericKind, "Numeric…"}, {dateKind, "Date…"}, {boolKind, "Bool"}, {addressKind, "IpAddress or NotIpAddress"}, {arnKind, "Arn…"}} {
		if k&of.kind != 0 {
			names = append(names, of.name)
		}
	}
	return strings.Join(names, " or ") + ", or Null"
}
