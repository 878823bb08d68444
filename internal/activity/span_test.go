package activity_test

import (
	"strings"
	"testing"

	"ferry/internal/activity"
)

const traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestTraceParentIsReadAsTraceContextSaysIt(t *testing.T) {
	cases := map[string]struct {
		text string
		want string // as it is passed on; empty means that it is ignored
	}{
		"sampled":                    {traceParent, traceParent},
		"not sampled":                {strings.TrimSuffix(traceParent, "1") + "0", strings.TrimSuffix(traceParent, "1") + "0"},
		"other flags":                {strings.TrimSuffix(traceParent, "01") + "ff", traceParent},
		"a later version":            {"01" + traceParent[2:] + "-more", traceParent},
		"a later version that lies":  {"01" + traceParent[2:] + "more", ""},
		"version 0 with more":        {traceParent + "-more", ""},
		"the version that is none":   {"ff" + traceParent[2:], ""},
		"upper case":                 {strings.ToUpper(traceParent), ""},
		"no trace":                   {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", ""},
		"no span":                    {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", ""},
		"too short":                  {traceParent[:54], ""},
		"other separators":           {strings.ReplaceAll(traceParent, "-", "_"), ""},
		"not hexadecimal":            {"00-4bf92f3577b34da6a3ce929d0e0e473z-00f067aa0ba902b7-01", ""},
		"nothing":                    {"", ""},
		"what would break a log":     {"00-4bf92f3577b34da6a3ce929d0e0e47\n\r-00f067aa0ba902b7-01", ""},
		"what would break a header ": {traceParent + "\r\nX: y", ""},
	}
	for name, c := range cases {
		if got := activity.ParseTraceParent(c.text).TraceParent(); got != c.want {
			t.Errorf("%s: %q became %q, expected %q", name, c.text, got, c.want)
		}
	}
}

func TestChildIsInTheTraceOfItsParent(t *testing.T) {
	parent := activity.ParseTraceParent(traceParent)
	child := parent.Child()
	if child.Trace != parent.Trace || child.Parent != parent.ID || child.ID == parent.ID || !child.Sampled {
		t.Errorf("%+v is no child of %+v", child, parent)
	}
	if child := (activity.Span{}).Child(); !child.IsZero() {
		t.Errorf("what is not traced has the child %+v", child)
	}
}

func TestNothingIsTracedWithoutATracer(t *testing.T) {
	if span := activity.NewRecorder(nil, discard{}).Begin(activity.ParseTraceParent(traceParent)); !span.IsZero() {
		t.Errorf("%+v", span)
	}
}

type discard struct{}

func (discard) Append(activity.Entry) {}

// choosy is a Tracer that exports the traces of callers.
type choosy struct{ discard }

func (choosy) Samples(_ [16]byte, parent activity.Span) bool { return !parent.IsZero() }

func TestTracerDecidesWhatIsExported(t *testing.T) {
	recorder := activity.NewRecorder(nil, choosy{})
	own := recorder.Begin(activity.Span{})
	if own.IsZero() || own.Sampled || own.Parent != [8]byte{} {
		t.Errorf("%+v", own)
	}
	given := recorder.Begin(activity.ParseTraceParent(traceParent))
	if given.TraceID() != "4bf92f3577b34da6a3ce929d0e0e4736" || !given.Sampled || given.Parent == [8]byte{} {
		t.Errorf("%+v", given)
	}
}

func FuzzTraceParent(f *testing.F) {
	f.Add(traceParent)
	f.Add("01" + traceParent[2:] + "-more")
	f.Fuzz(func(t *testing.T, text string) {
		span := activity.ParseTraceParent(text)
		if passed := span.TraceParent(); passed != "" && activity.ParseTraceParent(passed) != span {
			t.Errorf("%q became %q", text, passed)
		}
	})
}

// What traces and metrics cost a call that passes through ten places which ask for them, in a server that has
// neither: nothing but these branches. A call takes 300 µs of CPU time at least (docs/performance.md).
func BenchmarkCallWithoutTracesAndMetrics(b *testing.B) {
	r := activity.NewRecorder(nil, discard{})
	b.ReportAllocs()
	for b.Loop() {
		span := r.Begin(activity.ParseTraceParent(""))
		for range 10 {
			if child := span.Child(); child.TraceParent() != "" || child.TraceID() != "" {
				b.Fatal("it is traced")
			}
		}
	}
}
