package metasim

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The variables of a template, and the examples that each of them needs
// (docs/references.md#graph-templates).

const (
	formatPositional = "POSITIONAL"
	formatNamed      = "NAMED"
)

var (
	placeholder  = regexp.MustCompile(`\{\{([^{}]*)\}\}`)
	variableName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	neighbours   = regexp.MustCompile(`\}\}\s*\{\{`)
)

// placeholders returns the different variables of a text, in their order.
func placeholders(text string) (names []string) {
	for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
		if name := strings.TrimSpace(match[1]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// formatOf returns the parameter format that a text has, or "" without variables.
func formatOf(text string) string {
	names := placeholders(text)
	switch {
	case len(names) == 0:
		return ""
	case isObjectID(names[0]):
		return formatPositional
	}
	return formatNamed
}

// wrongVariables returns what is wrong with the variables of a text, or "".
func wrongVariables(text, format string) string {
	for i, name := range placeholders(text) {
		switch {
		case format == formatNamed && !variableName.MatchString(name):
			return "The variable {{" + truncate(name) + "}} is not a name of lowercase letters and underscores."
		case format != formatNamed && !isObjectID(name):
			return "The variable {{" + truncate(name) + "}} is not a number, although the parameter format is positional."
		case format != formatNamed && name != strconv.Itoa(i+1):
			return "The variable {{" + truncate(name) + "}} is out of order: variables are numbered from {{1}} without a gap."
		}
	}
	return ""
}

// beginsOrEndsWithVariable ignores blanks, and punctuation after the last variable.
func beginsOrEndsWithVariable(text string) bool {
	ends := strings.TrimRightFunc(text, func(r rune) bool { return r != '}' && (unicode.IsSpace(r) || unicode.IsPunct(r)) })
	begins := strings.TrimSpace(text)
	at := placeholder.FindAllStringIndex(begins, -1)
	if len(at) == 0 {
		return false
	}
	last := placeholder.FindAllStringIndex(ends, -1)
	return at[0][0] == 0 || len(last) > 0 && last[len(last)-1][1] == len(ends)
}

// hasTooManyVariables compares variables with words. Meta's ratio is not known: here
// there must be a word for each variable.
func hasTooManyVariables(text string) bool {
	words := strings.FieldsFunc(placeholder.ReplaceAllString(text, " "), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return len(words) < len(placeholder.FindAllString(text, -1))
}

// hasExamples reports whether an example has one text for each variable. member is that
// of the example that has them: header_text, or body_text, whose texts are in a row.
func hasExamples(example any, member string, names []string, format string) bool {
	object, ok := example.(map[string]any)
	if !ok {
		return false
	}
	if format == formatNamed {
		return hasNamedExamples(object[member+"_named_params"], names)
	}
	value := object[member]
	if rows, ok := value.([]any); ok && len(rows) > 0 && member == "body_text" {
		row, isRow := rows[0].([]any)
		if !isRow && len(names) > 1 { // one text need not be in a row
			return false
		}
		if isRow {
			value = row
		}
	}
	return len(exampleTexts(value)) == len(names)
}

// exampleTexts returns the texts of an example: a list, or one text alone.
func exampleTexts(value any) (texts []string) {
	if one := text(value); one != "" {
		return []string{one}
	}
	list, _ := value.([]any)
	for _, element := range list {
		if one := text(element); one != "" {
			texts = append(texts, one)
		}
	}
	return texts
}

func hasNamedExamples(value any, names []string) bool {
	found := map[string]bool{}
	for _, one := range objects(value) {
		if text(one["example"]) != "" {
			found[text(one["param_name"])] = true
		}
	}
	return len(found) == len(names) && !slices.ContainsFunc(names, func(name string) bool { return !found[name] })
}
