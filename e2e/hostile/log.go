//go:build linux

package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	strangersRequests = 3000
	maxRequestTime    = 2000 // ms
)

// unreadLog has strangers make requests, each of which is logged, while nobody
// reads the log, and again after its reader has ended.
func unreadLog(ctx context.Context, r *rig) ([]finding, error) {
	s, err := r.start(ctx, setup{keepLog: true})
	if err != nil {
		return nil, err
	}
	defer s.stop()
	findings := []finding{s.strangers(ctx, "unread log: slowest of 3,000 requests")}
	_ = s.log.Close()
	findings = append(findings, s.strangers(ctx, "ended reader: slowest of 3,000 requests"))
	return append(findings, mustBe("the server runs", s.isRunning())), nil
}

// strangers makes requests without a signature.
func (s *server) strangers(ctx context.Context, what string) finding {
	client := s.client("127.0.0.1")
	client.Transport.(*http.Transport).DisableKeepAlives = false
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var worst time.Duration
	var failed error
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range strangersRequests / 10 {
				started := time.Now()
				err := s.unsigned(ctx, client)
				mu.Lock()
				worst = max(worst, time.Since(started))
				if failed == nil {
					failed = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	if failed != nil {
		return finding{what: what + ": " + failed.Error(), figure: "failed", bound: "none"}
	}
	return atMost(what, float64(worst.Milliseconds()), maxRequestTime, "ms")
}

func (s *server) unsigned(ctx context.Context, client *http.Client) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v1/whatsapp/media", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
