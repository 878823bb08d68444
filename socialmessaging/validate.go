// The check of an input against its constraints, with errors in the grammar
// of AWS's services (docs/references.md#smithy-validation).

package socialmessaging

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxQuotedValue bounds how many code points of an invalid value a message quotes.
const maxQuotedValue = 256

// Validate checks an input of the operation, a pointer to its struct. The
// error, a ValidationException, lists all violations:
//
//	2 validation errors detected: Value null at 'originationPhoneNumberId' failed to satisfy
//	constraint: Member must not be null; Value at 'sourceS3File.bucketName' failed to …
//
// Sensitive values are omitted.
func (o *Operation) Validate(input any) error {
	value, err := o.value(o.input, input)
	if err != nil {
		return err
	}
	var found violations
	found.structure(o.input, value, "", false)
	if len(found) == 0 {
		return nil
	}
	plural := ""
	if len(found) > 1 {
		plural = "s"
	}
	return KindValidation.typed(fmt.Sprintf("%d validation error%s detected: %s", len(found), plural, strings.Join(found, "; ")))
}

// violations collects one sentence for each violation.
type violations []string

func (v *violations) add(value, path, constraint string) {
	*v = append(*v, fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: %s", value, path, constraint))
}

func (v *violations) structure(s *shape, value reflect.Value, prefix string, sensitive bool) {
	sensitive = sensitive || s.sensitive
	for _, m := range s.members {
		v.member(m, value.FieldByIndex(m.index), prefix+m.name, sensitive)
	}
}

func (v *violations) member(m member, value reflect.Value, path string, sensitive bool) {
	if isUnset(value) {
		if m.required {
			v.add(quoteUnlessSensitive("null ", sensitive), path, "Member must not be null")
		}
		return
	}
	if value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if m.constraint != nil {
		v.constrained(m.constraint, value, path, sensitive)
	}
	switch {
	case m.nested == nil:
	case value.Kind() == reflect.Slice:
		for i := range value.Len() {
			v.structure(m.nested, value.Index(i), fmt.Sprintf("%s.%d.member.", path, i+1), sensitive)
		}
	case value.Kind() == reflect.Map:
		for _, key := range sortedKeys(value) {
			v.structure(m.nested, value.MapIndex(key), path+"."+key.String()+".member.", sensitive)
		}
	default:
		v.structure(m.nested, value, path+".", sensitive)
	}
}

// isUnset reports whether a field has no value. Enumerations are strings, not
// pointers, and the empty string is none of their values.
func isUnset(field reflect.Value) bool {
	if field.Kind() == reflect.String {
		return field.Len() == 0
	}
	return field.IsNil()
}

func sortedKeys(m reflect.Value) []reflect.Value {
	return slices.SortedFunc(slices.Values(m.MapKeys()), func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
}

// constrained checks a value, then its elements or keys and values.
func (v *violations) constrained(c *constraint, value reflect.Value, path string, sensitive bool) {
	sensitive = sensitive || c.Sensitive
	if !c.allows(value) {
		for _, r := range c.rules(value) {
			if !r.isMet {
				v.add(quoteUnlessSensitive(text(value), sensitive), path, r.text)
			}
		}
	}
	switch {
	case value.Kind() == reflect.Map:
		keys := value.MapKeys()
		values := make([]reflect.Value, len(keys))
		for i, key := range keys {
			values[i] = value.MapIndex(key)
		}
		v.elements(c.key, keys, "Map keys", value, path, sensitive)
		v.elements(c.value, values, "Map value", value, path, sensitive)
	case c.element == nil:
	case c.element.key != nil: // a list of maps: each has a path of its own
		for i := range value.Len() {
			v.constrained(c.element, value.Index(i), fmt.Sprintf("%s.%d.member", path, i+1), sensitive)
		}
	default:
		list := make([]reflect.Value, value.Len())
		for i := range list {
			list[i] = value.Index(i)
		}
		v.elements(c.element, list, "Member", value, path, sensitive)
	}
}

// elements adds one sentence, with all constraints of the elements' type, if
// any element of the list or map violates one.
func (v *violations) elements(c *constraint, list []reflect.Value, what string, container reflect.Value, path string, sensitive bool) {
	if c == nil {
		return
	}
	firstInvalid := slices.IndexFunc(list, func(element reflect.Value) bool { return !c.allows(element) })
	if firstInvalid < 0 {
		return
	}
	var texts []string
	for _, r := range c.rules(list[firstInvalid]) {
		texts = append(texts, r.text)
	}
	v.add(quoteUnlessSensitive(text(container), sensitive || c.Sensitive), path, what+" must satisfy constraint: ["+strings.Join(texts, ", ")+"]")
}

// allows reports whether a value meets all requirements of a constraint.
func (c *constraint) allows(value reflect.Value) bool {
	n := size(value)
	return n >= c.Min && (c.Max == 0 || n <= c.Max) &&
		(c.pattern == nil || c.pattern().MatchString(value.String())) &&
		(c.Enum == nil || slices.Contains(c.Enum, value.String()))
}

// A rule is one requirement of a constraint, in AWS's words.
type rule struct {
	text  string
	isMet bool
}

// rules returns the requirements of a constraint, and whether a value meets
// each of them.
func (c *constraint) rules(value reflect.Value) (list []rule) {
	n, what := size(value), "length"
	if value.CanInt() {
		what = "value"
	}
	if c.Max > 0 {
		text := fmt.Sprintf("Member must have %s less than or equal to %d", what, c.Max)
		if c.Hint != "" {
			text += " (" + c.Hint + ")"
		}
		list = append(list, rule{text, n <= c.Max})
	}
	if c.Min > 0 || value.CanInt() {
		list = append(list, rule{fmt.Sprintf("Member must have %s greater than or equal to %d", what, c.Min), n >= c.Min})
	}
	if c.pattern != nil {
		list = append(list, rule{"Member must satisfy regular expression pattern: " + c.Pattern, c.pattern().MatchString(value.String())})
	}
	if c.Enum != nil {
		list = append(list, rule{fmt.Sprintf("Member must satisfy enum value set: [%s]", strings.Join(c.Enum, ", ")), slices.Contains(c.Enum, value.String())})
	}
	return list
}

// size returns what Min and Max of a constraint bound.
func size(value reflect.Value) int64 {
	switch value.Kind() {
	case reflect.Int32, reflect.Int64:
		return value.Int()
	case reflect.String:
		return int64(utf8.RuneCountInString(value.String()))
	default: // lists, maps, blobs
		return int64(value.Len())
	}
}

// text returns a value as a message shows it: 'a string', '5', '[a, list]' or
// '{a=map}'. Structures and blobs are not shown.
func text(value reflect.Value) string {
	var parts []string
	shown := ""
	switch {
	case value.CanInt():
		shown = fmt.Sprint(value.Int())
	case value.Kind() == reflect.String:
		shown = value.String()
	case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.String:
		for i := range value.Len() {
			parts = append(parts, value.Index(i).String())
		}
		shown = "[" + strings.Join(parts, ", ") + "]"
	case value.Kind() == reflect.Map && value.Type().Elem().Kind() == reflect.String:
		for _, key := range sortedKeys(value) {
			parts = append(parts, key.String()+"="+value.MapIndex(key).String())
		}
		shown = "{" + strings.Join(parts, ", ") + "}"
	default:
		return ""
	}
	if utf8.RuneCountInString(shown) > maxQuotedValue {
		shown = string([]rune(shown)[:maxQuotedValue]) + "…"
	}
	return "'" + shown + "' "
}

// quoteUnlessSensitive returns what a message says of a value: nothing if it is
// sensitive.
func quoteUnlessSensitive(value string, sensitive bool) string {
	if sensitive {
		return ""
	}
	return value
}
