// The text of a test that has failed.

package ferrytest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	nearestMisses = 3
	lastEntries   = 20
)

// failure returns the text for a matcher that matched nothing: what was waited for, what
// came closest, why it went no further, and what happened last.
func (w *World) failure(summary string, m Matcher) string {
	var text strings.Builder
	fmt.Fprintf(&text, "ferrytest: %s\n", summary)
	all := slices.Collect(w.entries(0))
	near := nearest(m, all)
	switch {
	case len(near) == 0:
		fmt.Fprintf(&text, "\nNothing came close: there was no entry of this kind%s.\n", sinceMark(m))
	default:
		text.WriteString("\nThe nearest misses:\n")
	}
	for _, n := range near {
		writeMiss(&text, m, n)
	}
	if before := beforeMark(m, all); before != nil {
		fmt.Fprintf(&text, "\nThis one matches, but it was before the mark:\n  %s\n", before)
	}
	if len(near) > 0 {
		w.writeWhy(&text, near[0].entry)
	}
	writeLast(&text, all)
	return strings.TrimRight(text.String(), "\n")
}

// unwanted returns the text for a matcher that matched although it should not.
func (w *World) unwanted(d time.Duration, m Matcher, found Entry) string {
	var text strings.Builder
	fmt.Fprintf(&text, "ferrytest: Never: within %v there was %s:\n  %s\n", d, m, found)
	w.writeWhy(&text, found)
	writeLast(&text, slices.Collect(w.entries(0)))
	return strings.TrimRight(text.String(), "\n")
}

// A nearMiss is an entry that could have matched.
type nearMiss struct {
	entry  Entry
	misses []miss
}

// nearest returns the entries that miss the fewest conditions, the newest first, and of
// each message the nearest one.
func nearest(m Matcher, all []Entry) (near []nearMiss) {
	for _, e := range all {
		if e.Seq > int64(m.after) && m.isNear(&e) {
			near = append(near, nearMiss{e, m.misses(&e)})
		}
	}
	slices.SortStableFunc(near, func(a, b nearMiss) int {
		return cmp.Or(cmp.Compare(len(a.misses), len(b.misses)), cmp.Compare(b.entry.Seq, a.entry.Seq))
	})
	var shown []string // messages: one entry of each is enough
	near = slices.DeleteFunc(near, func(n nearMiss) bool {
		isShown := n.entry.WAMID != "" && slices.Contains(shown, n.entry.WAMID)
		shown = append(shown, n.entry.WAMID)
		return isShown
	})
	return near[:min(len(near), nearestMisses)]
}

// writeMiss writes an entry with the fields that differ, and those that do not.
func writeMiss(text *strings.Builder, m Matcher, n nearMiss) {
	fmt.Fprintf(text, "  %s\n", n.entry)
	var same []string
	for _, c := range m.conditions {
		name := strings.TrimPrefix(c.field, ".")
		i := slices.IndexFunc(n.misses, func(missed miss) bool { return missed.field == c.field && missed.want == c.want })
		if i < 0 {
			same = append(same, name)
			continue
		}
		fmt.Fprintf(text, "      ✗ %s: %s, wanted %s\n", name, orNone(n.misses[i].value), orNone(c.want))
	}
	if len(same) > 0 {
		fmt.Fprintf(text, "      ✓ %s\n", strings.Join(same, ", "))
	}
}

func orNone(value string) string { return cmp.Or(value, "(none)") }

// beforeMark returns an entry that would match if it were not before the mark.
func beforeMark(m Matcher, all []Entry) *Entry {
	for _, e := range slices.Backward(all) {
		if e.Seq <= int64(m.after) && len(m.misses(&e)) == 0 {
			return &e
		}
	}
	return nil
}

func sinceMark(m Matcher) string {
	if m.after == 0 {
		return ""
	}
	return fmt.Sprintf(" since entry #%d", m.after)
}

// writeLast writes the last entries.
func writeLast(text *strings.Builder, all []Entry) {
	last := all[max(0, len(all)-lastEntries):]
	fmt.Fprintf(text, "\nThe last %d of %d entries:\n", len(last), len(all))
	for _, e := range last {
		fmt.Fprintf(text, "  %s\n", e)
	}
}

// withoutArticle returns what a matcher describes, to go after "no".
func withoutArticle(m Matcher) string {
	text := m.String()
	for _, article := range []string{"a ", "an "} {
		text = strings.TrimPrefix(text, article)
	}
	return text
}
