package social_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"ferry/internal/admin"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// reply is an answer of the API as it is on the wire.
type reply struct {
	status          int
	errorType, body string
	header          http.Header
}

// message is the message of an exception's body.
func (r reply) message() string {
	var body struct{ Message string }
	_ = json.Unmarshal([]byte(r.body), &body)
	return body.Message
}

// request makes a request that is not signed yet.
func (w *world) request(method, target, body string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.api.URL+target, strings.NewReader(body))
	w.must(err)
	return r
}

type scope struct {
	key             state.AccessKey
	service, region string
	at              time.Time
	token           string // session token
}

// sign signs a request as an SDK does, over the body that it has.
func (w *world) sign(r *http.Request, change ...func(*scope)) *http.Request {
	w.t.Helper()
	s := scope{key: w.key, service: "social-messaging", region: "us-east-1", at: time.Now()}
	for _, f := range change {
		f(&s)
	}
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	sum := sha256.Sum256(body)
	w.must(v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: s.key.ID, SecretAccessKey: s.key.Secret.Reveal(), SessionToken: s.token},
		r, hex.EncodeToString(sum[:]), s.service, s.region, s.at))
	return r
}

func (w *world) send(r *http.Request) reply {
	w.t.Helper()
	response, err := http.DefaultClient.Do(r)
	w.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	w.must(err)
	return reply{response.StatusCode, response.Header.Get("X-Amzn-Errortype"), string(body), response.Header}
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestNoRouteGoesRoundTheGate(t *testing.T) {
	w := newWorld(t)
	deleted := w.newKey(account, admin.FullAccessPolicy)
	w.must(w.state.DeleteAccessKey(t.Context(), deleted.ID))
	disabled := w.newKey(account, admin.FullAccessPolicy)
	w.must(w.state.SetAccessKeyDisabled(t.Context(), disabled.ID, true))
	for _, operation := range socialmessaging.Operations {
		for name, test := range map[string]struct {
			sign func(*http.Request)
			code string
		}{
			"not signed": {func(*http.Request) {}, "MissingAuthenticationTokenException"},
			"a wrong secret": {func(r *http.Request) {
				w.sign(r, func(s *scope) { s.key.Secret = secret.New("not the secret") })
			}, "InvalidSignatureException"},
			"an unknown key":      {func(r *http.Request) { w.sign(r, func(s *scope) { s.key.ID = "AKIAUNKNOWN" }) }, "UnrecognizedClientException"},
			"a deleted key":       {func(r *http.Request) { w.sign(r, func(s *scope) { s.key = deleted }) }, "UnrecognizedClientException"},
			"a disabled key":      {func(r *http.Request) { w.sign(r, func(s *scope) { s.key = disabled }) }, "UnrecognizedClientException"},
			"for another service": {func(r *http.Request) { w.sign(r, func(s *scope) { s.service = "s3" }) }, "InvalidSignatureException"},
			"for another region":  {func(r *http.Request) { w.sign(r, func(s *scope) { s.region = "eu-west-1" }) }, "InvalidSignatureException"},
			"signed yesterday":    {func(r *http.Request) { w.sign(r, func(s *scope) { s.at = s.at.Add(-24 * time.Hour) }) }, "InvalidSignatureException"},
			"signed for tomorrow": {func(r *http.Request) { w.sign(r, func(s *scope) { s.at = s.at.Add(24 * time.Hour) }) }, "InvalidSignatureException"},
			"over another body": {func(r *http.Request) {
				w.sign(r)
				r.Body = io.NopCloser(strings.NewReader("{\t}"))
				r.ContentLength = 3
			}, "InvalidSignatureException"},
			"with another method":   {func(r *http.Request) { m := r.Method; r.Method = "PATCH"; w.sign(r); r.Method = m }, "InvalidSignatureException"},
			"credentials elsewhere": {func(r *http.Request) { w.sign(r); r.URL.RawQuery = "X-Amz-Signature=0" }, "InvalidSignatureException"},
		} {
			t.Run(operation.Name+"/"+name, func(t *testing.T) {
				r := w.request(operation.Method, operation.Path, "{} ")
				test.sign(r)
				got := w.send(r)
				if got.errorType != test.code || got.status != http.StatusForbidden || got.message() == "" {
					t.Errorf("%d %s %s; want %s", got.status, got.errorType, got.body, test.code)
				}
			})
		}
	}
}

func TestEveryOperationIsBuilt(t *testing.T) {
	w := newWorld(t)
	for _, operation := range socialmessaging.Operations {
		got := w.send(w.sign(w.request(operation.Method, operation.Path, "")))
		if got.status == http.StatusNotFound || got.status >= 500 {
			t.Errorf("%s: %d %s", operation.Name, got.status, got.body)
		}
	}
	// A Flow may have 10 MiB; it is refused for what it is, not for its size.
	flow := `{"flowJson":"` + strings.Repeat("A", 2<<20) + `"}`
	if got := w.send(w.sign(w.request("POST", "/v1/whatsapp/flow/create", flow))); got.errorType != "ValidationException" {
		t.Errorf("a large Flow: %d %s", got.status, got.body)
	}
	limit := socialmessaging.SendWhatsAppMessage.MaxBody()
	got := w.send(w.sign(w.request("POST", "/v1/whatsapp/send", strings.Repeat("A", int(limit)+1))))
	if got.status != http.StatusRequestEntityTooLarge || got.message() != fmt.Sprintf("The request body exceeds this operation's limit of %d bytes.", limit) {
		t.Errorf("a message that is too large: %d %s", got.status, got.body)
	}
}

func TestAnythingElseIsAnUnknownOperation(t *testing.T) {
	w := newWorld(t)
	for _, target := range []string{
		"GET /", "POST /", "GET /v1/whatsapp/media", "POST /v1/whatsapp/media/", "POST //v1/whatsapp/media", "POST /v1/whatsapp%2Fmedia",
		"POST /v1/whatsapp/%6dedia", "POST /v1/whatsapp/x/../media", "POST /V1/whatsapp/media", "POST /v1/whatsapp/media%00", "post /v1/whatsapp/media",
		"OPTIONS *", "POST http://example.com/v1/whatsapp/media", "HEAD /v1/whatsapp/waba/list",
	} {
		connection, err := net.Dial("tcp", strings.TrimPrefix(w.api.URL, "http://"))
		w.must(err)
		_, err = fmt.Fprintf(connection, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", target)
		w.must(err)
		answer, err := io.ReadAll(connection)
		w.must(err)
		_ = connection.Close()
		if strings.HasPrefix(target, "OPTIONS *") { // net/http answers this one itself, with nothing
			continue
		}
		if !bytes.HasPrefix(answer, []byte("HTTP/1.1 404 ")) || !strings.HasPrefix(target, "HEAD") && !bytes.HasSuffix(answer, []byte("\r\n\r\n<UnknownOperationException/>\n")) {
			t.Errorf("%s: %s", target, answer)
		}
		if !bytes.Contains(answer, []byte("X-Amzn-Requestid: ")) {
			t.Errorf("%s: no request id in %s", target, answer)
		}
	}
}

func TestEveryAnswerHasARequestIDOfItsOwn(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for _, r := range []*http.Request{
		w.sign(w.request("GET", "/v1/whatsapp/waba/list", "")), w.request("GET", "/v1/whatsapp/waba/list", ""), w.request("GET", "/nowhere", ""),
		w.sign(w.request("POST", "/v1/whatsapp/send", "")), w.sign(w.request("POST", "/v1/whatsapp/media", "{")),
	} {
		id := w.send(r).header.Get("X-Amzn-Requestid")
		if !uuid.MatchString(id) || seen[id] {
			t.Errorf("request id %q", id)
		}
		seen[id] = true
	}
}

func TestBodyIsBoundedBeforeTheCallerIsKnown(t *testing.T) {
	w := newWorld(t)
	large := strings.Repeat(" ", 64<<10+1)
	declared := w.send(w.sign(w.request("POST", "/v1/whatsapp/media", large)))
	if declared.status != http.StatusRequestEntityTooLarge || declared.errorType != "RequestEntityTooLargeException" || !strings.Contains(declared.message(), " 65536 bytes") {
		t.Errorf("with its length: %d %s", declared.status, declared.body)
	}
	chunked := w.request("POST", "/v1/whatsapp/media", large)
	chunked.ContentLength = -1
	w.sign(chunked)
	if got := w.send(chunked); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("without its length: %d %s", got.status, got.body)
	}
	unknown := &endless{}
	r := httptest.NewRequest("POST", "/v1/whatsapp/media", unknown)
	r.ContentLength = -1
	w.sign(r, func(s *scope) { s.key.ID = "AKIAUNKNOWN" })
	unknown.read = 0
	r.Body = io.NopCloser(unknown)
	answer := httptest.NewRecorder()
	w.service.ServeHTTP(answer, r)
	if answer.Code != http.StatusForbidden || unknown.read != 0 {
		t.Errorf("a stranger's body: %d after %d bytes", answer.Code, unknown.read)
	}
}

// endless is a body of at most 1 MiB that counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read > 1<<20 {
		return 0, io.EOF
	}
	e.read += len(p)
	return len(p), nil
}

func TestBodyOtherThanTheDeclaredOneIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, target := range []string{"POST /v1/whatsapp/media", "GET /v1/whatsapp/waba/list", "POST /v1/whatsapp/send"} {
		method, path, _ := strings.Cut(target, " ")
		r := w.request(method, path, "{}")
		sum := sha256.Sum256([]byte("{}"))
		r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
		w.sign(r)
		r.Body = io.NopCloser(strings.NewReader("[]"))
		got := w.send(r)
		if got.status != http.StatusForbidden || got.errorType != "InvalidSignatureException" {
			t.Errorf("%s: %d %s", target, got.status, got.body)
		}
	}
}

func TestMalformedAndInvalidInputsAreToldApart(t *testing.T) {
	w := newWorld(t)
	for body, code := range map[string]string{
		`{`: "SerializationException", `{"originationPhoneNumberId":1}`: "SerializationException",
		`{}`: "ValidationException", ``: "ValidationException", `{"originationPhoneNumberId":"x"}`: "ValidationException",
	} {
		got := w.send(w.sign(w.request("POST", "/v1/whatsapp/media", body)))
		if got.status != 400 || got.errorType != code || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s %s", body, got.status, got.errorType, got.body)
		}
	}
	got := w.send(w.sign(w.request("GET", "/v1/whatsapp/waba/list?maxResults=0", "")))
	if want := "1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1"; got.message() != want {
		t.Errorf("%s", got.body)
	}
}

func TestPolicyDecidesOverOperationAndObject(t *testing.T) {
	w := newWorld(t)
	w.put("open/note.txt", "text/plain", text)
	w.put("closed/note.txt", "text/plain", text)
	post := `{"Effect":"Allow","Action":"social-messaging:PostWhatsAppMessageMedia","Resource":"arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/*"}`
	read := `{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::media/open/*"}`
	for name, test := range map[string]struct {
		statements, key, denied string
	}{
		"all that is needed": {post + "," + read, "open/note.txt", ""},
		"another object":     {post + "," + read, "closed/note.txt", "s3:GetObject on resource: arn:aws:s3:::media/closed/note.txt because no identity-based policy allows"},
		"no right to read":   {post, "open/note.txt", "s3:GetObject on resource: arn:aws:s3:::media/open/note.txt because no"},
		"no right to call":   {read, "open/note.txt", "social-messaging:PostWhatsAppMessageMedia on resource: arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/"},
		"a denial wins":      {post + "," + read + `,{"Effect":"Deny","Action":"s3:*","Resource":"*"}`, "open/note.txt", "with an explicit deny in an identity-based policy"},
	} {
		t.Run(name, func(t *testing.T) {
			key := w.newKey(account, `{"Version":"2012-10-17","Statement":[`+test.statements+`]}`)
			_, err := w.postAs(t.Context(), key, &socialmessaging.PostWhatsAppMessageMediaInput{
				OriginationPhoneNumberId: &w.phone, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(bucket), Key: &test.key},
			})
			denied, isDenied := errors.AsType[*socialmessaging.AccessDeniedException](err)
			if test.denied == "" && err != nil || test.denied != "" && (!isDenied || !strings.Contains(denied.ErrorMessage(), test.denied) ||
				!strings.HasPrefix(denied.ErrorMessage(), "User: arn:aws:iam::111122223333:user/app is not authorized to perform: ")) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Each operation is authorised on the resource that its input names, by id or
// by ARN, and on "*" if it names none.
func TestPolicyDecidesOverTheResourceThatTheInputNames(t *testing.T) {
	w := newWorld(t)
	const arn = "arn:aws:social-messaging:us-east-1:111122223333:"
	number, waba := strings.TrimPrefix(w.phone, "phone-number-id-"), strings.TrimPrefix(w.waba, "waba-")
	byID, byARN := `"originationPhoneNumberId":"`+w.phone+`"`, `"originationPhoneNumberId":"`+arn+"phone-number-id/"+number+`"`
	for name, test := range map[string]struct{ method, target, body, resource string }{
		"PostWhatsAppMessageMedia":                           {"POST", "/v1/whatsapp/media", "{" + byID + "}", arn + "phone-number-id/" + number},
		"PostWhatsAppMessageMedia/ARN":                       {"POST", "/v1/whatsapp/media", "{" + byARN + "}", arn + "phone-number-id/" + number},
		"GetWhatsAppMessageMedia":                            {"POST", "/v1/whatsapp/media/get", `{"mediaId":"1",` + byID + "}", arn + "phone-number-id/" + number},
		"DeleteWhatsAppMessageMedia":                         {"DELETE", "/v1/whatsapp/media?mediaId=1&originationPhoneNumberId=" + w.phone, "", arn + "phone-number-id/" + number},
		"CreateWhatsAppMessageTemplateMedia":                 {"POST", "/v1/whatsapp/template/media", `{"id":"` + w.waba + `"}`, arn + "waba/" + waba},
		"GetLinkedWhatsAppBusinessAccount":                   {"GET", "/v1/whatsapp/waba/details?id=" + w.waba, "", arn + "waba/" + waba},
		"GetLinkedWhatsAppBusinessAccount/another account's": {"GET", "/v1/whatsapp/waba/details?id=arn:aws:social-messaging:us-east-1:999999999999:waba/" + waba, "", "arn:aws:social-messaging:us-east-1:999999999999:waba/" + waba},
		"GetLinkedWhatsAppBusinessAccountPhoneNumber":        {"GET", "/v1/whatsapp/waba/phone/details?id=" + w.phone, "", arn + "phone-number-id/" + number},
		"ListLinkedWhatsAppBusinessAccounts":                 {"GET", "/v1/whatsapp/waba/list", "", "*"},
	} {
		t.Run(name, func(t *testing.T) {
			operation, _, _ := strings.Cut(name, "/")
			call := func(resource string) reply {
				key := w.newKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:`+operation+`","Resource":"`+resource+`"}]}`)
				return w.send(w.sign(w.request(test.method, test.target, test.body), func(s *scope) { s.key = key }))
			}
			if got := call(test.resource); got.status == http.StatusForbidden {
				t.Errorf("allowed on %s: %s", test.resource, got.body)
			}
			got := call(arn + "waba/other")
			if want := "is not authorized to perform: social-messaging:" + operation + " on resource: " + test.resource + " because"; got.errorType != "AccessDeniedException" || !strings.Contains(got.message(), want) {
				t.Errorf("allowed on another resource: %d %s, want %q", got.status, got.body, want)
			}
		})
	}
}

func TestUnknownErrorIsLoggedAndNotShown(t *testing.T) {
	w := newWorld(t)
	w.must(w.state.Close()) // the database fails
	got := w.send(w.sign(w.request("GET", "/v1/whatsapp/waba/list", "")))
	if got.status != 500 || got.errorType != "InternalServiceException" || strings.Contains(got.body, "sql") {
		t.Errorf("%d %s %s", got.status, got.errorType, got.body)
	}
	if line := lastLine(t, w.log); line["cause"] != "sql: database is closed" || line["level"] != "ERROR" || line["request_id"] != got.header.Get("X-Amzn-Requestid") {
		t.Errorf("logged %v", line)
	}
}
