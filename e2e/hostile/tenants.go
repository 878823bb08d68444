//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ferry/socialmessaging"
)

const (
	slowSize       = 8 << 20
	slowRate       = 32 << 10 // bytes per second; ferry gives up a source below 10 KiB/s
	places         = 256      // of `ferry serve`
	slowPerAccount = 200
	maxThird       = 2000 // ms for an upload of the third account
)

// steady is a document.
var steady = "%PDF-1.7\n" + strings.Repeat("%", steadySize-16) + "\n%%EOF\n"

// store is a server in the place of an S3 store, whose keys say how fast an
// object is read: slow or quick; or that it is large: steady.
type store struct {
	server *http.Server
	url    string
	slow   atomic.Int64 // slow objects that are being read
	opened atomic.Int64 // steady objects that were read, or are
}

func startStore() (*store, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &store{url: "http://" + listener.Addr().String()}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"e"`)
	if strings.HasSuffix(r.URL.Path, "/steady") {
		s.serveSteady(w, r)
		return
	}
	if !strings.HasSuffix(r.URL.Path, "/slow") {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "a quick file\n")
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Length", strconv.Itoa(slowSize))
	if r.Method == http.MethodHead {
		return
	}
	s.slow.Add(1)
	defer s.slow.Add(-1)
	piece := []byte("%PDF-1.7\n" + strings.Repeat("%", slowRate/4-9))
	for {
		if _, err := w.Write(piece); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(time.Second / 4):
		case <-r.Context().Done():
			return
		}
	}
}

// serveSteady sends a document, or a range of it, as fast as it is read.
func (s *store) serveSteady(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/pdf")
	if r.Method == http.MethodGet && r.Header.Get("Range") == "" {
		s.opened.Add(1)
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(steady))
}

// flag returns the argument of `ferry serve` for the store.
func (s *store) flag() string {
	return fmt.Sprintf(`--store={"endpoint": %q, "region": "us-east-1", "path_style": true, "access_key_id": "a", "secret_access_key": "b"}`, s.url)
}

// post uploads an object for a tenant and returns the media id.
func (s *server) post(ctx context.Context, t tenant, key string) (string, error) {
	return post(ctx, s.api(t.key), t, key)
}

func post(ctx context.Context, api *socialmessaging.Client, t tenant, key string) (string, error) {
	bucket := "bucket"
	output, err := api.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &t.phone, SourceS3File: &socialmessaging.S3File{BucketName: &bucket, Key: &key},
	})
	if err != nil {
		return "", err
	}
	return *output.MediaId, nil
}

// tenants has two accounts keep all places for uploads occupied with slow files,
// and measures the uploads of a third one.
func tenants(ctx context.Context, r *rig) ([]finding, error) {
	objects, err := startStore()
	if err != nil {
		return nil, err
	}
	defer objects.server.Close()
	s, err := r.start(ctx, setup{args: []string{objects.flag()}, tenants: 3})
	if err != nil {
		return nil, err
	}
	defer s.stop()
	slow, end := context.WithCancel(ctx)
	var uploads sync.WaitGroup
	defer uploads.Wait()
	defer end()
	for _, t := range s.tenants[:2] {
		for range slowPerAccount {
			uploads.Go(func() {
				for slow.Err() == nil {
					_, _ = s.post(slow, t, "slow") // refused while all places are taken
					select {
					case <-slow.Done():
					case <-time.After(time.Second):
					}
				}
			})
		}
	}
	filled := time.Now().Add(startLimit)
	for objects.slow.Load() < places-2 && time.Now().Before(filled) {
		time.Sleep(50 * time.Millisecond)
	}
	occupied := objects.slow.Load()
	var worst time.Duration
	var failed error
	const tries = 20
	for range tries {
		started := time.Now()
		if _, err := s.post(ctx, s.tenants[2], "quick"); err != nil && failed == nil {
			failed = err
		}
		worst = max(worst, time.Since(started))
	}
	what := fmt.Sprintf("upload of a third account, %d of %d places taken", occupied, places)
	findings := []finding{mustBe("two accounts take most places with slow uploads", occupied >= places*3/4)}
	if failed != nil {
		return append(findings, finding{what: what + ": " + failed.Error(), figure: "failed", bound: "served"}), nil
	}
	return append(findings, atMost(fmt.Sprintf("%s, slowest of %d", what, tries), float64(worst.Milliseconds()), maxThird, "ms")), nil
}
