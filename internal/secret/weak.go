// Keys that were typed or filled in, not generated.

package secret

import (
	"errors"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"google.golang.org/protobuf/encoding/protowire"
)

var errWeakKey = errors.New("a key of the keyset is not random: it consists of zeros, of a pattern or of text, as in an example; create a keyset with 'ferry keyset create'")

// checkKeys refuses a keyset with a key that nobody has generated. Such a key is
// valid for Tink, and known to everybody.
func checkKeys(handle *keyset.Handle) error {
	for _, key := range insecurecleartextkeyset.KeysetMaterial(handle).GetKey() {
		if hasWeakKey(key.GetKeyData().GetValue()) {
			return errWeakKey
		}
	}
	return nil
}

// The lengths of the keys of Tink's AEADs, in bytes, from AES-128 to HMAC-SHA512.
const minKey, maxKey = 16, 128

// hasWeakKey looks for key material in the fields of a key, which is a message of
// Protocol Buffers that differs for each kind of key (docs/references.md#tink-keys).
func hasWeakKey(message []byte) bool {
	for len(message) > 0 {
		_, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return false // not a message: the value of a field that contains no others
		}
		message = message[n:]
		if kind == protowire.BytesType {
			field, n := protowire.ConsumeBytes(message)
			if n >= 0 && (len(field) >= minKey && len(field) <= maxKey && isWeak(field) || hasWeakKey(field)) {
				return true
			}
		}
		if n = protowire.ConsumeFieldValue(1, kind, message); n < 0 {
			return false
		}
		message = message[n:]
	}
	return false
}

// isWeak reports whether bytes are a pattern or text. Random bytes are, once in 10⁷
// keys of 16 bytes and once in 10¹³ of 32.
func isWeak(key []byte) bool {
	isText, isSeries, isPattern := true, true, false
	for i, b := range key {
		isText = isText && (' ' <= b && b <= '~' || b == '\n')
		isSeries = isSeries && (i == 0 || b-key[i-1] == key[1]-key[0]) // 0 0 0, 1 2 3
	}
	for period := 1; period <= len(key)/2 && !isPattern; period++ {
		isPattern = string(key[period:]) == string(key[:len(key)-period])
	}
	return isText || isSeries || isPattern
}
