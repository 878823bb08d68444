// What the tags of a shape's fields say, read once when the table is made.

package socialmessaging

import (
	"fmt"
	"reflect"
	"strings"
)

// A shape is a structure of the model: its members in the order of its fields.
type shape struct {
	goType    reflect.Type
	sensitive bool // no error message shows a value of it
	members   []member
	hasBody   bool // whether a member travels in the JSON body
}

// A member is one field of a shape.
type member struct {
	name       string // on the wire, and in error messages
	index      []int  // of the field, through embedded structs
	inQuery    bool   // in the query string instead of the JSON body
	required   bool
	constraint *Constraint // nil = none
	nested     *shape      // of a structure, or of each structure in a list; nil otherwise
}

// shapeOf reads the tags of a struct type. It panics on a tag that does not
// make sense: that is a mistake in this package, found by any test.
func shapeOf(structType reflect.Type) *shape {
	result := &shape{goType: structType}
	for _, field := range reflect.VisibleFields(structType) {
		if field.Name == "_" {
			result.sensitive = field.Tag.Get("sensitive") == "true"
			continue
		}
		if field.Anonymous {
			continue // its fields follow by themselves
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
	if m.name == "" || m.name == "-" {
		panic(fmt.Sprintf("socialmessaging: %s.%s has no place on the wire", structType, field.Name))
	}
	if name := field.Tag.Get("is"); name != "" {
		if m.constraint = constraints[name]; m.constraint == nil {
			panic(fmt.Sprintf("socialmessaging: %s.%s is a %s, which is not declared", structType, field.Name, name))
		}
	}
	element := field.Type
	for element.Kind() == reflect.Pointer || element.Kind() == reflect.Slice {
		element = element.Elem()
	}
	if element.Kind() == reflect.Struct && element.PkgPath() == structType.PkgPath() {
		m.nested = shapeOf(element)
	}
	return m
}
