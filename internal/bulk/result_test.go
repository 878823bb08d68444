package bulk

import (
	"strings"
	"testing"
)

func TestFindingIsReadOnlyFromTheRefusalOfAFile(t *testing.T) {
	for _, test := range []struct{ code, message, want string }{
		{"InvalidParametersException", "The Opus audio has 2 channels. [opus-not-mono]", "opus-not-mono"},
		{"InvalidParametersException", "The text is wrong.\nIt is long.\nThere are 3 more findings. [text-utf-16]", "text-utf-16"},
		{"InvalidParametersException", "It has empty content. [empty]", "empty"},
		{"InvalidParametersException", "WhatsApp refuses: (#100) Invalid parameter [1]", ""},
		{"InvalidParametersException", "It takes one of [image/jpeg].", ""},
		{"InvalidParametersException", "[" + strings.Repeat("a", 65) + "]", ""},
		{"ValidationException", "Member must satisfy enum value set: [en]", ""},
		{"", "connection refused [peer]", ""},
	} {
		if got := findingIn(test.code, test.message); got != test.want {
			t.Errorf("%s, %q: %q, want %q", test.code, test.message, got, test.want)
		}
	}
}
