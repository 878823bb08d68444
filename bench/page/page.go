// Package page writes the generated parts of Markdown pages. The rest of a page is written by hand.
package page

import (
	"fmt"
	"os"
	"strings"
)

// Part is a generated part of a page: what is between two lines, which stay.
type Part struct{ Begin, End string }

// Write replaces the part in a file.
func (p Part) Write(file, text string) error {
	before, after, err := p.split(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(before+p.Begin+"\n"+text+p.End+after), 0o644)
}

// Check returns an error if a file has no such part.
func (p Part) Check(file string) error {
	_, _, err := p.split(file)
	return err
}

// split returns what is before and after the part.
func (p Part) split(file string) (before, after string, err error) {
	old, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	before, rest, found := strings.Cut(string(old), p.Begin)
	_, after, ended := strings.Cut(rest, p.End)
	if !found || !ended {
		return "", "", fmt.Errorf("%s has no part between %q and %q to replace", file, p.Begin, p.End)
	}
	return before, after, nil
}

// Table returns a table. It aligns the third column and those after it to the right.
func Table(rows [][]string) string {
	var text strings.Builder
	for i, cells := range rows {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			text.WriteString("|" + strings.Repeat("---|", min(2, len(cells))) + strings.Repeat("--:|", max(0, len(cells)-2)) + "\n")
		}
	}
	return text.String()
}
