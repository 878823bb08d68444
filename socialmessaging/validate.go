// The check of an input against its constraints, with errors in the grammar
// of AWS's front end (aws-service.md §6.4).

package socialmessaging

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxEchoedValue bounds how many code points of an offending value a message repeats.
const maxEchoedValue = 256

// Validate checks an input of the operation, a pointer to its struct. All
// violations are in the one error, a ValidationException:
//
//	2 validation errors detected: Value null at 'originationPhoneNumberId' failed to satisfy
//	constraint: Member must not be null; Value at 'sourceS3File.bucketName' failed to …
//
// The values of sensitive members are left out.
func (o *Operation) Validate(input any) error {
	var found violations
	found.structure(o.input, reflect.ValueOf(input).Elem(), "", false)
	if len(found) == 0 {
		return nil
	}
	plural := ""
	if len(found) > 1 {
		plural = "s"
	}
	message := fmt.Sprintf("%d validation error%s detected: %s", len(found), plural, strings.Join(found, "; "))
	return newException(KindValidation.Name, message, "", http.StatusBadRequest)
}

// violations collects what is wrong, one sentence each.
type violations []string

func (v *violations) add(value, path, constraint string, args ...any) {
	*v = append(*v, fmt.Sprintf("Value %sat '%s' failed to satisfy constraint: ", value, path)+fmt.Sprintf(constraint, args...))
}

func (v *violations) structure(s *shape, value reflect.Value, prefix string, sensitive bool) {
	sensitive = sensitive || s.sensitive
	for _, m := range s.members {
		v.member(m, value.FieldByIndex(m.index), prefix+m.name, sensitive)
	}
}

func (v *violations) member(m member, value reflect.Value, path string, sensitive bool) {
	if value.IsNil() {
		if m.required {
			v.add(echo("null ", sensitive), path, "Member must not be null")
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
	default:
		v.structure(m.nested, value, path+".", sensitive)
	}
}

func (v *violations) constrained(c *Constraint, value reflect.Value, path string, sensitive bool) {
	shown, size, what := describe(value)
	shown = echo(shown, sensitive)
	if size < c.Min {
		v.add(shown, path, "Member must have %s greater than or equal to %d", what, c.Min)
	}
	if c.Max > 0 && size > c.Max {
		v.add(shown, path, "Member must have %s less than or equal to %d", what, c.Max)
	}
	if c.pattern != nil && !c.pattern.MatchString(value.String()) {
		v.add(shown, path, "Member must satisfy regular expression pattern: %s", c.Pattern)
	}
	if c.Enum != nil && !slices.Contains(c.Enum, value.String()) {
		v.add(shown, path, "Member must satisfy enum value set: [%s]", strings.Join(c.Enum, ", "))
	}
}

// describe gives a value as a message shows it, the size that its constraint
// bounds, and what the grammar calls that size.
func describe(value reflect.Value) (shown string, size int64, what string) {
	switch value.Kind() {
	case reflect.Int32, reflect.Int64:
		return fmt.Sprintf("'%d' ", value.Int()), value.Int(), "value"
	case reflect.String:
		text := value.String()
		count := utf8.RuneCountInString(text)
		if count > maxEchoedValue {
			text = string([]rune(text)[:maxEchoedValue]) + "…"
		}
		return "'" + text + "' ", int64(count), "length"
	default: // lists, maps, blobs
		return "", int64(value.Len()), "length"
	}
}

func echo(value string, sensitive bool) string {
	if sensitive {
		return ""
	}
	return value
}
