// ferry media lint: checks files for what WhatsApp refuses, does not deliver or shows badly.

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
	Region      string   `name:"aws-region" help:"AWS region of s3:// sources. Default: the AWS SDK's setting." env:"-" placeholder:"REGION"`
	ContentType string   `help:"Content-Type with which the files would be uploaded. Default: that of the store or web server; for local files, the type is detected from first bytes and extension." placeholder:"TYPE"`
	JSON        bool     `help:"Print one JSON object per line and source. This is the default if the output is not a terminal."`
	Source      []string `arg:"" help:"FILE, s3://BUCKET/KEY (read with the AWS SDK's settings and credentials), or an http or https URL." placeholder:"SOURCE"`
}

// lintStatuses are the exit statuses by the highest severity.
var lintStatuses = map[media.Severity]exitStatus{media.LooksBad: 3, media.WillFail: 4, media.Refused: 5}

// exitUnreadable is the exit status if a source could not be read. It takes precedence.
const exitUnreadable = exitStatus(2)

// Help is the text of --help above the flags.
func (*mediaLintCommand) Help() string {
	return `The exit status is that of the most severe finding in any source:

  0  no findings
  3  looks-bad: delivered, but shown or played badly, or not on every phone
  4  will-fail: accepted by WhatsApp, but then not delivered, or recipients cannot open it
  5  refused: not accepted by WhatsApp
  2  a source could not be read, whatever was found in the others; or the command line is wrong
  1  the output could not be written`
}

// lintResult is the result for one source; its JSON is one line of output.
type lintResult struct {
	Source    string          `json:"source"` // never with a URL's query
	Name      string          `json:"name,omitempty"`
	Type      string          `json:"type,omitempty"` // the type for WhatsApp, or the declared one if WhatsApp does not accept it
	Size      *int64          `json:"size,omitempty"` // bytes; nil if not known
	Findings  []media.Finding `json:"findings,omitempty"`
	Unchecked []string        `json:"unchecked,omitempty"` // what could not be checked, and why
	Error     string          `json:"error,omitempty"`     // why the source could not be read
	path      string          // of a local file
}

// Run checks the sources, one after the other. Its error is an exitStatus, or that of the
// output.
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

// fail records why a source could not be read, or why its object is refused unread.
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

func (l lintResult) maxSeverity() media.Severity {
	return media.Result{Findings: l.Findings}.MaxSeverity()
}

// print writes the result for a person, in lines of lintWidth columns.
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
		text.WriteString("  ok        no findings\n")
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// heading is the source with its type and size as far as they are known, in one line if
// that is not too long.
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

// lintWidth is the number of columns of the text.
const lintWidth = 80

// paragraph writes lines after a label, each indented like the first.
func paragraph(text *strings.Builder, label string, lines []string) {
	for i, line := range lines {
		if i == 1 {
			label = strings.Repeat(" ", len(label))
		}
		fmt.Fprintf(text, "%s%s\n", label, line)
	}
}

// wrap breaks a text between words into lines of at most width columns.
func wrap(text string, width int) []string {
	return fill(strings.Fields(tty.Printable(text)), width, "")
}

// fill joins words to lines of at most width columns, unless a word is longer. Every line
// but the last gets the given end, which is not counted.
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

// fixLines puts the command of a fix, if there is one, below its sentence, in lines that can
// be pasted into a shell and with the path of the file in place of IN.
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

// shellWords splits a command at spaces outside of single quotes.
func shellWords(command string) []string {
	quoted := false
	return strings.FieldsFunc(command, func(r rune) bool {
		if r == '\'' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

// shellQuote makes a path a single word for a shell, which no program interprets as a flag.
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
