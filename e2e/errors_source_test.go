package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestRefusalsOfStoresBecomeExceptions(t *testing.T) {
	nodeBinary(t)
	gateway := sharedS3(t)
	file := sampleFile(t, "sample.txt")
	const userKey, userSecret = "e2eguest", "canarySecretOfTheGuest/+77a0=="
	gateway.createUser(t, userKey, userSecret)
	wrongSecret, noRight, down := gateway.store("wrong-secret-*"), gateway.store("no-right-*"), gateway.store("down-*")
	wrongSecret.SecretAccessKey = "canarySecretThatIsWrong/+0000=="
	noRight.AccessKeyID, noRight.SecretAccessKey = userKey, userSecret
	down.Endpoint = fmt.Sprintf("http://127.0.0.1:%d", closedPort(t))
	w := newWorld(t, worldOptions{stores: []store{wrongSecret, noRight, down}})
	node := startNode(t, w.ferry.url, w.key)
	refused := map[string]string{"wrong secret": gateway.bucket(t, "wrong-secret"), "no right": gateway.bucket(t, "no-right")}

	node.post(jsFromBucket(w.phone, w.bucket, "missing.txt")).wantException(t, "ResourceNotFoundException", http.StatusNotFound, w.bucket, "missing.txt")
	node.post(jsFromBucket(w.phone, "media-of-nobody", "a.txt")).wantException(t, "ResourceNotFoundException", http.StatusNotFound, "media-of-nobody")
	for name, bucket := range refused {
		t.Run(name, func(t *testing.T) {
			gateway.put(t, bucket, "a.txt", file.Data, file.ContentType)
			result := node.post(jsFromBucket(w.phone, bucket, "a.txt"))
			result.wantException(t, "AccessDeniedException", http.StatusForbidden, bucket)
			for _, secret := range []string{userSecret, wrongSecret.SecretAccessKey} {
				wantNoTrace(t, "the message", result.Error.Message, secret)
			}
		})
	}
	t.Run("down", func(t *testing.T) {
		node.post(jsFromBucket(w.phone, "down-bucket", "a.txt")).wantException(t, "DependencyException", http.StatusBadGateway, "store", "down-bucket")
	})
	if sent := w.sim.uploads(); len(sent) != 0 {
		t.Errorf("%d uploads to Meta were started without a file", len(sent))
	}
}

func TestBucketWithoutStoreIsDenied(t *testing.T) {
	nodeBinary(t)
	sim := startSimulator(t, noAccounts)
	in := install(t, raceBuild, sim)
	key := in.createKey(account)
	phone := in.link(account, metaAccount, metaToken).PhoneNumbers[0].PhoneNumberID
	ferry := in.serve(store{Buckets: []string{"media-*"}, Endpoint: "http://127.0.0.1:9", PathStyle: true, AccessKeyID: "none", SecretAccessKey: "none"}.flag())
	startNode(t, ferry.url, key).post(jsFromBucket(phone, "elsewhere", "a.txt")).wantException(t, "AccessDeniedException", http.StatusForbidden, `"elsewhere"`)
}

// serveOddly is a server that is configured as a store, so that URLs may point at it.
func serveOddly(rw http.ResponseWriter, r *http.Request) {
	switch strings.TrimPrefix(r.URL.Path, "/odd-bucket") {
	case "/redirect":
		http.Redirect(rw, r, "/other", http.StatusFound)
	case "/no-length":
		rw.(http.Flusher).Flush() // chunked: no Content-Length
		fmt.Fprint(rw, "hello")
	case "/encoded":
		rw.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(rw, "\x1f\x8b\x08 and so on")
	case "/broken":
		rw.WriteHeader(http.StatusServiceUnavailable)
	default:
		fmt.Fprint(rw, "hello")
	}
}

func TestRefusalsOfPresignedURLsBecomeExceptions(t *testing.T) {
	nodeBinary(t)
	odd := httptest.NewServer(http.HandlerFunc(serveOddly))
	defer odd.Close()
	w := newWorld(t, worldOptions{stores: []store{{Buckets: []string{"odd-*"}, Endpoint: odd.URL, PathStyle: true, AccessKeyID: "none", SecretAccessKey: "none"}}})
	file := sampleFile(t, "sample.txt")
	w.s3.put(t, w.bucket, "a.txt", file.Data, file.ContentType)
	node := startNode(t, w.ferry.url, w.key)
	good := w.s3.presign(t, w.bucket, "a.txt")
	port := good[strings.Index(good, "127.0.0.1:")+len("127.0.0.1:"):]
	port = port[:strings.Index(port, "/")]
	rest := good[strings.Index(good, port)+len(port):]

	// Signed by a client whose clock is behind, so that it expires soon.
	expired := node.presign(w.s3.endpoint, w.bucket, "a.txt", func(c *jsCall) { c.Seconds = 1 })
	expiry := time.Now().Add(2 * time.Second)

	const invalid, bad = "InvalidParametersException", http.StatusBadRequest
	const signed = "X-Amz-Credential=none&X-Amz-Signature=00"
	for _, row := range []struct {
		name, url string
		exception string
		status    int
		says      []string
	}{
		{"object missing", w.s3.presign(t, w.bucket, "missing.txt"), "ResourceNotFoundException", http.StatusNotFound, []string{"presigned URL"}},
		{"bucket missing", w.s3.presign(t, "media-of-nobody", "a.txt"), "ResourceNotFoundException", http.StatusNotFound, []string{"presigned URL"}},
		{"signature changed", strings.Replace(good, "X-Amz-Signature=", "X-Amz-Signature=0", 1), invalid, bad, []string{"presigned URL", "403"}},
		{"signed with a wrong secret", presignedWithWrongSecret(t, w), invalid, bad, []string{"presigned URL", "403"}},
		{"not signed", w.s3.endpoint + "/" + w.bucket + "/a.txt", invalid, bad, []string{"presigned URL", "not signed"}},
		{"signed for nothing", w.s3.endpoint + "/" + w.bucket + "/a.txt?" + signed, invalid, bad, []string{"presigned URL", "signature is wrong"}},
		{"a bucket that the store is not for", odd.URL + "/other-bucket/a.txt?" + signed, invalid, bad, []string{"presigned URL"}},
		{"no object", odd.URL + "/odd-bucket/?list-type=2&" + signed, invalid, bad, []string{"presigned URL"}},
		{"host not allowed", "https://files.example.com/a.txt?X-Amz-Signature=00", invalid, bad, []string{"presigned URL"}},
		{"another port of an allowed host", fmt.Sprintf("http://127.0.0.1:%d/a.txt", closedPort(t)), invalid, bad, nil},
		{"https of an allowed http host", "https://127.0.0.1:" + port + rest, invalid, bad, nil},
		{"metadata service", "https://169.254.169.254/latest/meta-data/", invalid, bad, nil},
		{"metadata service under a name like S3's", "https://169.254.169.254/s3xamazonaws.com/a", invalid, bad, nil},
		{"loopback", "https://127.0.0.1/a.txt", invalid, bad, nil},
		{"ferry itself", w.ferry.url + "/livez", invalid, bad, nil},
		{"private network", "https://10.0.0.1/a.txt", invalid, bad, nil},
		{"loopback in IPv6", "https://[::1]/a.txt", invalid, bad, nil},
		{"loopback in decimal", "https://2130706433/a.txt", invalid, bad, nil},
		{"user name in the URL", "https://user@bucket.s3.us-east-1.amazonaws.com/a.txt", invalid, bad, nil},
		{"a name that only begins like S3's", "https://bucket.s3.us-east-1.amazonaws.com.example.com/a.txt", invalid, bad, nil},
		{"a file", "file:///etc/passwd", invalid, bad, nil},
		{"redirect", odd.URL + "/odd-bucket/redirect?" + signed, invalid, bad, []string{"redirect"}},
		{"no length", odd.URL + "/odd-bucket/no-length?" + signed, invalid, bad, []string{"Content-Length"}},
		{"encoded", odd.URL + "/odd-bucket/encoded?" + signed, invalid, bad, []string{"Content-Encoding"}},
		{"store fails", odd.URL + "/odd-bucket/broken?" + signed, "DependencyException", http.StatusBadGateway, []string{"presigned URL"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			result := node.post(jsFromURL(w.phone, row.url, "text/plain"))
			result.wantException(t, row.exception, row.status, row.says...)
		})
	}

	for name, headers := range map[string]members{
		"no Content-Type": {}, "empty Content-Type": {"Content-Type": ""}, "Host": {"Content-Type": "text/plain", "Host": "example.com"},
		"Content-Length": {"Content-Type": "text/plain", "Content-Length": "5"}, "Transfer-Encoding": {"Content-Type": "text/plain", "Transfer-Encoding": "chunked"},
		"Connection": {"Content-Type": "text/plain", "Connection": "close"}, "Cookie": {"Content-Type": "text/plain", "Cookie": "a=b"},
		"line break": {"Content-Type": "text/plain\r\nHost: example.com"},
	} {
		t.Run("headers: "+name, func(t *testing.T) {
			input := members{"originationPhoneNumberId": w.phone, "sourceS3PresignedUrl": members{"url": good, "headers": headers}}
			node.post(input).wantException(t, invalid, bad)
		})
	}

	t.Run("expired", func(t *testing.T) {
		time.Sleep(time.Until(expiry)) // the clock of the store decides, which counts whole seconds
		node.post(jsFromURL(w.phone, expired, "text/plain")).wantException(t, invalid, bad, "presigned URL", "expired")
	})
	if sent := w.sim.uploads(); len(sent) != 0 {
		t.Errorf("%d uploads to Meta were started without a file", len(sent))
	}
	w.sim.wantStored(node.post(jsFromURL(w.phone, good, "text/plain")).mediaID(t), file.Data) // it was valid all the time
}

func presignedWithWrongSecret(t testing.TB, w *world) string {
	client := w.s3.clientAt(w.s3.endpoint, func(o *s3.Options) {
		o.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(staticKey(s3AccessKey, "not the secret")))
	})
	return presignWith(t, client, &s3.GetObjectInput{Bucket: &w.bucket, Key: aws.String("a.txt")}, time.Hour)
}

// closedPort returns a port on which no process listens.
func closedPort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
