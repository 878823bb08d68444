package event_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/event"
	"ferry/internal/secret"
)

// awsDestinations are destinations of each type that is reached with AWS's SDK.
func awsDestinations(endpoint string) map[string]event.Destination {
	how := event.AWS{Endpoint: endpoint, AccessKeyID: "AKIATEST", SecretAccessKey: secret.New("secret-canary")}
	list := map[string]event.Destination{
		"SNS":         {Type: event.SNS, TopicARN: topicARN},
		"SQS":         {Type: event.SQS, QueueURL: endpoint + "/111122223333/events"},
		"EventBridge": {Type: event.EventBridge, Bus: "events"},
	}
	for name, d := range list {
		d.Name, d.Accounts, d.AWS, d.Timeout = "aws", []string{account}, how, time.Second
		list[name] = d
	}
	return list
}

// What is not the service, such as a proxy, a health page or another server at the same
// address, may answer with 200. An event is delivered only if the service names the message
// that it has accepted.
func TestServiceThatDoesNotNameTheMessageHasNotAcceptedIt(t *testing.T) {
	for answer, respond := range map[string]http.HandlerFunc{
		"an empty response": func(w http.ResponseWriter, _ *http.Request) {},
		"no content":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"an empty object":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) },
		"a page":            func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html><body>Sign in</body></html>`) },
		"a result without": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `<PublishResponse><PublishResult/></PublishResponse>`)
		},
		"an entry without":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"FailedEntryCount":0,"Entries":[{}]}`) },
		"a count of failure": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"FailedEntryCount":1,"Entries":[]}`) },
		"a page and 500": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `<html>canary</html>`)
		},
	} {
		server := httptest.NewServer(respond)
		for name, d := range awsDestinations(server.URL) {
			w := newWorld(t, event.DelivererConfig{}, d)
			err := w.attempt("status.sent", []byte(sentEnvelope))
			if _, isRetried := retryIn(err); !isRetried || strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("%s at %s: %v", answer, name, err)
			}
		}
		server.Close()
	}
}

func TestServiceThatRedirectsIsNotFollowed(t *testing.T) {
	var followed atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL+"/canary", status) }))
		for name, d := range awsDestinations(server.URL) {
			w := newWorld(t, event.DelivererConfig{}, d)
			err := w.attempt("status.sent", []byte(sentEnvelope))
			if _, isRetried := retryIn(err); !isRetried || followed.Load() > 0 || strings.Contains(fmt.Sprint(err), "canary") || !strings.Contains(fmt.Sprint(err), fmt.Sprint(status)) {
				t.Errorf("%d at %s: followed %d times, %v", status, name, followed.Load(), err)
			}
		}
		server.Close()
	}
}

func TestServiceThatDoesNotEndItsResponseEndsAtTheDeadline(t *testing.T) {
	for answer, respond := range map[string]func(conn net.Conn){
		"nothing":               func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1<<20)); _, _ = conn.Read(make([]byte, 1)) },
		"a header byte by byte": func(conn net.Conn) { drip(conn, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-A: b\r\n", 1000)) },
		"a body byte by byte": func(conn net.Conn) {
			drip(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"+strings.Repeat(" ", 1000))
		},
		"an endless body": func(conn net.Conn) {
			_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
			for {
				if _, err := conn.Write([]byte(strings.Repeat(" ", 1<<16))); err != nil {
					return
				}
			}
		},
	} {
		for _, name := range []string{"SNS", "SQS", "EventBridge"} {
			t.Run(answer+" at "+name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, event.DelivererConfig{}, awsDestinations(raw(t, respond))[name])
				begun := time.Now()
				err := w.attempt("status.sent", []byte(sentEnvelope))
				if _, isRetried := retryIn(err); !isRetried || time.Since(begun) > 10*time.Second { // the limit is 1 s, and the machine may be slow
					t.Errorf("%v after %v", err, time.Since(begun))
				}
			})
		}
	}
}

// A service, or what stands in its place, may repeat what it was sent. Nothing of it is in the
// text that people see, or in the cause, which is logged.
func TestSecretsThatAServiceRepeatsAreInNoError(t *testing.T) {
	const secretKey, token = "secretKeyCanary/+b81e77", "sessionTokenCanary771d"
	echo := func(r *http.Request) string {
		return token + " " + url.QueryEscape(token) + " " + secretKey + " " + r.Header.Get("Authorization") + " " + r.Header.Get("X-Amz-Security-Token")
	}
	for name, respond := range map[string]http.HandlerFunc{
		"a document": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>", token, echo(r), token)
		},
		"an object": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amzn-Requestid", token)
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"__type":%q,"message":%q}`, token, echo(r))
		},
		"a header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amzn-Errortype", token)
			w.WriteHeader(http.StatusBadRequest)
		},
		"a known code": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amzn-Errortype", "AccessDenied")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"message":%q}`, echo(r))
		},
		"an entry": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":%q,"ErrorMessage":%q}]}`, token, echo(r))
		},
		"no document": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, echo(r))
		},
	} {
		server := httptest.NewServer(respond)
		for service, d := range awsDestinations(server.URL) {
			d.AWS.SecretAccessKey, d.AWS.SessionToken = secret.New(secretKey), secret.New(token)
			w := newWorld(t, event.DelivererConfig{}, d)
			err := w.attempt("status.sent", []byte(sentEnvelope))
			if err == nil {
				t.Errorf("%s from %s: no error", name, service)
			}
			for ; err != nil; err = errors.Unwrap(err) {
				text := err.Error()
				if strings.Contains(text, token) || strings.Contains(text, secretKey) || regexp.MustCompile(`Signature=[0-9a-f]{64}`).MatchString(text) {
					t.Errorf("%s from %s: %s", name, service, text)
				}
			}
		}
		server.Close()
	}
}
