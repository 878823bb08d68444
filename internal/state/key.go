// Access keys of callers.

package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"ferry/internal/secret"
)

// AccessKey is an access key of an account with its IAM policy documents.
type AccessKey struct {
	ID        string // "AKIA…", 20 characters
	AccountID string // 12 digits
	Name      string // of the user, in its ARN
	Secret    secret.Secret
	Policies  []string // IAM policy documents, JSON
	CreatedAt time.Time
	// DisabledAt is when the key was disabled: calls signed with it are refused as if it did
	// not exist. Zero means that it may be used.
	DisabledAt time.Time
	// UsedAt is when a call with the key was verified last, to within a minute if another
	// process did. Zero means that it is not known.
	UsedAt   time.Time
	Settings // of the account; set by AccessKey and AccessKeys
}

// IsDisabled reports whether calls signed with the key are refused.
func (k AccessKey) IsDisabled() bool { return !k.DisabledAt.IsZero() }

// CreateAccessKey stores a key, and its account if that is new. It ignores
// CreatedAt, DisabledAt, UsedAt and Settings.
func (s *DB) CreateAccessKey(ctx context.Context, key AccessKey) error {
	sealed, err := s.sealer.Seal(key.Secret, "access_key", "sealed_secret", key.AccountID, key.ID)
	if err != nil {
		return err
	}
	policies, err := json.Marshal(key.Policies)
	if err != nil {
		return err
	}
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := s.ensureAccount(ctx, tx, key.AccountID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx,
			`INSERT INTO access_key (id, account_id, name, sealed_secret, policies, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			key.ID, key.AccountID, key.Name, sealed, string(policies), s.now().UnixMilli())
		return err
	})
}

const accessKeyColumns = `k.id, k.account_id, k.name, k.sealed_secret, k.policies, k.created_at, k.disabled_at, k.used_at, ` + settingColumns

const selectAccessKey = `SELECT ` + accessKeyColumns + `
	 FROM access_key k JOIN account a ON a.id = k.account_id WHERE k.id = $1`

// AccessKey returns the key with an id, of any account: it determines the account
// of a caller. The key may be disabled. The result may be cached for up to a second (freshness). It
// returns ErrNotFound if there is none.
func (s *DB) AccessKey(ctx context.Context, id string) (AccessKey, error) {
	return s.keys.get(id, func() (AccessKey, error) {
		key, err := s.scanAccessKey(s.accessKeyStmt.QueryRowContext(ctx, id))
		return key, asNotFound(err)
	})
}

// AccessKeys returns the keys of one account without their secrets, oldest first.
// An empty account id means all accounts.
func (s *DB) AccessKeys(ctx context.Context, accountID string) ([]AccessKey, error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT `+accessKeyColumns+`
		 FROM access_key k JOIN account a ON a.id = k.account_id WHERE $1 = '' OR k.account_id = $1 ORDER BY k.created_at, k.id`, accountID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []AccessKey
	for rows.Next() {
		key, err := s.scanAccessKey(rows)
		if err != nil {
			return nil, err
		}
		key.Secret = secret.Secret{}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

// DeleteAccessKey deletes a key. It returns ErrNotFound if there is none.
func (s *DB) DeleteAccessKey(ctx context.Context, id string) error {
	defer s.clearRecent()
	return s.execOne(ctx, `DELETE FROM access_key WHERE id = $1 RETURNING id`, id)
}

// SetAccessKeyDisabled disables a key, or lets it be used again. It returns ErrNotFound if
// there is none. The time at which a key was disabled stays, if it is already.
func (s *DB) SetAccessKeyDisabled(ctx context.Context, id string, disabled bool) error {
	defer s.clearRecent()
	if !disabled {
		return s.execOne(ctx, `UPDATE access_key SET disabled_at = NULL WHERE id = $1 RETURNING id`, id)
	}
	return s.execOne(ctx, `UPDATE access_key SET disabled_at = COALESCE(disabled_at, $2) WHERE id = $1 RETURNING id`, id, s.now().UnixMilli())
}

func (s *DB) scanAccessKey(row interface{ Scan(...any) error }) (AccessKey, error) {
	var key AccessKey
	var sealed []byte
	var policies string
	var created int64
	var disabled, used sql.NullInt64
	if err := row.Scan(append([]any{&key.ID, &key.AccountID, &key.Name, &sealed, &policies, &created, &disabled, &used}, key.fields()...)...); err != nil {
		return AccessKey{}, err
	}
	var err error
	if key.Secret, err = s.sealer.Open(sealed, "access_key", "sealed_secret", key.AccountID, key.ID); err != nil {
		return AccessKey{}, err
	}
	key.CreatedAt = time.UnixMilli(created)
	key.UsedAt = s.lastUse(key.ID, used)
	if disabled.Valid {
		key.DisabledAt = time.UnixMilli(disabled.Int64)
	}
	return key, json.Unmarshal([]byte(policies), &key.Policies)
}
