package sigv4

import (
	"cmp"
	"slices"
	"strings"
)

// canonical is the canonical request up to the payload hash, which is its last line.
func (m *message) canonical(normalize bool, params []param, signed []string) string {
	var b strings.Builder
	b.WriteString(m.method)
	b.WriteByte('\n')
	b.WriteString(canonicalPath(m.path, normalize))
	b.WriteByte('\n')
	b.WriteString(canonicalQuery(params))
	b.WriteByte('\n')
	for _, name := range signed {
		b.WriteString(name)
		b.WriteByte(':')
		for i, value := range m.headers[name] {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(foldSpaces(value))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.WriteString(strings.Join(signed, ";"))
	b.WriteByte('\n')
	return b.String()
}

// canonicalPath encodes the path of the wire once more, as every service but S3 does: "/a%20b" becomes
// "/a%2520b". Without normalisation no two paths of the wire have the same canonical form.
func canonicalPath(path string, normalize bool) string {
	if normalize {
		path = removeDotSegments(path)
	}
	return encode(path, true)
}

// removeDotSegments drops empty and "." segments and lets ".." take back the one before it. A final slash
// stays, unless nothing else is left.
func removeDotSegments(path string) string {
	var kept []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	clean := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && strings.HasSuffix(path, "/") {
		clean += "/"
	}
	return clean
}

// param is one query parameter. name and value are encoded the canonical way.
type param struct{ name, value, decodedName string }

// parseQuery splits a query as it was on the wire, never as net/url has understood it: url.ParseQuery drops
// what it does not like, and then one thing is signed and another is read.
//
// It refuses, with an *Error: a "%" without two hexadecimal digits; a raw ";" (a separator for some readers,
// data for others); a raw "+" (a space for form readers, a plus for SigV4; every SDK writes %20 and %2B);
// and an empty parameter, as in "a&&b". On an error it still returns the parameters that it could read.
func parseQuery(query string) (params []param, err error) {
	if query == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		decodedName, ok1 := decode(name)
		decodedValue, ok2 := decode(value)
		if part == "" || !ok1 || !ok2 {
			err = incomplete("The query string has a malformed part: '%s'. Percent-encode every byte that is not a letter, a digit or one of '-._~', "+
				"with %%20 for a space.", clip(part))
			continue
		}
		params = append(params, param{encode(decodedName, false), encode(decodedValue, false), decodedName})
	}
	return params, err
}

// canonicalQuery sorts by encoded name, then by encoded value, byte by byte. Equal names stay apart.
func canonicalQuery(params []param) string {
	sorted := slices.SortedFunc(slices.Values(params), func(a, b param) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
	})
	var b strings.Builder
	for i, p := range sorted {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

// encode percent-encodes every byte but the unreserved characters of RFC 3986 §2.3, with upper-case digits.
// With path, "/" stays, too.
func encode(s string, path bool) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		if isUnreserved(c) || path && c == '/' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
	return b.String()
}

func isUnreserved(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// decode undoes percent-encoding. It refuses what parseQuery says.
func decode(s string) (string, bool) {
	if !strings.ContainsAny(s, "%;+") {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ';', '+':
			return "", false
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high > 15 || low > 15 {
				return "", false
			}
			b = append(b, high<<4|low)
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b), true
}

// unhex gives the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// foldSpaces trims a header value and makes one space of every run of spaces, inside quotes, too.
func foldSpaces(s string) string {
	s = strings.Trim(s, " \t")
	if !strings.Contains(s, "  ") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != ' ' || s[i-1] != ' ' { // s[0] is not a space
			b = append(b, s[i])
		}
	}
	return string(b)
}
