package social_test

import (
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/socialmessaging"
)

// corsHeaders are the CORS headers of a response.
func corsHeaders(header http.Header) map[string]string {
	found := map[string]string{}
	for name := range header {
		if strings.HasPrefix(name, "Access-Control-") {
			found[name] = header.Get(name)
		}
	}
	return found
}

// modelCORS returns what the service's model allows, by "origin", "allow", "expose" and "max-age".
func modelCORS(t *testing.T) map[string]string {
	text, err := os.ReadFile("../../socialmessaging/testdata/model.txt")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "cors" {
			values[words[1]] = strings.Join(words[2:], ", ")
		}
	}
	return values
}

func TestBrowserIsToldWhatItMaySend(t *testing.T) {
	w, model := newWorld(t), modelCORS(t)
	methods := map[string]string{"/v1/whatsapp/media": "DELETE, OPTIONS, POST", "/v1/whatsapp/template": "DELETE, GET, OPTIONS, POST", "/v1/whatsapp/business-public-key": "GET, OPTIONS, PUT"}
	for _, operation := range socialmessaging.Operations {
		r := w.request("OPTIONS", operation.Path+"?id=1", "")
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Access-Control-Request-Method", operation.Method)
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type,x-amz-date")
		got := w.send(r)
		if got.status != http.StatusOK || got.body != "" || got.header.Get("Content-Length") != "0" || !uuid.MatchString(got.header.Get("X-Amzn-Requestid")) {
			t.Errorf("%s: %d %q %v", operation.Path, got.status, got.body, got.header)
		}
		have := corsHeaders(got.header)
		if want, listed := methods[operation.Path]; listed && have["Access-Control-Allow-Methods"] != want || !strings.Contains(have["Access-Control-Allow-Methods"], operation.Method) {
			t.Errorf("%s: methods %q", operation.Path, have["Access-Control-Allow-Methods"])
		}
		delete(have, "Access-Control-Allow-Methods")
		if diff := cmp.Diff(map[string]string{
			"Access-Control-Allow-Origin": model["origin"], "Access-Control-Allow-Headers": model["allow"],
			"Access-Control-Expose-Headers": model["expose"], "Access-Control-Max-Age": model["max-age"],
		}, have); diff != "" {
			t.Errorf("%s (-model +response):\n%s", operation.Path, diff)
		}
	}
	want := "authorization, x-amz-date, x-amz-security-token, content-type, x-amz-content-sha256, x-amz-user-agent, x-amzn-platform-id, " +
		"x-amzn-trace-id, content-length, x-api-key, amz-sdk-request, amz-sdk-invocation-id, Csrf-Token"
	if model["allow"] != want || model["origin"] != "*" || model["max-age"] != "600" {
		t.Errorf("the model's facts are %v", model)
	}
}

func TestBrowserMayReadEveryAnswer(t *testing.T) {
	w, model := newWorld(t), modelCORS(t)
	want := map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": model["expose"]}
	for name, test := range map[string]struct {
		request *http.Request
		status  int
	}{
		"success":               {w.sign(w.request("GET", "/v1/whatsapp/waba/list", "")), http.StatusOK},
		"no signature":          {w.request("GET", "/v1/whatsapp/waba/list", ""), http.StatusForbidden},
		"invalid input":         {w.sign(w.request("POST", "/v1/whatsapp/media", "{}")), http.StatusBadRequest},
		"not found":             {w.sign(w.request("GET", "/v1/whatsapp/waba/details?id=waba-0", "")), http.StatusNotFound},
		"too large":             {w.sign(w.request("POST", "/v1/whatsapp/media", strings.Repeat(" ", 1<<20))), http.StatusRequestEntityTooLarge},
		"no such path":          {w.request("GET", "/nowhere", ""), http.StatusNotFound},
		"preflight, no path":    {w.request("OPTIONS", "/nowhere", ""), http.StatusNotFound},
		"preflight, other path": {w.request("OPTIONS", "/v1/whatsapp/media/", ""), http.StatusNotFound},
		"preflight, health":     {w.request("OPTIONS", "/livez", ""), http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			test.request.Header.Set("Origin", "https://app.example")
			got := w.send(test.request)
			if diff := cmp.Diff(want, corsHeaders(got.header)); got.status != test.status || diff != "" {
				t.Errorf("%d %s\n%s", got.status, got.body, diff)
			}
		})
	}
}

// An OPTIONS request runs no operation, whoever sends it and whatever it contains.
func TestOnlyOptionsNeedsNoSignature(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", []byte("hello"))
	body := `{"originationPhoneNumberId":"` + w.phone + `","sourceS3File":{"bucketName":"` + bucket + `","key":"note.txt"}}`
	for _, r := range []*http.Request{w.request("OPTIONS", "/v1/whatsapp/media", body), w.sign(w.request("OPTIONS", "/v1/whatsapp/media", body))} {
		if got := w.send(r); got.status != http.StatusOK || got.body != "" {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	for _, request := range w.simulator.Requests() {
		if request.Method == "POST" {
			t.Errorf("an upload: %+v", request)
		}
	}
	refused := map[int]int{}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "options", "OPTIONS2"} {
		r := w.request(method, "/v1/whatsapp/media", body)
		r.Header.Set("Origin", "https://app.example")
		r.Header.Set("Access-Control-Request-Method", "POST")
		refused[w.send(r).status]++
	}
	if diff := cmp.Diff([]int{http.StatusForbidden, http.StatusNotFound}, slices.Sorted(maps.Keys(refused))); diff != "" || refused[http.StatusForbidden] != 2 {
		t.Errorf("statuses %v", refused)
	}
}

func TestOnlyPermittedPagesMayCall(t *testing.T) {
	w := newWorld(t, func(s *settings) {
		s.api.AllowsOrigin = func(origin string) bool { return origin == "http://localhost:3000" }
	})
	for origin, want := range map[string]string{"http://localhost:3000": "http://localhost:3000", "https://evil.example": "", "null": ""} {
		status := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[want != ""]
		r := w.request("OPTIONS", "/v1/whatsapp/media", "")
		r.Header.Set("Access-Control-Request-Method", "POST")
		for what, r := range map[string]*http.Request{"preflight": r, "signed": w.sign(w.request("GET", "/v1/whatsapp/waba/list", ""))} {
			r.Header.Set("Origin", origin)
			got := w.send(r)
			if got.status != status || got.header.Get("Access-Control-Allow-Origin") != want || got.header.Get("Vary") != "Origin" {
				t.Errorf("%q: the %s request is answered with %d %v", origin, what, got.status, got.header)
			}
			if want == "" && !strings.Contains(got.message(), "--allow-origin") {
				t.Errorf("%q: the refusal does not say what to do: %s", origin, got.body)
			}
		}
	}
	if got := w.send(w.sign(w.request("GET", "/v1/whatsapp/waba/list", ""))); got.status != http.StatusOK || got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a program is answered with %d %v", got.status, got.header)
	}
}
