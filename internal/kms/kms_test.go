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
		key, err := client.KeysetKey(arn)
		if err != nil {
			t.Fatal(err)
		}
		_, publicErr := client.PublicKey(t.Context(), arn)
		_, wrapErr := key.Wrap(t.Context(), []byte("keyset"))
		_, unwrapErr := key.Unwrap(t.Context(), []byte("keyset"))
		for request, err := range map[string]error{"GetPublicKey": publicErr, "Encrypt": wrapErr, "Decrypt": unwrapErr} {
			if err == nil {
				t.Errorf("%s, %s: no error", name, request)
			}
			for ; err != nil; err = errors.Unwrap(err) {
				if text := err.Error(); strings.Contains(text, secretKey) || strings.Contains(text, url.QueryEscape(secretKey)) {
					t.Errorf("%s, %s: %s", name, request, text)
				}
			}
		}
		server.Close()
	}
}
