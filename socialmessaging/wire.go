// Encoding and decoding of shapes as JSON bodies and query strings. Decoding is
// strict: ambiguous input is refused. Like AWS, it ignores unknown members.

package socialmessaging

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads a request into input, a pointer to the operation's input
// struct. Anything malformed is a SerializationException: JSON that is not
// JSON, a member of the wrong type, a member given twice, text that is not
// UTF-8. Unknown members are ignored. An empty body is an empty structure.
func (o *Operation) Decode(input any, body []byte, rawQuery string) error {
	value, err := o.value(o.input, input)
	if err != nil {
		return err
	}
	if o.input.hasBody && len(body) > 0 {
		if err := decodeBody(input, body); err != nil {
			return err
		}
	}
	return o.decodeQuery(value, rawQuery)
}

func decodeBody(input any, body []byte) error {
	if trimmed := strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n"); !strings.HasPrefix(trimmed, "{") {
		return serialization("The request body must be a JSON object.")
	}
	err := json.Unmarshal(body, input, wireOptions)
	if err == nil {
		return nil
	}
	if mismatch, ok := errors.AsType[*json.SemanticError](err); ok {
		path := strings.ReplaceAll(strings.TrimPrefix(string(mismatch.JSONPointer), "/"), "/", ".")
		return serialization("%s can not be converted to a %s at '%s'.", jsonKind(mismatch.JSONKind), modelKind(mismatch.GoType), path)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return serialization("The request body contains a member more than once.")
	}
	return serialization("The request body is not valid JSON in UTF-8.")
}

// jsonKind names a JSON token as AWS's messages do.
func jsonKind(kind jsontext.Kind) string {
	switch kind {
	case '"':
		return "STRING_VALUE"
	case '0':
		return "NUMBER_VALUE"
	case 't':
		return "TRUE_VALUE"
	case 'f':
		return "FALSE_VALUE"
	case '{':
		return "START_OBJECT"
	case '[':
		return "START_ARRAY"
	default:
		return "VALUE"
	}
}

// modelKind returns the name of a member's type in the model.
func modelKind(goType reflect.Type) string {
	for goType != nil && goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	switch goType {
	case nil:
		return "Structure"
	case reflect.TypeFor[[]byte]():
		return "Blob"
	case reflect.TypeFor[time.Time]():
		return "Timestamp"
	}
	switch goType.Kind() {
	case reflect.String:
		return "String"
	case reflect.Bool:
		return "Boolean"
	case reflect.Int32, reflect.Int64:
		return "Integer"
	case reflect.Map:
		return "Map"
	case reflect.Slice:
		return "List"
	default:
		return "Structure"
	}
}

func (o *Operation) decodeQuery(input reflect.Value, rawQuery string) error {
	if rawQuery == "" {
		return nil
	}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return serialization("The query string is malformed. Percent-encode its names and values.")
	}
	for _, m := range o.input.members {
		found := values[m.name]
		if !m.inQuery || len(found) == 0 {
			continue
		}
		if len(found) > 1 {
			return serialization("The query string contains '%s' more than once.", m.name)
		}
		if err := decodeText(input.FieldByIndex(m.index), found[0]); err != nil {
			return serialization("STRING_VALUE can not be converted to a %s at '%s'.", modelKind(input.FieldByIndex(m.index).Type()), m.name)
		}
	}
	return nil
}

// parseInput decodes an input written by hand: one JSON object that contains
// the query members too. Unlike Decode it refuses unknown members.
func (o *Operation) parseInput(input reflect.Value, data []byte) error {
	var parsed map[string]jsontext.Value
	if err := json.Unmarshal(data, &parsed); err != nil {
		return fmt.Errorf("%s: the input is not a JSON object: %w", o.Name, err)
	}
	known := make([]string, len(o.input.members))
	for i, m := range o.input.members {
		known[i] = m.name
		value, found := parsed[m.name]
		if !found || !m.inQuery {
			continue
		}
		delete(parsed, m.name)
		text := string(value)
		if value.Kind() == '"' {
			_ = json.Unmarshal(value, &text)
		}
		if err := decodeText(input.Elem().FieldByIndex(m.index), text); err != nil {
			return fmt.Errorf("%s: member %q: %w", o.Name, m.name, err)
		}
	}
	for name := range parsed {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s: unknown member %q; its members are %s", o.Name, name, strings.Join(known, ", "))
		}
	}
	if !o.input.hasBody {
		return nil
	}
	body, err := json.Marshal(parsed)
	if err != nil {
		return err
	}
	return decodeBody(input.Interface(), body)
}

// decodeText sets a query member, a *string, *int32 or *bool.
func decodeText(field reflect.Value, text string) error {
	value := reflect.New(field.Type().Elem())
	switch value.Elem().Kind() {
	case reflect.String:
		if strings.ToValidUTF8(text, "") != text {
			return errors.New("not UTF-8")
		}
		value.Elem().SetString(text)
	case reflect.Int32:
		number, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return err
		}
		value.Elem().SetInt(number)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errors.New("neither true nor false")
		}
		value.Elem().SetBool(text == "true")
	default:
		panic(fmt.Sprintf("socialmessaging: a query member cannot be a %s", field.Type()))
	}
	field.Set(value)
	return nil
}

// Encode encodes an output, a pointer to a struct of the contract, as a JSON body.
func Encode(output any) ([]byte, error) {
	return json.Marshal(output, wireOptions)
}

// encodeInput returns the body and the query string of a request.
func (o *Operation) encodeInput(input any) (body []byte, rawQuery string, err error) {
	if o.input.hasBody {
		if body, err = Encode(input); err != nil {
			return nil, "", err
		}
	}
	query := url.Values{}
	for _, m := range o.input.members {
		field := reflect.ValueOf(input).Elem().FieldByIndex(m.index)
		if m.inQuery && !field.IsNil() {
			query.Set(m.name, fmt.Sprint(field.Elem().Interface()))
		}
	}
	return body, strings.ReplaceAll(query.Encode(), "+", "%20"), nil
}

func serialization(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "SerializationException", Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}
