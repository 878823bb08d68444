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

// headerRule is the list of headers that a request may carry for a caller.
type headerRule struct {
	names     []string // canonical
	list      string   // the list, for a message
	needsType bool     // whether Content-Type must be there
}

// secretHeaders are those on the lists that nobody else may see.
var secretHeaders = []string{
	"X-Amz-Server-Side-Encryption-Customer-Key",
	"X-Amz-Server-Side-Encryption-Customer-Key-Md5",
	"X-Amz-Server-Side-Encryption-Context",
}

// getHeaders is the list for a GET.
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

// putHeaders is the list for a PUT. What makes the object public, sends its
// readers elsewhere or changes how they are served it is refused, as is what
// would have to be known of the body beforehand (Content-MD5, checksums).
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

// check checks the headers that a caller wants sent with a presigned URL, and
// gives them under their canonical names. Everything is refused that is not on
// the list: a header can change the framing, the host, the range or the
// identity of a request.
//
// The error is a sentence that names the header.
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
			return nil, fmt.Errorf("cannot have the header %s; allowed are %s", shorten(name), r.list)
		case checked.Get(canonical) != "":
			return nil, fmt.Errorf("has the header %s twice", canonical)
		case !isHeaderValue(value):
			return nil, fmt.Errorf("has a bad value of the header %s: send 1 to %d printable ASCII characters without a space at either end", canonical, maxHeaderValue)
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

// shorten quotes a text of the caller for a message.
func shorten(text string) string {
	const most = 64 // bytes
	if len(text) > most {
		text = text[:most] + "…"
	}
	return fmt.Sprintf("%q", text)
}
