// Package sigv4 verifies AWS Signature Version 4 in the one form that every AWS SDK sends: an
// Authorization header with AWS4-HMAC-SHA256. It does no I/O, keeps no state and reads no body.
//
// A caller verifies in this order:
//
//	s, err := verifier.Parse(r, time.Now())      // shape, date, scope, signed headers; no secret needed
//	key, ok := lookup(s.AccessKeyID)             // unknown: s.VerifyUnknown, which costs the same as Verify
//	if h, ok := s.DeclaredPayloadHash(); ok {    // verify before a byte of the body is read
//		err = s.Verify(key, h)
//		…read and hash the body…
//		err = s.VerifyPayload(hash)
//	} else {                                     // boto3 declares none: read within a limit first
//		…read and hash the body…
//		err = s.Verify(key, hash)
//	}
//
// The method is: refuse by shape, rebuild what the client must have signed, compare. Where AWS's server
// is lax and no SDK uses it, this package is strict; each such place says so. Presigned requests, signed
// chunks, unsigned payloads, session tokens and forwarded headers are not supported, and refused.
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
	maxTarget        = 8 << 10 // bytes of path and query; the longest that an operation needs is about 3 KiB
	maxSignedHeaders = 64      // names; the SDKs sign 3 to 10
)

// Verifier holds what a signature must be made for. Service and Region are required and come from the
// configuration, never from the request. A Verifier is safe for concurrent use.
type Verifier struct {
	Service string // signing name in the credential scope, such as "social-messaging"
	Region  string // the one region served, such as "us-east-1"

	// MaxSkew is how far X-Amz-Date may lie before or after the clock, in whole seconds, both ends
	// included. Default 15 minutes.
	MaxSkew time.Duration

	// normalizePath removes empty, "." and ".." segments from the path before it is signed, as AWS's
	// services other than S3 do. Off, the signature binds the path byte for byte as it came over the
	// wire; both give the same for paths without such segments. Default off.
	normalizePath bool
}

var errUnconfigured = errors.New("sigv4: the Verifier has no Service or no Region")

// Parse checks everything about the signature of r that needs neither the secret nor the body, at the
// time now. It returns an *Error for anything that the client did wrong, with the first fault in the
// order of AWS's front end. Any other error is a fault of the Verifier itself.
func (v Verifier) Parse(r *http.Request, now time.Time) (*Signature, error) {
	if v.Service == "" || v.Region == "" {
		return nil, errUnconfigured
	}
	m, err := readMessage(r)
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
	signedAt, err := v.checkDate(date, now)
	if err != nil {
		return nil, err
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
		Time:          signedAt,
		SignedHeaders: a.signedHeaders,
		SessionToken:  len(m.headers["x-amz-security-token"]) > 0,
		scope:         c.scope(),
		declared:      declared,
		signature:     a.signature,
		canonical:     m.canonical(v.normalizePath, params, a.signedHeaders),
	}, nil
}

// checkDate refuses a date that is not in the basic format or lies outside the window. The clock is cut
// to whole seconds, as the date is, so that the window has the same width on both sides.
func (v Verifier) checkDate(date string, now time.Time) (time.Time, error) {
	t, err := time.Parse(timeFormat, date)
	if err != nil || len(date) != len(timeFormat) { // time.Parse lets fractions of a second through
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

// checkCredential checks that host is signed, the algorithm, and the scope against the Verifier and date,
// in this order. Every fault of the scope has its sentence in the one error, each with the trailing space
// that AWS leaves.
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
	if c.region != v.Region {
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
	if text.Len() > 0 {
		return nil, invalid("%s", text.String())
	}
	return c, nil
}
