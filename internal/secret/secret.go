// Package secret holds the one type that carries credentials through ferry:
// Meta access tokens, secret access keys, keysets. A Secret cannot be printed,
// logged or marshalled, with any verb and at any depth of a struct.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is printed in place of the value of every Secret.
const Redacted = "[secret]"

// Secret is a credential. The zero value is empty. Only Reveal returns the value.
//
// The value is stored behind a pointer, because fmt does not call methods of
// unexported fields, but prints a nested pointer as an address.
type Secret struct{ value *string }

// New returns a Secret with the value s.
func New(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{&s}
}

// Reveal returns the value itself. Call it only where the value is used.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal reports whether two secrets have the same value, in a time that does not
// depend on where they differ.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

func (s Secret) String() string               { return Redacted }
func (s Secret) GoString() string             { return Redacted }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(Redacted) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// Format writes Redacted for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// UnmarshalText sets the secret from a flag, an environment variable or a file.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}
