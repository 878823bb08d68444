// The errors of a store, by the status and the code of its response
// (docs/references.md#s3-errors).

package object

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
)

// storeCodes are the codes that mean the same for reading and for writing. What is not in
// the table is classified by its status.
var storeCodes = map[string]problem{
	"NoSuchBucket": bucketNotFound,

	"RequestTimeTooSkewed": wrongClock, "RequestExpired": wrongClock,
	"InvalidAccessKeyId": keyUnknown, "InvalidClientTokenId": keyUnknown, "UnrecognizedClientException": keyUnknown,
	"SignatureDoesNotMatch": badSignature, "XAmzContentSHA256Mismatch": badSignature, "InvalidSecurity": badSignature,
	"ExpiredToken": tokenExpired, "ExpiredTokenException": tokenExpired, "InvalidToken": tokenExpired, "TokenRefreshRequired": tokenExpired,
	"AccountProblem": accountOff, "AllAccessDisabled": accountOff, "NotSignedUp": accountOff, "InvalidPayer": accountOff, "OptInRequired": accountOff,

	"AuthorizationHeaderMalformed": wrongRegion, "IllegalLocationConstraintException": wrongRegion, "InvalidRegionName": wrongRegion,
	"PermanentRedirect": storeRedirect, "TemporaryRedirect": storeRedirect, "Redirect": storeRedirect,

	"SlowDown": throttled, "SlowDownRead": throttled, "SlowDownWrite": throttled, "ServiceUnavailable": throttled, "Throttling": throttled,
	"ThrottlingException": throttled, "RequestLimitExceeded": throttled, "BandwidthLimitExceeded": throttled, "TooManyRequests": throttled,
	"TooManyRequestsException": throttled, "RequestThrottled": throttled, "KMS.ThrottlingException": throttled,

	"InternalError": storeFailed, "InternalFailure": storeFailed, "RequestTimeout": storeFailed, "OperationAborted": storeFailed,
	"KMS.InternalException": storeFailed, "KMS.KMSInternalException": storeFailed, "KMS.DependencyTimeoutException": storeFailed,
	"KMS.KeyUnavailableException": storeFailed, "KMS.KMSKeyUnavailableException": storeFailed,
}

// readCodes are the codes that mean something else for reading, or occur there only.
var readCodes = map[string]problem{
	"InvalidObjectState": archived, "ObjectNotInActiveTierError": archived,
	"InvalidRequest": customerKey, "ServerSideEncryptionConfigurationNotFoundError": customerKey,
}

// writeCodes are codes that mean, for writing, that the body did not arrive intact.
var writeCodes = map[string]problem{
	"IncompleteBody": storeFailed, "BadDigest": storeFailed, "XAmzContentSHA256Mismatch": storeFailed, "NoSuchUpload": storeFailed,
}

// The rights that ferry's credentials may lack. S3 responds with 403 to all of these.
const (
	readRights = "They need s3:GetObject on the object, kms:Decrypt on its key if it is encrypted with KMS, and s3:ListBucket on the bucket, without which S3 reports a missing object as forbidden."
	sendRights = "They need s3:PutObject on the object and, if the bucket encrypts with KMS, kms:GenerateDataKey and (for large files) kms:Decrypt on its key."
)

// rights says which rights may be missing, and what else may be the cause of a 403.
func (f *File) rights(base string) string {
	switch cfg := f.store.cfg; {
	case cfg.ExpectedBucketOwner != "":
		return base + " The bucket must also belong to the account of expected_bucket_owner."
	case !cfg.RequestPayer && cfg.Endpoint == "":
		return base + " A requester-pays bucket also needs request_payer in the store's configuration."
	}
	return base
}

// failure classifies an error of a read.
func (f *File) failure(err error) *Error {
	if errors.Is(err, ErrBudget) {
		return f.budget.spent(f.origin)
	}
	status, code := statusAndCode(err)
	said := responded(status, f.origin.scrubber.codeToken(code))
	p := readAccess.problem(status, code)
	switch p.code {
	case denied.code:
		return f.origin.fail(p.withFix(f.rights(readRights)), err, said)
	case kmsKey.code:
		return f.origin.fail(p.withFix("Enable the key or restore it, and let ferry's credentials use it (kms:Decrypt)."), err, said)
	case objectNotFound.code:
		return f.origin.fail(p.withFix(notFoundFix(f.key, p.fix)), err, shorten(f.key), said)
	case archived.code, storeRefused.code:
		return f.origin.fail(p, err, shorten(f.key), said)
	case unreachable.code:
		failed := f.origin.fail(p, err)
		failed.noResponse = true
		return failed
	case pastEnd.code:
		return f.origin.fail(p, errors.Join(errPastEnd, err))
	case changed.code:
		return f.origin.fail(p, err)
	}
	return f.origin.fail(p, err, said)
}

// An access classifies the responses to one kind of request, to read or to write.
type access struct {
	codes    map[string]problem // error codes that mean something else than in storeCodes
	statuses map[int]problem    // of responses whose code is in no table; 0 is no response
	refused  problem            // anything else
}

var (
	readAccess = access{readCodes, map[int]problem{
		0: unreachable, http.StatusNotFound: objectNotFound, http.StatusPreconditionFailed: changed, http.StatusRequestedRangeNotSatisfiable: pastEnd,
	}, storeRefused}
	writeAccess = access{writeCodes, map[int]problem{
		0: unreachable, http.StatusNotFound: bucketNotFound, http.StatusConflict: storeFailed,
	}, writeRefused}
)

// problem returns the row for a response.
func (a access) problem(status int, code string) problem {
	if p, known := a.codes[code]; known {
		return p
	}
	if p, known := storeCodes[code]; known {
		return p
	}
	if p, known := a.statuses[status]; known {
		return p
	}
	if p, found := commonProblem(status, code); found {
		return p
	}
	return a.refused
}

// commonProblem classifies a response whose code is not in a table.
func commonProblem(status int, code string) (problem, bool) {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return throttled, true
	case status == http.StatusRequestTimeout, status >= 500, status < 300:
		return storeFailed, true
	case strings.HasPrefix(code, "KMS."):
		return kmsKey, true
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return denied, true
	case status >= 300 && status < 400:
		return storeRedirect, true
	}
	return problem{}, false
}

// failure classifies an error of a write. It returns nil for nil.
func (s *FileSink) failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	from := s.file.origin
	err = errors.Join(err, context.Cause(ctx))
	status, code := statusAndCode(err)
	said := responded(status, from.scrubber.codeToken(code))
	if other, ok := errors.AsType[*otherStatusError](err); ok {
		return from.fail(badPUTStatus, err, other.status)
	}
	if status == 0 && errors.Is(err, errStalled) {
		return from.fail(writeTooSlow, err)
	}
	switch p := writeAccess.problem(status, code); p.code {
	case denied.code:
		return from.fail(p.withFix(s.file.rights(sendRights)), err, said)
	case kmsKey.code:
		return from.fail(p.withFix("Enable the key or restore it, and let ferry's credentials use it (kms:GenerateDataKey, kms:Decrypt)."), err, said)
	case writeRefused.code:
		return from.fail(p, err, shorten(s.file.key), said)
	case unreachable.code:
		failed := from.fail(p, err)
		failed.noResponse = true
		return failed
	default:
		return from.fail(p, err, said)
	}
}

// statusAndCode returns the status and the error code of S3's response, or 0 and ""
// if there was none. The services that provide ferry's own credentials (STS, the
// metadata service) return errors too; only those of S3 have a host id.
func statusAndCode(err error) (status int, code string) {
	var response interface {
		error
		HTTPStatusCode() int
		ServiceHostID() string
	}
	if !errors.As(err, &response) {
		return 0, ""
	}
	if api := smithy.APIError(nil); errors.As(response, &api) {
		code = api.ErrorCode()
	}
	return response.HTTPStatusCode(), code
}
