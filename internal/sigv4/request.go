package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// signedRequest is the part of a request that a signature covers, without the body.
type signedRequest struct {
	method  string
	path    string              // as received, not decoded; begins with "/"
	query   string              // as received, without "?"
	headers map[string][]string // by lower-case name; with "host" and the others that net/http keeps elsewhere
}

// repeated returns the first header, in the order of the names, that is present more than once though it
// identifies the caller or the request: authorization, or one that begins with x-amz-. A second one makes the
// request ambiguous.
func (m *signedRequest) repeated() (name string, found bool) {
	for other, values := range m.headers {
		if len(values) > 1 && (other == "authorization" || strings.HasPrefix(other, "x-amz-")) && (!found || other < name) {
			name, found = other, true
		}
	}
	return name, found
}

// readRequest returns the parts of r that a signature covers. The target is r.RequestURI, which net/http
// and routers do not change. readRequest rejects a target that is too long or not a plain path (in absolute
// form, the request line and not the Host header would name the host), and ambiguous headers.
//
// The host is that of the Host header. X-Forwarded-Host, Forwarded and the like are ignored: behind a proxy
// that rewrites Host, no signature can verify.
func readRequest(r *http.Request) (*signedRequest, error) {
	target, host := r.RequestURI, r.Host
	if target == "" { // r comes from http.NewRequest, not from a server
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
		e := incomplete("The request target has %d bytes; the limit is %d.", len(target), maxTarget)
		e.Status = http.StatusRequestURITooLong
		return nil, e
	}
	m := &signedRequest{method: r.Method, headers: make(map[string][]string, len(r.Header)+2)}
	m.path, m.query, _ = strings.Cut(target, "?")
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if _, twice := m.headers[name]; twice { // possible only if net/http did not make the map
			return nil, incomplete("The header '%s' is present in more than one spelling.", clip(name))
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

// authorization returns the value of the Authorization header. It rejects credentials in the query, with or
// without that header: a request with both would have two signers.
func (m *signedRequest) authorization(params []param) (string, error) {
	values := m.headers["authorization"]
	if name, found := credentialParam(params); found {
		if len(values) > 0 {
			return "", invalid("Found both '%s' as a query-string param and 'Authorization' as HTTP header.", clip(name))
		}
		return "", invalid("Found '%s' as a query-string param. Presigned requests are not supported: sign with the Authorization header.", clip(name))
	}
	if name, found := m.repeated(); found {
		return "", incomplete("The header '%s' must not be present more than once.", clip(name))
	}
	if len(values) == 0 || !strings.HasPrefix(values[0], "AWS4-") {
		return "", missing()
	}
	return values[0], nil
}

// credentialParam returns the first query parameter that belongs to a presigned request: a name that begins
// with X-Amz- (no operation has such a parameter), or AWSAccessKeyId of Signature Version 2. It ignores
// case, because other readers of the query may do so.
func credentialParam(params []param) (string, bool) {
	for _, p := range params {
		name := strings.ToLower(p.decodedName)
		if strings.HasPrefix(name, "x-amz-") || name == "awsaccesskeyid" {
			return p.decodedName, true
		}
	}
	return "", false
}

// checkSigned checks that the list of signed headers consists of lower-case names, sorted, each once and each
// in the request, and that it includes every header that begins with x-amz-. The headers that SDKs add after
// signing (amz-sdk-request, user-agent, x-amzn-trace-id) do not begin with it.
func (m *signedRequest) checkSigned(names []string) error {
	for i, name := range names {
		if !isLowerToken(name) || i > 0 && names[i-1] >= name {
			return incomplete("SignedHeaders must be a sorted list of lower-case header names, separated by ';', without duplicates. Got '%s'.", clip(strings.Join(names, ";")))
		}
	}
	for _, name := range names {
		values := m.headers[name]
		if len(values) == 0 {
			return invalid("The header '%s' is in SignedHeaders but not in the request.", clip(name))
		}
		if slices.ContainsFunc(values, hasControl) {
			return incomplete("The header '%s' contains a control character.", clip(name))
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

// sessionToken returns the value of X-Amz-Security-Token, or nil if there is none. authorization and checkSigned
// have rejected a second one, and one that is not signed.
func (m *signedRequest) sessionToken() *string {
	values := m.headers["x-amz-security-token"]
	if len(values) == 0 {
		return nil
	}
	return &values[0]
}

// declaredPayloadHash returns the value of x-amz-content-sha256, or "" if there is none. No operation of the
// service has an unsigned or a streaming payload, so it rejects the markers for these.
func (m *signedRequest) declaredPayloadHash() (string, error) {
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

// hasControl reports whether s has a byte that would end a line of the canonical request, or that no header
// may contain.
func hasControl(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}
