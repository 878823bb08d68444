package event_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ferry/internal/event"
	"ferry/internal/outbox"
	"ferry/internal/state/statetest"
)

// What is about one event, or about this server, says nothing about the destination, whose
// other events are not slowed.
func TestFailureOfOneEventIsNoneOfItsDestination(t *testing.T) {
	webhookStatus := func(status int) func(t *testing.T) error {
		return func(t *testing.T) error {
			r := receive(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(status) })
			return newWorld(t, event.DelivererConfig{RootCAs: roots(r)}, webhook("crm", r.URL)).attempt("status.sent", nil)
		}
	}
	topicError := func(code string) func(t *testing.T) error {
		return func(t *testing.T) error {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code><Message>m</Message></Error></ErrorResponse>`, code)
			}))
			defer server.Close()
			return newWorld(t, event.DelivererConfig{}, awsDestinations(server.URL)["SNS"]).attempt("status.sent", []byte(sentEnvelope))
		}
	}
	for _, test := range []struct {
		name          string
		attempt       func(t *testing.T) error
		ofDestination bool
		isRetried     bool
	}{
		{name: "409 of a webhook", attempt: webhookStatus(http.StatusConflict), isRetried: true},
		{name: "413 of a webhook", attempt: webhookStatus(http.StatusRequestEntityTooLarge), isRetried: true},
		{name: "422 of a webhook", attempt: webhookStatus(http.StatusUnprocessableEntity), isRetried: true},
		{name: "400 of a webhook", attempt: webhookStatus(http.StatusBadRequest), isRetried: true, ofDestination: true}, // of a signature, too
		{name: "404 of a webhook", attempt: webhookStatus(http.StatusNotFound), isRetried: true, ofDestination: true},
		{name: "429 of a webhook", attempt: webhookStatus(http.StatusTooManyRequests), isRetried: true, ofDestination: true},
		{name: "500 of a webhook", attempt: webhookStatus(http.StatusInternalServerError), isRetried: true, ofDestination: true},
		{name: "an event that SNS does not take", attempt: topicError("InvalidParameter")},
		{name: "a rate limit of SNS", attempt: topicError("Throttled"), isRetried: true, ofDestination: true},
		{name: "a topic that does not exist", attempt: topicError("NotFound"), isRetried: true, ofDestination: true},
		{name: "an event that is too large for SQS", attempt: func(t *testing.T) error {
			return newWorld(t, event.DelivererConfig{}, awsDestinations("http://127.0.0.1:1")["SQS"]).attempt("status.sent", []byte(strings.Repeat("x", 1<<20)))
		}},
		{name: "the database, before a delivery", isRetried: true, attempt: func(t *testing.T) error {
			w := newWorld(t, event.DelivererConfig{}, webhook("crm", "https://127.0.0.1:1"))
			w.state.Close()
			return w.deliverer.Deliver(t.Context(), outbox.Delivery{EventID: newUUID(), Destination: "event/x/crm"})
		}},
		{name: "the database, before a preparation", isRetried: true, attempt: func(t *testing.T) error {
			p := newPreparation(t, statetest.Default(), nil)
			p.state.Close()
			return p.preparer.Deliver(t.Context(), outbox.Delivery{EventID: newUUID()})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.attempt(t)
			retry, isRetry := errors.AsType[*outbox.RetryError](err)
			isRetried := err != nil && !errors.Is(err, outbox.ErrNever)
			ofDestination := isRetried && (!isRetry || !retry.NotAttempted && !retry.NotOfDestination)
			if isRetried != test.isRetried || ofDestination != test.ofDestination {
				t.Errorf("%v: retried: %v, counts as a failure of the destination: %v", err, isRetried, ofDestination)
			}
		})
	}
}
