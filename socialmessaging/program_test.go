package socialmessaging_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A program that was written for aws-sdk-go-v2's client runs with this one when
// its two imports are replaced.
func TestProgramForAWSNeedsOnlyOtherImports(t *testing.T) {
	const sdk = `"github.com/aws/aws-sdk-go-v2/service/socialmessaging`
	source, err := os.ReadFile("testdata/program/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(source), sdk) != 2 {
		t.Fatal("the program does not import aws-sdk-go-v2's client")
	}
	dir := t.TempDir()
	file, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(source), sdk, `"ferry/socialmessaging`)), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}

	var requests []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		scope := strings.Split(r.Header.Get("Authorization"), "/")
		if len(scope) != 5 || r.Header.Get("X-Program") != "yes" {
			t.Errorf("%s: %v", r.RequestURI, r.Header)
		}
		requests = append(requests, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+scope[2]+" "+string(body)))
		w.Header().Set("X-Amzn-Requestid", "id-1")
		answer := map[string]string{
			"/v1/whatsapp/waba/list?maxResults=1":             `{"linkedAccounts":[{"wabaName":"One","registrationStatus":"COMPLETE","linkDate":1763809734.5}],"nextToken":"t"}`,
			"/v1/whatsapp/waba/list?maxResults=1&nextToken=t": `{"linkedAccounts":[{"wabaName":"Two","registrationStatus":"INCOMPLETE","linkDate":0}]}`,
			"/v1/whatsapp/media":                              `{"mediaId":"123"}`,
			"/v1/whatsapp/send":                               `{"messageId":"m-1"}`,
			"/v1/whatsapp/waba/phone?id=phone-number-id-1":    `{"phoneNumberId":"phone-number-id-1"}`,
		}[r.RequestURI]
		switch {
		case answer != "":
		case strings.HasSuffix(r.RequestURI, "404"):
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(http.StatusNotFound)
			answer = `{"message":"no such account"}`
		default:
			w.Header().Set("X-Amzn-Errortype", "InvalidSignatureException")
			w.WriteHeader(http.StatusForbidden)
			answer = `{"message":"wrong key"}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()

	command := exec.CommandContext(t.Context(), program)
	command.Env = append(os.Environ(), "AWS_ENDPOINT_URL_SOCIALMESSAGING="+server.URL, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIAEXAMPLE",
		"AWS_SECRET_ACCESS_KEY=secret", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if diff := cmp.Diff(strings.TrimPrefix(`
account: One true 2025-11-22
account: Two false 1970-01-01
statuses: [COMPLETE INCOMPLETE]
media: 123 request id: id-1
message: m-1
settings: updated
error: SocialMessaging GetLinkedWhatsAppBusinessAccount 404 id-1
error: ResourceNotFoundException | no such account | no such account | client
error: operation error SocialMessaging: GetLinkedWhatsAppBusinessAccount, https response error StatusCode: 403, RequestID: id-1, api error InvalidSignatureException: wrong key
`, "\n"), string(output)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"GET /v1/whatsapp/waba/list?maxResults=1 eu-west-1",
		"GET /v1/whatsapp/waba/list?maxResults=1&nextToken=t eu-west-1",
		`POST /v1/whatsapp/media eu-west-1 {"originationPhoneNumberId":"phone-number-id-1","sourceS3File":{"bucketName":"media","key":"photo.jpg"}}`,
		`POST /v1/whatsapp/send eu-central-1 {"originationPhoneNumberId":"phone-number-id-1","message":"eyJ0eXBlIjoidGV4dCJ9","metaApiVersion":"v23.0"}`,
		`PUT /v1/whatsapp/waba/phone?id=phone-number-id-1 eu-west-1 {"callSettings":{"callEnabled":true,"callHours":{"enabled":true,"timezone":"Europe/Berlin",` +
			`"weeklyOperatingHours":[{"dayOfWeek":"MONDAY","openTime":{"hours":9,"minutes":0},"closeTime":{"hours":17,"minutes":30}}]}}}`,
		"GET /v1/whatsapp/waba/details?id=waba-404 eu-west-1",
		"GET /v1/whatsapp/waba/details?id=waba-403 eu-west-1",
	}, requests); diff != "" {
		t.Error(diff)
	}
}
