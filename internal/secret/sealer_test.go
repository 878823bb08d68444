package secret_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
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

// TestWhatWasChangedDoesNotOpen is FuzzOpen with 100,000 changes of a sealed value, or FERRY_ROUNDS times as many.
func TestWhatWasChangedDoesNotOpen(t *testing.T) {
	changes := 100_000
	if text := os.Getenv("FERRY_ROUNDS"); text != "" {
		rounds, err := strconv.Atoi(text)
		if err != nil || rounds < 1 {
			t.Fatalf("FERRY_ROUNDS is %q; expected how many times as many random cases to check", text)
		}
		changes *= rounds
	}
	sealer := newSealer(t)
	sealed, err := sealer.Seal(secret.New(canary), "place")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range changes {
		data := change(r, sealed)
		for bytes.Equal(data, sealed) {
			data = change(r, sealed)
		}
		if _, err := sealer.Open(data, "place"); err == nil {
			t.Fatalf("%x opens, as %x does", data, sealed)
		}
	}
	if opened, err := sealer.Open(sealed, "place"); err != nil || opened.Reveal() != canary {
		t.Errorf("the value itself does not open: %v", err)
	}
}

// change returns data with one to three changes: bits and bytes, cuts at both ends and in the middle, additions.
func change(r *rand.Rand, data []byte) []byte {
	data = bytes.Clone(data)
	for range 1 + r.IntN(3) {
		if len(data) == 0 {
			return data
		}
		at := r.IntN(len(data))
		switch r.IntN(7) {
		case 0, 1:
			data[at] ^= 1 << r.IntN(8)
		case 2:
			data[at] = byte(r.Uint32())
		case 3:
			data = data[:at]
		case 4:
			data = data[at:]
		case 5:
			data = append(data[:at], data[min(at+1+r.IntN(4), len(data)):]...)
		case 6:
			data = append(data[:at:at], append([]byte{byte(r.Uint32())}, data[at:]...)...)
		}
	}
	return data
}
