package bulk

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vbauerster/mpb/v8"
)

// object is an object of a listing.

func TestBarsShowTheProgressOfAnUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tally := newTally("file")
		bars := &Bars{tally: tally}
		for range 10 {
			tally.addListed(1 << 20)
		}
		tally.addSkipped(1 << 20)
		if got := bars.counts(); got != "1 of 10+ files" {
			t.Errorf("while it lists: %q", got)
		}
		_ = bars.figures() // begins to measure
		tally.listingEnded()
		ended := []func(*outcome){}
		for range 6 {
			ended = append(ended, tally.begin("s3://b/in/"+strings.Repeat("x", 60)+".txt", 1<<20))
		}
		time.Sleep(2 * time.Second)
		if got, want := bars.active(3), "    2s    1.0 MiB  …"+strings.Repeat("x", 45)+".txt +2"; got != want {
			t.Errorf("the fourth: %q, want %q", got, want)
		}
		if got := bars.active(0); strings.Contains(got, "+") {
			t.Errorf("the first: %q", got)
		}
		ended[0](&outcome{})
		ended[1](&outcome{})
		ended[2](&outcome{failed: true, Failure: Failure{Error: "no"}})
		if got := bars.counts(); got != "4 of 10 files, 1 failed" {
			t.Errorf("%q", got)
		}
		if got, want := bars.figures(), "4.0 MiB of 10.0 MiB, 1.5 MiB/s, 1.5 files/s, 4s remaining"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestRateIsThatOfTheLastSeconds(t *testing.T) {
	var m rateMeter
	start := time.Now()
	m.measure(amount{}, start)
	m.measure(amount{files: 100}, start.Add(rateWindow))
	recent, over := m.measure(amount{files: 100}, start.Add(2*rateWindow))
	if recent.files != 0 || over != rateWindow {
		t.Errorf("%d files in %v after a pause, want none in %v", recent.files, over, rateWindow)
	}
	if len(m.samples) > 3 {
		t.Errorf("%d samples are kept", len(m.samples))
	}
}

func TestLinesAboveTheBarsHaveNoControlCharacters(t *testing.T) {
	var out strings.Builder
	bars := &Bars{bars: mpb.New(mpb.WithOutput(&out), mpb.WithAutoRefresh())} // as on a terminal
	bars.Show(&Upload{tally: newTally("file")})
	if n, err := bars.Write([]byte("one\x1b[2J\ntwo\n")); n != 12 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	bars.End()
	if !strings.Contains(out.String(), "\rone\\x1b[2J\n\rtwo\n") {
		t.Errorf("%q", out.String())
	}
}

func TestSummaryNamesEveryCauseWithAnExample(t *testing.T) {
	u := &Upload{tally: newTally("file")}
	for _, r := range []Result{
		{Source: "s3://b/1", MediaID: "1"}, {Source: "s3://b/2", Failure: Failure{Code: "A", Error: "first"}}, {Source: "s3://b/3", Failure: Failure{Code: "A", Error: "second"}},
		{Source: "s3://b/4", Failure: Failure{Error: errors.ErrUnsupported.Error()}}, {Source: "s3://b/5", Failure: Failure{Code: "A", Finding: "f", Error: "third"}},
	} {
		u.tally.begin(r.Source, 1024)(&outcome{failed: r.Failed(), source: r.Source, Failure: r.Failure})
	}
	u.tally.begin("6", 1)(nil)
	u.tally.addMarker()
	u.tally.addSkipped(1)
	var text strings.Builder
	u.Summarize(&text)
	for _, want := range []string{
		"1 file posted, 1.0 KiB in ", "\n4 failed\n", "\n1 skipped: already in the manifest\n", "\n1 aborted; WhatsApp may have it\n", "\n1 directory marker ignored\n",
		"\n\nA: 2\n  for example s3://b/2\n  first\n", "\n\nA [f]: 1\n", "\n\nno response: 1\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	if u.Failed() != 4 {
		t.Errorf("%d failed", u.Failed())
	}
}
