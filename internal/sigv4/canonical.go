package sigv4

import (
	"cmp"
	"slices"
	"strings"
)

// canonical returns the canonical request without its last line, the payload hash.
func (m *signedRequest) canonical(normalize bool, params []param, signed []string) string {
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

// canonicalPath encodes the path as received a second time, as every service except S3 does: "/a%20b"
// becomes "/a%2520b". Without normalisation, no two paths have the same canonical form.
func canonicalPath(path string, normalize bool) string {
	if normalize {
		path = removeDotSegments(path)
	}
	return encode(path, true)
}

// removeDotSegments removes empty and "." segments, and each ".." with the segment before it. It keeps a
// final slash.
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

// param is one query parameter. name and value have the canonical encoding.
type param struct{ name, value, decodedName string }

// parseQuery splits a query as received. It does not use url.ParseQuery, which drops malformed parameters:
// the query that is read would then differ from the query that was signed.
//
// It returns an *Error for a "%" without two hexadecimal digits; for a raw ";", which some readers take for
// a separator; for a raw "+", which is a space in forms and a plus in SigV4 (every SDK sends %20 and %2B);
// and for an empty parameter, as in "a&&b". With an error it still returns the well-formed parameters.
func parseQuery(query string) (params []param, err error) {
	if query == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		decodedName, ok1 := decode(name)
		decodedValue, ok2 := decode(value)
		if part == "" || !ok1 || !ok2 {
			err = incomplete("The query string has a malformed parameter: '%s'. Percent-encode every byte that is not a letter, a digit or one of '-._~', "+
				"with %%20 for a space.", clip(part))
			continue
		}
		params = append(params, param{encode(decodedName, false), encode(decodedValue, false), decodedName})
	}
	return params, err
}

// canonicalQuery returns the canonical query: parameters sorted by encoded name, then by encoded value, in
// byte order. Parameters with equal names are not merged.
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

// encode percent-encodes every byte except the unreserved characters of RFC 3986 §2.3, with upper-case
// digits. If path is true, it does not encode "/" either.
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

// decode decodes percent-encoding. It reports false for a text that parseQuery must reject.
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

// unhex returns the value of a hexadecimal digit, or 255.
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

// foldSpaces trims a header value and replaces every run of spaces with one space, also inside quotes.
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
