// Package secret holds the one type that carries credentials through ferry:
// Meta access tokens, secret access keys, keysets. A Secret cannot be printed,
// logged or marshalled, by any verb and at any depth of a struct.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what every rendering of a Secret shows.
const Redacted = "[secret]"

// Secret is a credential. The zero value is empty. Only Reveal gives the value.
//
// The value sits behind a pointer: fmt calls no methods on a field that is not
// exported, but it prints a nested pointer as an address, never what it points at.
type Secret struct{ value *string }

// New makes a Secret of s.
func New(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{&s}
}

// Reveal gives the value itself. Call it where the value is used, and nowhere else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal compares two secrets in a time that does not depend on where they differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

func (s Secret) String() string               { return Redacted }
func (s Secret) GoString() string             { return Redacted }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(Redacted) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// Format renders every verb and flag as Redacted.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// UnmarshalText reads a secret from a flag, a variable of the environment or a file.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}
