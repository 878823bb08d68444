package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"ferry/internal/secret"
)

// Signature is a well-formed Authorization header of one request, checked in everything that needs
// neither the secret nor the body. It says nothing about who signed until Verify has returned nil.
type Signature struct {
	AccessKeyID   string    // 1 to 128 bytes, any characters
	Time          time.Time // X-Amz-Date, UTC, inside the window
	SignedHeaders []string  // lower-case, sorted
	SessionToken  bool      // an X-Amz-Security-Token was sent; Verify refuses it

	scope     [4]string // date, region, service, aws4_request
	declared  string    // x-amz-content-sha256, or ""
	signature string    // 64 lower-case hexadecimal digits
	canonical string    // the canonical request without its last line
}

// DeclaredPayloadHash gives the body hash that the client sent and signed in x-amz-content-sha256, if it
// did. With it, Verify can run before the body is read; VerifyPayload must follow once it is.
func (s *Signature) DeclaredPayloadHash() (string, bool) { return s.declared, s.declared != "" }

// Verify compares the signature, in constant time, with the one that key makes of the request and of
// payloadHash: the SHA-256 of the real body in lower-case hexadecimal, or the declared one.
//
// It returns an *Error: InvalidSignatureException when the signature is wrong or when payloadHash is not
// the declared one; UnrecognizedClientException when the signature is right and comes with a session
// token, as ferry issues none and all its keys are long-term ones.
func (s *Signature) Verify(key secret.Secret, payloadHash string) error {
	want := s.sign(key, payloadHash)
	equal := hmac.Equal([]byte(want), []byte(s.signature))
	if !equal || key.IsZero() || !isHash(payloadHash) || s.declared != "" && s.declared != payloadHash {
		return mismatch()
	}
	if s.SessionToken {
		return badToken()
	}
	return nil
}

// VerifyPayload compares the hash of the body that was read with the declared one, if there is one. It
// returns an *Error, InvalidSignatureException, when they differ.
func (s *Signature) VerifyPayload(payloadHash string) error {
	if s.declared != "" && s.declared != payloadHash {
		return invalid("The x-amz-content-sha256 header is not the SHA-256 of the body that was received.")
	}
	return nil
}

// nobody stands in for the secret of a key that does not exist. It has the length of a real one.
var nobody = secret.New(strings.Repeat("0", 40))

// VerifyUnknown is what to call instead of Verify when there is no such access key: it does the same work
// and always returns UnknownKey, so that the time taken does not tell which keys exist.
func (s *Signature) VerifyUnknown(payloadHash string) error {
	_ = s.Verify(nobody, payloadHash)
	return UnknownKey()
}

// stringToSign gives the text that the signing key signs.
func (s *Signature) stringToSign(payloadHash string) string {
	sum := sha256.Sum256([]byte(s.canonical + payloadHash))
	return algorithm + "\n" + s.Time.Format(timeFormat) + "\n" + strings.Join(s.scope[:], "/") + "\n" + hex.EncodeToString(sum[:])
}

// sign derives the signing key for the scope from the secret, and signs.
func (s *Signature) sign(key secret.Secret, payloadHash string) string {
	mac := []byte("AWS4" + key.Reveal())
	for _, part := range s.scope {
		mac = hmacSHA256(mac, part)
	}
	return hex.EncodeToString(hmacSHA256(mac, s.stringToSign(payloadHash)))
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
