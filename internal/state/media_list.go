// The list of uploads, for people.

package state

import (
	"context"
	"errors"
	"math"
	"time"
)

// mediaScanned bounds the records in which one call of ListMedia looks for those that
// are selected.
const mediaScanned = 5000

// AccountMedia is the record of an upload with the account that made it.
type AccountMedia struct {
	Media
	AccountID string // 12 digits
}

// A MediaPlace is a place in the list of uploads: behind the one with these ids and this
// expiry. The zero MediaPlace is the beginning.
type MediaPlace struct {
	ExpiresAt         time.Time
	PhoneNumberID, ID string
}

const selectAccountMedia = `SELECT b.account_id, m.phone_number_id, m.id, m.mime_type, m.size, m.sha256, m.source, m.source_name, m.source_etag, m.access_key_id, m.created_at, m.expires_at
	FROM media m JOIN phone_number p ON p.id = m.phone_number_id JOIN business_account b ON b.id = p.business_account_id`

// ListMedia returns at most limit uploads behind a place for which match returns true.
// Those that expire last come first, which are the newest. next continues the list; the
// zero next means that this is its end. A call looks at no more than mediaScanned
// records, so it may return fewer than limit before the end.
func (s *DB) ListMedia(ctx context.Context, after MediaPlace, limit int, match func(AccountMedia) bool) (list []AccountMedia, next MediaPlace, err error) {
	until := int64(math.MaxInt64)
	if !after.ExpiresAt.IsZero() {
		until = after.ExpiresAt.UnixMilli()
	}
	rows, err := s.read.QueryContext(ctx, selectAccountMedia+`
		WHERE m.expires_at <= $1 AND (m.expires_at < $1 OR m.phone_number_id < $2 OR m.phone_number_id = $2 AND m.id < $3)
		ORDER BY m.expires_at DESC, m.phone_number_id DESC, m.id DESC LIMIT $4`, until, after.PhoneNumberID, after.ID, mediaScanned+1)
	if err != nil {
		return nil, MediaPlace{}, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var last MediaPlace
	for scanned := 0; rows.Next(); scanned++ {
		if scanned == mediaScanned || len(list) == limit {
			return list, last, nil
		}
		m, err := scanAccountMedia(rows)
		if err != nil {
			return nil, MediaPlace{}, err
		}
		last = MediaPlace{m.ExpiresAt, m.PhoneNumberID, m.ID}
		if match(m) {
			list = append(list, m)
		}
	}
	return list, MediaPlace{}, rows.Err()
}

// FindMedia returns the record of an upload of any account by Meta's media id. It returns
// ErrNotFound if there is none.
func (s *DB) FindMedia(ctx context.Context, id string) (AccountMedia, error) {
	m, err := scanAccountMedia(s.read.QueryRowContext(ctx, selectAccountMedia+` WHERE m.id = $1 ORDER BY m.expires_at DESC, m.phone_number_id LIMIT 1`, id))
	return m, asNotFound(err)
}

// scanAccountMedia reads a row of selectAccountMedia.
func scanAccountMedia(row interface{ Scan(dest ...any) error }) (m AccountMedia, err error) {
	var created, expires int64
	err = row.Scan(&m.AccountID, &m.PhoneNumberID, &m.ID, &m.MIMEType, &m.Size, &m.SHA256, &m.Source, &m.SourceName, &m.SourceETag, &m.AccessKeyID, &created, &expires)
	m.CreatedAt, m.ExpiresAt = time.UnixMilli(created).UTC(), time.UnixMilli(expires).UTC()
	return m, err
}
