package tty

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
)

// Output is where a command prints. Whatever is printed, the terminal gets
// printable characters and line breaks only: text from elsewhere cannot move the
// cursor, change colours, set the clipboard or begin a line of its own.
type Output struct{ w io.Writer }

// NewOutput returns an Output that writes to w.
func NewOutput(w io.Writer) *Output { return &Output{w} }

// Write writes lines that are laid out already, such as a help text. Only their
// line breaks stay; everything else is cleaned. The text ends with a whole
// character.
func (o *Output) Write(text []byte) (int, error) {
	if _, err := o.w.Write(cleanLines(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

// Layout is text of a command's own that has several lines, as a value of Printf.
type Layout string

// Printf formats as fmt.Printf does. Its values are cleaned, and so have no line
// breaks, unless they are a Layout. Text that is formatted with %v and is not a string,
// an error or a fmt.Stringer may have any.
func (o *Output) Printf(format string, values ...any) error {
	clean := make([]any, len(values))
	for i, value := range values {
		clean[i] = cleanValue(value)
	}
	_, err := o.Write(fmt.Appendf(nil, format, clean...))
	return err
}

// cleanValue returns a value whose text is clean.
func cleanValue(value any) any {
	switch v := value.(type) {
	case nil:
		return v
	case Layout:
		return string(v)
	case string:
		return Clean(v)
	case error:
		return Clean(v.Error())
	case fmt.Stringer:
		return Clean(v.String())
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.String {
		return Clean(v.String())
	}
	return value
}

// Error prints an error after the name of the program. The text of an error may have
// lines of its own, which are indented: none looks like a message of the program.
func (o *Output) Error(err error) {
	lines := strings.Split(strings.TrimRight(err.Error(), "\n"), "\n")
	for i, line := range lines[1:] {
		lines[i+1] = "  " + line
	}
	_, _ = o.Write([]byte("ferry: " + strings.Join(lines, "\n") + "\n"))
}

// JSON prints a value as one line of JSON, exactly: what a terminal would obey is
// escaped as JSON escapes it.
func (o *Output) JSON(value any) error {
	line, err := JSON(value)
	if err != nil {
		return err
	}
	_, err = o.w.Write(line)
	return err
}

// JSON returns a value as the line of JSON that [Output.JSON] prints.
func JSON(value any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return EscapeJSON(line.Bytes()), nil
}

// JSONText prints text that should be JSON, followed by a line break.
func (o *Output) JSONText(text []byte) error {
	text = append(bytes.TrimRight(text, "\n"), '\n')
	if json.Valid(text) {
		_, err := o.w.Write(EscapeJSON(text))
		return err
	}
	_, err := o.Write(text)
	return err
}

// Table is text in columns.
type Table struct{ cells *tabwriter.Writer }

// Table begins a table. Its rows are printed by Flush.
func (o *Output) Table(header ...any) *Table {
	t := &Table{tabwriter.NewWriter(o, 0, 0, 2, ' ', 0)}
	t.Row(header...)
	return t
}

// Row adds a row. Cells that are strings, errors and Stringers are cleaned.
func (t *Table) Row(cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			_, _ = io.WriteString(t.cells, "\t")
		}
		_, _ = fmt.Fprint(t.cells, cleanValue(cell))
	}
	_, _ = io.WriteString(t.cells, "\n")
}

// Flush prints the table.
func (t *Table) Flush() error { return t.cells.Flush() }

// Raw returns the terminal behind w, for progress bars, which move the cursor. They
// clean their texts themselves.
func Raw(w io.Writer) io.Writer {
	if o, ok := w.(*Output); ok {
		return Raw(o.w)
	}
	return w
}
