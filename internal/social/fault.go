// What an error becomes on the wire: one table for each place that errors come
// from. A fault has a public message and a private cause. What is not known
// here is an InternalServiceException, which is logged and never shown.

package social

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"ferry/internal/admission"
	"ferry/internal/graph"
	"ferry/internal/kms"
	"ferry/internal/message"
	"ferry/internal/object"
	"ferry/internal/sigv4"
	"ferry/internal/state"
	"ferry/internal/transfer"
	"ferry/socialmessaging"
)

// A fault is an error as the caller sees it.
type fault struct {
	code    string // the value of x-amzn-ErrorType
	status  int    // HTTP status
	message string // for the caller: what was wrong, what to do
	cause   error  // for the operator's log; may be nil

	retryAfter time.Duration // in the header Retry-After; 0 means none

	// For programs: the stable code of what is wrong with a file or its source, and
	// what to do. Empty for other faults; the message has them, too.
	finding, fix string
}

func (f *fault) Error() string { return f.code + ": " + f.message }
func (f *fault) Unwrap() error { return f.cause }

// fail returns a fault of a modelled kind.
func fail(kind *socialmessaging.ExceptionKind, cause error, format string, args ...any) *fault {
	f := &fault{code: kind.Name, status: kind.Status, message: fmt.Sprintf(format, args...), cause: cause}
	if refusal, ok := errors.AsType[*graph.Error](cause); ok {
		f.finding = fmt.Sprintf("meta-%d", refusal.Code)
	}
	return f
}

const internalMessage = "The server failed. Its log has the cause under this request's id."

// ErrStopped is the cause of the context of a call that the server's stop cuts off.
var ErrStopped = errors.New("the server was stopped")

// Errors of AWS's front end that the model does not have (docs/references.md#aws-errors).

var unknownOperation = &fault{code: "UnknownOperationException", status: http.StatusNotFound, message: "no such operation"}

func tooLarge(h handler) *fault {
	return &fault{code: "RequestEntityTooLargeException", status: http.StatusRequestEntityTooLarge,
		message: fmt.Sprintf("The request body exceeds this operation's limit of %d bytes.", h.maxBody)}
}

func brokenBody(cause error) *fault {
	if errors.Is(cause, admission.ErrBusy) {
		return unavailable("The server is receiving more request bodies than it holds before their signatures are verified. Retry later.", cause)
	}
	return &fault{code: "RequestAbortedException", status: http.StatusBadRequest,
		message: "The request body did not arrive completely. Retry the request.", cause: cause}
}

// unavailableFor is the time after which a caller should retry when the server cannot
// write its database, or has no memory for the request.
const unavailableFor = 5 * time.Second

// throttledFor is the time after which a caller should retry when one of the server's own
// limits is reached.
const throttledFor = time.Second

// throttled returns the fault of a call beyond one of the server's own limits.
func throttled(format string, args ...any) *fault {
	f := fail(socialmessaging.KindThrottledRequest, nil, format, args...)
	f.retryAfter = throttledFor
	return f
}

func unavailable(message string, cause error) *fault {
	return &fault{code: "ServiceUnavailable", status: http.StatusServiceUnavailable, message: message, cause: cause, retryAfter: unavailableFor}
}

// panicError is a panic as an error.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// faultOf returns the fault of any error.
func faultOf(ctx context.Context, err error) *fault {
	if known, ok := errors.AsType[*fault](err); ok {
		return known
	}
	if key, ok := errors.AsType[*kms.Error](err); ok {
		return kmsFault(key)
	}
	if signature, ok := errors.AsType[*sigv4.Error](err); ok {
		return &fault{code: signature.Code, status: signature.Status, message: signature.Message}
	}
	if exception, ok := socialmessaging.AsException(err); ok {
		return &fault{code: exception.Code, status: exception.Status, message: exception.Message}
	}
	if own, ok := errors.AsType[*transfer.Error](err); ok {
		return transferFault(own)
	}
	if refusal, ok := errors.AsType[*message.Error](err); ok {
		return fail(socialmessaging.KindInvalidParameters, nil, "%s", refusal.Message)
	}
	if full, ok := errors.AsType[*message.QueueFullError](err); ok {
		f := fail(socialmessaging.KindThrottledRequest, nil, "%s", full.Error())
		f.retryAfter = full.RetryAfter
		return f
	}
	if errors.Is(err, state.ErrUnwritable) {
		return unavailable("The server cannot record changes at the moment. Retry later.", err)
	}
	// A deadline, or a caller that disconnected, shows up as whatever broke first.
	if errors.Is(context.Cause(ctx), ErrStopped) || errors.Is(err, ErrStopped) {
		return fail(socialmessaging.KindDependency, err, "The server was stopped before the call finished. Retry.")
	}
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return fail(socialmessaging.KindDependency, err, "The caller closed the connection before the call finished.")
	}
	switch isSlow := errors.Is(err, transfer.ErrTimeout); {
	case graph.IsAmbiguous(err) && isSlow:
		return fail(socialmessaging.KindDependency, err, "The call took longer than the server allows. "+ambiguousMessage)
	case graph.IsAmbiguous(err):
		return fail(socialmessaging.KindDependency, err, ambiguousMessage)
	case isSlow:
		return fail(socialmessaging.KindDependency, err, "%s was too slow: the call took longer than the server allows. Retry later.", slowSide(err))
	}
	if source, ok := errors.AsType[*object.Error](err); ok {
		return objectFault(source)
	}
	if refusal, ok := errors.AsType[*graph.Error](err); ok {
		return graphFault(refusal)
	}
	if _, ok := errors.AsType[*graph.UnreachableError](err); ok {
		return fail(socialmessaging.KindDependency, err, "WhatsApp (Meta's Graph API) did not respond properly. Retry later.")
	}
	return fail(socialmessaging.KindInternalService, err, internalMessage)
}

// ambiguousMessage is for a request that Meta may or may not have carried out.
const ambiguousMessage = "WhatsApp (Meta's Graph API) received the whole request but did not confirm it, so it may have succeeded. " +
	"Retrying repeats it: an uploaded file is then stored twice, and the extra copy expires by itself."

// slowSide names the side on which a transfer timed out.
func slowSide(err error) string {
	if _, ok := errors.AsType[*object.Error](err); ok {
		return "The store"
	}
	return "WhatsApp (Meta's Graph API)"
}

// transferFault returns the fault for an error of the transfer itself.
func transferFault(e *transfer.Error) *fault {
	switch e.Kind {
	case transfer.Unavailable:
		return unavailable(e.Message, e.Cause)
	case transfer.Busy:
		return throttled("%s", e.Message)
	}
	kinds := map[transfer.Kind]*socialmessaging.ExceptionKind{
		transfer.Unsuitable: socialmessaging.KindInvalidParameters,
		transfer.Dependency: socialmessaging.KindDependency,
		transfer.NotFound:   socialmessaging.KindResourceNotFound,
	}
	kind, ok := kinds[e.Kind]
	if !ok {
		kind = socialmessaging.KindInternalService
	}
	f := fail(kind, e.Cause, "%s", e.Message)
	f.finding, f.fix = e.Code, e.Fix
	return f
}

// objectFault returns the fault for an error of a store or presigned URL.
func objectFault(e *object.Error) *fault {
	kinds := map[object.Kind]*socialmessaging.ExceptionKind{
		object.NotFound:    socialmessaging.KindResourceNotFound,
		object.Denied:      socialmessaging.KindAccessDenied,
		object.Invalid:     socialmessaging.KindInvalidParameters,
		object.Unavailable: socialmessaging.KindDependency,
		object.Changed:     socialmessaging.KindDependency,
	}
	kind, ok := kinds[e.Kind]
	if !ok {
		return fail(socialmessaging.KindInternalService, e, internalMessage)
	}
	f := fail(kind, e.Cause, "%s", e.Error())
	f.finding, f.fix = e.Code, e.Fix
	return f
}

// Meta's codes by what a caller can do about them (docs/references.md#graph-errors).
var (
	throttleCodes = []int{4, 17, 341, 613, 80007, 80008, 80012, 130429, 131048, 131056, 131064, 133016, 138002, 138005}
	accessCodes   = []int{3, 10, 33, 104, 190, 368, 130497, 131005, 131031, 131045, 131063, 138000, 138006, 139000}
	// accessAdvice is what to do about those that a new token does not help against.
	accessAdvice = map[int]string{
		138000: "Enable calls with UpdateLinkedWhatsAppBusinessAccountPhoneNumber.",
		138006: "Send the user a message that asks for the permission; GetWhatsAppCallPermission shows the answer.",
		139000: "Check the account at Meta: Meta does not let it publish flows.",
	}
	transientCodes = []int{1, 2, 99, 131000, 131016, 131057, 133004, 2494100}
	conflictCodes  = []int{138003} // of calls (docs/references.md#graph-calls)
	// refusalCodes are refusals of the request, whatever the HTTP status is.
	refusalCodes    = []int{100, 192, 139001, 139002, 139003, 139004}
	missingSubcodes = []int{33, 2593002} // of code 100; the second one is about templates
)

// graphFault returns the fault for an error response of Meta's. Meta declares the HTTP
// status unreliable, so the code decides first.
func graphFault(e *graph.Error) *fault {
	isRefusal := e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
	switch {
	case slices.Contains(throttleCodes, e.Code):
		return fail(socialmessaging.KindThrottledRequest, e, "WhatsApp (Meta) limits the rate of calls: %s. Retry later.", e.Summary())
	case slices.Contains(accessCodes, e.Code) || 200 <= e.Code && e.Code <= 299 || e.Code == 0 && isRefusal:
		return fail(socialmessaging.KindAccessDeniedByMeta, e,
			"WhatsApp (Meta) denied the request: %s. %s", e.Summary(), cmp.Or(accessAdvice[e.Code], "Check the account at Meta, or set a new token with 'ferry account link'."))
	case slices.Contains(conflictCodes, e.Code):
		return fail(socialmessaging.KindConflict, e, "WhatsApp (Meta) rejected the request: %s.", e.Summary())
	case e.Status == http.StatusTooManyRequests:
		return fail(socialmessaging.KindThrottledRequest, e, "WhatsApp (Meta) limits the rate of calls: %s. Retry later.", e.Summary())
	case slices.Contains(transientCodes, e.Code) || e.Code == 0 || e.Status >= 500 && !slices.Contains(refusalCodes, e.Code):
		return fail(socialmessaging.KindDependency, e, "WhatsApp (Meta) failed: %s. Retry later.", e.Summary())
	case e.Code == 100 && slices.Contains(missingSubcodes, e.Subcode):
		return fail(socialmessaging.KindResourceNotFound, e,
			"WhatsApp (Meta) has no such object, or the linked token may not see it: %s.", e.Summary())
	default:
		return fail(socialmessaging.KindInvalidParameters, e, "WhatsApp (Meta) rejected the request: %s.", e.Summary())
	}
}

// writeFault writes the response for an error: its name in the header, its message in the
// body. The finding and the fix are beside it; SDKs ignore members that they do not know.
func writeFault(w http.ResponseWriter, requestID string, f *fault) {
	if f == unknownOperation { // as AWS does: XML, with no type in the header
		writeBody(w, requestID, f.status, "application/xml", []byte("<UnknownOperationException/>\n"))
		return
	}
	body, _ := json.Marshal(struct { // strings only: it cannot fail
		Message string `json:"message"`
		Finding string `json:"finding,omitempty"`
		Fix     string `json:"fix,omitempty"`
	}{f.message, f.finding, f.fix})
	w.Header().Set("X-Amzn-Errortype", f.code)
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.retryAfter.Seconds())))
	}
	writeBody(w, requestID, f.status, "application/json", body)
}

// responseTimeout is how long a caller may take to receive a response.
const responseTimeout = 30 * time.Second

// writeBody writes every response but that of a preflight.
func writeBody(w http.ResponseWriter, requestID string, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-Requestid", requestID)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(responseTimeout)) // a recorder in a test has none
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
