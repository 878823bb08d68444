// The paths of JSON that matchers read.

package ferrytest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"ferry/internal/tty"
)

// parsePath returns the steps of a path such as $.statuses[0].status or $["a b"][0]: names
// are strings, and indexes are ints.
func parsePath(path string) (steps []any, err error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, fmt.Errorf("the JSON path %q does not begin with $; expected such as $.statuses[0].status", path)
	}
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, `["`):
			name, after, found := strings.Cut(rest[2:], `"]`)
			if !found {
				return nil, fmt.Errorf("the JSON path %q has no end of %q", path, rest)
			}
			steps, rest = append(steps, name), after
		case rest[0] == '[':
			number, after, _ := strings.Cut(rest[1:], "]")
			index, err := strconv.Atoi(number)
			if err != nil || index < 0 {
				return nil, fmt.Errorf("the JSON path %q has the index %q; expected a number such as 0", path, number)
			}
			steps, rest = append(steps, index), after
		case rest[0] == '.' && len(rest) > 1:
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			if end == 0 {
				return nil, fmt.Errorf("the JSON path %q has an empty name", path)
			}
			steps, rest = append(steps, rest[1:1+end]), rest[1+end:]
		default:
			return nil, fmt.Errorf("the JSON path %q cannot be read at %q; expected such as $.statuses[0].status", path, rest)
		}
	}
	return steps, nil
}

// follow returns the value at the end of a path.
func follow(body []byte, steps []any) (value any, ok bool) {
	if json.Unmarshal(body, &value) != nil {
		return nil, false
	}
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			if value, ok = object[step]; !ok {
				return nil, false
			}
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil, false
			}
			value = list[step]
		}
	}
	return value, true
}

// asJSON returns a value of Go as JSON decodes it.
func asJSON(value any) (decoded any, err error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return decoded, json.Unmarshal(text, &decoded)
}

func equalJSON(a, b any) bool { return reflect.DeepEqual(a, b) }

// textOf returns a decoded value as JSON.
func textOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return tty.Clean(shorten(string(text), maxLineText))
}
