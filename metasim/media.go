package metasim

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"
)

const (
	mediaKind     = "media"             // of records
	mediaLifetime = 30 * 24 * time.Hour // of an uploaded file
	maxMedia      = 1 << 20             // files; their bytes are bounded by the storage
)

// Media describes a file that was uploaded, or sent by a person.
type Media struct {
	ID            string    `json:"id"`
	PhoneNumberID string    `json:"phone_number_id"`
	MIMEType      string    `json:"mime_type"` // with parameters, as declared
	FileName      string    `json:"file_name"`
	Size          int64     `json:"size"`              // bytes
	SHA256        string    `json:"sha256"`            // hex
	Inbound       bool      `json:"inbound,omitempty"` // sent by a person, not uploaded
	Created       time.Time `json:"created"`
	Expires       time.Time `json:"expires"`
}

func (m Media) createdAt() time.Time { return m.Created }
func (m Media) expiresAt() time.Time { return m.Expires }

var errMediaFull = errors.New("too many media")

// checkMedia returns an error for a record that is damaged or has no file.
func (s *Server) checkMedia(id string, file Media) error {
	switch {
	case file.ID != id || !isObjectID(id):
		return badRecord(mediaKind, id, "it is the record of %q", truncate(file.ID))
	case !isObjectID(file.PhoneNumberID) || file.MIMEType == "" || file.FileName == "":
		return badRecord(mediaKind, id, "number, type or name is missing")
	}
	return s.checkFile(mediaKind, id, file.ID, file.Size, file.SHA256, file.Created, file.Expires)
}

// checkFile returns an error for a record whose members contradict each other, or
// whose file is missing or has another size.
func (s *Server) checkFile(kind, id, blobID string, size int64, digest string, created, expires time.Time) error {
	sum, err := hex.DecodeString(digest)
	switch {
	case err != nil || len(sum) != sha256.Size:
		return badRecord(kind, id, "it has no SHA-256")
	case !created.Before(expires):
		return badRecord(kind, id, "it expires before it was made")
	}
	stored, err := s.storedSize(blobID)
	switch {
	case errors.Is(err, ErrNotKept):
		return nil
	case errors.Is(err, ErrNotStored):
		return badRecord(kind, id, "its file is missing")
	case err != nil:
		return err
	case stored != size:
		return badRecord(kind, id, "its file has %d bytes, not %d", stored, size)
	}
	return nil
}

func (s *Server) storedSize(blobID string) (int64, error) {
	content, err := s.cfg.Storage.Open(blobID)
	if err != nil {
		return 0, err
	}
	defer content.Close()
	return content.Seek(0, io.SeekEnd)
}
