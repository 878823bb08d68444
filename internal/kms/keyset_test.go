package kms_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"ferry/internal/kms"
	"ferry/internal/secret"
)

const keyARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// openKey returns a key in a server that stands for KMS.
func openKey(t *testing.T, stand http.HandlerFunc) *kms.KeysetKey {
	t.Helper()
	server := httptest.NewServer(stand)
	t.Cleanup(server.Close)
	return keyAt(t, server.URL)
}

func keyAt(t *testing.T, url string) *kms.KeysetKey {
	t.Helper()
	client, err := kms.New(kms.Config{Endpoint: url, AccessKeyID: "AKIATEST", SecretAccessKey: secret.New("secretKeyCanary")})
	if err != nil {
		t.Fatal(err)
	}
	key, err := client.KeysetKey(keyARN)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// respond answers as KMS does.
func respond(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestKeysetIsEncryptedForThisPurposeOnly(t *testing.T) {
	key := openKey(t, func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			KeyID             string `json:"KeyId"`
			EncryptionContext map[string]string
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.KeyID != keyARN || in.EncryptionContext["purpose"] != "ferry keyset" {
			t.Errorf("%s has %+v, %v", r.Header.Get("X-Amz-Target"), in, err)
		}
		respond(w, http.StatusOK, `{"KeyId": "`+keyARN+`", "CiphertextBlob": "d3JhcHBlZA==", "Plaintext": "cGxhaW4="}`)
	})
	if wrapped, err := key.Wrap(t.Context(), []byte("plain")); err != nil || string(wrapped) != "wrapped" {
		t.Errorf("encrypted %q, %v", wrapped, err)
	}
	if plain, err := key.Unwrap(t.Context(), []byte("wrapped")); err != nil || string(plain) != "plain" {
		t.Errorf("decrypted %q, %v", plain, err)
	}
}

func TestFailureOfKMSSaysWhatToDo(t *testing.T) {
	for code, want := range map[string]struct {
		kind kms.Kind
		text string
	}{
		"AccessDeniedException":      {kms.Denied, "allow kms:Encrypt and kms:Decrypt"},
		"InvalidCiphertextException": {kms.Unsuitable, "encrypted with another key or for another purpose, or was changed"},
		"IncorrectKeyException":      {kms.Unsuitable, "another key"},
		"NotFoundException":          {kms.NotFound, "has no key"},
		"DisabledException":          {kms.Unsuitable, "must be enabled"},
		"KMSInternalException":       {kms.Unavailable, "KMS failed (KMSInternalException)"},
	} {
		key := openKey(t, func(w http.ResponseWriter, _ *http.Request) {
			respond(w, http.StatusBadRequest, `{"__type": "`+code+`", "message": "internal detail"}`)
		})
		_, err := key.Unwrap(t.Context(), []byte("wrapped"))
		failed, ok := errors.AsType[*kms.Error](err)
		if !ok || failed.Kind != want.kind || !strings.Contains(failed.Message, want.text) || !strings.Contains(failed.Message, keyARN) || strings.Contains(failed.Message, "internal detail") {
			t.Errorf("%s: %v", code, err)
		}
	}
	key := openKey(t, func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, `{"KeyId": "arn:aws:kms:eu-west-1:111122223333:key/another", "Plaintext": "cGxhaW4="}`)
	})
	if plain, err := key.Unwrap(t.Context(), []byte("wrapped")); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("decrypted with another key: %q, %v", plain, err)
	}
}

func TestKMSThatFailsForAMomentIsTriedAgain(t *testing.T) {
	var requests atomic.Int32
	key := openKey(t, func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) < 3 {
			respond(w, http.StatusInternalServerError, `{"__type": "KMSInternalException"}`)
			return
		}
		respond(w, http.StatusOK, `{"KeyId": "`+keyARN+`", "Plaintext": "cGxhaW4="}`)
	})
	if plain, err := key.Unwrap(t.Context(), []byte("wrapped")); err != nil || string(plain) != "plain" || requests.Load() != 3 {
		t.Errorf("after %d requests: %q, %v", requests.Load(), plain, err)
	}
}

func TestKMSThatIsDownIsGivenUp(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := keyAt(t, server.URL).Unwrap(t.Context(), []byte("wrapped"))
	failed, ok := errors.AsType[*kms.Error](err)
	if !ok || failed.Kind != kms.Unavailable || !strings.Contains(failed.Message, "check its address and the network") {
		t.Errorf("%v", err)
	}
}

func TestOnlyAnARNIsAKey(t *testing.T) {
	client, err := kms.New(kms.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range []string{"", "1234abcd-12ab-34cd-56ef-1234567890ab", "alias/ferry", "arn:aws:s3:::bucket", "arn:aws:kms:eu-west-1.evil.example.com:111122223333:key/x"} {
		if _, err := client.KeysetKey(arn); err == nil || !strings.Contains(err.Error(), "is not the ARN of a KMS key") {
			t.Errorf("%q: %v", arn, err)
		}
	}
}
