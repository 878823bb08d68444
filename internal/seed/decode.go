package seed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder reads a YAML file into structs, strictly: a member that is unknown, missing or of
// another kind is a problem with its line and its path.
type decoder struct {
	problems *[]Problem
	file     string
}

func (d decoder) problem(line int, path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	*d.problems = append(*d.problems, Problem{d.file, line, text})
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// decode reads a document into a pointer to a struct.
func (d decoder) decode(text []byte, into any) {
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	err := decoder.Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		return // an empty file is a mapping without members
	case err != nil:
		line, what := 0, err.Error()
		if found := yamlLine.FindStringSubmatch(what); found != nil {
			line, _ = strconv.Atoi(found[1])
			what = what[len(found[0]):]
		}
		d.problem(line, "", "it is no YAML: %s", strings.TrimPrefix(what, "yaml: "))
		return
	}
	d.value(document.Content[0], "", reflect.ValueOf(into).Elem())
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		d.problem(0, "", "there is more than one YAML document; expected one")
	}
}

// kindNames are the kinds of YAML nodes.
var kindNames = map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}

// value reads a node into a value.
func (d decoder) value(node *yaml.Node, path string, into reflect.Value) {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		d.problem(node.Line, path, "anchors and aliases are not read; write the value out")
		return
	}
	wrong := func(want string) {
		got := kindNames[node.Kind]
		if node.Kind == yaml.ScalarNode {
			got = fmt.Sprintf("%.40q", node.Value)
		}
		d.problem(node.Line, path, "it is %s; expected %s", got, want)
	}
	switch target := into.Addr().Interface().(type) {
	case *json.RawMessage:
		value := d.plain(node, path)
		*target, _ = json.Marshal(value)
		return
	case *position:
		target.line = node.Line
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		if node.Kind != yaml.MappingNode {
			wrong("a mapping")
			return
		}
		d.mapping(node, path, into)
	case reflect.Slice:
		if node.Kind != yaml.SequenceNode {
			wrong("a list")
			return
		}
		for i, element := range node.Content {
			value := reflect.New(into.Type().Elem()).Elem()
			d.value(element, fmt.Sprintf("%s[%d]", path, i), value)
			into.Set(reflect.Append(into, value))
		}
	case reflect.Bool:
		b, err := strconv.ParseBool(node.Value)
		if node.Kind != yaml.ScalarNode || node.Tag != "!!bool" || err != nil {
			wrong("true or false")
			return
		}
		into.SetBool(b)
	case reflect.String: // a phone number without quotes is a number in YAML
		if node.Kind != yaml.ScalarNode || node.Tag != "!!str" && node.Tag != "!!int" {
			wrong("a text; put it in quotes")
			return
		}
		into.SetString(node.Value)
	default:
		panic("seed: a member of kind " + into.Kind().String())
	}
}

// mapping reads the members of a mapping, by their tags `yaml:"name"`. A field of the type
// position receives the line.
func (d decoder) mapping(node *yaml.Node, path string, into reflect.Value) {
	fields := make(map[string]reflect.Value)
	var names []string
	for field, value := range into.Fields() {
		if at, ok := value.Addr().Interface().(*position); ok {
			at.line = node.Line
			continue
		}
		name := field.Tag.Get("yaml")
		fields[name] = value
		names = append(names, name)
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		field, known := fields[key.Value]
		switch {
		case !known:
			d.problem(key.Line, path, "unknown member %.40q; expected %s", key.Value, oneOf(names))
			continue
		case seen[key.Value]:
			d.problem(key.Line, path, "the member %s is there twice", key.Value)
			continue
		}
		seen[key.Value] = true
		at := key.Value
		if path != "" {
			at = path + "." + key.Value
		}
		d.value(value, at, field)
	}
}

// plain returns a node as encoding/json would decode it.
func (d decoder) plain(node *yaml.Node, path string) any {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		d.problem(node.Line, path, "anchors and aliases are not read; write the value out")
		return nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		members := make(map[string]any)
		for i := 0; i+1 < len(node.Content); i += 2 {
			members[node.Content[i].Value] = d.plain(node.Content[i+1], path+"."+node.Content[i].Value)
		}
		return members
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, element := range node.Content {
			list[i] = d.plain(element, fmt.Sprintf("%s[%d]", path, i))
		}
		return list
	}
	var value any
	switch node.Tag {
	case "!!bool", "!!null":
		_ = node.Decode(&value)
	default: // policies compare texts: 2012-10-17 and 111122223333 are some
		value = node.Value
	}
	return value
}

func oneOf(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	names = slices.Clone(names)
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// position is the line at which a mapping begins.
type position struct{ line int }
