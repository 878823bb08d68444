package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// authorization is the parsed value of an Authorization header.
type authorization struct {
	algorithm     string
	credential    string
	signedHeaders []string // as written
	signature     string
}

// parseAuthorization parses
//
//	AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…
//
// The header must have exactly these three parameters, each once and not empty, in any order. Their names
// are case-sensitive. A comma separates them, followed by any number of spaces (old SDKs send none). AWS
// accepts a repeated parameter and uses the second; this function rejects it, because another reader might
// use the first. The error names all missing parameters, and a missing date, in AWS's words.
func parseAuthorization(header string, hasDate bool) (*authorization, error) {
	if len(header) > maxAuthorization {
		return nil, tooLarge("The Authorization header has %d bytes; the limit is %d.", len(header), maxAuthorization)
	}
	name, rest, _ := strings.Cut(header, " ")
	parts, err := components(header, strings.TrimLeft(rest, " "))
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, key := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parts[key] == "" {
			text.WriteString("Authorization header requires '" + key + "' parameter. ")
		}
	}
	if !hasDate {
		text.WriteString("Authorization header requires existence of a 'X-Amz-Date' header. ")
	}
	if text.Len() > 0 {
		return nil, incomplete("%s%s", text.String(), shown(header))
	}
	if len(parts) != 3 {
		return nil, incomplete("Authorization header accepts only the parameters 'Credential', 'SignedHeaders' and 'Signature'. %s", shown(header))
	}
	if n := strings.Count(parts["SignedHeaders"], ";") + 1; n > maxSignedHeaders {
		return nil, tooLarge("SignedHeaders has %d names; the limit is %d.", n, maxSignedHeaders)
	}
	return &authorization{
		algorithm:     name,
		credential:    parts["Credential"],
		signedHeaders: strings.Split(parts["SignedHeaders"], ";"),
		signature:     parts["Signature"],
	}, nil
}

// components returns the parameters in rest, which is the part of header after the algorithm, by name.
func components(header, rest string) (map[string]string, error) {
	parts := make(map[string]string, 3)
	if rest == "" {
		return parts, nil
	}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, ok := strings.Cut(strings.TrimLeft(part, " "), "=")
		if !ok {
			return nil, incomplete("Invalid key=value pair (missing equal-sign) in Authorization header "+
				"(hashed with SHA-256 and encoded with Base64): '%s'.", digest(header))
		}
		if _, twice := parts[key]; twice {
			return nil, incomplete("Authorization header has the parameter '%s' more than once. %s", clip(key), shown(header))
		}
		parts[key] = value
	}
	return parts, nil
}

// shown quotes a faulty header as its hash, as AWS does, so that no signature is echoed.
func shown(header string) string {
	return "(Hashed with SHA-256 and encoded with Base64) Authorization=" + digest(header)
}

func digest(header string) string {
	sum := sha256.Sum256([]byte(header))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// credential is the Credential parameter: an access key id and the scope of the signing key.
type credential struct{ keyID, date, region, service, term string }

// maxKeyID is IAM's limit for an access key id in bytes.
const maxKeyID = 128

// parseCredential parses keyid/date/region/service/term. It checks only the form.
func parseCredential(s string) (*credential, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 5 || parts[0] == "" {
		return nil, incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", clip(s))
	}
	if len(parts[0]) > maxKeyID {
		return nil, UnknownKey()
	}
	return &credential{parts[0], parts[1], parts[2], parts[3], parts[4]}, nil
}

func (c *credential) scope() [4]string { return [4]string{c.date, c.region, c.service, c.term} }
