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
	sessionLife  = 24 * time.Hour // from its creation
	handleLife   = 24 * time.Hour // from the last byte
	mostSessions = 1000           // that are not complete: each may hold a file open
	mostHandles  = 1 << 16
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
	gone      bool   // expired or forgotten

	turn   sync.Mutex // guards what follows
	blob   Blob       // nil before the first byte and after Commit
	blobID string
	head   []byte // first bytes, until the content is known to be right
	proven bool   // it is
	digest hash.Hash
	stored int64  // bytes
	handle string // once complete
}

// publicID is how the API names the session.
func (u *uploadSession) publicID() string { return sessionPrefix + u.id + "?sig=" + u.sig }

// take waits for the turn, interrupting who has it. It reports false, and does
// not take it, when the session is gone. The caller must release it.
func (u *uploadSession) take() bool {
	u.mu.Lock()
	u.waiting++
	if u.interrupt != nil {
		u.interrupt()
	}
	u.mu.Unlock()
	u.turn.Lock()
	u.mu.Lock()
	u.waiting--
	gone := u.gone
	u.mu.Unlock()
	if gone {
		u.turn.Unlock()
	}
	return !gone
}

// interruptible sets what ends the reading of the request that has the turn;
// nil when it has ended.
func (u *uploadSession) interruptible(end func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.interrupt = end
	if end != nil && (u.waiting > 0 || u.gone) {
		end()
	}
}

func (u *uploadSession) release() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer u.turn.Unlock()
	if u.gone {
		return u.dispose()
	}
	return nil
}

// drop throws away what has been stored of an incomplete file, as soon as
// nobody writes to it.
func (u *uploadSession) drop() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.gone = true
	if u.interrupt != nil {
		u.interrupt()
	}
	if !u.turn.TryLock() {
		return nil // release does it
	}
	defer u.turn.Unlock()
	return u.dispose()
}

// dispose needs the turn.
func (u *uploadSession) dispose() error {
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
	handles    map[string]keptHandle
	swept      time.Time
}

// keptHandle is a handle, and the id of its bytes in the storage.
type keptHandle struct {
	Handle
	blobID string
}

// discarded is what an index let go of: sessions to drop, and bytes to delete.
type discarded struct {
	sessions []*uploadSession
	blobIDs  []string
}

func newUploadIndex() *uploadIndex {
	return &uploadIndex{sessions: map[string]*uploadSession{}, handles: map[string]keptHandle{}}
}

// add takes a session in, and returns what had expired by now.
func (x *uploadIndex) add(session *uploadSession, now time.Time) (expired discarded, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if now.Sub(x.swept) >= sweepTime || x.unfinished >= mostSessions {
		x.swept = now
		expired = x.discard(func(expires time.Time) bool { return !now.Before(expires) })
	}
	if x.unfinished >= mostSessions {
		return expired, errSessionsFull
	}
	x.sessions[session.id] = session
	x.unfinished++
	return expired, nil
}

// discard forgets what the times of expiry select; x.mu is held.
func (x *uploadIndex) discard(ended func(expires time.Time) bool) (gone discarded) {
	for h, kept := range x.handles {
		if ended(kept.Expires) {
			gone.blobIDs = append(gone.blobIDs, kept.blobID)
			delete(x.handles, h)
		}
	}
	for _, session := range x.sessions {
		if ended(session.expires) {
			x.forget(session)
			gone.sessions = append(gone.sessions, session)
		}
	}
	return gone
}

// forget takes a session out; x.mu is held.
func (x *uploadIndex) forget(session *uploadSession) {
	if x.sessions[session.id] != session {
		return
	}
	delete(x.sessions, session.id)
	if !session.finished {
		x.unfinished--
	}
}

// find returns a session that has not expired.
func (x *uploadIndex) find(id string, now time.Time) (*uploadSession, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	session, ok := x.sessions[id]
	if !ok || !now.Before(session.expires) {
		return nil, false
	}
	return session, true
}

// remove forgets a session that can come to no good end.
func (x *uploadIndex) remove(session *uploadSession) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget(session)
}

// finish gives a complete session its handle.
func (x *uploadIndex) finish(session *uploadSession, kept keptHandle) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.sessions[session.id] != session:
		return errSessionGone
	case len(x.handles) >= mostHandles:
		return errHandlesFull
	}
	x.handles[kept.Handle.Handle] = kept
	session.finished = true
	x.unfinished--
	return nil
}

// clear forgets everything.
func (x *uploadIndex) clear() discarded {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.discard(func(time.Time) bool { return true })
}

// handle returns what has not expired.
func (x *uploadIndex) handle(h string, now time.Time) (Handle, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	kept, ok := x.handles[h]
	if !ok || !now.Before(kept.Expires) {
		return Handle{}, false
	}
	return kept.Handle, true
}

// list returns the newest handles that have not expired, at most n, newest
// last, and the number of all.
func (x *uploadIndex) list(now time.Time, n int) (handles []Handle, total int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	handles = []Handle{}
	for _, kept := range x.handles {
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
