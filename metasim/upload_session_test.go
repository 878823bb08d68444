package metasim

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUploadResumesWhereAFaultCutIt(t *testing.T) {
	content := pdf + strings.Repeat("0123456789", 100_000) // several buffers
	for _, cut := range []int64{1, 4, int64(copyBuffer), 777_777, int64(len(content)) - 1, int64(len(content))} {
		fault := Fault{Operation: OperationUploadBytes, CutAfterBytes: cut, Times: 1}
		if cut == int64(len(content)) {
			fault.CutAfterBytes, fault.LoseAnswer = 0, true
		}
		for name, storage := range map[string]Storage{"memory": NewMemoryStorage(1 << 24), "directory": directoryIn(t)} {
			t.Run(fmt.Sprint(name, cut), func(t *testing.T) {
				s := startResumable(t, func(c *Config) { c.Storage = storage })
				session := s.mustBegin("a.pdf", "application/pdf", len(content))
				s.fault(fault)
				if a, err := s.sendBytes(session, 0, strings.NewReader(content)); err == nil {
					t.Fatalf("the client received %d %s", a.status, a.body)
				}
				offset := s.arrived(session)
				if offset != int(cut) {
					t.Fatalf("%d bytes arrived, want %d", offset, cut)
				}
				handle := s.handleOf(s.mustSendBytes(session, offset, content[offset:]))
				if handle.SHA256 != digestOf(content) || handle.Size != int64(len(content)) {
					t.Errorf("%+v", handle)
				}
				again := s.handleOf(s.mustSendBytes(session, len(content), ""))
				if diff := cmp.Diff(handle, again); diff != "" {
					t.Errorf("requested again (-first +second):\n%s", diff)
				}
				if stored := s.storedBytes(handle); stored != content {
					t.Errorf("%d bytes are stored", len(stored))
				}
			})
		}
	}
}

func directoryIn(t *testing.T) Storage {
	t.Helper()
	storage, err := NewDirectoryStorage(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return storage
}

// storedBytes returns the bytes of a handle in the storage.
func (s *sim) storedBytes(handle Handle) string {
	s.t.Helper()
	stored, _ := s.uploads.handles.find(handle.Handle, s.Now())
	id := stored.BlobID
	content, err := read(s.cfg.Storage, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return content
}

// The client closes the connection, or stops sending. A request for the status
// ends the old request, so that the offset is final.
func TestUploadResumesWhereTheClientStopped(t *testing.T) {
	content := pdf + strings.Repeat("0123456789", 100_000)
	for name, closes := range map[string]bool{"closed": true, "silent": false} {
		t.Run(name, func(t *testing.T) {
			s := startResumable(t)
			session := s.mustBegin("a.pdf", "application/pdf", len(content))
			dialer := net.Dialer{}
			conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST /v25.0/%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: OAuth %s\r\nfile_offset: 0\r\nContent-Length: %d\r\n\r\n%s",
				session, token1, len(content), content[:654_321])
			for { // wait until the request has arrived
				if r := s.lastRequest(); r.Operation == OperationUploadBytes {
					break
				}
				runtime.Gosched()
			}
			if closes {
				conn.Close()
			}
			offset := s.arrived(session)
			for range 3 {
				if again := s.arrived(session); again != offset {
					t.Errorf("the offset was %d and is %d", offset, again)
				}
			}
			if offset > 654_321 {
				t.Errorf("%d bytes arrived", offset)
			}
			if handle := s.handleOf(s.mustSendBytes(session, offset, content[offset:])); handle.SHA256 != digestOf(content) {
				t.Errorf("%+v", handle)
			}
		})
	}
}

func TestSessionsAndHandlesExpire(t *testing.T) {
	s := startResumable(t)
	session, other := s.mustBegin("", "image/png", len(png)), s.mustBegin("", "image/png", len(png))
	s.mustSendBytes(session, 0, png[:20])
	s.manual.advance(24*time.Hour - time.Second)
	handle := s.handleOf(s.mustSendBytes(other, 0, png))
	if n := s.arrived(session); n != 20 {
		t.Errorf("%d bytes arrived", n)
	}
	s.manual.advance(time.Second)
	if e := s.get("/v25.0/" + session).refusal(t).Error; e.Code != 100 || e.Subcode != 33 {
		t.Errorf("status of an expired session: %+v", e)
	}
	if e := s.mustSendBytes(session, 20, png[20:]).refusal(t).Error; e.Code != 100 || e.Subcode != 33 {
		t.Errorf("bytes for an expired session: %+v", e)
	}
	if _, ok := s.Handle(handle.Handle); !ok {
		t.Error("the handle ended with its session")
	}
	s.manual.advance(24*time.Hour - time.Second)
	if _, ok := s.Handle(handle.Handle); ok {
		t.Error("the handle has not expired")
	}
	s.mustBegin("", "image/png", 1) // removes what has expired
	assertNothingStored(t, s)
	if len(s.uploads.sessions) != 1 || s.uploads.unfinished != 1 || len(s.uploads.handles.all()) != 0 {
		t.Errorf("%d sessions, %d unfinished, %d handles", len(s.uploads.sessions), s.uploads.unfinished, len(s.uploads.handles.all()))
	}
}

func TestSessionsAreBounded(t *testing.T) {
	s := startResumable(t)
	finished := s.mustBegin("", "image/png", len(png))
	s.handleOf(s.mustSendBytes(finished, 0, png))
	for range maxSessions {
		s.mustBegin("", "image/png", 1)
	}
	if a := s.beginSession("file_length", "1", "file_type", "image/png"); a.status != 500 || a.refusal(t).Error.Code != 131000 {
		t.Errorf("one too many: %d %s", a.status, a.body)
	}
	s.manual.advance(sessionLifetime)
	s.mustBegin("", "image/png", 1)
}

func TestUploadsThatExceedTheStorageEndTheirSession(t *testing.T) {
	s := startResumable(t, func(c *Config) { c.Storage = NewMemoryStorage(1 << 20) })
	content := pdf + strings.Repeat("x", 2<<20)
	session := s.mustBegin("", "application/pdf", len(content))
	a := s.mustSendBytes(session, 0, content)
	if e := a.refusal(t).Error; a.status != 500 || e.Data == nil || !strings.Contains(e.Data.Details, "storage is full") {
		t.Errorf("%d %s", a.status, a.body)
	}
	assertNothingStored(t, s)
}

func TestResetRemovesSessionsAndHandlesAndCloseTheSessions(t *testing.T) {
	dir := t.TempDir()
	storage, err := NewDirectoryStorage(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := startResumable(t, func(c *Config) { c.Storage = storage })
	fill := func() (string, Handle) {
		half := s.mustBegin("", "image/png", len(png))
		s.mustSendBytes(half, 0, png[:30])
		return half, s.handleOf(s.mustSendBytes(s.mustBegin("", "image/png", len(png)), 0, png))
	}
	half, handle := fill()
	s.Reset()
	if _, ok := s.Handle(handle.Handle); ok || s.get("/v25.0/"+half).status != http.StatusBadRequest {
		t.Error("something is left after the reset")
	}
	assertFiles(t, dir)
	half, handle = fill()
	blob, _ := s.uploads.handles.find(handle.Handle, s.Now())
	s, log := s.restart(dir, 23*time.Hour)
	assertFiles(t, dir, recordPath(handleKind, handle.Handle), blob.BlobID+".media")
	if again, ok := s.Handle(handle.Handle); !ok || again != handle || log.Len() > 0 {
		t.Errorf("after a restart: %+v, %v; logged: %s", again, ok, log)
	}
	if stored := s.storedBytes(handle); stored != png {
		t.Errorf("after a restart: %d bytes are stored", len(stored))
	}
	if a := s.get("/v25.0/" + half); a.status != http.StatusBadRequest {
		t.Errorf("the session after a restart: %d", a.status)
	}
	s, _ = s.restart(dir, time.Hour)
	if _, ok := s.Handle(handle.Handle); ok {
		t.Error("the handle did not expire")
	}
	assertFiles(t, dir)
}

// When a session is removed during a request, its bytes are deleted.
func TestResetDuringAnUploadLeavesNothing(t *testing.T) {
	s := startResumable(t)
	session := s.mustBegin("", "image/png", len(png))
	var kept *uploadSession
	for _, kept = range s.uploads.sessions {
	}
	body, write := io.Pipe()
	done := make(chan response, 1)
	go func() {
		a, _ := s.sendBytes(session, 0, body)
		done <- a
	}()
	fmt.Fprint(write, png[:40])
	s.Reset()
	write.CloseWithError(io.ErrUnexpectedEOF)
	<-done
	if a := s.get("/v25.0/" + session); a.status != http.StatusBadRequest {
		t.Errorf("%d %s", a.status, a.body)
	}
	kept.writeLock.Lock() // until the request has ended
	defer kept.writeLock.Unlock()
	assertNothingStored(t, s)
}
