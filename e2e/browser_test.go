package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// sdkHeaders are the headers that the AWS SDK for JavaScript sets in a browser
// and that need permission.
const sdkHeaders = "amz-sdk-invocation-id,amz-sdk-request,authorization,content-type,x-amz-content-sha256,x-amz-date,x-amz-security-token,x-amz-user-agent"

// A browser asks for permission before it sends a request with such headers to
// another origin, and shows a program only what the response permits.
func TestProgramInABrowserMayCallTheAPI(t *testing.T) {
	in := install(t, raceBuild, startSimulator(t, noAccounts))
	url, key := in.serve().url, in.createKey(account)
	fromBrowser := func(r *http.Request) { r.Header.Set("Origin", "https://app.example.com") }
	for path, method := range map[string]string{"/v1/whatsapp/media": "POST", "/v1/whatsapp/waba/list": "GET", "/v1/whatsapp/send": "POST"} {
		preflight := send(t, url, key, rawRequest{method: "OPTIONS", path: path, change: func(r *http.Request) {
			fromBrowser(r)
			r.Header.Set("Access-Control-Request-Method", method)
			r.Header.Set("Access-Control-Request-Headers", sdkHeaders)
		}})
		if preflight.status != http.StatusOK || preflight.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: the preflight request is answered with %d %v", path, preflight.status, preflight.header)
		}
		if methods := listIn(preflight.header, "Access-Control-Allow-Methods"); !slices.Contains(methods, strings.ToLower(method)) {
			t.Errorf("%s: the permitted methods are %q, want %s", path, methods, method)
		}
		permitted := listIn(preflight.header, "Access-Control-Allow-Headers")
		for name := range strings.SplitSeq(sdkHeaders, ",") {
			if !slices.Contains(permitted, name) {
				t.Errorf("%s: the header %s is not permitted", path, name)
			}
		}
	}
	for what, service := range map[string]string{"a response": "social-messaging", "an exception": "another-service"} {
		response := send(t, url, key, rawRequest{method: "GET", path: "/v1/whatsapp/waba/list", service: service, change: fromBrowser})
		if (response.status == http.StatusOK) != (what == "a response") {
			t.Errorf("%s has status %d: %s", what, response.status, response.body)
		}
		exposed := listIn(response.header, "Access-Control-Expose-Headers")
		if response.header.Get("Access-Control-Allow-Origin") != "*" || !slices.Contains(exposed, "x-amzn-requestid") || !slices.Contains(exposed, "x-amzn-errortype") {
			t.Errorf("%s cannot be read in a browser: %v", what, response.header)
		}
	}
}

// listIn returns the elements of a header that is a list, in lower case.
func listIn(header http.Header, name string) []string {
	var list []string
	for element := range strings.SplitSeq(header.Get(name), ",") {
		list = append(list, strings.ToLower(strings.TrimSpace(element)))
	}
	return list
}
