// The journal of what happened, in SQL (internal/journal).

package state

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/journal"
)

const journalColumns = `seq, at, kind, account_id, failed, trace, meta_trace, media_id, message_id, wamid, event_id, person, object, content`

// AddEntries stores entries of the journal and assigns their numbers. Several processes
// add in turn, so that the numbers become visible in their order.
func (s *DB) AddEntries(ctx context.Context, entries []activity.Entry) error {
	rows := make([]journal.Row, len(entries))
	for i, e := range entries {
		var err error
		if rows[i], err = journal.RowOf(e); err != nil {
			return err
		}
	}
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		var last int64
		err := tx.QueryRowContext(ctx, `INSERT INTO journal_tail (id, seq) VALUES ('journal', $1)
			ON CONFLICT (id) DO UPDATE SET seq = journal_tail.seq + excluded.seq RETURNING seq`, len(rows)).Scan(&last)
		if err != nil {
			return err
		}
		next := last - int64(len(rows)) + 1
		for i := range entries {
			entries[i].Seq = next + int64(i)
		}
		for some := range slices.Chunk(rows, s.rowLimit()) {
			if err := insertEntries(ctx, tx, next, some); err != nil {
				return err
			}
			next += int64(len(some))
		}
		return nil
	})
}

// insertEntries inserts rows, the first of which has a number.
func insertEntries(ctx context.Context, tx *sql.Tx, next int64, rows []journal.Row) error {
	const columns = 14
	values := make([]any, 0, columns*len(rows))
	for i, row := range rows {
		values = append(values, next+int64(i), row.At, row.Kind, row.Account, row.IsFailed)
		for _, id := range row.IDs {
			if id == "" {
				values = append(values, nil)
			} else {
				values = append(values, id)
			}
		}
		values = append(values, row.Content)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO journal (`+journalColumns+`) VALUES `+placeholders(len(rows), columns), values...)
	return err
}

// Entries returns the entries that a filter selects, oldest first.
func (s *DB) Entries(ctx context.Context, f journal.Filter) (entries []activity.Entry, err error) {
	query := entriesQuery(f)
	rows, err := s.read.QueryContext(ctx, query.text, query.values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	if f.Latest {
		slices.Reverse(entries)
	}
	return entries, rows.Err()
}

func scanEntry(rows *sql.Rows) (activity.Entry, error) {
	var seq int64
	var row journal.Row
	var ids [8]sql.NullString
	targets := []any{&seq, &row.At, &row.Kind, &row.Account, &row.IsFailed}
	for i := range ids {
		targets = append(targets, &ids[i])
	}
	if err := rows.Scan(append(targets, &row.Content)...); err != nil {
		return activity.Entry{}, err
	}
	return row.Entry(seq)
}

// entriesQuery returns the query of a filter.
func entriesQuery(f journal.Filter) statement {
	var conditions []string
	var values []any
	where := func(condition string, value any) {
		values = append(values, value)
		conditions = append(conditions, fmt.Sprintf(condition, len(values)))
	}
	if f.After > 0 {
		where(`seq > $%d`, f.After)
	}
	if f.Before > 0 {
		where(`seq < $%d`, f.Before)
	}
	// The changes of administrators are few among many entries, and have an index of their
	// own, which the text of a query has to name. That of the account would find more.
	onlyChanges := len(f.Kinds) == 1 && f.Kinds[0] == activity.Admin
	switch {
	case f.Account == "":
	case onlyChanges:
		where(`account_id || '' = $%d`, f.Account)
	default:
		where(`account_id = $%d`, f.Account)
	}
	if !f.Since.IsZero() {
		where(`at >= $%d`, f.Since.UnixMilli())
	}
	if f.Failed {
		conditions = append(conditions, `failed`)
	}
	switch {
	case len(f.Kinds) == 0:
	case onlyChanges:
		conditions = append(conditions, `kind = 'admin'`)
	default:
		conditions = append(conditions, `kind IN (`+parameters(len(values)+1, len(f.Kinds))+`)`)
		for _, kind := range f.Kinds {
			values = append(values, string(kind))
		}
	}
	if len(f.IDs) > 0 {
		in := parameters(len(values)+1, len(f.IDs))
		var each []string
		for _, column := range journal.IDColumns {
			each = append(each, `SELECT seq FROM journal WHERE `+column+` IN (`+in+`)`)
		}
		conditions = append(conditions, `seq IN (`+strings.Join(each, ` UNION `)+`)`)
		values = append(values, anySlice(f.IDs)...)
	}
	text, order := `SELECT `+journalColumns+` FROM journal`, ` ORDER BY seq`
	if len(conditions) > 0 {
		text += ` WHERE ` + strings.Join(conditions, ` AND `)
	}
	if f.Latest {
		order += ` DESC`
	}
	limit := f.Limit
	if limit <= 0 || limit > journal.MaxPage {
		limit = journal.MaxPage
	}
	values = append(values, limit)
	return statement{text + order + fmt.Sprintf(` LIMIT $%d`, len(values)), values}
}

// CountEntries counts the newest entries of the journal since a time, by kind.
func (s *DB) CountEntries(ctx context.Context, account string, since time.Time) (map[activity.Kind]journal.Count, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT kind, COUNT(*), SUM(CASE WHEN failed THEN 1 ELSE 0 END), MAX(seq)
		FROM (SELECT seq, at, kind, account_id, failed FROM journal ORDER BY seq DESC LIMIT $1) AS newest
		WHERE at >= $2 AND ($3 = '' OR account_id = $3) GROUP BY kind`, journal.MaxCounted, since.UnixMilli(), account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := make(map[activity.Kind]journal.Count)
	for rows.Next() {
		var c journal.Count
		if err := rows.Scan(&c.Kind, &c.All, &c.Failed, &c.Last); err != nil {
			return nil, err
		}
		counts[c.Kind] = c
	}
	return counts, rows.Err()
}

// EntryBounds returns the numbers of the oldest and of the newest entry of the journal.
func (s *DB) EntryBounds(ctx context.Context) (first, last int64, err error) {
	var oldest sql.NullInt64
	err = s.read.QueryRowContext(ctx, `SELECT (SELECT MIN(seq) FROM journal), COALESCE((SELECT seq FROM journal_tail), 0)`).Scan(&oldest, &last)
	if first = last + 1; oldest.Valid {
		first = oldest.Int64
	}
	return first, last, err
}

// PurgeEntries deletes entries of the journal that are older than before, and all but the
// newest ones. Entries are as old as their numbers say, but for the time that they took.
func (s *DB) PurgeEntries(ctx context.Context, before time.Time, rows int) (removed int64, err error) {
	_, last, err := s.EntryBounds(ctx)
	if err != nil {
		return 0, err
	}
	var oldest sql.NullInt64
	err = s.read.QueryRowContext(ctx, `SELECT (SELECT seq FROM journal WHERE at >= $1 ORDER BY seq LIMIT 1)`, before.UnixMilli()).Scan(&oldest)
	if err != nil {
		return 0, err
	}
	until := last - int64(rows)
	if oldest.Valid {
		until = max(until, oldest.Int64-1)
	} else {
		until = last
	}
	for {
		result, err := s.exec(ctx, `DELETE FROM journal WHERE seq IN (SELECT seq FROM journal WHERE seq <= $1 ORDER BY seq LIMIT $2)`, until, purgeBatch)
		if err != nil {
			return removed, err
		}
		n, err := result.RowsAffected()
		removed += n
		if err != nil || n < purgeBatch {
			return removed, err
		}
	}
}
