package object

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL is the limit for the length of a presigned URL in bytes (S3PresignedUrl.url
// in the service model).
const maxURL = 2000

// endpoint is the server that a URL names, in canonical form: scheme and host in
// lower case, an IPv6 address without brackets, and always a port.
type endpoint struct {
	scheme string
	host   string
	port   uint16
}

// urlParts are the parts of a URL. path and query are the bytes as written.
type urlParts struct {
	endpoint
	hostHeader string // as written, without a default port, as clients send and sign it
	path       string // begins with a slash
	query      string // without the question mark
	hasQuery   bool
}

// The errors of splitURL. Each continues the sentence "The presigned URL …".
var (
	errURLLength    = errors.New("must have 1 to 2000 characters")
	errURLCharacter = errors.New("contains a character that is not allowed in a URL; percent-encode it")
	errURLScheme    = errors.New("must begin with https://")
	errURLUserinfo  = errors.New("must not contain a user name or password")
	errURLHost      = errors.New("must have a DNS name or an IP address in canonical form as its host")
	errURLPort      = errors.New("must have a decimal number from 1 to 65535 as its port, or no port")
	errURLPath      = errors.New("must have a path that begins with a slash")
	errURLPercent   = errors.New("contains a percent sign without two hexadecimal digits, or an encoded NUL")
	errURLDots      = errors.New(`must not contain the path segments "." or ".."`)
)

// splitURL parses a URL by RFC 3986 (docs/references.md#uri), but more strictly: it refuses any text that two
// parsers may read differently. Its errors are the ones above.
func splitURL(raw string) (urlParts, error) {
	var p urlParts
	if len(raw) == 0 || len(raw) > maxURL {
		return p, errURLLength
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			return p, errURLCharacter
		}
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	p.scheme = strings.ToLower(scheme)
	if !ok || p.scheme != "https" && p.scheme != "http" {
		return p, errURLScheme
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 || rest[end] == '?' {
		return p, errURLPath
	}
	p.path, p.query, p.hasQuery = strings.Cut(rest[end:], "?")
	if err := p.splitAuthority(rest[:end]); err != nil {
		return p, err
	}
	if err := checkPath(p.path); err != nil {
		return p, err
	}
	if strings.ContainsAny(p.query, "[]") {
		return p, errURLCharacter
	}
	return p, checkPercent(p.query)
}

// splitAuthority parses name, name:port, [v6] or [v6]:port.
func (p *urlParts) splitAuthority(authority string) error {
	if strings.Contains(authority, "@") {
		return errURLUserinfo
	}
	host, port, hasPort := strings.Cut(authority, ":")
	bracketed := strings.HasPrefix(authority, "[")
	if bracketed {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return errURLHost
		}
		host, port = authority[1:end], authority[end+1:]
		if port, hasPort = strings.CutPrefix(port, ":"); port != "" && !hasPort {
			return errURLHost
		}
	}
	p.host = strings.ToLower(host)
	if err := checkHost(p.host, bracketed); err != nil {
		return err
	}
	defaultPort := map[string]uint16{"https": 443, "http": 80}[p.scheme]
	p.port = defaultPort
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return errURLPort
		}
		p.port = uint16(n)
	}
	p.hostHeader = authority
	if hasPort && p.port == defaultPort {
		p.hostHeader = strings.TrimSuffix(authority, ":"+port)
	}
	return nil
}

// checkHost accepts an address in canonical form, or a DNS name whose last label
// begins with a letter, so that no resolver reads the name as a number.
func checkHost(host string, bracketed bool) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.String() != host || addr.Is6() != bracketed || addr.Zone() != "" || addr.Is4In6() {
			return errURLHost
		}
		return nil
	}
	if bracketed || len(host) > 253 {
		return errURLHost
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return errURLHost
		}
		last = label
	}
	if last[0] < 'a' || last[0] > 'z' {
		return errURLHost
	}
	return nil
}

// isLabel reports whether s is a label of a host name, in lower case (RFC 1123 §2.1).
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func checkPath(path string) error {
	if strings.ContainsAny(path, "[]") {
		return errURLCharacter
	}
	if err := checkPercent(path); err != nil {
		return err
	}
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return errURLPercent
	}
	if hasDotSegment(decoded) {
		return errURLDots
	}
	return nil
}

// checkPercent requires two hexadecimal digits after each percent sign, and refuses %00.
func checkPercent(s string) error {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) || s[i+1:i+3] == "00" {
			return errURLPercent
		}
		i += 2
	}
	return nil
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// hasDotSegment reports whether path has a segment "." or "..". A backslash separates
// segments too, since some servers treat it as a slash.
func hasDotSegment(path string) bool {
	for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// requestURL returns the URL that net/http sends. It returns an error if net/url
// would write another path or query than the text has.
func (p urlParts) requestURL() (*url.URL, error) {
	path, err := url.PathUnescape(p.path)
	if err != nil {
		return nil, errURLPercent
	}
	u := &url.URL{
		Scheme: p.scheme, Host: p.authority(),
		Path: path, RawPath: p.path, RawQuery: p.query, ForceQuery: p.hasQuery && p.query == "",
	}
	want := p.path
	if p.hasQuery {
		want += "?" + p.query
	}
	if u.RequestURI() != want {
		return nil, errURLCharacter
	}
	return u, nil
}
