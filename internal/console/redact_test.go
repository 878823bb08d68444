package console_test

import (
	"testing"

	"ferry/internal/console"
)

func TestShortNumberHasNoMiddle(t *testing.T) {
	for number, want := range map[string]string{
		"4915112345678": "+49…678", "+1 555-078-3881": "+15…881", "16505551234": "+16…234", "123456": "+12…456", "12345": "+…", "": "+…", "anna": "+…",
	} {
		if got := console.ShortNumber(number); got != want {
			t.Errorf("%q: %s, want %s", number, got, want)
		}
	}
}
