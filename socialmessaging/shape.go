// The tags of a shape's fields, read once when the table is made.

package socialmessaging

import (
	"fmt"
	"reflect"
	"strings"
)

// A shape is a structure of the model: its members in the order of its fields.
type shape struct {
	goType    reflect.Type
	sensitive bool // No error message shows a value of it.
	members   []member
	hasBody   bool // Whether a member travels in the JSON body.
}

// A member is one field of a shape.
type member struct {
	name       string // On the wire, and in error messages.
	index      []int  // Of the field.
	inQuery    bool   // In the query string instead of the JSON body.
	required   bool
	constraint *constraint // Nil means none.
	nested     *shape      // Of a structure, or of each structure in a list or map. Otherwise nil.
}

// resultMetadata is the field of every output that describes the response.
const resultMetadata = "ResultMetadata"

// shapeOf reads the tags of a struct type. It panics on a wrong tag, which is a
// mistake in this package that any test finds.
func shapeOf(structType reflect.Type) *shape {
	result := &shape{goType: structType}
	for field := range structType.Fields() {
		if field.Name == "_" {
			result.sensitive = field.Tag.Get("sensitive") == "true"
			continue
		}
		if field.Name == resultMetadata {
			continue // Not part of the model.
		}
		m := memberOf(structType, field)
		result.hasBody = result.hasBody || !m.inQuery
		result.members = append(result.members, m)
	}
	return result
}

func memberOf(structType reflect.Type, field reflect.StructField) member {
	m := member{index: field.Index, required: field.Tag.Get("required") == "true"}
	if m.name, m.inQuery = field.Tag.Lookup("query"); !m.inQuery {
		m.name, _, _ = strings.Cut(field.Tag.Get("json"), ",")
	}
	if m.name == "" {
		panic(fmt.Sprintf("socialmessaging: %s.%s has no place on the wire", structType, field.Name))
	}
	if name := field.Tag.Get("is"); name != "" {
		if m.constraint = constraints[name]; m.constraint == nil {
			panic(fmt.Sprintf("socialmessaging: %s.%s is a %s, which is not declared", structType, field.Name, name))
		}
	}
	if element := elementOf(field.Type); element.Kind() == reflect.Struct && strings.HasPrefix(element.PkgPath(), structType.PkgPath()) {
		m.nested = shapeOf(element)
	}
	return m
}

// elementOf returns what a type points to, lists or maps to.
func elementOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

const (
	// smallBody is the room of a body for what maxBodyOf does not count, in bytes.
	smallBody = 64 << 10
	// longString is the length from which a string is counted, in code points.
	longString = 4096
)

// maxBodyOf returns the largest JSON body of an input, as MaxBody documents it.
func maxBodyOf(input *shape) int64 { return smallBody + input.largeMembers() }

// largeMembers sums the largest sizes of blobs and long strings. Those inside
// of lists and maps are not counted: the model has none.
func (s *shape) largeMembers() int64 {
	var sum int64
	for _, m := range s.members {
		fieldType := s.goType.FieldByIndex(m.index).Type
		switch {
		case m.nested != nil && fieldType.Kind() == reflect.Pointer:
			sum += m.nested.largeMembers()
		case m.inQuery || m.constraint == nil:
		case fieldType == reflect.TypeFor[[]byte]():
			sum += (m.constraint.Max + 2) / 3 * 4
		case fieldType == reflect.TypeFor[*string]() && m.constraint.Max > longString:
			sum += m.constraint.Max * int64(len(`\uXXXX`))
		}
	}
	return sum
}
