package secret_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	ctrpb "github.com/tink-crypto/tink-go/v2/proto/aes_ctr_hmac_aead_go_proto"
	gcmpb "github.com/tink-crypto/tink-go/v2/proto/aes_gcm_go_proto"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"google.golang.org/protobuf/proto"

	"ferry/internal/secret"
)

// keysetOf returns a keyset of one template, after change has changed its key.
func keysetOf(t *testing.T, template *tinkpb.KeyTemplate, change func(value []byte) proto.Message) secret.Secret {
	t.Helper()
	handle, err := keyset.NewHandle(template)
	if err != nil {
		t.Fatal(err)
	}
	plain := insecurecleartextkeyset.KeysetMaterial(handle)
	if change != nil {
		data := plain.GetKey()[0].GetKeyData()
		if data.Value, err = proto.Marshal(change(data.GetValue())); err != nil {
			t.Fatal(err)
		}
	}
	changed, err := proto.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	if handle, err = insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(changed))); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		t.Fatal(err)
	}
	return secret.New(text.String())
}

// gcm returns a keyset with an AES-GCM key of the given bytes.
func gcm(t *testing.T, key []byte) secret.Secret {
	return keysetOf(t, aead.AES256GCMKeyTemplate(), func([]byte) proto.Message { return &gcmpb.AesGcmKey{KeyValue: key} })
}

func TestKeyThatNobodyGeneratedIsRefused(t *testing.T) {
	counting := make([]byte, 32)
	for i := range counting {
		counting[i] = byte(i)
	}
	for name, text := range map[string]secret.Secret{
		"zeros":                  gcm(t, make([]byte, 32)),
		"16 zeros":               gcm(t, make([]byte, 16)),
		"ones":                   gcm(t, bytes.Repeat([]byte{0xff}, 32)),
		"one byte that is a tag": gcm(t, bytes.Repeat([]byte{0x08}, 32)),
		"a letter":               gcm(t, []byte(strings.Repeat("a", 32))),
		"text":                   gcm(t, []byte("change-me-change-me-change-me-32")),
		"hexadecimal digits":     gcm(t, []byte("9f86d081884c7d659a2feaa0c55ad015")),
		"a pattern":              gcm(t, bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef}, 8)),
		"the same half twice":    gcm(t, bytes.Repeat(counting[:16], 2)),
		"counting":               gcm(t, counting),
		"zeros in a key of two": keysetOf(t, aead.AES128CTRHMACSHA256KeyTemplate(), func(value []byte) proto.Message {
			var key ctrpb.AesCtrHmacAeadKey
			if err := proto.Unmarshal(value, &key); err != nil {
				t.Fatal(err)
			}
			clear(key.GetAesCtrKey().GetKeyValue())
			return &key
		}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := secret.NewSealer(text)
			if err == nil || !strings.Contains(err.Error(), "not random") || !strings.Contains(err.Error(), "ferry keyset create") {
				t.Errorf("NewSealer: %v", err)
			}
		})
	}
}

func TestGeneratedKeysAreAccepted(t *testing.T) {
	for name, template := range map[string]*tinkpb.KeyTemplate{
		"AES-128-GCM":        aead.AES128GCMKeyTemplate(),
		"AES-256-GCM":        aead.AES256GCMKeyTemplate(),
		"AES-GCM-SIV":        aead.AES256GCMSIVKeyTemplate(),
		"AES-CTR-HMAC":       aead.AES256CTRHMACSHA256KeyTemplate(),
		"ChaCha20-Poly1305":  aead.ChaCha20Poly1305KeyTemplate(),
		"XChaCha20-Poly1305": aead.XChaCha20Poly1305KeyTemplate(),
		"XAES-256-GCM":       aead.XAES256GCM192BitNonceKeyTemplate(),
	} {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				if _, err := secret.NewSealer(keysetOf(t, template, nil)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
