package media

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says what becomes of a file that is sent as it is. Severities are
// ordered: the larger, the worse.
type Severity int

const (
	LooksBad Severity = iota + 1 // delivered, but looks or plays badly, or not for everybody
	WillFail                     // accepted, then fails on delivery with error 131053, or cannot be opened
	Refused                      // refused at the upload, as a file that is not what it is declared as
)

// String gives the severity's name: "looks-bad", "will-fail" or "refused".
func (s Severity) String() string {
	switch s {
	case LooksBad:
		return "looks-bad"
	case WillFail:
		return "will-fail"
	case Refused:
		return "refused"
	}
	return fmt.Sprintf("severity(%d)", int(s))
}

// MarshalText makes the name stand in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that is wrong with a file. All of it may be shown to the caller.
type Finding struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"` // one of the Code constants; stable
	Why      string   `json:"why"`  // one sentence: what was found and what it leads to
	// Fix is one sentence: what to do. Where a command mends the file, it follows
	// the last ": " and ends the sentence; IN is the file and out.EXT what it makes.
	Fix string `json:"fix"`
}

// text is the whole finding in one line.
func (f Finding) text() string { return f.Why + " " + f.Fix }

// add appends a finding unless there is one with its code. args fill the rule's Why;
// fix replaces the rule's own, if it is not empty.
func (r *Result) add(t Type, code, fix string, args ...any) {
	if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code }) {
		return
	}
	rule := rules[code]
	r.Findings = append(r.Findings, Finding{
		Severity: rule.severity, Code: code,
		Why: fmt.Sprintf(rule.why, args...),
		Fix: strings.ReplaceAll(cmp.Or(fix, rule.fix), "out.EXT", "out."+t.extension),
	})
}
