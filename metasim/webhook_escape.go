// How Meta writes the JSON of webhooks.

package metasim

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// escapedBytes are the ASCII characters that Meta escapes in strings, besides those
// that JSON requires (docs/references.md#graph-webhook-escaping).
var escapedBytes = map[byte]string{'/': `\/`, '<': `\u003C`, '%': `\u0025`, '@': `\u0040`}

// marshalEscaped returns the JSON of a value in ASCII, as Meta signs it: other
// characters are \uXXXX in lower case, as UTF-16.
func marshalEscaped(value any) ([]byte, error) {
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return escapeJSON(bytes.TrimSuffix(plain.Bytes(), []byte("\n"))), nil
}

// escapeJSON escapes valid JSON. The characters concerned are in strings only.
func escapeJSON(plain []byte) []byte {
	escaped := make([]byte, 0, len(plain)+len(plain)/8)
	for len(plain) > 0 {
		if plain[0] < utf8.RuneSelf {
			if as, ok := escapedBytes[plain[0]]; ok {
				escaped = append(escaped, as...)
			} else {
				escaped = append(escaped, plain[0])
			}
			plain = plain[1:]
			continue
		}
		r, size := utf8.DecodeRune(plain)
		for _, unit := range utf16.AppendRune(nil, r) {
			escaped = appendUnit(escaped, unit)
		}
		plain = plain[size:]
	}
	return escaped
}

func appendUnit(to []byte, unit uint16) []byte {
	const hex = "0123456789abcdef"
	return append(to, '\\', 'u', hex[unit>>12], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
}
