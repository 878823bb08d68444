// JSON as it is, byte for byte: the members of objects and the elements of arrays.

package event

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth bounds how deep arrays and objects of a webhook are nested. Meta's have a
// depth of about 12; the answers of a form that a message carries are one string.
const maxDepth = 64

// Lenient options: Meta's clients accept repeated names, of which the last one counts,
// and half of a surrogate pair.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

var errNotJSON = errors.New("the body is not valid JSON")

// checkJSON checks that a body is JSON that is not nested too deep.
func checkJSON(body []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("the JSON in the body is nested deeper than %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !jsontext.Value(body).IsValid(lenient) {
		return errNotJSON
	}
	return nil
}

// A member is a member of an object. Both parts are as they were received.
type member struct {
	name  string // without escapes
	raw   []byte // the name with its quotes
	value []byte
}

// members returns the members of a valid JSON object, in order; nil if the value is
// no object.
func members(object []byte) []member {
	if kindOf(object) != '{' {
		return nil
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(object), lenient)
	if _, err := decoder.ReadToken(); err != nil {
		return nil
	}
	var list []member
	for decoder.PeekKind() == '"' {
		name, err := readValue(decoder, object)
		if err != nil {
			return nil
		}
		value, err := readValue(decoder, object)
		if err != nil {
			return nil
		}
		list = append(list, member{name: unquote(name), raw: name, value: value})
	}
	return list
}

// elements returns the elements of a valid JSON array, in order; nil if the value is
// no array.
func elements(array []byte) [][]byte {
	if kindOf(array) != '[' {
		return nil
	}
	decoder := jsontext.NewDecoder(bytes.NewBuffer(array), lenient)
	if _, err := decoder.ReadToken(); err != nil {
		return nil
	}
	var list [][]byte
	for kind := decoder.PeekKind(); kind != ']' && kind != 0; kind = decoder.PeekKind() {
		value, err := readValue(decoder, array)
		if err != nil {
			return nil
		}
		list = append(list, value)
	}
	return list
}

// readValue reads the next value, and returns it as a part of the text that is decoded.
func readValue(decoder *jsontext.Decoder, text []byte) ([]byte, error) {
	value, err := decoder.ReadValue()
	if err != nil {
		return nil, err
	}
	end := decoder.InputOffset()
	return text[end-int64(len(value)) : end : end], nil
}

// kindOf returns the first byte of a value without the white space in front of it: '{'
// for an object, '[' for an array, '"' for a string.
func kindOf(value []byte) byte {
	value = bytes.TrimLeft(value, " \t\r\n")
	if len(value) == 0 {
		return 0
	}
	return value[0]
}

// last returns the value of the last member of a name; nil means that there is none.
func last(list []member, name string) []byte {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].name == name {
			return list[i].value
		}
	}
	return nil
}

// unquote returns the text of a JSON string. What is no valid UTF-8 becomes U+FFFD.
func unquote(value []byte) string {
	text, _ := jsontext.AppendUnquote(nil, value) // the error says no more than that
	return strings.ToValidUTF8(string(text), string(utf8.RuneError))
}

// textOf returns a string, or a number as it is written. Anything else is empty.
func textOf(value []byte) string {
	switch kind := kindOf(value); {
	case kind == '"':
		return unquote(value)
	case kind == '-' || kind >= '0' && kind <= '9':
		return string(bytes.TrimSpace(value))
	}
	return ""
}

// textAt returns the text of the last member of a name.
func textAt(list []member, name string) string { return textOf(last(list, name)) }
