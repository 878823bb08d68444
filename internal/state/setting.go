// Accounts: their settings and their usage.

package state

import (
	"context"
	"database/sql"
)

// ensureAccount creates the account's row if it does not exist.
func (s *DB) ensureAccount(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO account (id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, s.now().UnixMilli())
	return err
}

// SetVerify turns the verification of uploads on or off for an account. It
// returns ErrNotFound if there is no such account.
func (s *DB) SetVerify(ctx context.Context, accountID string, on bool) error {
	defer s.clearRecent()
	return s.execOne(ctx, `UPDATE account SET verify_uploads = $1 WHERE id = $2 RETURNING id`, on, accountID)
}

// SetReuse turns reuse on or off for an account. It returns ErrNotFound if there
// is no such account.
func (s *DB) SetReuse(ctx context.Context, accountID string, on bool) error {
	defer s.clearRecent()
	return s.execOne(ctx, `UPDATE account SET reuse = $1 WHERE id = $2 RETURNING id`, on, accountID)
}

// Usage is what an account has uploaded and how many uploads reuse has avoided.
type Usage struct {
	AccountID      string
	Reuse          bool  // whether it is on
	Verify         bool  // whether verification of uploads is on
	Uploads        int64 // with a record, which means not deleted
	Bytes          int64
	UploadsAvoided int64
	BytesAvoided   int64
}

// Usages returns the usage of all accounts, sorted by account id.
func (s *DB) Usages(ctx context.Context) ([]Usage, error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT a.id, a.reuse, a.verify_uploads, a.uploads_avoided, a.bytes_avoided, COUNT(m.id), COALESCE(SUM(m.size), 0)
		 FROM account a
		 LEFT JOIN business_account b ON b.account_id = a.id
		 LEFT JOIN phone_number p ON p.business_account_id = b.id
		 LEFT JOIN media m ON m.phone_number_id = p.id
		 GROUP BY a.id, a.reuse, a.verify_uploads, a.uploads_avoided, a.bytes_avoided ORDER BY a.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Usage
	for rows.Next() {
		var u Usage
		if err := rows.Scan(&u.AccountID, &u.Reuse, &u.Verify, &u.UploadsAvoided, &u.BytesAvoided, &u.Uploads, &u.Bytes); err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, rows.Err()
}
