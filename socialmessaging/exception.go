// The modelled exceptions on the wire, and what callers see of them.

package socialmessaging

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ferry/socialmessaging/types"
)

// An ExceptionKind is a modelled exception: its name and its meaning on the wire.
type ExceptionKind struct {
	Name      string            // As in the header x-amzn-ErrorType.
	Status    int               // HTTP status.
	Fault     smithy.ErrorFault // Who has to act: the caller or the server.
	Retryable bool              // Whether SDKs retry the call.

	typed func(message string) smithy.APIError
}

// The ten exceptions of the model.
var (
	KindAccessDeniedByMeta = &ExceptionKind{"AccessDeniedByMetaException", http.StatusForbidden, smithy.FaultClient, false,
		func(m string) smithy.APIError { return &types.AccessDeniedByMetaException{Message: &m} }}
	KindAccessDenied = &ExceptionKind{"AccessDeniedException", http.StatusForbidden, smithy.FaultClient, false,
		func(m string) smithy.APIError { return &types.AccessDeniedException{Message: &m} }}
	KindConflict = &ExceptionKind{"ConflictException", http.StatusConflict, smithy.FaultClient, false,
		func(m string) smithy.APIError { return &types.ConflictException{Message: &m} }}
	KindDependency = &ExceptionKind{"DependencyException", http.StatusBadGateway, smithy.FaultServer, true,
		func(m string) smithy.APIError { return &types.DependencyException{Message: &m} }}
	KindInternalService = &ExceptionKind{"InternalServiceException", http.StatusInternalServerError, smithy.FaultServer, true,
		func(m string) smithy.APIError { return &types.InternalServiceException{Message: &m} }}
	KindInvalidParameters = &ExceptionKind{"InvalidParametersException", http.StatusBadRequest, smithy.FaultClient, false,
		func(m string) smithy.APIError { return &types.InvalidParametersException{Message: &m} }}
	KindLimitExceeded = &ExceptionKind{"LimitExceededException", http.StatusBadRequest, smithy.FaultClient, false,
		func(m string) smithy.APIError { return &types.LimitExceededException{Message: &m} }}
	KindResourceNotFound = &ExceptionKind{"ResourceNotFoundException", http.StatusNotFound, smithy.FaultClient, false,
		func(m string) smithy.APIError { return &types.ResourceNotFoundException{Message: &m} }}
	KindThrottledRequest = &ExceptionKind{"ThrottledRequestException", http.StatusTooManyRequests, smithy.FaultClient, true,
		func(m string) smithy.APIError { return &types.ThrottledRequestException{Message: &m} }}
	KindValidation = &ExceptionKind{"ValidationException", http.StatusBadRequest, smithy.FaultClient, false,
		func(m string) smithy.APIError { return &types.ValidationException{Message: &m} }}
)

// kinds are the exceptions of the model.
var kinds = []*ExceptionKind{
	KindAccessDeniedByMeta, KindAccessDenied, KindConflict, KindDependency, KindInternalService, KindInvalidParameters,
	KindLimitExceeded, KindResourceNotFound, KindThrottledRequest, KindValidation,
}

// The sets of exceptions that operations declare.
var (
	baseExceptions   = []*ExceptionKind{KindValidation, KindAccessDenied, KindInvalidParameters, KindThrottledRequest, KindInternalService}
	listExceptions   = with(baseExceptions, KindResourceNotFound)
	readExceptions   = with(listExceptions, KindDependency)
	metaExceptions   = with(readExceptions, KindAccessDeniedByMeta)
	callExceptions   = with(metaExceptions, KindConflict)
	unlinkExceptions = []*ExceptionKind{KindValidation, KindAccessDenied, KindInvalidParameters, KindResourceNotFound, KindThrottledRequest, KindDependency}
	signupExceptions = []*ExceptionKind{KindValidation, KindAccessDenied, KindInvalidParameters, KindLimitExceeded, KindThrottledRequest, KindDependency}
)

// with returns a copy of the list that ends with kind.
func with(list []*ExceptionKind, kind *ExceptionKind) []*ExceptionKind {
	return append(list[:len(list):len(list)], kind)
}

func kindByName(name string) (*ExceptionKind, bool) {
	for _, kind := range kinds {
		if kind.Name == name {
			return kind, true
		}
	}
	return nil, false
}

// An Exception describes an error of the service, modelled or not, such as
// InvalidSignatureException. [AsException] finds it in an error.
type Exception struct {
	Code      string // The exception's name.
	Message   string // What the service said.
	RequestID string // Identifies the request in the server's log. Empty if the request was not sent.
	Status    int    // HTTP status.

	// Finding is the stable code of what is wrong with a file or its source, such as
	// "opus-not-mono" or "store-denied", and Fix says what to do. Only ferry sends them,
	// and not for every exception.
	Finding, Fix string
}

// String returns the code, the message and the request id.
func (e Exception) String() string {
	if e.RequestID == "" {
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%s: %s (request id %s)", e.Code, e.Message, e.RequestID)
}

// AsException finds the exception in an error of the [Client], of Decode or of
// Validate. Without a response the status is that of the exception's kind.
func AsException(err error) (Exception, bool) {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return Exception{}, false
	}
	exception := Exception{Code: api.ErrorCode(), Message: api.ErrorMessage(), Status: http.StatusBadRequest}
	if explained, ok := errors.AsType[*explainedError](err); ok {
		exception.Finding, exception.Fix = explained.finding, explained.fix
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		exception.RequestID, exception.Status = response.ServiceRequestID(), response.HTTPStatusCode()
	} else if kind, ok := kindByName(exception.Code); ok {
		exception.Status = kind.Status
	}
	return exception, true
}

// retryableError marks an exception that the model declares as retryable for
// the SDK's retryer, whose own rules do not include ThrottledRequestException.
type retryableError struct{ error }

func (retryableError) RetryableError() bool { return true }
func (e retryableError) Unwrap() error      { return e.error }

// explainedError is an exception with what only ferry says about it.
type explainedError struct {
	error
	finding, fix string
}

func (e *explainedError) Unwrap() error { return e.error }

// exceptionOf reads the exception of a response that is not a success, with what
// ferry adds to it.
func exceptionOf(response *http.Response, body []byte) error {
	var added struct {
		Finding string `json:"finding"`
		Fix     string `json:"fix"`
	}
	err := modelledException(response, body)
	_ = json.Unmarshal(body, &added, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if added.Finding == "" {
		return err
	}
	return &explainedError{err, added.Finding, added.Fix}
}

// modelledException reads what AWS's responses have, too. The exception's name
// is in the header x-amzn-ErrorType, where AWS may append ":http://…", or in
// the body's __type, where it may follow a namespace (docs/references.md#aws-errors).
func modelledException(response *http.Response, body []byte) error {
	var fields struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Capital string `json:"Message"`
	}
	_ = json.Unmarshal(body, &fields, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	code, _, _ := strings.Cut(cmp.Or(response.Header.Get("X-Amzn-Errortype"), fields.Type), ":")
	code = code[strings.LastIndexByte(code, '#')+1:]
	if code == "" && bytes.HasPrefix(body, []byte("<UnknownOperationException/>")) {
		code, fields.Message = "UnknownOperationException", "the endpoint does not know this operation"
	}
	message := cmp.Or(fields.Message, fields.Capital, "HTTP status "+response.Status)
	kind, modelled := kindByName(code)
	switch {
	case modelled && kind.Retryable:
		return retryableError{kind.typed(message)}
	case modelled:
		return kind.typed(message)
	}
	fault := smithy.FaultClient
	if response.StatusCode >= 500 {
		fault = smithy.FaultServer
	}
	return &smithy.GenericAPIError{Code: cmp.Or(code, "UnknownError"), Message: message, Fault: fault}
}
