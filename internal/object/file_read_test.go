package object

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// The reader sends its requests to the same endpoints as the SDK's client.
func TestReaderAsksWhereTheSDKWould(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = r.Host + " " + r.URL.EscapedPath()
	}))
	defer server.Close()
	proxied := &http.Client{Transport: redirected{server.Listener.Addr().String()}}
	for name, options := range map[string]s3.Options{
		"AWS":                  {Region: "eu-west-1"},
		"AWS, path style":      {Region: "eu-west-1", UsePathStyle: true},
		"AWS in China":         {Region: "cn-north-1"},
		"AWS for governments":  {Region: "us-gov-west-1"},
		"endpoint, path style": {Region: "us-east-1", BaseEndpoint: aws.String("http://s3.corp.example:9000"), UsePathStyle: true},
		"endpoint, host style": {Region: "us-east-1", BaseEndpoint: aws.String("http://s3.corp.example:9000")},
	} {
		t.Run(name, func(t *testing.T) {
			options.Credentials = credentials.NewStaticCredentialsProvider("AKIDFERRY", "a secret", "")
			options.HTTPClient, options.Retryer = proxied, aws.NopRetryer{}
			client := s3.New(options)
			reader, err := newReader(options, new(StoreConfig), proxied.Transport)
			if err != nil {
				t.Fatal(err)
			}
			for _, bucket := range []string{"media", "with.dots"} {
				for _, key := range awkwardKeys {
					if _, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key}); err != nil {
						t.Fatal(err)
					}
					want := asked
					response, err := reader.read(t.Context(), readRequest{method: http.MethodHead, bucket: bucket, key: key, header: http.Header{}})
					if err != nil {
						t.Fatal(err)
					}
					_ = response.Body.Close()
					if asked != want {
						t.Errorf("%s/%s: asked %s, the SDK %s", bucket, key, asked, want)
					}
				}
			}
		})
	}
}

// redirected sends every request to one address, over http.
type redirected struct{ address string }

func (r redirected) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := request.Clone(request.Context())
	sent.Host, sent.URL.Scheme, sent.URL.Host = request.URL.Host, "http", r.address
	return http.DefaultTransport.RoundTrip(sent)
}

func TestReaderTriesAgainAsTheSDKDoes(t *testing.T) {
	document := func(code string) string {
		return "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>m</Message></Error>"
	}
	for _, c := range []struct {
		name   string
		status int
		body   string
		tries  int64
		kind   Kind
	}{
		{"a server that fails", 500, "", 3, Unavailable},
		{"a server that is too busy", 503, document("SlowDown"), 3, Unavailable},
		{"a body that was too slow", 400, document("RequestTimeout"), 3, Unavailable},
		{"a clock that is wrong", 403, document("RequestTimeTooSkewed"), 1, Unavailable},
		{"a missing key", 404, document("NoSuchKey"), 1, NotFound},
		{"a refusal", 403, document("AccessDenied"), 1, Denied},
		{"a session that is over", 400, document("ExpiredToken"), 1, Denied},
		{"another Region", 400, document("AuthorizationHeaderMalformed"), 1, Denied},
		{"a request that it does not take", 400, document("InvalidArgument"), 1, Invalid},
		{"another version", 412, document("PreconditionFailed"), 1, Changed},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tries atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				tries.Add(1)
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer server.Close()
			f, err := newOpener(t, impatient(server.URL)).File("media", "k")
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Open(t.Context(), "")
			wantKind(t, err, c.kind)
			if tries.Load() != c.tries {
				t.Errorf("%d tries, want %d (%v)", tries.Load(), c.tries, err)
			}
		})
	}
}

func TestRetriesOfAStoreThatIsDownRunOut(t *testing.T) {
	var tries atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tries.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	f, err := newOpener(t, impatient(server.URL)).File("media", "k")
	if err != nil {
		t.Fatal(err)
	}
	const calls = 200
	for range calls {
		_, err := f.Open(t.Context(), "")
		wantKind(t, err, Unavailable)
	}
	// The SDK's budget of 500 tokens pays for 100 retries at 5 each.
	if tries.Load() > calls+100 {
		t.Errorf("%d requests for %d calls", tries.Load(), calls)
	}
}

// An error document may be of any length and any content.
func FuzzErrorDocument(f *testing.F) {
	f.Add([]byte("<Error><Code>NoSuchKey</Code><Message>m</Message></Error>"), 404)
	f.Add([]byte("<Error><Code>"), 500)
	f.Add(bytes.Repeat([]byte("<a>"), 1000), 503)
	f.Fuzz(func(t *testing.T, document []byte, status int) {
		body := &noted{Reader: bytes.NewReader(document)}
		err := readResponseError(&http.Response{StatusCode: status, Header: http.Header{}, Body: body})
		got, code := statusAndCode(err)
		if got != status || len(code) > len(document) || !body.closed || !strings.HasPrefix(err.Error(), "S3 responded with ") {
			t.Errorf("%d %q %v", got, code, err)
		}
	})
}

// noted is a body that records whether it was closed.
type noted struct {
	io.Reader
	closed bool
}

func (n *noted) Close() error {
	n.closed = true
	return nil
}
