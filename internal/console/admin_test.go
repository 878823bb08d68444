package console_test

import (
	"bytes"
	"context"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/activity"
	"ferry/internal/console"
	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/local"
	"ferry/internal/social"
	"ferry/internal/state"
)

// startAdmin starts a server with the console that ferry serve has: a gateway, and no
// simulator in the console. It returns a function that moves the console's clock.
func startAdmin(t *testing.T, change ...func(*console.Config)) (w *world, server *local.World, advance func(time.Duration)) {
	t.Helper()
	events := filepath.Join(t.TempDir(), "events.jsonl")
	server, err := local.Start(context.Background(), local.Config{Destinations: []event.Destination{
		{Name: "log", Type: event.File, Path: events, Accounts: []string{local.AccountID}},
		{Name: "chosen", Type: event.Stdout},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	var later atomic.Int64
	log := &lockedBuffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	config := console.Config{
		State: server.Gateway.State(), Gateway: server.Gateway, Activity: activity.NewRecorder(logger, server.Gateway.Journal()), NeedsLogin: true, Logger: logger,
		Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) },
	}
	for _, f := range change {
		f(&config)
	}
	c, err := console.New(config)
	if err != nil {
		t.Fatal(err)
	}
	at := httptest.NewTLSServer(gateway.Access{}.Unsigned(c))
	t.Cleanup(func() { c.Drain(); at.Close() })
	client := at.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w = &world{t: t, sim: server.Simulator, db: server.Gateway.State(), console: c, url: at.URL, client: client, log: log}
	return w, server, func(d time.Duration) { later.Add(int64(d)) }
}

const form = "application/x-www-form-urlencoded"

// submit sends a form with a cookie, name and value in turn.
func (w *world) submit(cookie, path string, fields ...string) answer {
	w.t.Helper()
	return w.send(http.MethodPost, path, form, strings.NewReader(encoded(fields...)), "Cookie", cookie)
}

func TestPagesOfAdministrationShowWhatThereIs(t *testing.T) {
	w, server, _ := startAdmin(t)
	admin := w.login("admin")
	for path, contains := range map[string][]string{
		"/admin/accounts":                        {local.AccountID, "Lucky Shrub", local.BusinessAccountID, local.MetaAccountID, "+1 555-078-3881", "✓ registered", "quality green", "/admin/destinations#d-log", "1 access key"},
		"/admin/keys":                            {local.AccessKeyID, "developer", "✓ active", "no use known"},
		"/admin/keys?account=" + local.AccountID: {local.AccessKeyID},
		"/admin/keys?account=444455556666":       {"There is no key of 444455556666"},
		"/admin/keys/" + local.AccessKeyID:       {"developer", "social-messaging:*", "Disable"},
		"/admin/stores":                          {server.S3URL, "access key " + local.AccessKeyID, "path style"},
		"/admin/destinations":                    {"events.jsonl", "Lucky Shrub", "no business account: they choose it by its ARN"},
		"/admin/limits":                          {"connections from clients", "--max-connections", "10,000", "not used"},
		"/admin/doctor":                          {"Examine this server", "ferry doctor"},
		"/admin/audit":                           {"LogIn", "anna", "role admin"},
	} {
		a := w.get(path, "Cookie", admin)
		a.want(t, http.StatusOK, contains...)
		if len(a.body) > 100_000 || strings.Contains(a.body, " style=") || strings.Contains(a.body, "<script>") {
			t.Errorf("%s has %d bytes, or a style or script of its own", path, len(a.body))
		}
		for _, secret := range []string{server.SecretAccessKey.Reveal(), server.MetaToken.Reveal()} {
			if strings.Contains(html.UnescapeString(a.body), secret) {
				t.Errorf("%s has a secret", path)
			}
		}
	}
	if a := w.get("/admin", "Cookie", admin); a.header.Get("Location") != "/admin/accounts" {
		t.Errorf("/admin leads to %s", a.header.Get("Location"))
	}
	w.get("/admin/keys/AKIAUNKNOWN", "Cookie", admin).want(t, http.StatusNotFound, "There is no access key")
	w.get("/admin/accounts?account=444455556666", "Cookie", admin).want(t, http.StatusNotFound)
	w.get("/admin/keys?account=me", "Cookie", admin).want(t, http.StatusBadRequest, "12 digits")
	w.get("/admin/audit?before=x", "Cookie", admin).want(t, http.StatusBadRequest)
	w.get("/admin/accounts").want(t, http.StatusSeeOther)
}

func TestViewersSeeNoFullNumbersAndChangeNothing(t *testing.T) {
	w, _, _ := startAdmin(t)
	viewer, operator := w.login("viewer"), w.login("operator")
	a := w.get("/admin/accounts", "Cookie", viewer)
	a.want(t, http.StatusOK, "+15…881")
	if strings.Contains(a.body, "078-3881") {
		t.Error("a viewer sees the whole number")
	}
	for _, path := range []string{"/admin/accounts", "/admin/keys", "/admin/keys/" + local.AccessKeyID, "/admin/stores", "/admin/destinations", "/admin/limits", "/admin/doctor", "/admin/audit"} {
		a := w.get(path, "Cookie", viewer)
		if a.status != http.StatusOK || strings.Contains(a.body, `method="post" action="/admin`) {
			t.Errorf("%s: %d, or it has a form that the viewer may not send", path, a.status)
		}
	}
	for path, fields := range map[string][]string{
		"/admin/keys": {"account", local.AccountID, "name", "x", "access", "full"}, "/admin/keys/" + local.AccessKeyID + "/delete": {"sure", "1"},
		"/admin/keys/" + local.AccessKeyID + "/status": {"status", "disabled"}, "/admin/keys/" + local.AccessKeyID + "/rotate": {"keep", "1h"}, "/admin/stores/try": {"bucket", local.Bucket, "key", "k"},
		"/admin/accounts/setting": {"account", local.AccountID, "setting", "reuse", "on", "true"}, "/admin/confirm": {"link", "x"},
	} {
		w.submit(viewer, path, fields...).want(t, http.StatusForbidden, "needs the role admin")
		w.submit(operator, path, fields...).want(t, http.StatusForbidden, "needs the role admin")
	}
	w.submit(viewer, "/admin/destinations/test", "target", "log").want(t, http.StatusForbidden, "needs the role operator")
	w.submit(viewer, "/admin/doctor").want(t, http.StatusForbidden, "needs the role operator")
	w.submit(operator, "/admin/destinations/test", "target", "log").want(t, http.StatusOK, "✓ Accepted")
	w.get("/admin/audit", "Cookie", viewer).want(t, http.StatusOK, "DeleteKey", "✗ refused", "Your role is viewer; this needs the role admin.")
	if keys, err := w.db.AccessKeys(t.Context(), ""); err != nil || len(keys) != 1 || keys[0].IsDisabled() {
		t.Errorf("%+v, %v", keys, err)
	}
}

var (
	keyID     = regexp.MustCompile(`AKIA[A-Z2-7]{16}`)
	keySecret = regexp.MustCompile(`AWS_SECRET_ACCESS_KEY='([A-Za-z0-9/+]{40})'`)
)

func TestSecretOfANewKeyIsShownOnceAndNeverKept(t *testing.T) {
	w, _, _ := startAdmin(t)
	admin := w.login("admin")
	policy := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"social-messaging:Get*","Resource":"*"}}`
	a := w.submit(admin, "/admin/keys", "account", "444455556666", "name", "shop", "access", "policy", "policy", policy)
	a.want(t, http.StatusOK, "This page shows the secret, and no other page does")
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page may be stored: %v", a.header)
	}
	id := keyID.FindString(a.body)
	key, err := w.db.AccessKey(t.Context(), id)
	if err != nil || key.AccountID != "444455556666" || key.Name != "shop" || len(key.Policies) != 1 || key.Policies[0] != policy {
		t.Fatalf("%+v, %v", key, err)
	}
	if shown := keySecret.FindStringSubmatch(html.UnescapeString(a.body)); shown == nil || key.Secret.Reveal() != shown[1] {
		t.Errorf("the page shows %v", shown)
	}
	secret := key.Secret.Reveal()
	for _, path := range []string{"/admin/keys", "/admin/keys/" + id, "/admin/audit", "/admin/accounts"} {
		if a := w.get(path, "Cookie", admin); strings.Contains(html.UnescapeString(a.body), secret) {
			t.Errorf("%s shows the secret, too", path)
		}
	}
	if strings.Contains(w.log.String(), secret) || !strings.Contains(w.log.String(), `operation=CreateKey`) || !strings.Contains(w.log.String(), `text="none → user shop, 1 policy"`) {
		t.Errorf("the log is %s", w.log)
	}
	w.get("/admin/audit", "Cookie", admin).want(t, http.StatusOK, "CreateKey", id, "none → user shop, 1 policy")
	for text, fields := range map[string][]string{
		"12 digits":           {"account", "1", "name", "x", "access", "full"},
		"not a user name":     {"account", "444455556666", "name", "my app", "access", "full"},
		"The policy is empty": {"account", "444455556666", "name", "x", "access", "policy"},
		"Statement.Condition: an object; expected an object of operators": {"account", "444455556666", "name", "x", "access", "policy", "policy", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}}`},
	} {
		a := w.submit(admin, "/admin/keys", fields...)
		a.want(t, http.StatusBadRequest, text, "Create a key")
		if !strings.Contains(a.body, `name="name" value="`+fields[3]+`"`) {
			t.Errorf("%s: what was typed is lost", text)
		}
	}
}

func TestNewSecretNeedsALoginYoungerThanFiveMinutes(t *testing.T) {
	w, _, advance := startAdmin(t)
	admin := w.login("admin")
	create := func() answer {
		return w.submit(admin, "/admin/keys", "account", "444455556666", "name", "shop", "access", "full")
	}
	if a := w.get("/admin/keys", "Cookie", admin); strings.Contains(a.body, "needs a fresh login") {
		t.Error("a login that has just happened is not fresh")
	}
	advance(5*time.Minute + time.Second)
	w.get("/admin/keys", "Cookie", admin).want(t, http.StatusOK, "A new secret needs a fresh login", "ferry console login --role admin --name anna")
	create().want(t, http.StatusForbidden, "only after a fresh login", "444455556666")
	if keys, err := w.db.AccessKeys(t.Context(), "444455556666"); err != nil || len(keys) != 0 {
		t.Errorf("%+v, %v", keys, err)
	}
	// What shows no secret needs no fresh login.
	w.submit(admin, "/admin/keys/"+local.AccessKeyID+"/status", "status", "active").want(t, http.StatusSeeOther)

	link := func(user state.ConsoleUser) string {
		token, err := w.db.AddConsoleLogin(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		return w.url + "/login?token=" + token.Reveal()
	}
	for name, wrong := range map[string]string{"another person": link(state.ConsoleUser{Name: "bruno", Role: "admin"}), "a guess": "guess"} {
		if a := w.submit(admin, "/admin/confirm", "link", wrong); a.status != http.StatusForbidden || !strings.Contains(a.body, "is for another person or role") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	create().want(t, http.StatusForbidden)
	advance(-5*time.Minute - time.Second) // the session's own clock, which is the database's, has not moved
	used := link(state.ConsoleUser{Name: "anna", Role: "admin"})
	a := w.submit(admin, "/admin/confirm", "link", used, "return", "/admin/keys")
	if a.want(t, http.StatusSeeOther); a.header.Get("Location") != "/admin/keys" {
		t.Errorf("it leads to %s", a.header.Get("Location"))
	}
	create().want(t, http.StatusOK, "The key is created")
}

func TestTemporaryKeyIsMadeInTheConsoleAndEnds(t *testing.T) {
	w, server, _ := startAdmin(t)
	admin := w.login("admin")
	create := func(expires string) answer {
		return w.submit(admin, "/admin/keys", "account", "444455556666", "name", "ci", "access", "full", "expires", expires)
	}
	a := create("1h")
	a.want(t, http.StatusOK, "The key is created", "the secret and the session token", "AWS_SESSION_TOKEN=")
	shown := regexp.MustCompile(`AWS_SESSION_TOKEN='([A-Za-z0-9+/]{64})'`).FindStringSubmatch(html.UnescapeString(a.body))
	id := regexp.MustCompile(`ASIA[A-Z2-7]{16}`).FindString(a.body)
	key, err := w.db.AccessKey(t.Context(), id)
	if err != nil || !key.IsTemporary() || shown == nil {
		t.Fatalf("%+v, %v, %v", key, err, shown)
	}
	for _, path := range []string{"/admin/keys", "/admin/keys/" + id, "/admin/audit"} {
		if a := w.get(path, "Cookie", admin); strings.Contains(html.UnescapeString(a.body), shown[1]) {
			t.Errorf("%s shows the session token, too", path)
		}
	}
	w.get("/admin/keys/"+id, "Cookie", admin).want(t, http.StatusOK, "✓ active", "temporary, used with a session token", "Ends")
	w.get("/admin/audit", "Cookie", admin).want(t, http.StatusOK, "CreateKey", "none → user ci, full access, temporary until ")
	for expires, text := range map[string]string{"1m": "expected 15m to 36h", "37h": "expected 15m to 36h", "-1h": "expected one such as 1h", "soon": "expected one such as 1h"} {
		create(expires).want(t, http.StatusBadRequest, text, "Create a key")
	}
	w.submit(admin, "/admin/keys/"+id+"/rotate").want(t, http.StatusBadRequest, "is temporary and ends by itself")

	if _, err := server.Simulator.AdvanceClock(time.Hour); err != nil { // of the world
		t.Fatal(err)
	}
	admin = w.login("admin")
	w.get("/admin/keys", "Cookie", admin).want(t, http.StatusOK, "! expired", "ended")
	w.get("/admin/keys/"+id+"?action=s3:GetObject&resource=arn:aws:s3:::b/k", "Cookie", admin).want(t, http.StatusOK, "Ended", "cannot be enabled", "No: the key is expired")
	w.submit(admin, "/admin/keys/"+id+"/status", "status", "active").want(t, http.StatusBadRequest, "has expired; create another one")
}

func TestKeyIsRotatedInTheConsole(t *testing.T) {
	w, server, advance := startAdmin(t)
	admin := w.login("admin")
	path := "/admin/keys/" + local.AccessKeyID
	w.get(path, "Cookie", admin).want(t, http.StatusOK, "Rotate", "for the same user with the same policies")
	a := w.submit(admin, path+"/rotate", "keep", "")
	a.want(t, http.StatusOK, "The key is created", "It is the successor of", local.AccessKeyID, "stays valid")
	id := keyID.FindString(strings.ReplaceAll(a.body, local.AccessKeyID, ""))
	successor, err := w.db.AccessKey(t.Context(), id)
	old, oldErr := w.db.AccessKey(t.Context(), local.AccessKeyID)
	if err != nil || oldErr != nil || successor.Name != old.Name || !slices.Equal(successor.Policies, old.Policies) || !old.ExpiresAt.IsZero() {
		t.Errorf("%+v, %v; %+v, %v", successor, err, old, oldErr)
	}
	w.submit(admin, path+"/rotate", "keep", "24h").want(t, http.StatusOK, "ends <time")
	w.get(path, "Cookie", admin).want(t, http.StatusOK, "✓ active", "Ends")
	w.get("/admin/audit", "Cookie", admin).want(t, http.StatusOK, "RotateKey", "user developer: successor "+id, ", ends at ")
	w.submit(admin, path+"/rotate", "keep", "1y").want(t, http.StatusBadRequest, "expected one such as 1h")
	advance(5*time.Minute + time.Second)
	w.submit(admin, path+"/rotate").want(t, http.StatusForbidden, "only after a fresh login")
	if _, err := server.Simulator.AdvanceClock(24 * time.Hour); err != nil { // of the world
		t.Fatal(err)
	}
	admin = w.login("admin")
	w.get(path, "Cookie", admin).want(t, http.StatusOK, "! expired", "It has no end then.")
	w.submit(admin, path+"/status", "status", "active").want(t, http.StatusSeeOther)
	w.get(path, "Cookie", admin).want(t, http.StatusOK, "✓ active")
}

// What the database says is for the log.
func TestErrorsOfTheDatabaseAreNotShown(t *testing.T) {
	w, server, _ := startAdmin(t)
	admin := w.login("admin")
	key := state.AccessKey{ID: "AKIATWICE", AccountID: "444455556666", Name: "x"}
	if err := w.db.CreateAccessKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if err := server.Gateway.State().CreateAccessKey(t.Context(), key); err == nil {
		t.Fatal("a key was created twice")
	} else if got := console.Typed(err); got != err { //nolint:errorlint // the very one, which is not shown
		t.Errorf("%v is shown as %v", err, got)
	}
	w.get("/admin/keys?account=1", "Cookie", admin).want(t, http.StatusBadRequest, "12 digits")
}

func TestPersonOfAProxyNeedsALinkForASecret(t *testing.T) {
	w, _, _ := startAdmin(t, trusting("admin"))
	create := func(headers ...string) answer {
		return w.send(http.MethodPost, "/admin/keys", form, strings.NewReader(encoded("account", "444455556666", "name", "shop", "access", "full")), headers...)
	}
	w.get("/admin/keys", "X-Person", "anna").want(t, http.StatusOK, "The proxy has logged you in")
	create("X-Person", "anna").want(t, http.StatusForbidden, "only after a fresh login")
	w.send(http.MethodPost, "/admin/confirm", form, strings.NewReader("link=x"), "X-Person", "anna").want(t, http.StatusForbidden, "no session to confirm")
	create("X-Person", "anna", "Cookie", w.login("viewer")).want(t, http.StatusForbidden, "only after a fresh login")
	cookie := w.login("admin") // anna's
	create("X-Person", "bruno", "Cookie", cookie).want(t, http.StatusForbidden)
	create("X-Person", "anna", "Cookie", cookie).want(t, http.StatusOK)
}

func TestKeyIsDisabledEnabledAndDeletedAndEachChangeIsInTheAudit(t *testing.T) {
	w, _, _ := startAdmin(t)
	admin := w.login("admin")
	path := "/admin/keys/" + local.AccessKeyID
	w.submit(admin, path+"/status", "status", "disabled").want(t, http.StatusSeeOther)
	w.get(path, "Cookie", admin).want(t, http.StatusOK, "! disabled", "Enable")
	w.get(path+"?action=s3:GetObject&resource=arn:aws:s3:::b/k", "Cookie", admin).want(t, http.StatusOK, "No: the key is disabled", "Its policies would allow it")
	w.submit(admin, path+"/status", "status", "active").want(t, http.StatusSeeOther)
	w.submit(admin, path+"/status", "status", "gone").want(t, http.StatusBadRequest, "expected active or disabled")
	w.submit(admin, path+"/delete").want(t, http.StatusBadRequest, "not ticked")
	w.submit(admin, path+"/delete", "sure", "1").want(t, http.StatusSeeOther)
	w.submit(admin, path+"/delete", "sure", "1").want(t, http.StatusNotFound)
	w.get(path, "Cookie", admin).want(t, http.StatusNotFound)
	w.submit(admin, "/admin/accounts/setting", "account", local.AccountID, "setting", "reuse", "on", "true").want(t, http.StatusSeeOther)
	w.submit(admin, "/admin/accounts/setting", "account", local.AccountID, "setting", "everything", "on", "true").want(t, http.StatusBadRequest, "expected reuse")
	w.get("/admin/audit", "Cookie", admin).want(t, http.StatusOK, "user developer: active → disabled", "user developer: disabled → active", "user developer: active → deleted", "reuse: off → on", "✗ refused")
}

func TestQuestionWhetherAKeyMayDoSomethingNamesTheDecidingStatement(t *testing.T) {
	w, _, _ := startAdmin(t)
	viewer := w.login("viewer")
	policies := []string{
		`{"Version":"2012-10-17","Statement":{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::media/*"}}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:*","Resource":"*"},{"Sid":"Never","Effect":"Deny","Action":"social-messaging:Delete*","Resource":"*"}]}`,
		`{"Version":"2012-10-17","Statement":{"Sid":"Office","Effect":"Allow","Action":"sns:Publish","Resource":"arn:aws:sns:*:*:${aws:username}","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}}`,
	}
	key := state.AccessKey{ID: "AKIAQUESTION", AccountID: local.AccountID, Name: "q", Policies: policies}
	if err := w.db.CreateAccessKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	ask := func(page, action, resource string) answer {
		return w.get(page+"?"+encoded("key", key.ID, "action", action, "resource", resource), "Cookie", viewer)
	}
	for _, page := range []string{"/admin/keys", "/admin/keys/" + key.ID} {
		ask(page, "s3:GetObject", "arn:aws:s3:::media/a.jpg").want(t, http.StatusOK, "✓ Yes", "Policy 1, statement 1", "Read", "This statement allows it")
		ask(page, "s3:GetObject", "arn:aws:s3:::other/a.jpg").want(t, http.StatusOK, "✗ No", "No statement allows it.")
		ask(page, "social-messaging:SendWhatsAppMessage", "*").want(t, http.StatusOK, "✓ Yes", "Policy 2, statement 1")
		ask(page, "SOCIAL-messaging:deletewhatsappmessagemedia", "*").want(t, http.StatusOK, "✗ No", "Policy 2, statement 2", "Never", "denies it, whatever else allows it")
		ask(page, "social-messaging:PostWhatsAppMessageMedia", "*").want(t, http.StatusOK, "✓ Yes", "needs s3:GetObject on the object, too")
		ask(page, "social-messaging:Fly", "*").want(t, http.StatusOK, "✓ Yes", "This server has no such action")
		ask(page, "social-messaging:*", "*").want(t, http.StatusOK, "one action without wildcards")
		ask(page, "s3:GetObject", "arn:aws:s3:::media/*").want(t, http.StatusOK, "one resource without wildcards")
		ask(page, "s3:GetObject", "").want(t, http.StatusOK, "The resource is missing")
	}
	with := func(values string) answer {
		return w.get("/admin/keys?"+encoded("key", key.ID, "action", "sns:Publish", "resource", "arn:aws:sns:us-east-1:1:q", "context", values), "Cookie", viewer)
	}
	const unmet = "Statement 1 of policy 3 (Office) would allow it, but a condition is not met. IpAddress of aws:SourceIp: expected &#34;203.0.113.0/24&#34;, found "
	with("").want(t, http.StatusOK, "✗ No", unmet+"no value.")
	with("aws:SourceIp=198.51.100.7").want(t, http.StatusOK, "✗ No", unmet+"&#34;198.51.100.7&#34;.")
	with("\n aws:sourceip=203.0.113.9 \r\naws:TagKeys=a\n").want(t, http.StatusOK, "✓ Yes", "Policy 3, statement 1")
	with("aws:SourceIp").want(t, http.StatusOK, "expected KEY=VALUE")
	with("aws:SourceIp=10.0.0.0/8").want(t, http.StatusOK, "is no value of aws:SourceIp; expected one address")
	with("a="+strings.Repeat("x", 8<<10)).want(t, http.StatusOK, "expected at most 8192")
	w.get("/admin/keys?key=AKIANOBODY&action=s3:GetObject&resource=*", "Cookie", viewer).want(t, http.StatusOK, "There is no access key")
}

func TestOtherRightsAreNamedForActionsThatExist(t *testing.T) {
	for name := range console.AlsoNeeded {
		if !slices.ContainsFunc(social.Actions(), func(a string) bool { return strings.ToLower(a) == name }) {
			t.Errorf("there is no action %s", name)
		}
	}
}

func TestTrialOfAStoreReportsEachStep(t *testing.T) {
	w, server, _ := startAdmin(t)
	admin := w.login("admin")
	putObject(t, server, "photos/cat.txt", "hello")
	a := w.submit(admin, "/admin/stores/try", "bucket", local.Bucket, "key", "photos/cat.txt")
	a.want(t, http.StatusOK, "Store 1 serves the bucket", "✓ credentials", "✓ HEAD", "5 bytes, type text/plain", "✓ range GET", "✓ If-Match", "✓ presigned URL", "✓ checksum")
	if strings.Contains(a.body, "hello") || strings.Contains(a.body, "X-Amz-Signature") {
		t.Error("the page shows the content, or the URL")
	}
	w.submit(admin, "/admin/stores/try", "bucket", "s3://"+local.Bucket+"/nowhere.jpg").want(t, http.StatusOK, "✗ HEAD", "object-not-found", "Check the key")
	w.submit(admin, "/admin/stores/try", "bucket", "No Bucket", "key", "k").want(t, http.StatusBadRequest, "cannot be used")
	w.get("/admin/audit", "Cookie", admin).want(t, http.StatusOK, "TryStore", "HEAD: ok, range GET: ok, If-Match: ok, presigned URL: ok, checksum: ok", "HEAD: object-not-found")
}

func TestTestEventIsSentAndReported(t *testing.T) {
	w, server, _ := startAdmin(t)
	operator := w.login("operator")
	w.submit(operator, "/admin/destinations/test", "target", "log").want(t, http.StatusOK, "Test event to log", "✓ Accepted")
	list := server.Gateway.Events().Router().Destinations()
	line, err := os.ReadFile(list[0].Path)
	if err != nil || !bytes.Contains(line, []byte("ferry.test")) || !bytes.Contains(line, []byte(local.MetaAccountID)) {
		t.Errorf("%s, %v", line, err)
	}
	w.submit(operator, "/admin/destinations/test", "target", "chosen").want(t, http.StatusOK, "✗ Not accepted")
	w.submit(operator, "/admin/destinations/test", "target", "nowhere").want(t, http.StatusNotFound)
	w.get("/admin/audit?by=ANNA", "Cookie", operator).want(t, http.StatusOK, "test event on behalf of "+local.BusinessAccountID+": accepted", "not accepted")
}

func TestTokenIsCheckedAtMeta(t *testing.T) {
	w, server, _ := startAdmin(t)
	operator := w.login("operator")
	id := strings.TrimPrefix(local.BusinessAccountID, "waba-")
	check := func() answer {
		return w.submit(operator, "/admin/accounts/check", "account", local.AccountID, "id", id)
	}
	check().want(t, http.StatusOK, "✓ Meta accepts the token", "are as they are stored here")
	linked, err := w.db.LinkedAccounts(t.Context(), local.AccountID)
	if err != nil {
		t.Fatal(err)
	}
	linked[0].Token, linked[0].Name = server.MetaToken, "Old name"
	linked[0].PhoneNumbers[0].IsUnregistered = true
	if _, err := w.db.Link(t.Context(), linked[0]); err != nil {
		t.Fatal(err)
	}
	check().want(t, http.StatusOK, `name: "Old name" here, "Lucky Shrub" at Meta`, `"not registered" here, "registered" at Meta`, "! not all numbers are registered")
	linked[0].Token = server.SecretAccessKey // which is no token
	if _, err := w.db.Link(t.Context(), linked[0]); err != nil {
		t.Fatal(err)
	}
	a := check()
	a.want(t, http.StatusOK, "Meta refuses it", "190", "ferry account link --account")
	if strings.Contains(a.body, server.SecretAccessKey.Reveal()) {
		t.Error("the page has the token")
	}
	w.submit(operator, "/admin/accounts/check", "account", "444455556666", "id", id).want(t, http.StatusNotFound)
}

func TestAuditIsReadPageByPageAndByPerson(t *testing.T) {
	w, server, _ := startAdmin(t)
	viewer := w.login("viewer")
	for i := range 130 {
		who := "bruno"
		if i%2 == 0 {
			who = "carla"
		}
		server.Gateway.Journal().Append(activity.Entry{Kind: activity.Admin, Time: time.Now(), By: who, Operation: "Change", Resource: "thing-" + string(rune('a'+i%26)), Text: "wrote to +49 151 1234 5678", Outcome: activity.OK})
	}
	next := regexp.MustCompile(`/admin/audit\?before=[^"]+`)
	count := func(path string) (all int, pages int) {
		for path != "" && pages < 10 {
			a := w.get(strings.ReplaceAll(path, "&amp;", "&"), "Cookie", viewer)
			a.want(t, http.StatusOK)
			if strings.Contains(a.body, "151 1234") {
				t.Error("a viewer sees a number")
			}
			all, pages = all+strings.Count(html.UnescapeString(a.body), "wrote to +49…678"), pages+1
			path = next.FindString(a.body)
		}
		return all, pages
	}
	if all, pages := count("/admin/audit"); all != 130 || pages != 3 {
		t.Errorf("%d changes on %d pages", all, pages)
	}
	if all, pages := count("/admin/audit?by=carla"); all != 65 || pages != 2 {
		t.Errorf("%d changes of carla on %d pages", all, pages)
	}
	if all, _ := count("/admin/audit?by=nobody"); all != 0 {
		t.Errorf("%d changes of nobody", all)
	}
	w.get("/admin/audit?account=444455556666", "Cookie", viewer).want(t, http.StatusBadRequest, "There is no account")
	w.get("/admin/audit?by=nobody", "Cookie", viewer).want(t, http.StatusOK, "No change is like this")
}
