package sigv4

import (
	"bytes"
	"fmt"
	"testing"

	"ferry/internal/secret"
)

func TestKeptSigningKeyIsTheDerivedOne(t *testing.T) {
	keys := NewSigningKeys()
	scopes := [][4]string{{"20261129", "us-east-1", "social-messaging", "aws4_request"}, {"20261130", "us-east-1", "social-messaging", "aws4_request"}}
	for range 2 {
		for _, id := range []string{"AKIAONE", "AKIATWO"} {
			for _, text := range []string{"a secret", "the secret after a change"} {
				for _, scope := range scopes {
					if got, want := keys.get(id, secret.New(text), scope), derive(secret.New(text), scope); !bytes.Equal(got, want) {
						t.Errorf("%s, %q, %s: %x, want %x", id, text, scope[0], got, want)
					}
				}
			}
		}
	}
	if n := keys.derived.Len(); n != 4 {
		t.Errorf("%d keys are kept, want one for each access key and day", n)
	}
}

func TestSigningKeysAreBounded(t *testing.T) {
	keys := NewSigningKeys()
	for i := range maxSigningKeys + 100 {
		keys.get(fmt.Sprint(i), secret.New("a secret"), [4]string{})
	}
	if n := keys.derived.Len(); n != maxSigningKeys {
		t.Errorf("%d keys are kept, want %d", n, maxSigningKeys)
	}
}
