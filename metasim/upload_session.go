package metasim

import (
	"errors"
	"hash"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of resumable uploads. Meta's are not known.
const (
	sessionLifetime = 24 * time.Hour // from its creation
	handleLifetime  = 24 * time.Hour // from the last byte
	maxSessions     = 1000           // that are not complete: each may hold a file open
	maxHandles      = 1 << 16
)

var (
	errSessionsFull = errors.New("too many upload sessions")
	errHandlesFull  = errors.New("too many handles")
	errSessionGone  = errors.New("the upload session was forgotten meanwhile")
)

// Handle describes the file that a handle of a resumable upload stands for.
type Handle struct {
	Handle   string    `json:"handle"` // verbatim; two lines with Config.MultilineHandles
	AppID    string    `json:"app_id"`
	MIMEType string    `json:"mime_type"` // as declared
	FileName string    `json:"file_name"` // as declared; may be empty
	Size     int64     `json:"size"`      // bytes
	SHA256   string    `json:"sha256"`    // hex
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
}

// uploadSession is a resumable upload. One request at a time has its turn; a
// later one does not wait for a body that may never end, but interrupts it.
type uploadSession struct {
	id, sig  string // upload:{id}?sig={sig}
	token    string // that began it, and may go on
	appID    string
	fileName string
	fileType string // as declared
	kind     mediaType
	length   int64 // bytes, as declared
	expires  time.Time
	finished bool // guarded by the index

	mu        sync.Mutex
	waiting   int    // requests that wait for their turn
	interrupt func() // ends the reading of the one that has it; nil for none
	closed    bool   // expired or forgotten

	writeLock   sync.Mutex // guards what follows
	blob        Blob       // nil before the first byte and after Commit
	blobID      string
	head        []byte // first bytes, until the content is known to be right
	typeChecked bool   // it is
	digest      hash.Hash
	stored      int64  // bytes
	handle      string // once complete
}

// publicID is how the API names the session.
func (u *uploadSession) publicID() string { return sessionPrefix + u.id + "?sig=" + u.sig }

// acquire waits for the turn, interrupting who has it. It reports false, and does
// not take it, when the session is gone. The caller must release it.
func (u *uploadSession) acquire() bool {
	u.mu.Lock()
	u.waiting++
	if u.interrupt != nil {
		u.interrupt()
	}
	u.mu.Unlock()
	u.writeLock.Lock()
	u.mu.Lock()
	u.waiting--
	closed := u.closed
	u.mu.Unlock()
	if closed {
		u.writeLock.Unlock()
	}
	return !closed
}

// interruptible sets what ends the reading of the request that has the turn;
// nil when it has ended.
func (u *uploadSession) interruptible(end func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.interrupt = end
	if end != nil && (u.waiting > 0 || u.closed) {
		end()
	}
}

func (u *uploadSession) release() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer u.writeLock.Unlock()
	if u.closed {
		return u.abortBlob()
	}
	return nil
}

// drop throws away what has been stored of an incomplete file, as soon as
// nobody writes to it.
func (u *uploadSession) drop() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	if u.interrupt != nil {
		u.interrupt()
	}
	if !u.writeLock.TryLock() {
		return nil // release does it
	}
	defer u.writeLock.Unlock()
	return u.abortBlob()
}

// abortBlob needs the active.
func (u *uploadSession) abortBlob() error {
	if u.blob == nil {
		return nil
	}
	blob := u.blob
	u.blob = nil
	return blob.Abort()
}

// uploadIndex knows the sessions and the handles that exist.
type uploadIndex struct {
	mu         sync.Mutex
	sessions   map[string]*uploadSession // by id
	unfinished int                       // of them
	handles    map[string]storedHandle
	lastSweep  time.Time
}

// storedHandle is a handle, and the id of its bytes in the storage.
type storedHandle struct {
	Handle
	blobID string
}

// removedUploads is what an index let go of: sessions to drop, and bytes to delete.
type removedUploads struct {
	sessions []*uploadSession
	blobIDs  []string
}

func newUploadIndex() *uploadIndex {
	return &uploadIndex{sessions: map[string]*uploadSession{}, handles: map[string]storedHandle{}}
}

// add takes a session in, and returns what had expired by now.
func (i *uploadIndex) add(session *uploadSession, now time.Time) (expired removedUploads, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if now.Sub(i.lastSweep) >= sweepInterval || i.unfinished >= maxSessions {
		i.lastSweep = now
		expired = i.discard(func(expires time.Time) bool { return !now.Before(expires) })
	}
	if i.unfinished >= maxSessions {
		return expired, errSessionsFull
	}
	i.sessions[session.id] = session
	i.unfinished++
	return expired, nil
}

// discard forgets what the times of expiry select; i.mu is held.
func (i *uploadIndex) discard(ended func(expires time.Time) bool) (removed removedUploads) {
	for h, kept := range i.handles {
		if ended(kept.Expires) {
			removed.blobIDs = append(removed.blobIDs, kept.blobID)
			delete(i.handles, h)
		}
	}
	for _, session := range i.sessions {
		if ended(session.expires) {
			i.forget(session)
			removed.sessions = append(removed.sessions, session)
		}
	}
	return removed
}

// forget takes a session out; i.mu is held.
func (i *uploadIndex) forget(session *uploadSession) {
	if i.sessions[session.id] != session {
		return
	}
	delete(i.sessions, session.id)
	if !session.finished {
		i.unfinished--
	}
}

// find returns a session that has not expired.
func (i *uploadIndex) find(id string, now time.Time) (*uploadSession, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	session, ok := i.sessions[id]
	if !ok || !now.Before(session.expires) {
		return nil, false
	}
	return session, true
}

// remove forgets a session that can come to no good end.
func (i *uploadIndex) remove(session *uploadSession) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forget(session)
}

// finish gives a complete session its handle.
func (i *uploadIndex) finish(session *uploadSession, kept storedHandle) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.sessions[session.id] != session:
		return errSessionGone
	case len(i.handles) >= maxHandles:
		return errHandlesFull
	}
	i.handles[kept.Handle.Handle] = kept
	session.finished = true
	i.unfinished--
	return nil
}

// clear forgets everything.
func (i *uploadIndex) clear() removedUploads {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.discard(func(time.Time) bool { return true })
}

// handle returns what has not expired.
func (i *uploadIndex) handle(h string, now time.Time) (Handle, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	kept, ok := i.handles[h]
	if !ok || !now.Before(kept.Expires) {
		return Handle{}, false
	}
	return kept.Handle, true
}

// list returns the newest handles that have not expired, at most n, newest
// last, and the number of all.
func (i *uploadIndex) list(now time.Time, n int) (handles []Handle, total int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	handles = []Handle{}
	for _, kept := range i.handles {
		if now.Before(kept.Expires) {
			handles = append(handles, kept.Handle)
		}
	}
	slices.SortFunc(handles, func(a, b Handle) int {
		if order := a.Created.Compare(b.Created); order != 0 {
			return order
		}
		return strings.Compare(a.Handle, b.Handle)
	})
	total = len(handles)
	return handles[max(0, total-n):], total
}
