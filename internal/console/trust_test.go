package console_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"ferry/internal/console"
	"ferry/internal/state"
)

// trusting makes a console trust the header X-Person of this machine.
func trusting(role string) func(*console.Config) {
	return func(c *console.Config) {
		c.NeedsLogin = true
		c.Trust = console.Trust{Header: "X-Person", Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Role: role}
	}
}

func TestProxyNamesThePersonAndTheConfigurationTheRole(t *testing.T) {
	w := start(t, trusting(""))
	w.get("/world").want(t, http.StatusSeeOther)
	w.get("/world", "X-Person", "anna@example.com").want(t, http.StatusOK, "anna@example.com, viewer")
	form := "application/x-www-form-urlencoded"
	stop := func(headers ...string) answer {
		return w.send(http.MethodPost, "/world/clock", form, strings.NewReader("do=stop"), headers...)
	}
	stop("X-Person", "anna@example.com").want(t, http.StatusForbidden, "Your role is viewer")
	if a := w.get("/world", "X-Person", "anna@example.com"); strings.Contains(a.body, "Log out") {
		t.Error("there is a button that logs out somebody whom the proxy logs in")
	}
	if a := w.get("/login", "X-Person", "anna@example.com"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/" {
		t.Errorf("the login: %d", a.status)
	}
	w = start(t, trusting("admin"))
	stop("X-Person", "anna@example.com").want(t, http.StatusSeeOther)
	if !strings.Contains(w.log.String(), "by=anna@example.com") {
		t.Errorf("the record has not who did it: %s", w.log)
	}
	// What a page of another origin sends through the proxy is refused as everywhere.
	stop("X-Person", "anna@example.com", "Origin", "https://evil.example").want(t, http.StatusForbidden)
	w.get("/world", "X-Person", "anna@example.com", "Sec-Fetch-Site", "cross-site").want(t, http.StatusForbidden)
}

func TestHeaderThatNamesNobodyClearlyIsRefused(t *testing.T) {
	w := start(t, trusting("admin"))
	for name, headers := range map[string][]string{
		"two headers":               {"X-Person", "anna", "X-Person", "bruno"},
		"two equal ones":            {"X-Person", "anna", "X-Person", "anna"},
		"two in one":                {"X-Person", "anna, bruno"},
		"an empty one":              {"X-Person", ""},
		"blanks":                    {"X-Person", "  "},
		"an empty one and another":  {"X-Person", "", "X-Person", "anna"},
		"another case of the name":  {"x-person", "anna", "X-PERSON", "anna"},
		"a tab":                     {"X-Person", "anna\tbruno"},
		"a control character of C1": {"X-Person", "anna\u0085"},
		"an override of direction":  {"X-Person", "anna\u202enimda"},
		"an invisible one":          {"X-Person", "an\u200bna"},
		"a line of Unicode":         {"X-Person", "anna\u2028admin"},
		"bytes that are no text":    {"X-Person", "anna\xff"},
		"a long one":                {"X-Person", strings.Repeat("a", 201)},
	} {
		for _, path := range []string{"/world", "/login", "/nowhere", "/static/0/app.css"} {
			if a := w.get(path, headers...); a.status != http.StatusForbidden || !strings.Contains(a.body, "The header X-Person") {
				t.Errorf("%s: %s: %d", name, path, a.status)
			}
		}
	}
}

func TestHeaderFromElsewhereIsRefused(t *testing.T) {
	w := start(t, func(c *console.Config) {
		c.NeedsLogin = true
		c.Trust = console.Trust{Header: "X-Person", Proxies: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8::1/128")}, Role: "admin"}
	})
	w.get("/world", "X-Person", "anna").want(t, http.StatusForbidden, "does not come from a proxy that may send it")
	viewer := w.login("viewer")
	w.get("/world", "Cookie", viewer).want(t, http.StatusOK, "anna, viewer")
	w.get("/world", "Cookie", viewer, "X-Person", "anna").want(t, http.StatusForbidden)
	w.get("/login", "X-Person", "anna").want(t, http.StatusForbidden)
	w.get("/world", "X-Person-Name", "anna").want(t, http.StatusSeeOther) // another header
	if !strings.Contains(w.log.String(), "a request to the console was refused") {
		t.Errorf("the log does not say it: %s", w.log)
	}
}

func TestLinkAddsItsRoleToAPersonOfTheProxyWithTheSameNameOnly(t *testing.T) {
	w := start(t, trusting("viewer"))
	admin := w.login("admin") // anna
	w.get("/world", "Cookie", admin, "X-Person", "anna").want(t, http.StatusOK, "anna, admin", "Log out")
	w.get("/world", "Cookie", admin, "X-Person", "bruno").want(t, http.StatusOK, "bruno, viewer")
	w.get("/world", "Cookie", admin).want(t, http.StatusOK, "anna, admin")
	token, err := w.db.AddConsoleLogin(t.Context(), state.ConsoleUser{Name: "anna", Role: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	a := w.send(http.MethodPost, "/login", "application/x-www-form-urlencoded", strings.NewReader("token="+token.Reveal()), "X-Person", "bruno")
	a.want(t, http.StatusForbidden, "the proxy says that you are")
	if a.header.Get("Set-Cookie") != "" {
		t.Error("there is a cookie")
	}
}

func TestMistakesInTheTrustOfProxiesAreReported(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}
	for name, trust := range map[string]console.Trust{
		"no proxies":                 {Header: "X-Person"},
		"no header":                  {Proxies: proxies},
		"everybody":                  {Header: "X-Person", Proxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
		"an invalid network":         {Header: "X-Person", Proxies: []netip.Prefix{{}}},
		"a header with a space":      {Header: "X Person", Proxies: proxies},
		"a header of browsers":       {Header: "user-agent", Proxies: proxies},
		"another one":                {Header: "Sec-Fetch-User", Proxies: proxies},
		"a role that does not exist": {Header: "X-Person", Proxies: proxies, Role: "root"},
	} {
		if trust.Check() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := (console.Trust{Header: "X-Person", Proxies: proxies}).Check(); err != nil {
		t.Error(err)
	}
	if err := (console.Trust{}).Check(); err != nil {
		t.Error(err)
	}
}
