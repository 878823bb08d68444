package object

import (
	"errors"
	"fmt"
	"strings"
)

// head is what the headers of a response say about its body.
type head struct {
	size     int64 // Content-Length; negative if there is none
	encoding []string
	etag     string
	ifMatch  string
	maxSize  int64
}

// checkHead refuses a body unless it is known to be all bytes of the object, as
// they are stored.
func checkHead(from origin, h head) *Error {
	switch {
	case isEncoded(h.encoding):
		return from.refuse("content-encoding", "has an object with a Content-Encoding, so its bytes are not those of the file.", "Store it without one.", fmt.Errorf("content encoding %s", shorten(strings.Join(h.encoding, ", "))))
	case h.size < 0:
		return from.refuse("size-unknown", "does not state the length of the object: the response has no Content-Length.", "Use a source that sends one.", nil)
	case h.size > h.maxSize:
		return from.refuse("too-large", fmt.Sprintf("has an object of %d bytes, and the limit is %d bytes.", h.size, h.maxSize), "Split it, or compress what is in it.", nil)
	case h.ifMatch != "" && h.etag != h.ifMatch:
		return from.fail(Changed, "names an object that changed while it was read. Retry later.", errors.New("the response has another ETag than If-Match requested"))
	}
	return nil
}

// isEncoded reports whether a Content-Encoding changes the bytes. aws-chunked does
// not: it is how the object was uploaded, and some stores keep it in the header.
func isEncoded(encoding []string) bool {
	for _, field := range encoding {
		for word := range strings.SplitSeq(field, ",") {
			switch strings.ToLower(strings.TrimSpace(word)) {
			case "", "identity", "aws-chunked":
			default:
				return true
			}
		}
	}
	return false
}

// entityTag returns tag, or "" if it cannot be sent back in If-Match.
func entityTag(tag string) string {
	const limit = 1 << 10
	if len(tag) > limit || !isHeaderValue(tag) || strings.HasPrefix(tag, "W/") { // If-Match never matches a weak ETag
		return ""
	}
	return tag
}
