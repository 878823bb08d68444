package object

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
)

const (
	maxHeaders     = 32
	maxHeaderValue = 2 << 10 // bytes
)

// headerRule lists the headers that a caller may add to a request.
type headerRule struct {
	names     []string // canonical
	list      string   // the names, for a message
	needsType bool     // Content-Type is required
}

// secretHeaders are the allowed headers whose values are secret.
var secretHeaders = []string{
	"X-Amz-Server-Side-Encryption-Customer-Key",
	"X-Amz-Server-Side-Encryption-Customer-Key-Md5",
	"X-Amz-Server-Side-Encryption-Context",
}

// getHeaders is the rule for a GET.
var getHeaders = headerRule{
	names: []string{
		"Content-Type", "Accept",
		"X-Amz-Request-Payer", "X-Amz-Expected-Bucket-Owner", "X-Amz-Checksum-Mode",
		"X-Amz-Server-Side-Encryption-Customer-Algorithm",
		"X-Amz-Server-Side-Encryption-Customer-Key",
		"X-Amz-Server-Side-Encryption-Customer-Key-Md5",
	},
	list:      "Content-Type, Accept and what S3 reads with a GET (x-amz-request-payer, x-amz-expected-bucket-owner, x-amz-checksum-mode, x-amz-server-side-encryption-customer-*)",
	needsType: true,
}

// putHeaders is the rule for a PUT. It has no header that makes the object public,
// redirects its readers or changes how it is served, and none that depends on the
// body, such as Content-MD5 and checksums.
var putHeaders = headerRule{
	names: []string{
		"Content-Type", "Accept",
		"X-Amz-Request-Payer", "X-Amz-Expected-Bucket-Owner",
		"X-Amz-Server-Side-Encryption",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id",
		"X-Amz-Server-Side-Encryption-Context",
		"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled",
		"X-Amz-Server-Side-Encryption-Customer-Algorithm",
		"X-Amz-Server-Side-Encryption-Customer-Key",
		"X-Amz-Server-Side-Encryption-Customer-Key-Md5",
	},
	list: "Content-Type, Accept, x-amz-request-payer, x-amz-expected-bucket-owner and x-amz-server-side-encryption*",
}

func (r headerRule) allows(canonical string) bool { return slices.Contains(r.names, canonical) }

// check checks the headers that a caller wants to send with a presigned URL, and
// returns them with canonical names. Any header that is not on the list is refused,
// since a header can change the framing, host, range or identity of a request.
//
// The error continues a sentence that begins with the name of the URL.
func (r headerRule) check(headers map[string]string) (http.Header, error) {
	if len(headers) > maxHeaders {
		return nil, fmt.Errorf("has %d headers; send at most %d", len(headers), maxHeaders)
	}
	checked := make(http.Header, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value := headers[name]
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !r.allows(canonical):
			return nil, fmt.Errorf("does not allow the header %s; allowed headers: %s", shorten(name), r.list)
		case checked.Get(canonical) != "":
			return nil, fmt.Errorf("has the header %s twice", canonical)
		case !isHeaderValue(value):
			return nil, fmt.Errorf("has an invalid value for the header %s: send 1 to %d printable ASCII characters without leading or trailing spaces", canonical, maxHeaderValue)
		}
		checked.Set(canonical, value)
	}
	if !r.needsType && checked.Get("Content-Type") == "" {
		return checked, nil
	}
	mediaType, _, err := mime.ParseMediaType(checked.Get("Content-Type"))
	if err != nil || !strings.Contains(mediaType, "/") {
		return nil, fmt.Errorf(`needs the header Content-Type with the media type of the file, such as "image/jpeg"`)
	}
	return checked, nil
}

func isHeaderValue(value string) bool {
	if value == "" || len(value) > maxHeaderValue || strings.TrimSpace(value) != value {
		return false
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}

// shorten quotes the beginning of a caller's text for a message.
func shorten(text string) string {
	const limit = 64 // bytes
	if len(text) > limit {
		text = text[:limit] + "…"
	}
	return fmt.Sprintf("%q", text)
}
