package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ferry/internal/sample"
	"ferry/metasim"
)

// markup is a text that must be shown as it is.
const markup = `<img src=x onerror=alert(1)>"'&amp;\u202e`

// consoleWorld is a `ferry dev` in which something has happened.
type consoleWorld struct {
	*devWorld
	url string
}

const (
	anna  = "16505551234"
	bruno = "16505551235"
)

// startConsole starts `ferry dev` with a photo that has arrived, one that WhatsApp could not
// use, and people who have written, some of them with markup.
func startConsole(t testing.TB) *consoleWorld {
	t.Helper()
	w := &consoleWorld{devWorld: startDevAs(t, raceBuild, "--will-fail", "warn")}
	w.url = w.console()
	w.ferry("trigger", "inbound", "--from", anna, "--text", "Where is my order?")
	w.ferry("trigger", "inbound", "--from", bruno, "--text", markup)
	for waID, name := range map[string]string{anna: "Anna", bruno: markup} {
		if _, err := w.sim.control.ChangePerson(t.Context(), metaPhone, waID, metasim.PersonChange{Name: &name}); err != nil {
			t.Fatal(err)
		}
	}
	w.putObject(t, "photo.jpg", sampleFile(t, "sample.jpg").Data, "image/jpeg")
	w.putObject(t, "cmyk.jpg", badSample(t, "jpeg-cmyk.jpg"), "image/jpeg")
	w.ferry("send", "--to", "+"+anna, "--media", "s3://ferry-media/photo.jpg", "--caption", "Here it is", "--wait", "delivered")
	w.ferry("send", "--to", "+"+anna, "--media", "s3://ferry-media/cmyk.jpg")
	return w
}

// ferry runs a command of ferry in the world.
func (w *devWorld) ferry(args ...string) string {
	w.t.Helper()
	return mustRun(w.t, w.env(), raceBuild.path(w.t), args...)
}

// console is the address of the console, which ferry prints.
func (w *devWorld) console() string {
	w.t.Helper()
	line := regexp.MustCompile(`(?m)^ +console +(http\S+)$`)
	eventually(w.t, "ferry dev prints the address of the console", func() bool { return line.MatchString(w.stdout.String()) })
	return line.FindStringSubmatch(w.stdout.String())[1]
}

// pages are the addresses of the pages that a person can reach: those of the head, and what
// the first rows of each lead to.
func (w *consoleWorld) pages(p *tab) []string {
	w.t.Helper()
	p.visit(w.url)
	paths := evaluate[[]string](p, `[...document.querySelectorAll(".nav a")].map((a) => a.getAttribute("href"))`)
	for _, path := range slices.Clone(paths) {
		p.visit(w.url + path)
		rows := evaluate[[]string](p, `[...document.querySelectorAll("main a[href^='/']:not([download])")].map((a) => a.getAttribute("href").replace(/#.*/, ""))`)
		kinds := map[string]int{}
		for _, row := range rows {
			kind, _, _ := strings.Cut(strings.TrimPrefix(row, "/"), "/")
			kind, _, _ = strings.Cut(kind, "?")
			if kinds[kind]++; kinds[kind] <= 2 && !slices.Contains(paths, row) {
				paths = append(paths, row)
			}
		}
	}
	return append(paths, "/nowhere")
}

// violations are what axe-core finds wrong with the page that is shown.
func (p *tab) violations() []string {
	p.t.Helper()
	return evaluate[[]string](p, axe(p.t)+`; axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 200) + " " + (n.any[0]?.message ?? v.help))))`)
}

// A look is how a page is shown.
type look struct {
	width  int64
	scheme string
}

// looks has each width and each scheme once, or each with each if pictures are made.
func looks() []look {
	if os.Getenv("FERRY_PICTURES") != "" {
		return []look{{320, "light"}, {320, "dark"}, {1280, "light"}, {1280, "dark"}}
	}
	return []look{{320, "dark"}, {1280, "light"}}
}

// show shows all pages that are visited afterwards with a look.
func (p *tab) show(l look) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(l.width, 800))
	tell(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}})
}

func TestConsoleIsAccessibleInLightAndDarkOnPhonesAndDesktops(t *testing.T) {
	w := startConsole(t)
	p := startBrowser(t).open()
	pages := w.pages(p)
	p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("main").append(document.createElement("input"))`))
	if len(p.violations()) == 0 {
		t.Fatal("axe-core finds nothing wrong with a field without a name")
	}
	for _, l := range looks() {
		p.show(l)
		for _, path := range pages {
			p.visit(w.url + path)
			for _, violation := range p.violations() {
				t.Errorf("%s at %d px, %s: %s", path, l.width, l.scheme, violation)
			}
			if !p.holds("document.documentElement.scrollWidth <= innerWidth") {
				t.Errorf("%s at %d px is wider than the window", path, l.width)
			}
			p.photograph(fmt.Sprintf("%s-%d-%s", path, l.width, l.scheme))
		}
	}
}

// photograph writes a picture of the page to the folder FERRY_PICTURES, if that is set.
func (p *tab) photograph(name string) {
	p.t.Helper()
	folder := os.Getenv("FERRY_PICTURES")
	if folder == "" {
		return
	}
	quality := int64(80)
	picture := tell(p, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: &quality})
	name = strings.Trim(regexp.MustCompile(`[^A-Za-z0-9.]+`).ReplaceAllString(name, "-"), "-") + ".webp"
	if err := os.WriteFile(filepath.Join(folder, name), picture.Data, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func TestPageOfTheConsoleIsSmall(t *testing.T) {
	w := startConsole(t)
	p := startBrowser(t).open()
	for _, path := range w.pages(p) {
		tell(p, network.ClearBrowserCache, cdp.Empty{})
		p.visit(w.url + path)
		p.await("the scripts run", "document.documentElement.dataset.stream == 'open'")
		// What the page itself needs: no refreshes, which come later, and no files of messages.
		own := evaluate[[]struct {
			Name string `json:"name"`
			Size int    `json:"size"`
		}](p, `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
			.filter((e) => e.initiatorType != "fetch" && !e.name.endsWith("/stream") && !/\/media\/.*\//.test(e.name))
			.map((e) => ({name: e.name, size: e.transferSize}))`)
		bytes, requests := 0, len(own)+1 // the icon is not among them
		for _, resource := range own {
			bytes += resource.Size
		}
		paint := evaluate[float64](p, `performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0`)
		t.Logf("%s: %d requests, %d bytes, first paint after %.0f ms", path, requests, bytes, paint)
		if requests < 4 || requests > 6 || bytes < 10_000 || bytes > 100_000 {
			t.Errorf("%s loads %d bytes from %v; at most 100 KB from 6 are allowed", path, bytes, own)
		}
	}
}

// The stream of one tab serves all tabs, because browsers open only six connections to a
// host without TLS.
func TestTwelveTabsShareOneStream(t *testing.T) {
	w := startConsole(t)
	b := startBrowser(t)
	var tabs []*tab
	for len(tabs) < 12 {
		tabs = append(tabs, b.open())
	}
	first := tabs[0]
	for _, p := range tabs {
		tell(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		p.visit(w.url + "/phone/" + anna)
	}
	first.await("the stream is open", "document.documentElement.dataset.stream == 'open'")
	w.ferry("trigger", "inbound", "--from", anna, "--text", "to all tabs")
	streams := 0
	for _, p := range tabs {
		p.sees("to all tabs")
		streams += p.streaming()
	}
	if streams != 1 {
		t.Errorf("%d tabs have %d streams open; expected one", len(tabs), streams)
	}
	first.closed() // another tab has to open a stream
	tabs = tabs[1:]
	eventually(t, "another tab opens a stream", func() bool {
		return slices.ContainsFunc(tabs, func(p *tab) bool { return p.streaming() == 1 })
	})
	w.ferry("trigger", "inbound", "--from", anna, "--text", "to the others")
	for _, p := range tabs {
		p.sees("to the others")
	}
}

// A tab finds the server again by itself. How long that takes is in the output of the test.
func TestTabIsLiveAgainAfterFerryWasKilled(t *testing.T) {
	ports, data := fmt.Sprint(freePortBase(t)), t.TempDir()
	first := startDevAs(t, raceBuild, "--data", data, "--port-base", ports)
	p := startBrowser(t).open()
	p.visit(first.console() + "/phone")
	p.await("the stream is open", "document.documentElement.dataset.stream == 'open'")
	p.do(chromedp.Evaluate[chromedp.Void](`window.isTheSamePage = true`))
	first.kill()
	p.await("the stream is lost", "document.documentElement.dataset.stream == 'lost'")
	second := startDevAs(t, raceBuild, "--data", data, "--port-base", ports)
	ready := time.Now()
	second.ferry("trigger", "inbound", "--from", anna, "--text", "after the restart")
	p.sees("Person 1234")
	t.Logf("live %v after the restart, of which sending the message is a part", time.Since(ready).Round(time.Millisecond))
	if !p.holds("window.isTheSamePage") {
		t.Error("the page was loaded again")
	}
}

func TestLoginLinkOfTheConsoleWorksOnce(t *testing.T) {
	in := install(t, raceBuild, startSimulator(t, noAccounts))
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprint("127.0.0.1:", port)
	in.serve("--console-listen", address)
	link := func(role string) string {
		return strings.TrimSpace(mustRun(t, in.env, in.program, "console", "login", "--role", role, "--name", "Carla", "--console-listen", address))
	}
	b := startBrowser(t)
	p, used := b.open(), link("viewer")
	p.visit("http://" + address)
	p.sees("ferry console login")
	p.visit(used)
	p.do(chromedp.Click("main form button"))
	p.sees("Carla, viewer")
	p.visit(used)
	p.do(chromedp.Click("main form button"))
	p.sees("has been used")
	p.visit("http://" + address)
	p.sees("Carla, viewer") // the session is still there
	for _, violation := range p.violations() {
		t.Error(violation)
	}
	p.do(chromedp.Click(`form[action="/logout"] button`))
	p.sees("ferry console login")
	p.visit(link("admin"))
	p.do(chromedp.Click("main form button"))
	p.sees("Carla, admin")
}

func TestPersonIsPlayedWithTheKeyboard(t *testing.T) {
	w := startConsole(t)
	p := startBrowser(t).open()
	p.visit(w.url + "/phone/" + anna)
	p.await("the scripts run", "document.documentElement.dataset.stream == 'open'")
	p.do(chromedp.Focus("[data-composer] textarea"))
	p.press("It has arrived" + kb.Enter)
	p.await("the message is in the chat", `[...document.querySelectorAll(".bubble.mine")].some((b) => b.innerText.includes("It has arrived"))`)
	if events := w.ferry("events", "list", "--since", "1h"); !strings.Contains(events, "message.text") {
		t.Errorf("the events are:\n%s", events)
	}
	w.ferry("send", "--to", "+"+anna, "--text", "Thank you")
	p.sees("Thank you")
	p.press(kb.Escape + "gw")
	p.await("g w leads to the page of the world", "location.pathname == '/world' && document.documentElement.dataset.stream == 'open'")
	p.press("?")
	p.await("the keys are shown", "document.querySelector('#help').open")
}

func TestTimelineWaitsForItsReaderAndLeadsToTheAnswer(t *testing.T) {
	w := startConsole(t)
	p := startBrowser(t).open()
	tell(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	p.visit(w.url + "/timeline?kind=event")
	p.await("the scripts run", "document.documentElement.dataset.stream == 'open'")
	w.ferry("trigger", "inbound", "--from", anna, "--text", "one")
	p.await("a row is added while nobody reads", `document.querySelectorAll(".entries li").length > 0 && !document.querySelector("#new-rows")`)
	p.press("j")
	p.await("a row has the focus", `document.activeElement.matches(".entries [data-row]")`)
	first := evaluate[string](p, `document.querySelector(".entries li").id`)
	w.ferry("trigger", "inbound", "--from", anna, "--text", "two")
	p.await("new rows wait", `/^[0-9]+ new/.test(document.querySelector("#new-rows")?.textContent) && document.querySelector(".entries li").id == "`+first+`"`)
	p.press("n")
	p.await("they are shown, and the focus stays", `document.querySelector(".entries li").id != "`+first+`" && document.activeElement.closest("li").id == "`+first+`"`)
	p.press("o")
	p.await("o leads to the answer", `location.pathname == "/why" && document.querySelectorAll(".station").length == 9 && document.documentElement.dataset.stream == 'open'`)
	p.press("/")
	p.await("the search has the focus", `document.activeElement.matches("header [data-search]")`)
	p.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.value = ""`)) // DevTools types the key of its own accord
	p.press("s3://ferry-media/cmyk.jpg" + kb.Enter)
	p.await("the answer about the object", `location.search.includes("cmyk.jpg") && document.querySelector(".g-stopped h3")?.innerText.includes("WhatsApp")`)
}

func TestTextsOfOthersAreOnlyTexts(t *testing.T) {
	w := startConsole(t)
	for name, content := range map[string]string{
		"page.html": "<!doctype html><script>alert(1)</script>", "picture.svg": `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`,
	} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		w.ferry("trigger", "inbound", "--from", bruno, "--document", file)
	}
	p := startBrowser(t).open()
	for _, path := range w.pages(p) {
		p.visit(w.url + path)
		if p.holds(`document.querySelector("img[src='x'], main script, main [onerror], main [onload]")`) {
			t.Errorf("%s has markup of a person", path)
		}
	}
}

// badSample returns a file with one problem.
func badSample(t testing.TB, name string) []byte {
	t.Helper()
	data := sample.Data(name)
	if data == nil {
		t.Fatalf("there is no sample %s", name)
	}
	return data
}
