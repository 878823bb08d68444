package media

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Severity says what happens to a file that is sent unchanged. A larger value is worse.
type Severity int

const (
	LooksBad Severity = iota + 1 // delivered, but shown or played badly, or not on every phone
	WillFail                     // accepted, but then not delivered (error 131053), or recipients cannot open it
	Refused                      // refused at upload, or not what it is declared as
)

// String returns the severity's name: "looks-bad", "will-fail" or "refused".
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

// MarshalText makes JSON contain the name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one problem of a file. All of it may be shown to the caller.
type Finding struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"` // one of the Code constants; stable
	Why      string   `json:"why"`  // what was found and what it causes
	// Fix says what to do. If a command repairs the file, it follows the last ": " and ends
	// the text; IN is the file, and out.EXT is what the command writes.
	Fix string `json:"fix"`
}

// text is the complete finding in one line.
func (f Finding) text() string { return f.Why + " " + f.Fix }

// add appends a finding unless there is one with its code. args fill the rule's why;
// a fix that is not empty replaces the rule's own.
func (r *Result) add(t Type, code, fix string, args ...any) {
	if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Code == code }) {
		return
	}
	rule := rules[code]
	r.Findings = append(r.Findings, Finding{
		Severity: rule.severityFor(code, t), Code: code,
		Why: fmt.Sprintf(rule.why, args...),
		Fix: strings.ReplaceAll(cmp.Or(fix, rule.fix), "out.EXT", "out."+t.extension),
	})
}

// Codes returns the codes of all findings, sorted.
func Codes() []string { return slices.Sorted(maps.Keys(rules)) }
