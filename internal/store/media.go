// The record of uploads.

package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"
)

// Media is the record of one upload.
type Media struct {
	PhoneNumberID string // as PhoneNumber.ID
	ID            string // Meta's media id
	MIMEType      string
	Size          int64  // bytes
	SHA256        string // hexadecimal
	Source        string // "s3" or "presigned-url"
	SourceName    string // "s3://bucket/key" or a URL without its query
	SourceETag    string // "" = none
	AccessKeyID   string // who uploaded it
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

const insertMedia = `INSERT INTO media (phone_number_id, id, mime_type, size, sha256, source, source_name, source_etag, access_key_id, created_at, expires_at)
	 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`

// commitTimeout bounds one commit of records, waiting for the writer included.
const commitTimeout = 15 * time.Second

var errNotCommitted = errors.New("the record was not committed")

// recorder commits the records of uploads that end at the same time in one
// transaction: each commit waits for the disk once, however many share it.
type recorder struct {
	mu     sync.Mutex
	next   *batch     // the one that can still be joined; nil = none
	commit sync.Mutex // held by the batch that is being committed
}

// batch is what one transaction commits. It holds at most one record of each
// upload in flight.
type batch struct {
	records []Media
	errs    []error // one each, once done is closed
	done    chan struct{}
}

// RecordMedia stores the record of an upload, durably before it returns. It
// does not stop when ctx does: the upload has happened.
func (s *Store) RecordMedia(ctx context.Context, m Media) error {
	r := &s.recorder
	r.mu.Lock()
	b := r.next
	isFirst := b == nil
	if isFirst {
		b = &batch{done: make(chan struct{})}
		r.next = b
	}
	place := len(b.records)
	b.records = append(b.records, m)
	r.mu.Unlock()

	if isFirst {
		r.commit.Lock() // until the batch before is on disk, others join this one
		r.mu.Lock()
		r.next = nil
		r.mu.Unlock()
		s.commitBatch(ctx, b)
	}
	<-b.done
	return b.errs[place]
}

// commitBatch commits a batch and lets go of the lock, whatever happens.
func (s *Store) commitBatch(ctx context.Context, b *batch) {
	b.errs = slices.Repeat([]error{errNotCommitted}, len(b.records))
	defer func() {
		s.recorder.commit.Unlock()
		close(b.done)
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	b.errs = s.insertMedia(ctx, b.records)
}

// insertMedia stores records in one transaction. Should that fail, each is
// stored by itself, so that one that cannot be stored fails alone.
func (s *Store) insertMedia(ctx context.Context, records []Media) []error {
	errs := make([]error, len(records))
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		for _, m := range records {
			if err := insertOneMedia(ctx, tx.StmtContext(ctx, s.insertMediaStmt), m); err != nil {
				return err
			}
		}
		return nil
	})
	for i, m := range records {
		if err != nil {
			errs[i] = insertOneMedia(ctx, s.insertMediaStmt, m)
		}
	}
	return errs
}

func insertOneMedia(ctx context.Context, statement *sql.Stmt, m Media) error {
	_, err := statement.ExecContext(ctx, m.PhoneNumberID, m.ID, m.MIMEType, m.Size, m.SHA256, m.Source, m.SourceName, m.SourceETag,
		m.AccessKeyID, m.CreatedAt.UnixMilli(), m.ExpiresAt.UnixMilli())
	return err
}

// ForgetMedia removes the record of an upload, if there is one.
func (s *Store) ForgetMedia(ctx context.Context, phoneNumberID, id string) error {
	_, err := s.write.ExecContext(ctx, `DELETE FROM media WHERE phone_number_id = $1 AND id = $2`, phoneNumberID, id)
	return err
}

// Media gives the record of an upload. Returns ErrNotFound when there is none.
func (s *Store) Media(ctx context.Context, phoneNumberID, id string) (Media, error) {
	var m Media
	var created, expires int64
	err := s.read.QueryRowContext(ctx,
		`SELECT phone_number_id, id, mime_type, size, sha256, source, source_name, source_etag, access_key_id, created_at, expires_at
		 FROM media WHERE phone_number_id = $1 AND id = $2`, phoneNumberID, id).
		Scan(&m.PhoneNumberID, &m.ID, &m.MIMEType, &m.Size, &m.SHA256, &m.Source, &m.SourceName, &m.SourceETag, &m.AccessKeyID, &created, &expires)
	m.CreatedAt, m.ExpiresAt = time.UnixMilli(created), time.UnixMilli(expires)
	return m, found(err)
}
