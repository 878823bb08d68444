package gateway_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"ferry/internal/activity"
	"ferry/internal/admin"
	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/tracing"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// Secrets and texts that no span and no metric may have.
const (
	metaToken     = "EAAcanaryToken"
	storeSecret   = "canaryStoreSecret"
	appSecret     = "canaryAppSecret"
	webhookSecret = "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5"
	person        = "4915112345678"
	objectKey     = "invoices/canary-of-a-person.txt"
	collectorKey  = "canaryCollectorKey"
)

const callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

// A collector receives spans, as the OTLP receiver of OpenTelemetry's collector does.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*tracepb.Span
	raw   bytes.Buffer
	keys  []string // of the requests
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var data tracepb.TracesData // as ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &data) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw.Write(body)
		c.keys = append(c.keys, r.Header.Get("Authorization"))
		for _, of := range data.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// tree returns the spans of a trace that are below a parent, one on a line, indented,
// with their outcome and attempt.
func (c *collector) tree(traceID, parent, indent string) string {
	var text strings.Builder
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) != traceID || hex.EncodeToString(s.ParentSpanId) != parent {
			continue
		}
		fmt.Fprintf(&text, "%s%s %s", indent, s.Name, attribute(s, "ferry.outcome"))
		if attempt := attribute(s, "ferry.attempt"); attempt != "" {
			text.WriteString(" " + attempt)
		}
		text.WriteString("\n" + c.tree(traceID, hex.EncodeToString(s.SpanId), indent+"  "))
	}
	return text.String()
}

// named returns the spans with a name.
func (c *collector) named(name string) []*tracepb.Span {
	return slices.DeleteFunc(slices.Clone(c.spans), func(s *tracepb.Span) bool { return s.Name != name })
}

func attribute(s *tracepb.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			switch v := a.Value.Value.(type) {
			case *commonpb.AnyValue_StringValue:
				return v.StringValue
			case *commonpb.AnyValue_IntValue:
				return fmt.Sprint(v.IntValue)
			}
		}
	}
	return ""
}

// headers records the header traceparent of requests, by host.
type headers struct {
	mu   sync.Mutex
	seen map[string][]string // by name of the server
}

func (h *headers) record(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.seen[name] = append(h.seen[name], r.Header.Get("Traceparent"))
		h.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func (h *headers) of(name string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.seen[name])
}

// traced is a gateway that exports traces, between recorded servers.
type traced struct {
	*running
	t         *testing.T
	collector *collector
	tracer    *tracing.Tracer
	headers   *headers
	simulator *metasim.Server
	store     string // URL
	metrics   string // address
	client    *socialmessaging.Client
	number    string
	delivered chan string // the header traceparent of each event
}

// serveText is a store with one large text.
func serveText(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("ETag", `"1"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat("text ", 1<<20)))
}

func startTraced(t *testing.T, sampler string) *traced {
	t.Helper()
	w := &traced{t: t, collector: newCollector(t), headers: &headers{seen: make(map[string][]string)}, delivered: make(chan string, 10)}
	serve := func(name string, handler http.Handler) string {
		server := httptest.NewServer(w.headers.record(name, handler))
		t.Cleanup(server.Close)
		return server.URL
	}
	w.simulator = metasim.New(metasim.Config{Strict: true, BusinessAccounts: []metasim.BusinessAccount{{ID: "100", Token: metaToken, PhoneNumbers: []metasim.PhoneNumber{{ID: "1"}}}}})
	meta := serve("meta", w.simulator)
	t.Cleanup(func() { _ = w.simulator.Close() })
	w.store = serve("store", http.HandlerFunc(serveText))
	receiver := serve("receiver", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { w.delivered <- r.Header.Get("Traceparent") }))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	w.metrics = listener.Addr().String()
	sampled, err := tracing.ParseSampler(sampler, "")
	w.must(err)
	w.tracer, err = tracing.Open(t.Context(), tracing.Config{Sampler: sampled, Version: "v1",
		Collector: tracing.Collector{URL: w.collector.URL + "/v1/traces", Headers: secret.New("Authorization=Bearer%20" + collectorKey)}})
	w.must(err)
	t.Cleanup(func() { _ = w.tracer.Close() })
	w.running = start(t, func(c *gateway.Config, _ string) {
		c.Tracer, c.Metrics.Listener = w.tracer, listener
		c.Graph.BaseURL = meta
		c.Objects.Stores = []object.StoreConfig{{Endpoint: w.store, PathStyle: true, AccessKeyID: "KEY", SecretAccessKey: secret.New(storeSecret)}}
		c.Webhook.AppSecrets = []event.AppSecret{{Secret: secret.New(appSecret)}}
		c.Router.Destinations = []event.Destination{{Name: "orders", Type: event.HTTPS, URL: receiver, Private: true, Accounts: []string{account}, Secrets: []secret.Secret{secret.New(webhookSecret)}}}
	})
	linked, err := admin.LinkAccount(t.Context(), w.Graph(), w.State(), admin.Link{AccountID: account, MetaID: "100", Token: secret.New(metaToken)})
	w.must(err)
	key, err := admin.CreateAccessKey(t.Context(), w.State(), account, "app", admin.FullAccessPolicy)
	w.must(err)
	w.number = social.PhoneNumberID(linked.PhoneNumbers[0])
	w.client = socialmessaging.New(socialmessaging.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + w.address + "/"), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret.Reveal(), ""), HTTPClient: withTraceParent{}})
	return w
}

func (w *traced) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// withTraceParent is a client whose program is traced.
type withTraceParent struct{}

func (withTraceParent) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set("Traceparent", "00-"+callersTrace+"-00f067aa0ba902b7-01")
	return http.DefaultTransport.RoundTrip(r)
}

func (w *traced) post() {
	w.t.Helper()
	_, err := w.client.PostWhatsAppMessageMedia(w.t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &w.number, SourceS3File: &socialmessaging.S3File{BucketName: aws.String("media"), Key: aws.String(objectKey)},
	})
	w.must(err)
}

// exported closes the tracer, so that the collector has all spans.
func (w *traced) exported() *collector {
	w.t.Helper()
	w.must(w.tracer.Close())
	return w.collector
}

func TestUploadIsATraceOfItsSteps(t *testing.T) {
	w := startTraced(t, "")
	w.post()
	const want = `PostWhatsAppMessageMedia ok
  upload ok 1
    fetch open ok
    inspect ok
    graph upload ok
`
	c := w.exported()
	if got := inOrder(c.tree(callersTrace, "00f067aa0ba902b7", "")); got != inOrder(want) {
		t.Errorf("the tree is\n%s", got)
	}
	for _, s := range c.named("graph upload") {
		if attribute(s, "ferry.meta_trace_id") == "" || attribute(s, "ferry.request_id") == "" || attribute(s, "http.response.status_code") != "200" {
			t.Errorf("the request to Meta has %v", s.Attributes)
		}
		if s.Kind != tracepb.Span_SPAN_KIND_CLIENT || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%v", s)
		}
	}
	for _, s := range c.named("upload") {
		if attribute(s, "ferry.size") != fmt.Sprint(5<<20) {
			t.Errorf("the upload has %v", s.Attributes)
		}
	}
	w.checkOthers()
	w.checkCanaries()
}

// inOrder sorts lines: spans are exported in the order in which they end.
func inOrder(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestEachAttemptOfAnUploadIsASpan(t *testing.T) {
	w := startTraced(t, "")
	if _, err := w.simulator.AddFault(metasim.Fault{Operation: "upload", CutAfterBytes: 1000, Times: 1}); err != nil {
		t.Fatal(err)
	}
	w.post()
	const want = `PostWhatsAppMessageMedia ok
  upload failed 1
    fetch open ok
    inspect ok
    graph upload failed
  upload ok 2
    fetch open ok
    graph upload ok
`
	c := w.exported()
	if got := inOrder(c.tree(callersTrace, "00f067aa0ba902b7", "")); got != inOrder(want) {
		t.Errorf("the tree is\n%s", got)
	}
	for _, s := range c.named("upload") {
		isError := s.Status != nil && s.Status.Code == tracepb.Status_STATUS_CODE_ERROR
		if isError != (attribute(s, "ferry.outcome") == "failed") {
			t.Errorf("%v", s)
		}
	}
	w.checkOthers()
}

func TestDeliveryOfAnEventIsPartOfTheTraceOfItsWebhook(t *testing.T) {
	w := startTraced(t, "")
	w.hook()
	header := <-w.delivered
	<-w.recorded()
	c := w.exported()
	traceID := header[3:35]
	const want = `webhook receive ok
  event ok
  deliver ok 1
`
	if got := inOrder(c.tree(traceID, "", "")); got != inOrder(want) {
		t.Errorf("the tree is\n%s", got)
	}
	if delivered := c.named("deliver"); len(delivered) != 1 || header != "00-"+traceID+"-"+hex.EncodeToString(delivered[0].SpanId)+"-01" || attribute(delivered[0], "ferry.destination") != "orders" {
		t.Errorf("the receiver was called with %s, the spans are %v", header, delivered)
	}
	w.checkCanaries()
}

// hook sends a signed webhook, as Meta does.
func (w *traced) hook() {
	w.t.Helper()
	body := `{"object":"whatsapp_business_account","entry":[{"id":"100","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",` +
		`"metadata":{"display_phone_number":"1","phone_number_id":"1"},"contacts":[{"profile":{"name":"Canary"},"wa_id":"` + person + `"}],` +
		`"messages":[{"from":"` + person + `","id":"wamid.1","timestamp":"1762827867","text":{"body":"canary of a message"},"type":"text"}]}}]}]}`
	mac := hmac.New(sha256.New, []byte(appSecret))
	_, _ = io.WriteString(mac, body)
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://"+w.address+gateway.WebhookPath, strings.NewReader(body))
	w.must(err)
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	response, err := http.DefaultClient.Do(request)
	w.must(err)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("the webhook was answered with %d", response.StatusCode)
	}
}

// recorded waits until the delivery of an event is counted, which is so when its span is
// in the queue.
func (w *traced) recorded() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for w.t.Context().Err() == nil && !strings.Contains(w.scrape(), `ferry_event_attempts_total{destination="orders",outcome="ok"} 1`) { //nolint:revive // until it is counted
		}
	}()
	return done
}

func (w *traced) scrape() string {
	request, err := http.NewRequestWithContext(context.WithoutCancel(w.t.Context()), http.MethodGet, "http://"+w.metrics+gateway.MetricsPath, nil)
	if err != nil {
		return ""
	}
	request.Header.Set("Accept", "application/openmetrics-text")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return string(text)
}

func TestPresignedHostGetsNoTraceParent(t *testing.T) {
	w := startTraced(t, "")
	client := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &w.store, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("KEY", storeSecret, "")})
	signed, err := s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("media"), Key: aws.String(objectKey)})
	w.must(err)
	_, err = w.client.PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &w.number, SourceS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &signed.URL, Headers: map[string]string{"Content-Type": "text/plain"}},
	})
	w.must(err)
	c := w.exported()
	if fetched := c.named("fetch open"); len(fetched) != 1 || attribute(fetched[0], "ferry.store") != "presigned-url" {
		t.Errorf("%v", fetched)
	}
	w.checkOthers()
	w.checkCanaries()
	_, query, _ := strings.Cut(signed.URL, "?")
	for part := range strings.SplitSeq(query, "&") {
		if strings.HasPrefix(part, "X-Amz-Signature") && strings.Contains(c.raw.String(), strings.TrimPrefix(part, "X-Amz-Signature=")) {
			t.Error("the spans have the signature of the URL")
		}
	}
}

// checkOthers checks that neither Meta nor the store learns of the trace.
func (w *traced) checkOthers() {
	w.t.Helper()
	for _, name := range []string{"meta", "store"} {
		seen := w.headers.of(name)
		if len(seen) == 0 || slices.ContainsFunc(seen, func(header string) bool { return header != "" }) {
			w.t.Errorf("%s was called with %q", name, seen)
		}
	}
}

// checkCanaries checks that no secret, and nothing of a person, is in spans and metrics.
func (w *traced) checkCanaries() {
	w.t.Helper()
	metrics := w.scrape()
	if !strings.Contains(metrics, "ferry_build_info") {
		w.t.Error("there are no metrics")
	}
	for _, canary := range []string{metaToken, storeSecret, appSecret, webhookSecret, person, objectKey, "canary", "Canary", account, collectorKey} {
		if strings.Contains(w.collector.raw.String(), canary) {
			w.t.Errorf("the spans have %q", canary)
		}
		if strings.Contains(metrics, canary) {
			w.t.Errorf("the metrics have %q", canary)
		}
	}
	if keys := w.collector.keys; len(keys) == 0 || keys[0] != "Bearer "+collectorKey {
		w.t.Errorf("the collector was called with %q", keys)
	}
}

func TestTraceThatIsNotSampledIsNotExported(t *testing.T) {
	w := startTraced(t, "always_off")
	w.post()
	w.hook()
	header := <-w.delivered
	if c := w.exported(); len(c.spans) > 0 {
		t.Errorf("exported: %v", c.spans)
	}
	if !strings.HasSuffix(header, "-00") {
		t.Errorf("the receiver was called with %q; expected the flag of traces that are not sampled", header)
	}
}

// A collector that does not respond holds up neither a call nor a stop.
func TestDeadCollectorHoldsUpNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never responds
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	sampler, err := tracing.ParseSampler("always_on", "")
	if err != nil {
		t.Fatal(err)
	}
	tracer, err := tracing.Open(t.Context(), tracing.Config{Sampler: sampler, Collector: tracing.Collector{URL: "http://" + listener.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, func(c *gateway.Config, _ string) { c.Tracer = tracer })
	begun := time.Now()
	for range 3000 { // more than the queue has room for
		tracer.Append(entryOfATrace())
	}
	if got := status(t, "http://"+g.address+"/readyz"); got != http.StatusOK {
		t.Errorf("/readyz: %d", got)
	}
	g.drain()
	if err := <-g.ended; err != nil {
		t.Error(err)
	}
	if err := tracer.Close(); err == nil {
		t.Error("Close reports no error, although the spans are lost")
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

func entryOfATrace() activity.Entry {
	return activity.Entry{Kind: activity.Call, Operation: "PostWhatsAppMessageMedia", Outcome: activity.OK, Span: activity.ParseTraceParent("00-" + callersTrace + "-00f067aa0ba902b7-01").Child()}
}

func TestMessageIsSentAndReportedInTheTraceOfItsCall(t *testing.T) {
	w := startTraced(t, "")
	_, err := w.client.SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &w.number, MetaApiVersion: aws.String("v25.0"),
		Message: []byte(`{"messaging_product":"whatsapp","to":"+` + person + `","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}}`),
	})
	w.must(err)
	header := <-w.delivered
	<-w.recorded()
	const want = `SendWhatsAppMessage ok
  message ok
  send ok 1
    event ok
    graph send ok
    deliver ok 1
`
	c := w.exported()
	if got := inOrder(c.tree(callersTrace, "00f067aa0ba902b7", "")); got != inOrder(want) {
		t.Errorf("the tree is\n%s", got)
	}
	if header[3:35] != callersTrace {
		t.Errorf("the receiver was called with %s", header)
	}
	w.checkCanaries()
}
