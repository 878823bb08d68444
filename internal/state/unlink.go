// The end of a link.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// unlinkedAccountKept is how long it is remembered that a business account was unlinked.
const unlinkedAccountKept = 30 * 24 * time.Hour

// Unlink deletes a linked business account with its token, and everything of its phone
// numbers: the records of media and messages, tags and destinations. Events remain. A
// message that waits is not sent: its delivery finds no message. If the business account
// was unlinked before, Unlink changes nothing and returns nil. It returns ErrNotFound if
// the account never had it.
//
// What can have many rows is deleted first, in several transactions, while the business
// account is still linked. If Unlink fails, it can be called again.
func (s *DB) Unlink(ctx context.Context, accountID, id string) error {
	defer s.destinations.clear()
	defer s.clearRecent()
	if _, err := s.BusinessAccount(ctx, accountID, id); errors.Is(err, ErrNotFound) {
		return s.wasUnlinked(ctx, accountID, id)
	} else if err != nil {
		return err
	}
	for _, table := range []struct{ name, key string }{
		{"message", "id"},
		{"link", "phone_number_id, url, kind"},
		{"reuse_source", "phone_number_id, source_name, etag, declared_type"},
		{"reuse", "phone_number_id, media_id"},
		{"media", "phone_number_id, id"},
	} {
		query := fmt.Sprintf(`DELETE FROM %s WHERE (%s) IN (SELECT %s FROM %s WHERE phone_number_id IN (SELECT p.id FROM phone_number p WHERE p.business_account_id = $1) LIMIT %d)`,
			table.name, table.key, table.key, table.name, s.changeBatch)
		for {
			result, err := s.exec(ctx, query, id)
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || n == 0 {
				if err != nil {
					return err
				}
				break
			}
		}
	}
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		var deleted string
		if err := tx.QueryRowContext(ctx, `DELETE FROM business_account WHERE account_id = $1 AND id = $2 RETURNING id`, accountID, id).Scan(&deleted); err != nil {
			return asNotFound(err)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO unlinked_account (id, account_id, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			id, accountID, s.now().Add(unlinkedAccountKept).UnixMilli())
		return err
	})
	if errors.Is(err, ErrNotFound) { // by another call at the same time
		return s.wasUnlinked(ctx, accountID, id)
	}
	return err
}

// wasUnlinked returns nil if a business account was unlinked lately, otherwise
// ErrNotFound.
func (s *DB) wasUnlinked(ctx context.Context, accountID, id string) error {
	var found string
	err := s.read.QueryRowContext(ctx, `SELECT id FROM unlinked_account WHERE id = $1 AND account_id = $2`, id, accountID).Scan(&found)
	return asNotFound(err)
}
