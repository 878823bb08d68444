package secret_test

import (
	"bytes"
	"fmt"
	"testing"

	"ferry/internal/secret"
)

func newSealer(tb testing.TB) *secret.Sealer {
	tb.Helper()
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		tb.Fatal(err)
	}
	sealer, err := secret.NewSealer(keyset)
	if err != nil {
		tb.Fatal(err)
	}
	return sealer
}

func TestSealedValueOpensOnlyInItsPlaceAndWithItsKey(t *testing.T) {
	sealer := newSealer(t)
	sealed, err := sealer.Seal(secret.New(canary), "keys", "secret", "1")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte(canary)) {
		t.Error("the sealed value shows the plain one")
	}
	if opened, err := sealer.Open(sealed, "keys", "secret", "1"); err != nil || opened.Reveal() != canary {
		t.Errorf("Open = %v", err)
	}
	for _, place := range [][]string{{"keys", "secret", "2"}, {"keys", "secret"}, {"keys", "secret1"}, {"keyssecret", "1"}, {}} {
		if _, err := sealer.Open(sealed, place...); err == nil {
			t.Errorf("opens in %v", place)
		}
	}
	if _, err := newSealer(t).Open(sealed, "keys", "secret", "1"); err == nil {
		t.Error("opens with another key")
	}
}

func TestBadKeysetIsRefusedWithoutShowingIt(t *testing.T) {
	for _, text := range []string{"", " \n", "{}", canary, `{"primaryKeyId":1,"key":[]}`} {
		_, err := secret.NewSealer(secret.New(text))
		if err == nil {
			t.Errorf("%q is taken for a keyset", text)
		} else if bytes.Contains([]byte(fmt.Sprint(err)), []byte(canary)) {
			t.Errorf("the error shows the keyset: %v", err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	sealer := newSealer(f)
	sealed, err := sealer.Seal(secret.New(canary), "place")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(sealed[:4])
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, data []byte) {
		if opened, err := sealer.Open(data, "place"); err == nil && !(bytes.Equal(data, sealed) && opened.Reveal() == canary) {
			t.Errorf("%x opens", data)
		}
	})
}
