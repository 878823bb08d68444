package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"ferry/socialmessaging"
)

// adminConsole is a `ferry serve` with a console.
type adminConsole struct {
	in      *installation
	url     string
	key     accessKey
	media   string // an uploaded file, which WhatsApp does not deliver
	message string // that was sent with it
}

// startAdminConsole starts a server with an account, a key, two destinations of events, a
// store, and another one that cannot be reached. A file has been uploaded and sent.
func startAdminConsole(t testing.TB) *adminConsole {
	t.Helper()
	in := install(t, raceBuild, startSimulator(t, noAccounts))
	c := &adminConsole{in: in, key: in.createKey(account, `{"Version":"2012-10-17","Statement":{"Sid":"Send","Effect":"Allow","Action":"social-messaging:*","Resource":"*"}}`)}
	linked := in.link(account, metaAccount, metaToken)
	files := sharedS3(t)
	bucket := files.bucket(t, "photos")
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	c.url = fmt.Sprint("http://127.0.0.1:", port)
	ferry := in.serve("--console-listen", fmt.Sprint("127.0.0.1:", port), "--will-fail", "warn", files.store(bucket).flag(),
		"--store", `{"buckets":["media-*"],"endpoint":"http://127.0.0.1:9","path_style":true,"access_key_id":"AKIAEXAMPLE","secret_access_key":"a secret of the store"}`,
		"--destination", `{"name":"log","type":"file","path":"`+in.file("events.jsonl")+`","accounts":["`+account+`"]}`,
		"--destination", `{"name":"shop","type":"https","url":"https://127.0.0.1:9/hook","private":true,"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}`)
	phone, client := linked.PhoneNumbers[0].PhoneNumberID, goClient(ferry.url, in.createKey(account))
	files.put(t, bucket, "print.jpg", badSample(t, "jpeg-cmyk.jpg"), "image/jpeg")
	uploaded, err := client.PostWhatsAppMessageMedia(t.Context(), fromBucket(phone, bucket, "print.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	c.media = *uploaded.MediaId
	sent, err := client.SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{OriginationPhoneNumberId: &phone, MetaApiVersion: aws.String("v23.0"),
		Message: []byte(`{"messaging_product":"whatsapp","to":"+16505551234","type":"image","image":{"id":"` + c.media + `"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	c.message = *sent.MessageId
	return c
}

// logIn logs in with a role.
func (c *adminConsole) logIn(p *tab, role string) {
	p.t.Helper()
	p.visit(strings.TrimSpace(mustRun(p.t, c.in.env, c.in.program, "console", "login", "--role", role, "--name", "Carla", "--console-url", c.url)))
	p.do(chromedp.Click("main form button"))
	p.sees("Carla, " + role)
}

// fill writes into a field, as a person without scripts does.
func (p *tab) fill(field, text string) {
	p.t.Helper()
	p.do(chromedp.Focus(field))
	p.press(text)
}

func TestPagesOfAServerAreAccessibleAndLoadNothingElse(t *testing.T) {
	c := startAdminConsole(t)
	b := startBrowser(t)
	for _, role := range []string{"viewer", "admin"} {
		p := b.open()
		c.logIn(p, role)
		pages := []string{"/", "/messages", "/messages/" + c.message, "/media", "/media/" + c.media, "/templates", "/timeline", "/why?id=" + c.media, "/events", "/admin/accounts", "/admin/keys", "/admin/keys/" + c.key.id + "?action=social-messaging%3ASendWhatsAppMessage&resource=*", "/admin/stores", "/admin/destinations", "/admin/limits", "/admin/doctor", "/admin/audit"}
		for _, l := range looks() {
			p.show(l)
			for _, path := range pages {
				p.visit(c.url + path)
				for _, violation := range p.violations() {
					t.Errorf("%s, %s at %d px, %s: %s", role, path, l.width, l.scheme, violation)
				}
				if !p.holds("document.documentElement.scrollWidth <= innerWidth") {
					t.Errorf("%s at %d px is wider than the window", path, l.width)
				}
				if small := evaluate[[]string](p, `[...document.querySelectorAll("main button, main input, main nav a, main summary")].filter((e) => e.offsetParent && e.type != "checkbox" && e.type != "radio" && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)`); len(small) > 0 {
					t.Errorf("%s at %d px has targets that are lower than 24 px: %q", path, l.width, small)
				}
			}
		}
		p.closed()
	}
}

func TestOperatorExaminesTheServer(t *testing.T) {
	c := startAdminConsole(t)
	p := startBrowser(t).open()
	c.logIn(p, "operator")
	for _, l := range looks() {
		p.show(l)
		p.visit(c.url + "/admin/doctor")
		p.do(chromedp.Click("main form button.primary"))
		p.await("the result is shown", `document.querySelector("#result")`)
		p.sees("valid, with both permissions")
		for _, violation := range p.violations() {
			t.Errorf("%d px, %s: %s", l.width, l.scheme, violation)
		}
		if !p.holds("document.documentElement.scrollWidth <= innerWidth") {
			t.Errorf("the result at %d px is wider than the window", l.width)
		}
		p.photograph(fmt.Sprintf("doctor-%d-%s", l.width, l.scheme))
	}
	p.visit(c.url + "/admin/audit")
	p.sees("ExamineServer")
}

func TestOperatorLooksAtAnUploadedFile(t *testing.T) {
	c := startAdminConsole(t)
	p := startBrowser(t).open()
	c.logIn(p, "operator")
	p.visit(c.url + "/media")
	p.do(chromedp.Click(`a[href="/media/` + c.media + `"]`))
	p.sees("jpeg-cmyk")
	if p.holds(`document.querySelector("main img")`) {
		t.Error("the file is shown without a request")
	}
	p.do(chromedp.Click(`[action$="/preview"] button`))
	p.await("the picture is shown", `document.querySelector("main img.large")?.naturalWidth > 0`)
	for _, violation := range p.violations() {
		t.Error(violation)
	}
	p.visit(c.url + "/timeline?kind=admin")
	p.sees("PreviewMedia")
	p.visit(c.url + "/media/" + c.media)
	if p.holds(`document.querySelector("main img")`) {
		t.Error("the file is shown again without a request")
	}
}

var shownKey = regexp.MustCompile(`AWS_ACCESS_KEY_ID='(AKIA[A-Z2-7]{16})'\s+export AWS_SECRET_ACCESS_KEY='([A-Za-z0-9/+]{40})'`)

// Everything is done without scripts: with forms only.
func TestAdministrationWorksWithoutScripts(t *testing.T) {
	c := startAdminConsole(t)
	p := startBrowser(t).open()
	tell(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	c.logIn(p, "admin")

	p.visit(c.url + "/admin/keys")
	p.fill("#create [name=account]", account)
	p.do(chromedp.Click("#create [value=full]"))
	p.do(chromedp.Click("#create button.primary"))
	p.sees("The key is created")
	key := shownKey.FindStringSubmatch(evaluate[string](p, "document.body.innerText"))
	if key == nil {
		t.Fatalf("the page shows no key: %s", evaluate[string](p, "document.body.innerText"))
	}
	if list := mustRun(t, c.in.env, c.in.program, "key", "list"); !strings.Contains(list, key[1]) {
		t.Errorf("ferry key list prints %s", list)
	}
	p.visit(c.url + "/admin/keys/" + key[1])
	p.do(chromedp.Click("#rotate button"))
	p.sees("It is the successor of " + key[1] + ", which stays valid.")
	p.visit(c.url + "/admin/keys")
	p.fill("#create [name=account]", account)
	p.do(chromedp.Click("#create [value=full]"), chromedp.SetValue("#create [name=expires]", "1h"), chromedp.Click("#create button.primary"))
	p.sees("Session token")
	p.sees("AWS_SESSION_TOKEN=")
	p.visit(c.url + "/admin/keys/" + key[1])
	p.do(chromedp.Click("[value=disabled]"))
	p.sees("! disabled")
	p.fill("[name=action]", "s3:GetObject")
	p.fill("[name=resource]", "arn:aws:s3:::media-1/a.jpg")
	p.do(chromedp.Click("#may button.primary"))
	p.sees("No: the key is disabled")

	p.visit(c.url + "/admin/stores")
	p.fill("[name=bucket]", "media-1")
	p.fill("[name=key]", "a.jpg")
	p.do(chromedp.Click("#try button.primary"))
	p.sees("✗ HEAD")
	p.sees("✓ credentials")

	p.visit(c.url + "/admin/destinations")
	p.do(chromedp.Click("[value=log]"))
	p.sees("✓ Accepted")
	if events, err := os.ReadFile(c.in.file("events.jsonl")); err != nil || !strings.Contains(string(events), "ferry.test") {
		t.Errorf("the file has %s (%v)", events, err)
	}

	p.visit(c.url + "/admin/accounts")
	p.do(chromedp.Click(`[action="/admin/accounts/check"] button`))
	p.sees("✓ Meta accepts the token")
	p.visit(c.url + "/admin/accounts")
	p.do(chromedp.Click(`[aria-label="Turn on: Reuse of media"]`))
	p.await("reuse is on", `document.querySelector('[aria-label="Turn off: Reuse of media"]')`)

	eventually(t, "the audit has the changes", func() bool {
		p.visit(c.url + "/admin/audit")
		text := evaluate[string](p, "document.body.innerText")
		for _, change := range []string{"none → user app, full access", "user app: active → disabled", "credentials: ok, HEAD: unreachable", "accepted", "the token is accepted", "reuse: off → on"} {
			if !strings.Contains(text, change) {
				return false
			}
		}
		return !strings.Contains(text, key[2])
	})
}
