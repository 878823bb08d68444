// Reuse of media: uploads of the same bytes for the same phone number receive the
// same media id until it expires. Each file counts its users, which are the
// uploads that received its id, so that it is deleted at WhatsApp only when the
// last of them deletes it.

package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Reusable is a file at WhatsApp whose id uploads of the same bytes may receive.
type Reusable struct {
	PhoneNumberID string
	SHA256        string // hexadecimal
	MIMEType      string
	MediaID       string
	Size          int64 // bytes
	ExpiresAt     time.Time
}

// SourceVersion is one version of the content of a source.
type SourceVersion struct {
	Name         string // "s3://bucket/key" or a URL without its query
	ETag         string
	DeclaredType string // the ETag does not depend on it
}

// Key names a version for a phone number, unambiguously: its parts are quoted,
// because keys, ETags and types may have any separator in them.
func (v SourceVersion) Key(phoneNumberID string) string {
	return fmt.Sprintf("%q %q %q %q", phoneNumberID, v.Name, v.ETag, v.DeclaredType)
}

const reusableColumns = `r.phone_number_id, r.sha256, r.mime_type, r.media_id, r.size, r.expires_at`

func scanReusable(row *sql.Row) (Reusable, error) {
	var r Reusable
	var expires int64
	err := row.Scan(&r.PhoneNumberID, &r.SHA256, &r.MIMEType, &r.MediaID, &r.Size, &expires)
	r.ExpiresAt = time.UnixMilli(expires)
	return r, asNotFound(err)
}

const selectReusable = `SELECT ` + reusableColumns + ` FROM reuse_source v
	 JOIN reuse r ON r.phone_number_id = v.phone_number_id AND r.sha256 = v.sha256 AND r.mime_type = v.mime_type AND r.is_current
	 WHERE v.phone_number_id = $1 AND v.source_name = $2 AND v.etag = $3 AND v.declared_type = $4 AND r.expires_at > $5`

// ReusableBySource returns the file of a source's version that was uploaded
// before. The file must expire after validUntil. The result may be cached for up
// to a second (freshness); Reuse reports whether the file still exists. It returns
// ErrNotFound if there is no such file.
func (s *DB) ReusableBySource(ctx context.Context, phoneNumberID string, version SourceVersion, validUntil time.Time) (Reusable, error) {
	file, err := s.files.get(version.Key(phoneNumberID), func() (Reusable, error) {
		return scanReusable(s.reusableStmt.QueryRowContext(ctx,
			phoneNumberID, version.Name, version.ETag, version.DeclaredType, validUntil.UnixMilli()))
	})
	if err == nil && !file.ExpiresAt.After(validUntil) {
		err = ErrNotFound
	}
	return file, err
}

// ReusableByDigest returns the file with some content and type that expires after
// validUntil. It returns ErrNotFound if there is none.
func (s *DB) ReusableByDigest(ctx context.Context, phoneNumberID, sha256, mimeType string, validUntil time.Time) (Reusable, error) {
	return scanReusable(s.read.QueryRowContext(ctx,
		`SELECT `+reusableColumns+` FROM reuse r WHERE r.phone_number_id = $1 AND r.sha256 = $2 AND r.mime_type = $3 AND r.is_current AND r.expires_at > $4`,
		phoneNumberID, sha256, mimeType, validUntil.UnixMilli()))
}

// MayBeReusable reports whether a phone number has a file of some size that
// expires after validUntil.
func (s *DB) MayBeReusable(ctx context.Context, phoneNumberID string, size int64, validUntil time.Time) (bool, error) {
	var one int
	err := s.read.QueryRowContext(ctx, `SELECT 1 FROM reuse WHERE phone_number_id = $1 AND size = $2 AND is_current AND expires_at > $3 LIMIT 1`,
		phoneNumberID, size, validUntil.UnixMilli()).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Holder is a user of files: an access key that received their ids.
type Holder struct {
	AccessKeyID string // empty means ferry itself
	UserName    string // of the access key; a user may have several keys, one after the other
}

// ErrNotHeld is returned for the release of a file by somebody who is none of its users.
var ErrNotHeld = errors.New("the file has other users only")

// hit is a new user of a file.
type hit struct {
	accountID string
	holder    Holder
	file      Reusable
	newSource *SourceVersion
}

// Reuse adds a user to a file and counts an avoided upload of the account.
// newSource is a source that was found to have the file's content; nil means
// none. It returns ErrNotFound if the file no longer exists.
func (s *DB) Reuse(ctx context.Context, accountID string, holder Holder, file Reusable, newSource *SourceVersion) error {
	err := s.hits.write(ctx, hit{accountID, holder, file, newSource})
	if errors.Is(err, ErrNotFound) {
		s.files.clear()
	}
	return err
}

// countHits counts hits with one statement per file and one per account.
func (s *DB) countHits(ctx context.Context, tx *sql.Tx, hits []hit) ([]error, error) {
	exists, err := countUsers(ctx, tx, hits)
	if err != nil {
		return nil, err
	}
	outcomes := make([]error, len(hits))
	avoided := make(map[string]Usage)
	for i, h := range hits {
		if !exists[h.file.key()] {
			outcomes[i] = ErrNotFound
			continue
		}
		if h.newSource != nil {
			if err := rememberSource(ctx, tx, h.file, *h.newSource); err != nil {
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

// key returns what identifies a file: its phone number and media id.
func (r Reusable) key() [2]string { return [2]string{r.PhoneNumberID, r.MediaID} }

// use is a file and one of its users.
type use struct {
	file   [2]string
	holder Holder
}

func (u use) compare(other use) int {
	return cmp.Or(slices.Compare(u.file[:], other.file[:]), strings.Compare(u.holder.AccessKeyID, other.holder.AccessKeyID))
}

// countUsers adds the new users to each file and reports which files exist. It
// updates them in sorted order, so that concurrent writers lock rows in the same
// order.
func countUsers(ctx context.Context, tx *sql.Tx, hits []hit) (exists map[[2]string]bool, err error) {
	users, uses := make(map[[2]string]int64), make(map[use]int64)
	for _, h := range hits {
		users[h.file.key()]++
		uses[use{h.file.key(), h.holder}]++
	}
	exists = make(map[[2]string]bool, len(users))
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
		exists[file] = rows > 0
	}
	for _, u := range slices.SortedFunc(maps.Keys(uses), use.compare) {
		if exists[u.file] {
			if err := addHolder(ctx, tx, u.file, u.holder, uses[u]); err != nil {
				return nil, err
			}
		}
	}
	return exists, nil
}

// addHolder adds ids to those that a user of a file has. The caller has updated the
// file, whose row is locked by that.
func addHolder(ctx context.Context, tx *sql.Tx, file [2]string, holder Holder, ids int64) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO reuse_user (phone_number_id, media_id, access_key_id, user_name, ids) VALUES ($1, $2, $3, $4, $5)
		 ON CONFLICT (phone_number_id, media_id, access_key_id) DO UPDATE SET ids = reuse_user.ids + excluded.ids`,
		file[0], file[1], holder.AccessKeyID, holder.UserName, ids)
	return err
}

// Offer makes an upload reusable, with the holder as its first user. If another file with the same content expires
// after validUntil, new users continue to receive that one. An older file is
// replaced, and remains for the users that it has.
func (s *DB) Offer(ctx context.Context, r Reusable, holder Holder, version SourceVersion, validUntil time.Time) error {
	defer s.files.clear()
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx,
			`UPDATE reuse SET is_current = FALSE WHERE phone_number_id = $1 AND sha256 = $2 AND mime_type = $3 AND is_current AND expires_at <= $4`,
			r.PhoneNumberID, r.SHA256, r.MIMEType, validUntil.UnixMilli())
		if err != nil {
			return err
		}
		offered, err := tx.ExecContext(ctx,
			`INSERT INTO reuse (phone_number_id, media_id, sha256, mime_type, size, users, is_current, expires_at) VALUES ($1, $2, $3, $4, $5, 1, TRUE, $6)
			 ON CONFLICT DO NOTHING`,
			r.PhoneNumberID, r.MediaID, r.SHA256, r.MIMEType, r.Size, r.ExpiresAt.UnixMilli())
		if err != nil {
			return err
		}
		if rows, err := offered.RowsAffected(); err != nil {
			return err
		} else if rows > 0 {
			if err := addHolder(ctx, tx, r.key(), holder, 1); err != nil {
				return err
			}
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

// Release removes one of the holder's ids of a file and reports whether the file has
// users left. It deletes the row of a file without users. A file that was never
// offered has none. If the holder has no id, an id is released that was received by
// a key of the same user that has been deleted since, or before ferry recorded
// holders. It returns ErrNotHeld if there is none of these either.
func (s *DB) Release(ctx context.Context, phoneNumberID, mediaID string, holder Holder) (usersLeft bool, err error) {
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		var users int64
		err := tx.QueryRowContext(ctx,
			`UPDATE reuse SET users = users - 1 WHERE phone_number_id = $1 AND media_id = $2 RETURNING users`, phoneNumberID, mediaID).Scan(&users)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := releaseHeld(ctx, tx, phoneNumberID, mediaID, holder); err != nil {
			return err
		}
		if usersLeft = users > 0; usersLeft {
			return nil
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM reuse WHERE phone_number_id = $1 AND media_id = $2`, phoneNumberID, mediaID)
		return err
	})
	return usersLeft, err
}

// releaseHeld removes one id that the holder may release.
func releaseHeld(ctx context.Context, tx *sql.Tx, phoneNumberID, mediaID string, holder Holder) error {
	var keyID string
	var ids int64
	err := tx.QueryRowContext(ctx,
		`UPDATE reuse_user SET ids = ids - 1 WHERE phone_number_id = $1 AND media_id = $2 AND access_key_id = (
		   SELECT u.access_key_id FROM reuse_user u
		   WHERE u.phone_number_id = $1 AND u.media_id = $2 AND (u.access_key_id = $3 OR u.access_key_id = ''
		     OR u.user_name = $4 AND NOT EXISTS (SELECT 1 FROM access_key k WHERE k.id = u.access_key_id))
		   ORDER BY u.access_key_id <> $3, u.access_key_id = '' LIMIT 1)
		 RETURNING access_key_id, ids`,
		phoneNumberID, mediaID, holder.AccessKeyID, holder.UserName).Scan(&keyID, &ids)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrNotHeld
	case err != nil || ids > 0:
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM reuse_user WHERE phone_number_id = $1 AND media_id = $2 AND access_key_id = $3`, phoneNumberID, mediaID, keyID)
	return err
}

// DropReusable deletes the row of a file that no longer exists at WhatsApp.
func (s *DB) DropReusable(ctx context.Context, phoneNumberID, mediaID string) error {
	_, err := s.exec(ctx, `DELETE FROM reuse WHERE phone_number_id = $1 AND media_id = $2`, phoneNumberID, mediaID)
	return err
}
