package journal_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/activity"
	"ferry/internal/journal"
)

// texts returns the texts of entries with their numbers.
func texts(entries []activity.Entry) string {
	var list []string
	for _, e := range entries {
		list = append(list, fmt.Sprintf("%d %s", e.Seq, e.Text))
	}
	return strings.Join(list, ", ")
}

func read(t *testing.T, j *journal.Journal, f journal.Filter) string {
	t.Helper()
	entries, err := j.Read(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return texts(entries)
}

func TestRingKeepsTheLastEntries(t *testing.T) {
	j := journal.New(journal.Config{Size: 3})
	if first, last, err := j.Bounds(t.Context()); first != 1 || last != 0 || err != nil {
		t.Errorf("empty: %d to %d, %v", first, last, err)
	}
	for i := range 5 {
		j.Append(activity.Entry{Text: string(rune('a' + i))})
	}
	if got := read(t, j, journal.Filter{}); got != "3 c, 4 d, 5 e" {
		t.Errorf("kept %s", got)
	}
	if first, last, _ := j.Bounds(t.Context()); first != 3 || last != 5 {
		t.Errorf("kept %d to %d", first, last)
	}
	for after, want := range map[int64]string{0: "3 c, 4 d", 3: "4 d, 5 e", 4: "5 e", 5: "", 9: ""} {
		if got := read(t, j, journal.Filter{After: after, Limit: 2}); got != want {
			t.Errorf("after %d: %s, want %s", after, got, want)
		}
	}
	if got := read(t, j, journal.Filter{Latest: true, Limit: 2}); got != "4 d, 5 e" {
		t.Errorf("the last 2: %s", got)
	}
}

func TestWhoFollowsTheJournalIsWokenByTheNextEntry(t *testing.T) {
	j := journal.New(journal.Config{})
	changed := j.Changed()
	select {
	case <-changed:
		t.Fatal("woken by nothing")
	default:
	}
	var readers sync.WaitGroup
	for range 3 {
		changed := j.Changed()
		readers.Go(func() { <-changed })
	}
	j.Append(activity.Entry{})
	<-changed
	readers.Wait()
	if j.Changed() == changed {
		t.Error("the next wait is over already")
	}
}

func TestStoredEntryIsTheOneThatWasAppended(t *testing.T) {
	at := time.UnixMilli(1_764_500_000_123)
	e := activity.Entry{
		Time: at, Took: time.Second, Kind: activity.Send, Trace: "a", Account: "111122223333", AccessKey: "AKIA", By: "root", Remote: "[::1]:1", Operation: "image",
		Resource: "arn", PhoneNumberID: "n", Person: "49", MediaID: "1", MessageID: "m", WAMID: "wamid.x", EventID: "e", Object: "s3://b/k", ETag: `"9a0"`, SHA256: "00",
		Destination: "d", MetaTrace: "A1", Bytes: 7, Outcome: activity.Refused, Status: 400, Code: "meta-1", Text: "t", Cause: "c",
		Details: []slog.Attr{slog.Int("attempt", 2), slog.Any("findings", []string{"one", "two"})},
	}
	row, err := journal.RowOf(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := row.Entry(5)
	if err != nil {
		t.Fatal(err)
	}
	want := e
	want.Seq, want.Details = 5, []slog.Attr{slog.String("attempt", "2"), slog.String("findings", "one\ntwo")}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b slog.Attr) bool { return a.Equal(b) })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !row.IsFailed {
		t.Error("it is no failure")
	}
	if _, err := (journal.Row{Content: []byte("{")}).Entry(9); err == nil || !strings.Contains(err.Error(), "entry 9 ") {
		t.Errorf("a damaged row: %v", err)
	}
}

func TestTextsOfAnEntryAreBoundedAndStacksLeftOut(t *testing.T) {
	var details []slog.Attr
	for range 100 {
		details = append(details, slog.String("x", strings.Repeat("ä", 5000)))
	}
	details[0] = slog.String("stack", "goroutine 1")
	j := journal.New(journal.Config{})
	j.Append(activity.Entry{Text: strings.Repeat("ü", 9999), Cause: strings.Repeat("y", 9999), Details: details})
	entries, _ := j.Read(t.Context(), journal.Filter{})
	e := entries[0]
	size := len(e.Text) + len(e.Cause)
	for _, d := range e.Details {
		size += len(d.Value.String())
		if d.Key == "stack" {
			t.Error("there is a stack")
		}
	}
	if size > 60_000 || !strings.HasSuffix(e.Text, "ü…") {
		t.Errorf("%d bytes, the text ends with %q", size, e.Text[len(e.Text)-8:])
	}
	row, err := journal.RowOf(activity.Entry{Trace: "a\x00b", Person: "\xff", WAMID: strings.Repeat("w", 3000), MediaID: "1"})
	if err != nil || row.IDs != [8]string{2: "1"} {
		t.Errorf("ids %q, %v", row.IDs, err)
	}
}
