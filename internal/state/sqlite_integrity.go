// Whether the file of the database is intact.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	// quickCheckTimeout bounds the check when a database is opened. A file that is too
	// large for it is checked in the background.
	quickCheckTimeout = 5 * time.Second
	// integrityInterval is the maximum time between two complete checks.
	integrityInterval = 24 * time.Hour
	// maxDamages bounds what a check reports, in lines.
	maxDamages = 5
)

// quickCheck checks the structure of the file within quickCheckTimeout
// (docs/references.md#sqlite-check).
func (s *DB) quickCheck(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, quickCheckTimeout)
	defer cancel()
	err := check(within, s.write, "quick_check")
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		s.logger.Info("the database file is large: its check continues in the background")
		s.isUnchecked = true
		return nil
	}
	return err
}

// check runs a check of SQLite. It returns an ErrDamaged with what it finds.
func check(ctx context.Context, db *sql.DB, pragma string) error {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("PRAGMA %s(%d)", pragma, maxDamages))
	if err != nil {
		_, err = explain(err)
		return err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		found = append(found, line)
	}
	if err := rows.Err(); err != nil {
		_, err = explain(err)
		return err
	}
	if len(found) == 1 && found[0] == "ok" {
		return nil
	}
	return &writeError{kind: ErrDamaged, failure: damaged, reason: restoreFile, cause: errors.New(strings.Join(found, "; "))}
}

// checkIntegrity checks the whole file, its indexes included, at least daily, until
// ctx is done. What it finds is logged. Calls go on: an operator decides when to
// stop and restore a backup.
func (s *DB) checkIntegrity(ctx context.Context) error {
	wait := rand.N(integrityInterval)
	if s.isUnchecked {
		wait = 0
	}
	for {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		started := time.Now()
		err := check(ctx, s.read, "integrity_check")
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrDamaged):
			s.logger.Error("the check of the database file has found damage", "error", err)
		case err != nil:
			s.logger.Warn("the database file could not be checked", "error", err)
		default:
			s.logger.Info("the database file is intact", "duration", time.Since(started))
		}
		wait = integrityInterval/2 + rand.N(integrityInterval/2)
	}
}
