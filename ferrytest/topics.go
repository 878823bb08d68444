// What stands for Amazon SNS in a world: topics that events are published to.

package ferrytest

import (
	"cmp"
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"ferry/internal/local"
)

const (
	// DefaultTopic is the topic to which events are published, unless Topics says
	// otherwise.
	DefaultTopic = "whatsapp"

	maxPublished = 10_000  // events that are kept; the oldest go first
	maxRequest   = 1 << 20 // bytes of a request
)

// topics answer as Amazon SNS does, for what publishers need. Every topic exists.
type topics struct {
	mu        sync.Mutex
	envelopes map[string][]byte // by the id of the event
	order     []string          // of these ids
	unknown   []string          // what was requested that does not exist here
	faults    map[string]int    // how many requests to a topic fail from now on; negative means all
}

// topicARN returns the ARN of a topic of the sample account.
func topicARN(region, name string) string {
	return "arn:aws:sns:" + region + ":" + local.AccountID + ":" + name
}

// ServeHTTP answers requests of the query protocol.
func (s *topics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		answerError(w, http.StatusBadRequest, "InvalidParameter", "The request cannot be read: "+err.Error())
		return
	}
	form, err := url.ParseQuery(string(body))
	service := serviceOf(r.Header.Get("Authorization"))
	action := form.Get("Action")
	switch {
	case err != nil || service != "sns":
		s.note(cmp.Or(service, "a service of AWS") + " " + cmp.Or(action, r.Header.Get("X-Amz-Target"), r.Method+" "+r.URL.Path))
		answerError(w, http.StatusNotImplemented, "NotSimulated", fmt.Sprintf("A world of ferrytest has S3, SNS and AWS End User Messaging Social, not %q.", service))
	case action == "Publish" && s.fails(form.Get("TopicArn")):
		answerError(w, http.StatusInternalServerError, "InternalError", "The topic fails because the test wants it to (FaultTopic).")
	case action == "Publish":
		s.publish(form)
		answer(w, action, "<MessageId>"+rand.Text()+"</MessageId>")
	case action == "CreateTopic":
		answer(w, action, "<TopicArn>"+escape(topicARN(regionOf(r.Header.Get("Authorization")), form.Get("Name")))+"</TopicArn>")
	default:
		s.note("sns " + action)
		answerError(w, http.StatusNotImplemented, "NotSimulated", fmt.Sprintf("The topics of ferrytest know Publish and CreateTopic, not %q.", action))
	}
}

// FaultTopic makes the next requests to publish to a topic fail, as often as times says; 0
// means all. ferry tries again, for 72 hours of the world's clock.
func (w *World) FaultTopic(name string, times int) {
	w.t.Helper()
	if times < 0 {
		w.t.Fatalf("ferrytest: FaultTopic(%q, %d): expected 0 or more", name, times)
	}
	if times == 0 {
		times = -1
	}
	w.topics.mu.Lock()
	defer w.topics.mu.Unlock()
	if w.topics.faults == nil {
		w.topics.faults = make(map[string]int)
	}
	w.topics.faults[name] = times
}

// fails reports whether a request to publish fails.
func (s *topics) fails(arn string) bool {
	name := arn[strings.LastIndexByte(arn, ':')+1:]
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.faults[name]
	if left > 0 {
		s.faults[name]--
	}
	return left != 0
}

// publish keeps an event.
func (s *topics) publish(form url.Values) {
	id := ""
	for i := 1; form.Has(attribute(i, "Name")); i++ {
		if form.Get(attribute(i, "Name")) == "eventId" {
			id = form.Get(attribute(i, "Value.StringValue"))
		}
	}
	if id == "" { // not an event of ferry's
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.envelopes == nil {
		s.envelopes = make(map[string][]byte)
	}
	if s.envelopes[id] == nil {
		s.order = append(s.order, id)
	}
	s.envelopes[id] = []byte(form.Get("Message"))
	if len(s.order) > maxPublished {
		delete(s.envelopes, s.order[0])
		s.order = s.order[1:]
	}
}

func attribute(i int, part string) string {
	return fmt.Sprintf("MessageAttributes.entry.%d.%s", i, part)
}

// envelope returns an event that was published, or nil.
func (s *topics) envelope(id string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.envelopes[id]
}

// note remembers a request for what does not exist here.
func (s *topics) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unknown) < maxPublished {
		s.unknown = append(s.unknown, what)
	}
}

func (s *topics) notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.unknown...)
}

// serviceOf returns the service that a request is signed for.
func serviceOf(authorization string) string { return scope(authorization, 3) }

// regionOf returns the region that a request is signed for.
func regionOf(authorization string) string { return scope(authorization, 2) }

// scope returns a part of the credential scope: key, date, region, service.
func scope(authorization string, part int) string {
	_, after, _ := strings.Cut(authorization, "Credential=")
	credential, _, _ := strings.Cut(after, ",")
	if parts := strings.Split(credential, "/"); part < len(parts) {
		return parts[part]
	}
	return ""
}

func answer(w http.ResponseWriter, action, result string) {
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<%[1]sResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><%[1]sResult>%[2]s</%[1]sResult><ResponseMetadata><RequestId>%[3]s</RequestId></ResponseMetadata></%[1]sResponse>`,
		action, result, rand.Text())
}

func answerError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
		code, escape(message), rand.Text())
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}
