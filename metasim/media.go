package metasim

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	mediaLifetime = 30 * 24 * time.Hour // of an uploaded file
	maxMedia      = 1 << 20             // records; their bytes are the storage's matter
	sweepInterval = time.Hour           // between two searches for expired records
)

// Media describes an uploaded file.
type Media struct {
	ID            string    `json:"id"`
	PhoneNumberID string    `json:"phone_number_id"`
	MIMEType      string    `json:"mime_type"` // with parameters, as declared
	FileName      string    `json:"file_name"`
	Size          int64     `json:"size"`   // bytes
	SHA256        string    `json:"sha256"` // hex
	Created       time.Time `json:"created"`
	Expires       time.Time `json:"expires"`
}

var errMediaFull = errors.New("too many media")

// mediaIndex knows the files that exist.
type mediaIndex struct {
	mu        sync.Mutex
	files     map[string]Media
	lastSweep time.Time
}

func newMediaIndex() *mediaIndex { return &mediaIndex{files: map[string]Media{}} }

// add takes a file in, and returns the ids that had expired by now.
func (m *mediaIndex) add(file Media, now time.Time) (expired []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.lastSweep) >= sweepInterval {
		m.lastSweep = now
		for id, f := range m.files {
			if !now.Before(f.Expires) {
				expired = append(expired, id)
				delete(m.files, id)
			}
		}
	}
	if len(m.files) >= maxMedia {
		return expired, errMediaFull
	}
	m.files[file.ID] = file
	return expired, nil
}

// find returns a file that has not expired.
func (m *mediaIndex) find(id string, now time.Time) (Media, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	file, ok := m.files[id]
	if !ok || !now.Before(file.Expires) {
		return Media{}, false
	}
	return file, true
}

// has reports whether an id is taken, expired or not.
func (m *mediaIndex) has(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.files[id]
	return ok
}

// remove forgets a file, and reports whether it was there: of two deletions at
// the same time one succeeds.
func (m *mediaIndex) remove(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.files[id]
	delete(m.files, id)
	return ok
}

// clear forgets all files and returns their ids.
func (m *mediaIndex) clear() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]string, 0, len(m.files))
	for id := range m.files {
		ids = append(ids, id)
	}
	m.files = map[string]Media{}
	return ids
}

// list returns the newest files that have not expired, at most n, newest last,
// and the number of all.
func (m *mediaIndex) list(now time.Time, n int) (files []Media, total int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	files = []Media{}
	for _, file := range m.files {
		if now.Before(file.Expires) {
			files = append(files, file)
		}
	}
	slices.SortFunc(files, func(a, b Media) int {
		if order := a.Created.Compare(b.Created); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	total = len(files)
	return files[max(0, total-n):], total
}
