package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func TestRequestsWithAWrongSignatureAreRefused(t *testing.T) {
	nodeBinary(t)
	sim := startSimulator(t, noAccounts)
	in := install(t, raceBuild, sim)
	key := in.createKey(account)
	deleted := in.createKey(account)
	mustRun(t, in.env, in.program, "key", "delete", deleted.id)
	node := startNode(t, in.serve().url, key)

	const forbidden = http.StatusForbidden
	minutes := func(n int) func(*jsCall) {
		return func(c *jsCall) { c.ClockOffset = n * int(time.Minute/time.Millisecond) }
	}
	for _, row := range []struct {
		name   string
		adjust func(*jsCall)
		code   string
		says   []string
	}{
		{"wrong secret", func(c *jsCall) { c.Secret = "notTheSecret" }, "InvalidSignatureException", []string{"The request signature we calculated does not match"}},
		{"unknown key", func(c *jsCall) { c.KeyID = "AKIA0000000000000000" }, "UnrecognizedClientException", []string{"The security token included in the request is invalid."}},
		{"deleted key", func(c *jsCall) { c.KeyID, c.Secret = deleted.id, deleted.secret }, "UnrecognizedClientException", []string{"The security token included in the request is invalid."}},
		{"wrong region", func(c *jsCall) { c.Region = "eu-west-1" }, "InvalidSignatureException", []string{"Credential should be scoped to a valid region, not 'eu-west-1'."}},
		{"20 minutes late", minutes(-20), "InvalidSignatureException", []string{"Signature expired: ", "is now earlier than"}},
		{"20 minutes early", minutes(+20), "InvalidSignatureException", []string{"Signature not yet current: ", "is still later than"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			node.call("ListLinkedWhatsAppBusinessAccounts", members{}, row.adjust).wantCode(t, row.code, forbidden, row.says...)
			node.post(jsFromBucket("phone-number-id-0", "bucket", "key"), row.adjust).wantCode(t, row.code, forbidden, row.says...)
		})
	}
	for _, n := range []int{-10, +10} {
		if result := node.call("ListLinkedWhatsAppBusinessAccounts", members{}, minutes(n)); result.Error != nil {
			t.Errorf("a clock that is %d minutes off is refused: %s", n, result.Error.Message)
		}
	}
}

// rawResponse is a response of the API as it was received.
type rawResponse struct {
	status int
	header http.Header
	body   string
}

// rawRequest is a request that no SDK would send.
type rawRequest struct {
	method, path string
	body         string
	service      string // that it is signed for; empty means not signed
	change       func(*http.Request)
}

func send(t testing.TB, url string, key accessKey, raw rawRequest) rawResponse {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), raw.method, url+raw.path, strings.NewReader(raw.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if raw.service != "" {
		sum := sha256.Sum256([]byte(raw.body))
		err := v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: key.id, SecretAccessKey: key.secret},
			request, hex.EncodeToString(sum[:]), raw.service, region, time.Now())
		if err != nil {
			t.Fatal(err)
		}
	}
	if raw.change != nil {
		raw.change(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rawResponse{response.StatusCode, response.Header, string(body)}
}

func TestResponsesToRequestsThatNoSDKSends(t *testing.T) {
	sim := startSimulator(t, noAccounts)
	in := install(t, raceBuild, sim)
	key := in.createKey(account)
	ferry := in.serve()
	const service, list, media = "social-messaging", "/v1/whatsapp/waba/list", "/v1/whatsapp/media"

	for _, row := range []struct {
		name   string
		raw    rawRequest
		status int
		code   string
		says   string
	}{
		{"no signature", rawRequest{method: "GET", path: list}, 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"bearer token", rawRequest{method: "GET", path: list, change: setHeader("Authorization", "Bearer abc")}, 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		{"half a signature", rawRequest{method: "GET", path: list, change: setHeader("Authorization", "AWS4-HMAC-SHA256 Credential="+key.id)}, 400, "IncompleteSignatureException", "'Signature'"},
		{"another service", rawRequest{method: "GET", path: list, service: "s3"}, 403, "InvalidSignatureException", "Credential should be scoped to correct service: 'social-messaging'."},
		{"changed body", rawRequest{method: "POST", path: media, body: `{"a":1}`, service: service, change: setBody(`{"a":2}`)}, 403, "InvalidSignatureException", "does not match"},
		{"changed query", rawRequest{method: "GET", path: list, service: service, change: func(r *http.Request) { r.URL.RawQuery = "maxResults=1" }}, 403, "InvalidSignatureException", "does not match"},
		{"malformed JSON", rawRequest{method: "POST", path: media, body: `{"a":`, service: service}, 400, "SerializationException", ""},
		{"body too large", rawRequest{method: "POST", path: media, body: `"` + strings.Repeat("x", 1<<20) + `"`, service: service}, 413, "RequestEntityTooLargeException", ""},
		{"unsigned and too large", rawRequest{method: "POST", path: media, body: strings.Repeat("x", 1<<20)}, 413, "RequestEntityTooLargeException", ""},
		{"missing member", rawRequest{method: "POST", path: "/v1/whatsapp/waba/dataset", body: "{}", service: service}, 400, "ValidationException", "'id'"},
		{"missing member and not signed", rawRequest{method: "POST", path: "/v1/whatsapp/waba/dataset", body: "{}"}, 403, "MissingAuthenticationTokenException", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := send(t, ferry.url, key, row.raw)
			if got.status != row.status || got.header.Get("X-Amzn-Errortype") != row.code {
				t.Errorf("the response is %d %s, want %d %s: %s", got.status, got.header.Get("X-Amzn-Errortype"), row.status, row.code, got.body)
			}
			if !strings.HasPrefix(got.body, `{"message":"`) || !strings.Contains(got.body, row.says) {
				t.Errorf("the body is %s, want a message that contains %q", got.body, row.says)
			}
			if !requestIDForm.MatchString(got.header.Get("X-Amzn-Requestid")) {
				t.Errorf("the request id is %q, want a UUID", got.header.Get("X-Amzn-Requestid"))
			}
			wantNothingSecret(t, got.body)
			wantNoTrace(t, "the body", got.body, key.secret)
		})
	}

	for name, raw := range map[string]rawRequest{
		"unknown path":    {method: "GET", path: "/v1/whatsapp/nothing", service: service},
		"root":            {method: "GET", path: "/"},
		"wrong method":    {method: "DELETE", path: list, service: service},
		"slash at end":    {method: "GET", path: list + "/", service: service},
		"two slashes":     {method: "GET", path: "//v1/whatsapp/waba/list"},
		"dot segments":    {method: "GET", path: "/v1/x/../whatsapp/waba/list"},
		"encoded letters": {method: "GET", path: "/v1/whats%61pp/waba/list"},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, ferry.url, key, raw)
			if got.status != http.StatusNotFound || strings.TrimSpace(got.body) != "<UnknownOperationException/>" {
				t.Errorf("the response is %d %q, want 404 <UnknownOperationException/>", got.status, got.body)
			}
			if !requestIDForm.MatchString(got.header.Get("X-Amzn-Requestid")) {
				t.Errorf("the request id is %q, want a UUID", got.header.Get("X-Amzn-Requestid"))
			}
		})
	}
}

func setHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// setBody replaces the body by another one of the same length.
func setBody(text string) func(*http.Request) {
	return func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader([]byte(text))) }
}
