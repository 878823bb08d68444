package secret_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"ferry/internal/secret"
)

// A vault wraps with a key of its own, unless it is down.
type vault struct {
	tink.AEAD
	down  error
	calls int
}

func newVault(t *testing.T) *vault {
	t.Helper()
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		t.Fatal(err)
	}
	return &vault{AEAD: primitive}
}

func (v *vault) Wrap(_ context.Context, plain []byte) ([]byte, error) {
	if v.calls++; v.down != nil {
		return nil, v.down
	}
	return v.Encrypt(plain, nil)
}

func (v *vault) Unwrap(_ context.Context, wrapped []byte) ([]byte, error) {
	if v.calls++; v.down != nil {
		return nil, v.down
	}
	return v.Decrypt(wrapped, nil)
}

// newWrappedFile returns a file with a keyset that a vault has wrapped.
func newWrappedFile(t *testing.T, vault *vault) (secret.KeysetFile, *secret.Keyset) {
	t.Helper()
	_, keyset := newKeysetFile(t)
	file := secret.KeysetFile{Path: filepath.Join(t.TempDir(), "keyset.json"), Wrapper: vault}
	if err := file.Create(t.Context(), keyset); err != nil {
		t.Fatal(err)
	}
	return file, keyset
}

func TestWrappedKeysetIsTinksAndShowsNoKey(t *testing.T) {
	vault := newVault(t)
	file, first := newWrappedFile(t, vault)
	text, err := os.ReadFile(file.Path)
	if err != nil || strings.Contains(string(text), "keyData") || !strings.Contains(string(text), "encryptedKeyset") {
		t.Errorf("the file has %s, %v", text, err)
	}
	handle, err := keyset.ReadWithAssociatedData(keyset.NewJSONReader(strings.NewReader(string(text))), vault, nil)
	if err != nil || handle.KeysetInfo().GetPrimaryKeyId() != first.Primary() {
		t.Errorf("Tink reads %v, %v", handle, err)
	}
	sealed, _ := first.Seal(secret.New(canary), "place")
	sealer, err := secret.OpenSealer(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := sealer.Open(sealed, "place"); err != nil || opened.Reveal() != canary {
		t.Errorf("what the keyset has sealed: %v", err)
	}
	if fromText, err := secret.UnwrapSealer(t.Context(), secret.New(string(text)), vault); err != nil || fromText.Keyset().Primary() != first.Primary() {
		t.Errorf("the keyset of an environment variable: %v", err)
	}
}

func TestWrappedKeysetIsReplacedAndReadAgain(t *testing.T) {
	vault := newVault(t)
	file, first := newWrappedFile(t, vault)
	sealer, err := secret.OpenSealer(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	second, id := withNewKey(t, first)
	if err := file.Replace(t.Context(), first, second); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file.Path); err != nil || strings.Contains(string(text), "keyData") {
		t.Errorf("the file has %s, %v", text, err)
	}
	vault.down = errors.New("down")
	if changed, err := sealer.Reload(t.Context(), accept); changed || !errors.Is(err, vault.down) || sealer.Keyset().Has(id) {
		t.Errorf("without the vault: %v, %v", changed, err)
	}
	vault.down = nil
	if changed, err := sealer.Reload(t.Context(), accept); !changed || err != nil || !sealer.Keyset().Has(id) {
		t.Errorf("with the vault again: %v, %v", changed, err)
	}
	vault.calls = 0
	for range 10 {
		if changed, err := sealer.Reload(t.Context(), accept); changed || err != nil {
			t.Errorf("without a change: %v, %v", changed, err)
		}
	}
	if vault.calls > 0 {
		t.Errorf("the vault was called %d times for a file that has not changed", vault.calls)
	}
}

func TestKeysetThatIsNotWrappedAsConfiguredIsRefused(t *testing.T) {
	vault := newVault(t)
	plain, keyset := newKeysetFile(t)
	wrapped, _ := newWrappedFile(t, vault)
	other, _ := newWrappedFile(t, newVault(t))
	changed := filepath.Join(t.TempDir(), "keyset.json")
	text, err := os.ReadFile(wrapped.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), `"encryptedKeyset":"A`, `"encryptedKeyset":"B`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	down := newVault(t)
	down.down = errors.New("the vault is down")
	for name, test := range map[string]struct {
		file secret.KeysetFile
		want string
	}{
		"wrapped, and no wrapper":   {secret.KeysetFile{Path: wrapped.Path}, "set --keyset-kms-key"},
		"in the clear":              {secret.KeysetFile{Path: plain.Path, Wrapper: vault}, "is not encrypted"},
		"wrapped by another key":    {secret.KeysetFile{Path: other.Path, Wrapper: vault}, "decrypting the keyset"},
		"changed":                   {secret.KeysetFile{Path: changed, Wrapper: vault}, "decrypting the keyset"},
		"the wrapper does not work": {secret.KeysetFile{Path: wrapped.Path, Wrapper: down}, "the vault is down"},
	} {
		if _, err := secret.OpenSealer(t.Context(), test.file); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"empty":           `{"encryptedKeyset": ""}`,
		"not base64":      `{"encryptedKeyset": "?"}`,
		"other members":   `{"encryptedKeyset": "AAAA", "key": []}`,
		"of another kind": `{"encryptedKeyset": 7}`,
	} {
		if _, err := secret.UnwrapKeyset(t.Context(), secret.New(text), vault); err == nil {
			t.Errorf("%s: it is taken for a keyset", name)
		}
	}
	if loaded, err := plain.Load(t.Context()); err != nil || !slices.Equal(loaded.Keys(), keyset.Keys()) {
		t.Errorf("the keyset in the clear is %v, %v", loaded, err)
	}
}

func TestWeakKeyInAWrappedKeysetIsRefused(t *testing.T) {
	vault := newVault(t)
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(strings.NewReader(gcm(t, make([]byte, 32)).Reveal())))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewJSONWriter(&text), vault, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.UnwrapKeyset(t.Context(), secret.New(text.String()), vault); err == nil || !strings.Contains(err.Error(), "not random") {
		t.Errorf("a key of zeros: %v", err)
	}
}
