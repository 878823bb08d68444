package social_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestAmbiguousRequestsAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		before, after func(http.Header) // the signature
		code          string            // empty means that the request is accepted
	}{
		"nothing unusual":                        {code: ""},
		"another header twice":                   {after: add("X-Forwarded-For", "a", "b"), code: ""},
		"another header with an underscore":      {after: add("access_token", "a"), code: ""},
		"a compressed body":                      {after: add("Content-Encoding", "gzip"), code: "SerializationException"},
		"a body that is not compressed, it says": {after: add("Content-Encoding", "identity"), code: "SerializationException"},
		"an empty encoding":                      {after: add("Content-Encoding", ""), code: "SerializationException"},
		"two content types":                      {after: add("Content-Type", "application/json", "text/plain"), code: "SerializationException"},
		"two invocation ids":                     {after: add("Amz-Sdk-Invocation-Id", "a", "b"), code: "SerializationException"},
		"a date with underscores":                {after: add("X_Amz_Date", "20260101T000000Z"), code: "SerializationException"},
		"a date with one underscore":             {after: add("X-Amz_Date", "20260101T000000Z"), code: "SerializationException"},
		"a length with an underscore":            {after: add("Content_Length", "0"), code: "SerializationException"},
		"an encoding with an underscore":         {after: add("Transfer_Encoding", "chunked"), code: "SerializationException"},
		"a signed amz header twice":              {before: add("X-Amz-User-Agent", "a", "b"), code: "IncompleteSignatureException"},
		"equal amz headers":                      {before: add("X-Amz-User-Agent", "a", "a"), code: "IncompleteSignatureException"},
		"an unsigned amz header twice":           {after: add("X-Amz-Target", "a", "b"), code: "IncompleteSignatureException"},
		"two dates":                              {after: add("X-Amz-Date", "20260101T000000Z"), code: "IncompleteSignatureException"},
		"two signatures":                         {after: add("Authorization", "Bearer x"), code: "IncompleteSignatureException"},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.request("GET", "/v1/whatsapp/waba/list", "")
			if test.before != nil {
				test.before(r.Header)
			}
			w.sign(r)
			if test.after != nil {
				test.after(r.Header)
			}
			got := w.send(r)
			if want := map[bool]int{true: http.StatusOK, false: http.StatusBadRequest}[test.code == ""]; got.status != want || got.errorType != test.code {
				t.Errorf("%d %s %s, want %d %s", got.status, got.errorType, got.body, want, test.code)
			}
			if test.code != "" && !strings.HasSuffix(got.message(), ".") {
				t.Errorf("message %q", got.message())
			}
		})
	}
}

// add returns a function that adds values to a header, under the name as it is written.
func add(name string, values ...string) func(http.Header) {
	return func(header http.Header) { header[name] = append(header[name], values...) }
}
