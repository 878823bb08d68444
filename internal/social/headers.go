// Headers that make a request ambiguous: another reader of the same request, such
// as a proxy in front of ferry, could take it for another one.

package social

import (
	"fmt"
	"net/http"
	"strings"
)

// singleHeaders decide how a request is read. A second one would be read by one
// program and not by another. The sigv4 package has the same rule for those that it
// reads.
var singleHeaders = []string{"Content-Type", "Amz-Sdk-Invocation-Id"}

// checkHeaders returns an error for a request with ambiguous headers, or with an
// encoded body: no operation's body is compressed, and the signature would cover
// other bytes than those that are read.
func checkHeaders(header http.Header) error {
	if _, found := header["Content-Encoding"]; found {
		return malformed("The request has the header Content-Encoding. Send the body as plain JSON, without that header.")
	}
	for _, name := range singleHeaders {
		if len(header[name]) > 1 {
			return malformed("The request has the header %s %d times. Send it once.", name, len(header[name]))
		}
	}
	for name := range header {
		if hyphened := strings.ReplaceAll(name, "_", "-"); hyphened != name && isReserved(hyphened) {
			return malformed("The request has a header whose name is that of %s with an underscore, which some programs take for the same. Remove it.", strings.ToLower(hyphened))
		}
	}
	return nil
}

// isReserved reports whether a header decides who sends a request or how it is read.
func isReserved(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range []string{"x-amz-", "amz-sdk-", "content-", "transfer-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// malformed returns the fault of a request that cannot be read unambiguously.
func malformed(format string, args ...any) *fault {
	return &fault{code: "SerializationException", status: http.StatusBadRequest, message: fmt.Sprintf(format, args...)}
}
