// Access keys of callers.

package state

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ferry/internal/secret"
)

// AccessKey is an access key of an account with its IAM policy documents.
type AccessKey struct {
	ID        string // "AKIA…" or, of a temporary key, "ASIA…"; 20 characters
	AccountID string // 12 digits
	Name      string // of the user, in its ARN
	Secret    secret.Secret
	// TokenHash is the SHA-256 of the session token that a temporary key is used with. Nil
	// means that the key is a long-term key, which has none.
	TokenHash []byte
	Policies  []string // IAM policy documents, JSON
	CreatedAt time.Time
	// DisabledAt is when the key was disabled: calls signed with it are refused as if it did
	// not exist. Zero means that it may be used.
	DisabledAt time.Time
	// ExpiresAt is when the key ends by itself. Zero, which no temporary key has, means that
	// it has no end.
	ExpiresAt time.Time
	// UsedAt is when a call with the key was verified last, to within a minute if another
	// process did. Zero means that it is not known.
	UsedAt   time.Time
	Settings // of the account; set by AccessKey and AccessKeys
}

// IsTemporary reports whether the key is used with a session token.
func (k AccessKey) IsTemporary() bool { return k.TokenHash != nil }

// IsDisabled reports whether an administrator has disabled the key before it ended.
func (k AccessKey) IsDisabled() bool {
	return !k.DisabledAt.IsZero() && (k.ExpiresAt.IsZero() || k.DisabledAt.Before(k.ExpiresAt))
}

// HasEnded reports whether the key has ended by itself at a time.
func (k AccessKey) HasEnded(at time.Time) bool {
	return !k.ExpiresAt.IsZero() && !at.Before(k.ExpiresAt)
}

// Status returns disabled, expired or active: what is true of the key at a time.
func (k AccessKey) Status(at time.Time) string {
	switch {
	case k.IsDisabled():
		return "disabled"
	case k.HasEnded(at):
		return "expired"
	}
	return "active"
}

// CreateAccessKey stores a key, and its account if that is new. It ignores
// CreatedAt, DisabledAt, UsedAt and Settings.
func (s *DB) CreateAccessKey(ctx context.Context, key AccessKey) error {
	return s.inTransaction(ctx, func(tx *sql.Tx) error { return s.insertAccessKey(ctx, tx, key) })
}

// ReplaceAccessKey stores the successor of a long-term key, as CreateAccessKey does. The old
// key ends by itself at a time; the zero time means that its end stays as it is. It returns
// ErrNotFound if there is no such key.
func (s *DB) ReplaceAccessKey(ctx context.Context, old string, end time.Time, successor AccessKey) error {
	defer s.clearRecent()
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		if _, err := s.lockKeyset(ctx, tx); err != nil {
			return err
		}
		var id string
		err := tx.QueryRowContext(ctx, `UPDATE access_key SET expires_at = COALESCE($2, expires_at) WHERE id = $1 RETURNING id`, old, timeOrNull(end)).Scan(&id)
		if err != nil {
			return asNotFound(err)
		}
		return s.insertAccessKey(ctx, tx, successor)
	})
}

func (s *DB) insertAccessKey(ctx context.Context, tx *sql.Tx, key AccessKey) error {
	keyset, err := s.lockKeyset(ctx, tx)
	if err != nil {
		return err
	}
	sealed, err := keyset.Seal(key.Secret, keyTable(key.IsTemporary()), "sealed_secret", key.AccountID, key.ID)
	if err != nil {
		return err
	}
	policies, err := json.Marshal(key.Policies)
	if err != nil {
		return err
	}
	if err := s.ensureAccount(ctx, tx, key.AccountID); err != nil {
		return err
	}
	now := s.now().UnixMilli()
	if key.IsTemporary() {
		_, err = tx.ExecContext(ctx,
			`INSERT INTO temporary_key (id, account_id, name, sealed_secret, token_hash, policies, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			key.ID, key.AccountID, key.Name, sealed, key.TokenHash, string(policies), now, key.ExpiresAt.UnixMilli())
		return err
	}
	_, err = tx.ExecContext(ctx,
		`INSERT INTO access_key (id, account_id, name, sealed_secret, policies, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		key.ID, key.AccountID, key.Name, sealed, string(policies), now, timeOrNull(key.ExpiresAt))
	return err
}

// timeOrNull returns a time as a column has it; NULL is the zero time.
func timeOrNull(at time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: at.UnixMilli(), Valid: !at.IsZero()}
}

// keyTable returns the table that a key is in.
func keyTable(isTemporary bool) string {
	if isTemporary {
		return "temporary_key"
	}
	return "access_key"
}

const (
	// ExpiredKeysKept is how long a key that has ended is still listed, and refused as such.
	ExpiredKeysKept = 7 * 24 * time.Hour

	keyColumns       = `id, account_id, name, sealed_secret, policies, created_at, expires_at, disabled_at, used_at`
	accessKeyColumns = `k.id, k.account_id, k.name, k.sealed_secret, k.is_temporary, k.token_hash, k.policies, k.created_at, k.expires_at, k.disabled_at, k.used_at, ` + settingColumns
)

// selectKeys returns the query of the keys, as k, for which where is true of their row.
func selectKeys(where string) string {
	return `SELECT ` + accessKeyColumns + ` FROM (
		SELECT FALSE AS is_temporary, NULL AS token_hash, ` + keyColumns + ` FROM access_key WHERE ` + where + ` UNION ALL
		SELECT TRUE, token_hash, ` + keyColumns + ` FROM temporary_key WHERE ` + where + `) k JOIN account a ON a.id = k.account_id`
}

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
		selectKeys(`$1 = '' OR account_id = $1`)+` ORDER BY k.created_at, k.id`, accountID)
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
	return s.execOneKey(ctx, `DELETE FROM %s WHERE id = $1 RETURNING id`, id)
}

// SetAccessKeyDisabled disables a key, or lets it be used again. It returns ErrNotFound if
// there is none. The time at which a key was disabled stays, if it is already. A long-term key
// that has ended has no end any more when it may be used again; a temporary one stays expired.
func (s *DB) SetAccessKeyDisabled(ctx context.Context, id string, disabled bool) error {
	defer s.clearRecent()
	now := s.now().UnixMilli()
	if disabled {
		return s.execOneKey(ctx, `UPDATE %s SET disabled_at = COALESCE(disabled_at, $2) WHERE id = $1 RETURNING id`, id, now)
	}
	err := s.execOne(ctx, `UPDATE access_key SET disabled_at = NULL, expires_at = CASE WHEN expires_at > $2 THEN expires_at END WHERE id = $1 RETURNING id`, id, now)
	if errors.Is(err, ErrNotFound) {
		return s.execOne(ctx, `UPDATE temporary_key SET disabled_at = NULL WHERE id = $1 RETURNING id`, id)
	}
	return err
}

// execOneKey executes a statement, in which %s is the table, for the key with an id.
func (s *DB) execOneKey(ctx context.Context, query, id string, more ...any) error {
	err := ErrNotFound
	for _, isTemporary := range []bool{false, true} {
		if errors.Is(err, ErrNotFound) {
			err = s.execOne(ctx, fmt.Sprintf(query, keyTable(isTemporary)), append([]any{id}, more...)...)
		}
	}
	return err
}

// disableEndedKeys disables the keys that have ended, so that replicas of earlier versions
// refuse them, too.
func (s *DB) disableEndedKeys(ctx context.Context) error {
	_, err := s.exec(ctx, `UPDATE access_key SET disabled_at = expires_at WHERE expires_at <= $1 AND disabled_at IS NULL`, s.now().UnixMilli())
	return err
}

func (s *DB) scanAccessKey(row interface{ Scan(...any) error }) (AccessKey, error) {
	var key AccessKey
	var isTemporary bool
	var sealed []byte
	var policies string
	var created int64
	var expires, disabled, used sql.NullInt64
	columns := []any{&key.ID, &key.AccountID, &key.Name, &sealed, &isTemporary, &key.TokenHash, &policies, &created, &expires, &disabled, &used}
	if err := row.Scan(append(columns, key.fields()...)...); err != nil {
		return AccessKey{}, err
	}
	if isTemporary && len(key.TokenHash) != sha256.Size {
		return AccessKey{}, fmt.Errorf("access key %s has no hash of its session token", key.ID)
	}
	var err error
	if key.Secret, err = s.sealer.Open(sealed, keyTable(isTemporary), "sealed_secret", key.AccountID, key.ID); err != nil {
		return AccessKey{}, err
	}
	key.CreatedAt = time.UnixMilli(created)
	if expires.Valid {
		key.ExpiresAt = time.UnixMilli(expires.Int64)
	}
	key.UsedAt = s.lastUse(key.ID, used)
	if disabled.Valid {
		key.DisabledAt = time.UnixMilli(disabled.Int64)
	}
	return key, json.Unmarshal([]byte(policies), &key.Policies)
}
