package sigv4

import (
	"bytes"
	"maps"
	"strings"
	"testing"
)

// mutations of one byte. The last puts a space before it.
var mutations = [...]func(raw []byte, i int) []byte{
	func(raw []byte, i int) []byte { return splice(raw, i, raw[i]^0x20) },
	func(raw []byte, i int) []byte { return splice(raw, i, raw[i]^0x01) },
	func(raw []byte, i int) []byte { return splice(raw, i) },
	func(raw []byte, i int) []byte { return splice(raw, i, ' ', raw[i]) },
}

func splice(raw []byte, i int, with ...byte) []byte {
	return append(append(append([]byte{}, raw[:i]...), with...), raw[i+1:]...)
}

// acceptedMutants is the number of mutants that verify, by the place of the mutated byte. The test checks that
// each of them has the same meaning as the original. The table shows when their number changes.
var acceptedMutants = map[string]int{
	"authorization":           315,  // spaces after the algorithm and after commas
	"body or end of head":     35,   // bare LF, which net/http accepts
	"continued line":          16,   // indentation of a folded line
	"end of line":             289,  // bare LF; a space before CRLF
	"header name":             1081, // case
	"header value":            110,  // runs of spaces, spaces after the colon
	"target, path normalised": 84,   // segments that ".." removes, doubled slashes; case of %xx in the query
	"version":                 70,   // HTTP/1.0 and HTTP/0.1 (which net/http's server rejects)
}

// TestNoMutationVerifies changes every byte of every vector whose signature verifies.
func TestNoMutationVerifies(t *testing.T) {
	total, accepted := 0, map[string]int{}
	for _, v := range vectors(t) {
		if unparsable[v.name] || unsignedToken[v.name] {
			continue
		}
		raw := v.raw(t, "header-signed-request.txt")
		original := meaning(raw, v.verifier.normalizePath)
		for i := range raw {
			for k, mutate := range mutations {
				mutant := mutate(raw, i)
				total++
				if bytes.Equal(mutant, raw) || !v.signatureIsRight(mutant) {
					continue
				}
				where := place(raw, i)
				if where == "target" && v.verifier.normalizePath {
					where = "target, path normalised"
				}
				accepted[where]++
				if got := meaning(mutant, v.verifier.normalizePath); got != original {
					t.Errorf("%s: mutation %d of byte %d verifies and means something else:\n%q\n%s\nwas\n%s", v.name, k, i, mutant, got, original)
				}
			}
		}
	}
	t.Logf("%d mutants, accepted %v", total, accepted)
	if !maps.Equal(accepted, acceptedMutants) {
		t.Errorf("accepted %#v, want %#v", accepted, acceptedMutants)
	}
}

// signatureIsRight reports whether the signature of raw is right.
func (v *vector) signatureIsRight(raw []byte) bool {
	r, err := read(raw)
	if err != nil {
		return false
	}
	return verify(v.verifier, r, v.key, v.now) == nil
}

// place returns the part of the request that byte i of raw belongs to.
func place(raw []byte, i int) string {
	end := bytes.Index(raw, []byte("\r\n\r\n"))
	if i > end+1 {
		return "body or end of head"
	}
	start := bytes.LastIndexByte(raw[:i], '\n') + 1
	line, _, _ := strings.Cut(string(raw[start:]), "\n")
	column := i - start
	if column >= len(line)-1 {
		return "end of line"
	}
	if start == 0 {
		return [...]string{"method", "target", "version"}[strings.Count(line[:column], " ")]
	}
	colon := strings.IndexByte(line, ':')
	switch name := strings.ToLower(line[:max(colon, 0)]); {
	case colon < 0 || strings.HasPrefix(line, " "):
		return "continued line"
	case column < colon:
		return "header name"
	case column == colon:
		return "colon"
	case name == "authorization":
		return "authorization"
	}
	return "header value"
}
