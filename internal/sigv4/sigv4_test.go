package sigv4

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"ferry/internal/secret"
)

// TestSDKRequestsVerify signs with AWS's own signer and sends over real HTTP.
func TestSDKRequestsVerify(t *testing.T) {
	outcomes := make(chan error, 1)
	lengths := make(chan bool, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		lengths <- strings.Contains(r.Header.Get("Authorization"), "content-length")
		outcomes <- verify(testVerifier, r, testKey, time.Now())
	}))
	defer server.Close()
	credentials := aws.Credentials{AccessKeyID: knownKey, SecretAccessKey: testSecret}
	for _, target := range []string{"/v1/whatsapp/media", "/v1/tags/list?resourceArn=arn%3Aaws%3Asocial-messaging%3A%3Ax%2Fy%20z&a=1&A=2&a=0"} {
		for _, body := range []string{"", `{"a":"é"}`, strings.Repeat("x", 100_000)} {
			for _, declared := range []bool{false, true} {
				r, err := http.NewRequest(http.MethodPost, server.URL+target, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("X-Spaces", "  a   b ")
				r.Header.Set("Amz-Sdk-Request", "attempt=1")
				if declared {
					r.Header.Set("X-Amz-Content-Sha256", hashOf([]byte(body)))
				}
				if err := v4.NewSigner().SignHTTP(context.Background(), credentials, r, hashOf([]byte(body)), "social-messaging", "us-east-1", time.Now()); err != nil {
					t.Fatal(err)
				}
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if signed := <-lengths; signed != (body != "") {
					t.Errorf("%d bytes: content-length signed: %v", len(body), signed)
				}
				if err := <-outcomes; err != nil {
					t.Errorf("%s, %d bytes, declared %v: %v", target, len(body), declared, err)
				}
			}
		}
	}
}

// TestClientRequestVerifies covers a request that was never sent, as a test would create it.
func TestClientRequestVerifies(t *testing.T) {
	body := []byte(`{}`)
	r, err := http.NewRequest(http.MethodPost, "https://ferry.example/v1/x?a=b%20c", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: knownKey, SecretAccessKey: testSecret},
		r, hashOf(body), "social-messaging", "us-east-1", testClock); err != nil {
		t.Fatal(err)
	}
	if err := verify(testVerifier, r, testKey, testClock); err != nil {
		t.Error(err)
	}
	r.Header["x-amz-date"] = r.Header["X-Amz-Date"]
	if err := verify(testVerifier, r, testKey, testClock); err == nil {
		t.Error("a header in two spellings is accepted")
	}
}

// signedAt returns the base request with date as X-Amz-Date and in the scope.
func signedAt(t *testing.T, date time.Time) *http.Request {
	t.Helper()
	d := newDraft()
	d.date = date.Format(timeFormat)
	d.set("X-Amz-Date", d.date)
	d.scope = d.date[:8] + "/us-east-1/social-messaging/aws4_request"
	d.sign()
	r, err := read([]byte(d.raw()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWindowIsExactAtBothEnds(t *testing.T) {
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, skew := range []time.Duration{0, 15 * time.Minute, 5 * time.Minute, 90 * time.Second} {
		verifier := testVerifier
		verifier.MaxSkew = skew
		if skew == 0 {
			skew = defaultMaxSkew
		}
		for _, clock := range []time.Time{testClock, testClock.Add(999 * time.Millisecond), midnight, midnight.Add(-time.Second), midnight.In(time.FixedZone("", 3600))} {
			for _, offset := range []time.Duration{-skew - time.Second, -skew, -skew + time.Second, 0, skew - time.Second, skew, skew + time.Second} {
				want := offset.Abs() <= skew
				_, err := verifier.Parse(signedAt(t, clock.UTC().Truncate(time.Second).Add(offset)), clock)
				if (err == nil) != want {
					t.Errorf("skew %v, clock %v, offset %v: %v", skew, clock, offset, err)
				}
			}
		}
	}
}

// TestTexts checks that the messages are AWS's.
func TestTexts(t *testing.T) {
	digest := "(Hashed with SHA-256 and encoded with Base64) Authorization="
	for _, c := range []struct{ edits, want string }{
		{"drop Authorization", "Missing Authentication Token"},
		{"sign-target /v1/x?X-Amz-Algorithm=a", "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		{"authorization AWS4-HMAC-SHA256 && drop X-Amz-Date", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
			"Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of a 'X-Amz-Date' header. " + digest},
		{"auth Signature= => Sig=", "Authorization header requires 'Signature' parameter. " + digest},
		{"auth Signature= => Signature", "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '"},
		{"date 201", "Date must be in ISO-8601 'basic format'. Got '201'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{"clock 901s", "Signature expired: 20260301T120000Z is now earlier than 20260301T120001Z (20260301T121501Z - 15 min.)"},
		{"clock -901s", "Signature not yet current: 20260301T120000Z is still later than 20260301T115959Z (20260301T114459Z + 15 min.)"},
		{"signed-list x-amz-content-sha256;x-amz-date", "'Host' must be a 'SignedHeader' in the AWS Authorization."},
		{"auth AWS4-HMAC-SHA256 => AWS4-X", "Unsupported AWS 'algorithm': 'AWS4-X' (only AWS4-HMAC-SHA256 for now). "},
		{"scope a/b/c", "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/a/b/c'"},
		{"scope 20260301/eu-west-1/social-messaging/aws4_request", "Credential should be scoped to a valid region, not 'eu-west-1'. This server serves only the region 'us-east-1', which --region sets."},
		{"scope b/c/d/e", "Credential should be scoped to a valid region, not 'c'. Credential should be scoped to correct service: 'social-messaging'. " +
			"Credential should be scoped with a valid terminator: 'aws4_request', not 'e'. " +
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: 'b' != '20260301', from '20260301T120000Z'. " +
			"This server serves only the region 'us-east-1', which --region sets."},
		{"scope 20260301/us-east-1/s3/aws4_request", "Credential should be scoped to correct service: 'social-messaging'. "},
		{"key OTHER", "The security token included in the request is invalid."},
		{"body x", ""}, // 1 of 32 bytes: the body cannot be read
		{"set Content-Type: x", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."},
		{"key OTHER && sign-header X-Amz-Security-Token: x", "The security token included in the request is invalid." + unknownTokenAdvice},
		{"sign-header X-Amz-Security-Token: x", "The security token included in the request is invalid: " + longTermAdvice},
		{"key ASIDEXAMPLE", "The security token included in the request is invalid: " + noTokenAdvice},
		{"sign-header X-Amz-Security-Token: OTHERTOKEN && key ASIDEXAMPLE", "The security token included in the request is invalid: " + otherTokenAdvice},
		{"sign-header X-Amz-Security-Token: TOKEN && key ASIDENDED", "The security token included in the request is expired. The access key ended at 2026-03-01T12:00:00Z. Create another one with 'ferry key create --expires'."},
		{"key AKIDENDED", "The security token included in the request is invalid: the access key ended at 2026-03-01T12:00:00Z, as was chosen when it was rotated. Use its successor, or create another key with 'ferry key create'."},
		{"add X-Amz-B: 1 && add X-Amz-A: 1", "There were headers present in the request which were not signed: x-amz-a, x-amz-b"},
		{"payload e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "The x-amz-content-sha256 header is not the SHA-256 of the body that was received."},
	} {
		var e *Error
		if err := errorOf(t, c.edits); errors.As(err, &e) {
			open := strings.HasSuffix(c.want, digest) || strings.HasSuffix(c.want, ": '")
			if e.Message != c.want && !(open && strings.HasPrefix(e.Message, c.want)) {
				t.Errorf("%s:\n%q, want\n%q", c.edits, e.Message, c.want)
			}
			if e.Error() != e.Code+": "+e.Message {
				t.Errorf("Error() = %q", e.Error())
			}
		} else if c.want != "" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", c.edits, err)
		}
	}
}

func errorOf(t *testing.T, edits string) error {
	t.Helper()
	d := newDraft()
	var after []string
	for edit := range strings.SplitSeq(edits, " && ") {
		if !d.beforeSigning(edit) {
			after = append(after, edit)
		}
	}
	d.sign()
	for _, edit := range after {
		if !d.afterSigning(edit) {
			t.Fatal(edit)
		}
	}
	r, err := read([]byte(d.raw()))
	if err != nil {
		t.Fatal(err)
	}
	return verify(testVerifier, r, testKey, testClock.Add(d.clock))
}

func TestVerifierOfAnyRegionAcceptsEachNameOfARegion(t *testing.T) {
	verifier := Verifier{Service: testVerifier.Service, AnyRegion: true}
	for region, accepted := range map[string]bool{
		"us-east-1": true, "eu-west-1": true, "cn-north-1": true, "us-gov-west-1": true, "local": true,
		"": false, "EU-WEST-1": false, "eu west 1": false, "a:b": false, strings.Repeat("a", 64): false,
	} {
		d := newDraft()
		d.scope = d.date[:8] + "/" + region + "/social-messaging/aws4_request"
		d.sign()
		r, err := read([]byte(d.raw()))
		if err != nil {
			t.Fatal(err)
		}
		s, err := verifier.Parse(r, testClock)
		if (err == nil) != accepted {
			t.Errorf("region %q: %v", region, err)
		}
		if err == nil && (s.Region != region || s.Verify(testKey, s.declared) != nil) {
			t.Errorf("region %q: the signature names %q, and its verification returns %v", region, s.Region, s.Verify(testKey, s.declared))
		}
	}
}

func TestVerify(t *testing.T) {
	s, err := testVerifier.Parse(signedAt(t, testClock), testClock)
	if err != nil {
		t.Fatal(err)
	}
	hash, ok := s.DeclaredPayloadHash()
	if !ok || hash != hashOf([]byte(newDraft().body)) {
		t.Errorf("declared %q, %v", hash, ok)
	}
	if s.AccessKeyID != knownKey || !s.Time.Equal(testClock) || s.token != nil || len(s.SignedHeaders) != 5 {
		t.Errorf("%+v", s)
	}
	if err := s.Verify(testKey, hash); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"other secret":  s.Verify(Key{Secret: secret.New(testSecret + "x")}, hash),
		"no secret":     s.Verify(Key{}, hash),
		"other payload": s.Verify(testKey, hashOf(nil)),
		"no payload":    s.Verify(testKey, ""),
		"line break":    s.Verify(testKey, hash+"\n"),
		"unknown key":   s.VerifyUnknown(hash),
		"payload":       s.VerifyPayload(hashOf(nil)),
	} {
		var e *Error
		if !errors.As(err, &e) || e.Status != http.StatusForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.VerifyUnknown(hash); err.Error() != UnknownKey().Error() {
		t.Error(err)
	}
}

// TestEmptySecretNeverVerifies signs with the empty secret, which anyone can do.
func TestEmptySecretNeverVerifies(t *testing.T) {
	s, err := testVerifier.Parse(signedAt(t, testClock), testClock)
	if err != nil {
		t.Fatal(err)
	}
	s.signature = s.sign("", secret.Secret{}, s.declared)
	if err := s.Verify(Key{}, s.declared); err == nil {
		t.Error("an empty secret verifies")
	}
}

func TestVerifierMustBeConfigured(t *testing.T) {
	for _, v := range []Verifier{{}, {Service: "s"}, {Region: "r"}} {
		var e *Error
		if _, err := v.Parse(signedAt(t, testClock), testClock); err == nil || errors.As(err, &e) {
			t.Errorf("%+v: %v", v, err)
		}
	}
}

// TestMessagesShowNoSignature checks that an error, which quotes parts of a request, never contains what is
// needed to replay it.
func TestMessagesShowNoSignature(t *testing.T) {
	d := newDraft()
	d.sign()
	signature := d.headers[d.index("Authorization")].value
	signature = signature[len(signature)-64:]
	for _, edits := range []string{"auth Credential= => Cred=", "auth Credential= => Credential", "auth SignedHeaders= => Credential=x, SignedHeaders=",
		"auth Signature= => Signature=0", "auth Credential= => Extra=1, Credential=", "set Content-Type: x", "clock 901s"} {
		if text := fmt.Sprint(errorOf(t, edits)); strings.Contains(text, signature) {
			t.Errorf("%s: %s", edits, text)
		}
	}
}

// BenchmarkParseAndVerify is the whole check of a request with a body of 4 KiB, of which SHA-256 is a part.
func BenchmarkParseAndVerify(b *testing.B) {
	d := newDraft()
	d.body = strings.Repeat("x", 4096)
	d.sign()
	r, err := read([]byte(d.raw()))
	if err != nil {
		b.Fatal(err)
	}
	body, key := []byte(d.body), testKey
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		started := time.Now()
		s, err := testVerifier.Parse(r, testClock)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Verify(key, hashOf(body)); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(started))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

// BenchmarkRefusal compares the cost of an unknown key with that of a wrong secret and of a temporary key, without
// and with a session token.
func BenchmarkRefusal(b *testing.B) {
	for name, token := range map[string]string{"NoToken": "", "Token": strings.Repeat("t", 64)} {
		d := newDraft()
		if token != "" {
			d.set("X-Amz-Security-Token", token)
		}
		d.sign()
		r, err := read([]byte(d.raw()))
		if err != nil {
			b.Fatal(err)
		}
		s, err := testVerifier.Parse(r, testClock)
		if err != nil {
			b.Fatal(err)
		}
		wrong := Key{Secret: secret.New(strings.Repeat("x", len(testSecret)))}
		temporary := Key{Secret: wrong.Secret, TokenHash: HashToken(token)}
		b.Run(name+"/WrongSecret", func(b *testing.B) {
			for b.Loop() {
				_ = s.Verify(wrong, s.declared)
			}
		})
		b.Run(name+"/WrongSecretOfTemporaryKey", func(b *testing.B) {
			for b.Loop() {
				_ = s.Verify(temporary, s.declared)
			}
		})
		b.Run(name+"/UnknownKey", func(b *testing.B) {
			for b.Loop() {
				_ = s.VerifyUnknown(s.declared)
			}
		})
	}
}
