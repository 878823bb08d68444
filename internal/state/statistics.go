// Figures about the database, for metrics.

package state

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"time"
)

// A Backlog is what waits in the outbox.
type Backlog struct {
	Waiting  int64
	Dead     int64
	OldestAt time.Time // when the oldest delivery that waits was put in; zero means that none waits
}

// backlogs is the query of Backlogs.
const backlogs = `SELECT CASE WHEN d.lane_id LIKE '` + SendPrefix + `%' THEN 1 ELSE 0 END AS is_message, d.state, COUNT(*), MIN(d.created_at)
	FROM delivery d WHERE ` + isOpen + ` GROUP BY 1, 2`

// Backlogs returns what waits of messages, and of events, over all accounts.
func (s *DB) Backlogs(ctx context.Context) (messages, events Backlog, err error) {
	rows, err := s.read.QueryContext(ctx, backlogs)
	if err != nil {
		return messages, events, err
	}
	defer rows.Close()
	for rows.Next() {
		var isMessage bool
		var state string
		var count, oldest int64
		if err := rows.Scan(&isMessage, &state, &count, &oldest); err != nil {
			return messages, events, err
		}
		backlog := &events
		if isMessage {
			backlog = &messages
		}
		if state == "waiting" {
			backlog.Waiting, backlog.OldestAt = count, time.UnixMilli(oldest)
		} else {
			backlog.Dead = count
		}
	}
	return messages, events, rows.Err()
}

// Pools returns the figures of the pools of connections, by what they are for.
func (s *DB) Pools() map[string]sql.DBStats {
	return map[string]sql.DBStats{"read": s.read.Stats(), "write": s.write.Stats()}
}

// Size returns the size of the database, and of SQLite's log beside it, in bytes.
// PostgreSQL has its log elsewhere: it counts as 0.
func (s *DB) Size(ctx context.Context) (size, log int64, err error) {
	if !s.isFile() {
		query := `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
		if s.isPostgres {
			query = `SELECT pg_database_size(current_database())`
		}
		err = s.read.QueryRowContext(ctx, query).Scan(&size)
		return size, 0, err
	}
	file, err := os.Stat(s.config.Path)
	if err != nil {
		return 0, 0, err
	}
	wal, err := os.Stat(s.config.Path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return file.Size(), 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	return file.Size(), wal.Size(), nil
}
