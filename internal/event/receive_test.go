package event_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/event"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

const (
	currentSecret = "c0ffee0123456789abcdef0123456789"
	formerSecret  = "decaf00123456789abcdef0123456789"
	verifyToken   = "a text that nobody guesses"
)

// hook is Meta's side of a receiver that is served over HTTP.
type hook struct {
	t      *testing.T
	state  *state.DB
	linked state.BusinessAccount
	url    string
}

// linkMeta links Meta's account 100 with the phone number 1 to an account.
func linkMeta(t *testing.T, db *state.DB, account string) state.BusinessAccount {
	t.Helper()
	linked, err := db.Link(t.Context(), state.BusinessAccount{AccountID: account, MetaID: "100", Token: secret.New("EAA-token"),
		PhoneNumbers: []state.PhoneNumber{{MetaID: "1", DisplayNumber: "+1 555-078-3881"}}})
	if err != nil {
		t.Fatal(err)
	}
	return linked
}

// newReceiver serves a receiver on a database with one linked account, whose events go
// to "event/…/all".
func newReceiver(t *testing.T, db *state.DB, change ...func(*event.ReceiverConfig)) *hook {
	t.Helper()
	r := &hook{t: t, state: db, linked: linkMeta(t, db, "111122223333")}
	config := event.ReceiverConfig{
		State: db, Route: toAll, Region: "eu-west-1",
		AppSecrets: []event.AppSecret{{Secret: secret.New(currentSecret)}, {Secret: secret.New(formerSecret)}}, VerifyToken: secret.New(verifyToken),
	}
	for _, f := range change {
		f(&config)
	}
	handler, err := event.NewReceiver(config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// toAll routes an event to a destination of its business account.
func toAll(_ context.Context, e *state.Event) error {
	e.Destinations = []string{"event/" + e.BusinessAccountID + "/all"}
	return nil
}

// onBoth runs a test with a receiver on each engine.
func onBoth(t *testing.T, test func(t *testing.T, r *hook)) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) { test(t, newReceiver(t, engine.Open(t))) })
}

// sign returns the header with which Meta signs a body.
func sign(key, body string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// post posts a body with the current secret and returns the status of the response.
func (r *hook) post(body string) int {
	r.t.Helper()
	return r.send(strings.NewReader(body), http.Header{"X-Hub-Signature-256": {sign(currentSecret, body)}})
}

func (r *hook) send(body io.Reader, header http.Header) int {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url, body)
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// want posts a body and checks the status of the response.
func (r *hook) want(status int, body string) {
	r.t.Helper()
	if got := r.post(body); got != status {
		r.t.Errorf("status %d, expected %d, for %.200s", got, status, body)
	}
}

// events returns the events of an account, sorted by what they are about.
func (r *hook) events(account string) []state.EventRecord {
	r.t.Helper()
	records, err := r.state.Events(r.t.Context(), state.EventFilter{AccountID: account, Kind: state.KindEvent}, state.EventPage{Limit: 10_000})
	if err == nil {
		err = r.state.ReadBodies(r.t.Context(), records)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	slices.SortStableFunc(records, func(a, b state.EventRecord) int { return strings.Compare(a.WAMID+a.Name, b.WAMID+b.Name) })
	return records
}

// names returns the names of the events of the linked account, with the ids that they
// are about.
func (r *hook) names() []string {
	r.t.Helper()
	var names []string
	for _, e := range r.events(r.linked.AccountID) {
		names = append(names, strings.TrimSpace(e.Name+" "+e.WAMID))
	}
	return names
}

func (r *hook) wantNames(want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.names()); diff != "" {
		r.t.Error(diff)
	}
}

// bodyWith returns the body of a webhook with entries.
func bodyWith(entries ...string) string {
	return `{"object":"whatsapp_business_account","entry":[` + strings.Join(entries, ",") + `]}`
}

// messages returns an entry of the field messages for the linked phone number.
func messages(value string) string { return messagesOf("100", "1", value) }

func messagesOf(account, phone, value string) string {
	return `{"id":"` + account + `","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"` + phone + `"},` + value + `},"field":"messages"}]}`
}

func text(wamid string) string {
	return `"contacts":[{"profile":{"name":"Zo\u00eb"},"wa_id":"4915"}],"messages":[{"from":"4915","id":"` + wamid + `","timestamp":"1762827867","text":{"body":"\u00e4"},"type":"text"}]`
}

func status(wamid, status string) string {
	return `"statuses":[{"id":"` + wamid + `","status":"` + status + `","timestamp":"1762827867","recipient_id":"4915"}]`
}

func TestInboundMessageBecomesAnEventInAWSsEnvelope(t *testing.T) {
	at := time.Date(2026, 11, 29, 20, 0, 0, 123456789, time.UTC)
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		r := newReceiver(t, engine.Open(t), func(c *event.ReceiverConfig) { c.Now = func() time.Time { return at } })
		entry := messages(text("wamid.A"))
		r.want(http.StatusOK, bodyWith(entry))
		events := r.events(r.linked.AccountID)
		if len(events) != 1 {
			t.Fatalf("%d events", len(events))
		}
		e := events[0]
		quoted, _ := json.Marshal(entry)
		want := fmt.Sprintf(`{"context":{"MetaWabaIds":[{"wabaId":"100","arn":"arn:aws:social-messaging:eu-west-1:111122223333:waba/%s"}],`+
			`"MetaPhoneNumberIds":[{"metaPhoneNumberId":"1","arn":"arn:aws:social-messaging:eu-west-1:111122223333:phone-number-id/%s"}]},`+
			`"whatsAppWebhookEntry":%s,"aws_account_id":"111122223333","message_timestamp":"2026-11-29T20:00:00.123456789Z"}`,
			r.linked.ID, r.linked.PhoneNumbers[0].ID, quoted)
		if diff := cmp.Diff(want, string(e.Body)); diff != "" {
			t.Error(diff)
		}
		number := r.linked.PhoneNumbers[0].ID
		if e.Name != "message.text" || e.WAMID != "wamid.A" || e.PhoneNumberID != number || e.Conversation != number+"/4915" || e.MessageID != "" ||
			len(e.Deliveries) != 1 || e.Deliveries[0].Destination != "event/"+r.linked.ID+"/all" {
			t.Errorf("the event is %+v", e)
		}
	})
}

func TestOnlyASignatureWithAnAppSecretIsAccepted(t *testing.T) {
	r := newReceiver(t, statetest.Open(t))
	body := bodyWith(messages(text("wamid.A")))
	good := sign(currentSecret, body)
	var indented bytes.Buffer
	_ = json.Indent(&indented, []byte(body), "", " ")
	var parsed any
	_ = json.Unmarshal([]byte(body), &parsed)
	again, _ := json.Marshal(parsed)
	legacy := hmac.New(sha1.New, []byte(currentSecret))
	legacy.Write([]byte(body))
	for name, test := range map[string]struct {
		body   string
		header http.Header
	}{
		"none":                            {body, http.Header{}},
		"an empty one":                    {body, http.Header{"X-Hub-Signature-256": {""}}},
		"SHA-1 only":                      {body, http.Header{"X-Hub-Signature": {"sha1=" + hex.EncodeToString(legacy.Sum(nil))}}},
		"SHA-1 in the other header":       {body, http.Header{"X-Hub-Signature-256": {"sha1=" + hex.EncodeToString(legacy.Sum(nil))}}},
		"no digits":                       {body, http.Header{"X-Hub-Signature-256": {"sha256="}}},
		"63 digits":                       {body, http.Header{"X-Hub-Signature-256": {good[:len(good)-1]}}},
		"65 digits":                       {body, http.Header{"X-Hub-Signature-256": {good + "0"}}},
		"no digits but letters":           {body, http.Header{"X-Hub-Signature-256": {"sha256=" + strings.Repeat("g", 64)}}},
		"digits in upper case":            {body, http.Header{"X-Hub-Signature-256": {"sha256=" + strings.ToUpper(good[7:])}}},
		"the prefix in upper case":        {body, http.Header{"X-Hub-Signature-256": {"SHA256=" + good[7:]}}},
		"without the prefix":              {body, http.Header{"X-Hub-Signature-256": {good[7:]}}},
		"two, the second one right":       {body, http.Header{"X-Hub-Signature-256": {sign("x", body), good}}},
		"two equal ones":                  {body, http.Header{"X-Hub-Signature-256": {good, good}}},
		"in base64":                       {body, http.Header{"X-Hub-Signature-256": {"sha256=" + strings.Repeat("AAAA", 16)}}},
		"of another app":                  {body, http.Header{"X-Hub-Signature-256": {sign("another secret", body)}}},
		"of the empty secret":             {body, http.Header{"X-Hub-Signature-256": {sign("", body)}}},
		"of the JSON as it is serialised": {body, http.Header{"X-Hub-Signature-256": {sign(currentSecret, string(again))}}},
		"of another spacing":              {indented.String(), http.Header{"X-Hub-Signature-256": {good}}},
		"of the body without its newline": {body + "\n", http.Header{"X-Hub-Signature-256": {good}}},
		"of an empty body":                {body, http.Header{"X-Hub-Signature-256": {sign(currentSecret, "")}}},
		"of a body that is not JSON":      {"{", http.Header{"X-Hub-Signature-256": {sign("x", "{")}}},
	} {
		if got := r.send(strings.NewReader(test.body), test.header); got != http.StatusUnauthorized {
			t.Errorf("%s: status %d, expected 401", name, got)
		}
	}
	if names := r.names(); len(names) > 0 {
		t.Errorf("stored: %q", names)
	}
	for name, header := range map[string]http.Header{
		"the current secret":      {"X-Hub-Signature-256": {good}},
		"the former secret":       {"X-Hub-Signature-256": {sign(formerSecret, body)}},
		"beside the one of SHA-1": {"X-Hub-Signature-256": {good}, "X-Hub-Signature": {"sha1=00"}},
	} {
		if got := r.send(strings.NewReader(body), header); got != http.StatusOK {
			t.Errorf("%s: status %d, expected 200", name, got)
		}
	}
	chunked := io.MultiReader(strings.NewReader(body[:50]), strings.NewReader(body[50:])) // without a length
	if got := r.send(chunked, http.Header{"X-Hub-Signature-256": {good}}); got != http.StatusOK {
		t.Errorf("in chunks: status %d", got)
	}
	r.wantNames("message.text wamid.A")
}

func TestBodiesUpTo3MiBAreAccepted(t *testing.T) {
	r := newReceiver(t, statetest.Open(t))
	whole := func(size int) string {
		body := bodyWith(messages(`"messages":[{"from":"1","id":"wamid.L","type":"text","text":{"body":"?"}}]`))
		return strings.Replace(body, "?", strings.Repeat("x", size-len(body)+1), 1)
	}
	r.want(http.StatusRequestEntityTooLarge, whole(3<<20+1))
	huge := io.MultiReader(strings.NewReader(whole(3<<20 + 1))) // without a length
	if got := r.send(huge, http.Header{"X-Hub-Signature-256": {sign(currentSecret, whole(3<<20+1))}}); got != http.StatusRequestEntityTooLarge {
		t.Errorf("in chunks: status %d", got)
	}
	r.want(http.StatusBadRequest, strings.Repeat(`{"a":`, 500_000)+"1"+strings.Repeat("}", 500_000))
	r.wantNames()
	r.want(http.StatusOK, whole(3<<20))
	r.wantNames("message.text wamid.L")
	var many []string
	for i := range 1000 {
		many = append(many, fmt.Sprintf(`{"from":"%d","id":"wamid.N%04d","type":"text"}`, i%7, i))
	}
	r.want(http.StatusOK, bodyWith(messages(`"messages":[`+strings.Join(many, ",")+`]`)))
	r.want(http.StatusRequestEntityTooLarge, bodyWith(messages(`"messages":[`+strings.Join(append(many, `{"from":"1","id":"more"}`), ",")+`]`)))
	if got := len(r.names()); got != 1001 {
		t.Errorf("%d events", got)
	}
}

func TestAddressIsVerifiedWithTheToken(t *testing.T) {
	r := newReceiver(t, statetest.Open(t))
	silent := newReceiver(t, statetest.Open(t), func(c *event.ReceiverConfig) { c.VerifyToken = secret.Secret{} })
	query := func(pairs ...string) string {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Add("hub."+pairs[i], pairs[i+1])
		}
		return "?" + values.Encode()
	}
	for name, test := range map[string]struct {
		r      *hook
		query  string
		status int
		body   string
	}{
		"as Meta does it":          {r, query("mode", "subscribe", "challenge", "1158201444", "verify_token", verifyToken), 200, "1158201444"},
		"a challenge with HTML":    {r, query("mode", "subscribe", "challenge", "<script>alert(1)</script>", "verify_token", verifyToken), 200, "<script>alert(1)</script>"},
		"a challenge with lines":   {r, query("mode", "subscribe", "challenge", "a\r\nSet-Cookie: b\r\n\r\nc", "verify_token", verifyToken), 200, "a\r\nSet-Cookie: b\r\n\r\nc"},
		"a long challenge":         {r, query("mode", "subscribe", "challenge", strings.Repeat("1", 1025), "verify_token", verifyToken), 400, ""},
		"no challenge":             {r, query("mode", "subscribe", "verify_token", verifyToken), 400, ""},
		"another token":            {r, query("mode", "subscribe", "challenge", "1", "verify_token", verifyToken+"x"), 403, ""},
		"a part of the token":      {r, query("mode", "subscribe", "challenge", "1", "verify_token", verifyToken[:5]), 403, ""},
		"no token":                 {r, query("mode", "subscribe", "challenge", "1"), 403, ""},
		"no mode":                  {r, query("challenge", "1", "verify_token", verifyToken), 403, ""},
		"another mode":             {r, query("mode", "unsubscribe", "challenge", "1", "verify_token", verifyToken), 403, ""},
		"nothing":                  {r, "", 403, ""},
		"a server without a token": {silent, query("mode", "subscribe", "challenge", "1", "verify_token", ""), 403, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.r.url+test.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != test.status || test.status == 200 && string(body) != test.body {
			t.Errorf("%s: %d %q, expected %d %q", name, response.StatusCode, body, test.status, test.body)
		}
		if test.status != 200 && strings.Contains(string(body), verifyToken) {
			t.Errorf("%s: the response has the token: %q", name, body)
		}
		if response.Header.Get("Content-Type") != "text/plain; charset=utf-8" || response.Header.Get("X-Content-Type-Options") != "nosniff" || response.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %v", name, response.Header)
		}
	}
}

func TestRepetitionIsOneEvent(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		r.want(200, bodyWith(messages(`"messages":[{"from":"4915","id":"wamid.A","type":"text"},{"from":"4915","id":"wamid.A","type":"text"}]`)))
		r.wantNames("message.text wamid.A")
		bodies := []string{
			bodyWith(messages(text("wamid.B"))),
			bodyWith(messages(text("wamid.B")), messages(status("wamid.C", "read"))),
			bodyWith(messages(status("wamid.C", "read")), messages(text("wamid.B")), messages(text("wamid.A"))),
		}
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() { r.want(200, bodies[i%len(bodies)]) })
		}
		group.Wait()
		r.wantNames("message.text wamid.A", "message.text wamid.B", "status.read wamid.C")
	})
}

func TestEachAccountThatHasLinkedItReceivesAnEvent(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		other := linkMeta(t, r.state, "444455556666")
		for range 2 {
			r.want(200, bodyWith(messages(text("wamid.A"))))
		}
		for _, linked := range []state.BusinessAccount{r.linked, other} {
			events := r.events(linked.AccountID)
			if len(events) != 1 || events[0].BusinessAccountID != linked.ID || !bytes.Contains(events[0].Body, []byte(":"+linked.AccountID+":waba/"+linked.ID)) {
				t.Errorf("the events of %s are %+v", linked.AccountID, events)
			}
		}
	})
}

func TestUpdatesThatNobodyHasLinkedAreCountedAndRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		r.want(404, bodyWith(messagesOf("999", "1", text("wamid.A"))))
		r.want(404, bodyWith(messagesOf("999", "1", text("wamid.A")), messagesOf("100", "2", text("wamid.B"))))
		r.want(404, bodyWith(`{"id":"\u0000\ud83d","changes":[{"field":"flows","value":1}]}`))
		r.want(200, bodyWith(messagesOf("999", "1", text("wamid.C")), messages(text("wamid.D")))) // others are taken
		r.wantNames("message.text wamid.D")
		counts, err := r.state.UnlinkedUpdates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]int64)
		for _, c := range counts {
			got[c.BusinessAccount+"/"+c.PhoneNumber] = c.Updates
		}
		if diff := cmp.Diff(map[string]int64{"999/": 3, "100/2": 1, "\uFFFD\uFFFD/": 1}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFieldsThatFerryDoesNotKnowAreEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		for _, entry := range []string{
			`{"id":"100","time":1739321024,"changes":[{"field":"message_template_status_update","value":{"event":"APPROVED","message_template_id":1689556908129832}}]}`,
			`{"id":"100","time":1739321024,"changes":[{"field":"a_field_of_2031","value":[1.0,1e999,{"\ud83d":null}]}]}`,
			`{"id":"100","changes":[{"field":"../\u0000<x>","value":1}]}`,
			`{"id":"100","changes":[{"value":1}]}`,
			messages(`"messages":[{"from":"1","id":"wamid.U","type":"hologram","hologram":{"x":[1]}}]`),
			messages(`"errors":[{"code":130429}]`),
			`{"id":"777","time":1,"changes":[{"field":"account_update","value":{"event":"PARTNER_REMOVED","waba_info":{"waba_id":"100","owner_business_id":"777"}}}]}`,
		} {
			r.want(200, bodyWith(entry))
			found := slices.ContainsFunc(r.events(r.linked.AccountID), func(e state.EventRecord) bool {
				var envelope struct{ WhatsAppWebhookEntry string }
				return json.Unmarshal(e.Body, &envelope) == nil && envelope.WhatsAppWebhookEntry == entry
			})
			if !found {
				t.Errorf("no event has the entry %s", entry)
			}
		}
		r.wantNames("a_field_of_2031", "account_update", "message_template_status_update", "messages", "unknown", "unknown", "message.hologram wamid.U")
	})
}

func TestOddContentIsTaken(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		for name, test := range map[string]struct {
			value string
			name  string
		}{
			"a negative time":          {`"statuses":[{"id":"w","status":"sent","timestamp":"-1","recipient_id":"1"}]`, "status.sent w"},
			"a time beyond 2⁶³":        {`"statuses":[{"id":"w","status":"sent","timestamp":"9223372036854775808","recipient_id":"1"}]`, "status.sent w"},
			"a time that is a number":  {`"statuses":[{"id":"w","status":"sent","timestamp":1,"recipient_id":1}]`, "status.sent w"},
			"a time in words":          {`"statuses":[{"id":"w","status":"sent","timestamp":"soon","recipient_id":null}]`, "status.sent w"},
			"a time in the future":     {`"statuses":[{"id":"w","status":"sent","timestamp":"99999999999","recipient_id":"1"}]`, "status.sent w"},
			"a number out of range":    {`"messages":[{"id":"w","from":"1","type":"location","location":{"latitude":1e999}}]`, "message.location w"},
			"repeated names":           {`"messages":[{"id":"v","id":"w","from":"1","type":"text"}]`, "message.text w"},
			"an id of digits":          {`"messages":[{"id":17,"from":1,"type":"text"}]`, "message.text 17"},
			"NUL and lone surrogates":  {`"messages":[{"id":"a\u0000\ud83d","from":"\u0000","type":"te\u0000xt"}]`, "message.unknown a\uFFFD\uFFFD"},
			"half of an escaped pair":  {`"messages":[{"id":"w","from":"\udc00\ud83d","type":"text"}]`, "message.text w"},
			"errors that are a text":   {`"statuses":[{"id":"w","status":"failed","errors":"none","recipient_id":"1"}]`, "status.failed w"},
			"a status without more":    {`"statuses":[{}]`, "status.unknown"},
			"a message without more":   {`"messages":[{}]`, "message.unknown"},
			"a message that is none":   {`"messages":[7]`, "message.unknown"},
			"a media id with a path":   {`"messages":[{"id":"w","from":"1","type":"image","image":{"id":"../../me"}}]`, "message.image w"},
			"a type that is an object": {`"messages":[{"id":"w","from":"1","type":{}}]`, "message.unknown w"},
		} {
			before := r.names()
			r.want(200, bodyWith(messages(strings.ReplaceAll(test.value, `"w"`, `"w `+name+`"`))))
			want := strings.Replace(test.name, " w", " w "+name, 1)
			if after := r.names(); len(after) != len(before)+1 || !slices.Contains(after, want) {
				t.Errorf("%s: no event %q among %q", name, want, after)
			}
		}
		for _, body := range []string{bodyWith(), `{"entry":null}`, `{}`, bodyWith("null"), bodyWith(strings.TrimSuffix(strings.Repeat(`{"id":"100","changes":[]},`, 10_000), ","))} {
			r.want(200, body)
		}
		for _, body := range []string{``, `{`, `[]`, `{"entry":[{"id":NaN}]}`, `{"entry":[{"id":Infinity}]}`, "\xef\xbb\xbf{}"} {
			r.want(400, body)
		}
	})
}

func TestOtherMethodsAreRefused(t *testing.T) {
	r := newReceiver(t, statetest.Open(t))
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodHead, http.MethodOptions} {
		request, _ := http.NewRequestWithContext(t.Context(), method, r.url, nil)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d, %v", method, response.StatusCode, response.Header)
		}
	}
}

// sent sends a message from the linked number. Meta returns this wamid, unless it is
// empty.
func (r *hook) sent(wamid string) (messageID string) {
	r.t.Helper()
	number := r.linked.PhoneNumbers[0].ID
	id, _, err := r.state.AddMessage(r.t.Context(), state.Message{AccountID: r.linked.AccountID, BusinessAccountID: r.linked.ID, PhoneNumberID: number,
		Type: "text", Recipient: "4915", Conversation: number + "/4915", Body: []byte(`{"to":"+4915"}`)})
	if err == nil && wamid != "" {
		err = r.state.MessageSent(r.t.Context(), id, wamid)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func TestStatusesInDisorderNameTheirMessageAndItsStatusNeverGoesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		id := r.sent("wamid.S")
		failed := strings.Replace(status("wamid.S", "failed"), `"timestamp"`, `"errors":[{"code":131026,"message":"Message undeliverable"}],"timestamp"`, 1)
		for i, step := range []struct {
			entry string
			want  state.MessageStatus
		}{
			{status("wamid.S", "delivered"), state.MessageDelivered}, {status("wamid.S", "sent"), state.MessageDelivered}, {failed, state.MessageDelivered},
			{status("wamid.S", "warning"), state.MessageDelivered}, {status("wamid.S", "played"), state.MessageRead}, {status("wamid.S", "read"), state.MessageRead},
		} {
			r.want(200, bodyWith(messages(step.entry)))
			if m, err := r.state.Message(t.Context(), id); err != nil || m.Status != step.want {
				t.Errorf("after %d statuses the message is %q, %v; expected %q", i+1, m.Status, err, step.want)
			}
		}
		for _, e := range r.events(r.linked.AccountID) {
			if e.MessageID != id || !bytes.HasSuffix(e.Body, []byte(`Z","messageId":"`+id+`"}`)) {
				t.Errorf("%s has the message id %q: %s", e.Name, e.MessageID, e.Body)
			}
		}
		other := r.sent("wamid.T") // one webhook with both
		r.want(200, bodyWith(messages(strings.ReplaceAll(failed, "wamid.S", "wamid.T")), messages(status("wamid.T", "sent"))))
		if m, err := r.state.Message(t.Context(), other); err != nil || m.Status != state.MessageFailed || m.Error != "131026: Message undeliverable" {
			t.Errorf("the message is %q, %q, %v", m.Status, m.Error, err)
		}
	})
}
