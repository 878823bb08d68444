// Flags whose values are mappings: JSON objects on the command line, mappings in the
// configuration file.

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// mappings is implemented by the types of flags whose values may be mappings.
type mappings interface{ isMappings() }

// decodeMappings returns the elements of such a flag. Its errors never contain a
// value, which may contain a secret. what is the name of an element in them.
func decodeMappings[T any](ctx *kong.DecodeContext, what string, parse func(text string) (T, error)) (list []T, err error) {
	token := ctx.Scan.Pop()
	elements, isList := token.Value.([]any)
	if !isList {
		elements = []any{token.Value}
	}
	for i, element := range elements {
		text, isText := element.(string)
		if !isText {
			encoded, err := json.Marshal(element)
			if err != nil {
				return nil, fmt.Errorf("%s %d is not a mapping", what, i+1)
			}
			text = string(encoded)
		}
		parsed, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s %d: %w", what, i+1, err)
		}
		list = append(list, parsed)
	}
	return list, nil
}

// secretOrFile returns a secret that is set as it is or as the path of a file, by the
// name of its member.
func secretOrFile(member, value, path string) (string, error) {
	switch {
	case path == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("both %s and %[1]s_file are set; set only one", member)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s_file: %w", member, err)
	}
	return strings.TrimSpace(string(text)), nil
}
