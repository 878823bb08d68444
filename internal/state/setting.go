// Accounts: their settings and their usage.

package state

import (
	"context"
	"database/sql"
	"slices"
)

// ensureAccount creates the account's row if it does not exist.
func (s *DB) ensureAccount(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO account (id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, s.now().UnixMilli())
	return err
}

// Settings are what an account has turned on. All are off at first.
type Settings struct {
	Reuse       bool // the same bytes receive the same media id
	Verify      bool // WhatsApp's SHA-256 of an upload is compared with that of the bytes sent
	TextAsPlain bool // text formats such as CSV are sent as text/plain
	LinkToID    bool // media that a message links to is uploaded and sent by id
}

// Setting is one of the Settings, by its column.
type Setting string

// The settings of an account.
const (
	Reuse       Setting = "reuse"
	Verify      Setting = "verify_uploads"
	TextAsPlain Setting = "text_as_plain"
	LinkToID    Setting = "link_to_id"
)

// settingColumns are the columns of the account a that Settings.fields scans.
const settingColumns = `a.reuse, a.verify_uploads, a.text_as_plain, a.link_to_id`

func (s *Settings) fields() []any { return []any{&s.Reuse, &s.Verify, &s.TextAsPlain, &s.LinkToID} }

// Settings returns the settings of an account. It returns ErrNotFound if there is no
// such account.
func (s *DB) Settings(ctx context.Context, accountID string) (Settings, error) {
	var settings Settings
	err := s.read.QueryRowContext(ctx, `SELECT `+settingColumns+` FROM account a WHERE a.id = $1`, accountID).Scan(settings.fields()...)
	return settings, asNotFound(err)
}

// Set turns a setting on or off for an account. It returns ErrNotFound if there
// is no such account.
func (s *DB) Set(ctx context.Context, accountID string, setting Setting, on bool) error {
	defer s.clearRecent()
	return s.execOne(ctx, `UPDATE account SET `+string(setting)+` = $1 WHERE id = $2 RETURNING id`, on, accountID)
}

// Usage is what an account has uploaded and how many uploads reuse has avoided.
type Usage struct {
	AccountID string
	Settings
	Uploads        int64 // with a record, which means not deleted
	Bytes          int64
	UploadsAvoided int64
	BytesAvoided   int64
}

// Usages returns the usage of all accounts, sorted by account id.
func (s *DB) Usages(ctx context.Context) ([]Usage, error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT a.id, `+settingColumns+`, a.uploads_avoided, a.bytes_avoided, COUNT(m.id), COALESCE(SUM(m.size), 0)
		 FROM account a
		 LEFT JOIN business_account b ON b.account_id = a.id
		 LEFT JOIN phone_number p ON p.business_account_id = b.id
		 LEFT JOIN media m ON m.phone_number_id = p.id
		 GROUP BY a.id, `+settingColumns+`, a.uploads_avoided, a.bytes_avoided ORDER BY a.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Usage
	for rows.Next() {
		var u Usage
		if err := rows.Scan(slices.Concat([]any{&u.AccountID}, u.fields(), []any{&u.UploadsAvoided, &u.BytesAvoided, &u.Uploads, &u.Bytes})...); err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, rows.Err()
}
