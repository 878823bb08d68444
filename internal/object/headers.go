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

// callerHeaders checks the headers that a caller wants sent with a presigned
// URL, and gives them under their canonical names. Everything is refused that
// is not on the list of mayForward: a header can change the framing, the host,
// the range or the identity of a request.
//
// The error is a sentence that names the header.
func callerHeaders(headers map[string]string) (http.Header, error) {
	if len(headers) > maxHeaders {
		return nil, fmt.Errorf("has %d headers; send at most %d", len(headers), maxHeaders)
	}
	checked := make(http.Header, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value := headers[name]
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !mayForward(canonical):
			return nil, fmt.Errorf("cannot have the header %s; allowed are Content-Type, Accept and what S3 reads with a GET (x-amz-request-payer, x-amz-expected-bucket-owner, x-amz-checksum-mode, x-amz-server-side-encryption-customer-*)", shorten(name))
		case checked.Get(canonical) != "":
			return nil, fmt.Errorf("has the header %s twice", canonical)
		case !isHeaderValue(value):
			return nil, fmt.Errorf("has a bad value of the header %s: send 1 to %d printable ASCII characters without a space at either end", canonical, maxHeaderValue)
		}
		checked.Set(canonical, value)
	}
	mediaType, _, err := mime.ParseMediaType(checked.Get("Content-Type"))
	if err != nil || !strings.Contains(mediaType, "/") {
		return nil, fmt.Errorf(`needs the header Content-Type with the media type of the file, such as "image/jpeg"`)
	}
	return checked, nil
}

// mayForward is the list of headers that a GET may carry for a caller.
func mayForward(canonical string) bool {
	switch canonical {
	case "Content-Type", "Accept",
		"X-Amz-Request-Payer", "X-Amz-Expected-Bucket-Owner", "X-Amz-Checksum-Mode",
		"X-Amz-Server-Side-Encryption-Customer-Algorithm",
		"X-Amz-Server-Side-Encryption-Customer-Key",
		"X-Amz-Server-Side-Encryption-Customer-Key-Md5":
		return true
	}
	return false
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
