// The configuration file: YAML with the names of flags as keys.

package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"ferry/internal/secret"
)

// settings is the content of the configuration file. It supplies the values of
// flags that neither the command line nor the environment sets. Flags without an
// environment variable belong to one call of a command: the file does not set
// them either.
type settings struct {
	path   string
	values map[string]any
}

// readSettings reads the file that --config or FERRY_CONFIG names, if any.
func readSettings(args []string) (*settings, error) {
	s := &settings{path: os.Getenv("FERRY_CONFIG")}
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--config="); ok {
			s.path = value
		} else if arg == "--config" && i+1 < len(args) {
			s.path = args[i+1]
		}
	}
	if s.path == "" {
		return s, nil
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if err := yaml.Unmarshal(text, &s.values); err != nil {
		return nil, fmt.Errorf("%s: expected YAML with one setting per line, such as 'listen: 127.0.0.1:4080': %w", s.path, err)
	}
	return s, nil
}

// check returns every problem of the file and of the environment at once: keys
// that are not the name of a setting, and invalid values.
func (s *settings) check(app *kong.Application) error {
	flags, others := make(map[string]*kong.Flag), make(map[string]bool)
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && isSetting(flag) {
			flags[flag.Name] = flag
		} else if ok {
			others[flag.Name] = true
		}
		return next(nil)
	})
	var problems []error
	for _, name := range sortedKeys(s.values) {
		flag, known := flags[name]
		if !known && others[name] {
			problems = append(problems, fmt.Errorf("%s: %s: the file cannot set this flag", s.path, name))
		} else if !known {
			problems = append(problems, fmt.Errorf("%s: unknown setting %q; the settings are %s", s.path, name, strings.Join(sortedKeys(flags), ", ")))
		} else if err := checkValue(flag, s.values[name]); err != nil {
			problems = append(problems, fmt.Errorf("%s: %s: %w", s.path, name, err))
		}
	}
	for _, name := range sortedKeys(flags) {
		for _, variable := range flags[name].Envs {
			if value, isSet := os.LookupEnv(variable); isSet {
				if err := checkValue(flags[name], value); err != nil {
					problems = append(problems, fmt.Errorf("environment: %s: %w", variable, err))
				}
			}
		}
	}
	return errors.Join(problems...)
}

// isSetting reports whether the file may set a flag.
func isSetting(flag *kong.Flag) bool {
	return len(flag.Envs) > 0 && flag.Name != "help" && flag.Name != "config"
}

// checkValue decodes a value as the flag does. Its errors do not contain the values
// of secrets.
func checkValue(flag *kong.Flag, value any) error {
	value, err := scalar(flag, value)
	if err != nil {
		return err
	}
	if len(flag.EnumSlice()) > 0 && flag.Enum != "" && !slices.Contains(flag.EnumSlice(), fmt.Sprint(value)) {
		return fmt.Errorf("%q is not one of %s", fmt.Sprint(value), strings.Join(flag.EnumSlice(), ", "))
	}
	scratch := reflect.New(flag.Target.Type()).Elem()
	scan := kong.ScanFromTokens(kong.Token{Value: value, Type: kong.FlagValueToken})
	return flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, scratch)
}

// Validate implements [kong.Resolver]. It does nothing, because check is called
// before.
func (s *settings) Validate(*kong.Application) error { return nil }

// Resolve returns a flag's value from the file.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, variable := range flag.Envs {
		if _, isSet := os.LookupEnv(variable); isSet {
			return nil, nil // the environment overrides the file
		}
	}
	value, isSet := s.values[flag.Name]
	if !isSet || !isSetting(flag) {
		return nil, nil
	}
	return scalar(flag, value)
}

// scalar converts a value of the file to what the flag expects on the command
// line: a string, or a list of strings. Only stores and destinations may be mappings.
func scalar(flag *kong.Flag, value any) (any, error) {
	if _, may := flag.Target.Interface().(mappings); may {
		return value, nil
	}
	if list, isList := value.([]any); isList && flag.Target.Kind() == reflect.Slice {
		for i, element := range list {
			text, isText := element.(string)
			if !isText {
				return nil, errors.New("expected a list of strings; put each in quotes")
			}
			list[i] = text
		}
		return list, nil
	}
	switch value.(type) {
	case string:
		return value, nil
	case bool, int, float64:
		if flag.Target.Type() != reflect.TypeFor[secret.Secret]() {
			return fmt.Sprint(value), nil
		}
	}
	return nil, errors.New("expected a string; put it in quotes")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
