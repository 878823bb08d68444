// Keysets: their keys, and how they are changed.

package secret

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// prefixSize is the length in bytes of what a sealed value begins with: a version and the
// id of its key (docs/references.md#tink-keys).
const prefixSize = 5

// A Keyset is a set of AEAD keys. The primary key seals; every key opens what it has
// sealed. A Keyset does not change: the methods that change one return another.
type Keyset struct {
	handle  *keyset.Handle
	aead    tink.AEAD
	keys    []uint32
	primary uint32
}

// GenerateKeyset returns a new keyset with one AES-256-GCM key, as the JSON that
// ParseKeyset reads. The keyset contains the key in the clear: protect it like a key.
func GenerateKeyset() (Secret, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return Secret{}, fmt.Errorf("generating a keyset: %w", err)
	}
	return (&Keyset{handle: handle}).Text()
}

var errMalformed = errors.New("the keyset is malformed; expected the JSON that 'ferry keyset create' writes")

// ParseKeyset reads a keyset in Tink's JSON format, with its keys in the clear.
func ParseKeyset(text Secret) (*Keyset, error) {
	if strings.TrimSpace(text.Reveal()) == "" {
		return nil, errors.New("the keyset is empty; create one with 'ferry keyset create'")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(text.Reveal())))
	if err != nil {
		return nil, errMalformed
	}
	return newKeyset(handle)
}

func newKeyset(handle *keyset.Handle) (*Keyset, error) {
	if err := checkKeys(handle); err != nil {
		return nil, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("the keyset has keys of another kind; expected AEAD keys, as 'ferry keyset create' writes them")
	}
	info := handle.KeysetInfo()
	k := &Keyset{handle: handle, aead: primitive, primary: info.GetPrimaryKeyId()}
	for _, key := range info.GetKeyInfo() {
		k.keys = append(k.keys, key.GetKeyId())
	}
	return k, nil
}

// Text returns the keyset as ParseKeyset reads it.
func (k *Keyset) Text() (Secret, error) {
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&text)); err != nil {
		return Secret{}, fmt.Errorf("writing a keyset: %w", err)
	}
	return New(text.String()), nil
}

// Keys returns the ids of the keys, in the order of the keyset: those that were added later
// are behind those that were added earlier.
func (k *Keyset) Keys() []uint32 { return slices.Clone(k.keys) }

// Has reports whether the keyset has a key.
func (k *Keyset) Has(id uint32) bool { return slices.Contains(k.keys, id) }

// Primary returns the id of the key that seals.
func (k *Keyset) Primary() uint32 { return k.primary }

// A Wrapper encrypts keysets with a key that is elsewhere, such as in a key management
// service. Its errors say what an operator can do.
type Wrapper interface {
	Wrap(ctx context.Context, keyset []byte) ([]byte, error)
	// Unwrap decrypts what Wrap has encrypted with the same key.
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
}

// Errors of keysets that are not encrypted as the configuration says: whoever can replace
// the file does not choose its key.
var (
	errIsWrapped    = errors.New("the keyset is encrypted by a key of KMS; set --keyset-kms-key to the ARN of this key")
	errIsNotWrapped = errors.New("the keyset is not encrypted, but --keyset-kms-key says that it is; use the encrypted keyset, or encrypt this one with 'ferry keyset wrap'")
)

// isWrapped reports whether a text is a keyset that is encrypted as a whole.
func isWrapped(text Secret) bool {
	var members struct {
		EncryptedKeyset *string `json:"encryptedKeyset"`
	}
	return json.Unmarshal([]byte(text.Reveal()), &members) == nil && members.EncryptedKeyset != nil
}

// UnwrapKeyset reads a keyset in Tink's JSON format for encrypted keysets. Without a
// wrapper, it reads what ParseKeyset does.
func UnwrapKeyset(ctx context.Context, text Secret, wrapper Wrapper) (*Keyset, error) {
	switch {
	case wrapper == nil && isWrapped(text):
		return nil, errIsWrapped
	case wrapper == nil:
		return ParseKeyset(text)
	case !isWrapped(text):
		return nil, errIsNotWrapped
	}
	encrypted, err := keyset.NewJSONReader(strings.NewReader(text.Reveal())).ReadEncrypted()
	if err != nil {
		return nil, errMalformed
	}
	plain, err := wrapper.Unwrap(ctx, encrypted.GetEncryptedKeyset())
	if err != nil {
		return nil, fmt.Errorf("decrypting the keyset: %w", err)
	}
	defer clear(plain)
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(plain)))
	if err != nil {
		return nil, errMalformed
	}
	return newKeyset(handle)
}

// WrappedText returns the keyset as UnwrapKeyset reads it with the same wrapper.
func (k *Keyset) WrappedText(ctx context.Context, wrapper Wrapper) (Secret, error) {
	if wrapper == nil {
		return k.Text()
	}
	var plain bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewBinaryWriter(&plain)); err != nil {
		return Secret{}, fmt.Errorf("writing a keyset: %w", err)
	}
	defer clear(plain.Bytes())
	wrapped, err := wrapper.Wrap(ctx, plain.Bytes())
	if err != nil {
		return Secret{}, fmt.Errorf("encrypting the keyset: %w", err)
	}
	var text bytes.Buffer
	if err := keyset.NewJSONWriter(&text).WriteEncrypted(&tinkpb.EncryptedKeyset{EncryptedKeyset: wrapped, KeysetInfo: k.handle.KeysetInfo()}); err != nil {
		return Secret{}, fmt.Errorf("writing a keyset: %w", err)
	}
	return New(text.String()), nil
}

// WithNewKey returns the keyset with one more AES-256-GCM key, which is not the primary
// one, and its id.
func (k *Keyset) WithNewKey() (*Keyset, uint32, error) {
	manager := keyset.NewManagerFromHandle(k.handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, 0, fmt.Errorf("adding a key to the keyset: %w", err)
	}
	next, err := fromManager(manager)
	return next, id, err
}

// WithPrimary returns the keyset with another primary key, which it has.
func (k *Keyset) WithPrimary(id uint32) (*Keyset, error) {
	manager := keyset.NewManagerFromHandle(k.handle)
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("making key %d the primary one: %w", id, err)
	}
	return fromManager(manager)
}

// Without returns the keyset without some of its keys, none of which is the primary one.
func (k *Keyset) Without(ids ...uint32) (*Keyset, error) {
	manager := keyset.NewManagerFromHandle(k.handle)
	for _, id := range ids {
		if err := manager.Delete(id); err != nil {
			return nil, fmt.Errorf("removing key %d from the keyset: %w", id, err)
		}
	}
	return fromManager(manager)
}

func fromManager(manager *keyset.Manager) (*Keyset, error) {
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("changing the keyset: %w", err)
	}
	return newKeyset(handle)
}

// Seal encrypts a value for a place with the primary key.
func (k *Keyset) Seal(value Secret, place ...string) ([]byte, error) {
	return k.aead.Encrypt([]byte(value.Reveal()), associated(place))
}

// Open decrypts a value that Seal returned for the same place.
func (k *Keyset) Open(sealed []byte, place ...string) (Secret, error) {
	value, err := k.aead.Decrypt(sealed, associated(place))
	if err != nil {
		return Secret{}, fmt.Errorf("a sealed value of %s cannot be opened: it was changed, moved, or sealed with a key that is not in the keyset", strings.Join(place, "/"))
	}
	return New(string(value)), nil
}

// SealedBy returns the id of the key that has sealed a value, as its first bytes tell it.
// It returns false for what a key without an id has sealed, and for what is too short.
func SealedBy(sealed []byte) (id uint32, ok bool) {
	if len(sealed) < prefixSize || sealed[0] > 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:prefixSize]), true
}

// Prefix returns what the values begin with that the primary key seals. It is an error if
// the values of this key do not show their key.
func (k *Keyset) Prefix() ([]byte, error) {
	sealed, err := k.Seal(Secret{})
	if err != nil {
		return nil, err
	}
	if id, ok := SealedBy(sealed); !ok || id != k.primary {
		return nil, fmt.Errorf("what key %d seals does not show its key; expected a primary key with Tink's prefix, as 'ferry keyset create' makes it", k.primary)
	}
	return sealed[:prefixSize], nil
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
