// Records of uploads.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Media is the record of one upload.
type Media struct {
	PhoneNumberID string // as PhoneNumber.ID
	ID            string // Meta's media id
	MIMEType      string
	Size          int64  // bytes
	SHA256        string // hexadecimal; empty if no digest was computed
	Source        string // "s3" or "presigned-url"
	SourceName    string // "s3://bucket/key" or a URL without its query
	SourceETag    string // empty means none
	AccessKeyID   string // of the caller who uploaded it
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

// insertRows is how many records one statement inserts. Under load a batch has
// about as many.
const insertRows = 8

// insertMedia is the statement that inserts records, in rows.
func insertMedia(rows int) string {
	const columns = 11
	var text strings.Builder
	text.WriteString(`INSERT INTO media (phone_number_id, id, mime_type, size, sha256, source, source_name, source_etag, access_key_id, created_at, expires_at) VALUES `)
	for i := range rows * columns {
		switch {
		case i == 0:
			text.WriteString("(")
		case i%columns == 0:
			text.WriteString("), (")
		default:
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "$%d", i+1)
	}
	text.WriteString(") ON CONFLICT DO NOTHING")
	return text.String()
}

// RecordMedia stores the record of an upload, which is durable when RecordMedia
// returns. It ignores cancellation of ctx, because the upload has already
// happened.
func (s *DB) RecordMedia(ctx context.Context, m Media) error { return s.uploads.write(ctx, m) }

// insertMedia stores records.
func (s *DB) insertMedia(ctx context.Context, tx *sql.Tx, records []Media) ([]error, error) {
	one, many := tx.StmtContext(ctx, s.insertMediaStmt), tx.StmtContext(ctx, s.insertMediaRowsStmt)
	defer func() { _, _ = one.Close(), many.Close() }()
	each := context.WithoutCancel(ctx) // ends with the transaction; SQLite's driver starts a goroutine for each ctx that can end
	values := make([]any, 0, insertRows*11)
	for left := records; len(left) > 0; {
		statement, rows := one, 1
		if len(left) >= insertRows {
			statement, rows = many, insertRows
		}
		values = values[:0]
		for _, m := range left[:rows] {
			values = append(values, m.PhoneNumberID, m.ID, m.MIMEType, m.Size, m.SHA256, m.Source, m.SourceName, m.SourceETag,
				m.AccessKeyID, m.CreatedAt.UnixMilli(), m.ExpiresAt.UnixMilli())
		}
		if _, err := statement.ExecContext(each, values...); err != nil {
			return nil, err
		}
		left = left[rows:]
	}
	return make([]error, len(records)), nil
}

// ForgetMedia deletes the record of an upload. It is not an error if there is
// none.
func (s *DB) ForgetMedia(ctx context.Context, phoneNumberID, id string) error {
	_, err := s.exec(ctx, `DELETE FROM media WHERE phone_number_id = $1 AND id = $2`, phoneNumberID, id)
	return err
}

// Media returns the record of an upload. It returns ErrNotFound if there is none.
func (s *DB) Media(ctx context.Context, phoneNumberID, id string) (Media, error) {
	var m Media
	var created, expires int64
	err := s.read.QueryRowContext(ctx,
		`SELECT phone_number_id, id, mime_type, size, sha256, source, source_name, source_etag, access_key_id, created_at, expires_at
		 FROM media WHERE phone_number_id = $1 AND id = $2`, phoneNumberID, id).
		Scan(&m.PhoneNumberID, &m.ID, &m.MIMEType, &m.Size, &m.SHA256, &m.Source, &m.SourceName, &m.SourceETag, &m.AccessKeyID, &created, &expires)
	m.CreatedAt, m.ExpiresAt = time.UnixMilli(created), time.UnixMilli(expires)
	return m, asNotFound(err)
}

// AllMedia returns the records of all uploads that have not expired, by phone number and id.
func (s *DB) AllMedia(ctx context.Context) (list []Media, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT phone_number_id, id, mime_type, size, sha256, source, source_name, source_etag, access_key_id, created_at, expires_at
		FROM media WHERE expires_at > $1 ORDER BY phone_number_id, id`, s.now().UnixMilli())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var m Media
		var created, expires int64
		if err := rows.Scan(&m.PhoneNumberID, &m.ID, &m.MIMEType, &m.Size, &m.SHA256, &m.Source, &m.SourceName, &m.SourceETag, &m.AccessKeyID, &created, &expires); err != nil {
			return nil, err
		}
		m.CreatedAt, m.ExpiresAt = time.UnixMilli(created).UTC(), time.UnixMilli(expires).UTC()
		list = append(list, m)
	}
	return list, rows.Err()
}

// ClearMedia deletes the records of all uploads, and what is known of files that are reused.
func (s *DB) ClearMedia(ctx context.Context) error {
	for _, table := range []string{"reuse_source", "reuse_user", "reuse", "media"} {
		if _, err := s.exec(ctx, `DELETE FROM `+table); err != nil {
			return err
		}
	}
	return nil
}

// MediaOfAccount returns the record of an upload of any phone number that an account has
// linked. It returns ErrNotFound if there is none.
func (s *DB) MediaOfAccount(ctx context.Context, accountID, id string) (Media, error) {
	var number string
	err := s.read.QueryRowContext(ctx, `SELECT m.phone_number_id FROM media m JOIN phone_number p ON p.id = m.phone_number_id
		JOIN business_account b ON b.id = p.business_account_id WHERE m.id = $1 AND b.account_id = $2 LIMIT 1`, id, accountID).Scan(&number)
	if err != nil {
		return Media{}, asNotFound(err)
	}
	return s.Media(ctx, number, id)
}
