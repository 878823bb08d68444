package doctor

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Mark returns the sign of a status in one character.
func (s Status) Mark() string {
	return map[Status]string{OK: "✓", Warn: "!", Fail: "✗", Skipped: "–"}[s]
}

// indent is the width of the columns in front of what was found.
const indent = 15

// Text returns results for people, in lines of at most width characters where words allow
// it. All text from elsewhere must still be cleaned.
func Text(results []Result, width int) string {
	var text strings.Builder
	counts := make(map[Status]int)
	for _, r := range results {
		counts[r.Status]++
		found := r.Found
		if r.Subject != "" {
			found = r.Subject + ": " + found
		}
		fmt.Fprintf(&text, "%s %-*s%s\n", r.Status.Mark(), indent-2, r.Check, wrap(found, width))
		if r.Fix != "" {
			fmt.Fprintf(&text, "%*s%s\n", indent, "", wrap("→ "+r.Fix, width))
		}
	}
	fmt.Fprintf(&text, "\n%s\n", Summary(results))
	return text.String()
}

// Summary says in a sentence what came of the checks.
func Summary(results []Result) string {
	counts := make(map[Status]int)
	for _, r := range results {
		counts[r.Status]++
	}
	sentence := fmt.Sprintf("%d checks: %d ok", len(results), counts[OK])
	for _, of := range []struct {
		status Status
		text   string
	}{{Warn, "%d with a warning"}, {Fail, "%d failed"}, {Skipped, "%d left out"}} {
		if n := counts[of.status]; n > 0 {
			sentence += ", " + fmt.Sprintf(of.text, n)
		}
	}
	return sentence + "."
}

// wrap breaks a text between words, and indents all lines but the first.
func wrap(text string, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && indent+utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n"+strings.Repeat(" ", indent))
}
