package media

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// HeadSize is how many of a file's first bytes its caller should read before [Check]:
// enough to need no ranged read for most files, or one for what is at the end.
const HeadSize = 64 * kib

// ErrNoRanges is the error of a ReadAt whose source turns out not to serve ranges.
var ErrNoRanges = errors.New("the source cannot be read by ranges")

// File is what is known of a file before its body is read.
type File struct {
	DeclaredType string // stored Content-Type, or the caller's header; may be empty or say nothing, as binary/octet-stream does
	Name         string // last element of the key or path; only its extension decides anything
	Size         int64  // bytes, as the source announced them; negative if it did not
	Head         []byte // first bytes: HeadSize of them, or the whole file if it is shorter; not kept
	// ReadAt fills p from the offset off, as io.ReaderAt does. It is called only for
	// bytes within Size, and within the bounds of this package. If it is nil, or returns
	// an error that wraps ErrNoRanges, what needs more than Head is listed as unchecked.
	ReadAt func(ctx context.Context, p []byte, off int64) (int, error)
}

// Result is what a file is, and what is wrong with it.
type Result struct {
	Type        Type      // row of WhatsApp's table; the zero Type if the file belongs to none
	ContentType string    // of the file part for Meta: the type's MIME; "audio/ogg; codecs=opus" for Ogg
	FileName    string    // of the file part for Meta: UTF-8, safe between double quotes, extension fits the type
	Findings    []Finding // in the order in which they were found, each code once
	Unchecked   []string  // what could not be checked, and why; for people
}

// Check decides what a file is, and finds what WhatsApp refuses, fails to deliver or
// shows badly. Its error is ReadAt's: a file never causes one.
//
// The type is decided from the first bytes. A declared type that WhatsApp takes decides,
// and must agree with the bytes. Where nothing is declared the bytes decide, and the
// extension between the types that they may be. A file that is refused for its type or
// size has that one finding, and is not looked into.
func Check(ctx context.Context, f File) (Result, error) {
	result := identify(f)
	if len(result.Findings) > 0 {
		return result, nil
	}
	err := examine(ctx, f, &result)
	return result, err
}

// MaxSeverity returns the highest severity found, 0 if nothing was.
func (r Result) MaxSeverity() Severity {
	var worst Severity
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

// maxRefusal bounds the text of a refusal, in bytes. A single finding has less than half of it.
const maxRefusal = 2000

// Refusal returns the text for a file with findings of at least the given severity: what
// is wrong and how to mend it, one line per finding, then the first one's code in
// brackets. It returns "" if there are none.
func (r Result) Refusal(least Severity) string {
	var text strings.Builder
	code, left := "", 0
	for _, f := range r.Findings {
		switch line := f.text(); {
		case f.Severity < least:
		case code == "":
			code = f.Code
			text.WriteString(line)
		case left > 0 || text.Len()+len(line) > maxRefusal:
			left++
		default:
			text.WriteString("\n" + line)
		}
	}
	if code == "" {
		return ""
	}
	if left > 0 {
		fmt.Fprintf(&text, "\nThere is more wrong with it (%d findings).", left)
	}
	fmt.Fprintf(&text, " [%s]", code)
	return text.String()
}
