package object

import (
	"errors"
	"strings"
	"testing"
)

// A URL that is not signed says so, and what to sign; one that was copied from HTML says that.
func TestRefusalOfAPresignedURLSaysWhatToSend(t *testing.T) {
	opener := newOpener(t, Config{Stores: []StoreConfig{{
		Buckets: []string{"media"}, Endpoint: "http://127.0.0.1:4082", PathStyle: true, Region: "us-east-1",
	}}})
	for _, test := range []struct{ name, url, code, says string }{
		{"not signed", "http://127.0.0.1:4082/media/a", "url-not-signed", "Sign a GET of the object."},
		{"signed for a bucket of nobody", "http://127.0.0.1:4082/other/a?X-Amz-Credential=c&X-Amz-Signature=s", "url-not-allowed", "in a bucket that is configured"},
		{"copied from HTML", "http://127.0.0.1:4082/media/a?X-Amz-Credential=c&amp;X-Amz-Signature=s", "url-escaped", "contains &amp; in place of &"},
		{"of version 2, copied from HTML", "http://127.0.0.1:4082/media/a?AWSAccessKeyId=k&amp;Signature=s&amp;Expires=1", "url-escaped", "contains &amp; in place of &"},
		{"of AWS, copied from HTML", "https://media.s3.us-east-1.amazonaws.com/a?X-Amz-Credential=c&amp;X-Amz-Signature=s", "url-escaped", "contains &amp; in place of &"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := opener.URL(test.url, jpeg())
			failed, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatal(err)
			}
			if failed.Code != test.code || failed.Kind != Invalid || !strings.Contains(failed.Error(), test.says) {
				t.Errorf("%s: %v", failed.Code, failed)
			}
		})
	}
}
