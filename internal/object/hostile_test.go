package object

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// rawStore is a store that reads a request from each connection and then calls
// speak. The connection stays open until speak returns.
func rawStore(t *testing.T, speak func(conn net.Conn, request *http.Request, gone <-chan struct{})) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				if request, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					speak(conn, request, gone)
				}
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		close(gone)
		running.Wait()
	})
	return "http://" + listener.Addr().String()
}

// says is a store that sends one text and closes the connection.
func says(t *testing.T, answer string) string {
	return rawStore(t, func(conn net.Conn, _ *http.Request, _ <-chan struct{}) { _, _ = io.WriteString(conn, answer) })
}

// thenHangs is a store that sends one text and then nothing.
func thenHangs(t *testing.T, answer string) string {
	return rawStore(t, func(conn net.Conn, _ *http.Request, gone <-chan struct{}) {
		_, _ = io.WriteString(conn, answer)
		<-gone
	})
}

// impatient returns a configuration with limits that are short enough for a test.
func impatient(endpoint string) Config {
	return Config{
		Stores: []StoreConfig{{
			Endpoint: endpoint, PathStyle: true, AccessKeyID: "AKIDCANARY", SecretAccessKey: secretKey,
		}},
		ReachTimeout: 200 * time.Millisecond, HeaderTimeout: 150 * time.Millisecond, StallWindow: 150 * time.Millisecond, MinRate: 10 << 10, MaxSize: 1 << 20, RetryBackoff: time.Millisecond,
	}
}

// sources returns the same object as a presigned URL and as an object of the store.
func sources(t *testing.T, cfg Config) map[string]Source {
	t.Helper()
	opener := newOpener(t, cfg)
	endpoint := cfg.Stores[0].Endpoint
	u, err := opener.URL(endpoint+"/bucket/dir/key.jpg?X-Amz-Signature=signature-canary&X-Amz-Credential=credential-canary", jpeg())
	if err != nil {
		t.Fatal(err)
	}
	f, err := opener.File("bucket", "dir/key.jpg")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Source{"url": u, "file": f}
}

const okHead = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"e1\"\r\n"

// Open refuses each response with an error of the kind, for a URL and for a file.
func TestHostileHeads(t *testing.T) {
	redirect := func(status int, to string) string {
		return fmt.Sprintf("HTTP/1.1 %d Moved\r\n%sContent-Length: 0\r\n\r\n", status, to)
	}
	rows := map[string]struct {
		answer    string
		url, file Kind
	}{
		"101":                     {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", Invalid, Unavailable},
		"201":                     {"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", Invalid, Unavailable},
		"204":                     {"HTTP/1.1 204 No Content\r\n\r\n", Invalid, Unavailable},
		"206":                     {"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nok", Invalid, Unavailable},
		"304":                     {"HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n\r\n", Invalid, Invalid},
		"300":                     {redirect(300, ""), Invalid, Invalid},
		"301 to itself":           {redirect(301, "Location: /bucket/dir/key.jpg\r\n"), Invalid, Invalid},
		"302 to metadata":         {redirect(302, "Location: http://169.254.169.254/\r\n"), Invalid, Invalid},
		"303 to a file":           {redirect(303, "Location: file:///etc/passwd\r\n"), Invalid, Invalid},
		"307 to loopback":         {redirect(307, "Location: http://127.0.0.1:1/\r\n"), Invalid, Invalid},
		"308 with no location":    {redirect(308, ""), Invalid, Invalid},
		"305":                     {redirect(305, "Location: http://127.0.0.1:1/\r\n"), Invalid, Invalid},
		"400":                     {"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", Invalid, Invalid},
		"401":                     {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", Invalid, Denied},
		"403":                     {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", Invalid, Denied},
		"404":                     {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", NotFound, NotFound},
		"405":                     {"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n", Invalid, Invalid},
		"412":                     {"HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n", Changed, Changed},
		"416":                     {"HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n", Invalid, Invalid},
		"999":                     {"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", Unavailable, Unavailable},
		"HTTP/0.9":                {"<html>hello</html>", Unavailable, Unavailable},
		"HTTP/2 preface":          {"\x00\x00\x12\x04\x00\x00\x00\x00\x00", Unavailable, Unavailable},
		"nothing":                 {"", Unavailable, Unavailable},
		"half a head":             {"HTTP/1.1 200 OK\r\nContent-Le", Unavailable, Unavailable},
		"no length":               {okHead + "\r\nbody until close", Invalid, Invalid},
		"chunked":                 {okHead + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Invalid, Invalid},
		"length and chunked":      {okHead + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Invalid, Invalid},
		"two lengths":             {okHead + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!", Unavailable, Unavailable},
		"negative length":         {okHead + "Content-Length: -1\r\n\r\n", Unavailable, Unavailable},
		"hex length":              {okHead + "Content-Length: 0x2\r\n\r\nok", Unavailable, Unavailable},
		"length beyond int64":     {okHead + "Content-Length: 9223372036854775808\r\n\r\n", Unavailable, Unavailable},
		"unknown transfer coding": {okHead + "Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", Unavailable, Unavailable},
		"headers of 2 MB":         {okHead + "X: " + strings.Repeat("x", 2<<20) + "\r\nContent-Length: 2\r\n\r\nok", Unavailable, Unavailable},
		"many headers":            {okHead + strings.Repeat("X: y\r\n", 100_000) + "Content-Length: 2\r\n\r\nok", Unavailable, Unavailable},
		"endless 100 Continue":    {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10_000) + okHead + "Content-Length: 2\r\n\r\nok", Unavailable, Unavailable},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way, source := range sources(t, impatient(says(t, row.answer))) {
				obj, err := source.Open(t.Context(), "")
				if err == nil {
					obj.Body.Close()
					t.Fatalf("%s is opened: %+v", way, obj)
				}
				e := wantKind(t, err, map[string]Kind{"url": row.url, "file": row.file}[way])
				noCanary(t, e)
			}
		})
	}
}

// noCanary fails the test if an error shows a secret.
func noCanary(t *testing.T, e *Error) {
	t.Helper()
	for _, text := range []string{e.Error(), fmt.Sprint(e.Cause), fmt.Sprintf("%v %+v %#v", e, e, e.Cause)} {
		for _, leak := range []string{"signature-canary", "credential-canary", "X-Amz-", secretKey.Reveal(), "127.0.0.1", "::1", "169.254"} {
			if strings.Contains(text, leak) {
				t.Errorf("the error shows %s: %s", leak, text)
			}
		}
	}
	if e.Kind.String() == "unknown" || e.Message == "" || !strings.HasSuffix(e.Message, ".") {
		t.Errorf("kind %v, message %q", e.Kind, e.Message)
	}
}

func TestHostileBodies(t *testing.T) {
	rows := map[string]struct {
		answer string
		want   string // of the body
		broken error  // what errors.Is finds in the error after it; nil for io.EOF
		hangs  bool
	}{
		"as promised":           {okHead + "Content-Length: 4\r\n\r\nbody", "body", nil, false},
		"empty":                 {okHead + "Content-Length: 0\r\n\r\n", "", nil, false},
		"the largest length":    {okHead + "Content-Length: 9223372036854775807\r\n\r\nbody", "body", io.ErrUnexpectedEOF, false},
		"more than promised":    {okHead + "Content-Length: 4\r\n\r\nbody and more", "body", nil, false},
		"less than promised":    {okHead + "Content-Length: 9\r\n\r\nbody", "body", io.ErrUnexpectedEOF, false},
		"nothing of it":         {okHead + "Content-Length: 9\r\n\r\n", "", io.ErrUnexpectedEOF, false},
		"stops in the middle":   {okHead + "Content-Length: 9\r\n\r\nbody", "body", errStalled, true},
		"never starts":          {okHead + "Content-Length: 9\r\n\r\n", "", errStalled, true},
		"an error document":     {okHead + "Content-Length: 24\r\n\r\n<Error><Code/>0</Error>\n", "<Error><Code/>0</Error>\n", nil, false},
		"a Content-Encoding":    {okHead + "Content-Encoding: identity\r\nContent-Encoding: GZip\r\nContent-Length: 4\r\n\r\nbody", "body", nil, false},
		"the same length twice": {okHead + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody", "body", nil, false},
		"Alt-Svc and cookies":   {okHead + "Alt-Svc: h3=\":443\"\r\nSet-Cookie: a=b\r\nContent-Length: 4\r\n\r\nbody", "body", nil, false},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := says
			if row.hangs {
				store = thenHangs
			}
			for way, source := range sources(t, impatient(store(t, row.answer))) {
				obj, err := source.Open(t.Context(), "")
				if err != nil {
					t.Fatalf("%s: %v (%v)", way, err, errors.Unwrap(err))
				}
				defer obj.Body.Close()
				if obj.ETag != `"e1"` || obj.Name != "key.jpg" || obj.ContentType != map[string]string{"url": "image/jpeg", "file": "text/html"}[way] {
					t.Errorf("%s: %+v", way, obj)
				}
				got, err := io.ReadAll(obj.Body)
				if string(got) != row.want {
					t.Errorf("%s: %d bytes, want %d", way, len(got), len(row.want))
				}
				if row.broken == nil {
					if err != nil || int64(len(got)) != obj.Size {
						t.Errorf("%s: %d bytes of %d, %v", way, len(got), obj.Size, err)
					}
					continue
				}
				if e := wantKind(t, err, Unavailable); !errors.Is(e, row.broken) {
					t.Errorf("%s: the cause is %v", way, e.Cause)
				} else {
					noCanary(t, e)
				}
				if _, next := obj.Body.Read(make([]byte, 1)); next != err {
					t.Errorf("%s: the next Read gives %v", way, next)
				}
			}
		})
	}
}

func TestSlowSourceIsCut(t *testing.T) {
	endpoint := rawStore(t, func(conn net.Conn, _ *http.Request, gone <-chan struct{}) {
		_, _ = io.WriteString(conn, okHead+"Content-Length: 1000000\r\n\r\n")
		for { // a byte every 5 ms is 200 B/s; the minimum is 10 KiB/s
			if _, err := conn.Write([]byte("a")); err != nil {
				return
			}
			select {
			case <-gone:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	for way, source := range sources(t, impatient(endpoint)) {
		obj, err := source.Open(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, obj.Body)
		if e := wantKind(t, err, Unavailable); !errors.Is(e, errStalled) {
			t.Errorf("%s: %v", way, e.Cause)
		}
		obj.Body.Close()
	}
}

func TestSlowConsumerIsNotCut(t *testing.T) {
	body := strings.Repeat("a", 10)
	for way, source := range sources(t, impatient(says(t, okHead+"Content-Length: 10\r\n\r\n"+body))) {
		obj, err := source.Open(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for buf := make([]byte, 4); err == nil; {
			time.Sleep(200 * time.Millisecond) // longer than the window
			var n int
			n, err = obj.Body.Read(buf)
			got = append(got, buf[:n]...)
		}
		if err != io.EOF || string(got) != body {
			t.Errorf("%s: %q, %v", way, got, err)
		}
		obj.Body.Close()
	}
}

func TestCloseFreesABlockedRead(t *testing.T) {
	cfg := impatient(thenHangs(t, okHead+"Content-Length: 9\r\n\r\n"))
	cfg.StallWindow = time.Hour
	for way, source := range sources(t, cfg) {
		obj, err := source.Open(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		reading := make(chan error)
		go func() {
			_, err := obj.Body.Read(make([]byte, 1))
			reading <- err
		}()
		time.Sleep(20 * time.Millisecond)
		_ = obj.Body.Close()
		if err := <-reading; err == nil || err == io.EOF {
			t.Errorf("%s: the Read ends with %v", way, err)
		}
		_ = obj.Body.Close()
	}
}

func TestCallerCancels(t *testing.T) {
	cfg := impatient(thenHangs(t, ""))
	cfg.HeaderTimeout = time.Hour
	for way, source := range sources(t, cfg) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := source.Open(ctx, "")
		cancel()
		if e := wantKind(t, err, Unavailable); !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("%s: %v", way, e.Cause)
		}
	}
	cfg = impatient(thenHangs(t, okHead+"Content-Length: 9\r\n\r\n"))
	cfg.StallWindow = time.Hour
	for way, source := range sources(t, cfg) {
		ctx, cancel := context.WithCancel(t.Context())
		obj, err := source.Open(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err = obj.Body.Read(make([]byte, 1))
		if e := wantKind(t, err, Unavailable); !errors.Is(e, context.Canceled) {
			t.Errorf("%s: %v", way, e.Cause)
		}
		obj.Body.Close()
	}
}

func TestTimeouts(t *testing.T) {
	start := time.Now()
	cfg := impatient(thenHangs(t, ""))
	for _, source := range sources(t, cfg) {
		_, err := source.Open(t.Context(), "")
		noCanary(t, wantKind(t, err, Unavailable))
	}
	cfg.HeaderTimeout, cfg.OpenTimeout = time.Hour, 100*time.Millisecond
	for way, source := range sources(t, cfg) {
		_, err := source.Open(t.Context(), "")
		if e := wantKind(t, err, Unavailable); !errors.Is(e, errOpenTimeout) {
			t.Errorf("%s: %v", way, e.Cause)
		}
	}
	// The store sends its error document byte by byte, or not at all.
	cfg = impatient(thenHangs(t, "HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\n<Error>"))
	cfg.OpenTimeout = 300 * time.Millisecond
	for _, source := range sources(t, cfg) {
		_, err := source.Open(t.Context(), "")
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%v", err)
		}
	}
	if took := time.Since(start); took > 60*time.Second {
		t.Errorf("took %v", took)
	}
}
