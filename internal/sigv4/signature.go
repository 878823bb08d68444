package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"ferry/internal/secret"
)

// Signature is the well-formed signature of one request. Parse has checked everything that needs neither
// the secret nor the body. Nothing is known about the signer until Verify returns nil.
type Signature struct {
	AccessKeyID   string    // 1 to 128 bytes, any characters
	Region        string    // that the signature is for: the Verifier's, or any with AnyRegion
	Time          time.Time // X-Amz-Date, UTC, within MaxSkew of the clock
	SignedHeaders []string  // lower-case, sorted
	SessionToken  bool      // the request has an X-Amz-Security-Token; Verify rejects it

	scope     [4]string // date, region, service, aws4_request
	declared  string    // x-amz-content-sha256, or ""
	signature string    // 64 lower-case hexadecimal digits
	canonical string    // the canonical request without its last line
	keys      *SigningKeys
}

// DeclaredPayloadHash returns the hash of the body that the client sent and signed in
// x-amz-content-sha256, if any. With it, Verify can be called before the body is read; VerifyPayload must
// be called after.
func (s *Signature) DeclaredPayloadHash() (string, bool) { return s.declared, s.declared != "" }

// Verify compares the signature, in constant time, with the one that it computes with key from the request
// and payloadHash, which is the SHA-256 of the body in lower-case hexadecimal, or the declared hash.
//
// It returns an *Error: InvalidSignatureException if the signature is wrong or payloadHash is not the
// declared hash; UnrecognizedClientException if the signature is right but the request has a session
// token. ferry issues no session tokens; all its keys are long-term keys.
func (s *Signature) Verify(key secret.Secret, payloadHash string) error {
	return s.verify(s.AccessKeyID, key, payloadHash)
}

func (s *Signature) verify(accessKeyID string, key secret.Secret, payloadHash string) error {
	want := s.sign(accessKeyID, key, payloadHash)
	equal := hmac.Equal([]byte(want), []byte(s.signature))
	if !equal || key.IsZero() || !isHash(payloadHash) || s.declared != "" && s.declared != payloadHash {
		return mismatch()
	}
	if s.SessionToken {
		return badToken()
	}
	return nil
}

// VerifyPayload compares the hash of the body that was read with the declared hash, if there is one. If
// they differ, it returns an *Error, InvalidSignatureException.
func (s *Signature) VerifyPayload(payloadHash string) error {
	if s.declared != "" && s.declared != payloadHash {
		return invalid("The x-amz-content-sha256 header is not the SHA-256 of the body that was received.")
	}
	return nil
}

// placeholder is used in place of the secret of a key that does not exist. It has the length of a real secret.
var placeholder = secret.New(strings.Repeat("0", 40))

// VerifyUnknown is called instead of Verify if the access key does not exist. It does the same work and
// always returns UnknownKey, to which it adds advice if the request has a session token, so that the time that it takes does not reveal which keys exist. Only the first
// Verify of a key on a day takes a few microseconds longer, because it derives the signing key.
func (s *Signature) VerifyUnknown(payloadHash string) error {
	_ = s.verify("", placeholder, payloadHash) // without an id, so that unknown keys share one entry of the cache
	e := UnknownKey()
	if s.SessionToken {
		e.Message += " It is temporary, and belongs to an access key that is not one of this server's. " + tokenAdvice
	}
	return e
}

// stringToSign returns the text that is signed with the signing key.
func (s *Signature) stringToSign(payloadHash string) string {
	sum := sha256.Sum256([]byte(s.canonical + payloadHash))
	return algorithm + "\n" + s.Time.Format(timeFormat) + "\n" + strings.Join(s.scope[:], "/") + "\n" + hex.EncodeToString(sum[:])
}

// sign returns the signature that an access key with the secret key makes.
func (s *Signature) sign(accessKeyID string, key secret.Secret, payloadHash string) string {
	return hex.EncodeToString(hmacSHA256(s.keys.get(accessKeyID, key, s.scope), s.stringToSign(payloadHash)))
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
