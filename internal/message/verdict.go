// What Meta's response to a message means (docs/references.md#graph-errors).

package message

import (
	"errors"
	"maps"
	"net/http"
	"slices"

	"ferry/internal/graph"
)

// A verdict says what follows from an attempt to send a message.
type verdict uint8

const (
	accepted verdict = iota
	refused          // Meta would refuse it again
	failed           // Meta does not have it, and may accept it later
	unsure           // Meta may have it
)

// Meta's codes after which the same message may be accepted later, beside those of
// rate limits, which the governor knows.
var transientCodes = []int{1, 2, 131000, 131016, 131057, 133004, codeTemplateSyncing, 2494100}

// codeTemplateSyncing is Meta's code of a message whose template is not ready yet.
const codeTemplateSyncing = 134101

// Codes that Meta returns with a status of server errors, although nothing changes by
// itself.
var lastingCodes = []int{3, 100, 131045, 133000, 134102}

// verdictOf returns what the error of SendMessage means. Meta declares the HTTP status
// unreliable, so the code decides first. A server error without a code is not the API's:
// something in front of it has given up, and the API may have the message.
func verdictOf(err error) verdict {
	if err == nil {
		return accepted
	}
	if graph.IsAmbiguous(err) {
		return unsure
	}
	e, isMetas := errors.AsType[*graph.Error](err)
	switch {
	case !isMetas:
		return failed
	case slices.Contains(transientCodes, e.Code):
		return failed
	case e.Code == 0 && e.Status >= http.StatusInternalServerError:
		return unsure
	case e.Status >= http.StatusInternalServerError && !slices.Contains(lastingCodes, e.Code):
		return failed
	default:
		return refused
	}
}

// isOfMessage reports whether an error of Meta's is about a message or its user, and says
// nothing about the phone number: it may send other messages at the same time.
func isOfMessage(e *graph.Error, flow Flow) bool {
	limit, isLimit := backOffs[e.Code]
	return e.Code == codeTemplateSyncing || isLimit && limit.scope == ofPair && flow.hasPair()
}

// MetaCodes returns Meta's codes that decide what becomes of a message.
func MetaCodes() []int {
	return slices.Concat(transientCodes, lastingCodes, slices.Collect(maps.Keys(backOffs)))
}
