package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"ferry/internal/doctor"
	"ferry/metasim"
)

// The account of the world of these tests.
const (
	doctorAccount = "111122223333"
	doctorWABA    = "102290129340398"
	doctorPhone   = "106540352242922"
	doctorApp     = "634974688087057"
	doctorSecret  = "aabbccddeeff00112233445566778899"
	doctorToken   = "EAAtheTokenOfTheDoctorsTest"
	doctorVerify  = "the-verify-token-of-the-test"
	doctorS3Key   = "the+secret/of+the+store"
	doctorHook    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// doctorSecrets are what no line may contain.
var doctorSecrets = []string{doctorSecret, doctorToken, doctorVerify, doctorS3Key, doctorHook, "?key=", "Signature="}

// A doctorWorld is `ferry serve` in a process of its own, with everything that it needs: the
// simulator of Meta's API, an S3 server, and a webhook as the destination of events. Each can
// be made to fail.
type doctorWorld struct {
	t         *testing.T
	directory string
	sim       *metasim.Server
	meta, s3  *lens
	backend   gofakes3.Backend
	receiver  *lens
	flags     []string // of serve and of doctor
	api       string
}

// A lens is a server that can be changed while it runs.
type lens struct {
	*httptest.Server
	mu      sync.Mutex
	handler http.Handler
}

func startLens(t *testing.T, handler http.Handler) *lens {
	l := &lens{handler: handler}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		next := l.handler
		l.mu.Unlock()
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(l.Close)
	return l
}

// set changes the handler, and returns what undoes that.
func (l *lens) set(handler http.Handler) (undo func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.handler
	l.handler = handler
	return func() { l.set(before) }
}

// aside makes the clock of the server differ.
func (l *lens) aside(by time.Duration) (undo func()) {
	l.mu.Lock()
	next := l.handler
	l.mu.Unlock()
	return l.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		next.ServeHTTP(w, r)
	}))
}

func startDoctorWorld(t *testing.T, database string) *doctorWorld {
	t.Helper()
	w := &doctorWorld{t: t, directory: t.TempDir(), backend: s3mem.New()}
	w.sim = metasim.New(metasim.Config{BusinessAccounts: []metasim.BusinessAccount{{
		ID: doctorWABA, Name: "Lucky Shrub", Token: doctorToken, AppID: doctorApp, AppSecret: doctorSecret,
		PhoneNumbers: []metasim.PhoneNumber{{ID: doctorPhone, DisplayPhoneNumber: "+1 555-078-3881", VerifiedName: "Lucky Shrub", QualityRating: "GREEN"}},
	}}})
	w.meta = startLens(t, w.sim)
	w.s3 = startLens(t, w.store())
	w.receiver = startLens(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if err := w.backend.CreateBucket(t.Context(), "media"); err != nil {
		t.Fatal(err)
	}
	w.put("photo.jpg")
	for name, content := range map[string]string{"token": doctorToken, "app": doctorSecret, "verify": doctorVerify, "s3": doctorS3Key, "hook": doctorHook} {
		w.write(name, content)
	}
	w.must("keyset", "create", w.path("keyset.json"))
	w.flags = []string{
		"--database", database, "--keyset-file", w.path("keyset.json"), "--graph-url", w.meta.URL,
		"--app-secret-file", w.path("app"), "--webhook-verify-token-file", w.path("verify"),
		"--store", w.storeFlag("media", "s3"),
		"--destination", fmt.Sprintf(`{"name":"hook","type":"https","url":"%s/?key=abc","private":true,"secret_files":[%q]}`, w.receiver.URL, w.path("hook")),
	}
	w.link("token")
	w.serve()
	if err := w.sim.SetAppWebhook(t.Context(), doctorApp, w.api+"/webhooks/whatsapp", doctorVerify); err != nil {
		t.Fatal(err)
	}
	return w
}

// store returns an S3 server that knows one key.
func (w *doctorWorld) store() http.Handler {
	return gofakes3.New(w.backend, gofakes3.WithV4Auth(map[string]string{"AKIDOCTOR": doctorS3Key})).Server()
}

// openStore returns an S3 server that knows no keys, and does not see a header.
func (w *doctorWorld) openStore(without string) http.Handler {
	next := gofakes3.New(w.backend).Server()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Header.Del(without)
		next.ServeHTTP(rw, r)
	})
}

// storeFlag returns a store with a bucket and the file of its secret key.
func (w *doctorWorld) storeFlag(bucket, file string) string {
	return fmt.Sprintf(`{"buckets":[%q],"endpoint":%q,"path_style":true,"access_key_id":"AKIDOCTOR","secret_access_key_file":%q}`, bucket, w.s3.URL, w.path(file))
}

func (w *doctorWorld) put(key string) {
	w.t.Helper()
	content := bytes.Repeat([]byte("x"), 5000)
	if _, err := w.backend.PutObject(w.t.Context(), "media", key, map[string]string{"Content-Type": "image/jpeg"}, bytes.NewReader(content), int64(len(content))); err != nil {
		w.t.Fatal(err)
	}
}

func (w *doctorWorld) path(name string) string { return filepath.Join(w.directory, name) }

func (w *doctorWorld) write(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// database returns the database.
func (w *doctorWorld) database() string { return w.flags[1] }

// must runs a command that succeeds.
func (w *doctorWorld) must(arguments ...string) {
	w.t.Helper()
	if output, err := exec.CommandContext(w.t.Context(), "ferry", arguments...).CombinedOutput(); err != nil {
		w.t.Fatalf("ferry %s: %v: %s", arguments[0], err, output)
	}
}

// link links the account with the token in a file.
func (w *doctorWorld) link(file string, more ...string) {
	w.t.Helper()
	w.must(append(append([]string{"account", "link", "--account", doctorAccount, "--waba-id", doctorWABA, "--app-id", doctorApp,
		"--meta-token-file", w.path(file)}, w.flags[:6]...), more...)...)
}

// serve starts the server.
func (w *doctorWorld) serve() {
	w.t.Helper()
	log, err := os.Create(w.path("log"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	command := exec.CommandContext(w.t.Context(), "ferry", append([]string{"serve", "--listen", "127.0.0.1:0"}, w.flags...)...)
	command.Stderr = log
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	address := regexp.MustCompile(`msg=serving address=(\S+) `)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(w.path("log"))
		if found := address.FindSubmatch(text); found != nil {
			w.api = "http://" + string(found[1])
			w.flags = append(w.flags, "--listen", string(found[1]))
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("ferry serve does not start: %s", text)
		}
	}
}

// newToken makes another token of the account, as Meta's sign-up does.
func (w *doctorWorld) newToken() string {
	w.t.Helper()
	code, err := w.sim.Signup(doctorWABA)
	if err != nil {
		w.t.Fatal(err)
	}
	query := url.Values{"client_id": {doctorApp}, "client_secret": {doctorSecret}, "code": {code.Code}}
	response, err := http.Get(w.meta.URL + "/v25.0/oauth/access_token?" + query.Encode())
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	var made struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&made); err != nil || made.Token == "" {
		w.t.Fatal("no token", err)
	}
	return made.Token
}

// A diagnosis is what ferry doctor has printed, and its exit status.
type diagnosis struct {
	results []doctor.Result
	status  int
	text    string
}

// examine runs ferry doctor. Later flags replace those of the world. files is its limit of
// open files; 0 means that of the test.
func (w *doctorWorld) examine(files int, more ...string) (d diagnosis) {
	w.t.Helper()
	arguments := append([]string{"doctor", "--json", "--object", "s3://media/photo.jpg"}, w.flags...)
	for i := 0; i < len(more); i++ { // kong refuses flags that are set twice
		if at := slices.Index(arguments, more[i]); at >= 0 && i+1 < len(more) {
			arguments[at+1] = more[i+1]
			i++
			continue
		}
		arguments = append(arguments, more[i])
	}
	command := exec.CommandContext(w.t.Context(), "ferry", arguments...)
	if files > 0 {
		command = exec.CommandContext(w.t.Context(), "sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d; exec ferry "$@"`, files), "sh"}, arguments...)...)
	}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		d.status = exit.ExitCode()
	} else if err != nil {
		w.t.Fatal(err)
	}
	d.text = stdout.String()
	for line := range strings.Lines(d.text) {
		var r doctor.Result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			w.t.Fatalf("%q is not a result: %v", line, err)
		}
		d.results = append(d.results, r)
	}
	if stderr.Len() > 0 {
		w.t.Errorf("on standard error: %s", stderr.String())
	}
	for _, hidden := range doctorSecrets {
		if strings.Contains(d.text, hidden) {
			w.t.Errorf("a line contains %q: %s", hidden, d.text)
		}
	}
	return d
}

// notOK returns "check status" of each line that is not ok, in their order.
func (d diagnosis) notOK() (lines []string) {
	for _, r := range d.results {
		if r.Status != doctor.OK {
			lines = append(lines, r.Check+" "+string(r.Status))
		}
	}
	return lines
}

// advice returns the texts and the fixes of these lines.
func (d diagnosis) advice() string {
	var text strings.Builder
	for _, r := range d.results {
		if r.Status != doctor.OK {
			fmt.Fprintf(&text, "%s %s %s: %s\n  fix: %s\n", r.Status.Mark(), r.Check, r.Subject, r.Found, r.Fix)
		}
	}
	return text.String()
}

// unsubscribe ends the subscription of the app, as somebody does with the token.
func (w *doctorWorld) unsubscribe(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, w.meta.URL+"/v25.0/"+doctorWABA+"/subscribed_apps", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+doctorToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}
