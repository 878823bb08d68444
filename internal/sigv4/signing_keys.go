package sigv4

import (
	lru "github.com/hashicorp/golang-lru/v2"

	"ferry/internal/secret"
)

// maxSigningKeys is the maximum number of cached signing keys. An access key has one per day, and two around
// midnight.
const maxSigningKeys = 1024

// SigningKeys is a cache of signing keys. Deriving a signing key from a secret takes four of the five HMACs of
// a verification. SigningKeys is safe for concurrent use.
type SigningKeys struct {
	derived *lru.Cache[signingKeyID, signingKey]
}

// signingKeyID identifies a signing key by its access key and its scope.
type signingKeyID struct {
	accessKeyID string
	scope       [4]string
}

type signingKey struct {
	source secret.Secret // the secret that it is derived from
	value  secret.Secret
}

// NewSigningKeys returns an empty SigningKeys.
func NewSigningKeys() *SigningKeys {
	derived, err := lru.New[signingKeyID, signingKey](maxSigningKeys)
	if err != nil {
		panic(err) // maxSigningKeys is positive
	}
	return &SigningKeys{derived}
}

// get returns the signing key for the scope. key is the secret of the access key. If k is nil, get derives the
// signing key each time.
func (k *SigningKeys) get(accessKeyID string, key secret.Secret, scope [4]string) []byte {
	if k == nil {
		return derive(key, scope)
	}
	id := signingKeyID{accessKeyID, scope}
	if known, ok := k.derived.Get(id); ok && known.source.Equal(key) {
		return []byte(known.value.Reveal())
	}
	value := derive(key, scope)
	k.derived.Add(id, signingKey{key, secret.New(string(value))})
	return value
}

// derive returns the signing key for a scope, derived from the secret of an access key.
func derive(key secret.Secret, scope [4]string) []byte {
	mac := []byte("AWS4" + key.Reveal())
	for _, part := range scope {
		mac = hmacSHA256(mac, part)
	}
	return mac
}
