package kms_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ferry/internal/kms"
	"ferry/internal/secret"
)

// A server in KMS's place may repeat what it was sent.
func TestSecretsThatKMSRepeatsAreInNoError(t *testing.T) {
	const secretKey, arn = "secretKeyCanary/+b81e77", "arn:aws:kms:us-east-1:111122223333:key/1"
	for name, code := range map[string]string{"as its code": secretKey, "as its message": "AccessDeniedException", "encoded": url.QueryEscape(secretKey)} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"__type":%q,"message":"sent %s and %s"}`, code, secretKey, url.QueryEscape(secretKey))
		}))
		client, err := kms.New(kms.Config{Endpoint: server.URL, AccessKeyID: "AKIATEST", SecretAccessKey: secret.New(secretKey)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = client.PublicKey(t.Context(), arn); err == nil {
			t.Errorf("%s: no error", name)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			if text := err.Error(); strings.Contains(text, secretKey) || strings.Contains(text, url.QueryEscape(secretKey)) {
				t.Errorf("%s: %s", name, text)
			}
		}
		server.Close()
	}
}
