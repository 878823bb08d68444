package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium returns the browser's program.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missingTool(t, "chromium", "'make system' installs it")
	return ""
}

// A browser is a running Chromium.
type browser struct {
	t   testing.TB
	ctx context.Context // of the browser's first tab, which stays empty
}

// startBrowser starts Chromium with an empty profile until the end of the test.
func startBrowser(t testing.TB) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900),
		chromedp.Flag("proxy-server", "direct://"), chromedp.Flag("lang", "en"), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return &browser{t, ctx}
}

// A tab shows one page. What its pages report as wrong is an error of the test.
type tab struct {
	t        testing.TB
	ctx      context.Context
	closed   context.CancelFunc
	mu       sync.Mutex
	streams  map[network.RequestID]bool // that are open
	problems []string                   // exceptions, violations of the policy, resources that cannot be loaded
}

// open opens a tab.
func (b *browser) open() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	p := &tab{t: b.t, ctx: ctx, closed: cancel, streams: make(map[network.RequestID]bool)}
	b.t.Cleanup(cancel)
	if err := chromedp.Listen(ctx, p.notice); err != nil {
		b.t.Fatal(err)
	}
	tell(p, network.Enable, network.EnableParams{})
	tell(p, log.Enable, cdp.Empty{})
	b.t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, problem := range p.problems {
			b.t.Errorf("the browser reports: %s", problem)
		}
	})
	return p
}

// notice records what the browser reports.
func (p *tab) notice(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if strings.HasSuffix(e.Request.URL, "/stream") {
			p.streams[e.RequestID] = true
		}
	case *network.EventLoadingFailed:
		delete(p.streams, e.RequestID)
	case *network.EventLoadingFinished:
		delete(p.streams, e.RequestID)
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, exceptionText(e.ExceptionDetails))
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || e.Entry.Source == log.EntrySourceViolation {
			p.problems = append(p.problems, e.Entry.Text)
		}
	case *page.EventJavascriptDialogOpening:
		p.problems = append(p.problems, "a dialog was opened: "+e.Message)
	}
}

// forget makes what was reported so far no error of the test.
func (p *tab) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problems = nil
}

// exceptionText says what a script has thrown.
func exceptionText(e *runtime.ExceptionDetails) string {
	if e.Exception != nil {
		return e.Text + " " + e.Exception.Description
	}
	return e.Text
}

// tell sends a command to the browser, and returns its result.
func tell[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, startLimit)
	defer cancel()
	value, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.t.Fatal(err)
	}
	return value
}

// result runs an action and returns its value.
func result[T any](p *tab, action chromedp.Action[T]) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, startLimit)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.t.Fatal(err)
	}
	return value
}

// do runs actions.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	result(p, chromedp.Steps(actions...))
}

// visit loads a page.
func (p *tab) visit(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

// evaluate returns the value of an expression, which may be a promise.
func evaluate[T any](p *tab, expression string) T {
	p.t.Helper()
	return result(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// holds reports whether an expression is true. It is not while another page is being
// loaded: for a moment there is a document without elements.
func (p *tab) holds(expression string) bool {
	p.t.Helper()
	return evaluate[bool](p, "!!(document.body && ("+expression+"))")
}

// await waits until an expression is true.
func (p *tab) await(what, expression string) {
	p.t.Helper()
	limit := time.Now().Add(startLimit)
	for !p.holds(expression) {
		if time.Now().After(limit) {
			p.t.Fatalf("this has not happened within %v: %s; %s shows:\n%s", startLimit, what,
				evaluate[string](p, "location.href"), evaluate[string](p, "document.body.innerText"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// sees waits until the page has a text.
func (p *tab) sees(text string) {
	p.t.Helper()
	quoted, _ := json.Marshal(text)
	p.await("the page shows "+text, "document.body?.innerText.includes("+string(quoted)+")")
}

// press presses keys.
func (p *tab) press(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// streaming returns how many streams of changes the tab has open.
func (p *tab) streaming() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.streams)
}

// axe is the source of axe-core.
func axe(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("node/node_modules/axe-core/axe.min.js")
	if err != nil {
		missingTool(t, "axe-core", "'make node' installs it")
	}
	return string(text)
}
