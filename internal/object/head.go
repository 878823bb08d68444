package object

import (
	"errors"
	"fmt"
	"strings"
)

// head is what an answer's headers say about its body.
type head struct {
	size     int64 // Content-Length, negative if there is none
	encoding []string
	etag     string
	ifMatch  string
	maxSize  int64
}

// acceptHead refuses a body of which the bytes are not known to be all those of
// the object, as they are stored.
func checkHead(from origin, h head) *Error {
	switch {
	case isEncoded(h.encoding):
		return from.refuse("content-encoding", "holds an object with a Content-Encoding, so its bytes are not those of the file.", "Store it without one.", fmt.Errorf("content encoding %s", shorten(strings.Join(h.encoding, ", "))))
	case h.size < 0:
		return from.refuse("size-unknown", "does not say how long the object is: the response has no Content-Length.", "Use a source that sends one.", nil)
	case h.size > h.maxSize:
		return from.refuse("too-large", fmt.Sprintf("holds an object of %d bytes, and the limit is %d bytes.", h.size, h.maxSize), "Split it, or compress what is in it.", nil)
	case h.ifMatch != "" && h.etag != h.ifMatch:
		return from.fail(Changed, "names an object that changed while it was read; try again.", errors.New("the answer has another ETag than If-Match asked for"))
	}
	return nil
}

// isEncoded reports whether a Content-Encoding changes the bytes. aws-chunked
// does not: it is how they were uploaded, and some stores keep the word.
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

// entityTag is the ETag as sent, or "" if it could not be sent back as it is.
func entityTag(tag string) string {
	const most = 1 << 10
	if len(tag) > most || !isHeaderValue(tag) || strings.HasPrefix(tag, "W/") { // If-Match takes no weak one
		return ""
	}
	return tag
}
