// Records of uploads.

package state

import (
	"context"
	"database/sql"
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

const insertMedia = `INSERT INTO media (phone_number_id, id, mime_type, size, sha256, source, source_name, source_etag, access_key_id, created_at, expires_at)
	 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`

// RecordMedia stores the record of an upload, which is durable when RecordMedia
// returns. It ignores cancellation of ctx, because the upload has already
// happened.
func (s *DB) RecordMedia(ctx context.Context, m Media) error { return s.uploads.write(ctx, m) }

// insertMedia stores records.
func (s *DB) insertMedia(ctx context.Context, tx *sql.Tx, records []Media) ([]error, error) {
	statement := tx.StmtContext(ctx, s.insertMediaStmt)
	defer func() { _ = statement.Close() }()
	each := context.WithoutCancel(ctx) // ends with the transaction; SQLite's driver starts a goroutine for each ctx that can end
	for _, m := range records {
		_, err := statement.ExecContext(each, m.PhoneNumberID, m.ID, m.MIMEType, m.Size, m.SHA256, m.Source, m.SourceName, m.SourceETag,
			m.AccessKeyID, m.CreatedAt.UnixMilli(), m.ExpiresAt.UnixMilli())
		if err != nil {
			return nil, err
		}
	}
	return make([]error, len(records)), nil
}

// ForgetMedia deletes the record of an upload. It is not an error if there is
// none.
func (s *DB) ForgetMedia(ctx context.Context, phoneNumberID, id string) error {
	_, err := s.write.ExecContext(ctx, `DELETE FROM media WHERE phone_number_id = $1 AND id = $2`, phoneNumberID, id)
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
