package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// message is the part of a request that a signature covers, except for the body.
type message struct {
	method  string
	path    string              // as on the wire, still encoded; begins with "/"
	query   string              // as on the wire, without "?"
	headers map[string][]string // by lower-case name; "host" included, and what net/http moves elsewhere
}

// once are the headers that decide who is asking for what: a second one makes the request ambiguous.
var once = [...]string{"authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"}

// readMessage takes the signed parts out of r. The target is r.RequestURI, which net/http leaves as it was
// on the wire and no router changes. It refuses a target that is not a plain path (absolute form lets the
// request line, not the Host header, choose the host) or that is too long, and headers with two meanings.
//
// The Host is the one on the wire. X-Forwarded-Host, Forwarded and the like are never read: behind a proxy
// that rewrites Host, no signature can verify.
func readMessage(r *http.Request) (*message, error) {
	target, host := r.RequestURI, r.Host
	if target == "" { // made by http.NewRequest, not by a server
		target = r.URL.EscapedPath()
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		if host == "" {
			host = r.URL.Host
		}
	}
	if !strings.HasPrefix(target, "/") || strings.Contains(target, "#") {
		return nil, incomplete("The request target must be a path that begins with '/', with an optional query and no fragment.")
	}
	if len(target) > maxTarget {
		e := incomplete("The request target has %d bytes; at most %d are read.", len(target), maxTarget)
		e.Status = http.StatusRequestURITooLong
		return nil, e
	}
	m := &message{method: r.Method, headers: make(map[string][]string, len(r.Header)+2)}
	m.path, m.query, _ = strings.Cut(target, "?")
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if _, twice := m.headers[name]; twice { // only in a map that net/http did not fill
			return nil, incomplete("The header '%s' comes in more than one spelling.", clip(name))
		}
		m.headers[name] = values
	}
	m.headers["host"] = []string{host}
	if len(r.TransferEncoding) > 0 {
		m.headers["transfer-encoding"] = r.TransferEncoding
	} else if m.headers["content-length"] == nil && r.ContentLength > 0 {
		m.headers["content-length"] = []string{strconv.FormatInt(r.ContentLength, 10)}
	}
	return m, nil
}

// authorization finds the one Authorization header. Credentials in the query are refused whether or not
// there is a header: the same request would otherwise have two signers.
func (m *message) authorization(params []param) (string, error) {
	values := m.headers["authorization"]
	if name, found := credentialParam(params); found {
		if len(values) > 0 {
			return "", invalid("Found both '%s' as a query-string param and 'Authorization' as HTTP header.", clip(name))
		}
		return "", invalid("Found '%s' as a query-string param. Presigned requests are not accepted here: sign with the Authorization header.", clip(name))
	}
	for _, name := range once {
		if len(m.headers[name]) > 1 {
			return "", incomplete("The header '%s' must not be there more than once.", name)
		}
	}
	if len(values) == 0 || !strings.HasPrefix(values[0], "AWS4-") {
		return "", missing()
	}
	return values[0], nil
}

// credentialParam finds a query parameter that belongs to query signing: every name that begins with
// X-Amz- (no operation has a parameter of that kind), and AWSAccessKeyId of signature version 2. Case is
// ignored: a reader of the query may ignore it, too.
func credentialParam(params []param) (string, bool) {
	for _, p := range params {
		name := strings.ToLower(p.decodedName)
		if strings.HasPrefix(name, "x-amz-") || name == "awsaccesskeyid" {
			return p.decodedName, true
		}
	}
	return "", false
}

// checkSigned checks the list of signed headers: lower-case names, sorted, each once, each in the request;
// and that nothing that begins with x-amz- is outside it. Headers that the SDKs add after signing
// (amz-sdk-request, user-agent, x-amzn-trace-id) do not begin so.
func (m *message) checkSigned(names []string) error {
	for i, name := range names {
		if !isLowerToken(name) || i > 0 && names[i-1] >= name {
			return incomplete("SignedHeaders must be lower-case header names, sorted, each once, separated by ';'. Got '%s'.", clip(strings.Join(names, ";")))
		}
	}
	for _, name := range names {
		values := m.headers[name]
		if len(values) == 0 {
			return invalid("The header '%s' is in SignedHeaders but not in the request.", clip(name))
		}
		if slices.ContainsFunc(values, hasControl) {
			return incomplete("The header '%s' has a control character.", clip(name))
		}
	}
	var unsigned []string
	for name := range m.headers {
		if _, signed := slices.BinarySearch(names, name); !signed && strings.HasPrefix(name, "x-amz-") {
			unsigned = append(unsigned, name)
		}
	}
	if len(unsigned) > 0 {
		slices.Sort(unsigned)
		return invalid("There were headers present in the request which were not signed: %s", clip(strings.Join(unsigned, ", ")))
	}
	return nil
}

// declaredPayloadHash gives the value of x-amz-content-sha256, or "" where there is none. No operation of
// the service has an unsigned or a streaming payload, so these markers are refused.
func (m *message) declaredPayloadHash() (string, error) {
	values := m.headers["x-amz-content-sha256"]
	if len(values) == 0 {
		return "", nil
	}
	value := values[0]
	if strings.HasPrefix(value, "UNSIGNED-PAYLOAD") || strings.HasPrefix(value, "STREAMING-") {
		return "", invalid("The x-amz-content-sha256 value '%s' is not supported: it must be the SHA-256 of the body.", clip(value))
	}
	if !isHash(value) {
		return "", incomplete("The x-amz-content-sha256 header must be the SHA-256 of the body in 64 lower-case hexadecimal digits.")
	}
	return value, nil
}

// isHash reports whether s is a SHA-256 in lower-case hexadecimal.
func isHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isLowerToken reports whether s is a header name (RFC 9110 §5.6.2) without upper-case letters.
func isLowerToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// hasControl reports a byte that would end a line of the canonical request, or that no header may hold.
func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}
