// --set: a member of JSON that must exist.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// setMember sets the member of what target points to, whose path is as in
// "contacts.0.name" or "contacts[0].name". The members of a struct are those of its type;
// those of other JSON (an any, as [json.Decoder] makes it) are those that it has. Text is
// taken as it is where a text is expected, and as JSON elsewhere.
func setMember(target any, path, value string) error {
	path = strings.ReplaceAll(strings.ReplaceAll(path, "[", "."), "]", "")
	return setIn(reflect.ValueOf(target).Elem(), "", strings.Split(path, "."), value)
}

func setIn(v reflect.Value, done string, path []string, value string) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return setIn(v.Elem(), done, path, value)
	}
	if v.Kind() == reflect.Interface {
		return setInAny(v, done, path, value)
	}
	if len(path) == 0 {
		return setLeaf(v, done, value)
	}
	name, rest := path[0], path[1:]
	switch {
	case v.Kind() == reflect.Struct:
		fields := membersOf(v.Type())
		index, ok := fields[name]
		if !ok {
			return unknownMember(done, name, keys(fields))
		}
		return setIn(v.Field(index), done+name+".", rest, value)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		i, err := element(done, name, v.Len())
		if err != nil {
			return err
		}
		return setIn(v.Index(i), done+name+".", rest, value)
	case v.Kind() == reflect.Map:
		whole := v.Interface()
		return setInAny(reflect.ValueOf(&whole).Elem(), done, path, value) // the map is changed in place
	}
	return fmt.Errorf("%s has no members", strings.TrimSuffix(done, "."))
}

// setInAny sets a member of JSON without a type.
func setInAny(v reflect.Value, done string, path []string, value string) error {
	if len(path) == 0 {
		changed, err := leafLike(v.Interface(), done, value)
		if err == nil {
			v.Set(reflect.ValueOf(&changed).Elem())
		}
		return err
	}
	name := path[0]
	var member any
	var put func(any)
	switch whole := v.Interface().(type) {
	case map[string]any:
		found, ok := whole[name]
		if !ok {
			return unknownMember(done, name, keys(whole))
		}
		member, put = found, func(changed any) { whole[name] = changed }
	case []any:
		i, err := element(done, name, len(whole))
		if err != nil {
			return err
		}
		member, put = whole[i], func(changed any) { whole[i] = changed }
	default:
		return fmt.Errorf("%s has no members", strings.TrimSuffix(done, "."))
	}
	if err := setInAny(reflect.ValueOf(&member).Elem(), done+name+".", path[1:], value); err != nil {
		return err
	}
	put(member)
	return nil
}

// setLeaf sets a value of a type.
func setLeaf(v reflect.Value, done, value string) error {
	text := []byte(value)
	if v.Kind() == reflect.String || v.Type() == reflect.TypeFor[[]byte]() {
		text, _ = json.Marshal(value) // of a string: no error
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v.Addr().Interface()); err != nil {
		expected := map[reflect.Kind]string{reflect.Bool: "true or false", reflect.Float64: "a number", reflect.Int: "a whole number"}[v.Kind()]
		if expected == "" {
			expected = "JSON of this shape: " + err.Error()
		}
		return fmt.Errorf("%s is not %q; expected %s", strings.TrimSuffix(done, "."), value, expected)
	}
	return nil
}

// leafLike returns a value of the same type as before.
func leafLike(before any, done, value string) (any, error) {
	if _, isText := before.(string); isText {
		return value, nil
	}
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.UseNumber()
	var changed any
	err := decoder.Decode(&changed)
	if err == nil && before != nil && reflect.TypeOf(changed) != reflect.TypeOf(before) {
		err = errors.New("another type")
	}
	if err != nil {
		now, _ := json.Marshal(before) // it was JSON before
		return nil, fmt.Errorf("%s is now %.100s; expected JSON of the same type in place of %q", strings.TrimSuffix(done, "."), now, value)
	}
	return changed, nil
}

// membersOf returns the indexes of the members of a struct by their names in JSON.
func membersOf(t reflect.Type) map[string]int {
	members := make(map[string]int)
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			members[name] = i
		}
	}
	return members
}

func element(done, name string, length int) (int, error) {
	i, err := strconv.Atoi(name)
	if err != nil || i < 0 || i >= length {
		return 0, fmt.Errorf("%s is a list of %d elements; expected the number of one, from 0, in place of %q", strings.TrimSuffix(done, "."), length, name)
	}
	return i, nil
}

func keys[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// unknownMember says which members there are, the nearest first.
func unknownMember(done, name string, names []string) error {
	slices.SortStableFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
	const most = 8
	rest := ""
	if len(names) > most {
		names, rest = names[:most], ", …"
	}
	return fmt.Errorf("there is no member %q; the nearest are %s%s%s", done+name, done, strings.Join(names, ", "+done), rest)
}
