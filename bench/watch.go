// Watching: uploads while somebody looks at ferry's console, whose timeline follows every
// one of them.

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ferry/bench/child"
)

// measureWatch measures uploads while a tab of a browser shows the timeline, beside uploads
// to a server without a console.
func (b *bench) measureWatch(ctx context.Context, c benchCase) (caseResult, error) {
	result := newCaseResult(c.workload)
	at, n := b.sites[viaWatch], c.uploads(b.options.quick)
	for run := range b.options.runs {
		f, err := prepareFerry(ctx, b.binary, filepath.Join(b.dir, fmt.Sprintf("ferry-watched-%d", run)), at, at.store.url, false)
		if err != nil {
			return result, err
		}
		watched := &watchedFerry{ferry: f}
		seen, err := b.sample(ctx, watched, c.workload, n, n)
		if err != nil {
			return result, err
		}
		plain, err := b.sample(ctx, b.movers[0], c.workload, n, n)
		if err != nil {
			return result, err
		}
		seen.MoreRSS = max(1, seen.PeakRSS-plain.PeakRSS)
		result.add(watched.name(), seen)
		b.logRun(c.workload, watched, run, seen)
		b.logf("%s: %d entries of the journal, %d looks at the timeline", watched.name(), seen.Entries, seen.Looks)
		result.add(b.movers[0].name(), plain)
		b.logRun(c.workload, b.movers[0], run, plain)
	}
	return result, nil
}

// watchedFerry is ferry with a console that somebody looks at.
type watchedFerry struct{ *ferry }

func (f *watchedFerry) name() string            { return nameWatched }
func (f *watchedFerry) measures(benchCase) bool { return true }

// run does what ferry.run does, with a tab open.
func (f *watchedFerry) run(ctx context.Context, w workload, n int) (s sample, err error) {
	address, err := child.FreeAddress()
	if err != nil {
		return s, err
	}
	console, err := child.FreeAddress()
	if err != nil {
		return s, err
	}
	server, err := f.Serve(ctx, address, "--graph-url", f.site.sinkURL, "--store", f.storeFlag, "--media-rate=0", "--console-listen", console)
	if err != nil {
		return s, err
	}
	defer server.Stop()
	link, err := f.Command(ctx, "console", "login", "--console-listen", console)
	if err != nil {
		return s, err
	}
	t, err := openTab(ctx, console, link)
	if err != nil {
		return s, err
	}
	before, err := t.newest(ctx)
	if err != nil {
		return s, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- t.watch(watching) }()
	callers := newCallers("http://"+address, f.KeyID, f.Secret, f.Phone)
	defer callers.close()
	if s, err = f.load(ctx, server.PID(), callers, w, n); err != nil {
		return s, server.Failed(err)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		return s, fmt.Errorf("the stream of the console has ended: %w", err)
	}
	after, err := t.newest(ctx)
	s.Entries, s.Looks = after-before, t.looks
	return s, err
}

// tab is what a browser does for a tab with the timeline (live.js): it reads the stream,
// and fetches the rows again after a change, four times a second at most, and for a fifth
// of the time at most.
type tab struct {
	client  *http.Client
	console string
	cookie  string
	looks   int
}

// openTab logs in.
func openTab(ctx context.Context, console, link string) (*tab, error) {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return nil, err
	}
	t := &tab{console: "http://" + console, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.console+"/login", strings.NewReader(u.RawQuery))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := t.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	for _, cookie := range response.Cookies() {
		t.cookie = cookie.Name + "=" + cookie.Value
	}
	if t.cookie == "" {
		return nil, fmt.Errorf("the login responded with %s and no cookie", response.Status)
	}
	return t, nil
}

// get requests a page or parts of it.
func (t *tab) get(ctx context.Context, path, parts string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.console+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Cookie", t.cookie)
	if parts != "" {
		request.Header.Set("Ferry-Parts", parts)
	}
	response, err := t.client.Do(request)
	if err == nil && response.StatusCode != http.StatusOK {
		response.Body.Close()
		err = fmt.Errorf("GET %s responded with %s", path, response.Status)
	}
	return response, err
}

var newestEntry = regexp.MustCompile(`id="e-([0-9]+)"`)

// newest returns the number of the newest entry of the journal, 0 if there is none.
func (t *tab) newest(ctx context.Context) (int64, error) {
	response, err := t.get(ctx, "/timeline", "entries-part")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	match := newestEntry.FindSubmatch(text)
	if match == nil {
		return 0, nil
	}
	return strconv.ParseInt(string(match[1]), 10, 64)
}

// look fetches the rows of the timeline.
func (t *tab) look(ctx context.Context) error {
	response, err := t.get(ctx, "/timeline", "entries-part")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	t.looks++
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// watch follows the stream until ctx ends.
func (t *tab) watch(ctx context.Context) error {
	response, err := t.get(ctx, "/stream", "")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	changed := make(chan struct{}, 1)
	failed := make(chan error, 1)
	go func() {
		for range changed {
			began := time.Now()
			if err := t.look(ctx); err != nil {
				failed <- err
				return
			}
			time.Sleep(max(250*time.Millisecond, 4*time.Since(began)))
		}
		failed <- nil
	}()
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data:") {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	}
	close(changed)
	if err := <-failed; err != nil && ctx.Err() == nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(lines.Err(), io.ErrUnexpectedEOF)
}
