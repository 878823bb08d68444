package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/internal/postgrestest"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// canaryRun is a server with a canary in each place that holds a secret, and what it does.
type canaryRun struct {
	*secretWorld
	postgres   *postgrestest.Server // nil means SQLite
	metrics    string               // address of the metrics
	console    string
	ofOperator []string // files in which an operator keeps secrets

	traces, recorded, pages, printed *transcript // what was exported, answered, shown and printed
	received                         *transcript // bodies that receivers of events were sent
	requests                         atomic.Int64
}

// newCanaryRun starts the server.
func newCanaryRun(t *testing.T, postgres *postgrestest.Server) *canaryRun {
	w, stores := describeSecrets(t)
	r := &canaryRun{secretWorld: w, postgres: postgres, traces: newTranscript(), recorded: newTranscript(), pages: newTranscript(), printed: newTranscript(), received: newTranscript()}
	hook := []byte("canary-of-the-webhook-key-8831fa")
	for whose, canary := range map[string]string{
		"the app secret": metaSecret, "the verify token": "canaryVerifyToken+41c9/=", "the webhook's secret": base64.StdEncoding.EncodeToString(hook), "the key in the webhook's secret": string(hook),
		"the topic's secret key": "canarySecretOfTheTopic/+b81e77", "the topic's session token": "canarySessionTokenOfTheTopic/+77aa==",
		"the queue's secret key": "canarySecretOfTheQueue/+0c55d1", "the queue's session token": "canarySessionTokenOfTheQueue771d", "the temporary store's secret key": "canarySecretOfTheRole/+5d5d1e",
		"the temporary store's session token": "canarySessionTokenOfTheStore/+1199==", "the collector's key": "canaryKeyOfTheCollector55e1",
		"the code of a sign-up": "canaryCodeOfTheSignUp+8fe2/=",
	} {
		r.secrets[whose] = canary
	}
	w.world = &world{t: t, s3: sharedS3(t), sim: startSimulator(t, metasim.Config{})}
	w.bucket = w.s3.bucket(t, "media")
	w.in = install(t, raceBuild, w.sim)
	if postgres != nil {
		w.in.env = append(w.in.env, "FERRY_DATABASE="+postgres.TCPURL("ferry"))
	}
	r.ofOperator = []string{w.in.file("keyset.json"), w.in.file("ferry.yaml")}
	if postgres != nil {
		r.ofOperator = append(r.ofOperator, postgres.Directory+"/password")
	}
	w.key = w.in.createKey(account)
	w.linked = w.in.link(account, metaAccount, metaToken)
	w.phone = w.linked.PhoneNumbers[0].PhoneNumberID
	r.configure(stores)
	w.ferry = w.in.serve("--config", w.in.file("ferry.yaml"), "--log-level", "debug")
	r.metrics = "http://" + r.listener("metrics")
	w.ferry.url = r.record(w.ferry.url)
	w.complete()
	return r
}

// configure writes ferry's configuration with its secrets, and sets those that are in the environment.
func (r *canaryRun) configure(stores []store) {
	hostile := r.startHostileReceiver()
	asFile := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			r.t.Fatal(err)
		}
		return string(text)
	}
	port, err := freePort()
	if err != nil {
		r.t.Fatal(err)
	}
	r.console = fmt.Sprint("http://127.0.0.1:", port)
	role := members{"buckets": []string{"role-*"}, "endpoint": hostile, "region": region, "path_style": true, "access_key_id": "ASIACANARYOFASTORE",
		"secret_access_key": r.secrets["the temporary store's secret key"], "session_token": r.secrets["the temporary store's session token"]}
	all := []any{role}
	for _, s := range append(stores, r.s3.store()) {
		all = append(all, s)
	}
	destinations := []any{
		members{"name": "log", "type": "file", "path": r.in.file("events.jsonl"), "accounts": []string{account}},
		members{"name": "shop", "type": "https", "url": hostile + "/hook", "private": true, "secrets": []string{"whsec_" + r.secrets["the webhook's secret"]}, "accounts": []string{account}},
		members{"name": "topic", "type": "sns", "topic_arn": "arn:aws:sns:us-east-1:111122223333:topic", "endpoint": hostile, "access_key_id": "ASIACANARYOFATOPIC",
			"secret_access_key": r.secrets["the topic's secret key"], "session_token": r.secrets["the topic's session token"], "accounts": []string{account}},
		members{"name": "queue", "type": "sqs", "queue_url": hostile + "/111122223333/queue", "endpoint": hostile, "region": region, "access_key_id": "ASIACANARYOFAQUEUE",
			"secret_access_key": r.secrets["the queue's secret key"], "session_token": r.secrets["the queue's session token"], "accounts": []string{account}},
	}
	text := fmt.Sprintf("store: %s\ndestination: %s\nmetrics-listen: 127.0.0.1:0\nconsole-listen: %q\nwebhook-verify-token: %q\n",
		asFile(all), asFile(destinations), strings.TrimPrefix(r.console, "http://"), r.secrets["the verify token"])
	if err := os.WriteFile(r.in.file("ferry.yaml"), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	temporary := r.in.file("temporary")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		r.t.Fatal(err)
	}
	r.in.env = append(r.in.env, "TMPDIR="+temporary, "FERRY_APP_SECRET="+metaApp+":"+metaSecret,
		"OTEL_EXPORTER_OTLP_ENDPOINT="+r.startCollector(), "OTEL_EXPORTER_OTLP_HEADERS=x-api-key="+r.secrets["the collector's key"])
}

// startCollector starts a receiver of traces.
func (r *canaryRun) startCollector() string {
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		if got := request.Header.Get("X-Api-Key"); got != r.secrets["the collector's key"] {
			r.t.Errorf("the collector's key is %q", got)
		}
		_, _ = io.Copy(r.traces, request.Body)
	}))
	r.t.Cleanup(collector.Close)
	return collector.URL
}

// startHostileReceiver starts a receiver of events, which is a store, too. It refuses every
// request, and repeats all headers in its response, as a document of S3 or of AWS.
func (r *canaryRun) startHostileReceiver() string {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.requests.Add(1)
		_, _ = io.Copy(r.received, request.Body)
		echo, _ := httputil.DumpRequest(request, false)
		w.Header().Set("X-Amz-Request-Id", request.Header.Get("X-Amz-Security-Token"))
		w.Header().Set("X-Amzn-Errortype", request.Header.Get("X-Amz-Security-Token"))
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		if request.URL.Path == "/hook" {
			_, _ = fmt.Fprintln(w, r.secrets["the webhook's secret"], r.secrets["the key in the webhook's secret"])
		}
		_, _ = fmt.Fprintf(w, "<Error><Code>AccessDenied</Code><Message>%s</Message><RequestId>%s</RequestId></Error>", echo, request.Header.Get("X-Amz-Security-Token"))
	}))
	r.t.Cleanup(receiver.Close)
	return receiver.URL
}

// listener returns the address of a part of the server, which the log has.
func (r *canaryRun) listener(part string) string {
	form := regexp.MustCompile(`"[a-z_]*` + part + `[a-z_]*":"(?:http://)?(127\.0\.0\.1:\d+)`)
	var address string
	eventually(r.t, "the log has the address of the "+part, func() bool {
		if found := form.FindStringSubmatch(r.ferry.stderr.String()); found != nil {
			address = found[1]
		}
		return address != ""
	})
	return address
}

// record puts a proxy before the API, which keeps all responses, and returns its URL.
func (r *canaryRun) record(target string) string {
	to, err := url.Parse(target)
	if err != nil {
		r.t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(to)
			p.Out.Host = p.In.Host // which is signed
		},
		ModifyResponse: func(response *http.Response) error {
			head, err := httputil.DumpResponse(response, true)
			_, _ = r.recorded.Write(head)
			return err
		},
	})
	r.t.Cleanup(proxy.Close)
	return proxy.URL
}

// get returns the body of a page.
func (r *canaryRun) get(url string) string {
	r.t.Helper()
	response, err := http.Get(url)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(body)
}

// command runs a command of ferry, which must end with a status, and keeps what it prints.
func (r *canaryRun) command(want int, args ...string) {
	r.t.Helper()
	stdout, stderr, status := run(r.t, append(r.in.env, r.cliEnv()[len(environment("")):]...), "", r.in.program, args...)
	if status != want {
		r.t.Errorf("ferry %s ended with status %d, want %d: %s", strings.Join(args, " "), status, want, stderr)
	}
	_, _ = fmt.Fprintf(r.printed, "$ ferry %s\n%s%sstatus %d\n", strings.Join(args, " "), stdout, stderr, status)
}

// everything makes the server do all that it does.
func (r *canaryRun) everything() {
	for _, step := range []struct {
		name string
		run  func()
	}{
		{"uploads", func() { r.upload() }}, {"uploads to a faulty Meta", r.uploadToAFaultyMeta}, {"misplaced secrets", r.sendMisplacedSecrets},
		{"commands of a caller", func() { _, _ = io.WriteString(r.printed, r.runCommands()) }}, {"an upload from a store that repeats what it is sent", func() { r.post(fromBucket(r.phone, "role-bucket", "a.jpg")) }},
		{"temporary keys", r.useTemporaryKey}, {"messages and webhooks", r.receiveWebhooks}, {"templates and sign-up", r.manage},
		{"commands of an operator", r.administrate}, {"the console", r.browse},
	} {
		begun := time.Now()
		step.run()
		r.t.Logf("%s: %v", step.name, time.Since(begun).Round(time.Millisecond))
	}
}

// useTemporaryKey uploads with a temporary key, and with parts of it.
func (r *canaryRun) useTemporaryKey() {
	key := exports(mustRun(r.t, r.in.env, r.in.program, "key", "create", "--account", account, "--full-access", "--expires", "1h"))
	id, secret, token := key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"], key["AWS_SESSION_TOKEN"]
	r.secrets["the temporary key's secret"], r.secrets["the temporary key's session token"] = secret, token
	for i, c := range []struct{ id, secret, token string }{{id, secret, token}, {id, secret, ""}, {id, secret, token[1:]}, {id, "wrong", token}, {r.key.id, r.key.secret, token}, {"ASIAUNKNOWN", secret, token}} {
		client := socialmessaging.New(socialmessaging.Options{Region: region, BaseEndpoint: &r.ferry.url, Retryer: aws.NopRetryer{}, Credentials: credentials.NewStaticCredentialsProvider(c.id, c.secret, c.token)})
		if _, err := client.PostWhatsAppMessageMedia(r.t.Context(), r.fromBucket("a.jpg")); (err == nil) != (i == 0) {
			r.t.Errorf("upload %d with a temporary key: %v", i, err)
		}
	}
	successor := exports(mustRun(r.t, r.in.env, r.in.program, "key", "rotate", r.key.id, "--keep", "1h"))
	r.secrets["the successor's secret"] = successor["AWS_SECRET_ACCESS_KEY"]
}

// receiveWebhooks sends messages and receives their statuses and an answer with a picture,
// which is archived. The receivers refuse the events.
func (r *canaryRun) receiveWebhooks() {
	mustRun(r.t, r.in.env, r.in.program, "account", "archive", "--account", account, "s3://"+r.bucket+"/inbound/")
	hook := r.ferry.url + "/webhooks/whatsapp"
	for _, query := range []string{"", "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong", "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + url.QueryEscape(r.secrets["the verify token"])} {
		r.get(hook + query)
	}
	if response, err := http.Post(hook, "application/json", strings.NewReader(`{"entry":[]}`)); err == nil { //nolint:noctx // not signed
		_ = response.Body.Close()
	}
	ctx := r.t.Context()
	r.sim.must(r.sim.control.SetAppWebhook(ctx, metaApp, hook, r.secrets["the verify token"]))
	for range 3 {
		if _, err := r.client().SendWhatsAppMessage(ctx, &socialmessaging.SendWhatsAppMessageInput{OriginationPhoneNumberId: &r.phone, MetaApiVersion: aws.String("v23.0"),
			Message: []byte(`{"messaging_product":"whatsapp","to":"+16505551234","type":"text","text":{"body":"hello"}}`)}); err != nil {
			r.t.Error(err)
		}
	}
	if _, err := r.sim.control.Receive(ctx, metaPhone, metasim.Inbound{From: "16505551234", Image: &metasim.InboundMedia{MIMEType: "image/jpeg", Content: r.file.Data}}); err != nil {
		r.t.Fatal(err)
	}
	eventually(r.t, "the events are in the file, and each receiver was called", func() bool {
		events, _ := os.ReadFile(r.in.file("events.jsonl"))
		return strings.Contains(string(events), "delivered") && strings.Contains(string(events), "inbound/") && r.requests.Load() >= 6
	})
}

// manage calls operations that reach Meta's management API, with mistakes.
func (r *canaryRun) manage() {
	ctx, client := r.t.Context(), r.client()
	_, errs := client.ListWhatsAppMessageTemplates(ctx, &socialmessaging.ListWhatsAppMessageTemplatesInput{Id: &r.linked.ID})
	_, err := client.AssociateWhatsAppBusinessAccount(ctx, &socialmessaging.AssociateWhatsAppBusinessAccountInput{
		SignupCallback: &socialmessaging.WhatsAppSignupCallback{AccessToken: aws.String(r.secrets["the code of a sign-up"])}})
	_, _ = fmt.Fprintln(r.recorded, errs, err)
	for _, code := range []int{190, 100, 131016} {
		r.sim.fault(metasim.Fault{ErrorCode: code, Message: "The token " + metaToken + " is not valid"})
		_, err := client.ListWhatsAppMessageTemplates(ctx, &socialmessaging.ListWhatsAppMessageTemplatesInput{Id: &r.linked.ID})
		_, _ = fmt.Fprintln(r.recorded, err)
		r.sim.clear()
	}
}

// administrate runs the commands of an operator.
func (r *canaryRun) administrate() {
	for _, args := range [][]string{
		{"key", "list"}, {"key", "list", "--json"}, {"account", "list", "--json"}, {"keyset", "show"}, {"logs", "--since", "1h", "--json"}, {"logs", "--since", "1h"},
		{"events", "list", "--json"}, {"events", "destinations"}, {"media", "stats"}, {"version", "--json"}, {"health", "--url", r.ferry.url},
	} {
		r.command(0, args...)
	}
	r.command(1, "doctor", "--config", r.in.file("ferry.yaml"), "--send-test-events") // the receivers refuse them
	r.command(1, "doctor", "--config", r.in.file("ferry.yaml"), "--json")
	r.command(1, "key", "disable", "AKIAUNKNOWN")
	r.command(3, "why", r.sim.allMedia()[0].ID, "--json") // it was not sent
	if r.postgres == nil {
		r.command(0, "backup", r.in.file("backup.db"))
		if _, err := os.Stat(r.in.file("backup.db")); err != nil {
			r.t.Error(err)
		}
	}
}

// browse logs in to the console, and looks at its pages.
func (r *canaryRun) browse() {
	link := strings.TrimSpace(mustRun(r.t, r.in.env, r.in.program, "console", "login", "--role", "admin", "--name", "anna", "--console-url", r.console))
	parsed, err := url.Parse(link)
	if err != nil {
		r.t.Fatal(err)
	}
	token := parsed.Query().Get("token")
	r.secrets["the login of the console"] = token
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	show := func(response *http.Response, err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			r.t.Errorf("%s: status %d", response.Request.URL.Path, response.StatusCode)
		}
		_, _ = io.Copy(r.pages, response.Body)
	}
	response, err := client.PostForm(r.console+"/login", url.Values{"token": {token}})
	show(response, err)
	cookies := jar.Cookies(&url.URL{Scheme: parsed.Scheme, Host: parsed.Host, Path: "/"})
	if len(cookies) == 0 {
		r.t.Fatal("there is no session")
	}
	r.secrets["the session of the console"] = cookies[0].Value
	for _, path := range []string{"/", "/messages", "/media", "/templates", "/timeline", "/events", "/why?id=1", "/admin/accounts", "/admin/keys", "/admin/keys/" + r.key.id, "/admin/stores", "/admin/destinations", "/admin/limits", "/admin/audit"} {
		response, err := client.Get(r.console + path)
		show(response, err)
	}
	for _, target := range []string{"shop", "topic", "queue"} {
		response, err := client.PostForm(r.console+"/admin/destinations/test", url.Values{"target": {target}})
		show(response, err)
	}
	for _, bucket := range []string{r.bucket, r.refused, "role-bucket", "down-bucket"} {
		response, err := client.PostForm(r.console+"/admin/stores/try", url.Values{"bucket": {bucket}, "key": {"a.jpg"}})
		show(response, err)
	}
}
