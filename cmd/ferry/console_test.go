package main

import (
	"bytes"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// consoleServer is a `ferry serve` with a console, in a process of its own.
type consoleServer struct {
	t                *testing.T
	directory        string
	database, keyset string
	log              string // file
	api, url         string
	command          *exec.Cmd
}

// startConsoleServer starts a server with a console, and further flags.
func startConsoleServer(t *testing.T, flags ...string) *consoleServer {
	t.Helper()
	directory := t.TempDir()
	s := &consoleServer{t: t, directory: directory, database: statetest.Path(t), keyset: filepath.Join(directory, "keyset.json"), log: filepath.Join(directory, "log")}
	s.ferry("keyset", "create", s.keyset)
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.command = exec.CommandContext(t.Context(), "ferry", append([]string{"serve", "--listen", "127.0.0.1:0", "--console-listen", "127.0.0.1:0"}, flags...)...)
	s.command.Env, s.command.Stderr = s.environment(), log
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.command.Process.Kill(); _ = s.command.Wait() })
	addresses := regexp.MustCompile(`msg=serving address=(\S+) .* console=(\S+) `)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if found := addresses.FindStringSubmatch(s.logged()); found != nil {
			s.api, s.url = "http://"+found[1], "http://"+found[2]
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("ferry serve does not start: %s", s.logged())
		}
	}
}

func (s *consoleServer) environment(more ...string) []string {
	return append(append(os.Environ(), "FERRY_DATABASE="+s.database, "FERRY_KEYSET_FILE="+s.keyset, "HOME="+s.directory), more...)
}

func (s *consoleServer) logged() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// ferry runs a command and returns its standard output.
func (s *consoleServer) ferry(args ...string) string {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), "ferry", args...)
	command.Env = s.environment()
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		s.t.Fatalf("ferry %s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(output)
}

// page is a response of the console.
type page struct {
	status int
	header http.Header
	text   string // of the body, without escapes of HTML
}

// send sends a request to the console; a body is that of a form. "Host" among the headers
// is the name by which the console is called.
func (s *consoleServer) send(method, path, cookie string, body url.Values, headers ...string) page {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost { // as a browser does
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", s.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	r.Header.Del("Host")
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return page{response.StatusCode, response.Header, html.UnescapeString(string(text))}
}

func (s *consoleServer) get(path, cookie string, headers ...string) page {
	s.t.Helper()
	return s.send(http.MethodGet, path, cookie, nil, headers...)
}

func (p page) want(t *testing.T, status int, contains ...string) {
	t.Helper()
	if p.status != status {
		t.Errorf("status %d, want %d: %s", p.status, status, p.text)
	}
	for _, text := range contains {
		if !strings.Contains(p.text, text) {
			t.Errorf("%q is not on the page: %s", text, p.text)
		}
	}
}

// link returns the path and the token of a link that logs in.
func (s *consoleServer) link(role string) (path string, token url.Values) {
	s.t.Helper()
	output := strings.TrimSpace(s.ferry("console", "login", "--console-url", s.url, "--role", role, "--name", "anna"))
	u, err := url.Parse(output)
	if err != nil || s.url != u.Scheme+"://"+u.Host || u.Path != "/login" {
		s.t.Fatalf("the link is %q (%v)", output, err)
	}
	return u.RequestURI(), url.Values{"token": {u.Query().Get("token")}}
}

// logIn follows a link, and returns the cookie.
func (s *consoleServer) logIn(role string) string {
	s.t.Helper()
	path, token := s.link(role)
	s.get(path, "").want(s.t, http.StatusOK, "Log in", token.Get("token"))
	// A page of another origin must not log anybody in, and does not use the link up.
	s.send(http.MethodPost, "/login", "", token, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").want(s.t, http.StatusForbidden)
	p := s.send(http.MethodPost, "/login", "", token)
	cookie, err := http.ParseSetCookie(p.header.Get("Set-Cookie"))
	if err != nil || p.status != http.StatusSeeOther || p.header.Get("Location") != "/" {
		s.t.Fatalf("%d %v %s", p.status, err, p.text)
	}
	s.send(http.MethodPost, "/login", "", token).want(s.t, http.StatusForbidden, "This link has been used")
	return cookie.Name + "=" + cookie.Value
}

var (
	consolePages = []string{"/", "/timeline", "/events", "/admin/accounts", "/admin/keys", "/admin/stores", "/admin/destinations", "/admin/limits", "/admin/audit"}
	newKey       = regexp.MustCompile(`AWS_ACCESS_KEY_ID='(AKIA[A-Z2-7]{16})'\s+export AWS_SECRET_ACCESS_KEY='([A-Za-z0-9/+]{40})'`)
)

func TestConsoleOfServeFromTheLinkToTheLogout(t *testing.T) {
	s := startConsoleServer(t)
	for _, path := range consolePages {
		if p := s.get(path, ""); p.status != http.StatusSeeOther || p.header.Get("Location") != "/login" {
			t.Errorf("%s without a login: %d %s", path, p.status, p.header.Get("Location"))
		}
	}
	admin := s.logIn("admin")
	for _, path := range consolePages {
		s.get(path, admin).want(t, http.StatusOK, "anna, admin", "Log out")
	}

	// A key that is made in the console opens the API; its secret is nowhere else.
	create := url.Values{"account": {"111122223333"}, "name": {"shop"}, "access": {"full"}}
	made := s.send(http.MethodPost, "/admin/keys", admin, create)
	made.want(t, http.StatusOK, "The key is created")
	key := newKey.FindStringSubmatch(made.text)
	if key == nil {
		t.Fatalf("the page shows no key: %s", made.text)
	}
	s.callWith(key[1], key[2], "linkedAccounts")
	if list := s.ferry("key", "list"); !strings.Contains(list, key[1]) || strings.Contains(list, key[2]) {
		t.Errorf("ferry key list prints %s", list)
	}
	if log := s.logged(); strings.Contains(log, key[2]) || !strings.Contains(log, "operation=CreateKey") || !strings.Contains(log, "by=anna") {
		t.Errorf("the log is %s", log)
	}
	s.await("/admin/audit", admin, key[1], "none → user shop, full access")
	s.get("/admin/keys", admin).want(t, http.StatusOK, key[1], `used <time datetime="20`)
	if strings.Contains(s.ferry("key", "list", "--json"), "lastUsed") {
		t.Error("the use was recorded at once: a write for each call")
	}

	// Another role may look, and change nothing.
	viewer := s.logIn("viewer")
	s.get("/admin/keys", viewer).want(t, http.StatusOK, key[1], "Changes here need the role admin")
	s.send(http.MethodPost, "/admin/keys", viewer, create).want(t, http.StatusForbidden, "needs the role admin")
	s.send(http.MethodPost, "/admin/keys/"+key[1]+"/delete", viewer, url.Values{"sure": {"1"}}).want(t, http.StatusForbidden)

	// Other names of the server, and pages of other origins, are refused.
	for name, headers := range map[string][]string{
		"a rebound name": {"Host", "evil.example", "Origin", "http://evil.example"}, "another page": {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
		"an opaque page": {"Origin", "null"}, "another port": {"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"},
	} {
		want := http.StatusForbidden
		if headers[0] == "Host" {
			want = http.StatusMisdirectedRequest
		}
		for _, p := range []page{s.get("/admin/keys", admin, headers...), s.send(http.MethodPost, "/admin/keys", admin, create, headers...), s.send(http.MethodPost, "/logout", admin, nil, headers...)} {
			if p.status != want || strings.Contains(p.text, key[1]) {
				t.Errorf("%s: %d, want %d", name, p.status, want)
			}
		}
	}

	s.send(http.MethodPost, "/logout", admin, nil).want(t, http.StatusSeeOther)
	s.get("/admin/keys", admin).want(t, http.StatusSeeOther)
	s.get("/admin/keys", viewer).want(t, http.StatusOK)
	if _, err := s.open().ConsoleSession(t.Context(), strings.TrimPrefix(admin, "__Host-ferry=")); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("the session after the logout: %v", err)
	}
	if err := s.command.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := s.command.Wait(); err != nil {
		t.Errorf("the server ended with %v: %s", err, s.logged())
	}
	if list := s.ferry("key", "list", "--json"); !strings.Contains(list, `"lastUsed":"20`) {
		t.Errorf("the stop has not recorded the use of the key: %s", list)
	}
}

// callWith calls the API with a key.
func (s *consoleServer) callWith(id, secretKey, contains string) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), "ferry", "call", "ListLinkedWhatsAppBusinessAccounts")
	command.Env = s.environment("AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secretKey, "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL_SOCIALMESSAGING="+s.api)
	if output, err := command.CombinedOutput(); err != nil || !strings.Contains(string(output), contains) {
		s.t.Errorf("%v: %s", err, output)
	}
}

// await waits until a page has texts: the journal writes its entries a moment later.
func (s *consoleServer) await(path, cookie string, contains ...string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		p, missing := s.get(path, cookie), ""
		for _, text := range contains {
			if !strings.Contains(p.text, text) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%q does not appear on %s: %s", missing, path, p.text)
		}
	}
}

// open opens the database of the server.
func (s *consoleServer) open() *state.DB {
	s.t.Helper()
	text, err := os.ReadFile(s.keyset)
	if err != nil {
		s.t.Fatal(err)
	}
	sealer, err := secret.NewSealer(secret.New(string(text)))
	if err != nil {
		s.t.Fatal(err)
	}
	db, err := state.Open(s.t.Context(), state.Config{Path: s.database, Sealer: sealer})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestProxyNamesPeopleToTheConsoleOfServe(t *testing.T) {
	s := startConsoleServer(t, "--console-trust-header", "X-Forwarded-User", "--console-trust-proxy", "127.0.0.1")
	s.get("/admin/keys", "").want(t, http.StatusSeeOther)
	s.get("/admin/keys", "", "X-Forwarded-User", "anna@example.com").want(t, http.StatusOK, "anna@example.com, viewer")
	s.get("/admin/keys", "", "X-Forwarded-User", "anna, bruno").want(t, http.StatusForbidden, "more than one value")
	s = startConsoleServer(t, "--console-trust-header", "X-Forwarded-User", "--console-trust-proxy", "10.1.0.0/16", "--console-trust-role", "admin")
	s.get("/admin/keys", "", "X-Forwarded-User", "anna").want(t, http.StatusForbidden, "does not come from a proxy that may send it")
}

func TestMistakesInTheFlagsOfTheConsoleAreReported(t *testing.T) {
	for _, row := range []struct {
		flags []string
		says  string
	}{
		{[]string{"--console-trust-header", "X-Person", "--console-trust-proxy", "10.0.0.7"}, "--console-listen is not"},
		{[]string{"--console-listen", "127.0.0.1:0", "--console-trust-header", "X-Person"}, "belong together"},
		{[]string{"--console-listen", "127.0.0.1:0", "--console-trust-proxy", "10.0.0.7"}, "belong together"},
		{[]string{"--console-listen", "127.0.0.1:0", "--console-trust-header", "Cookie", "--console-trust-proxy", "10.0.0.7"}, "which browsers send"},
		{[]string{"--console-listen", "127.0.0.1:0", "--console-trust-header", "X-Person", "--console-trust-proxy", "everywhere"}, `--console-trust-proxy is "everywhere"`},
		{[]string{"--console-listen", "127.0.0.1:0", "--console-trust-header", "X-Person", "--console-trust-proxy", "0.0.0.0/0"}, "not the network of a proxy"},
		{[]string{"--console-listen", "0.0.0.0:0"}, "--plain-http"},
		{[]string{"--console-url", "https://ferry.example.com"}, "--console-listen is not"},
	} {
		keyset := filepath.Join(t.TempDir(), "keyset.json")
		if output, err := exec.CommandContext(t.Context(), "ferry", "keyset", "create", keyset).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		command := exec.CommandContext(t.Context(), "ferry", append([]string{"serve", "--listen", "127.0.0.1:0", "--database", filepath.Join(t.TempDir(), "ferry.db"), "--keyset-file", keyset}, row.flags...)...)
		if output, err := command.CombinedOutput(); err == nil || !strings.Contains(string(output), row.says) {
			t.Errorf("%v: %v: %s", row.flags, err, output)
		}
	}
}
