// Package sigv4 verifies AWS Signature Version 4 in the form that every AWS SDK sends: an Authorization
// header with AWS4-HMAC-SHA256. It does no I/O and reads no body. Its only state is an optional cache of
// signing keys, SigningKeys.
//
// A caller verifies a request in this order:
//
//	s, err := verifier.Parse(r, time.Now())      // shape, date, scope, signed headers; no secret needed
//	key, ok := lookup(s.AccessKeyID)             // unknown key: s.VerifyUnknown, which takes the same time as Verify
//	if h, ok := s.DeclaredPayloadHash(); ok {    // verify before reading the body
//		err = s.Verify(key, h)
//		…read and hash the body…
//		err = s.VerifyPayload(hash)
//	} else {                                     // boto3 declares none: first read the body, within a limit
//		…read and hash the body…
//		err = s.Verify(key, hash)
//	}
//
// Verification rejects malformed requests, reconstructs what the client must have signed, and compares.
// This package is stricter than AWS's servers where no SDK depends on it; a comment marks each such place.
// Presigned requests, signed chunks, unsigned payloads and forwarded headers are not supported; they are
// rejected. So is a session token that is not signed.
//
// The rules, and the order and texts of the errors, are those of docs/references.md#sigv4. The tests also
// run the vectors that AWS publishes (awslabs/aws-c-auth).
package sigv4

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	algorithm        = "AWS4-HMAC-SHA256"
	terminator       = "aws4_request"
	timeFormat       = "20060102T150405Z" // ISO 8601 basic format, UTC
	defaultMaxSkew   = 15 * time.Minute
	maxAuthorization = 8 << 10 // bytes
	maxTarget        = 8 << 10 // bytes of path and query; no operation needs more than about 3 KiB
	maxSignedHeaders = 64      // names; the SDKs sign 3 to 10
)

// Verifier holds the service and the region that a signature must name. Both are required, except the region
// with AnyRegion, and come from the configuration, never from the request. A Verifier is safe for concurrent
// use.
type Verifier struct {
	Service string // signing name in the credential scope, such as "social-messaging"
	Region  string // the one region served, such as "us-east-1"

	// AnyRegion accepts signatures for every region whose name has the form of a region's. Signature.Region
	// says which it is. It is for development, where one server stands for all regions. Default false.
	AnyRegion bool

	// MaxSkew is the largest allowed difference between X-Amz-Date and the clock, in whole seconds and in
	// either direction. Default 15 minutes.
	MaxSkew time.Duration

	// Keys caches the signing keys that Verify derives. Nil means that every Verify derives its own.
	Keys *SigningKeys

	// normalizePath removes empty, "." and ".." segments from the path before it is signed, as AWS's
	// services other than S3 do. Without it, the signature covers the path byte for byte as received.
	// The two agree for paths without such segments. Default false.
	normalizePath bool
}

var errUnconfigured = errors.New("sigv4: Service and Region of the Verifier are required")

// Parse checks everything about the signature of r that needs neither the secret nor the body. now is the
// current time. If the request is wrong, Parse returns an *Error for the first fault in the order in which
// AWS checks. Any other error means that the Verifier is not configured.
func (v Verifier) Parse(r *http.Request, now time.Time) (*Signature, error) {
	if v.Service == "" || v.Region == "" && !v.AnyRegion {
		return nil, errUnconfigured
	}
	m, err := readRequest(r)
	if err != nil {
		return nil, err
	}
	params, queryErr := parseQuery(m.query)
	header, err := m.authorization(params)
	if err != nil {
		return nil, err
	}
	a, err := parseAuthorization(header, len(m.headers["x-amz-date"]) > 0)
	if err != nil {
		return nil, err
	}
	date := m.headers["x-amz-date"][0]
	signedAt, failed := v.checkDate(date, now)
	if failed != nil {
		if c, err := parseCredential(a.credential); err == nil {
			failed.ClaimedKey = c.keyID
		}
		return nil, failed
	}
	if queryErr != nil {
		return nil, queryErr
	}
	c, err := v.checkCredential(a, date)
	if err != nil {
		return nil, err
	}
	if err := m.checkSigned(a.signedHeaders); err != nil {
		return nil, err
	}
	declared, err := m.declaredPayloadHash()
	if err != nil {
		return nil, err
	}
	if !isHash(a.signature) {
		return nil, mismatch()
	}
	return &Signature{
		AccessKeyID:   c.keyID,
		Region:        c.region,
		Time:          signedAt,
		SignedHeaders: a.signedHeaders,
		token:         m.sessionToken(),
		scope:         c.scope(),
		declared:      declared,
		signature:     a.signature,
		keys:          v.Keys,
		canonical:     m.canonical(v.normalizePath, params, a.signedHeaders),
	}, nil
}

// checkDate rejects a date that is not in the basic format or differs from now by more than MaxSkew. It
// truncates now to whole seconds, like the date, so that the limit is the same in both directions.
func (v Verifier) checkDate(date string, now time.Time) (time.Time, *Error) {
	t, err := time.Parse(timeFormat, date)
	if err != nil || len(date) != len(timeFormat) { // time.Parse accepts fractions of a second
		return t, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", clip(date))
	}
	skew := v.MaxSkew
	if skew <= 0 {
		skew = defaultMaxSkew
	}
	now = now.UTC().Truncate(time.Second)
	if oldest := now.Add(-skew); t.Before(oldest) {
		return t, invalid("Signature expired: %s is now earlier than %s (%s - %s)",
			date, oldest.Format(timeFormat), now.Format(timeFormat), minutes(skew))
	}
	if newest := now.Add(skew); t.After(newest) {
		return t, invalid("Signature not yet current: %s is still later than %s (%s + %s)",
			date, newest.Format(timeFormat), now.Format(timeFormat), minutes(skew))
	}
	return t, nil
}

// checkCredential checks, in this order, that host is signed, the algorithm, and the scope. The scope must
// match the Verifier and date. The error has one sentence for each fault of the scope, each with the
// trailing space that AWS sends. To AWS's text it adds which region is served.
func (v Verifier) checkCredential(a *authorization, date string) (*credential, error) {
	if !slices.Contains(a.signedHeaders, "host") {
		return nil, invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if a.algorithm != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s' (only %s for now). ", clip(a.algorithm), algorithm)
	}
	c, err := parseCredential(a.credential)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	isServed := c.region == v.Region
	if v.AnyRegion {
		isServed = isRegion(c.region)
	}
	if !isServed {
		text.WriteString("Credential should be scoped to a valid region, not '" + clip(c.region) + "'. ")
	}
	if c.service != v.Service {
		text.WriteString("Credential should be scoped to correct service: '" + v.Service + "'. ")
	}
	if c.term != terminator {
		text.WriteString("Credential should be scoped with a valid terminator: '" + terminator + "', not '" + clip(c.term) + "'. ")
	}
	if day := date[:len("20060102")]; c.date != day {
		text.WriteString("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			clip(c.date) + "' != '" + day + "', from '" + date + "'.")
	}
	if !isServed && !v.AnyRegion {
		if !strings.HasSuffix(text.String(), " ") {
			text.WriteString(" ")
		}
		text.WriteString("This server serves only the region '" + v.Region + "', which --region sets.")
	}
	if text.Len() > 0 {
		return nil, invalid("%s", text.String())
	}
	return c, nil
}

// isRegion reports whether s has the form of a region's name: up to 63 lower-case letters, digits and hyphens.
func isRegion(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
