// Package tty has what a command needs to write for people: whether a writer is a
// terminal, and text that is safe and readable there.
package tty

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// IsTerminal reports whether a writer is a terminal.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && cwriter.IsTerminal(int(file.Fd()))
}

// Printable returns text from elsewhere with a question mark for every character that a
// terminal would obey.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// Size returns a size in a unit that fits: "4.2 KiB".
func Size(bytes int64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("% .1f", decor.SizeB1024(bytes))
}

// ExactSize returns a size in bytes: "4,312 bytes".
func ExactSize(size int64) string {
	digits := fmt.Sprint(size)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits + " bytes"
}
