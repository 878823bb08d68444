package graph_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/graph"
	"ferry/internal/secret"
)

func text(body string) graph.Message {
	return graph.Message{PhoneNumberID: "106540352242922", Token: secret.New(token), Body: []byte(body)}
}

// respond answers every request with a status, headers and a body.
func respond(t *testing.T, status int, header map[string]string, body string) *graph.Client {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func TestMessageIsSentByteForByte(t *testing.T) {
	const body = " {\"to\":\"+4915112345678\", \"x\":null,\n\"text\":{\"body\":\"Gr\\u00fc\u00dfe\"}}\t"
	for version, path := range map[string]string{"": "/v25.0/106540352242922/messages", "v22.0": "/v22.0/106540352242922/messages"} {
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			got, _ := io.ReadAll(r.Body)
			if string(got) != body || r.URL.RequestURI() != path || r.Method != http.MethodPost || r.ContentLength != int64(len(body)) ||
				r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "Bearer "+token {
				t.Errorf("%s %s %v\n%q", r.Method, r.URL, r.Header, got)
			}
			_, _ = io.WriteString(w, `{"messages":[{"id":"wamid.1"}]}`)
		})
		message := text(body)
		message.Version = version
		if sent, err := client.SendMessage(t.Context(), message); err != nil || sent.ID != "wamid.1" {
			t.Errorf("%+v, %v", sent, err)
		}
	}
}

func TestResponseToAMessageIsReadLeniently(t *testing.T) {
	cases := map[string]struct {
		body string
		want graph.Sent
	}{
		"to a number": {
			`{"messaging_product":"whatsapp","contacts":[{"input":"+1650","wa_id":"1650"}],"messages":[{"id":"wamid.1","message_status":"accepted"}]}`,
			graph.Sent{ID: "wamid.1", Status: "accepted", Input: "+1650", WAID: "1650"},
		},
		"to a business-scoped user id": {
			`{"contacts":[{"input":"US.1","user_id":"US.1"}],"messages":[{"id":"wamid.1"}]}`,
			graph.Sent{ID: "wamid.1", Input: "US.1", UserID: "US.1"},
		},
		"a read receipt":              {`{"success":true}`, graph.Sent{}},
		"without contacts":            {`{"messages":[{"id":"wamid.1"}]}`, graph.Sent{ID: "wamid.1"}},
		"contacts that are an object": {`{"contacts":{},"messages":[{"id":"wamid.1"}]}`, graph.Sent{ID: "wamid.1"}},
		"a wa_id that is not one":     {`{"contacts":[{"wa_id":"16\u000050"}],"messages":[{"id":"wamid.1"}]}`, graph.Sent{ID: "wamid.1"}},
		"null and a number for texts": {`{"contacts":[{"wa_id":1650,"input":null}],"messages":[{"id":"wamid.1","message_status":7}]}`, graph.Sent{ID: "wamid.1"}},
		"unknown members":             {`{"x":[1],"messages":[{"id":"wamid.1","group_id":"g"}]}`, graph.Sent{ID: "wamid.1"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			sent, err := respond(t, 200, nil, c.body).SendMessage(t.Context(), text("{}"))
			if diff := cmp.Diff(c.want, sent); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// With status 200 Meta may have accepted the message, whatever else it says.
func TestSuccessWithoutAMessageIdIsAmbiguous(t *testing.T) {
	for _, body := range []string{"", "{}", "null", "[]", "<html>", `{"success":false}`, `{"messages":[]}`, `{"messages":[{"id":5}]}`, `{"messages":[{"id":"wamid 1"}]}`} {
		_, err := respond(t, 200, nil, body).SendMessage(t.Context(), text("{}"))
		if !graph.IsAmbiguous(err) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestRefusalOfAMessageIsMetasError(t *testing.T) {
	client := respond(t, 400, map[string]string{"X-App-Usage": `{"call_count":101,"total_time":3,"total_cputime":4}`},
		`{"error":{"message":"(#131030) Recipient phone number not in allowed list","type":"OAuthException","code":131030,"error_data":{"messaging_product":"whatsapp","details":"Add it."},"fbtrace_id":"A"}}`)
	sent, err := client.SendMessage(t.Context(), text("{}"))
	refused, ok := errors.AsType[*graph.Error](err)
	if !ok || refused.Code != 131030 || refused.Details != "Add it." || graph.IsAmbiguous(err) || sent.Usage.App != 101 {
		t.Errorf("%+v, %v", sent, err)
	}
}

func TestUsageIsThatOfTheHeaders(t *testing.T) {
	cases := map[string]struct {
		header map[string]string
		want   graph.Usage
	}{
		"none":       {nil, graph.Usage{}},
		"of the app": {map[string]string{"X-App-Usage": `{"call_count":28,"total_time":25.5,"total_cputime":30}`}, graph.Usage{App: 30}},
		"of an account": {map[string]string{
			"X-Business-Use-Case-Usage": `{"1":[{"type":"messaging","call_count":100,"total_cputime":25,"total_time":25,"estimated_time_to_regain_access":19}],"2":[{"call_count":3}]}`,
		}, graph.Usage{Business: 100, Wait: 19 * time.Minute}},
		"Retry-After":                {map[string]string{"Retry-After": "7"}, graph.Usage{Wait: 7 * time.Second}},
		"not in the documented form": {map[string]string{"X-App-Usage": `28%`, "Retry-After": "-1", "X-Business-Use-Case-Usage": `[]`}, graph.Usage{}},
		"an endless wait":            {map[string]string{"X-Business-Use-Case-Usage": `{"1":[{"estimated_time_to_regain_access":1e300}]}`}, graph.Usage{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			sent, err := respond(t, 200, c.header, `{"success":true}`).SendMessage(t.Context(), text("{}"))
			if diff := cmp.Diff(c.want, sent.Usage); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestExpiredVersionsAreNotCalled(t *testing.T) {
	autumn, spring := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC), time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	cases := []struct {
		version string
		now     time.Time
		want    string
	}{
		{"v19.0", autumn, ""}, {"v20.0", autumn, ""}, {"v21.0", autumn, "v21.0"}, {"v21.0", spring, ""}, {"v24.0", spring, "v24.0"},
		{"v99.0", autumn, "v99.0"}, {"latest", autumn, ""},
	}
	for _, c := range cases {
		if got := graph.LiveVersion(c.version, c.now); got != c.want {
			t.Errorf("%s at %s: %q, want %q", c.version, c.now.Format(time.DateOnly), got, c.want)
		}
	}
}

func TestVersionHasMajorAndMinor(t *testing.T) {
	for _, text := range []string{"v1.0", "v2.12", "v23.0", "v999.0"} {
		if _, _, ok := graph.ParseVersion(text); !ok {
			t.Errorf("%q was refused", text)
		}
	}
	for _, text := range []string{"", "v", "23.0", "v23", "v23.", "v23.0.1", "V23.0", "v023.0", "v0.0", "v-1.0", "v23.00", "v+1.0", "v23.0/../1", " v23.0", "v1000.0", "v٢.0"} {
		if _, _, ok := graph.ParseVersion(text); ok {
			t.Errorf("%q was accepted", text)
		}
	}
}
