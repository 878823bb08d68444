// What fails a test at its end.

package ferrytest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"ferry/internal/activity"
	"ferry/internal/local"
)

// A Problem is something that fails a test when it ends, although the test did not look
// for it, unless the test has announced it by Expect.
type Problem string

// The problems.
const (
	UnknownOperation Problem = "unknown operation" // a program called an operation of AWS's or a path of Meta's that does not exist, or that is not simulated
	InternalError    Problem = "internal error"    // ferry answered with an InternalServiceException
	DeadLetter       Problem = "dead letter"       // an event was given up
	WillFail         Problem = "will fail"         // a file was uploaded that WhatsApp does not deliver; see UploadAnyway
	GoroutinesLeft   Problem = "goroutines left"   // goroutines that the test started did not end with it
)

var allProblems = []Problem{UnknownOperation, InternalError, DeadLetter, WillFail, GoroutinesLeft}

// Expect announces problems: those do not fail the test, and it fails if they do not occur.
func (w *World) Expect(problems ...Problem) {
	w.t.Helper()
	for _, p := range problems {
		if !slices.Contains(allProblems, p) {
			w.t.Fatalf("ferrytest: Expect(%q): there is no such problem; there are %q", p, allProblems)
		}
		w.expected[p] = true
	}
}

// found is a problem that occurred.
type found struct {
	Problem
	text string
}

// problems returns what went wrong, except for goroutines.
func (w *World) problems() (list []found) {
	add := func(p Problem, format string, args ...any) {
		list = append(list, found{p, fmt.Sprintf(format, args...)})
	}
	for e := range w.entries(0) {
		switch {
		case e.Kind == "call" && e.Code == "UnknownOperationException":
			add(UnknownOperation, "%s", e)
		case e.Kind == "call" && (e.Code == "InternalServiceException" || e.Status == http.StatusInternalServerError):
			add(InternalError, "%s", e)
		case e.Kind == "request" && isUnknown(e):
			add(UnknownOperation, "%s", e)
		case e.Kind == "inspect" && e.Outcome == string(activity.OK) && willFail(e) != "":
			add(WillFail, "%s: %s", e, willFail(e))
		}
	}
	for _, note := range w.topics.notes() {
		add(UnknownOperation, "%s, which a world of ferrytest does not have", note)
	}
	destinations, err := w.local.Gateway.State().Destinations(context.Background(), local.AccountID)
	if err != nil {
		w.t.Errorf("ferrytest: reading the dead letters: %v", err)
	}
	for _, d := range destinations {
		if d.Dead > 0 && strings.HasPrefix(d.Destination, "event/") {
			add(DeadLetter, "%d for %s: %s", d.Dead, topicOf(d.Destination), d.LastError)
		}
	}
	return list
}

// isUnexpected reports whether problems fail the test.
func (w *World) isUnexpected(list []found) bool {
	return slices.ContainsFunc(list, func(f found) bool { return !w.expected[f.Problem] })
}

// willFail returns the findings of an inspection for which WhatsApp does not deliver a
// file, or "".
func willFail(e Entry) string {
	findings := slices.DeleteFunc(e.detail("findings"), func(f string) bool { return !strings.Contains(f, " (will-fail): ") })
	return strings.Join(findings, "; ")
}

// isUnknown reports whether a request to the Graph API was for what does not exist, or is
// not simulated.
func isUnknown(e Entry) bool {
	return e.Outcome != string(activity.OK) && (e.Status == http.StatusNotImplemented || e.Name == "" || e.Name == "unknown")
}

// report fails the test for problems that were not announced, and for those that were and
// did not occur.
func (w *World) report(list []found) {
	w.t.Helper()
	occurred := make(map[Problem][]string)
	for _, f := range list {
		occurred[f.Problem] = append(occurred[f.Problem], f.text)
	}
	for _, p := range allProblems {
		texts := occurred[p]
		switch {
		case len(texts) > 0 && !w.expected[p]:
			w.t.Errorf("ferrytest: %s; announce it by Expect(ferrytest.%s) if the test is about it:\n  %s", p, nameOf(p), strings.Join(slices.Compact(texts), "\n  "))
		case len(texts) == 0 && w.expected[p]:
			w.t.Errorf("ferrytest: Expect(ferrytest.%s): there was none", nameOf(p))
		}
	}
}

// nameOf returns the name of a problem in Go.
func nameOf(p Problem) string {
	var name strings.Builder
	for _, word := range strings.Fields(string(p)) {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}
