package tty_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"ferry/internal/tty"
)

const hostile = "x\x1b[2J\n\u202ey"

type named string

type stringer struct{}

func (stringer) String() string { return hostile }

func TestOnlyItsOwnLayoutBreaksLines(t *testing.T) {
	for name, c := range map[string]struct {
		print func(o *tty.Output) error
		want  string
	}{
		"values of Printf": {func(o *tty.Output) error {
			return o.Printf("%s|%v|%q|%v|%3d|%s|%v\n", hostile, errors.New(hostile), "a", named(hostile), 7, stringer{}, time.Second)
		}, `x\x1b[2J\n\u202ey|x\x1b[2J\n\u202ey|"a"|x\x1b[2J\n\u202ey|  7|x\x1b[2J\n\u202ey|1s` + "\n"},
		"a layout of Printf": {func(o *tty.Output) error { return o.Printf("%s\n", tty.Layout("a\n  b\x1b")) }, "a\n  b\\x1b\n"},
		"a nil value":        {func(o *tty.Output) error { return o.Printf("%v\n", nil) }, "<nil>\n"},
		"lines of Write": {func(o *tty.Output) error {
			_, err := io.WriteString(o, "one\ntwo\x1b[0m\r\n")
			return err
		}, "one\ntwo\\x1b[0m\\r\n"},
		"cells of a table": {func(o *tty.Output) error {
			table := o.Table("A", "B")
			table.Row("a\tb\n", hostile)
			table.Row("größer", 1)
			return table.Flush()
		}, "A       B\na\\tb\\n  x\\x1b[2J\\n\\u202ey\ngrößer  1\n"},
		"an error": {func(o *tty.Output) error { o.Error(errors.New("a\x1b: b")); return nil }, "ferry: a\\x1b: b\n"},
		"an error of several lines": {func(o *tty.Output) error {
			o.Error(errors.Join(errors.New("a"), fmt.Errorf("b\nferry: all is well\n")))
			return nil
		}, "ferry: a\n  b\n  ferry: all is well\n"},
		"JSON":               {func(o *tty.Output) error { return o.JSON(map[string]string{"a": hostile + "\u009b\U000e0041<"}) }, `{"a":"x\u001b[2J\n\u202ey\u009b\udb40\udc41<"}` + "\n"},
		"text that is JSON":  {func(o *tty.Output) error { return o.JSONText([]byte("{\"a\":\n\"\u202e\"}")) }, "{\"a\":\n\"\\u202e\"}\n"},
		"text that is not":   {func(o *tty.Output) error { return o.JSONText([]byte("<\x1b>")) }, "<\\x1b>\n"},
		"value without JSON": {func(o *tty.Output) error { _ = o.JSON(func() {}); return nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := c.print(tty.NewOutput(&out)); err != nil || out.String() != c.want {
				t.Errorf("printed: %q, %v\nwant:    %q", out.String(), err, c.want)
			}
		})
	}
}

func TestErrorOfTheWriterIsReturned(t *testing.T) {
	_, broken := io.Pipe()
	_ = broken.Close()
	o := tty.NewOutput(broken)
	table := o.Table("A")
	for what, err := range map[string]error{"Printf": o.Printf("a"), "JSON": o.JSON(1), "Table": table.Flush()} {
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
