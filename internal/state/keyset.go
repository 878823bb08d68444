// Which keys have sealed what, and what a rotation of the keyset changes.

package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"ferry/internal/secret"
)

// resealBatch is the maximum number of values that one transaction seals again, so that
// other writers do not wait for long.
const resealBatch = 100

// A sealedColumn is a column whose values are sealed, of a table whose rows have an id.
type sealedColumn struct {
	table, column string
	account       string // expression for the account in the place of a value; '' means none
}

// sealedColumns are all of them.
var sealedColumns = []sealedColumn{
	{"access_key", "sealed_secret", "account_id"},
	{"temporary_key", "sealed_secret", "account_id"},
	{"business_account", "sealed_token", "account_id"},
	{"signup", "sealed", "account_id"},
	{"keyset_check", "sealed", "''"},
}

// place returns the place of the value of a row.
func (c sealedColumn) place(account, id string) []string {
	if account == "" {
		return []string{c.table, id}
	}
	return []string{c.table, c.column, account, id}
}

// ErrRetired says that the primary key of the keyset may not seal any more.
var ErrRetired = errors.New("'ferry keyset rotate' has retired the primary key of this keyset; use the keyset as the rotation has left it")

// checkKeyset opens a value that was sealed when the database was created.
func (s *DB) checkKeyset(ctx context.Context) error {
	sealed, err := s.sealKeysetCheck()
	if err != nil {
		return err
	}
	if _, err := s.write.ExecContext(ctx, `INSERT INTO keyset_check (id, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING`, keysetCheck, sealed); err != nil {
		return err
	}
	if err := s.opensCheck(ctx, s.write, s.sealer); err != nil {
		return err
	}
	_, err = s.usableKeyset(ctx, s.write)
	return err
}

// A queryer is a database or a transaction.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, values ...any) *sql.Row
}

// opensCheck returns an error if a keyset is not that of the database.
func (s *DB) opensCheck(ctx context.Context, db queryer, keyset interface {
	Open(sealed []byte, place ...string) (secret.Secret, error)
}) error {
	var sealed []byte
	if err := db.QueryRowContext(ctx, `SELECT sealed FROM keyset_check WHERE id = $1`, keysetCheck).Scan(&sealed); err != nil {
		return err
	}
	if _, err := keyset.Open(sealed, "keyset_check", keysetCheck); err != nil {
		return ErrOtherKeyset
	}
	return nil
}

// usableKeyset returns the keyset, which is read again if its primary key is retired. It
// returns ErrRetired if that does not help.
func (s *DB) usableKeyset(ctx context.Context, db queryer) (*secret.Keyset, error) {
	keyset := s.sealer.Keyset()
	isUsable, err := isUsableKey(ctx, db, keyset.Primary())
	if err != nil || isUsable {
		return keyset, err
	}
	_, reloadErr := s.sealer.Reload(ctx, func(next *secret.Keyset) error { return s.opensCheck(ctx, db, next) })
	keyset = s.sealer.Keyset()
	if isUsable, err = isUsableKey(ctx, db, keyset.Primary()); err == nil && !isUsable {
		err = errors.Join(ErrRetired, reloadErr)
	}
	return keyset, err
}

// isUsableKey reports whether a key may seal.
func isUsableKey(ctx context.Context, db queryer, id uint32) (bool, error) {
	var retired int
	err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM retired_key WHERE key_id = $1`, int64(id)).Scan(&retired)
	return retired == 0, err
}

// lockKeyset returns the keyset that a transaction seals with. Until the transaction ends,
// RetireKeys waits, and so do others that seal. It is called before other rows are locked.
func (s *DB) lockKeyset(ctx context.Context, tx *sql.Tx) (*secret.Keyset, error) {
	if _, err := tx.ExecContext(ctx, `UPDATE keyset_check SET id = id WHERE id = $1`, keysetCheck); err != nil {
		return nil, err
	}
	return s.usableKeyset(ctx, tx)
}

// Keyset returns the keyset that is in use.
func (s *DB) Keyset() *secret.Keyset { return s.sealer.Keyset() }

// ReloadKeyset reads the file of the keyset again. A keyset that does not open everything
// that is sealed is not used.
func (s *DB) ReloadKeyset(ctx context.Context) (changed bool, err error) {
	return s.sealer.Reload(ctx, func(next *secret.Keyset) error {
		if err := s.opensCheck(ctx, s.read, next); err != nil {
			return err
		}
		if isUsable, err := isUsableKey(ctx, s.read, next.Primary()); err != nil || !isUsable {
			return cmp.Or(err, ErrRetired)
		}
		counts, err := s.countSealed(ctx, s.read)
		if err != nil {
			return err
		}
		for id, values := range counts {
			if s.sealer.Keyset().Has(id) && !next.Has(id) {
				return fmt.Errorf("it lacks key %d, with which %d values in the database are sealed", id, values)
			}
		}
		return nil
	})
}

// countSealed returns how many values each key has sealed. The key 0 stands for those that
// do not show their key.
func (s *DB) countSealed(ctx context.Context, db interface {
	QueryContext(ctx context.Context, query string, values ...any) (*sql.Rows, error)
}) (map[uint32]int, error) {
	var parts []string
	for _, c := range sealedColumns {
		parts = append(parts, fmt.Sprintf(`SELECT SUBSTR(%s, 1, 5), COUNT(*) FROM %s GROUP BY 1`, c.column, c.table))
	}
	rows, err := db.QueryContext(ctx, strings.Join(parts, ` UNION ALL `))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := make(map[uint32]int)
	for rows.Next() {
		var begin []byte
		var values int
		if err := rows.Scan(&begin, &values); err != nil {
			return nil, err
		}
		id, _ := secret.SealedBy(begin)
		counts[id] += values
	}
	return counts, rows.Err()
}

// A KeyUse is a key of the keyset, or one that has sealed something.
type KeyUse struct {
	ID        uint32 // 0 stands for values that do not show their key
	IsPrimary bool
	IsMissing bool      // it is not in the keyset: what it has sealed cannot be opened
	Values    int       // that it has sealed
	RetiredAt time.Time // since when it seals nothing; zero if it may
}

// KeyUses returns the keys of the keyset in its order, and then those that it lacks: keys
// that have sealed something, and keys that a rotation has removed but not yet from all
// servers.
func (s *DB) KeyUses(ctx context.Context) ([]KeyUse, error) {
	counts, err := s.countSealed(ctx, s.read)
	if err != nil {
		return nil, err
	}
	retired, err := s.retiredKeys(ctx)
	if err != nil {
		return nil, err
	}
	keyset := s.sealer.Keyset()
	var uses []KeyUse
	for _, id := range keyset.Keys() {
		uses = append(uses, KeyUse{ID: id, IsPrimary: id == keyset.Primary(), Values: counts[id], RetiredAt: retired[id].at})
		delete(counts, id)
		delete(retired, id)
	}
	var missing []KeyUse
	for id, values := range counts {
		missing = append(missing, KeyUse{ID: id, IsMissing: true, Values: values, RetiredAt: retired[id].at})
		delete(retired, id)
	}
	for id, key := range retired {
		if !key.isRemoved {
			missing = append(missing, KeyUse{ID: id, IsMissing: true, RetiredAt: key.at})
		}
	}
	sort.Slice(missing, func(i, j int) bool { return missing[i].ID < missing[j].ID })
	return append(uses, missing...), nil
}

// A retiredKey is a key that seals no more.
type retiredKey struct {
	at        time.Time
	isRemoved bool // from all servers
}

func (s *DB) retiredKeys(ctx context.Context) (map[uint32]retiredKey, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT key_id, retired_at, removed_at FROM retired_key`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	retired := make(map[uint32]retiredKey)
	for rows.Next() {
		var id, at int64
		var removed sql.NullInt64
		if err := rows.Scan(&id, &at, &removed); err != nil {
			return nil, err
		}
		retired[uint32(id)] = retiredKey{time.UnixMilli(at), removed.Valid}
	}
	return retired, rows.Err()
}

// Reseal seals again what another key than the primary one has sealed, in transactions of
// at most resealBatch values, and calls progress with their number after each. It never
// overwrites a value that has changed meanwhile. It returns the rows, as "table id", whose
// values no key of the keyset opens; they stay as they are.
func (s *DB) Reseal(ctx context.Context, progress func(values int) error) (unopened []string, err error) {
	for _, c := range sealedColumns {
		for after, more := "", true; more; {
			var resealed int
			var bad []string
			last := after
			err := s.inTransaction(ctx, func(tx *sql.Tx) (err error) {
				resealed, bad, last, err = s.resealBatch(ctx, tx, c, after)
				return err
			})
			if err != nil {
				return unopened, err
			}
			unopened = append(unopened, bad...)
			if resealed > 0 {
				if err := progress(resealed); err != nil {
					return unopened, err
				}
			}
			after, more = last, last != ""
		}
	}
	return unopened, nil
}

// A sealedRow is a row with a sealed value.
type sealedRow struct {
	id, account string
	sealed      []byte
}

// resealBatch seals the next values of a column again. last is the id of the last row that
// it has read; empty means that there are no more.
func (s *DB) resealBatch(ctx context.Context, tx *sql.Tx, c sealedColumn, after string) (resealed int, unopened []string, last string, err error) {
	keyset, err := s.lockKeyset(ctx, tx)
	if err != nil {
		return 0, nil, "", err
	}
	prefix, err := keyset.Prefix()
	if err != nil {
		return 0, nil, "", err
	}
	var batch []sealedRow
	err = eachRow(ctx, tx, func(rows *sql.Rows) error {
		var row sealedRow
		err := rows.Scan(&row.id, &row.account, &row.sealed)
		batch = append(batch, row)
		return err
	}, fmt.Sprintf(`SELECT id, %s, %s FROM %s WHERE id > $1 AND SUBSTR(%[2]s, 1, 5) <> $2 ORDER BY id LIMIT %[4]d`, c.account, c.column, c.table, resealBatch), after, prefix)
	if err != nil {
		return 0, nil, "", err
	}
	for _, row := range batch {
		place := c.place(row.account, row.id)
		value, err := keyset.Open(row.sealed, place...)
		if err != nil {
			unopened = append(unopened, c.table+" "+row.id)
			continue
		}
		sealed, err := keyset.Seal(value, place...)
		if err != nil {
			return 0, nil, "", err
		}
		result, err := tx.ExecContext(ctx, fmt.Sprintf(`UPDATE %s SET %s = $1 WHERE id = $2 AND %[2]s = $3`, c.table, c.column), sealed, row.id, row.sealed)
		if err != nil {
			return 0, nil, "", err
		}
		changed, err := result.RowsAffected()
		if err != nil {
			return 0, nil, "", err
		}
		resealed += int(changed)
	}
	if len(batch) == resealBatch {
		last = batch[len(batch)-1].id
	}
	return resealed, unopened, last, nil
}

// RetireKeys ends the use of all keys of the keyset but the primary one for sealing: no
// transaction seals with them from then on, not even in a process that has not read the new
// keyset yet. It does nothing and returns how many values are not sealed with the primary
// key, if there are any.
func (s *DB) RetireKeys(ctx context.Context) (left int, err error) {
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		keyset, err := s.lockKeyset(ctx, tx)
		if err != nil {
			return err
		}
		counts, err := s.countSealed(ctx, tx)
		if err != nil {
			return err
		}
		left = 0
		for id, values := range counts {
			if id != keyset.Primary() {
				left += values
			}
		}
		if left > 0 {
			return nil
		}
		for _, id := range keyset.Keys() {
			if id == keyset.Primary() {
				continue
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO retired_key (key_id, retired_at) VALUES ($1, $2) ON CONFLICT (key_id) DO UPDATE SET removed_at = NULL`, int64(id), s.Clock().UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	return left, err
}

// EndRotation records that no server has the retired keys any more that are not in the
// keyset.
func (s *DB) EndRotation(ctx context.Context) error {
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		keyset, err := s.lockKeyset(ctx, tx)
		if err != nil {
			return err
		}
		ids := []any{s.Clock().UnixMilli()}
		for _, id := range keyset.Keys() {
			ids = append(ids, int64(id))
		}
		_, err = tx.ExecContext(ctx, `UPDATE retired_key SET removed_at = $1 WHERE removed_at IS NULL AND key_id NOT IN (`+parameters(2, len(ids)-1)+`)`, ids...)
		return err
	})
}
