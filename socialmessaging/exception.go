// The modelled exceptions, as Go error types that errors.As finds.

package socialmessaging

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An ExceptionKind is a modelled exception: its name and what it means on the wire.
type ExceptionKind struct {
	Name      string            // as in the header x-amzn-ErrorType
	Status    int               // HTTP status
	Fault     smithy.ErrorFault // who has to act: the caller or the server
	Retryable bool              // whether an SDK sends the call again by itself

	typed func(Exception) error
}

// The nine exceptions of the model.
var (
	KindAccessDeniedByMeta = &ExceptionKind{"AccessDeniedByMetaException", http.StatusForbidden, smithy.FaultClient, false,
		func(e Exception) error { return &AccessDeniedByMetaException{e} }}
	KindAccessDenied = &ExceptionKind{"AccessDeniedException", http.StatusForbidden, smithy.FaultClient, false,
		func(e Exception) error { return &AccessDeniedException{e} }}
	KindDependency = &ExceptionKind{"DependencyException", http.StatusBadGateway, smithy.FaultServer, true,
		func(e Exception) error { return &DependencyException{e} }}
	KindInternalService = &ExceptionKind{"InternalServiceException", http.StatusInternalServerError, smithy.FaultServer, true,
		func(e Exception) error { return &InternalServiceException{e} }}
	KindInvalidParameters = &ExceptionKind{"InvalidParametersException", http.StatusBadRequest, smithy.FaultClient, false,
		func(e Exception) error { return &InvalidParametersException{e} }}
	KindLimitExceeded = &ExceptionKind{"LimitExceededException", http.StatusBadRequest, smithy.FaultClient, false,
		func(e Exception) error { return &LimitExceededException{e} }}
	KindResourceNotFound = &ExceptionKind{"ResourceNotFoundException", http.StatusNotFound, smithy.FaultClient, false,
		func(e Exception) error { return &ResourceNotFoundException{e} }}
	KindThrottledRequest = &ExceptionKind{"ThrottledRequestException", http.StatusTooManyRequests, smithy.FaultClient, true,
		func(e Exception) error { return &ThrottledRequestException{e} }}
	KindValidation = &ExceptionKind{"ValidationException", http.StatusBadRequest, smithy.FaultClient, false,
		func(e Exception) error { return &ValidationException{e} }}
)

// What the operations declare, named by what the exceptions have in common.
var (
	listExceptions = []*ExceptionKind{KindValidation, KindAccessDenied, KindInvalidParameters, KindResourceNotFound, KindThrottledRequest, KindInternalService}
	readExceptions = append(listExceptions[:len(listExceptions):len(listExceptions)], KindDependency)
	metaExceptions = append(readExceptions[:len(readExceptions):len(readExceptions)], KindAccessDeniedByMeta)
)

var kinds = []*ExceptionKind{
	KindAccessDeniedByMeta, KindAccessDenied, KindDependency, KindInternalService, KindInvalidParameters,
	KindLimitExceeded, KindResourceNotFound, KindThrottledRequest, KindValidation,
}

// An Exception is an error that the service answered. The nine modelled ones
// have types of their own, which embed it; one that is not modelled, such as
// InvalidSignatureException or SerializationException, is an *Exception itself.
type Exception struct {
	Code      string // the exception's name
	Message   string // what the service said
	RequestID string // to quote to whoever runs the server
	Status    int    // HTTP status

	fault     smithy.ErrorFault
	retryable bool
}

func (e *Exception) Error() string {
	if e.RequestID == "" {
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%s: %s (request id %s)", e.Code, e.Message, e.RequestID)
}

// ErrorCode, ErrorMessage and ErrorFault make an Exception a [smithy.APIError].
func (e *Exception) ErrorCode() string             { return e.Code }
func (e *Exception) ErrorMessage() string          { return e.Message }
func (e *Exception) ErrorFault() smithy.ErrorFault { return e.fault }

// RetryableError tells the SDK's retryer whether to send the call again.
func (e *Exception) RetryableError() bool { return e.retryable }

// The modelled exceptions. Their statuses and meanings are in the Kind of the same name.
type (
	AccessDeniedByMetaException struct{ Exception } // Meta refuses: token, permission or policy
	AccessDeniedException       struct{ Exception } // the caller's policy or the object store refuses
	DependencyException         struct{ Exception } // Meta or the object store failed; the message says which
	InternalServiceException    struct{ Exception } // the server failed
	InvalidParametersException  struct{ Exception } // the parameters do not make sense together, or to WhatsApp
	LimitExceededException      struct{ Exception } // a quota of resources is used up
	ResourceNotFoundException   struct{ Exception } // no such account, phone number, object
	ThrottledRequestException   struct{ Exception } // too many calls: wait and send again
	ValidationException         struct{ Exception } // a member breaks its constraints
)

// AsException finds the exception in an error, whether modelled or not.
func AsException(err error) (*Exception, bool) {
	var found interface{ base() *Exception }
	if !errors.As(err, &found) {
		return nil, false
	}
	return found.base(), true
}

func (e *Exception) base() *Exception { return e }

// newException makes the typed error for a code that came over the wire.
func newException(code, message, requestID string, status int) error {
	exception := Exception{Code: code, Message: message, RequestID: requestID, Status: status, fault: smithy.FaultClient}
	if status >= 500 {
		exception.fault, exception.retryable = smithy.FaultServer, status != http.StatusNotImplemented
	}
	for _, kind := range kinds {
		if kind.Name == code {
			exception.fault, exception.retryable = kind.Fault, kind.Retryable
			return kind.typed(exception)
		}
	}
	return &exception
}

// answeredError reads the exception out of a response that is not a success.
// The type is in the header x-amzn-ErrorType, where AWS may append ":http://…",
// or in the body's __type, where it may follow a namespace (aws-service.md §6.6, §6.7).
func answeredError(response *http.Response, body []byte) error {
	var answer struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Capital string `json:"Message"`
	}
	_ = json.Unmarshal(body, &answer, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	code, _, _ := strings.Cut(cmp.Or(response.Header.Get("X-Amzn-Errortype"), answer.Type), ":")
	code = code[strings.LastIndexByte(code, '#')+1:]
	if code == "" && bytes.HasPrefix(body, []byte("<UnknownOperationException/>")) {
		code, answer.Message = "UnknownOperationException", "the endpoint does not know this operation"
	}
	message := cmp.Or(answer.Message, answer.Capital, "HTTP status "+response.Status)
	return newException(cmp.Or(code, "UnknownError"), message, response.Header.Get("X-Amzn-Requestid"), response.StatusCode)
}
