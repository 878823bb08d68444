package metasim

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// exchange sends a request as it is written, with lines that end with LF, and
// returns the status of the response.
func exchange(t *testing.T, address, request string) int {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := fmt.Fprint(connection, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// ownAddress stands for the address of the listener in a request.
const ownAddress = "{own}"

var hostTests = []struct {
	name, host string
	status     int
}{
	{"the address that is called", ownAddress, 200},
	{"localhost with any port", "localhost:1", 200},
	{"localhost without a port", "localhost", 200},
	{"a name below localhost", "bucket.localhost:4081", 200},
	{"upper case", "LocalHost", 200},
	{"another address of loopback", "127.1.2.3:4081", 200},
	{"the IPv6 address of loopback", "[::1]:4081", 200},
	{"loopback in an IPv6 address", "[::ffff:127.0.0.1]", 200},
	{"the Graph API", "graph.facebook.com", 200},
	{"the media host", "lookaside.fbsbx.com:443", 200},
	{"a configured name", "ferry.example", 200},
	{"a name under a configured suffix", "a.b.tunnel.example:8443", 200},
	{"the host of PublicURL", "public.example", 200},

	{"another name", "evil.example", 421},
	{"another name with a port", "evil.example:4081", 421},
	{"a name that begins like its own", "localhost.evil.example", 421},
	{"a name that ends like its own", "evillocalhost", 421},
	{"a configured suffix itself", "tunnel.example", 421},
	{"a name that ends like a configured one", "evilferry.example", 421},
	{"a subdomain of the Graph API", "evil.graph.facebook.com", 421},
	{"a dot at the end", "localhost.", 421},
	{"a dot at the beginning", ".localhost", 421},
	{"an empty host", "", 421},
	{"a port alone", ":4081", 421},
	{"an empty port", "localhost:", 421},
	{"a port that is no number", "localhost:http", 421},
	{"two ports", "localhost:1:2", 421},
	{"the unspecified address", "0.0.0.0:4081", 421},
	{"an address of another machine", "192.0.2.1", 421},
	{"a short form of an address", "127.1", 421},
	{"an address in hexadecimal", "0x7f000001", 421},
	{"an address as one number", "2130706433", 421},
	{"IPv6 without brackets", "::1", 421},
	{"IPv6 with a zone", "[::1%25lo]", 421},
	{"brackets that do not end", "[::1", 421},
	{"text behind brackets", "[::1]evil.example", 421},
	{"IPv4 in brackets", "[127.0.0.1]", 421},
	{"several names", "localhost,evil.example", 421},
	{"user information", "localhost@evil.example", 400},
	{"user information of its own name", "evil.example@localhost", 400},
}

func TestOnlyOwnHostNamesAreAnswered(t *testing.T) {
	s := startSim(t, func(c *Config) {
		c.Hosts, c.PublicURL = []string{"Ferry.example", "*.tunnel.example"}, "https://public.example:8443/"
	})
	control := httptest.NewServer(s.Control())
	t.Cleanup(control.Close)
	for _, test := range hostTests {
		t.Run(test.name, func(t *testing.T) {
			for path, url := range map[string]string{"/v25.0/" + phone1: s.url, "/health": control.URL} {
				address := strings.TrimPrefix(url, "http://")
				host := strings.ReplaceAll(test.host, ownAddress, address)
				got := exchange(t, address, "GET "+path+" HTTP/1.1\nHost: "+host+"\nAuthorization: Bearer "+token1+"\nConnection: close\n\n")
				if got != test.status {
					t.Errorf("Host %q at %s: %d, want %d", host, path, got, test.status)
				}
			}
		})
	}
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"an absolute target names the host":      {"GET http://evil.example/health HTTP/1.1\nHost: localhost\n\n", 421},
		"an absolute target with its own name":   {"GET http://localhost/health HTTP/1.1\nHost: evil.example\n\n", 200},
		"an absolute target of another scheme":   {"GET ftp://evil.example/health HTTP/1.1\nHost: localhost\n\n", 421},
		"two Host headers":                       {"GET /health HTTP/1.1\nHost: localhost\nHost: localhost\n\n", 400},
		"no Host header":                         {"GET /health HTTP/1.1\n\n", 400},
		"no Host header, before HTTP/1.1":        {"GET /health HTTP/1.0\n\n", 200},
		"an empty host before HTTP/1.1":          {"GET /health HTTP/1.0\nHost:\n\n", 200},
		"another name before HTTP/1.1":           {"GET /health HTTP/1.0\nHost: evil.example\n\n", 421},
		"a tunnel":                               {"CONNECT evil.example:443 HTTP/1.1\nHost: evil.example:443\n\n", 421},
		"a forwarded name does not count":        {"GET /health HTTP/1.1\nHost: evil.example\nX-Forwarded-Host: localhost\n\n", 421},
		"a forwarded name is not needed, either": {"GET /health HTTP/1.1\nHost: localhost\nX-Forwarded-Host: evil.example\n\n", 200},
	} {
		if got := exchange(t, strings.TrimPrefix(control.URL, "http://"), test.request); got != test.status {
			t.Errorf("%s: %d, want %d", name, got, test.status)
		}
	}
}

// The headers are those that browsers send (Fetch, Fetch Metadata).
func TestWebPagesOfOtherOriginsAreRefused(t *testing.T) {
	s := startSim(t, func(c *Config) { c.Origins = []string{"https://app.example", "http://[2001:db8::1]:80"} })
	control := httptest.NewServer(s.Control())
	t.Cleanup(control.Close)
	for name, test := range map[string]struct {
		headers string
		status  int // of a GET; 200 means that a POST is accepted, too
	}{
		"a program":                             {"", 200},
		"its own page":                          {"Origin: http://{own}\nSec-Fetch-Site: same-origin\n", 200},
		"the address bar":                       {"Sec-Fetch-Site: none\n", 200},
		"an allowed page":                       {"Origin: https://app.example\nSec-Fetch-Site: cross-site\n", 200},
		"an allowed page with the default port": {"Origin: https://app.example:443\n", 200},
		"an allowed page at an address":         {"Origin: http://[2001:db8::1]\n", 200},

		"a foreign page":                               {"Origin: http://evil.example\n", 403},
		"a foreign page, in all words":                 {"Origin: http://evil.example\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors\n", 403},
		"an image or script of a foreign page":         {"Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors\nSec-Fetch-Dest: image\n", 403},
		"a link on a foreign page":                     {"Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\n", 403},
		"a page at another port of this machine":       {"Origin: http://localhost:3000\n", 403},
		"a page at another port, without an origin":    {"Sec-Fetch-Site: same-site\n", 403},
		"an opaque origin":                             {"Origin: null\n", 403},
		"its own host with user information":           {"Origin: http://evil@{own}\n", 403},
		"its own host as user information":             {"Origin: http://{own}@evil.example\n", 403},
		"another scheme":                               {"Origin: https://{own}\n", 403},
		"a scheme of an extension":                     {"Origin: chrome-extension://{own}\n", 403},
		"no scheme":                                    {"Origin: {own}\n", 403},
		"an origin with a path":                        {"Origin: http://{own}/\n", 403},
		"an empty origin":                              {"Origin:\n", 403},
		"two origins":                                  {"Origin: http://{own}\nOrigin: http://evil.example\n", 403},
		"two origins in one header":                    {"Origin: http://{own} http://evil.example\n", 403},
		"an allowed host at another port":              {"Origin: https://app.example:8443\n", 403},
		"an allowed host with another scheme":          {"Origin: http://app.example\n", 403},
		"a word of a browser to come":                  {"Sec-Fetch-Site: new-word\n", 403},
		"two words":                                    {"Sec-Fetch-Site: none\nSec-Fetch-Site: cross-site\n", 403},
		"its own origin, and a browser that denies it": {"Origin: http://{own}\nSec-Fetch-Site: cross-site\n", 403},
	} {
		t.Run(name, func(t *testing.T) {
			for url, requests := range map[string][]string{
				control.URL: {"GET /health HTTP/1.1\n", "POST /clock HTTP/1.1\nContent-Type: application/json\nContent-Length: 16\n"},
				s.url:       {"GET /v25.0/" + phone1 + " HTTP/1.1\nAuthorization: Bearer " + token1 + "\n"},
			} {
				own := strings.TrimPrefix(url, "http://")
				for _, request := range requests {
					body := ""
					if strings.HasPrefix(request, "POST") {
						body = `{"advance_ms":0}`
					}
					got := exchange(t, own, request+"Host: "+own+"\nConnection: close\n"+strings.ReplaceAll(test.headers, ownAddress, own)+"\n"+body)
					if got != test.status {
						t.Errorf("%.30q: %d, want %d", request, got, test.status)
					}
				}
			}
		})
	}
}

// A form cannot have the type application/json, and a browser asks before it sends
// it for another origin.
func TestControlAPIChangesNothingWithoutAJSONType(t *testing.T) {
	s := startSim(t)
	control := httptest.NewServer(s.Control())
	t.Cleanup(control.Close)
	id := s.mustUpload("a.png", "image/png", png)
	const fault = `{"operation":"upload","status":500}`
	for _, contentType := range []string{"", "text/plain", "text/plain; application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "text/json", "json"} {
		for path, body := range map[string]string{"/faults": fault, "/reset": "", "/clock": `{"running":false}`} {
			var header []string
			if contentType != "" {
				header = []string{"Content-Type", contentType}
			}
			a := s.mustSend(http.MethodPost, control.URL+path, strings.NewReader(body), header...)
			if a.status != http.StatusUnsupportedMediaType || !strings.Contains(a.body, "Content-Type: application/json") {
				t.Errorf("%s with the type %q: %d %s", path, contentType, a.status, a.body)
			}
		}
	}
	if _, found := s.Media(id); !found || len(s.Faults()) > 0 || !s.Clock().Running {
		t.Error("a refused request had an effect")
	}
	for _, contentType := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON"} {
		if a := s.mustSend(http.MethodPost, control.URL+"/faults", strings.NewReader(fault), "Content-Type", contentType); a.status != http.StatusCreated {
			t.Errorf("%s: %d %s", contentType, a.status, a.body)
		}
	}
	if a := s.mustSend(http.MethodDelete, control.URL+"/faults", nil); a.status != http.StatusNoContent || len(s.Faults()) > 0 {
		t.Errorf("a DELETE request, which no form can send, without a type: %d %s", a.status, a.body)
	}
}

func TestAllowedPageIsToldThatItMayCall(t *testing.T) {
	s := startSim(t, func(c *Config) { c.Origins = []string{"https://app.example"} })
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": "", s.url: ""} {
		preflight := s.mustSend(http.MethodOptions, "/v25.0/"+phone1+"/media", nil, "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
		actual := s.get("/v25.0/"+phone1, "Origin", origin)
		if got := preflight.header.Get("Access-Control-Allow-Origin"); got != want || (preflight.status == http.StatusNoContent) != (want != "") {
			t.Errorf("%s: the preflight request is answered with %d %q", origin, preflight.status, got)
		}
		if got := actual.header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%s: %d %q", origin, actual.status, got)
		}
	}
}

func TestRefusalSaysHowToAllow(t *testing.T) {
	s := startSim(t, func(c *Config) { c.Hosts = []string{"ferry.example"} })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v25.0/"+phone1, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body := new(strings.Builder)
	if _, err := bufio.NewReader(response.Body).WriteTo(body); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"evil.example", "localhost", "ferry.example", "graph.facebook.com", "Config.Hosts"} {
		if !strings.Contains(body.String(), part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}
	if got := len(s.Requests()); got != 0 {
		t.Errorf("the history has %d requests, though none was of the Graph API", got)
	}
}

func TestHostsAndOriginsThatAreNoneAreReported(t *testing.T) {
	for _, c := range []Config{
		{Hosts: []string{""}}, {Hosts: []string{"ferry.example:80"}}, {Hosts: []string{"http://ferry.example"}}, {Hosts: []string{"*"}}, {Hosts: []string{"*.*.example"}},
		{Origins: []string{"app.example"}}, {Origins: []string{"https://app.example/"}}, {Origins: []string{"*"}}, {Origins: []string{"null"}},
	} {
		if c.Validate() == nil {
			t.Errorf("%q %q pass", c.Hosts, c.Origins)
		}
	}
}

// What splitHost accepts has one form, and names the same host when read again.
func FuzzSplitHost(f *testing.F) {
	for _, test := range hostTests {
		f.Add(test.host)
	}
	f.Fuzz(func(t *testing.T, text string) {
		host, port, ok := splitHost(text)
		if !ok {
			return
		}
		if host == "" || strings.ContainsAny(host, "@/[]%, \t\\?#") || strings.ContainsAny(port, ":@/") {
			t.Fatalf("%q is read as host %q and port %q", text, host, port)
		}
		again := host
		if strings.Contains(host, ":") {
			again = "[" + host + "]"
		}
		if port != "" {
			again += ":" + port
		}
		if h, p, ok := splitHost(again); !ok || h != host || p != port {
			t.Fatalf("%q is read as %q, and that as %q %q %v", text, again, h, p, ok)
		}
	})
}
