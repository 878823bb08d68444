// Reuse of media: the same bytes for the same phone number give the same media
// id while it lives. An entry counts its users, so that one user's delete does
// not take the file from another.

package state

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// Reusable is a file at WhatsApp that other uploads of the same bytes may share.
type Reusable struct {
	PhoneNumberID string
	SHA256        string // hexadecimal
	MIMEType      string
	MediaID       string
	Size          int64 // bytes
	ExpiresAt     time.Time
}

// SourceVersion is one version of what a source holds.
type SourceVersion struct {
	Name         string // "s3://bucket/key" or a URL without its query
	ETag         string
	DeclaredType string // an ETag does not cover it
}

const reusableColumns = `r.phone_number_id, r.sha256, r.mime_type, r.media_id, r.size, r.expires_at`

func scanReusable(row *sql.Row) (Reusable, error) {
	var r Reusable
	var expires int64
	err := row.Scan(&r.PhoneNumberID, &r.SHA256, &r.MIMEType, &r.MediaID, &r.Size, &expires)
	r.ExpiresAt = time.UnixMilli(expires)
	return r, found(err)
}

const selectReusable = `SELECT ` + reusableColumns + ` FROM reuse_source v
	 JOIN reuse r ON r.phone_number_id = v.phone_number_id AND r.sha256 = v.sha256 AND r.mime_type = v.mime_type AND r.is_current
	 WHERE v.phone_number_id = $1 AND v.source_name = $2 AND v.etag = $3 AND v.declared_type = $4 AND r.expires_at > $5`

// ReusableBySource finds the file of a version that was seen before, if it
// lives beyond a time. What it gives may be as old as Freshness; Reuse then says
// whether the file is still there. Returns ErrNotFound when there is none.
func (s *DB) ReusableBySource(ctx context.Context, phoneNumberID string, version SourceVersion, beyond time.Time) (Reusable, error) {
	key := strings.Join([]string{phoneNumberID, version.Name, version.ETag, version.DeclaredType}, "\n")
	file, err := s.files.get(key, func() (Reusable, error) {
		return scanReusable(s.reusableStmt.QueryRowContext(ctx,
			phoneNumberID, version.Name, version.ETag, version.DeclaredType, beyond.UnixMilli()))
	})
	if err == nil && !file.ExpiresAt.After(beyond) {
		err = ErrNotFound
	}
	return file, err
}

// ReusableByDigest finds the file of a content. Returns ErrNotFound when there is none.
func (s *DB) ReusableByDigest(ctx context.Context, phoneNumberID, sha256, mimeType string, beyond time.Time) (Reusable, error) {
	return scanReusable(s.read.QueryRowContext(ctx,
		`SELECT `+reusableColumns+` FROM reuse r WHERE r.phone_number_id = $1 AND r.sha256 = $2 AND r.mime_type = $3 AND r.is_current AND r.expires_at > $4`,
		phoneNumberID, sha256, mimeType, beyond.UnixMilli()))
}

// MayBeReusable reports whether a phone number has a file of a size at all.
func (s *DB) MayBeReusable(ctx context.Context, phoneNumberID string, size int64, beyond time.Time) (bool, error) {
	var one int
	err := s.read.QueryRowContext(ctx, `SELECT 1 FROM reuse WHERE phone_number_id = $1 AND size = $2 AND is_current AND expires_at > $3 LIMIT 1`,
		phoneNumberID, size, beyond.UnixMilli()).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// hit is one more user of a file.
type hit struct {
	accountID string
	file      Reusable
	learned   *SourceVersion
}

// Reuse counts one more user of a file, for an account, and remembers the
// source that was learned to have it (nil = it was known). Returns ErrNotFound
// when the file was dropped meanwhile.
func (s *DB) Reuse(ctx context.Context, accountID string, file Reusable, learned *SourceVersion) error {
	err := s.hits.write(ctx, hit{accountID, file, learned})
	if errors.Is(err, ErrNotFound) {
		s.files.clear()
	}
	return err
}

// countHits counts hits: one statement for each file, and one for each account.
func (s *DB) countHits(ctx context.Context, tx *sql.Tx, hits []hit) ([]error, error) {
	there, err := countUsers(ctx, tx, hits)
	if err != nil {
		return nil, err
	}
	outcomes := make([]error, len(hits))
	avoided := make(map[string]Usage)
	for i, h := range hits {
		if !there[h.file.place()] {
			outcomes[i] = ErrNotFound
			continue
		}
		if h.learned != nil {
			if err := rememberSource(ctx, tx, h.file, *h.learned); err != nil {
				return nil, err
			}
		}
		sum := avoided[h.accountID]
		sum.UploadsAvoided, sum.BytesAvoided = sum.UploadsAvoided+1, sum.BytesAvoided+h.file.Size
		avoided[h.accountID] = sum
	}
	for _, id := range slices.Sorted(maps.Keys(avoided)) {
		_, err := tx.ExecContext(ctx,
			`UPDATE account SET uploads_avoided = uploads_avoided + $1, bytes_avoided = bytes_avoided + $2 WHERE id = $3`,
			avoided[id].UploadsAvoided, avoided[id].BytesAvoided, id)
		if err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// place names a file: a phone number and a media id.
func (r Reusable) place() [2]string { return [2]string{r.PhoneNumberID, r.MediaID} }

// countUsers counts the new users of each file, in one order for all writers,
// and says which files are there.
func countUsers(ctx context.Context, tx *sql.Tx, hits []hit) (there map[[2]string]bool, err error) {
	users := make(map[[2]string]int64)
	for _, h := range hits {
		users[h.file.place()]++
	}
	there = make(map[[2]string]bool, len(users))
	for _, file := range slices.SortedFunc(maps.Keys(users), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		counted, err := tx.ExecContext(ctx,
			`UPDATE reuse SET users = users + $1 WHERE phone_number_id = $2 AND media_id = $3`, users[file], file[0], file[1])
		if err != nil {
			return nil, err
		}
		rows, err := counted.RowsAffected()
		if err != nil {
			return nil, err
		}
		there[file] = rows > 0
	}
	return there, nil
}

// Offer makes an upload reusable. A file of the same bytes that lives beyond a
// time stays the one that new users get; an older one gives way, and stays for
// the users that it has.
func (s *DB) Offer(ctx context.Context, r Reusable, version SourceVersion, beyond time.Time) error {
	defer s.files.clear()
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx,
			`UPDATE reuse SET is_current = FALSE WHERE phone_number_id = $1 AND sha256 = $2 AND mime_type = $3 AND is_current AND expires_at <= $4`,
			r.PhoneNumberID, r.SHA256, r.MIMEType, beyond.UnixMilli())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx,
			`INSERT INTO reuse (phone_number_id, media_id, sha256, mime_type, size, users, is_current, expires_at) VALUES ($1, $2, $3, $4, $5, 1, TRUE, $6)
			 ON CONFLICT DO NOTHING`,
			r.PhoneNumberID, r.MediaID, r.SHA256, r.MIMEType, r.Size, r.ExpiresAt.UnixMilli())
		if err != nil {
			return err
		}
		return rememberSource(ctx, tx, r, version)
	})
}

func rememberSource(ctx context.Context, tx *sql.Tx, r Reusable, version SourceVersion) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO reuse_source (phone_number_id, source_name, etag, declared_type, sha256, mime_type, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		 ON CONFLICT (phone_number_id, source_name, etag, declared_type)
		 DO UPDATE SET sha256 = excluded.sha256, mime_type = excluded.mime_type, expires_at = excluded.expires_at`,
		r.PhoneNumberID, version.Name, version.ETag, version.DeclaredType, r.SHA256, r.MIMEType, r.ExpiresAt.UnixMilli())
	return err
}

// Release counts one user of a file less, and reports whether others are left.
// When none is, or when the file is not shared, the entry is gone.
func (s *DB) Release(ctx context.Context, phoneNumberID, mediaID string) (othersLeft bool, err error) {
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		var users int64
		err := tx.QueryRowContext(ctx,
			`UPDATE reuse SET users = users - 1 WHERE phone_number_id = $1 AND media_id = $2 RETURNING users`, phoneNumberID, mediaID).Scan(&users)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		othersLeft = users > 0
		if err != nil || othersLeft {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM reuse WHERE phone_number_id = $1 AND media_id = $2`, phoneNumberID, mediaID)
		return err
	})
	return othersLeft, err
}

// DropReusable forgets a file that WhatsApp no longer has.
func (s *DB) DropReusable(ctx context.Context, phoneNumberID, mediaID string) error {
	_, err := s.write.ExecContext(ctx, `DELETE FROM reuse WHERE phone_number_id = $1 AND media_id = $2`, phoneNumberID, mediaID)
	return err
}

// SetVerify turns the verification of uploads on or off for an account. Returns
// ErrNotFound when there is no such account.
func (s *DB) SetVerify(ctx context.Context, accountID string, on bool) error {
	defer s.clearRecent()
	var id string
	return found(s.write.QueryRowContext(ctx, `UPDATE account SET verify_uploads = $1 WHERE id = $2 RETURNING id`, on, accountID).Scan(&id))
}

// SetReuse turns reuse on or off for an account. Returns ErrNotFound when there is no such.
func (s *DB) SetReuse(ctx context.Context, accountID string, on bool) error {
	defer s.clearRecent()
	var id string
	return found(s.write.QueryRowContext(ctx, `UPDATE account SET reuse = $1 WHERE id = $2 RETURNING id`, on, accountID).Scan(&id))
}

// Usage is what an account has uploaded and what reuse has spared it.
type Usage struct {
	AccountID      string
	Reuse          bool  // whether it is on
	Uploads        int64 // on record and not deleted
	Bytes          int64
	UploadsAvoided int64
	BytesAvoided   int64
}

// Usages gives the usage of all accounts.
func (s *DB) Usages(ctx context.Context) ([]Usage, error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT a.id, a.reuse, a.uploads_avoided, a.bytes_avoided, COUNT(m.id), COALESCE(SUM(m.size), 0)
		 FROM account a
		 LEFT JOIN business_account b ON b.account_id = a.id
		 LEFT JOIN phone_number p ON p.business_account_id = b.id
		 LEFT JOIN media m ON m.phone_number_id = p.id
		 GROUP BY a.id, a.reuse, a.uploads_avoided, a.bytes_avoided ORDER BY a.id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Usage
	for rows.Next() {
		var u Usage
		if err := rows.Scan(&u.AccountID, &u.Reuse, &u.UploadsAvoided, &u.BytesAvoided, &u.Uploads, &u.Bytes); err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, rows.Err()
}
