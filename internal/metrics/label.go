package metrics

import (
	"strconv"
	"strings"

	"ferry/internal/activity"
)

// Values of labels beside those of the lists.
const (
	other       = "other"       // what is in no list
	succeeded   = "ok"          // the code of what succeeded
	unreachable = "unreachable" // the code of a request to Meta without a response
	topics      = "topics"      // the destination of all SNS topics that callers have chosen
)

// A set is the values that a label may have.
type set map[string]struct{}

func newSet(values ...string) set {
	s := make(set, len(values))
	for _, value := range values {
		s[value] = struct{}{}
	}
	return s
}

// of returns a value, or other if it is not in the set.
func (s set) of(value string) string {
	if _, ok := s[value]; ok {
		return value
	}
	return other
}

// known are the values of labels.
type known struct {
	operations, codes, graphOperations, metaCodes, findings, severities, stores, destinations, outcomes set
}

func newKnown(config Config) known {
	k := known{
		operations: newSet(config.Operations...), codes: newSet(config.Codes...), graphOperations: newSet(config.GraphOperations...),
		metaCodes: make(set), findings: newSet(config.Findings...), severities: newSet("looks-bad", "will-fail", "refused"),
		stores: newSet(config.Stores...), destinations: newSet(config.Destinations...), outcomes: make(set),
	}
	for _, code := range config.MetaCodes {
		k.metaCodes[strconv.Itoa(code)] = struct{}{}
	}
	for _, outcome := range resultsOfUploads {
		k.outcomes[string(outcome)] = struct{}{}
	}
	return k
}

// graphCode returns the code of a request to Meta: Meta's code of the error, "http-4xx" or
// "http-5xx" if the response has none, or unreachable.
func (k known) graphCode(e *activity.Entry) string {
	code, isMetas := strings.CutPrefix(e.Code, "meta-")
	switch {
	case isMetas:
		return k.metaCodes.of(code)
	case e.Status == 0:
		return unreachable
	case e.Status >= 500:
		return "http-5xx"
	case e.Status >= 400:
		return "http-4xx"
	}
	return succeeded
}

// destination returns the name of the destination of an attempt, which is written as
// event/<business account>/<name or ARN>.
func (k known) destination(destination string) string {
	_, rest, _ := strings.Cut(destination, "/")
	_, target, _ := strings.Cut(rest, "/")
	if isTopic(target) {
		return topics
	}
	return k.destinations.of(target)
}
