package metasim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const maxFileName = 255 // bytes of a session's file_name

// sessionStatus is the response to a request for the status of a session, and to
// bytes that do not complete the file.
type sessionStatus struct {
	ID         string `json:"id"`
	FileOffset int64  `json:"file_offset"` // bytes that have arrived
}

// handleResult is the response to the bytes that complete the file.
type handleResult struct {
	H string `json:"h"`
}

// createSession starts a resumable upload (docs/references.md#graph-upload).
func (s *Server) createSession(c *call) (any, *apiError) {
	session, refusal := c.describedSession()
	if refusal != nil {
		return nil, refusal
	}
	now := s.Now()
	session.appID, session.token = c.id, c.token
	session.expires, session.digest = now.Add(sessionLifetime), sha256.New()
	session.id = base64.URLEncoding.EncodeToString([]byte("1:attachment:" + s.random.word(24) +
		"?file_length=" + strconv.FormatInt(session.length, 10) + "&file_type=" + session.fileType))
	session.sig = "AR" + s.random.word(42)
	if err := s.addSession(session); err != nil {
		return nil, c.storageError(err)
	}
	return struct {
		ID string `json:"id"`
	}{session.publicID()}, nil
}

// addSession adds a session, and removes expired ones if there are too many.
func (s *Server) addSession(session *uploadSession) error {
	s.removeExpiredHourly()
	err := s.uploads.add(session)
	if errors.Is(err, errSessionsFull) {
		s.removeExpired()
		err = s.uploads.add(session)
	}
	return err
}

// describedSession returns a session with the parameters file_name, file_length and
// file_type.
func (c *call) describedSession() (*uploadSession, *apiError) {
	session := &uploadSession{fileName: c.parameters.get("file_name"), fileType: c.parameters.get("file_type")}
	c.update(func(r *Request) {
		r.FileName = truncate(c.secrets.redact(session.fileName))
		r.FileType = truncate(c.secrets.redact(session.fileType))
	})
	length := c.parameters.get("file_length")
	switch {
	case length == "":
		return nil, missingParameter("file_length")
	case session.fileType == "":
		return nil, missingParameter("file_type")
	case len(session.fileName) > maxFileName:
		return nil, parameterError("Param file_name must have at most %d bytes.", maxFileName)
	}
	var ok bool
	if session.kind, ok = findResumableType(session.fileType); !ok {
		return nil, parameterError("Param file_type must be one of {%s} - got \"%s\".",
			strings.Join(resumableTypes, ", "), truncate(session.fileType))
	}
	if session.length, ok = byteCount(length); !ok || session.length == 0 {
		return nil, parameterError("Param file_length must be a number of bytes greater than 0 - got \"%s\".", truncate(length))
	}
	if session.length > session.kind.limit {
		return nil, tooLarge()
	}
	return session, nil
}

// byteCount parses a number of bytes.
func byteCount(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n >= 0
}

func (c *call) sessionNotFound(reason string) *apiError {
	e := unsupported(c.r.Method, truncate(c.id))
	e.reason = reason
	return e
}

// uploadStatus returns how much of the file has arrived. It first ends an earlier
// request that still reads bytes, so that the offset stays true.
func (s *Server) uploadStatus(c *call) (any, *apiError) {
	session := c.session
	if !session.acquire() {
		return nil, c.sessionNotFound("the upload session was removed during the request")
	}
	defer func() { s.logStorage(session.release()) }()
	return sessionStatus{session.publicID(), session.stored}, nil
}

// uploadBytes receives bytes of the file, or all of it.
func (s *Server) uploadBytes(c *call) (any, *apiError) {
	session := c.session
	offset, refusal := c.fileOffset()
	if refusal != nil {
		return nil, refusal
	}
	if !session.acquire() {
		return nil, c.sessionNotFound("the upload session was removed during the request")
	}
	defer func() { s.logStorage(session.release()) }()
	upload := &sessionUpload{call: c, session: session}
	defer upload.record()
	switch {
	case offset != session.stored:
		return nil, parameterError("Param file_offset must be %d, the number of bytes that have arrived - got %d.", session.stored, offset)
	case c.r.ContentLength > session.length-session.stored:
		return nil, upload.tooMany()
	}
	if refusal := upload.read(); refusal != nil {
		return nil, refusal
	}
	if session.stored < session.length {
		return sessionStatus{session.publicID(), session.stored}, nil
	}
	if refusal := upload.finish(); refusal != nil {
		return nil, refusal
	}
	return handleResult{session.handle}, nil
}

// fileOffset returns the header file_offset. It refuses encodings of the body.
func (c *call) fileOffset() (int64, *apiError) {
	if refusal := refuseEncoding(c.r.Header); refusal != nil {
		return 0, refusal
	}
	if strings.HasPrefix(strings.ToLower(c.r.Header.Get("Content-Type")), "multipart/") {
		if refusal := c.warn(warnFormAsBytes, "The Content-Type is that of a form. Send the bytes of the file as the body."); refusal != nil {
			return 0, refusal
		}
	}
	values := c.r.Header.Values("file_offset")
	if len(values) == 0 {
		return 0, c.warn(warnOffsetMissing, "The header file_offset is missing. Send it, 0 at the beginning.")
	}
	value := values[len(values)-1]
	if len(values) > 1 {
		if refusal := c.warn(warnParameterTwice, "The header file_offset is given more than once. Send it once."); refusal != nil {
			return 0, refusal
		}
	}
	offset, ok := byteCount(value)
	if !ok {
		return 0, parameterError("Param file_offset must be a number of bytes - got \"%s\".", truncate(value))
	}
	return offset, nil
}

// sessionUpload is a request with bytes of a session that holds its writeLock.
type sessionUpload struct {
	*call
	session *uploadSession
}

// read streams the body to the storage through one pooled buffer. The bytes that
// have arrived stay, however the body ends.
func (p *sessionUpload) read() *apiError {
	var interrupted atomic.Bool
	connection := http.NewResponseController(p.w.ResponseWriter)
	p.session.interruptible(func() {
		interrupted.Store(true)
		if err := connection.SetReadDeadline(time.Unix(1, 0)); err != nil {
			return // no connection (a recorder), so the body ends by itself
		}
	})
	refusal := p.copyBody()
	p.session.interruptible(nil)
	if interrupted.Load() { // the connection cannot be read any more
		p.w.Header().Set("Connection", "close")
		if refusal != nil {
			refusal.reason = "another request of the upload session ended this one: " + refusal.historyReason()
		}
	}
	return refusal
}

func (p *sessionUpload) copyBody() *apiError {
	u := p.session
	buffer := p.server.buffers.Get().(*[copyBuffer]byte)
	defer p.server.buffers.Put(buffer)
	for {
		n, done, err := fill(p.body, buffer[:])
		if int64(n) > u.length-u.stored {
			return p.tooMany()
		}
		if refusal := p.keep(buffer[:n]); refusal != nil {
			return refusal
		}
		if err != nil {
			e := malformedForm("The body ended early; %d bytes of the file have arrived.", u.stored)
			e.reason = e.details + " " + truncate(err.Error())
			return e
		}
		if done {
			return nil
		}
	}
}

// keep stores bytes, and checks the type if they are the first of the file.
func (p *sessionUpload) keep(b []byte) *apiError {
	u := p.session
	if len(b) == 0 {
		return nil
	}
	if !u.typeChecked {
		u.head = append(u.head, b[:min(len(b), sniffLength-len(u.head))]...)
		if len(u.head) == sniffLength || u.stored+int64(len(b)) == u.length {
			if actual, ok := matchesType(u.kind.name, u.head); !ok {
				if refusal := p.warnMislabelled(mislabelled(u.kind.kind, u.fileType, actual)); refusal != nil {
					p.fail()
					return refusal
				}
			}
			u.typeChecked, u.head = true, nil
		}
	}
	if u.blob == nil {
		id, blob, err := p.server.createFile(p.server.random.blobID)
		if err != nil {
			p.fail() // the bytes in head are not stored
			return p.storageError(err)
		}
		u.blobID, u.blob = id, blob
	}
	n, err := u.blob.Write(b)
	u.digest.Write(b[:n])
	u.stored += int64(n)
	if err != nil {
		p.fail()
		return p.storageError(err)
	}
	return nil
}

// tooMany does not change the session: the right bytes may follow.
func (p *sessionUpload) tooMany() *apiError {
	return malformedForm("The body has more bytes than the %d that are left of file_length %d.",
		p.session.length-p.session.stored, p.session.length)
}

// finish commits a complete file and makes its handle. A client that missed the
// response sends an empty body at the final offset and gets the same handle.
func (p *sessionUpload) finish() *apiError {
	s, u := p.server, p.session
	if u.handle != "" {
		return nil
	}
	created := s.Now()
	kept := storedHandle{BlobID: u.blobID, Handle: Handle{
		AppID: u.appID, MIMEType: u.fileType, FileName: u.fileName, Size: u.stored,
		SHA256: hex.EncodeToString(u.digest.Sum(nil)), Created: created, Expires: created.Add(handleLifetime),
	}}
	kept.Handle.Handle = s.newHandle(kept.Handle)
	blob := u.blob
	u.blob = nil
	if err := blob.Commit(); err != nil {
		p.fail()
		return p.storageError(err)
	}
	if err := s.uploads.finish(u, kept); err != nil {
		s.discardBytes(u.blobID)
		p.fail()
		if errors.Is(err, errSessionGone) {
			return p.sessionNotFound(err.Error())
		}
		return p.storageError(err)
	}
	u.handle = kept.Handle.Handle
	return nil
}

// fail ends the session; release deletes its bytes.
func (p *sessionUpload) fail() {
	p.server.uploads.remove(p.session)
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	p.session.closed = true
}

// record completes the history.
func (p *sessionUpload) record() {
	u := p.session
	p.update(func(r *Request) {
		r.FileName, r.FileType = truncate(p.secrets.redact(u.fileName)), truncate(p.secrets.redact(u.fileType))
		r.FileSize, r.Handle = u.stored, u.handle
		if u.handle != "" {
			r.SHA256 = hex.EncodeToString(u.digest.Sum(nil))
		}
	})
}

// newHandle returns a handle in the form of Meta's.
func (s *Server) newHandle(h Handle) string {
	line := func() string {
		return fmt.Sprintf("4::%s:AR%s:e:%d:%s:%s:AR%s", base64.StdEncoding.EncodeToString([]byte(h.MIMEType)),
			s.random.word(60), h.Expires.Unix(), h.AppID, s.random.mediaID(), s.random.word(20))
	}
	lines := []string{line()}
	if s.cfg.MultilineHandles {
		lines = append(lines, line())
	}
	return strings.Join(lines, "\n")
}

// blobID returns an id for the storage that is longer than any media id.
func (r *randomSource) blobID() string { return r.mediaID() + "00000" }
