// Observation: uploads while ferry serves metrics that are scraped, and exports one trace
// of a hundred.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"time"

	"ferry/bench/child"
)

// scrapeInterval is the time between two scrapes, a third of what Prometheus has without
// a setting.
const scrapeInterval = 5 * time.Second

// measureTraced measures uploads to a ferry with metrics and traces beside uploads to one
// without.
func (b *bench) measureTraced(ctx context.Context, c benchCase) (caseResult, error) {
	result := newCaseResult(c.workload)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer collector.Close()
	at, n := b.sites[viaTraced], c.uploads(b.options.quick)
	for run := range b.options.runs {
		f, err := prepareFerry(ctx, b.binary, filepath.Join(b.dir, fmt.Sprintf("ferry-traced-%d", run)), at, at.store.url, false,
			"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01")
		if err != nil {
			return result, err
		}
		// Both have a new database, and take turns in being the first one.
		plain, err := prepareFerry(ctx, b.binary, filepath.Join(b.dir, fmt.Sprintf("ferry-untraced-%d", run)), at, at.store.url, false)
		if err != nil {
			return result, err
		}
		movers := []mover{&tracedFerry{f}, &ferries{nameFerry, map[string]*ferry{viaTraced: plain}}}
		samples := make([]sample, len(movers))
		for turn := range movers {
			i := (run + turn) % len(movers)
			if samples[i], err = b.sample(ctx, movers[i], c.workload, n, n); err != nil {
				return result, err
			}
		}
		for i, m := range movers {
			result.add(m.name(), samples[i])
			b.logRun(c.workload, m, run, samples[i])
		}
	}
	return result, nil
}

// tracedFerry is ferry with metrics and traces.
type tracedFerry struct{ *ferry }

func (f *tracedFerry) name() string            { return nameTraced }
func (f *tracedFerry) measures(benchCase) bool { return true }

// run does what ferry.run does, while somebody scrapes.
func (f *tracedFerry) run(ctx context.Context, w workload, n int) (s sample, err error) {
	metrics, err := child.FreeAddress()
	if err != nil {
		return s, err
	}
	measured := *f.ferry
	measured.flags = append(measured.flags[:len(measured.flags):len(measured.flags)], "--metrics-listen", metrics)
	scraping, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for {
			select {
			case <-time.After(scrapeInterval):
				_, _ = scrape(scraping, metrics)
			case <-scraping.Done():
				return
			}
		}
	}()
	measured.check = func(ctx context.Context) error {
		text, err := scrape(ctx, metrics)
		if want := fmt.Sprintf("ferry_upload_attempts_total{outcome=\"ok\"} %d\n", n+1); err == nil && !strings.Contains(text, want) { // with the first one
			err = errors.New("the metrics do not have " + strings.TrimSpace(want))
		}
		return err
	}
	return measured.run(ctx, w, n)
}

// scrape returns the metrics of a server as text.
func scrape(ctx context.Context, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}
