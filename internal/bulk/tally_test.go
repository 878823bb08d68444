package bulk

import (
	"fmt"
	"strings"
	"testing"
)

// fail adds a failed file to a tally.
func fail(t *tally, source, finding, fix string) {
	t.begin(source, 0)(&outcome{failed: true, source: source, Failure: Failure{Error: fix + " [" + finding + "]", Code: "InvalidParametersException", Finding: finding, Fix: fix}})
}

func TestSummaryListsOneExampleOfEachCure(t *testing.T) {
	tally := newTally("file")
	fail(tally, "s3://b/a.webm", "type-not-accepted", "Convert it to audio.")
	fail(tally, "s3://b/b.csv", "type-not-accepted", "Store it as text/plain.")
	fail(tally, "s3://b/c.csv", "type-not-accepted", "Store it as text/plain.")
	var out strings.Builder
	tally.summarize(&out)
	_, causes, _ := strings.Cut(out.String(), "3 failed\n")
	want := `
InvalidParametersException [type-not-accepted]: 2
  for example s3://b/b.csv
  Store it as text/plain. [type-not-accepted]

InvalidParametersException [type-not-accepted]: 1
  for example s3://b/a.webm
  Convert it to audio. [type-not-accepted]
`
	if causes != want {
		t.Errorf("%s", out.String())
	}
}

// A server that words every fix in another way must not fill the memory.
func TestCausesAreBounded(t *testing.T) {
	tally := newTally("file")
	for i := range 3 * maxFixes {
		fail(tally, "s3://b/a", "odd", fmt.Sprint("Do it ", i, " times."))
	}
	if len(tally.causes) != maxFixes+1 {
		t.Errorf("%d causes", len(tally.causes))
	}
}
