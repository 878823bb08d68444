package object

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cutter serves content in ranges and breaks off its responses at the offsets in
// cuts: the first after cuts[0] bytes of the object, the next at cuts[1], and so on.
// A negative offset stalls instead.
type cutter struct {
	content []byte
	mu      sync.Mutex
	cuts    []int
	asked   []string // Range and If-Match of each request
}

func (c *cutter) speak(conn net.Conn, request *http.Request, gone <-chan struct{}) {
	c.mu.Lock()
	c.asked = append(c.asked, strings.TrimSpace(request.Header.Get("Range")+" "+request.Header.Get("If-Match")))
	end, stalls := len(c.content), false
	if len(c.cuts) > 0 {
		end, stalls, c.cuts = max(c.cuts[0], -c.cuts[0]), c.cuts[0] < 0, c.cuts[1:]
	}
	c.mu.Unlock()
	first := 0
	if text, ok := strings.CutPrefix(request.Header.Get("Range"), "bytes="); ok {
		first, _ = strconv.Atoi(strings.TrimSuffix(text, "-"))
		fmt.Fprintf(conn, "HTTP/1.1 206 Partial\r\nContent-Range: bytes %d-%d/%d\r\n", first, len(c.content)-1, len(c.content))
	} else {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
	}
	fmt.Fprintf(conn, "ETag: \"e1\"\r\nContent-Length: %d\r\n\r\n", len(c.content)-first)
	_, _ = conn.Write(c.content[first:max(first, end)])
	if stalls {
		<-gone
	} else if tcp, ok := conn.(*net.TCPConn); ok && end%2 == 1 && end < len(c.content) {
		_ = tcp.SetLinger(0) // a reset
	}
}

func randomBytes(size int) []byte {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	return content
}

// Wherever responses break off, Read returns the object's bytes or fails.
func TestResumedBytesAreTheSame(t *testing.T) {
	for range 40 {
		content := randomBytes(1 + rand.IntN(300_000))
		cuts := make([]int, rand.IntN(6))
		withResets := rand.IntN(2) == 0
		for i := range cuts {
			if cuts[i] = rand.IntN(len(content)); !withResets {
				cuts[i] &^= 1
			}
		}
		if rand.IntN(2) == 0 {
			slices.Sort(cuts)
		}
		for way := range sources(t, impatient("http://127.0.0.1:1")) {
			store := &cutter{content: content, cuts: slices.Clone(cuts)}
			source := sources(t, impatient(rawStore(t, store.speak)))[way]
			obj, got, err := read(t.Context(), source, "")
			resets := slices.ContainsFunc(cuts, func(cut int) bool { return cut%2 == 1 })
			if !bytes.HasPrefix(content, []byte(got)) {
				t.Fatalf("%s, cuts %v: other bytes", way, cuts)
			}
			if resets || len(cuts) > maxResumes {
				// A reset discards bytes, and even headers, so the number of resumes is
				// not known.
				if err == nil && len(got) != len(content) {
					t.Fatalf("%s, cuts %v: %d of %d bytes look whole", way, cuts, len(got), len(content))
				}
				continue
			}
			if err != nil || sha256.Sum256([]byte(got)) != sha256.Sum256(content) || obj.Resumes() != len(cuts) {
				t.Fatalf("%s, cuts %v of %d: %d bytes, %d resumes, %v (%v)", way, cuts, len(content), len(got), obj.Resumes(), err, errors.Unwrap(err))
			}
		}
	}
}

func TestResumeAsksForTheRestOfTheSameBytes(t *testing.T) {
	for way := range sources(t, impatient("http://127.0.0.1:1")) {
		store := &cutter{content: []byte("0123456789"), cuts: []int{4, -6, 8, 8}}
		obj, got, err := read(t.Context(), sources(t, impatient(rawStore(t, store.speak)))[way], "")
		want := []string{"", `bytes=4- "e1"`, `bytes=6- "e1"`, `bytes=8- "e1"`}
		if got != "01234567" || !slices.Equal(store.asked, want) || obj.Resumes() != maxResumes {
			t.Errorf("%s: %q, %q, %d resumes", way, got, store.asked, obj.Resumes())
		}
		noCanary(t, wantKind(t, err, Unavailable))
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "8 of 10") {
			t.Errorf("%s: %v", way, err)
		}
	}
}

// After each of these responses to the range request, Read returns the error that
// ended the first response.
func TestNoResumeFromAnythingElse(t *testing.T) {
	const partial = "HTTP/1.1 206 Partial\r\nETag: \"e1\"\r\n"
	for name, row := range map[string]struct{ head, answer string }{
		"the whole object":  {okHead, okHead + "Content-Length: 9\r\n\r\nbodybody!"},
		"no ETag":           {"HTTP/1.1 200 OK\r\n", partial + "Content-Range: bytes 4-8/9\r\nContent-Length: 5\r\n\r\nbody!"},
		"a weak ETag":       {"HTTP/1.1 200 OK\r\nETag: W/\"e1\"\r\n", partial + "Content-Range: bytes 4-8/9\r\nContent-Length: 5\r\n\r\nbody!"},
		"another ETag":      {okHead, "HTTP/1.1 206 Partial\r\nETag: \"e2\"\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5\r\n\r\nbody!"},
		"ETag lost":         {okHead, "HTTP/1.1 206 Partial\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5\r\n\r\nbody!"},
		"another start":     {okHead, partial + "Content-Range: bytes 3-8/9\r\nContent-Length: 6\r\n\r\nybody!"},
		"another total":     {okHead, partial + "Content-Range: bytes 4-8/10\r\nContent-Length: 5\r\n\r\nbody!"},
		"an unknown total":  {okHead, partial + "Content-Range: bytes 4-8/*\r\nContent-Length: 5\r\n\r\nbody!"},
		"less than the end": {okHead, partial + "Content-Range: bytes 4-7/9\r\nContent-Length: 4\r\n\r\nbody"},
		"another length":    {okHead, partial + "Content-Range: bytes 4-8/9\r\nContent-Length: 6\r\n\r\nbody!!"},
		"no length":         {okHead, partial + "Content-Range: bytes 4-8/9\r\n\r\nbody!"},
		"no range":          {okHead, partial + "Content-Length: 5\r\n\r\nbody!"},
		"two ranges":        {okHead, partial + "Content-Range: bytes 4-8/9\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5\r\n\r\nbody!"},
		"gzip":              {okHead, partial + "Content-Encoding: gzip\r\nContent-Range: bytes 4-8/9\r\nContent-Length: 5\r\n\r\nbody!"},
		"416":               {okHead, "HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n"},
		"412":               {okHead, "HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n"},
		"403":               {okHead, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"},
		"a redirect":        {okHead, "HTTP/1.1 302 No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
		"silence":           {okHead, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way := range sources(t, impatient("http://127.0.0.1:1")) {
				endpoint := rawStore(t, func(conn net.Conn, request *http.Request, _ <-chan struct{}) {
					if request.Header.Get("Range") == "" {
						_, _ = io.WriteString(conn, row.head+"Content-Length: 9\r\n\r\nbody")
						return
					}
					_, _ = io.WriteString(conn, row.answer)
				})
				obj, got, err := read(t.Context(), sources(t, impatient(endpoint))[way], "")
				e := wantKind(t, err, Unavailable)
				if got != "body" || obj.Resumes() != 0 || !errors.Is(e, io.ErrUnexpectedEOF) {
					t.Errorf("%s: %q, %v (%v)", way, got, e, e.Cause)
				}
				noCanary(t, e)
			}
		})
	}
}

func TestCloseAndCancelEndAResume(t *testing.T) {
	cfg := impatient(rawStore(t, func(conn net.Conn, request *http.Request, gone <-chan struct{}) {
		if request.Header.Get("Range") == "" {
			_, _ = io.WriteString(conn, okHead+"Content-Length: 9\r\n\r\nbody")
			return
		}
		<-gone
	}))
	cfg.HeaderTimeout = time.Hour
	for way, source := range sources(t, cfg) {
		for _, byClose := range []bool{true, false} {
			ctx, cancel := context.WithCancel(t.Context())
			obj, err := source.Open(ctx, "")
			if err != nil {
				t.Fatal(err)
			}
			end := cancel
			if byClose {
				end = func() { _ = obj.Body.Close() }
			}
			time.AfterFunc(30*time.Millisecond, end)
			if got, err := io.ReadAll(obj.Body); err == nil || string(got) != "body" {
				t.Errorf("%s: %q, %v", way, got, err)
			}
			obj.Body.Close()
			cancel()
		}
	}
}

// A real S3 server serves the range, also for a presigned URL.
func TestResumeAtARealStore(t *testing.T) {
	server, sc := fakeS3(t)
	content := string(randomBytes(300_000))
	var requests atomic.Int64
	front := rawStore(t, func(conn net.Conn, request *http.Request, _ <-chan struct{}) {
		request.URL.Scheme, request.URL.Host = "http", strings.TrimPrefix(server.URL, "http://")
		request.RequestURI = ""
		request.Close = true
		resp, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		if requests.Add(1)%3 == 0 {
			_ = resp.Write(conn)
			return
		}
		var whole bytes.Buffer
		_ = resp.Write(&whole)
		_, _ = conn.Write(whole.Bytes()[:whole.Len()-100_000])
	})
	put(t, newOpener(t, Config{Stores: []StoreConfig{sc}}).stores[0].client, "big", content)
	sc.Endpoint = front
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}, RetryBackoff: time.Millisecond})
	f, _ := opener.File("media", "big")
	u, err := opener.URL(presign(t, sc, opener.stores[0].client, "big", nil, 0), jpeg())
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []Source{f, u} {
		obj, got, err := read(t.Context(), source, "")
		if err != nil || got != content || obj.Resumes() != 2 {
			t.Errorf("%v: %d bytes, %v (%v)", source, len(got), err, errors.Unwrap(err))
		}
	}
}

func TestReadAt(t *testing.T) {
	_, sc := fakeS3(t)
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	put(t, opener.stores[0].client, "k", "0123456789")
	f, _ := opener.File("media", "k")
	obj, _, err := read(t.Context(), f, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		off  int64
		size int
		want string
		err  error
	}{{0, 1, "0", nil}, {0, 10, "0123456789", nil}, {3, 4, "3456", nil}, {8, 5, "89", io.EOF}, {10, 1, "", io.EOF}, {99, 1, "", io.EOF}, {5, 0, "", nil}} {
		p := make([]byte, row.size)
		n, err := f.ReadAt(t.Context(), p, row.off, obj.ETag)
		if string(p[:n]) != row.want || err != row.err {
			t.Errorf("%d+%d: %q, %v (%v)", row.off, row.size, p[:n], err, errors.Unwrap(err))
		}
	}
	_, err = f.ReadAt(t.Context(), make([]byte, 2), 0, `"other"`)
	wantKind(t, err, Changed)
	_, err = f.ReadAt(t.Context(), make([]byte, 2), 0, "")
	wantKind(t, err, Invalid)
	_, err = f.ReadAt(t.Context(), make([]byte, 2), -1, obj.ETag)
	wantKind(t, err, Invalid)
}

func TestReadAtIsHeldToItsRange(t *testing.T) {
	for name, row := range map[string]struct {
		answer string
		kind   Kind
	}{
		"whole":     {okHead + "Content-Length: 9\r\n\r\nbodybody!", Invalid},
		"too much":  {"HTTP/1.1 206 P\r\nETag: \"e1\"\r\nContent-Range: bytes 2-8/9\r\nContent-Length: 7\r\n\r\n2345678", Invalid},
		"too short": {"HTTP/1.1 206 P\r\nETag: \"e1\"\r\nContent-Range: bytes 2-3/9\r\nContent-Length: 2\r\n\r\n23", Invalid},
		"elsewhere": {"HTTP/1.1 206 P\r\nETag: \"e1\"\r\nContent-Range: bytes 0-3/9\r\nContent-Length: 4\r\n\r\n0123", Invalid},
		"cut":       {"HTTP/1.1 206 P\r\nETag: \"e1\"\r\nContent-Range: bytes 2-5/9\r\nContent-Length: 4\r\n\r\n23", Unavailable},
	} {
		f := sources(t, impatient(says(t, row.answer)))["file"].(*File)
		n, err := f.ReadAt(t.Context(), make([]byte, 4), 2, `"e1"`)
		if e := wantKind(t, err, row.kind); n == 4 {
			t.Errorf("%s: %v", name, e)
		} else {
			noCanary(t, e)
		}
	}
}

func TestOpenAtGivesTheRest(t *testing.T) {
	for range 20 {
		content := randomBytes(1 + rand.IntN(300_000))
		offset := rand.IntN(len(content))
		store := &cutter{content: content, cuts: []int{len(content)}}
		for range rand.IntN(maxResumes + 1) {
			store.cuts = append(store.cuts, (offset+rand.IntN(len(content)-offset))&^1)
		}
		f := sources(t, impatient(rawStore(t, store.speak)))["file"].(*File)
		earlier, _, err := read(t.Context(), f, "")
		if err != nil {
			t.Fatal(err)
		}
		cuts := len(store.cuts)
		rest, err := f.OpenAt(t.Context(), earlier, int64(offset))
		if err != nil {
			t.Fatal(err, errors.Unwrap(err))
		}
		got, err := io.ReadAll(rest.Body)
		rest.Body.Close()
		if err != nil || !bytes.Equal(got, content[offset:]) || rest.Size != int64(len(got)) || rest.Resumes() != cuts {
			t.Errorf("from %d of %d: %d bytes of %d, %d resumes for %d cuts, %v (%v)", offset, len(content), len(got), rest.Size, rest.Resumes(), cuts, err, errors.Unwrap(err))
		}
		if want := fmt.Sprintf("bytes=%d- \"e1\"", offset); store.asked[1] != want {
			t.Errorf("asked %q, want %q", store.asked[1], want)
		}
	}
}

func TestOpenAtIsHeldToItsObject(t *testing.T) {
	_, sc := fakeS3(t)
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	put(t, opener.stores[0].client, "k", "0123456789")
	f, _ := opener.File("media", "k")
	obj, _, err := read(t.Context(), f, "")
	if err != nil {
		t.Fatal(err)
	}
	rest, err := f.OpenAt(t.Context(), obj, 3)
	if err != nil {
		t.Fatal(err, errors.Unwrap(err))
	}
	defer rest.Body.Close()
	if got, err := io.ReadAll(rest.Body); string(got) != "3456789" || err != nil || rest.ETag != obj.ETag || rest.Name != "k" || rest.ContentType != "image/png" {
		t.Errorf("%q, %v, %+v", got, err, rest)
	}
	for offset, of := range map[int64]*Object{-1: obj, 10: obj, 11: obj, 1: {Size: 10}} {
		_, err := f.OpenAt(t.Context(), of, offset)
		wantKind(t, err, Invalid)
	}
	put(t, opener.stores[0].client, "k", "9876543210")
	_, err = f.OpenAt(t.Context(), obj, 3)
	wantKind(t, err, Changed)
	whole := sources(t, impatient(says(t, okHead+"Content-Length: 9\r\n\r\nbodybody!")))["file"].(*File)
	_, err = whole.OpenAt(t.Context(), &Object{Size: 9, ETag: `"e1"`}, 4)
	noCanary(t, wantKind(t, err, Invalid))
}
