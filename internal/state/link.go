// Files that messages link to, and their media ids.

package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// A LinkedFile is a file that messages of one type link to.
type LinkedFile struct {
	PhoneNumberID string // as PhoneNumber.ID
	URL           string
	Kind          string // "image", "video", "document", "audio" or "sticker"
}

// Key returns a text that differs for files that differ. It does not show the URL, which
// may be signed.
func (f LinkedFile) Key() string { return f.PhoneNumberID + " " + f.Kind + " " + f.digest() }

func (f LinkedFile) digest() string {
	digest := sha256.Sum256([]byte(f.URL))
	return hex.EncodeToString(digest[:])
}

// LinkedMedia returns the media id of a file that was read lately; it is empty if the
// file cannot be uploaded, and is sent by link. It returns ErrNotFound if the file must
// be read again, also because it was deleted at WhatsApp.
func (s *DB) LinkedMedia(ctx context.Context, file LinkedFile) (mediaID string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT l.media_id FROM link l
		 WHERE l.phone_number_id = $1 AND l.url = $2 AND l.kind = $3 AND l.expires_at > $4
		 AND (l.media_id = '' OR EXISTS (SELECT 1 FROM media m WHERE m.phone_number_id = l.phone_number_id AND m.id = l.media_id))`,
		file.PhoneNumberID, file.digest(), file.Kind, s.now().UnixMilli()).Scan(&mediaID)
	return mediaID, asNotFound(err)
}

// RememberLink records the media id of a file, which is used until the given time. Empty
// means that the file is sent by link.
func (s *DB) RememberLink(ctx context.Context, file LinkedFile, mediaID string, until time.Time) error {
	_, err := s.exec(ctx, `INSERT INTO link (phone_number_id, url, kind, media_id, expires_at) VALUES ($1, $2, $3, $4, $5)
		 ON CONFLICT (phone_number_id, url, kind) DO UPDATE SET media_id = excluded.media_id, expires_at = excluded.expires_at`,
		file.PhoneNumberID, file.digest(), file.Kind, mediaID, until.UnixMilli())
	return err
}
