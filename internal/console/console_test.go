package console_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"ferry/internal/activity"
	"ferry/internal/console"
	"ferry/internal/gateway"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
	"ferry/metasim"
)

const (
	account = "102290129340398"
	number  = "106540352242922"
	anna    = "16505551234"
)

// world is a console with a simulator, behind the rules of the gateway.
type world struct {
	t       *testing.T
	sim     *metasim.Server
	db      *state.DB
	console *console.Console
	url     string
	client  *http.Client
	log     *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, change ...func(*console.Config)) *world {
	t.Helper()
	sim := metasim.New(metasim.Config{BusinessAccounts: []metasim.BusinessAccount{{
		ID: account, Token: "token", AppID: "634974688087057", AppSecret: "secret", OwnerBusinessID: "1",
		PhoneNumbers: []metasim.PhoneNumber{{ID: number, DisplayPhoneNumber: "+1 555-078-3881"}, {ID: "106540352242955", DisplayPhoneNumber: "+1 555-078-3882"}},
	}}, OpenWindows: true, MessageDelays: metasim.MessageDelays{Sent: -1}})
	ctx, stop := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { _ = sim.RunBackground(ctx) })
	db := statetest.Open(t)
	log := &lockedBuffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	config := console.Config{State: db, Activity: activity.NewRecorder(logger), Simulator: sim, Logger: logger}
	for _, f := range change {
		f(&config)
	}
	c, err := console.New(config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(gateway.Access{}.Unsigned(c))
	if config.NeedsLogin {
		server.StartTLS() // a cookie of a secure origin
	} else {
		server.Start()
	}
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		c.Drain()
		server.Close()
		stop()
		background.Wait()
		_ = sim.Close()
	})
	return &world{t: t, sim: sim, db: db, console: c, url: server.URL, client: client, log: log}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) send(method, path, contentType string, body io.Reader, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], strings.ReplaceAll(headers[i+1], "{own}", strings.TrimPrefix(strings.TrimPrefix(w.url, "https://"), "http://")))
	}
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

func (w *world) get(path string, headers ...string) answer {
	w.t.Helper()
	return w.send(http.MethodGet, path, "", nil, headers...)
}

// post sends a form with fields, name and value in turn.
func (w *world) post(path string, fields ...string) answer {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return w.send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// upload sends a message with a file.
func (w *world) upload(name, contentType string, content []byte, fields ...string) answer {
	w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = form.WriteField(fields[i], fields[i+1])
	}
	part, err := form.CreatePart(map[string][]string{"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename=%q`, name)}, "Content-Type": {contentType}})
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = part.Write(content)
	_ = form.Close()
	return w.send(http.MethodPost, "/phone/"+anna+"/send", form.FormDataContentType(), &body)
}

// business sends a message of the business to Anna and returns its id.
func (w *world) business(content map[string]any) string {
	w.t.Helper()
	content["messaging_product"], content["to"] = "whatsapp", anna
	text, err := json.Marshal(content)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/v25.0/"+number+"/messages", bytes.NewReader(text))
	r.Header.Set("Authorization", "Bearer token")
	r.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	w.sim.ServeHTTP(recorder, r)
	var result struct{ Messages []struct{ ID string } }
	if err := json.Unmarshal(recorder.Body.Bytes(), &result); err != nil || len(result.Messages) != 1 {
		w.t.Fatalf("%d %s", recorder.Code, recorder.Body)
	}
	return result.Messages[0].ID
}

func (a answer) want(t *testing.T, status int, contains ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	for _, text := range contains {
		if !strings.Contains(a.body, text) && !strings.Contains(html.UnescapeString(a.body), text) {
			t.Errorf("%q is not in the response: %s", text, a.body)
		}
	}
}

func TestEveryPageIsShownWithTheHeadersThatKeepItSafe(t *testing.T) {
	w := start(t)
	w.post("/phone", "wa_id", anna, "name", "Anna").want(t, http.StatusSeeOther)
	for _, path := range []string{"/phone", "/phone/" + anna, "/messages", "/templates", "/media", "/world", "/nowhere"} {
		a := w.get(path)
		if want := map[bool]int{true: 404, false: 200}[path == "/nowhere"]; a.status != want {
			t.Errorf("%s: %d, want %d: %s", path, a.status, want, a.body)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; frame-src 'self'; " +
				"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types ferry",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if len(a.body) > 100_000 {
			t.Errorf("%s has %d bytes", path, len(a.body))
		}
	}
}

func TestPeopleAreListedWithTheLastMessageAlsoIfItIsTheFirst(t *testing.T) {
	w := start(t)
	w.post("/phone", "wa_id", "16505550001", "name", "Bruno").want(t, http.StatusSeeOther)
	w.business(map[string]any{"type": "text", "text": map[string]any{"body": "The first one"}}) // which makes Anna a person
	if err := w.sim.SetStatus(w.sim.Messages()[0].ID, "delivered", 0); err != nil {
		t.Fatal(err)
	}
	a := w.get("/phone/" + anna)
	a.want(t, http.StatusOK, `<bdi>The first one</bdi>`, `<bdi>&#43;16505550001</bdi>`)
}

func TestPagesOfOtherOriginsAndOtherNamesAreRefused(t *testing.T) {
	w := start(t)
	w.post("/phone", "wa_id", anna).want(t, http.StatusSeeOther)
	for name, c := range map[string]struct {
		status  int
		headers []string
	}{
		"a program":                    {200, nil},
		"its own page":                 {200, []string{"Origin", "http://{own}", "Sec-Fetch-Site", "same-origin"}},
		"the address bar":              {200, []string{"Sec-Fetch-Site", "none"}},
		"a foreign page":               {403, []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}},
		"a foreign page, no metadata":  {403, []string{"Origin", "http://evil.example"}},
		"an opaque origin":             {403, []string{"Origin", "null"}},
		"its own host as user":         {403, []string{"Origin", "http://{own}@evil.example"}},
		"user information":             {403, []string{"Origin", "http://evil@{own}"}},
		"another scheme":               {403, []string{"Origin", "https://{own}"}},
		"another port":                 {403, []string{"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"}},
		"no origin, cross-site":        {403, []string{"Sec-Fetch-Site", "cross-site"}},
		"no origin, same-site":         {403, []string{"Sec-Fetch-Site", "same-site"}},
		"a rebound name":               {421, []string{"Host", "evil.example"}},
		"a rebound name, its own page": {421, []string{"Host", "evil.example", "Origin", "http://evil.example", "Sec-Fetch-Site", "same-origin"}},
	} {
		for _, path := range []string{"/phone/" + anna, "/stream", "/media/1/view"} {
			if path == "/stream" && c.status == 200 || path == "/media/1/view" && c.status == 200 {
				continue
			}
			if a := w.get(path, c.headers...); a.status != c.status {
				t.Errorf("%s: GET %s: %d, want %d", name, path, a.status, c.status)
			}
		}
		before := len(w.sim.Written(number, anna))
		a := w.send(http.MethodPost, "/phone/"+anna+"/send", "application/x-www-form-urlencoded", strings.NewReader("text=Hello"), c.headers...)
		sent := len(w.sim.Written(number, anna)) > before
		if want := c.status == 200; sent != want || want != (a.status == http.StatusSeeOther) {
			t.Errorf("%s: POST: %d, sent: %v", name, a.status, sent)
		}
	}
	for _, contentType := range []string{"", "text/plain", "application/json"} {
		w.send(http.MethodPost, "/phone/"+anna+"/send", contentType, strings.NewReader("text=Hello")).want(t, http.StatusUnsupportedMediaType)
	}
	for _, path := range []string{"/phone/" + anna + "/send?text=Hello", "/world/reset?sure=1", "/world/clock?do=stop"} {
		if a := w.get(path); a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, a.status)
		}
	}
}

// The console has these rules by itself, too, without the gateway's.
func TestConsoleRefusesForeignPagesItself(t *testing.T) {
	w := start(t)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r := httptest.NewRequest(method, "http://127.0.0.1/world/clock", strings.NewReader("do=stop"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		recorder := httptest.NewRecorder()
		w.console.ServeHTTP(recorder, r)
		if recorder.Code != http.StatusForbidden || !w.sim.Clock().Running {
			t.Errorf("%s: %d", method, recorder.Code)
		}
	}
}

func TestEveryChangeIsRecorded(t *testing.T) {
	w := start(t)
	w.post("/phone", "wa_id", anna, "name", "Anna")
	w.post("/phone/"+anna+"/change", "blocks", "true")
	w.post("/world/clock", "do", "backwards").want(t, http.StatusBadRequest, "backwards", "expected")
	for _, want := range []string{
		"msg=admin request_id=\"\" operation=AddPerson", "operation=ChangePerson", `text="16505551234 blocks: no → yes"`, "by=developer", "operation=ChangeClock", "outcome=refused",
	} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, w.log)
		}
	}
}

func TestStreamSaysWhatHasChangedAndEndsWithTheServer(t *testing.T) {
	w := start(t)
	response, err := w.client.Get(w.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); response.StatusCode != 200 || got != "text/event-stream" {
		t.Fatalf("%d %s", response.StatusCode, got)
	}
	lines := bufio.NewScanner(response.Body)
	next := func(prefix string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), prefix) {
				return
			}
		}
		t.Fatalf("the stream ended before %q", prefix)
	}
	next("retry: 500")
	next("data: world") // what was before is not known
	w.post("/world/clock", "do", "stop").want(t, http.StatusSeeOther)
	next("data: world")
	w.console.Drain()
	for lines.Scan() { // until it ends
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	w := start(t)
	for range console.MaxStreams {
		response, err := w.client.Get(w.url + "/stream")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
	}
	a := w.get("/stream")
	a.want(t, http.StatusServiceUnavailable, "streams already")
	if a.header.Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
}

// login logs in with a role, and returns the cookie.
func (w *world) login(role string) string {
	w.t.Helper()
	token, err := w.db.AddConsoleLogin(w.t.Context(), state.ConsoleUser{Name: "anna", Role: role})
	if err != nil {
		w.t.Fatal(err)
	}
	w.get("/login?token="+token.Reveal()).want(w.t, http.StatusOK, token.Reveal())
	a := w.post("/login", "token", token.Reveal())
	cookie, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
	if err != nil || a.status != http.StatusSeeOther {
		w.t.Fatalf("%d %v %s", a.status, err, a.body)
	}
	if cookie.Name != "__Host-ferry" || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" {
		w.t.Errorf("the cookie is %v", cookie)
	}
	w.post("/login", "token", token.Reveal()).want(w.t, http.StatusForbidden, "has been used")
	return cookie.Name + "=" + cookie.Value
}

func TestNothingIsShownWithoutALoginAndRolesDecideWhatMayBeDone(t *testing.T) {
	w := start(t, func(c *console.Config) { c.NeedsLogin = true })
	for _, path := range []string{"/", "/phone", "/world", "/nowhere"} {
		if a := w.get(path); a.status != http.StatusSeeOther || a.header.Get("Location") != "/login" {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Location"))
		}
	}
	w.get("/stream").want(t, http.StatusUnauthorized)
	w.get("/phone", "Ferry-Parts", "people-part").want(t, http.StatusUnauthorized)
	w.post("/world/clock", "do", "stop").want(t, http.StatusUnauthorized, "ferry console login")
	viewer, admin := w.login("viewer"), w.login("admin")
	w.get("/world", "Cookie", viewer).want(t, http.StatusOK, "Faults", "anna, viewer")
	form := "application/x-www-form-urlencoded"
	w.send(http.MethodPost, "/world/clock", form, strings.NewReader("do=stop"), "Cookie", viewer).want(t, http.StatusForbidden, "needs the role admin")
	w.send(http.MethodPost, "/world/clock", form, strings.NewReader("do=stop"), "Cookie", admin).want(t, http.StatusSeeOther)
	w.get("/world", "Cookie", "__Host-ferry=guess").want(t, http.StatusSeeOther)
	w.get("/world", "Cookie", admin+"; "+viewer).want(t, http.StatusSeeOther)
	w.send(http.MethodPost, "/logout", form, strings.NewReader(""), "Cookie", admin, "Origin", "https://evil.example").want(t, http.StatusForbidden)
	w.send(http.MethodPost, "/logout", form, strings.NewReader(""), "Cookie", admin).want(t, http.StatusSeeOther)
	w.get("/world", "Cookie", admin).want(t, http.StatusSeeOther)
}

func TestTooManyLoginsAtOnceAreRefused(t *testing.T) {
	w := start(t, func(c *console.Config) { c.NeedsLogin = true })
	last := 0
	for range 20 {
		last = w.post("/login", "token", "guess").status
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the twentieth guess: %d", last)
	}
}

func TestTokenOfTheProcessLogsInMoreThanOnce(t *testing.T) {
	w := start(t, func(c *console.Config) { c.NeedsLogin, c.Token = true, secret.New("token-of-the-process") })
	for range 2 {
		w.post("/login", "token", "token-of-the-process").want(t, http.StatusSeeOther)
	}
	w.post("/login", "token", "").want(t, http.StatusForbidden)
}
