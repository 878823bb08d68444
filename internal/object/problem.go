// The table of errors by their code.

package object

import (
	"fmt"
	"regexp"
	"strings"
)

// A problem is a row of the table: what every error with its code has in common.
type problem struct {
	kind Kind
	code string // of Error.Code
	why  string // a format; continues a sentence that begins with the name of the source
	fix  string // of Error.Fix
}

// CodeSizeUnknown is the Code of a file whose length its host does not say.
const CodeSizeUnknown = "size-unknown"

const retryLater = "Retry later."

// Problems of the names that a caller sends, before anything is requested.
var (
	badBucket      = problem{Invalid, "bad-bucket-name", "cannot be used: %v.", "Name a general-purpose bucket."}
	badKey         = problem{Invalid, "bad-key", "cannot be used: %v.", "Copy the object to another key."}
	slashesInKey   = problem{Invalid, "bad-key", "cannot be used: it has empty segments (a slash at the beginning, or two in a row), which some stores merge.", "Copy the object to another key, or send a presigned URL of it. If the store keeps them, set literal_keys in its configuration."}
	noStore        = problem{Denied, "no-store", "is served by no store of ferry's configuration.", "Name a bucket that is, or configure its store."}
	urlInvalid     = problem{Invalid, "url-invalid", "%v.", "Send the URL exactly as it was signed."}
	urlTooLong     = problem{Invalid, "url-too-long", "%v.", urlTooLongFix}
	urlHost        = problem{Invalid, "url-host", "must be an https URL of AWS S3, or of a store or host that this server's configuration allows.", "Sign a URL of one of these, or let the operator allow the host."}
	linkHost       = problem{Invalid, "url-host", "must name a public host, and none of Meta's own.", "Link to a host that everybody can reach, or post the file and send its media id."}
	urlNotSigned   = problem{Invalid, "url-not-signed", "is not signed.", ""}
	urlEscaped     = problem{Invalid, "url-escaped", "contains &amp; in place of &, as in HTML or XML.", "Decode it, and send it exactly as it was signed."}
	urlNotAllowed  = problem{Invalid, "url-not-allowed", "names no object in a bucket that this server's configuration allows for that store.", "Sign a URL of an object in a bucket that is configured for the store."}
	urlHeader      = problem{Invalid, "url-header", "%v.", "Correct the headers of the request, and sign the URL for them."}
	contentInvalid = problem{Invalid, "content-invalid", "%v.", "Send a file that WhatsApp reports with a length and a media type."}
)

const urlTooLongFix = "AWS's limit is 2,000 characters, and session tokens make URLs longer: send sourceS3File (bucket and key) instead, or sign the URL with the long-term access key of an IAM user, without further query parameters."

// Problems of a store's or host's response.
var (
	bucketNotFound = problem{NotFound, "bucket-not-found", "has no such bucket%s.", "Check its name, and which store of ferry's configuration serves it."}
	objectNotFound = problem{NotFound, "object-not-found", "has no object with the key %s%s.", "Check the key: case, slashes and extension count."}
	urlNotFound    = problem{NotFound, "object-not-found", "names no object that exists%s.", "Check the bucket and the key in it: case, slashes and extension count."}
	denied         = problem{Denied, "store-denied", "refuses ferry's credentials%s.", ""}
	keyUnknown     = problem{Denied, "store-key-unknown", "does not know ferry's access key%s.", "Correct the access key that ferry uses for the store."}
	badSignature   = problem{Denied, "store-signature", "does not accept ferry's signature%s.", "Correct the secret access key that ferry uses for the store, and check that no proxy changes requests."}
	tokenExpired   = problem{Denied, "store-token", "refuses ferry's session token%s.", "Renew the temporary credentials that ferry uses for the store."}
	accountOff     = problem{Denied, "store-account", "refuses the account of ferry's credentials%s.", "Check the account that owns them, and that the bucket is open to it."}
	kmsKey         = problem{Denied, "kms-key", "cannot use the KMS key of the object%s.", ""}
	wrongClock     = problem{Unavailable, "store-clock", "reports that ferry's clock is wrong, and refuses all requests%s.", "Correct the clock of the machine that ferry runs on."}
	wrongRegion    = problem{Denied, "store-region", "is in another Region than the one that ferry uses for it%s.", "Set the region in ferry's configuration to that of the bucket."}
	storeRedirect  = problem{Invalid, "store-region", "responded with a redirect%s, and redirects are not followed.", "The bucket is probably in another Region: set the region in ferry's configuration, and the endpoint if there is one, to that of the bucket."}
	archived       = problem{Invalid, "archived", "keeps the object %s in an archive%s.", "Restore it first (aws s3api restore-object), and retry when it is there."}
	customerKey    = problem{Invalid, "store-refused", "cannot serve the object %s%s.", "If it is encrypted with a customer's key (SSE-C), send a presigned URL with the headers x-amz-server-side-encryption-customer-*."}
	storeRefused   = problem{Invalid, "store-refused", "cannot serve the object %s%s.", "Check that the bucket and key name an ordinary object."}
	writeRefused   = problem{Invalid, "store-refused", "refused the object %s%s.", "Check that the bucket accepts objects with that key and size."}
	throttled      = problem{Unavailable, "store-throttled", "limits the rate of requests%s.", "Retry later, with fewer calls at once."}
	storeFailed    = problem{Unavailable, "store-failed", "failed%s.", retryLater}
	unreachable    = problem{Unavailable, "unreachable", "cannot be reached or failed.", retryLater}
	noAnswer       = problem{Unavailable, "unreachable", "could not be %s: its host cannot be reached, or does not respond like a web server.", "Check the host, and retry later."}
	changed        = problem{Changed, "object-changed", "now has another version of the object.", retryLater}
	urlChanged     = problem{Changed, "object-changed", "names an object that changed while it was read.", retryLater}
	sizeUnknown    = problem{Invalid, CodeSizeUnknown, "does not state the length of the object: the response has no Content-Length.", "Use a source that sends one."}
	urlRefused     = problem{Invalid, "url-refused", "is refused by its store%s.", ""}
	urlExpired     = problem{Invalid, "url-expired", "is refused by its store%s: it has expired.", "Sign a new one."}
	urlKMSKey      = problem{Invalid, "kms-key", "names an object whose KMS key cannot be used%s.", "Enable the key or restore it, and let the signer of the URL use it (kms:Decrypt; to write, kms:GenerateDataKey)."}
	urlRedirect    = problem{Invalid, "url-redirect", "returned a redirect%s, and redirects are not followed.", "Sign a URL for the bucket's own Region and endpoint."}
	urlStatus      = problem{Invalid, "url-status", "must return %s, but returned something else%s.", "Sign a %s of the object itself."}
	badPUTStatus   = problem{Invalid, "store-status", "must respond to a write with HTTP 200, 201 or 204, but responded with HTTP %d.", "Check that the endpoint is an S3-compatible store."}
	tooManyLinks   = problem{Invalid, "url-redirect", "is redirected more than %d times.", "Use the URL that it leads to."}
	linkNotFound   = problem{NotFound, "object-not-found", "names no file that exists%s.", "Open the link in a browser without cookies: it must lead to the file."}
	badLink        = problem{Invalid, "url-redirect", "is redirected to an invalid URL.", "Use a URL of the file itself."}
)

// Problems of a body and of its parts.
var (
	tooSlow      = problem{Unavailable, "too-slow", "sent its data too slowly.", retryLater}
	writeTooSlow = problem{Unavailable, "too-slow", "accepted the file too slowly.", retryLater}
	brokeOff     = problem{Unavailable, "broke-off", "broke off after %d of %d bytes.", retryLater}
	badChecksum  = problem{Unavailable, "checksum-mismatch", "sent bytes whose %s is not the one that it keeps for the object.", "Retry later; if it fails again, the object is damaged in the store."}
	notClosed    = problem{Unavailable, "broke-off", "could not be closed.", retryLater}
	notWhole     = problem{Unavailable, "store-failed", "did not respond with the whole object.", retryLater}
	noOffset     = problem{Invalid, "no-ranges", "has no bytes at that offset.", retryLater}
	noETag       = problem{Invalid, "no-ranges", "sent no ETag, so that parts of the object cannot be matched with each other.", retryLater}
	noRanges     = problem{Invalid, "no-ranges", "does not support range requests.", retryLater}
	noConditions = problem{Invalid, "no-if-match", "ignores the header If-Match: it sends the object although another version was requested.", "Use a store that supports conditional requests, or remove the cache in front of it. Until then ferry compares the ETags itself, and fails a read of an object that is replaced meanwhile."}
	otherRange   = problem{Invalid, "no-ranges", "responded with another part of the object than the requested one.", retryLater}
	otherCoding  = problem{Invalid, "no-ranges", "sent the rest of the object with another Content-Encoding.", retryLater}
	pastEnd      = problem{Invalid, "no-ranges", "has an object that ends before the requested bytes.", retryLater}
	inspected    = problem{Invalid, "request-limit", "is not sent further range requests: the call has reached its limit of requests.", retryLater}
	budgetSpent  = problem{Unavailable, "request-limit", "failed too often: this call has sent %d requests to the source, its limit.", retryLater}
	tooMuch      = problem{Invalid, "too-large", "has %d bytes; the limit is %d bytes.", "Read it at WhatsApp with metadataOnly, and download it from there."}
	tooLong      = problem{Unavailable, "broke-off", "is longer than the announced %d bytes.", retryLater}
	otherDigest  = problem{Unavailable, "broke-off", "arrived with another SHA-256 than the announced one.", retryLater}
	tooManyParts = problem{Unavailable, "store-busy", "cannot be written to now: %d large files are already being written.", retryLater}
	badMultipart = problem{Unavailable, "store-failed", "%s.", retryLater}
	early        = problem{Unavailable, "store-failed", "responded before it had all of the file.", retryLater}
)

// fail returns the error for a problem. args fill its why.
func (o origin) fail(p problem, cause error, args ...any) *Error {
	return &Error{
		Kind: p.kind, Code: p.code, Fix: p.fix,
		Message: o.name + " " + fmt.Sprintf(p.why, args...), Cause: o.scrubber.error(cause),
	}
}

// withFix returns the same problem with another fix.
func (p problem) withFix(fix string) problem {
	p.fix = fix
	return p
}

// codeForm is the form of S3's error codes, such as NoSuchKey, KMS.DisabledException and
// XAmzContentSHA256Mismatch. Addresses and access keys do not have it.
var codeForm = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,63}(\.[A-Z][A-Za-z0-9]{0,63})?$`)

// codeToken returns the code of an error document if it may be shown to a caller, else "".
// It never passes on free text, which may have an address or a secret.
func (s scrubber) codeToken(code string) string {
	digits := strings.Count(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, code), "0")
	if !codeForm.MatchString(code) || digits > 4 || strings.ToUpper(code) == code || s.text(code) != code {
		return ""
	}
	return code
}

// responded returns what a message says about a response: " (HTTP 403, AccessDenied)".
func responded(status int, code string) string {
	if code == "" {
		return fmt.Sprintf(" (HTTP %d)", status)
	}
	return fmt.Sprintf(" (HTTP %d, %s)", status, code)
}

// encodedKey finds what is left of URL encoding in a key.
var encodedKey = regexp.MustCompile(`\+|%[0-9A-Fa-f]{2}`)

// notFoundFix is the fix of an object that does not exist. Keys in S3's event notifications
// are URL-encoded (docs/references.md#s3-events), and programs that use them as they are
// look for an object that is not there.
func notFoundFix(key, fix string) string {
	if !encodedKey.MatchString(key) {
		return fix
	}
	return `This key looks URL-encoded. Keys in S3 events are URL-encoded: decode it (in Python urllib.parse.unquote_plus, in JavaScript decodeURIComponent after "+" was replaced by a space).`
}
