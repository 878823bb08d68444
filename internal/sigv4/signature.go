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

	token     *string   // X-Amz-Security-Token, which is signed; nil means that the request has none
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

// Verify compares the signature, in constant time, with the one that it computes with the secret of key from
// the request and payloadHash, which is the SHA-256 of the body in lower-case hexadecimal, or the declared hash.
//
// It returns an *Error: InvalidSignatureException if the signature is wrong or payloadHash is not the
// declared hash. Only if the signature is right, it says more: UnrecognizedClientException if the session token
// is not the one of key, or key has ended; ExpiredTokenException if key is temporary and has ended.
func (s *Signature) Verify(key Key, payloadHash string) error {
	return s.verify(s.AccessKeyID, key, payloadHash)
}

func (s *Signature) verify(accessKeyID string, key Key, payloadHash string) error {
	want := s.sign(accessKeyID, key.Secret, payloadHash)
	equal := hmac.Equal([]byte(want), []byte(s.signature))
	isToken := s.checkToken(key)
	if !equal || key.Secret.IsZero() || !isHash(payloadHash) || s.declared != "" && s.declared != payloadHash {
		return mismatch()
	}
	switch {
	case !isToken && !key.isTemporary():
		return badToken(longTermAdvice)
	case !isToken && s.token == nil:
		return badToken(noTokenAdvice)
	case !isToken:
		return badToken(otherTokenAdvice)
	case !key.EndedAt.IsZero():
		return key.ended()
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

// placeholder is used in place of a key that does not exist. Its secret has the length of a real one.
var placeholder = Key{Secret: secret.New(strings.Repeat("0", 40))}

// VerifyUnknown is called instead of Verify if the access key does not exist. It does the same work and
// always returns UnknownKey, to which it adds advice if the request has a session token, so that the time that it takes does not reveal which keys exist. Only the first
// Verify of a key on a day takes a few microseconds longer, because it derives the signing key.
func (s *Signature) VerifyUnknown(payloadHash string) error {
	_ = s.verify("", placeholder, payloadHash) // without an id, so that unknown keys share one entry of the cache
	e := UnknownKey()
	if s.token != nil {
		e.Message += unknownTokenAdvice
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
