package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ferry/internal/activity"
	"ferry/internal/admin"
	"ferry/internal/local"
	"ferry/internal/secret"
	"ferry/internal/state"
)

// adminPages are the pages of administration that a server with much on it has.
var adminPages = []string{
	"/admin/accounts", "/admin/accounts?account=" + local.AccountID, "/admin/keys", "/admin/keys?account=" + local.AccountID, "/admin/keys/AKIAMANYPOLICIES", "/admin/stores",
	"/admin/destinations", "/admin/limits", "/admin/audit",
}

func TestPagesOfAdministrationStaySmall(t *testing.T) {
	w, server, _ := startAdmin(t)
	for a := range 12 {
		account := local.AccountID
		if a > 0 {
			account = fmt.Sprintf("%012d", a)
		}
		for b := range 5 {
			link := state.BusinessAccount{AccountID: account, MetaID: fmt.Sprintf("9%02d%02d", a, b), Name: strings.Repeat("N", 100), Token: secret.New("token")}
			for n := range 20 {
				link.PhoneNumbers = append(link.PhoneNumbers, state.PhoneNumber{MetaID: fmt.Sprintf("8%02d%02d%02d", a, b, n), DisplayNumber: "+49 151 12345678", VerifiedName: strings.Repeat("V", 60), QualityRating: "YELLOW"})
			}
			linked, err := w.db.Link(t.Context(), link)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.db.PutEventDestinations(t.Context(), account, linked.ID, []state.EventDestination{{ARN: fmt.Sprintf("arn:aws:sns:us-east-1:%s:topic-%d-%s", account, b, strings.Repeat("t", 200))}}); err != nil {
				t.Fatal(err)
			}
		}
		for k := range 10 {
			if err := w.db.CreateAccessKey(t.Context(), state.AccessKey{ID: fmt.Sprintf("AKIA%08d%08d", a, k), AccountID: account, Name: strings.Repeat("u", 64), Policies: []string{admin.FullAccessPolicy}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	long := `{"Version":"2012-10-17","Statement":[` + strings.TrimSuffix(strings.Repeat(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"},`, 130), ",") + `]}`
	if err := w.db.CreateAccessKey(t.Context(), state.AccessKey{ID: "AKIAMANYPOLICIES", AccountID: local.AccountID, Name: "many", Policies: []string{long, long, long, long, long, long}}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		server.Gateway.Journal().Append(activity.Entry{Kind: activity.Admin, Time: time.Now(), By: strings.Repeat("b", 200), Operation: "Change", Text: strings.Repeat("t", 2000), Cause: strings.Repeat("c", 2000), Outcome: activity.Failed})
	}
	cookie := w.login("admin")
	for _, path := range adminPages {
		a := w.get(path, "Cookie", cookie)
		if a.status != http.StatusOK || len(a.body) > 100_000 {
			t.Errorf("%s: %d, %d bytes", path, a.status, len(a.body))
		}
	}
	w.get("/admin/accounts", "Cookie", cookie).want(t, http.StatusOK, "more business accounts", "/admin/accounts?after=")
	w.get("/admin/keys", "Cookie", cookie).want(t, http.StatusOK, "/admin/keys?after=")
	w.get("/admin/destinations", "Cookie", cookie).want(t, http.StatusOK, "There are more business accounts or topics")
}

func TestMarkupInWhatAdministrationShowsIsText(t *testing.T) {
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'</pre>` + "\u202e\x1b[31m"
	w, server, _ := startAdmin(t)
	link := state.BusinessAccount{AccountID: local.AccountID, MetaID: "901", Name: hostile, AppID: hostile, Token: secret.New("token"),
		PhoneNumbers: []state.PhoneNumber{{MetaID: "801", DisplayNumber: hostile, VerifiedName: hostile, QualityRating: hostile, Region: hostile}}}
	linked, err := w.db.Link(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.PutEventDestinations(t.Context(), local.AccountID, linked.ID, []state.EventDestination{{ARN: "arn:aws:sns:us-east-1:1:" + hostile}}); err != nil {
		t.Fatal(err)
	}
	if err := w.db.HoldDestination(t.Context(), "event/"+linked.ID+"/log", hostile); err != nil {
		t.Fatal(err)
	}
	if err := w.db.CreateAccessKey(t.Context(), state.AccessKey{ID: "AKIAMANYPOLICIES", AccountID: local.AccountID, Name: hostile, Policies: []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::</pre><script>alert(1)</script>"}}`}}); err != nil {
		t.Fatal(err)
	}
	if err := w.db.CountUnlinked(t.Context(), []state.Unlinked{{BusinessAccount: hostile, PhoneNumber: hostile, Updates: 1}}); err != nil {
		t.Fatal(err)
	}
	server.Gateway.Journal().Append(activity.Entry{Kind: activity.Admin, Time: time.Now(), By: hostile, Operation: hostile, Resource: hostile, Text: hostile, Account: local.AccountID, Remote: hostile, Outcome: activity.OK})
	cookie := w.login("admin")
	bodies := map[string]answer{
		"a trial":   w.submit(cookie, "/admin/stores/try", "bucket", hostile, "key", hostile),
		"a key":     w.submit(cookie, "/admin/keys", "account", hostile, "name", hostile, "access", "policy", "policy", hostile),
		"a test":    w.submit(cookie, "/admin/destinations/test", "target", hostile),
		"a setting": w.submit(cookie, "/admin/accounts/setting", "account", local.AccountID, "setting", hostile),
		"a check":   w.submit(cookie, "/admin/accounts/check", "account", local.AccountID, "id", linked.ID),
	}
	for _, path := range append(adminPages, "/admin/keys?"+encoded("key", hostile, "action", hostile, "resource", hostile), "/admin/audit?"+encoded("by", hostile),
		"/admin/keys/AKIAMANYPOLICIES?"+encoded("action", "s3:GetObject", "resource", "arn:aws:s3:::</pre><script>alert(1)</script>")) {
		bodies[path] = w.get(path, "Cookie", cookie)
	}
	for name, a := range bodies {
		if a.status >= 500 || strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<img src=x") {
			t.Errorf("%s: %d, or it has the markup: %s", name, a.status, a.body)
		}
		if strings.HasPrefix(name, "/admin/a") && strings.ContainsAny(a.body, "\u202e\x1b") {
			t.Errorf("%s has control characters", name)
		}
	}
}
