package event_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/event"
	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
	"ferry/internal/outbox"
)

// signature is that of Standard Webhooks, written down independently.
func signature(secret, id, timestamp, body string) string {
	key, err := base64.StdEncoding.DecodeString(secret[len("whsec_"):])
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, timestamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// The vector is that of the specification's reference implementations.
func TestSignatureIsTheSpecifications(t *testing.T) {
	if got := signature(webhookSecret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("the signature is %s", got)
	}
}

func TestWebhookReceivesTheEnvelopeSignedWithEachSecret(t *testing.T) {
	const second = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	r := receive(t, nil)
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(r), UserAgent: "ferry/test"}, webhook("crm", r.URL+"/events?token=1", webhookSecret, second))
	if err := w.attempt("status.delivered", []byte(`{"text":"ä \u00e4"}`)); err != nil {
		t.Fatal(err)
	}
	got := <-r.arrived
	timestamp := got.header.Get("Webhook-Timestamp")
	if sent, err := strconv.ParseInt(timestamp, 10, 64); err != nil || time.Since(time.Unix(sent, 0)).Abs() > time.Minute {
		t.Errorf("the timestamp is %q", timestamp)
	}
	want := signature(webhookSecret, got.id, timestamp, got.body) + " " + signature(second, got.id, timestamp, got.body)
	if h := got.header; h.Get("Webhook-Signature") != want || h.Get("Content-Type") != "application/json" || h.Get("User-Agent") != "ferry/test" || len(got.id) != 36 {
		t.Errorf("the header is %v", h)
	}
	if got.body != `{"text":"ä \u00e4"}` {
		t.Errorf("the body is %s", got.body)
	}
}

func TestOutcomeOfAWebhookFollowsItsStatus(t *testing.T) {
	w := newWorld(t, event.DelivererConfig{})
	date := func(in time.Duration) string { return time.Now().Add(in).UTC().Format(http.TimeFormat) }
	for _, test := range []struct {
		status     int
		retryAfter string
		least      time.Duration // -1: delivered
		most       time.Duration
		text       string
	}{
		{200, "", -1, 0, ""},
		{204, "", -1, 0, ""},
		{299, "", -1, 0, ""},
		{301, "", 0, 0, "Redirects are not followed"},
		{302, "", 0, 0, "(at https://other.example.com)"},
		{400, "", 0, 0, "status 400"},
		{401, "", 0, 0, "one of the secrets"},
		{404, "10", 0, 0, "Check the URL"},
		{500, "10", 0, 0, "The receiver's log"},
		{429, "10", 10 * time.Second, 10 * time.Second, "status 429"},
		{503, "1e9", 0, 0, "status 503"},
		{503, "1000000000", time.Hour, time.Hour, "status 503"},
		{503, "99999999999999999999999999", time.Hour, time.Hour, "status 503"},
		{503, "-1", 0, 0, "status 503"},
		{503, "soon", 0, 0, "status 503"},
		{503, "", 0, 0, "status 503"},
		{429, date(-time.Hour), 0, 0, "status 429"},
		{429, date(10 * time.Minute), 9 * time.Minute, 10 * time.Minute, "status 429"},
		{429, date(100 * time.Hour), time.Hour, time.Hour, "status 429"},
		{99, "", 0, 0, ""}, // no HTTP
	} {
		r := receive(t, func(rw http.ResponseWriter, _ *http.Request, _ int) {
			if test.status == 99 {
				conn, _, err := http.NewResponseController(rw).Hijack()
				if err == nil {
					fmt.Fprint(conn, "SSH-2.0-OpenSSH\r\n")
					conn.Close()
				}
				return
			}
			if test.status == 302 {
				rw.Header().Set("Location", "https://other.example.com/canary?canary=1")
			}
			rw.Header().Set("Retry-After", test.retryAfter)
			rw.WriteHeader(test.status)
		})
		w.configure(event.DelivererConfig{RootCAs: roots(r)}, webhook("crm", r.URL+"/canary?canary=1"))
		err := w.attempt("status.sent", nil)
		if test.least < 0 {
			if err != nil {
				t.Errorf("%d: %v", test.status, err)
			}
			continue
		}
		after, isRetried := retryIn(err)
		if !isRetried || after < test.least || after > test.most || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%d with Retry-After %q: after %v: %v", test.status, test.retryAfter, after, err)
		}
	}
}

func TestGoneHoldsTheDestinationUntilItIsReleased(t *testing.T) {
	r := receive(t, func(rw http.ResponseWriter, _ *http.Request, n int) {
		if n == 1 {
			rw.WriteHeader(http.StatusGone)
		}
	})
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(r)}, webhook("crm", r.URL))
	w.run()
	first := w.newEvent("status.sent", "1", nil)
	w.add(first)
	<-r.arrived
	for { // until the attempt is on record
		held, err := w.state.HeldDestinations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(held) == 1 {
			if held[0].Destination != first.Destinations[0] || !strings.Contains(held[0].Reason, "status 410") {
				t.Errorf("held: %+v", held)
			}
			break
		}
	}
	w.add(w.newEvent("status.read", "2", nil))
	if err := w.state.ReleaseDestination(t.Context(), first.Destinations[0]); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for len(ids) < 2 {
		ids[(<-r.arrived).id] = true
	}
	if !ids[first.ID] {
		t.Error("the event that was refused did not wait")
	}
}

// A receiver that has done its work and dies before it responds sees the same event
// again.
func TestRepetitionHasTheSameIDAndBody(t *testing.T) {
	r := receive(t, func(rw http.ResponseWriter, _ *http.Request, n int) {
		if n < 4 {
			panic(http.ErrAbortHandler)
		}
	})
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(r)}, webhook("crm", r.URL))
	w.run()
	e := w.newEvent("status.sent", "1", nil)
	w.add(e)
	for range 4 {
		if got := <-r.arrived; got.id != e.ID || got.body != string(e.Body) {
			t.Errorf("received %s: %s", got.id, got.body)
		}
	}
}

func TestConversationsStayInOrderWhenAttemptsFail(t *testing.T) {
	const conversations, length = 20, 10
	r := receive(t, func(rw http.ResponseWriter, _ *http.Request, n int) {
		if n%3 == 0 {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	})
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(r)}, webhook("crm", r.URL))
	w.run()
	position := map[string][2]int{} // conversation and place of an event
	for i := range length {
		for c := range conversations {
			e := w.newEvent("status.sent", fmt.Sprint(c), nil)
			position[e.ID] = [2]int{c, i}
			w.add(e)
		}
	}
	reached, done := map[int]int{}, 0 // place that a conversation is at
	for done < conversations {
		got := <-r.arrived
		at := position[got.id]
		switch next := reached[at[0]]; {
		case at[1] > next || at[1] < next-1:
			t.Fatalf("conversation %d: event %d was received when %d was next", at[0], at[1], next)
		case at[1] == next:
			if reached[at[0]]++; reached[at[0]] == length {
				done++
			}
		}
	}
}

func TestDestinationThatHangsHoldsUpNoOther(t *testing.T) {
	const others = 199
	var ended atomic.Int64
	hanging := receive(t, func(_ http.ResponseWriter, r *http.Request, _ int) {
		<-r.Context().Done()
		ended.Add(1)
	})
	good := receive(t, nil)
	bad := webhook("hanging", hanging.URL)
	bad.Timeout = 45 * time.Second
	destinations := []event.Destination{bad}
	for i := range others {
		destinations = append(destinations, webhook(fmt.Sprintf("good-%d", i), good.URL+fmt.Sprintf("/%d", i)))
	}
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(hanging, good)}, destinations...)
	w.run()
	const events = 2
	for i := range events {
		w.add(w.newEvent("status.sent", fmt.Sprint(i), nil))
	}
	<-hanging.arrived
	for range others * events {
		<-good.arrived
	}
	if n := ended.Load(); n != 0 {
		t.Errorf("%d attempts at the destination that hangs had ended before all others were made", n)
	}
}

// raw starts a TCP server that answers each connection with a function.
func raw(t *testing.T, answer func(conn net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			answer(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return "http://" + listener.Addr().String()
}

// drip writes text byte by byte until the other side closes.
func drip(conn net.Conn, text string) {
	for i := range len(text) {
		if _, err := conn.Write([]byte(text[i : i+1])); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestResponseThatDoesNotEndEndsAtTheDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		answer      func(conn net.Conn)
		isDelivered bool
	}{
		"a header byte by byte": {func(conn net.Conn) { drip(conn, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-A: b\r\n", 1000)) }, false},
		"a body byte by byte":   {func(conn net.Conn) { drip(conn, "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", 1000)) }, true},
		"an endless body": {func(conn net.Conn) {
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n\r\n")
			for {
				if _, err := conn.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, true},
		"a body that is shorter than announced": {func(conn net.Conn) { fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx") }, true},
		"an endless header": {func(conn net.Conn) {
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := fmt.Fprintf(conn, "X-A: %s\r\n", strings.Repeat("b", 1000)); err != nil {
					return
				}
			}
		}, false},
		"100 Continue for ever": {func(conn net.Conn) {
			for {
				if _, err := fmt.Fprint(conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
					return
				}
			}
		}, false},
		"nothing": {func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, event.DelivererConfig{}, webhook("crm", raw(t, test.answer)))
			begun := time.Now()
			err := w.attempt("status.sent", nil)
			if _, isRetried := retryIn(err); (err == nil) != test.isDelivered || err != nil && !isRetried {
				t.Errorf("delivered: %v", err)
			}
			if took := time.Since(begun); took > 10*time.Second { // the limit is 1 s, and the machine may be slow
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestWebhookReachesNoForbiddenAddress(t *testing.T) {
	text, err := os.ReadFile("../guard/testdata/addresses.txt")
	if err != nil {
		t.Fatal(err)
	}
	d := webhook("crm", "https://crm.example.com/events")
	d.Private = false
	rows := 0
	w := newWorld(t, event.DelivererConfig{})
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") || strings.Contains(fields[1], "%") || strings.HasPrefix(fields[1], "::ffff:") { // a resolver returns no zones, and IPv4 as such
			continue
		}
		rows++
		network := new(guardtest.Network)
		w.configure(event.DelivererConfig{Guard: guardOn(network, fields[1])}, d)
		err := w.attempt("status.sent", nil)
		if _, isRetried := retryIn(err); !isRetried || (len(network.Sent()) > 0) != (fields[0] == "good") {
			t.Errorf("%s %s: sent to %q, %v", fields[0], fields[1], network.Sent(), err)
		}
		if fields[0] != "good" && !strings.Contains(fmt.Sprint(err), `"private": true`) {
			t.Errorf("%s: %v", fields[1], err)
		}
	}
	if rows < 188 {
		t.Errorf("only %d addresses", rows)
	}
}

// Each URL that is refused as a presigned URL is either refused as a webhook's, or its
// request is not sent.
func TestWebhookIsSentToNoHostileURL(t *testing.T) {
	text, err := os.ReadFile("../object/testdata/adversarial/urls.txt")
	if err != nil {
		t.Fatal(err)
	}
	canary := guardtest.NewCanary(t)
	w := newWorld(t, event.DelivererConfig{})
	dial := guard.New(guard.Config{Resolver: guardtest.Always("127.0.0.1")})
	rows := 0
	for line := range strings.Lines(string(text)) {
		verdict, quoted, _ := strings.Cut(strings.TrimSpace(line), " ")
		if verdict == "" || strings.HasPrefix(verdict, "#") {
			continue
		}
		address, err := strconv.Unquote(strings.TrimSpace(quoted))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		rows++
		d := webhook("crm", strings.ReplaceAll(address, "{canary}", strconv.Itoa(canary.Port)))
		d.Private = false
		if _, err := event.NewRouter(event.RouterConfig{State: w.state, Destinations: []event.Destination{d}}); err != nil {
			continue
		}
		w.configure(event.DelivererConfig{Guard: dial}, d)
		if err := w.attempt("status.sent", nil); err == nil {
			t.Errorf("%s: an event was sent", address)
		}
	}
	if rows < 300 {
		t.Errorf("only %d URLs", rows)
	}
}

func TestWebhookOfTheProcessItselfIsRefused(t *testing.T) {
	r := receive(t, nil)
	own := new(guard.Own)
	defer own.AddListener(r.Listener)()
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(r), Guard: guard.New(guard.Config{Own: own})}, webhook("loop", r.URL+"/webhooks/whatsapp"))
	err := w.attempt("status.sent", nil)
	if _, isRetried := retryIn(err); !isRetried || !strings.Contains(err.Error(), "listener of this process") || len(r.received) != 0 {
		t.Errorf("%v; %d requests", err, len(r.received))
	}
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	canary := guardtest.NewCanary(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, fmt.Sprintf("http://127.0.0.1:%d", canary.Port))
	}
	r := receive(t, nil)
	w := newWorld(t, event.DelivererConfig{RootCAs: roots(r)}, webhook("crm", r.URL))
	if err := w.attempt("status.sent", nil); err != nil {
		t.Error(err)
	}
}

func TestCertificateThatIsNotTrustedIsRefused(t *testing.T) {
	r := receive(t, nil)
	w := newWorld(t, event.DelivererConfig{}, webhook("crm", r.URL))
	err := w.attempt("status.sent", nil)
	if _, isRetried := retryIn(err); !isRetried || !strings.Contains(err.Error(), "TLS certificate") || len(r.received) != 0 {
		t.Errorf("%v; %d requests", err, len(r.received))
	}
}

func TestEventForADestinationThatIsNoLongerChosenIsADeadLetter(t *testing.T) {
	chosen := stdout("chosen")
	w := newWorld(t, event.DelivererConfig{Stdout: func([]byte) error { return nil }}, chosen)
	for _, arn := range []string{topicARN, "arn:aws:social-messaging:us-east-1:111122223333:event-destination/chosen"} {
		w.put(arn, "")
		e := w.newEvent("status.sent", "1", nil)
		w.add(e)
		w.put("arn:aws:sns:us-east-1:111122223333:other", "")
		err := w.deliverer.Deliver(t.Context(), outbox.Delivery{EventID: e.ID, Destination: e.Destinations[0]})
		if !errors.Is(err, outbox.ErrNever) || !strings.Contains(err.Error(), "choose it again") {
			t.Errorf("%s: %v", arn, err)
		}
	}
}

func TestEventForADestinationThatIsNotConfiguredWaits(t *testing.T) {
	w := newWorld(t, event.DelivererConfig{})
	w.put("arn:aws:social-messaging:us-east-1:111122223333:event-destination/removed", "")
	err := w.attempt("status.sent", nil)
	if _, isRetried := retryIn(err); !isRetried || !strings.Contains(err.Error(), "no destination 'removed'") {
		t.Error(err)
	}
	if err := w.deliverer.Deliver(context.Background(), outbox.Delivery{EventID: newUUID(), Destination: "event/x/y"}); !errors.Is(err, outbox.ErrNever) {
		t.Errorf("an event that does not exist: %v", err)
	}
}
