package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"ferry/internal/gateway"
)

// ownAddress stands for the address of the listener in a request.
const ownAddress = "{own}"

// exchange sends a request as it is written, with lines that end with LF, and
// returns the response.
func exchange(t *testing.T, address, request string) (status int, body string) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := fmt.Fprint(connection, strings.ReplaceAll(strings.ReplaceAll(request, ownAddress, address), "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func access(t *testing.T, hosts, origins []string) gateway.Access {
	t.Helper()
	a, err := gateway.NewAccess(hosts, origins)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// startGuarded starts a gateway with a console, and returns the address of that, too.
func startGuarded(t *testing.T) (g *running, console string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g = start(t, func(c *gateway.Config, _ string) {
		c.Access = access(t, []string{"Ferry.example", "*.tunnel.example", "192.0.2.80", "2001:db8::80"}, []string{"https://app.example", "http://[2001:db8::1]:80"})
		c.Parts = []gateway.Part{{Name: "console", Listener: listener, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})}}
	})
	return g, listener.Addr().String()
}

func TestHealthAndPartsAnswerToTheirOwnHostNamesOnly(t *testing.T) {
	g, console := startGuarded(t)
	for name, test := range map[string]struct {
		host   string
		status int
	}{
		"the address that is called":             {ownAddress, 200},
		"localhost with any port":                {"localhost:1", 200},
		"upper case":                             {"LocalHost", 200},
		"a name below localhost":                 {"a.localhost", 200},
		"another address of loopback":            {"127.1.2.3", 200},
		"the IPv6 address of loopback":           {"[::1]:4080", 200},
		"a configured name":                      {"ferry.example:443", 200},
		"a name under a configured suffix":       {"a.b.tunnel.example", 200},
		"a configured IPv6 address":              {"[2001:db8::80]:4080", 200},
		"a configured address":                   {"192.0.2.80:4080", 200},
		"another name":                           {"evil.example", 421},
		"a name that begins like its own":        {"localhost.evil.example", 421},
		"a name that ends like its own":          {"evillocalhost", 421},
		"a name that ends like a configured one": {"evilferry.example", 421},
		"a configured suffix itself":             {"tunnel.example", 421},
		"a dot at the end":                       {"localhost.", 421},
		"an empty host":                          {"", 421},
		"an empty port":                          {"localhost:", 421},
		"a port that is no number":               {"localhost:http", 421},
		"the unspecified address":                {"0.0.0.0", 421},
		"an address of another machine":          {"192.0.2.1", 421},
		"a short form of an address":             {"127.1", 421},
		"an address in hexadecimal":              {"0x7f000001", 421},
		"IPv6 without brackets":                  {"::1", 421},
		"IPv6 with a zone":                       {"[::1%25lo]", 421},
		"brackets that do not end":               {"[::1", 421},
		"text behind brackets":                   {"[::1]evil.example", 421},
		"several names":                          {"localhost,evil.example", 421},
		"user information":                       {"localhost@evil.example", 400},
	} {
		for address, path := range map[string]string{g.address: "/livez", console: "/"} {
			if got, _ := exchange(t, address, "GET "+path+" HTTP/1.1\nHost: "+test.host+"\nConnection: close\n\n"); got != test.status {
				t.Errorf("%s: %q at %s: %d, want %d", name, test.host, path, got, test.status)
			}
		}
	}
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"an absolute target names the host":    {"GET http://evil.example/ HTTP/1.1\nHost: localhost\n\n", 421},
		"an absolute target with its own name": {"GET http://localhost/ HTTP/1.1\nHost: evil.example\n\n", 200},
		"two Host headers":                     {"GET / HTTP/1.1\nHost: localhost\nHost: localhost\n\n", 400},
		"no Host header":                       {"GET / HTTP/1.1\n\n", 400},
		"a health check without a host":        {"GET / HTTP/1.0\n\n", 200},
		"another name before HTTP/1.1":         {"GET / HTTP/1.0\nHost: evil.example\n\n", 421},
		"a forwarded name does not count":      {"GET / HTTP/1.1\nHost: evil.example\nX-Forwarded-Host: localhost\nForwarded: host=localhost\n\n", 421},
	} {
		if got, _ := exchange(t, console, test.request); got != test.status {
			t.Errorf("%s: %d, want %d", name, got, test.status)
		}
	}
	if _, body := exchange(t, console, "GET / HTTP/1.1\nHost: evil.example\n\n"); !strings.Contains(body, "--host NAME") || !strings.Contains(body, "ferry.example") || !strings.Contains(body, "evil.example") {
		t.Errorf("the refusal does not say what to do: %s", body)
	}
}

// No signature of a request is valid for another host, so the API needs no list.
func TestSignedAPIAnswersToAnyHostName(t *testing.T) {
	g, _ := startGuarded(t)
	if got, body := exchange(t, g.address, "GET /v1/whatsapp/waba/list HTTP/1.1\nHost: evil.example\nConnection: close\n\n"); got != http.StatusForbidden || !strings.Contains(body, "Missing Authentication Token") {
		t.Errorf("%d %s", got, body)
	}
}

// Behind a port mapping the address in Host is another one than that of the
// connection.
func TestAnyAddressIsAcceptedOnAConnectionThatIsNotLoopback(t *testing.T) {
	own := machineAddress(t)
	listener, err := net.Listen("tcp", net.JoinHostPort(own, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(gateway.Access{}.Unsigned(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	for host, want := range map[string]int{
		ownAddress: 200, "192.0.2.1:8080": 200, "[2001:db8::1]": 200, "localhost": 200, "127.0.0.1:8080": 200,
		"0.0.0.0": 421, "[::]": 421, "evil.example": 421, "ferry.internal": 421,
	} {
		if got, _ := exchange(t, listener.Addr().String(), "GET / HTTP/1.1\nHost: "+host+"\nConnection: close\n\n"); got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
	}
}

// machineAddress returns an address of this machine that is not loopback.
func machineAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(addresses, func(a net.Addr) bool {
		network, ok := a.(*net.IPNet)
		return ok && network.IP.To4() != nil && !network.IP.IsLoopback()
	})
	if at < 0 {
		t.Skipf("this machine has only loopback addresses (%s)", runtime.GOOS)
	}
	return addresses[at].(*net.IPNet).IP.String()
}

// The headers are those that browsers send (Fetch, Fetch Metadata).
func TestWebPagesOfOtherOriginsDoNotReachUnsignedListeners(t *testing.T) {
	g, console := startGuarded(t)
	for name, test := range map[string]struct {
		headers string
		status  int
	}{
		"a program":             {"", 200},
		"its own page":          {"Origin: http://{own}\nSec-Fetch-Site: same-origin\n", 200},
		"the address bar":       {"Sec-Fetch-Site: none\n", 200},
		"an allowed page":       {"Origin: https://app.example\nSec-Fetch-Site: cross-site\n", 200},
		"an allowed IPv6 page":  {"Origin: http://[2001:db8::1]\n", 200},
		"a foreign page":        {"Origin: http://evil.example\n", 403},
		"an image of a page":    {"Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors\n", 403},
		"a link on a page":      {"Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\n", 403},
		"another port":          {"Origin: http://localhost:3000\nSec-Fetch-Site: same-site\n", 403},
		"an opaque origin":      {"Origin: null\n", 403},
		"user information":      {"Origin: http://evil@{own}\n", 403},
		"its own host as user":  {"Origin: http://{own}@evil.example\n", 403},
		"another scheme":        {"Origin: https://{own}\n", 403},
		"an extension":          {"Origin: chrome-extension://{own}\n", 403},
		"no scheme":             {"Origin: {own}\n", 403},
		"a path":                {"Origin: http://{own}/\n", 403},
		"an empty origin":       {"Origin:\n", 403},
		"two origins":           {"Origin: http://{own}\nOrigin: http://evil.example\n", 403},
		"an allowed page, too":  {"Origin: https://app.example\nOrigin: http://evil.example\n", 403},
		"an allowed host, http": {"Origin: http://app.example\n", 403},
		"a word to come":        {"Sec-Fetch-Site: new-word\n", 403},
	} {
		for address, path := range map[string]string{g.address: "/livez", console: "/"} {
			for _, method := range []string{"GET", "POST"} {
				if path == "/livez" && method == "POST" { // is no health check
					continue
				}
				got, _ := exchange(t, address, method+" "+path+" HTTP/1.1\nHost: {own}\nContent-Length: 0\nConnection: close\n"+test.headers+"\n")
				if got != test.status {
					t.Errorf("%s: %s %s: %d, want %d", name, method, path, got, test.status)
				}
			}
		}
	}
}

func TestHostOfHTTP2IsItsAuthority(t *testing.T) {
	server := httptest.NewUnstartedServer(gateway.Access{}.Unsigned(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, test := range map[string]struct {
		host, origin string
		status       int
	}{
		"its own":                        {"", "", 200},
		"localhost":                      {"localhost", "", 200},
		"another":                        {"evil.example", "", 421},
		"its own page":                   {"", server.URL, 200},
		"its own page, if it had no TLS": {"", strings.Replace(server.URL, "https", "http", 1), 403},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Host = test.host; test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.ProtoMajor != 2 || response.StatusCode != test.status {
			t.Errorf("%s: %s %d, want %d", name, response.Proto, response.StatusCode, test.status)
		}
	}
}

// net/http keeps a Host header beside HTTP/2's authority.
func TestRequestWithTwoHostsIsRefused(t *testing.T) {
	for other, want := range map[string]bool{"localhost": true, "evil.example": false} {
		r := httptest.NewRequest(http.MethodGet, "https://localhost/", nil)
		r.Host, r.Header["Host"] = "localhost", []string{other}
		if got := (gateway.Access{}).AllowsHost(r); got != want {
			t.Errorf("localhost and %s: %v", other, got)
		}
	}
}

func TestHostsAndOriginsThatAreNoneAreReported(t *testing.T) {
	for _, host := range []string{"", "ferry.example:80", "http://ferry.example", "*", "*.*.example", "ferry.example/x", "a@b", "ferry.example."} {
		if _, err := gateway.NewAccess([]string{host}, nil); err == nil {
			t.Errorf("the host %q is accepted", host)
		}
	}
	for _, origin := range []string{"", "app.example", "https://app.example/", "*", "null", "https://a@app.example", "ftp://app.example"} {
		if _, err := gateway.NewAccess(nil, []string{origin}); err == nil {
			t.Errorf("the origin %q is accepted", origin)
		}
	}
}

func TestSignedServersOfADeveloperMayBeCalledFromPagesOfTheMachine(t *testing.T) {
	a := access(t, nil, []string{"https://app.example"})
	for origin, want := range map[string]bool{
		"http://localhost:3000": true, "https://localhost": true, "http://shop.localhost:8080": true, "http://127.0.0.1:3000": true, "http://[::1]:3000": true,
		"https://app.example": true, "https://app.example:443": true,
		"http://app.example": false, "https://evil.example": false, "null": false, "": false, "http://localhost.evil.example": false, "http://x@localhost": false, "http://10.0.0.1": false,
	} {
		if got := a.AllowsOrigin(origin); got != want {
			t.Errorf("%q: %v, want %v", origin, got, want)
		}
	}
}
