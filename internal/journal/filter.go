package journal

import (
	"slices"
	"strings"
	"time"

	"ferry/internal/activity"
)

// A Filter selects entries. Each field that is set narrows it.
type Filter struct {
	Account string // 12 digits
	Kinds   []activity.Kind
	Failed  bool      // only failures: refused, failed or ambiguous
	Since   time.Time // part of the interval
	// IDs are ids of any sort, as IDs returns them: an entry that has one of them is
	// selected.
	IDs []string
	// After is the number of an entry: only later ones are selected.
	After int64
	// Before is the number of an entry: only earlier ones are selected. 0 means all.
	Before int64
	// Latest selects the last Limit entries in place of the first ones.
	Latest bool
	Limit  int // default and maximum: MaxPage
}

// Spellings returns the ids by which entries have what a person writes: as it is, and of a
// phone number its digits, or what follows AWS's prefix.
func Spellings(id string) []string {
	ids := []string{id}
	digits := strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "").Replace(id)
	if digits != id && digits != "" && strings.Trim(digits, "0123456789") == "" {
		ids = append(ids, digits)
	}
	if _, rest, ok := strings.Cut(id, "phone-number-id-"); ok {
		ids = append(ids, rest)
	}
	return ids
}

// IDs returns the ids of an entry: of the call or event, Meta's trace id, those of media,
// message and event, the other side's number, and the source.
func IDs(e activity.Entry) []string {
	ids := make([]string, 0, 8)
	for _, id := range idsOf(&e) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func idsOf(e *activity.Entry) [8]string {
	return [8]string{e.Trace, e.MetaTrace, e.MediaID, e.MessageID, e.WAMID, e.EventID, e.Person, e.Object}
}

// selects reports whether the filter selects an entry.
func (f *Filter) selects(e *activity.Entry) bool {
	switch {
	case f.Account != "" && e.Account != f.Account,
		f.Before > 0 && e.Seq >= f.Before,
		len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.Kind),
		f.Failed && !e.Outcome.IsFailure(),
		e.Time.Before(f.Since):
		return false
	}
	if len(f.IDs) == 0 {
		return true
	}
	for _, id := range idsOf(e) {
		if id != "" && slices.Contains(f.IDs, id) {
			return true
		}
	}
	return false
}

// A Count is how many entries of a kind there are, how many of these are failures, and the
// number of the newest one.
type Count struct {
	Kind        activity.Kind
	All, Failed int64
	Last        int64
}

// MaxCounted bounds the entries that Count looks at: the newest ones.
const MaxCounted = 20_000
