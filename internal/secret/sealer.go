package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// A Sealer encrypts secrets at rest with a keyset of AEAD keys. What it seals
// is bound to a place (table, column, account, row): a value moved to another
// place does not open.
type Sealer struct{ aead tink.AEAD }

// GenerateKeyset makes a new keyset with one AES-256-GCM key, as the JSON that
// NewSealer reads. It holds the key itself: keep it like one.
func GenerateKeyset() (Secret, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return Secret{}, fmt.Errorf("making a keyset: %w", err)
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return Secret{}, fmt.Errorf("writing a keyset: %w", err)
	}
	return New(text.String()), nil
}

// NewSealer makes a Sealer from a keyset in Tink's JSON form. New values are
// sealed with the primary key; values sealed with any key of the set open.
func NewSealer(text Secret) (*Sealer, error) {
	if strings.TrimSpace(text.Reveal()) == "" {
		return nil, errors.New("the keyset is empty; make one with 'ferry keyset create'")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(text.Reveal())))
	if err != nil {
		return nil, errors.New("the keyset is not one: expected the JSON that 'ferry keyset create' writes")
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("the keyset holds keys of another kind; expected AEAD keys, as 'ferry keyset create' makes them")
	}
	return &Sealer{primitive}, nil
}

// Seal encrypts a value for a place.
func (s *Sealer) Seal(value Secret, place ...string) ([]byte, error) {
	return s.aead.Encrypt([]byte(value.Reveal()), associated(place))
}

// Open decrypts what Seal gave, for the same place.
func (s *Sealer) Open(sealed []byte, place ...string) (Secret, error) {
	value, err := s.aead.Decrypt(sealed, associated(place))
	if err != nil {
		return Secret{}, fmt.Errorf("a sealed value of %s does not open: it was changed, moved, or sealed with a key that the keyset does not hold", strings.Join(place, "/"))
	}
	return New(string(value)), nil
}

// associated joins the parts of a place so that no two places look alike.
func associated(place []string) []byte {
	var joined bytes.Buffer
	for _, part := range place {
		_, _ = fmt.Fprintf(&joined, "%d:", len(part))
		_, _ = io.WriteString(&joined, part)
	}
	return joined.Bytes()
}
