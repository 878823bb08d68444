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

// A Sealer encrypts secrets at rest with a keyset of AEAD keys. A sealed value is
// bound to a place (table, column, account, row): it cannot be opened for another
// place.
type Sealer struct{ aead tink.AEAD }

// GenerateKeyset returns a new keyset with one AES-256-GCM key, as the JSON that
// NewSealer reads. The keyset contains the key in the clear: protect it like a key.
func GenerateKeyset() (Secret, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return Secret{}, fmt.Errorf("generating a keyset: %w", err)
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return Secret{}, fmt.Errorf("writing a keyset: %w", err)
	}
	return New(text.String()), nil
}

// NewSealer returns a Sealer for a keyset in Tink's JSON format. Seal uses the
// primary key; Open accepts values that were sealed with any key of the keyset.
func NewSealer(text Secret) (*Sealer, error) {
	if strings.TrimSpace(text.Reveal()) == "" {
		return nil, errors.New("the keyset is empty; create one with 'ferry keyset create'")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(text.Reveal())))
	if err != nil {
		return nil, errors.New("the keyset is malformed; expected the JSON that 'ferry keyset create' writes")
	}
	if err := checkKeys(handle); err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("the keyset has keys of another kind; expected AEAD keys, as 'ferry keyset create' writes them")
	}
	return &Sealer{primitive}, nil
}

// Seal encrypts a value for a place.
func (s *Sealer) Seal(value Secret, place ...string) ([]byte, error) {
	return s.aead.Encrypt([]byte(value.Reveal()), associated(place))
}

// Open decrypts a value that Seal returned for the same place.
func (s *Sealer) Open(sealed []byte, place ...string) (Secret, error) {
	value, err := s.aead.Decrypt(sealed, associated(place))
	if err != nil {
		return Secret{}, fmt.Errorf("a sealed value of %s cannot be opened: it was changed, moved, or sealed with a key that is not in the keyset", strings.Join(place, "/"))
	}
	return New(string(value)), nil
}

// associated joins the parts of a place so that different places have different texts.
func associated(place []string) []byte {
	var joined bytes.Buffer
	for _, part := range place {
		_, _ = fmt.Fprintf(&joined, "%d:", len(part))
		_, _ = io.WriteString(&joined, part)
	}
	return joined.Bytes()
}
