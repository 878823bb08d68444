// Package tty is how commands print. [Output] is the only way to standard output and
// standard error: it cleans what comes from elsewhere.
package tty

import (
	"fmt"
	"io"
	"os"

	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// IsTerminal reports whether a writer is a terminal.
func IsTerminal(w io.Writer) bool {
	file, ok := Raw(w).(*os.File)
	return ok && cwriter.IsTerminal(int(file.Fd()))
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
