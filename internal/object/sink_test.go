package object

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
)

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// contentOf returns the content behind a reader that has only Read.
func contentOf(content []byte) Content {
	return Content{Body: struct{ io.Reader }{bytes.NewReader(content)}, Size: int64(len(content)), ContentType: "image/png"}
}

// presignPut returns a URL for a PUT of the key.
func presignPut(t *testing.T, client *s3.Client, key string) string {
	t.Helper()
	signed, err := s3.NewPresignClient(client).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("media"), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return signed.URL
}

// sinksAt returns the ways to write a key of bucket "media": with one PUT, in parts,
// and through a presigned URL.
func sinksAt(t *testing.T, sc StoreConfig, key string) (map[string]Sink, *Opener) {
	t.Helper()
	cfg := Config{Stores: []StoreConfig{sc}, RetryBackoff: time.Millisecond}
	opener := newOpener(t, cfg)
	cfg.MultipartThreshold = 1
	inParts := newOpener(t, cfg)
	file, err := opener.FileSink("media", key)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := inParts.FileSink("media", key)
	if err != nil {
		t.Fatal(err)
	}
	u, err := opener.URLSink(presignPut(t, opener.stores[0].client, key), nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Sink{"file": file, "parts": parts, "url": u}, opener
}

func TestSinksStoreWhatTheyAreGiven(t *testing.T) {
	_, sc := fakeS3(t)
	for _, key := range awkwardKeys {
		sinks, opener := sinksAt(t, sc, key)
		f, _ := opener.File("media", key)
		for way, sink := range sinks {
			for _, size := range []int{0, 1, 70_000, partSize + 5} {
				if size > 70_000 && key != awkwardKeys[0] {
					continue
				}
				content := randomBytes(size)
				for _, digest := range []string{"", digestOf(content)} {
					c := contentOf(content)
					c.SHA256 = digest
					if err := sink.Put(t.Context(), c); err != nil {
						t.Fatalf("%s %q %d bytes: %v (%v)", way, key, size, err, errors.Unwrap(err))
					}
					obj, got, err := read(t.Context(), f, "")
					if err != nil || got != string(content) || obj.ContentType != "image/png" {
						t.Errorf("%s %q %d bytes: %d bytes, %+v, %v", way, key, size, len(got), obj, err)
					}
				}
			}
		}
	}
}

// A body that differs from its announcement leaves the store unchanged.
func TestSinksKeepNothingWrong(t *testing.T) {
	_, sc := fakeS3(t)
	broken := errors.New("the other side broke off")
	for _, size := range []int{0, 1, 100, 200_000, partSize + 100} {
		content := randomBytes(size)
		rows := map[string]struct {
			content Content
			want    error
		}{
			"long":    {Content{Body: bytes.NewReader(append(content, 'x')), Size: int64(size)}, errContent},
			"digest":  {Content{Body: bytes.NewReader(content), Size: int64(size), SHA256: digestOf([]byte("other"))}, errContent},
			"breaks":  {Content{Body: io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), Size: int64(size) + 9}, broken},
			"at end":  {Content{Body: io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), Size: int64(size)}, broken},
			"short":   {Content{Body: bytes.NewReader(content), Size: int64(size) + 1}, errContent},
			"at once": {Content{Body: iotest.DataErrReader(bytes.NewReader(content)), Size: int64(size) + 1}, errContent},
		}
		for name, row := range rows {
			for _, key := range []string{"new.jpg", "plain.jpg"} {
				sinks, opener := sinksAt(t, sc, key)
				f, _ := opener.File("media", key)
				for way, sink := range sinks {
					c := row.content
					whole, _ := io.ReadAll(c.Body)
					if name == "breaks" || name == "at end" {
						c.Body = io.MultiReader(bytes.NewReader(whole), iotest.ErrReader(broken))
						row.content.Body = io.MultiReader(bytes.NewReader(whole), iotest.ErrReader(broken))
					} else {
						c.Body, row.content.Body = bytes.NewReader(whole), bytes.NewReader(whole)
					}
					if err := sink.Put(t.Context(), c); !errors.Is(err, row.want) {
						t.Errorf("%s, %s, %d bytes: %v", way, name, size, err)
					}
					_, got, err := read(t.Context(), f, "")
					if key == "new.jpg" {
						wantKind(t, err, NotFound)
					} else if got != "plain.jpg" {
						t.Errorf("%s, %s, %d bytes: now %d bytes, %v", way, name, size, len(got), err)
					}
				}
			}
		}
	}
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
	left, err := opener.stores[0].client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("media")})
	if err != nil || len(left.Uploads) != 0 {
		t.Errorf("%d uploads are left, %v", len(left.Uploads), err)
	}
}

func TestCancelledPartsAreAborted(t *testing.T) {
	_, sc := fakeS3(t)
	sinks, opener := sinksAt(t, sc, "new.jpg")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := randomBytes(partSize)
	body := io.MultiReader(bytes.NewReader(first), readerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }))
	err := sinks["parts"].Put(ctx, Content{Body: body, Size: 3 * partSize})
	if e := wantKind(t, err, Unavailable); !errors.Is(e, context.Canceled) {
		t.Errorf("%v", e.Cause)
	}
	left, err := opener.stores[0].client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("media")})
	if err != nil || len(left.Uploads) != 0 {
		t.Errorf("%d uploads are left, %v", len(left.Uploads), err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestContentIsChecked(t *testing.T) {
	_, sc := fakeS3(t)
	for name, c := range map[string]Content{
		"no body": {Size: 1}, "negative": {Body: strings.NewReader(""), Size: -1}, "too long": {Body: strings.NewReader(""), Size: 100<<20 + 1},
		"digest": {Body: strings.NewReader("a"), Size: 1, SHA256: "ABC"}, "upper case": {Body: strings.NewReader("a"), Size: 1, SHA256: strings.ToUpper(digestOf([]byte("a")))},
		"type": {Body: strings.NewReader("a"), Size: 1, ContentType: "a/b\r\nX: y"},
	} {
		sinks, _ := sinksAt(t, sc, "new.jpg")
		for way, sink := range sinks {
			if err := sink.Put(t.Context(), c); err == nil {
				t.Errorf("%s, %s: stored", way, name)
			} else {
				noCanary(t, wantKind(t, err, Invalid))
			}
		}
	}
}

// hostileSinks returns sinks for an endpoint that is not a real store.
func hostileSinks(t *testing.T, cfg Config) map[string]Sink {
	t.Helper()
	opener := newOpener(t, cfg)
	u, err := opener.URLSink(cfg.Stores[0].Endpoint+"/bucket/dir/key.jpg?X-Amz-Signature=signature-canary&X-Amz-Credential=credential-canary", nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := opener.FileSink("bucket", "dir/key.jpg")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Sink{"url": u, "file": f}
}

func TestHostileAnswersToAPut(t *testing.T) {
	for name, row := range map[string]struct {
		answer    string
		url, file Kind // 0: accepted
	}{
		"200":             {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 0},
		"201":             {"HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n", 0, 0},
		"204":             {"HTTP/1.1 204 OK\r\n\r\n", 0, 0},
		"202":             {"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n", Invalid, Invalid},
		"206":             {"HTTP/1.1 206 OK\r\nContent-Length: 0\r\n\r\n", Invalid, Invalid},
		"302 to metadata": {"HTTP/1.1 302 No\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", Invalid, Invalid},
		"307 to loopback": {"HTTP/1.1 307 No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", Invalid, Invalid},
		"400":             {"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", Invalid, Invalid},
		"bad digest":      {"HTTP/1.1 400 No\r\nContent-Length: 59\r\nx-amz-id-2: a\r\n\r\n<Error><Code>BadDigest</Code><Message>m</Message>  </Error>", Unavailable, Unavailable},
		"403":             {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", Invalid, Denied},
		"404":             {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", NotFound, NotFound},
		"409":             {"HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n", Unavailable, Unavailable},
		"500":             {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", Unavailable, Unavailable},
		"nothing":         {"", Unavailable, Unavailable},
		"garbage":         {"\x00\x00\x12\x04", Unavailable, Unavailable},
		"huge headers":    {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n", Unavailable, Unavailable},
		"hanging error":   {"HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\n<Error>", Unavailable, Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way := range hostileSinks(t, impatient("http://127.0.0.1:1")) {
				endpoint := rawStore(t, func(conn net.Conn, request *http.Request, _ <-chan struct{}) {
					_, _ = io.Copy(io.Discard, request.Body)
					_, _ = io.WriteString(conn, row.answer)
				})
				err := hostileSinks(t, impatient(endpoint))[way].Put(t.Context(), contentOf([]byte("body")))
				want := map[string]Kind{"url": row.url, "file": row.file}[way]
				if want == 0 {
					if err != nil {
						t.Errorf("%s: %v (%v)", way, err, errors.Unwrap(err))
					}
					continue
				}
				noCanary(t, wantKind(t, err, want))
			}
		})
	}
}

func TestStoreThatTakesNothingIsLeft(t *testing.T) {
	cfg := impatient(thenHangs(t, "HTTP/1.1 100 Continue\r\n\r\n"))
	cfg.MaxSize = 100 << 20
	for _, threshold := range []int64{64 << 20, 1 << 20} {
		cfg.MultipartThreshold = threshold
		for way, sink := range hostileSinks(t, cfg) {
			if way == "file" && threshold == 1<<20 {
				continue // it hangs before the first part, while the SDK waits for headers
			}
			endless := readerFunc(func(p []byte) (int, error) { return len(p), nil })
			e := wantKind(t, sink.Put(t.Context(), Content{Body: endless, Size: 50 << 20}), Unavailable)
			if !errors.Is(e, errStalled) || !strings.Contains(e.Message, "too slowly") {
				t.Errorf("%s: %v (%v)", way, e, e.Cause)
			}
			noCanary(t, e)
		}
	}
}

// A slow source is not an error of the store.
func TestSlowContentIsNotCut(t *testing.T) {
	_, sc := fakeS3(t)
	cfg := impatient(sc.Endpoint)
	cfg.Stores[0] = sc
	opener := newOpener(t, cfg)
	sink, _ := opener.FileSink("media", "slow")
	reads := 0
	slow := readerFunc(func(p []byte) (int, error) {
		if reads++; reads > 3 {
			return 0, io.EOF
		}
		time.Sleep(200 * time.Millisecond)
		p[0] = 'a'
		return 1, nil
	})
	if err := sink.Put(t.Context(), Content{Body: slow, Size: 3}); err != nil {
		t.Errorf("%v (%v)", err, errors.Unwrap(err))
	}
}

// An error response before 100 Continue uses nothing of the body. If the store does
// not respond, the request is retried with the whole body.
func TestNothingIsReadOfARefusedBody(t *testing.T) {
	var asked atomic.Int64
	endpoint := rawStore(t, func(conn net.Conn, request *http.Request, _ <-chan struct{}) {
		if asked.Add(1)%3 == 0 {
			_, _ = io.WriteString(conn, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
		}
	})
	for way, sink := range hostileSinks(t, impatient(endpoint)) {
		asked.Store(0)
		content := randomBytes(100_000)
		body := bytes.NewReader(content)
		err := sink.Put(t.Context(), Content{Body: body, Size: int64(len(content))})
		wantKind(t, err, map[string]Kind{"url": Invalid, "file": Denied}[way])
		if body.Len() != len(content) || asked.Load() != 3 {
			t.Errorf("%s: %d bytes read, %d requests", way, len(content)-body.Len(), asked.Load())
		}
	}
}

func TestBodyIsNotReadAfterPut(t *testing.T) {
	cfg := impatient(rawStore(t, func(conn net.Conn, _ *http.Request, _ <-chan struct{}) {
		_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	}))
	for way, sink := range hostileSinks(t, cfg) {
		var over atomic.Bool
		body := readerFunc(func(p []byte) (int, error) {
			if over.Load() {
				t.Errorf("%s: read after Put", way)
			}
			time.Sleep(time.Millisecond)
			return min(len(p), 100), nil
		})
		_ = sink.Put(t.Context(), Content{Body: body, Size: 1 << 20})
		over.Store(true)
		time.Sleep(20 * time.Millisecond)
	}
}

func TestPutHeaders(t *testing.T) {
	for name, allowed := range map[string]bool{
		"Content-Type": true, "x-amz-server-side-encryption": true, "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": true,
		"x-amz-server-side-encryption-customer-key-MD5": true, "x-amz-request-payer": true, "x-amz-expected-bucket-owner": true,
		"x-amz-acl": false, "x-amz-grant-read": false, "x-amz-website-redirect-location": false, "Content-Disposition": false,
		"Cache-Control": false, "Expires": false, "Content-Encoding": false, "Content-Language": false, "Content-MD5": false,
		"x-amz-content-sha256": false, "x-amz-checksum-sha256": false, "x-amz-copy-source": false, "x-amz-security-token": false,
		"x-amz-meta-a": false, "x-amz-tagging": false, "x-amz-object-lock-mode": false, "x-amz-checksum-mode": false,
		"Expect": false, "Host": false, "Content-Length": false, "Transfer-Encoding": false, "Range": false, "If-None-Match": false,
		"Cookie": false, "Authorization": false, "Metadata-Flavor": false, "x-http-method-override": false,
	} {
		value := "a/b"
		_, err := putHeaders.check(map[string]string{name: value})
		if (err == nil) != allowed {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	// A PUT refuses what a GET refuses.
	for _, row := range corpus(t, "headers.txt", 128) {
		verdict, texts := headerRow(t, row)
		if verdict != "refuse" || len(texts) < 2 || strings.HasPrefix(texts[0], "-") || putHeaders.allows(http.CanonicalHeaderKey(texts[0])) {
			continue
		}
		headers := map[string]string{}
		for i := 0; i+1 < len(texts); i += 2 {
			headers[texts[i]] = texts[i+1]
		}
		if _, err := putHeaders.check(headers); err == nil {
			t.Errorf("accepted: %s", row)
		}
	}
}

// A URL is refused for writing if and only if it is refused for reading.
func TestURLCorpusAgainstThePut(t *testing.T) {
	c := guardtest.NewCanary(t)
	rows := corpus(t, "urls.txt", 349)
	for _, anyHost := range []bool{false, true} {
		network := new(guardtest.Network)
		opener := newOpener(t, corpusConfig(anyHost, network))
		opener.cfg.RetryBackoff = time.Millisecond
		for _, row := range rows {
			verdict, quoted, _ := strings.Cut(row, " ")
			raw, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatalf("row %s: %v", row, err)
			}
			sink, err := opener.URLSink(expand(raw, c.Port), nil)
			want := verdict == "accept" || verdict == "any" && anyHost
			if (err == nil) != want {
				t.Errorf("%s with any host %v: %v", row, anyHost, err)
			}
			if err != nil {
				wantKind(t, err, Invalid)
				continue
			}
			putAgainst(t, network, sink)
		}
	}
}

// putAgainst writes on a network where nothing responds, and checks the addresses:
// names resolve to 127.0.0.1, which only a store may have.
func putAgainst(t *testing.T, network *guardtest.Network, sink *URLSink) {
	t.Helper()
	network.Reset()
	body := strings.NewReader("body")
	err := sink.Put(t.Context(), Content{Body: body, Size: 4})
	noCanary(t, wantKind(t, err, Unavailable))
	for _, address := range network.Sent() {
		addr := netip.MustParseAddrPort(address).Addr()
		if sink.reach != guard.Named && !guard.IsPublic(addr) {
			t.Errorf("%v sent a packet to %s", sink, address)
		}
	}
	if body.Len() != 4 {
		t.Errorf("%v: the body was read", sink)
	}
}

func TestPutIsGuarded(t *testing.T) {
	c := guardtest.NewCanary(t)
	own := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(c.Port))
	cfg := impatient("http://" + own.String())
	cfg.Guard = guardWithOwn(own)
	for way, sink := range hostileSinks(t, cfg) {
		body := strings.NewReader("body")
		e := wantKind(t, sink.Put(t.Context(), Content{Body: body, Size: 4}), Unavailable)
		if !errors.Is(e, guard.ErrAddress) || body.Len() != 4 {
			t.Errorf("%s: %v", way, e.Cause)
		}
	}
}

func TestPutOverTLS(t *testing.T) {
	ca := newAuthority(t)
	conf := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, &x509.Certificate{DNSNames: []string{awsHost}}, ca)}}
	content := randomBytes(300_000)
	var mu sync.Mutex
	var got []byte
	var seen http.Header
	opener, _, _ := throughTLS(t, ca.pool, conf, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = r.Header.Clone()
		got, _ = io.ReadAll(r.Body)
	})
	u, err := opener.URLSink("https://"+awsHost+"/k.jpg?X-Amz-Signature=00", map[string]string{"content-type": "image/jpeg"})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Put(t.Context(), contentOf(content)); err != nil {
		t.Fatalf("%v (%v)", err, errors.Unwrap(err))
	}
	mu.Lock()
	defer mu.Unlock()
	if !bytes.Equal(got, content) || seen.Get("Content-Type") != "image/jpeg" || seen.Get("User-Agent") != "ferry" || seen.Get("Authorization") != "" {
		t.Errorf("%d bytes, %v", len(got), seen)
	}
}

// The digest is sent with the request, so that the store verifies it.
func TestDeclaredDigest(t *testing.T) {
	var declared []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, bufio.NewReader(r.Body))
		declared = append(declared, r.Header.Get("X-Amz-Content-Sha256"))
	}))
	defer server.Close()
	sink := hostileSinks(t, impatient(server.URL))["file"]
	c := contentOf([]byte("body"))
	for _, digest := range []string{"", digestOf([]byte("body"))} {
		c.SHA256, c.Body = digest, strings.NewReader("body")
		if err := sink.Put(t.Context(), c); err != nil {
			t.Fatal(err, errors.Unwrap(err))
		}
	}
	if declared[0] != unsignedPayload || declared[1] != digestOf([]byte("body")) {
		t.Errorf("%q", declared)
	}
}
