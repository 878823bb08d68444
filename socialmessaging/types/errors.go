// The exceptions of the model. Each is a smithy.APIError.

package types

import "github.com/aws/smithy-go"

// AccessDeniedByMetaException (HTTP status 403): Meta refuses the request:
// token, permission or policy.
type AccessDeniedByMetaException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *AccessDeniedByMetaException) Error() string        { return format(e) }
func (e *AccessDeniedByMetaException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *AccessDeniedByMetaException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "AccessDeniedByMetaException")
}
func (e *AccessDeniedByMetaException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// AccessDeniedException (HTTP status 403): the caller's policy, or the object
// store, refuses the request.
type AccessDeniedException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *AccessDeniedException) Error() string        { return format(e) }
func (e *AccessDeniedException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *AccessDeniedException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "AccessDeniedException")
}
func (e *AccessDeniedException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// ConflictException (HTTP status 409): the resource is in a state that does not
// allow the request.
type ConflictException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *ConflictException) Error() string        { return format(e) }
func (e *ConflictException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *ConflictException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "ConflictException")
}
func (e *ConflictException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// DependencyException (HTTP status 502): Meta or the object store failed; the
// message says which. SDKs retry it.
type DependencyException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *DependencyException) Error() string        { return format(e) }
func (e *DependencyException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *DependencyException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "DependencyException")
}
func (e *DependencyException) ErrorFault() smithy.ErrorFault { return smithy.FaultServer }

// InternalServiceException (HTTP status 500): the server failed. SDKs retry it.
type InternalServiceException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *InternalServiceException) Error() string        { return format(e) }
func (e *InternalServiceException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *InternalServiceException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "InternalServiceException")
}
func (e *InternalServiceException) ErrorFault() smithy.ErrorFault { return smithy.FaultServer }

// InvalidParametersException (HTTP status 400): the parameters contradict each
// other, or WhatsApp does not accept them.
type InvalidParametersException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *InvalidParametersException) Error() string        { return format(e) }
func (e *InvalidParametersException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *InvalidParametersException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "InvalidParametersException")
}
func (e *InvalidParametersException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// LimitExceededException (HTTP status 400): a quota of resources is used up.
type LimitExceededException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *LimitExceededException) Error() string        { return format(e) }
func (e *LimitExceededException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *LimitExceededException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "LimitExceededException")
}
func (e *LimitExceededException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// ResourceNotFoundException (HTTP status 404): the account, phone number, file
// or object does not exist.
type ResourceNotFoundException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *ResourceNotFoundException) Error() string        { return format(e) }
func (e *ResourceNotFoundException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *ResourceNotFoundException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "ResourceNotFoundException")
}
func (e *ResourceNotFoundException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// ThrottledRequestException (HTTP status 429): too many calls. SDKs retry it.
type ThrottledRequestException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *ThrottledRequestException) Error() string        { return format(e) }
func (e *ThrottledRequestException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *ThrottledRequestException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "ThrottledRequestException")
}
func (e *ThrottledRequestException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// ValidationException (HTTP status 400): a member violates its constraints.
type ValidationException struct {
	Message *string // What the service said.

	ErrorCodeOverride *string // If set, ErrorCode returns it.
}

func (e *ValidationException) Error() string        { return format(e) }
func (e *ValidationException) ErrorMessage() string { return valueOr(e.Message, "") }
func (e *ValidationException) ErrorCode() string {
	return valueOr(e.ErrorCodeOverride, "ValidationException")
}
func (e *ValidationException) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// format returns the text of an exception: its code and its message.
func format(e smithy.APIError) string { return e.ErrorCode() + ": " + e.ErrorMessage() }

func valueOr(text *string, fallback string) string {
	if text == nil {
		return fallback
	}
	return *text
}
