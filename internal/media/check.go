package media

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// HeadSize is how many of a file's first bytes the caller should read before [Check].
// With them most files need no ranged read, or one for the end of the file.
const HeadSize = 64 * kib

// ErrNoRanges is returned by a ReadAt whose source turns out not to serve ranges.
var ErrNoRanges = errors.New("the source cannot be read by ranges")

// ErrReadLimit is returned by a ReadAt that may not send further requests.
var ErrReadLimit = errors.New("the limit of requests is reached")

// File is what is known about a file before its body is read.
type File struct {
	DeclaredType string // stored Content-Type, or the caller's header; may be empty or a placeholder such as binary/octet-stream
	// ContentEncoding is the Content-Encoding that is stored with the file, a list of words;
	// may be empty. A coding counts only if the bytes bear it out.
	ContentEncoding string
	Name            string // last element of the key or path; only its extension matters
	Size            int64  // bytes, as announced by the source; negative if it did not announce them
	Head            []byte // first bytes: HeadSize of them, or the whole file if it is shorter; not kept
	// ReadAt fills p from the offset off, as io.ReaderAt does. It is called only for
	// bytes within Size, and within the bounds of this package. If it is nil, or returns
	// an error that wraps ErrNoRanges or ErrReadLimit, what needs more than Head is listed
	// as unchecked.
	ReadAt func(ctx context.Context, p []byte, off int64) (int, error)
	// TextAsPlain takes text that is declared under a type of its own, which WhatsApp does
	// not accept, as text/plain: CSV, JSON, XML, Markdown, vCard, iCalendar and others. The
	// file keeps its name and its extension.
	TextAsPlain bool
}

// Result says what a file is, and what is wrong with it.
type Result struct {
	Type        Type      // row of WhatsApp's table; the zero Type if the file is refused for its type or size
	ContentType string    // of the file part for Meta: the type's MIME; "audio/ogg; codecs=opus" for Ogg
	FileName    string    // of the file part for Meta: UTF-8, safe between double quotes, extension fits the type
	Findings    []Finding // in the order in which they were found, each code once
	Unchecked   []string  // what could not be checked, and why; for people
}

// Check decides what a file is, and finds what makes WhatsApp refuse it, fail to deliver it
// or show it badly. Its error is that of ReadAt; a file never causes one.
//
// A declared type that WhatsApp accepts decides, and must agree with the first bytes. If no
// usable type is declared, the first bytes decide, and where they fit several types the
// extension does. An MP4 whose index shows sound only is audio in either case. A file that is
// refused for its type or size, or is damaged as a whole, has that one finding, and its content
// is not examined.
func Check(ctx context.Context, f File) (Result, error) {
	detected, problem := recognise(f)
	if problem != nil {
		return refused(problem), nil
	}
	x := newExaminer(ctx, f)
	if detected.movie {
		detected.tracks = x.readTracks()
	}
	result := settle(f, detected)
	if result.MaxSeverity() >= WillFail {
		return result, nil
	}
	err := x.examine(&result)
	return result, err
}

// mayBeMedia reports whether a declared type leaves it open that a file is audio or video.
func mayBeMedia(declared string) bool {
	base := baseType(declared)
	kind := kindOf(base)
	return isUninformative(base) || kind == kindAudio || kind == kindVideo
}

// MaxSeverity returns the highest severity of the findings, 0 if there are none.
func (r Result) MaxSeverity() Severity {
	var worst Severity
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

// maxRefusal bounds the text of a refusal, in bytes. A single finding has less than half of it.
const maxRefusal = 2000

// Refusal returns the text of an error about the findings of at least the given severity:
// one line per finding with its fix, then the code of the first one in brackets. It returns
// "" if there are none.
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
		fmt.Fprintf(&text, "\nThere are %d more findings.", left)
	}
	fmt.Fprintf(&text, " [%s]", code)
	return text.String()
}
