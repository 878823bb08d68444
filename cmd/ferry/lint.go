// ferry media lint: what WhatsApp would not take, not deliver or show badly,
// found without a server.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"ferry/internal/media"
	"ferry/internal/object"
	"ferry/internal/tty"
)

type mediaLintCommand struct {
	Region      string   `name:"aws-region" help:"Region of s3:// sources. Default: the AWS SDK's settings." env:"-" placeholder:"REGION"`
	ContentType string   `help:"Content-Type to judge the sources by. Default: the one that the store or web server has; for files, what first bytes and extension say." placeholder:"TYPE"`
	JSON        bool     `help:"One JSON object a line for each source, as when the output is no terminal."`
	Source      []string `arg:"" help:"FILE, s3://BUCKET/KEY (read with the AWS SDK's settings), or an http or https URL." placeholder:"SOURCE"`
}

// lintStatuses are the exit statuses for the worst that was found. A source that
// cannot be read is worse, since nobody knows what is in it.
var lintStatuses = map[media.Severity]exitStatus{media.LooksBad: 3, media.WillFail: 4, media.Refused: 5}

const exitUnreadable = exitStatus(2)

// Help is what the command's --help says beside its flags.
func (*mediaLintCommand) Help() string {
	return `The exit status tells of the worst that was found in any source:

  0  nothing wrong
  3  looks-bad: delivered, but shown or played badly, or not for everybody
  4  will-fail: taken by WhatsApp, then not delivered, or not to be opened
  5  refused: not taken by WhatsApp
  2  a source cannot be read, whatever was found in others; or the command line is wrong
  1  the output cannot be written`
}

// lintResult is what was found in one source; its JSON is one line of output.
type lintResult struct {
	Source    string          `json:"source"` // never with a URL's query
	Name      string          `json:"name,omitempty"`
	Type      string          `json:"type,omitempty"` // what WhatsApp would be told; what is declared, if it does not take that
	Size      *int64          `json:"size,omitempty"` // bytes; nil if it is not known
	Findings  []media.Finding `json:"findings,omitempty"`
	Unchecked []string        `json:"unchecked,omitempty"` // what could not be checked, and why
	Error     string          `json:"error,omitempty"`     // why it could not be read
	path      string          // of a local file
}

// Run looks at the sources, one after the other. Its error is an exitStatus,
// or the output's.
func (c *mediaLintCommand) Run(ctx context.Context, terminal *terminal) error {
	sources := &lintSources{region: c.Region}
	defer sources.close()
	worst, unread := media.Severity(0), false
	for _, text := range c.Source {
		result := c.lint(ctx, sources, text)
		worst, unread = max(worst, result.maxSeverity()), unread || result.Error != ""
		if c.JSON || !tty.IsTerminal(terminal.out) {
			encoder := json.NewEncoder(terminal.out)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(result); err != nil {
				return err
			}
		} else if err := result.print(terminal.out); err != nil {
			return err
		}
	}
	if unread {
		return exitUnreadable
	}
	if worst > 0 {
		return lintStatuses[worst]
	}
	return nil
}

func (c *mediaLintCommand) lint(ctx context.Context, sources *lintSources, text string) lintResult {
	result := lintResult{Source: withoutQuery(text)}
	file, err := sources.open(ctx, text)
	if err != nil {
		result.fail(err)
		return result
	}
	defer func() { _ = file.close() }()
	if c.ContentType != "" {
		file.DeclaredType = c.ContentType
	}
	result.Name, result.Type, result.Size, result.path = file.Name, file.DeclaredType, &file.Size, file.path
	found, err := media.Check(ctx, file.File)
	if found.Type.MIME != "" {
		result.Type = found.Type.MIME
	}
	result.Findings, result.Unchecked = found.Findings, found.Unchecked
	if err != nil {
		result.fail(err)
	}
	return result
}

// fail records why a source cannot be read, or that WhatsApp cannot have the object as
// its source holds it.
func (l *lintResult) fail(err error) {
	failed, ok := errors.AsType[*object.Error](err)
	switch {
	case !ok:
		l.Error = err.Error()
	case failed.Code != "":
		l.Findings = append(l.Findings, media.Finding{Severity: media.Refused, Code: failed.Code, Why: failed.Message, Fix: failed.Fix})
	case failed.Cause != nil:
		l.Error = fmt.Sprintf("%s (%v)", failed.Message, failed.Cause)
	default:
		l.Error = failed.Message
	}
}

func (l lintResult) maxSeverity() media.Severity { return media.Result{Findings: l.Findings}.MaxSeverity() }

// print writes what was found for a person, in lines of lintWidth columns.
func (l lintResult) print(out io.Writer) error {
	var text strings.Builder
	text.WriteString(l.heading() + "\n")
	if l.Error != "" {
		paragraph(&text, "  error     ", wrap(l.Error, lintWidth-12))
	}
	for _, f := range l.Findings {
		fmt.Fprintf(&text, "  %-10s%s\n", f.Severity, f.Code)
		paragraph(&text, "       why  ", wrap(f.Why, lintWidth-12))
		if f.Fix != "" {
			paragraph(&text, "       fix  ", fixLines(f.Fix, l.path, lintWidth-12))
		}
	}
	for _, u := range l.Unchecked {
		paragraph(&text, "  unchecked ", wrap(u, lintWidth-12))
	}
	if l.Error == "" && len(l.Findings)+len(l.Unchecked) == 0 {
		text.WriteString("  ok        nothing wrong was found\n")
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// heading is the source, and its type and size as far as they are known: in
// one line, if it is not too long.
func (l lintResult) heading() string {
	words := []string{tty.Printable(l.Source)}
	if l.Type != "" {
		words = append(words, tty.Printable(l.Type))
	}
	if l.Size != nil {
		words = append(words, tty.ExactSize(*l.Size))
	}
	if line := strings.Join(words, "  "); utf8.RuneCountInString(line) <= lintWidth {
		return line
	}
	return strings.Join(words, "\n  ")
}

// lintWidth is how many columns the text has.
const lintWidth = 80

// paragraph writes lines below each other behind a label.
func paragraph(text *strings.Builder, label string, lines []string) {
	for i, line := range lines {
		if i == 1 {
			label = strings.Repeat(" ", len(label))
		}
		fmt.Fprintf(text, "%s%s\n", label, line)
	}
}

// wrap breaks a text between words, where a line would become longer than width.
func wrap(text string, width int) []string {
	return fill(strings.Fields(tty.Printable(text)), width, "")
}

// fill puts words into lines of at most width columns, if no word is longer,
// the given end of a line that is broken not counted.
func fill(words []string, width int, end string) []string {
	var lines []string
	line := ""
	for _, word := range words {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line+end)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// fixLines sets the command of a fix, if it has one, below its sentence: in
// lines that a shell takes as they stand, and with the file's path for IN.
func fixLines(fix, path string, width int) []string {
	at := strings.LastIndex(fix, ": ")
	if at < 0 || strings.HasSuffix(fix, ".") { // a sentence; commands have no full stop
		return wrap(fix, width)
	}
	words := shellWords(fix[at+2:])
	for i, word := range words {
		if word == "IN" && path != "" && path == tty.Printable(path) {
			words[i] = shellQuote(path)
		}
	}
	return append(wrap(fix[:at+1], width), fill(words, width-len(` \`), ` \`)...)
}

// shellWords splits a command at spaces that are not between single quotes.
func shellWords(command string) []string {
	quoted := false
	return strings.FieldsFunc(command, func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

// shellQuote makes a path one word for a shell, and no flag of the program that gets it.
func shellQuote(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	plain := func(r rune) bool {
		return '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || strings.ContainsRune("/._-+,@%", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
