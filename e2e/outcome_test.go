package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// outcome is the result of a call through an SDK.
type outcome struct {
	Output json.RawMessage // nil on an error
	Error  *struct {
		Name       string   // of the exception
		InstanceOf []string // the SDK's classes that the error is an instance of
		Message    string
		Status     int // HTTP
		RequestID  string
	}
}

// wantException checks an error: the name of the exception, that it is an instance
// of the SDK's class of that name, its status, its request id, and that its message
// contains the texts.
func (o outcome) wantException(t testing.TB, name string, status int, texts ...string) {
	t.Helper()
	if o.Error == nil {
		t.Fatalf("the call succeeded with %s, want %s", o.Output, name)
	}
	e := o.Error
	if e.Name != name || e.Status != status {
		t.Errorf("the call failed with %s, status %d, want %s, status %d: %s", e.Name, e.Status, name, status, e.Message)
	}
	if !slices.Contains(e.InstanceOf, name) {
		t.Errorf("the error is an instance of %v, not of %s", e.InstanceOf, name)
	}
	o.wantTold(t, texts...)
}

// wantCode checks an error that the service model does not contain.
func (o outcome) wantCode(t testing.TB, name string, status int, texts ...string) {
	t.Helper()
	if o.Error == nil {
		t.Fatalf("the call succeeded with %s, want %s", o.Output, name)
	}
	if o.Error.Name != name || o.Error.Status != status {
		t.Errorf("the call failed with %s, status %d, want %s, status %d: %s", o.Error.Name, o.Error.Status, name, status, o.Error.Message)
	}
	o.wantTold(t, texts...)
}

var requestIDForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (o outcome) wantTold(t testing.TB, texts ...string) {
	t.Helper()
	if !requestIDForm.MatchString(o.Error.RequestID) {
		t.Errorf("the request id is %q, want a UUID", o.Error.RequestID)
	}
	for _, text := range texts {
		if !strings.Contains(o.Error.Message, text) {
			t.Errorf("the message does not contain %q: %s", text, o.Error.Message)
		}
	}
	wantNothingSecret(t, o.Error.Message)
}

// mediaID returns the media id of a successful upload.
func (o outcome) mediaID(t testing.TB) string {
	t.Helper()
	if o.Error != nil {
		t.Fatalf("the upload failed with %s, status %d: %s", o.Error.Name, o.Error.Status, o.Error.Message)
	}
	var output struct{ MediaID string }
	if err := json.Unmarshal(o.Output, &output); err != nil || !mediaIDForm.MatchString(output.MediaID) {
		t.Fatalf("the output has no media id that consists of digits: %s", o.Output)
	}
	return output.MediaID
}

var mediaIDForm = regexp.MustCompile(`^[0-9]+$`)

// What no message may contain: the query of a presigned URL, an address.
var (
	presignedText = regexp.MustCompile(`(?i)(x-amz-(signature|credential|date|expires|algorithm)|AWSAccessKeyId|Signature)=`)
	addressText   = regexp.MustCompile(`\b[0-9]{1,3}(\.[0-9]{1,3}){3}\b|\[[0-9a-f:]*:[0-9a-f:]*\]|localhost|:[0-9]{4,5}\b`)
	signatureText = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
)

// wantNothingSecret checks a text that a caller can see.
func wantNothingSecret(t testing.TB, text string) {
	t.Helper()
	for _, secret := range []string{presignedText.FindString(text), addressText.FindString(text), signatureText.FindString(text)} {
		if secret != "" {
			t.Errorf("a message shows %q: %s", secret, text)
		}
	}
	for _, secret := range []string{metaToken, otherMetaToken, s3SecretKey} {
		wantNoTrace(t, "a message", text, secret)
	}
}

// wantNoTrace checks that a text does not contain a secret, in any usual encoding.
func wantNoTrace(t testing.TB, what, text, secret string) {
	t.Helper()
	if how, at := findTrace(text, secret); how != "" {
		t.Errorf("%s contains a secret %s: …%s[SECRET]", what, how, text[max(0, at-60):at])
	}
}

// findTrace finds a secret in a text, and returns how it is encoded there and where.
func findTrace(text, secret string) (how string, at int) { return newHaystack(text).find(secret) }

// A haystack is a text in which secrets are searched for.
type haystack struct {
	text     string
	lower    string // ASCII only
	standard string // of base64's two alphabets
}

func newHaystack(text string) haystack {
	lower, standard := []byte(text), []byte(text)
	for i := range len(text) {
		switch c := text[i]; {
		case 'A' <= c && c <= 'Z':
			lower[i] += 'a' - 'A'
		case c == '-':
			standard[i] = '+'
		case c == '_':
			standard[i] = '/'
		}
	}
	return haystack{text, string(lower), string(standard)}
}

func (h haystack) find(secret string) (how string, at int) {
	for _, spelling := range []struct{ how, in, part string }{
		{"as it is", h.text, secret}, {"URL-encoded", h.text, url.QueryEscape(secret)}, {"path-encoded", h.text, url.PathEscape(secret)},
		{"in hexadecimal", h.lower, hex.EncodeToString([]byte(secret))},
		// Only the middle of the base64 form does not depend on what precedes and follows the secret.
		{"in base64", h.standard, base64Middle(secret, 0)}, {"in base64", h.standard, base64Middle(secret, 1)}, {"in base64", h.standard, base64Middle(secret, 2)},
	} {
		if at := strings.Index(spelling.in, spelling.part); at >= 0 {
			return spelling.how, at
		}
	}
	return "", -1
}

// That no secret is found proves something only if secrets can be found.
func TestSecretsAreFoundInEveryEncoding(t *testing.T) {
	const secret = s3SecretKey
	for how, text := range map[string]string{
		"as it is": "a " + secret + " b", "URL-encoded": "a=" + url.QueryEscape(secret) + "&b", "in hexadecimal": "0a" + strings.ToUpper(hex.EncodeToString([]byte(secret))) + "0b",
	} {
		if got, _ := findTrace(text, secret); got != how {
			t.Errorf("%q is found %q, want %q", text, got, how)
		}
	}
	for before := range 4 {
		for after := range 4 {
			clear := []byte(strings.Repeat("x", before) + secret + strings.Repeat("y", after))
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
				if got, _ := findTrace("a "+encoding.EncodeToString(clear), secret); got != "in base64" {
					t.Errorf("base64 of %d bytes, the secret and %d bytes is found %q", before, after, got)
				}
			}
		}
	}
	if got, _ := findTrace("nothing here, canarySecretOfTheStor", secret); got != "" {
		t.Errorf("found %q in a text without the secret", got)
	}
}

// base64Middle returns the base64 form of a secret that begins shift bytes into a
// group of three, without the characters that depend on its neighbours.
func base64Middle(secret string, shift int) string {
	encoded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
	return encoded[(shift*8+5)/6 : len(encoded)-2]
}
