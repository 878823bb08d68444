package metasim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The walk over the JSON of a message, which compares it with its shape. Shapes are
// data: message_shape*.go has them.

// valueKind is a kind of JSON value. Numbers and booleans may be written as text, as
// everywhere in Graph; texts may not be written as numbers.
type valueKind int

const (
	textValue valueKind = iota
	numberValue
	booleanValue
	objectValue
	listValue
	anyValue // not looked at
)

// A shape is what an object has.
type shape struct {
	members []member
	also    func(object map[string]any) []member // further members, which depend on others; may be nil
	check   func(m *messageCheck, path string, object map[string]any) *apiError
}

// A member of an object.
type member struct {
	name     string
	kind     valueKind
	required bool
	blank    bool     // of a text: "" counts as a value
	enum     []string // of a text: the values, in any case
	max      int      // characters of a text, elements of a list; 0 means no limit
	min      int      // elements of a list
	label    string   // of a length or count in the details of an error; empty means Graph's words
	shape    shape    // of an object, and of the elements of a list
	of       valueKind
}

// requiredText is a member that is a text, and required.
func requiredText(name string) member { return member{name: name, kind: textValue, required: true} }

// optionalTexts returns optional members that are texts.
func optionalTexts(names ...string) []member { return optional(textValue, names) }

// anyMembers returns optional members that are not looked at.
func anyMembers(names ...string) []member { return optional(anyValue, names) }

func optional(kind valueKind, names []string) []member {
	members := make([]member, len(names))
	for i, name := range names {
		members[i] = member{name: name, kind: kind}
	}
	return members
}

// objectMember is a member that is an object, and required.
func objectMember(name string, members ...member) member {
	return member{name: name, kind: objectValue, required: true, shape: shape{members: members}}
}

// messageCheck checks one message.
type messageCheck struct {
	*call
	media []mediaReference // that have been found
}

// value checks a value.
func (m *messageCheck) value(path string, as member, value any) *apiError {
	switch as.kind {
	case textValue:
		return as.checkText(path, value)
	case numberValue:
		if _, ok := number(value); !ok {
			return parameterError("Param %s must be a number.", path)
		}
	case booleanValue:
		if _, ok := boolean(scalar(value)); !ok {
			return parameterError("Param %s must be a boolean.", path)
		}
	case objectValue:
		object, ok := value.(map[string]any)
		if !ok {
			return parameterError("Param %s must be a JSON object.", path)
		}
		return m.object(path, as.shape, object)
	case listValue:
		return m.list(path, as, value)
	}
	return nil
}

func (as member) checkText(path string, value any) *apiError {
	given, ok := value.(string)
	switch {
	case !ok:
		return parameterError("Param %s must be a string.", path)
	case as.enum != nil && !slices.Contains(as.enum, strings.ToLower(given)):
		return parameterError("Param %s must be one of {%s} - got \"%s\".", path, strings.ToUpper(strings.Join(as.enum, ", ")), truncate(given))
	case as.label != "" && (given == "" && as.required || as.max > 0 && characters(given) > as.max):
		return invalidValue("%s length invalid. Min length: 1, Max length: %d", as.label, as.max)
	case given == "" && as.required && !as.blank:
		return missingParameter(path)
	case as.max > 0 && characters(given) > as.max:
		return tooManyCharacters(path, as.max)
	}
	return nil
}

func (m *messageCheck) list(path string, as member, value any) *apiError {
	elements, ok := value.([]any)
	if !ok {
		return parameterError("Param %s must be an array.", path)
	}
	if len(elements) < as.min || as.max > 0 && len(elements) > as.max {
		if as.label == "" {
			return parameterError("Param %s must have from %d to %d elements.", path, as.min, as.max)
		}
		return invalidValue("Invalid %s count. Min allowed %s: %d, Max allowed %s: %d", as.label, as.label, as.min, as.label, as.max)
	}
	for i, element := range elements {
		at := elementPath(path, i)
		if refusal := m.value(at, member{kind: as.of, shape: as.shape, required: true}, element); refusal != nil {
			return refusal
		}
	}
	return nil
}

// object checks the members of an object, and removes those that are null.
func (m *messageCheck) object(path string, as shape, object map[string]any) *apiError {
	members := as.members
	if as.also != nil {
		members = append(slices.Clone(members), as.also(object)...)
	}
	for _, name := range sortedNames(object) {
		at := memberPath(path, name)
		var refusal *apiError
		switch i := slices.IndexFunc(members, func(one member) bool { return one.name == name }); {
		case i < 0:
			refusal = m.warn(warnMemberUnknown, "The member %s is unknown, and ignored. Remove it.", truncate(at))
		case object[name] == nil:
			delete(object, name)
			refusal = m.warn(warnMemberNull, "The member %s is null, and ignored. Leave it out.", truncate(at))
		}
		if refusal != nil {
			return refusal
		}
	}
	for _, one := range members {
		value, ok := object[one.name]
		at := memberPath(path, one.name)
		switch {
		case ok:
			if refusal := m.value(at, one, value); refusal != nil {
				return refusal
			}
		case one.required:
			return missingParameter(at)
		}
	}
	if as.check != nil {
		return as.check(m, path, object)
	}
	return nil
}

// memberPath names a member as Meta's errors do.
func memberPath(path, name string) string { return path + "['" + name + "']" }

// elementPath names an element of a list.
func elementPath(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// number returns the value of a number, which may be written as text: in digits, not
// as NaN, Inf or in hexadecimal.
func number(value any) (float64, bool) {
	digits := strings.TrimSpace(scalar(value))
	if strings.Trim(digits, "0123456789+-.eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(digits, 64)
	return n, err == nil
}

// scalar returns a text, a number or a boolean as text.
func scalar(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return fmt.Sprintf("%T", value)
}

// lower returns the text of a member in small letters.
func lower(object map[string]any, name string) string { return strings.ToLower(text(object[name])) }

// characters returns the length of a text as Meta counts it.
func characters(s string) int { return utf8.RuneCountInString(s) }

// tooManyCharacters refuses a long text in Graph's words
// (docs/references.md#graph-messages).
func tooManyCharacters(path string, limit int) *apiError {
	return parameterError("Param %s must be at most %d characters long.", path, limit)
}

// invalidValue is code 131009 with its details.
func invalidValue(format string, args ...any) *apiError {
	return codeError(131009, fmt.Sprintf(format, args...))
}
