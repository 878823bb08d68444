package metasim

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// A row is the state of one object.
type row interface {
	createdAt() time.Time
	expiresAt() time.Time // zero: never
}

// table is the state of one kind: rows by id, in memory and as records, from which
// they are read after a restart.
type table[T row] struct {
	kind    string
	limit   int         // maximum number of rows
	full    error       // returned when the limit is exceeded
	records RecordStore // nil means that the rows are in memory only

	mu   sync.Mutex
	rows map[string]T
}

func newTable[T row](kind string, limit int, full error, records RecordStore) *table[T] {
	return &table[T]{kind: kind, limit: limit, full: full, records: records, rows: map[string]T{}}
}

// load reads the rows from the records. It leaves out those for which check
// returns an error, and deletes them if that wraps ErrBadRecord. problems has an
// error for each record that is left out.
func (t *table[T]) load(check func(id string, row T) error) (problems []error) {
	if t.records == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	records, problems := t.records.Records(t.kind)
	for _, record := range records {
		var row T
		err := json.Unmarshal(record.Value, &row)
		if err != nil {
			err = badRecord(t.kind, record.ID, "%w", err)
		} else {
			err = check(record.ID, row)
		}
		switch {
		case errors.Is(err, ErrBadRecord):
			problems = append(problems, err, t.records.Delete(t.kind, record.ID))
		case err != nil:
			problems = append(problems, err)
		case len(t.rows) >= t.limit:
			problems = append(problems, t.full)
		default:
			t.rows[record.ID] = row
		}
	}
	return slices.DeleteFunc(problems, func(err error) bool { return err == nil })
}

// put adds a row, or replaces the one with its id.
func (t *table[T]) put(id string, row T) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, replaced := t.rows[id]; !replaced && len(t.rows) >= t.limit {
		return t.full
	}
	if err := putRecord(t.records, t.kind, id, row); err != nil {
		return err
	}
	t.rows[id] = row
	return nil
}

// add adds a row in memory only, unless there are too many: it has no record until the
// next put.
func (t *table[T]) add(id string, row T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) < t.limit {
		t.rows[id] = row
	}
}

// set replaces a row in memory only: its record stays as it is until the next put.
func (t *table[T]) set(id string, row T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.rows[id]; ok {
		t.rows[id] = row
	}
}

// putRecord stores a value if there is a store.
func putRecord(records RecordStore, kind, id string, value any) error {
	if records == nil {
		return nil
	}
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return records.Put(kind, id, content)
}

// find returns a row that has not expired.
func (t *table[T]) find(id string, now time.Time) (row T, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.rows[id]
	if !ok || hasExpired(found, now) {
		return row, false
	}
	return found, true
}

func hasExpired(r row, now time.Time) bool {
	return !r.expiresAt().IsZero() && !now.Before(r.expiresAt())
}

// has reports whether an id is in use, also by a row that has expired.
func (t *table[T]) has(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.rows[id]
	return ok
}

// remove deletes a row and reports whether it existed: of two concurrent deletions
// one succeeds. An error means that the record could not be deleted.
func (t *table[T]) remove(id string) (ok bool, _ error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok = t.rows[id]; !ok {
		return false, nil
	}
	return true, t.drop(id)
}

// drop deletes a row. The caller holds t.mu.
func (t *table[T]) drop(id string) error {
	delete(t.rows, id)
	if t.records == nil {
		return nil
	}
	if err := t.records.Delete(t.kind, id); !errors.Is(err, ErrStorageClosed) {
		return err
	}
	return nil
}

// removeWhere deletes the rows for which selects returns true, and returns them.
func (t *table[T]) removeWhere(selects func(T) bool) (removed []T, _ error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var problems []error
	for id, row := range t.rows {
		if selects(row) {
			removed = append(removed, row)
			problems = append(problems, t.drop(id))
		}
	}
	return removed, errors.Join(problems...)
}

// forget empties the table. The records stay.
func (t *table[T]) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows, t.records = map[string]T{}, nil
}

// all returns all rows, in no order.
func (t *table[T]) all() []T {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := make([]T, 0, len(t.rows))
	for _, row := range t.rows {
		rows = append(rows, row)
	}
	return rows
}

// list returns the newest rows that have not expired, at most n, newest last,
// and the number of all.
func (t *table[T]) list(now time.Time, n int) (rows []T, total int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ids := []string{}
	for id, row := range t.rows {
		if !hasExpired(row, now) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		if order := t.rows[a].createdAt().Compare(t.rows[b].createdAt()); order != 0 {
			return order
		}
		return strings.Compare(a, b)
	})
	rows = []T{}
	for _, id := range ids[max(0, len(ids)-n):] {
		rows = append(rows, t.rows[id])
	}
	return rows, len(ids)
}
