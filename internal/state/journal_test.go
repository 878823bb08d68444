package state_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"ferry/internal/activity"
	"ferry/internal/journal"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// runJournal runs a journal over a database. stop ends it, after it has written what waits.
func runJournal(t testing.TB, db *state.DB, config journal.Config) (j *journal.Journal, stop func()) {
	t.Helper()
	config.Store = db
	j = journal.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return j, stop
}

func entryTexts(t *testing.T, j *journal.Journal, f journal.Filter) string {
	t.Helper()
	entries, err := j.Read(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Text)
	}
	return strings.Join(list, " ")
}

// journalEntries are entries of two accounts.
func journalEntries() []activity.Entry {
	const a, b = "111122223333", "444455556666"
	return []activity.Entry{
		{Text: "call", Kind: activity.Call, Account: a, Trace: "t1", MediaID: "1", Object: "s3://b/k", Outcome: activity.OK, Time: now.Add(-3 * time.Hour)},
		{Text: "graph", Kind: activity.Graph, Account: a, Trace: "t1", MetaTrace: "A1", Outcome: activity.OK, Time: now.Add(-2 * time.Hour)},
		{Text: "foreign", Kind: activity.Call, Account: b, Trace: "t2", MediaID: "1", Outcome: activity.Refused, Time: now.Add(-2 * time.Hour)},
		{Text: "send", Kind: activity.Send, Account: a, Trace: "t3", MediaID: "1", MessageID: "m1", WAMID: "wamid.1", Person: "49", Outcome: activity.Ambiguous, Time: now.Add(-time.Hour)},
		{Text: "event", Kind: activity.Event, Account: a, Trace: "t4", EventID: "e1", WAMID: "wamid.1", Outcome: activity.Failed, Time: now},
		{Text: "waits", Kind: activity.Event, Account: a, EventID: "e2", Outcome: activity.Waiting, Time: now},
	}
}

func TestJournalInMemoryAndInSQLSelectTheSame(t *testing.T) {
	filters := map[string]struct {
		filter journal.Filter
		want   string
	}{
		"all":              {journal.Filter{}, "call graph foreign send event waits"},
		"account":          {journal.Filter{Account: "111122223333"}, "call graph send event waits"},
		"kinds":            {journal.Filter{Kinds: []activity.Kind{activity.Send, activity.Graph}}, "graph send"},
		"failures":         {journal.Filter{Failed: true}, "foreign send event"},
		"since":            {journal.Filter{Since: now.Add(-time.Hour)}, "send event waits"},
		"trace":            {journal.Filter{IDs: []string{"t1"}}, "call graph"},
		"Meta's trace":     {journal.Filter{IDs: []string{"A1"}}, "graph"},
		"media of account": {journal.Filter{IDs: []string{"1"}, Account: "111122223333"}, "call send"},
		"several ids":      {journal.Filter{IDs: []string{"m1", "e2", "none"}}, "send waits"},
		"person":           {journal.Filter{IDs: []string{"49"}}, "send"},
		"object":           {journal.Filter{IDs: []string{"s3://b/k"}}, "call"},
		"wamid, failed":    {journal.Filter{IDs: []string{"wamid.1"}, Failed: true, Kinds: []activity.Kind{activity.Event}}, "event"},
		"unknown":          {journal.Filter{IDs: []string{"nothing"}}, ""},
		"first two":        {journal.Filter{Limit: 2}, "call graph"},
		"next two":         {journal.Filter{Limit: 2, After: 2}, "foreign send"},
		"last two":         {journal.Filter{Limit: 2, Latest: true}, "event waits"},
		"two before these": {journal.Filter{Limit: 2, Latest: true, Before: 5}, "foreign send"},
		"first before":     {journal.Filter{Limit: 9, After: 1, Before: 4}, "graph foreign"},
	}
	check := func(t *testing.T, j *journal.Journal) {
		for name, c := range filters {
			if got := entryTexts(t, j, c.filter); got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
		for account, want := range map[string]map[activity.Kind]journal.Count{
			"": {activity.Graph: {Kind: activity.Graph, All: 1, Last: 2}, activity.Call: {Kind: activity.Call, All: 1, Failed: 1, Last: 3},
				activity.Send: {Kind: activity.Send, All: 1, Failed: 1, Last: 4}, activity.Event: {Kind: activity.Event, All: 2, Failed: 1, Last: 6}},
			"444455556666": {activity.Call: {Kind: activity.Call, All: 1, Failed: 1, Last: 3}},
		} {
			if got, err := j.Count(t.Context(), account, now.Add(-2*time.Hour)); err != nil || !maps.Equal(got, want) {
				t.Errorf("account %q: counted %v, %v; want %v", account, got, err, want)
			}
		}
		if first, last, err := j.Bounds(t.Context()); first != 1 || last != 6 || err != nil {
			t.Errorf("entries %d to %d, %v", first, last, err)
		}
	}
	t.Run("memory", func(t *testing.T) {
		j := journal.New(journal.Config{})
		for _, e := range journalEntries() {
			j.Append(e)
		}
		check(t, j)
	})
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		j, stop := runJournal(t, engine.Open(t), journal.Config{Keep: 100 * 365 * 24 * time.Hour})
		for _, e := range journalEntries() {
			j.Append(e)
		}
		stop() // which writes them
		check(t, j)
	})
}

func TestWhoFollowsSeesEachEntryOfAllReplicasOnceAndInOrder(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		config := state.Config{Path: engine.Path(t), Sealer: statetest.Sealer(t)}
		const replicas, each = 3, 200
		var journals []*journal.Journal
		for range replicas {
			j, _ := runJournal(t, engine.Open(t, config), journal.Config{})
			journals = append(journals, j)
		}
		for r, j := range journals {
			go func() {
				for i := range each {
					j.Append(activity.Entry{Text: fmt.Sprintf("%d/%d", r, i), Kind: activity.Call})
					if i%20 == 0 {
						time.Sleep(time.Millisecond) // so that the replicas add in turn
					}
				}
			}()
		}
		end, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		seen, after := map[string]int{}, int64(0)
		for len(seen) < replicas*each {
			changed := journals[0].Changed()
			entries, err := journals[0].Read(t.Context(), journal.Filter{After: after})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.Seq != after+1 {
					t.Fatalf("entry %d after %d", e.Seq, after)
				}
				after = e.Seq
				seen[e.Text]++
			}
			if len(entries) > 0 {
				continue
			}
			select {
			case <-changed:
			case <-end.Done():
				t.Fatalf("saw %d entries; dropped %d %d %d", len(seen), journals[0].Dropped(), journals[1].Dropped(), journals[2].Dropped())
			}
		}
		for text, times := range seen {
			if times != 1 {
				t.Errorf("%s was seen %d times", text, times)
			}
		}
	})
}

func TestOldEntriesOfTheJournalAndThoseBeyondItsSizeAreDeleted(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		db := engine.Open(t)
		var entries []activity.Entry
		for i := range 1200 {
			entries = append(entries, activity.Entry{Text: fmt.Sprint(i), Kind: activity.Call, Time: now.Add(time.Duration(i) * time.Second)})
		}
		if err := db.AddEntries(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		bounds := func() [2]int64 {
			first, last, err := db.EntryBounds(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return [2]int64{first, last}
		}
		for _, step := range []struct {
			before time.Time
			rows   int
			want   [2]int64
		}{
			{now.Add(600 * time.Second), 10_000, [2]int64{601, 1200}},
			{now, 100, [2]int64{1101, 1200}},
			{now.Add(time.Hour), 100, [2]int64{1201, 1200}},
		} {
			if _, err := db.PurgeEntries(t.Context(), step.before, step.rows); err != nil {
				t.Fatal(err)
			}
			if got := bounds(); got != step.want {
				t.Errorf("kept %v, want %v", got, step.want)
			}
		}
		if err := db.AddEntries(t.Context(), entries[:1]); err != nil || entries[0].Seq != 1201 {
			t.Errorf("a number was used again: %d, %v", entries[0].Seq, err)
		}
	})
}

func TestEntriesThatTheDatabaseDoesNotTakeAreCountedAndReported(t *testing.T) {
	db := statetest.Open(t)
	var log bytes.Buffer
	config := journal.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	j, stop := runJournal(t, db, config)
	stop() // from here on nobody takes what is appended
	const many = 5000
	begun := time.Now()
	for range many {
		j.Append(activity.Entry{Kind: activity.Call})
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("appending blocked for %v", took)
	}
	if dropped := j.Dropped(); dropped == 0 || dropped >= many {
		t.Fatalf("%d dropped", dropped)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Run(ctx); err != nil { // which reports them when it ends
		t.Fatal(err)
	}
	if want := fmt.Sprintf("since_start=%d", j.Dropped()); !strings.Contains(log.String(), want) {
		t.Errorf("the log does not say %q: %s", want, log.String())
	}
}

// The changes of administrators are few among many entries.
func TestChangesOfAdministratorsAreFoundByAnIndexOfTheirOwn(t *testing.T) {
	eachKind(t, func(t *testing.T, db *state.DB) {
		var entries []activity.Entry
		for i := range 1000 {
			e := activity.Entry{Kind: activity.Call, Time: now, Account: "111122223333", Text: "call", Outcome: activity.OK}
			if i%250 == 7 {
				e.Kind, e.Text = activity.Admin, fmt.Sprint("change ", i)
			}
			if i == 257 {
				e.Account = "444455556666"
			}
			entries = append(entries, e)
		}
		if err := db.AddEntries(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		for want, f := range map[string]journal.Filter{
			"change 7, change 257, change 507, change 757": {Kinds: []activity.Kind{activity.Admin}, Latest: true, Limit: 10},
			"change 507, change 757":                       {Kinds: []activity.Kind{activity.Admin}, Latest: true, Limit: 2},
			"change 7, change 507":                         {Account: "111122223333", Kinds: []activity.Kind{activity.Admin}, Latest: true, Limit: 10, Before: 700},
		} {
			found, err := db.Entries(t.Context(), f)
			var texts []string
			for _, e := range found {
				texts = append(texts, e.Text)
			}
			if got := strings.Join(texts, ", "); got != want || err != nil {
				t.Errorf("%+v: %s, %v; want %s", f, got, err, want)
			}
			if plan, err := db.Explain(t.Context(), state.EntriesStatement(f)); err != nil || !strings.Contains(strings.Join(plan, "\n"), "journal_admin") {
				t.Errorf("%+v does not use the index: %q, %v", f, plan, err)
			}
		}
	})
}
