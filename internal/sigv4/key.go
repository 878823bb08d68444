package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"time"

	"ferry/internal/secret"
)

// Key is what a server knows of an access key.
type Key struct {
	Secret secret.Secret
	// TokenHash is the HashToken of the session token that belongs to a temporary key. Nil means that the
	// key is a long-term key, which has none.
	TokenHash []byte
	// EndedAt is when the key ended. Zero means that it has not ended.
	EndedAt time.Time
}

func (k Key) isTemporary() bool { return k.TokenHash != nil }

// ended returns the error for a key that has ended, whose signature and session token are right.
func (k Key) ended() *Error {
	at := k.EndedAt.UTC().Format(time.RFC3339)
	if k.isTemporary() {
		return &Error{Code: "ExpiredTokenException", Status: http.StatusForbidden, Message: "The security token included in the request is expired. " +
			"The access key ended at " + at + ". Create another one with 'ferry key create --expires'."}
	}
	return badToken("the access key ended at " + at + ", as was chosen when it was rotated. " +
		"Use its successor, or create another key with 'ferry key create'.")
}

// HashToken returns the SHA-256 of a session token: what a server stores of it.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// noToken is compared with in place of the hash of a token.
var noToken = make([]byte, sha256.Size)

// checkToken reports whether the session token of the request is the one of key, or both have none. The time that it
// takes depends on the request only.
func (s *Signature) checkToken(key Key) bool {
	got, want := noToken, noToken
	if key.isTemporary() {
		want = key.TokenHash
	}
	if s.token != nil {
		got = HashToken(*s.token)
	}
	equal := hmac.Equal(got, want)
	return key.isTemporary() == (s.token != nil) && equal
}

// badToken returns AWS's error for a session token that does not belong to the access key, with advice.
func badToken(advice string) *Error {
	return &Error{Code: "UnrecognizedClientException", Status: http.StatusForbidden, Message: "The security token included in the request is invalid: " + advice}
}

// tokenAdvice says how a client stops sending a session token that does not belong to its access key. It is
// usually left over from the credentials of an AWS account.
const tokenAdvice = "Unset AWS_SESSION_TOKEN, AWS_SECURITY_TOKEN and AWS_PROFILE, or remove aws_session_token from the profile."

const (
	longTermAdvice     = "the access key is a long-term key of this server, which has no session token. " + tokenAdvice
	noTokenAdvice      = "the access key is temporary, and the request has no session token. Set AWS_SESSION_TOKEN to the token that was shown when the key was created."
	otherTokenAdvice   = "it is not the session token of this access key. Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN to values that were shown together."
	unknownTokenAdvice = " Its access key is not one of this server's: it belongs to AWS or another server, or was deleted, which temporary keys are some days after their end. " +
		tokenAdvice
)
