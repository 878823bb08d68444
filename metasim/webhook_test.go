package metasim

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	secret1     = "secret-of-the-first-app"
	verifyToken = "a-verify-token"
)

// receiver is a callback URL that keeps what it receives.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	got      []delivered
	statuses []int // of the next responses; then 200
	arrived  chan struct{}
}

type delivered struct {
	header http.Header
	body   string
	method string
	query  string
}

func startReceiver(t *testing.T, statuses ...int) *receiver {
	t.Helper()
	r := &receiver{t: t, statuses: statuses, arrived: make(chan struct{}, 10_000)}
	r.Server = httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) receive(w http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodGet {
		if request.URL.Query().Get("hub.verify_token") != verifyToken || request.URL.Query().Get("hub.mode") != "subscribe" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, request.URL.Query().Get("hub.challenge"))
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.got = append(r.got, delivered{request.Header, string(body), request.Method, request.URL.RawQuery})
	status := http.StatusOK
	if len(r.statuses) > 0 {
		status, r.statuses = r.statuses[0], r.statuses[1:]
	}
	r.mu.Unlock()
	w.WriteHeader(status)
	fmt.Fprintf(w, "response %d", status)
	r.arrived <- struct{}{}
}

// wait waits for n more webhooks and returns all.
func (r *receiver) wait(n int) []delivered {
	r.t.Helper()
	for range n {
		select {
		case <-r.arrived:
		case <-time.After(20 * time.Second):
			r.t.Fatal("a webhook did not arrive")
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// bodies are the texts of the text messages in webhooks, in order.
func texts(t *testing.T, webhooks []delivered) (found []string) {
	t.Helper()
	for _, hook := range webhooks {
		var v struct {
			Entry []struct {
				Changes []struct {
					Value struct {
						Messages []struct{ Text struct{ Body string } }
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(hook.body), &v); err != nil {
			t.Fatal(err)
		}
		for _, e := range v.Entry {
			for _, c := range e.Changes {
				for _, m := range c.Value.Messages {
					found = append(found, m.Text.Body)
				}
			}
		}
	}
	return found
}

// withApp gives the first account an app whose webhooks go to a receiver.
func withApp(r *receiver) func(*Config) {
	return func(c *Config) {
		c.BusinessAccounts[0].AppID, c.BusinessAccounts[0].AppSecret = app1, secret1
		c.WebhookURL = r.URL + "/hook?a=b"
	}
}

// startDelivery delivers the webhooks of a simulator until the end of the test, or
// until the function is called.
func (s *sim) startDelivery() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.RunBackground(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("RunBackground: %v", err)
		}
	})
	s.t.Cleanup(stop)
	return stop
}

// textFrom notifies of a text message.
func (s *sim) textFrom(user, body string) {
	s.notify(messagesUpdate(s.phone(phone1), user, func(v *messagesValue) {
		v.Contacts = []webhookContact{{Profile: webhookProfile{Name: "Kerry"}, WAID: user}}
		v.Messages = []any{map[string]any{"from": user, "text": map[string]string{"body": body}}}
	}))
}

// waitWebhooks waits until the history satisfies a condition.
func (s *sim) waitWebhooks(done func(WebhookHistory) bool) WebhookHistory {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		changed := s.changed.change()
		history := s.Webhooks()
		if done(history) {
			return history
		}
		select {
		case <-changed:
		case <-deadline:
			s.t.Fatalf("the history stays %+v", history)
		}
	}
}

func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestWebhookHasTheBytesThatMetaSigns(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	s.textFrom("16505551234", "50% <Zoë> 🎉/@\u2028\x00\"")
	got := r.wait(1)[0]
	want := `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp",` +
		`"metadata":{"display_phone_number":"16315550001","phone_number_id":"106540352242922"},` +
		`"contacts":[{"profile":{"name":"Kerry"},"wa_id":"16505551234"}],` +
		`"messages":[{"from":"16505551234","text":{"body":"50\u0025 \u003CZo\u00eb> \ud83c\udf89\/\u0040\u2028\u0000\""}}]},"field":"messages"}]}]}`
	if got.body != want {
		t.Errorf("body\n%s, want\n%s", got.body, want)
	}
	if signed := got.header.Get("X-Hub-Signature-256"); signed != signature(secret1, got.body) {
		t.Errorf("signature %s of %s", signed, got.body)
	}
	if got.header.Get("Content-Type") != "application/json" || got.header.Get("User-Agent") != "facebookexternalua" || got.query != "a=b" {
		t.Errorf("header %v, query %s", got.header, got.query)
	}
	entry := s.waitWebhooks(func(h WebhookHistory) bool { return len(h.Webhooks) == 1 && h.Webhooks[0].State == WebhookDelivered }).Webhooks[0]
	if a := entry.Attempts; len(a) != 1 || a[0].Status != 200 || a[0].Response != "response 200" || a[0].Signature != signature(secret1, want) || entry.Body != want {
		t.Errorf("%+v", entry)
	}
}

func TestWebhookAboutAnAccountHasItsTime(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	s.notify(update{account: account1, field: "account_review_update", value: map[string]string{"decision": "APPROVED"}})
	want := `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","time":1793534400,"changes":[{"value":{"decision":"APPROVED"},"field":"account_review_update"}]}]}`
	if got := r.wait(1)[0].body; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWebhooksOfANumberArriveInOrder(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprint(i))
		s.textFrom(fmt.Sprint(16505551000+i), fmt.Sprint(i))
	}
	if got := texts(t, r.wait(200)); !slices.Equal(got, want) {
		t.Errorf("order %v", got)
	}
}

func TestConcurrentWebhooksKeepTheOrderOfEachPerson(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r), func(c *Config) { c.WebhookConcurrency = 8 })
	s.startDelivery()
	want := map[string][]string{}
	for i := range 400 {
		user := fmt.Sprint(16505551000 + i%20)
		want[user] = append(want[user], user+"-"+fmt.Sprint(i))
		s.textFrom(user, user+"-"+fmt.Sprint(i))
	}
	got := map[string][]string{}
	for _, text := range texts(t, r.wait(400)) {
		user, _, _ := strings.Cut(text, "-")
		got[user] = append(got[user], text)
	}
	for user := range want {
		if !slices.Equal(got[user], want[user]) {
			t.Errorf("%s: %v", user, got[user])
		}
	}
}

func TestWebhookIsRetriedLessAndLessOftenForSevenDays(t *testing.T) {
	r := startReceiver(t)
	r.statuses = slices.Repeat([]int{503}, 1000)
	s := startSim(t, withApp(r))
	if _, err := s.StopClock(); err != nil {
		t.Fatal(err)
	}
	s.startDelivery()
	start := s.Now()
	s.textFrom("16505551234", "hello")
	var after []time.Duration
	for attempt := 1; ; attempt++ {
		r.wait(1)
		entry := s.waitWebhooks(func(h WebhookHistory) bool { return h.Webhooks[0].AttemptCount == attempt }).Webhooks[0]
		after = append(after, s.Now().Sub(start))
		if entry.State == WebhookFailed {
			break
		}
		if _, err := s.SetClock(entry.NextAttempt.Add(-time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if h := s.Webhooks(); h.Webhooks[0].AttemptCount != attempt || h.Queued != 1 {
			t.Fatalf("it was sent a millisecond early: %+v", h)
		}
		if _, err := s.SetClock(entry.NextAttempt); err != nil {
			t.Fatal(err)
		}
	}
	want := []time.Duration{0, 5 * time.Second, 15 * time.Second, 35 * time.Second, 75 * time.Second, 155 * time.Second}
	if !slices.Equal(after[:6], want) {
		t.Errorf("attempts after %v, want %v", after[:6], want)
	}
	last := after[len(after)-1]
	if last > 7*24*time.Hour || last < 6*24*time.Hour+12*time.Hour || last-after[len(after)-2] != 12*time.Hour {
		t.Errorf("%d attempts, the last after %v", len(after), last)
	}
	if s.Webhooks().Queued != 0 {
		t.Error("it still waits")
	}
}

func TestFailedWebhookDoesNotHoldUpLaterOnes(t *testing.T) {
	r := startReceiver(t, 500)
	s := startSim(t, withApp(r))
	s.startDelivery()
	s.textFrom("16505551234", "first")
	s.textFrom("16505551234", "second")
	r.wait(2)
	if _, err := s.AdvanceClock(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, r.wait(1)); !slices.Equal(got, []string{"first", "second", "first"}) {
		t.Errorf("%v", got)
	}
}

func TestWebhooksThatNobodyWantsAreRecordedAndNotSent(t *testing.T) {
	r := startReceiver(t)
	for name, test := range map[string]struct {
		change func(*Config)
		state  WebhookState
	}{
		"without an app":         {func(c *Config) { c.BusinessAccounts[0].AppID, c.BusinessAccounts[0].AppSecret = "", "" }, WebhookUnsubscribed},
		"without a callback URL": {func(c *Config) { c.WebhookURL = "" }, WebhookWithoutCallback},
		"lost on purpose":        {func(c *Config) { c.WebhookDelivery.Lose = 1 }, WebhookLost},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, withApp(r), test.change)
			s.startDelivery()
			s.textFrom("16505551234", "hello")
			if h := s.Webhooks(); len(h.Webhooks) != 1 || h.Webhooks[0].State != test.state || h.Webhooks[0].Body == "" || h.Queued != 0 {
				t.Errorf("%+v", h)
			}
		})
	}
}

func TestWebhooksAreDeliveredAsATestWantsThem(t *testing.T) {
	t.Run("twice", func(t *testing.T) {
		r := startReceiver(t)
		s := startSim(t, withApp(r), func(c *Config) { c.WebhookDelivery = WebhookDelivery{Duplicate: 1, Times: 1} })
		s.startDelivery()
		s.textFrom("16505551234", "first")
		s.textFrom("16505551234", "second")
		got := r.wait(3)
		bodies := map[string]int{}
		for _, hook := range got {
			bodies[hook.body]++
		}
		if all := texts(t, got); len(bodies) != 2 || len(all) != 3 {
			t.Errorf("%v", all)
		}
		h := s.waitWebhooks(func(h WebhookHistory) bool { return len(h.Webhooks) == 3 })
		if h.Webhooks[1].CopyOf != h.Webhooks[0].ID {
			t.Errorf("%+v", h.Webhooks)
		}
	})
	t.Run("late", func(t *testing.T) {
		r := startReceiver(t)
		s := startSim(t, withApp(r), func(c *Config) { c.WebhookDelivery = WebhookDelivery{Delay: time.Hour} })
		s.startDelivery()
		s.textFrom("16505551234", "hello")
		if h := s.Webhooks(); h.Queued != 1 || len(h.Webhooks) != 0 {
			t.Errorf("%+v", h)
		}
		if _, err := s.AdvanceClock(time.Hour); err != nil {
			t.Fatal(err)
		}
		r.wait(1)
	})
	t.Run("in another order", func(t *testing.T) {
		r := startReceiver(t)
		s := startSim(t, withApp(r), func(c *Config) { c.WebhookDelivery = WebhookDelivery{Disorder: 1, Times: 1} })
		s.startDelivery()
		for _, text := range []string{"first", "second", "third"} {
			s.textFrom("16505551234", text)
		}
		r.wait(2)
		if _, err := s.AdvanceClock(2 * time.Second); err != nil {
			t.Fatal(err)
		}
		if got := texts(t, r.wait(1)); !slices.Equal(got, []string{"second", "third", "first"}) {
			t.Errorf("%v", got)
		}
	})
	t.Run("in batches", func(t *testing.T) {
		r := startReceiver(t)
		s := startSim(t, withApp(r), func(c *Config) { c.WebhookDelivery = WebhookDelivery{BatchSize: 5} })
		if _, err := s.StopClock(); err != nil {
			t.Fatal(err)
		}
		s.startDelivery()
		for i := range 7 {
			s.textFrom("16505551234", fmt.Sprint(i))
		}
		first := r.wait(1)
		if got := texts(t, first); !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
			t.Errorf("%v", got)
		}
		if strings.Count(first[0].body, `"id":"102290129340398"`) != 2 || strings.Count(first[0].body, `"field"`) != 3 || strings.Count(first[0].body, `"wa_id"`) != 3 {
			t.Errorf("it does not have two entries, three changes and one contact in each: %s", first[0].body)
		}
		if _, err := s.AdvanceClock(time.Second); err != nil {
			t.Fatal(err)
		}
		if got := texts(t, r.wait(1)); !slices.Equal(got[5:], []string{"5", "6"}) {
			t.Errorf("%v", got)
		}
	})
	for mode, want := range map[string]func(body string) string{
		SignatureOld:     func(body string) string { return signature("an-old-secret", body) },
		SignatureMissing: func(string) string { return "" },
		SignatureWrong:   func(body string) string { return signature("wrong-"+secret1, body) },
	} {
		t.Run("signature "+mode, func(t *testing.T) {
			r := startReceiver(t)
			s := startSim(t, withApp(r), func(c *Config) {
				c.WebhookDelivery = WebhookDelivery{Signature: mode, OldSecret: "an-old-secret", Times: 1}
			})
			s.startDelivery()
			s.textFrom("16505551234", "first")
			s.textFrom("16505551234", "second")
			got := r.wait(2)
			if signed := got[0].header.Get("X-Hub-Signature-256"); signed != want(got[0].body) {
				t.Errorf("signature %q", signed)
			}
			if signed := got[1].header.Get("X-Hub-Signature-256"); signed != signature(secret1, got[1].body) {
				t.Errorf("the next one has the signature %q", signed)
			}
			if s.WebhookDelivery().OldSecret != "" {
				t.Error("the old secret is shown")
			}
		})
	}
}

func TestConfiguredCallbackIsVerifiedBeforeTheFirstWebhook(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r), func(c *Config) { c.WebhookVerifyToken = "another-token" })
	s.startDelivery()
	s.textFrom("16505551234", "hello")
	h := s.waitWebhooks(func(h WebhookHistory) bool { return len(h.Webhooks) == 1 && h.Webhooks[0].AttemptCount == 1 })
	if a := h.Webhooks[0].Attempts[0]; a.Status != 0 || !strings.Contains(a.Error, "HTTP Status Code = 403; HTTP Message = Forbidden") {
		t.Errorf("%+v", a)
	}
	if err := s.SetAppWebhook(t.Context(), app1, r.URL, "another-token"); err == nil || !strings.Contains(err.Error(), "(#2200)") {
		t.Errorf("SetAppWebhook with a wrong token: %v", err)
	}
	if err := s.SetAppWebhook(t.Context(), app1, r.URL, verifyToken); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AdvanceClock(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	r.wait(1)
}

func TestWebhooksThatWaitSurviveTheEndOfRun(t *testing.T) {
	hang := make(chan struct{})
	started := make(chan struct{}, 1)
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		started <- struct{}{}
		<-hang
	}))
	defer slow.Close()
	defer close(hang)
	r := startReceiver(t)
	s := startSim(t, withApp(r), func(c *Config) { c.WebhookURL = slow.URL })
	stop := s.startDelivery()
	s.textFrom("16505551234", "hello")
	<-started
	stop()
	if h := s.Webhooks(); h.Queued != 1 || h.Webhooks[0].AttemptCount != 0 {
		t.Errorf("%+v", h)
	}
	if err := s.SetAppWebhook(t.Context(), app1, r.URL, ""); err != nil {
		t.Fatal(err)
	}
	s.startDelivery()
	r.wait(1)
}

func TestFullQueueOfWebhooksDropsTheOldest(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	for i := range maxWebhooksQueued + 3 {
		s.textFrom("16505551234", fmt.Sprint(i))
	}
	if h := s.Webhooks(); h.Queued != maxWebhooksQueued || h.Dropped != 3 {
		t.Errorf("%d queued, %d dropped", h.Queued, h.Dropped)
	}
	s.startDelivery()
	if got := texts(t, r.wait(1)); got[0] != "3" {
		t.Errorf("the first is %s", got[0])
	}
	s.Reset()
	if h := s.Webhooks(); h.Queued != 0 || h.Dropped != 0 {
		t.Errorf("after Reset: %d queued, %d dropped", h.Queued, h.Dropped)
	}
}

func TestEscapedJSONIsTheSameJSONInASCII(t *testing.T) {
	for _, text := range []string{"", "plain", "äöå", "🎉\U0010ffff", "a/b<c>%@&", "\x00\x1f\x7f\u2028", `\/ \u0041`} {
		escaped, err := marshalEscaped(map[string]string{text: text})
		var back map[string]string
		if err == nil {
			err = json.Unmarshal(escaped, &back)
		}
		if err != nil || back[text] != text || strings.ContainsFunc(string(escaped), func(r rune) bool { return r >= 0x80 || r == '<' }) {
			t.Errorf("%q: %s, %v", text, escaped, err)
		}
	}
}

// newTestServer returns a server that ends with the test.
func newTestServer(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// Receivers that decode the body have what was sent, and those that sign it again have
// nothing but ASCII to agree about.
func FuzzEscapedJSON(f *testing.F) {
	for _, text := range []string{"", "50% <Zoë>", "🎉/@\u2028", "\x00\x7f\\u0041", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		escaped, err := marshalEscaped(text)
		var want, got string
		if err != nil || json.Unmarshal(plain, &want) != nil || json.Unmarshal(escaped, &got) != nil || got != want {
			t.Fatalf("%q became %s, which is %q: %v", text, escaped, got, err)
		}
		for i, b := range escaped {
			if b >= 0x80 || b == '@' || b == '/' && escaped[i-1] != '\\' {
				t.Fatalf("%q became %s", text, escaped)
			}
		}
	})
}
