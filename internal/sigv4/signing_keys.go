package sigv4

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"ferry/internal/secret"
)

// maxSigningKeys bounds the signing keys that are kept. An access key has one for each day, or two
// around midnight.
const maxSigningKeys = 1024

// SigningKeys keeps the signing keys that were derived from secrets: deriving one takes four of the five
// HMACs of a verification. It is safe for concurrent use.
type SigningKeys struct {
	derived *lru.Cache[signingKeyID, signingKey]
}

// signingKeyID says which access key a signing key is for, and where it is valid.
type signingKeyID struct {
	accessKeyID string
	scope       [4]string
}

type signingKey struct {
	of    secret.Secret // that it was derived from
	value secret.Secret
}

// NewSigningKeys returns an empty SigningKeys.
func NewSigningKeys() *SigningKeys {
	derived, err := lru.New[signingKeyID, signingKey](maxSigningKeys)
	if err != nil {
		panic(err) // maxSigningKeys is positive
	}
	return &SigningKeys{derived}
}

// get returns the signing key of an access key with a secret. A nil SigningKeys derives it each time.
func (k *SigningKeys) get(accessKeyID string, key secret.Secret, scope [4]string) []byte {
	if k == nil {
		return derive(key, scope)
	}
	id := signingKeyID{accessKeyID, scope}
	if known, ok := k.derived.Get(id); ok && known.of.Equal(key) {
		return []byte(known.value.Reveal())
	}
	value := derive(key, scope)
	k.derived.Add(id, signingKey{key, secret.New(string(value))})
	return value
}

// derive derives the signing key for a scope from the secret of an access key.
func derive(key secret.Secret, scope [4]string) []byte {
	mac := []byte("AWS4" + key.Reveal())
	for _, part := range scope {
		mac = hmacSHA256(mac, part)
	}
	return mac
}
