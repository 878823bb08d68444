package social

import (
	"maps"
	"slices"

	"ferry/internal/message"
	"ferry/internal/why"
	"ferry/socialmessaging"
)

// Operations returns the names of the operations, those of ferry's own included, sorted.
func Operations() []string {
	var names []string
	for _, h := range slices.Concat(handlers, ownHandlers, []handler{streamHandler}) {
		names = append(names, h.name)
	}
	slices.Sort(names)
	return names
}

// frontCodes are the codes of errors that the model does not have.
var frontCodes = []string{
	"ExpiredTokenException", "IncompleteSignatureException", "InvalidSignatureException", "MisdirectedRequestException", "MissingAuthenticationTokenException",
	"RequestAbortedException", "RequestEntityTooLargeException", "SerializationException", "ServiceUnavailable",
	"UnknownOperationException", "UnrecognizedClientException",
}

// ErrorCodes returns the codes of the errors that callers see, sorted.
func ErrorCodes() []string {
	codes := make(map[string]bool)
	for _, code := range frontCodes {
		codes[code] = true
	}
	for _, operation := range socialmessaging.Operations {
		for _, kind := range operation.Exceptions {
			codes[kind.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(codes))
}

// MetaCodes returns the codes of Meta's errors that something is known about, sorted
// (docs/references.md#graph-errors).
func MetaCodes() []int {
	codes := slices.Concat(throttleCodes, accessCodes, transientCodes, conflictCodes, refusalCodes, message.MetaCodes(), why.MetaCodes())
	slices.Sort(codes)
	return slices.Compact(codes)
}
