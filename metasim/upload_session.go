package metasim

import (
	"errors"
	"hash"
	"sync"
	"time"
)

// Bounds of resumable uploads. Meta's are not known.
const (
	handleKind      = "handle"       // of records
	sessionLifetime = 24 * time.Hour // from its creation
	handleLifetime  = 24 * time.Hour // from the last byte
	maxSessions     = 1000           // that are not complete: each may have a file open
	maxHandles      = 1 << 16
)

var (
	errSessionsFull = errors.New("too many upload sessions")
	errHandlesFull  = errors.New("too many handles")
	errSessionGone  = errors.New("the upload session was removed during the request")
)

// Handle describes the file of a handle of a resumable upload.
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

// uploadSession is a resumable upload. One request at a time holds its writeLock.
// A later one interrupts it, since a body may never end.
type uploadSession struct {
	id, sig  string // upload:{id}?sig={sig}
	token    string // that created it, and is required to continue
	appID    string
	fileName string
	fileType string // as declared
	kind     mediaType
	length   int64 // bytes, as declared
	expires  time.Time
	finished bool // guarded by the index

	mu        sync.Mutex
	waiting   int    // requests that wait for writeLock
	interrupt func() // makes the request that holds writeLock stop reading; may be nil
	closed    bool   // expired or removed

	writeLock   sync.Mutex // guards what follows
	blob        Blob       // nil before the first byte and after Commit
	blobID      string
	head        []byte // first bytes, until the type is checked
	typeChecked bool   // the first bytes are of the declared type
	digest      hash.Hash
	stored      int64  // bytes
	handle      string // once complete
}

// publicID is how the API names the session.
func (u *uploadSession) publicID() string { return sessionPrefix + u.id + "?sig=" + u.sig }

// acquire interrupts the request that holds writeLock, and waits for the lock. It
// returns false, without the lock, if the session was closed. Otherwise the
// caller must call release.
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

// interruptible sets the function that makes the request that holds writeLock stop
// reading; nil if it does not read.
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

// discard closes the session and deletes what has been stored of an incomplete
// file, at once or when the request that writes to it ends.
func (u *uploadSession) discard() error {
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

// abortBlob deletes an incomplete file. The caller holds writeLock.
func (u *uploadSession) abortBlob() error {
	if u.blob == nil {
		return nil
	}
	blob := u.blob
	u.blob = nil
	return blob.Abort()
}

// storedHandle is a handle, and the id of its bytes in the storage.
type storedHandle struct {
	Handle
	BlobID string `json:"blob_id"`
}

func (h storedHandle) createdAt() time.Time { return h.Created }
func (h storedHandle) expiresAt() time.Time { return h.Expires }

// checkHandle returns an error for a record that is damaged or has no file.
func (s *Server) checkHandle(id string, h storedHandle) error {
	if h.Handle.Handle != id || id == "" || !isObjectID(h.BlobID) {
		return badRecord(handleKind, id, "it is the record of %q", truncate(h.Handle.Handle))
	}
	return s.checkFile(handleKind, id, h.BlobID, h.Size, h.SHA256, h.Created, h.Expires)
}

// uploadIndex has the sessions and the handles. Handles are records; sessions end
// with the Server, since they have an open file.
type uploadIndex struct {
	handles *table[storedHandle]

	mu         sync.Mutex
	sessions   map[string]*uploadSession // by id
	unfinished int                       // of them
}

// removedUploads is what an index removed: sessions to discard, and the ids of
// bytes to delete.
type removedUploads struct {
	sessions []*uploadSession
	blobIDs  []string
}

func newUploadIndex(records RecordStore) *uploadIndex {
	return &uploadIndex{
		sessions: map[string]*uploadSession{},
		handles:  newTable[storedHandle](handleKind, maxHandles, errHandlesFull, records),
	}
}

func (i *uploadIndex) add(session *uploadSession) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.unfinished >= maxSessions {
		return errSessionsFull
	}
	i.sessions[session.id] = session
	i.unfinished++
	return nil
}

// removeWhere removes the sessions and handles for whose time of expiry selects
// returns true.
func (i *uploadIndex) removeWhere(selects func(expires time.Time) bool) (removed removedUploads, _ error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	handles, err := i.handles.removeWhere(func(h storedHandle) bool { return selects(h.Expires) })
	for _, h := range handles {
		removed.blobIDs = append(removed.blobIDs, h.BlobID)
	}
	removed.sessions = i.removeSessions(selects)
	return removed, err
}

// removeSessions removes the sessions for whose time of expiry selects returns
// true. The caller holds i.mu.
func (i *uploadIndex) removeSessions(selects func(expires time.Time) bool) (removed []*uploadSession) {
	for _, session := range i.sessions {
		if selects(session.expires) {
			i.forget(session)
			removed = append(removed, session)
		}
	}
	return removed
}

// close removes the sessions. The records of handles stay for the next Server.
func (i *uploadIndex) close() []*uploadSession {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handles.forget()
	return i.removeSessions(func(time.Time) bool { return true })
}

// forget removes a session. The caller holds i.mu.
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

// remove removes a session that cannot be completed.
func (i *uploadIndex) remove(session *uploadSession) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.forget(session)
}

// finish keeps the handle of a complete session.
func (i *uploadIndex) finish(session *uploadSession, h storedHandle) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sessions[session.id] != session {
		return errSessionGone
	}
	if err := i.handles.put(h.Handle.Handle, h); err != nil {
		return err
	}
	session.finished = true
	i.unfinished--
	return nil
}
