package activity

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// A Span is the place of an Entry in a distributed trace, as W3C Trace Context defines
// it (docs/references.md#trace-context). The zero Span is in no trace.
type Span struct {
	Trace   [16]byte
	ID      [8]byte
	Parent  [8]byte // zero for the first span of a trace
	Sampled bool    // whether the trace is exported
}

// A Tracer is a Sink that exports traces.
type Tracer interface {
	Sink
	// Samples reports whether a trace is exported. parent is the span of whoever calls; it
	// is the zero Span if the trace begins here.
	Samples(trace [16]byte, parent Span) bool
}

// Begin returns the span of what begins here: within the trace of parent, unless that is
// the zero Span. It returns the zero Span if nothing is traced.
func (r *Recorder) Begin(parent Span) Span {
	if r == nil || r.tracer == nil {
		return Span{}
	}
	span := Span{Trace: parent.Trace, ID: newSpanID(), Parent: parent.ID}
	if parent.IsZero() {
		for span.Trace == [16]byte{} {
			binary.NativeEndian.PutUint64(span.Trace[:8], rand.Uint64())
			binary.NativeEndian.PutUint64(span.Trace[8:], rand.Uint64())
		}
	}
	span.Sampled = r.tracer.Samples(span.Trace, parent)
	return span
}

func newSpanID() (id [8]byte) {
	for id == [8]byte{} {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

// IsZero reports whether the span is in no trace.
func (s Span) IsZero() bool { return s.Trace == [16]byte{} }

// Child returns a new span below s. It is the zero Span if s is.
func (s Span) Child() Span {
	if s.IsZero() {
		return Span{}
	}
	return Span{Trace: s.Trace, ID: newSpanID(), Parent: s.ID, Sampled: s.Sampled}
}

// TraceID returns the id of the trace in hexadecimal, "" for the zero Span.
func (s Span) TraceID() string {
	if s.IsZero() {
		return ""
	}
	return hex.EncodeToString(s.Trace[:])
}

// TraceParent returns the value of the header traceparent, "" for the zero Span.
func (s Span) TraceParent() string {
	if s.IsZero() {
		return ""
	}
	flags := "-00"
	if s.Sampled {
		flags = "-01"
	}
	return "00-" + s.TraceID() + "-" + hex.EncodeToString(s.ID[:]) + flags
}

// ParseTraceParent returns the span that the value of a header traceparent names, the
// zero Span if it is not one.
func ParseTraceParent(text string) Span {
	const length = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	var version, flags [1]byte
	var s Span
	if len(text) < length || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return Span{}
	}
	isHex := decodeLower(version[:], text[:2]) && decodeLower(s.Trace[:], text[3:35]) && decodeLower(s.ID[:], text[36:52]) && decodeLower(flags[:], text[53:length])
	switch {
	case !isHex, version[0] == 0xff, s.IsZero(), s.ID == [8]byte{}:
		return Span{}
	case len(text) > length && (version[0] == 0 || text[length] != '-'): // later versions may be longer
		return Span{}
	}
	s.Sampled = flags[0]&1 == 1
	return s
}

// decodeLower decodes hexadecimal digits, of which those above 9 are in lower case.
func decodeLower(to []byte, digits string) bool {
	for _, d := range []byte(digits) {
		if d >= 'A' && d <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(to, []byte(digits))
	return err == nil
}
