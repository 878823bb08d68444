// Presigned URLs of Signature Version 2, for the embedded S3 server.
//
// In older regions such as us-east-1, boto3 and the AWS CLI v1 still use Version 2
// for presigned URLs (AWSAccessKeyId, Expires and Signature in the query), but
// gofakes3 verifies only Version 4. This handler verifies Version 2 and forwards
// the request with a signature of Version 4.

package local

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"ferry/internal/secret"
)

// subresources are the query parameters that Version 2 signs (Amazon S3
// Developer Guide, "Signing and authenticating REST requests").
var subresources = []string{
	"acl", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy", "requestPayment",
	"response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language",
	"response-content-type", "response-expires", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
}

// presigned2 adds presigned URLs of Version 2 to the embedded S3 server.
type presigned2 struct {
	next        http.Handler
	bucket      func(host string) string // the bucket in a Host header, or ""
	region      string
	accessKeyID string
	key         secret.Secret
}

func (p presigned2) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("AWSAccessKeyId") == "" {
		p.next.ServeHTTP(w, r)
		return
	}
	expires, err := strconv.ParseInt(query.Get("Expires"), 10, 64)
	want := p.signature(r, query.Get("Expires"))
	if err != nil || query.Get("AWSAccessKeyId") != p.accessKeyID || !hmac.Equal([]byte(want), []byte(query.Get("Signature"))) || time.Now().Unix() > expires {
		writeS3Error(w, http.StatusForbidden, "AccessDenied", "The presigned URL is invalid or has expired.")
		return
	}
	for _, name := range []string{"AWSAccessKeyId", "Expires", "Signature"} {
		query.Del(name)
	}
	query.Set("X-Amz-Expires", "60")
	forwarded := r.Clone(r.Context())
	forwarded.URL.RawQuery = query.Encode()
	forwarded.URL.Scheme, forwarded.URL.Host = "http", r.Host
	signed, _, err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).PresignHTTP(r.Context(),
		aws.Credentials{AccessKeyID: p.accessKeyID, SecretAccessKey: p.key.Reveal()}, withoutHeaders(forwarded), "UNSIGNED-PAYLOAD", "s3", p.region, time.Now())
	if err != nil {
		http.Error(w, "signing the request with Version 4 failed", http.StatusInternalServerError)
		return
	}
	_, forwarded.URL.RawQuery, _ = strings.Cut(signed, "?")
	forwarded.RequestURI = forwarded.URL.RequestURI()
	p.next.ServeHTTP(w, forwarded)
}

// withoutHeaders returns a copy of a request that has no header to sign but Host.
func withoutHeaders(r *http.Request) *http.Request {
	clone := r.Clone(r.Context())
	clone.Header = http.Header{}
	clone.ContentLength = 0
	return clone
}

// signature returns the signature of Version 2 that a presigned URL for the
// request must have.
func (p presigned2) signature(r *http.Request, expires string) string {
	var signed []string
	for name, values := range r.URL.Query() {
		if !slices.Contains(subresources, name) {
			continue
		}
		if values[0] != "" {
			name += "=" + values[0]
		}
		signed = append(signed, name)
	}
	slices.Sort(signed)
	resource := r.URL.EscapedPath()
	if bucket := p.bucket(r.Host); bucket != "" {
		resource = "/" + bucket + resource
	}
	if len(signed) > 0 {
		resource += "?" + strings.Join(signed, "&")
	}
	mac := hmac.New(sha1.New, []byte(p.key.Reveal()))
	mac.Write([]byte(strings.Join([]string{r.Method, r.Header.Get("Content-Md5"), r.Header.Get("Content-Type"), expires, amzHeaders(r) + resource}, "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// amzHeaders returns the x-amz-… headers, one per line, sorted.
func amzHeaders(r *http.Request) string {
	var lines []string
	for name, values := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			lines = append(lines, name+":"+strings.Join(values, ",")+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
