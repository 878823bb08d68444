// The bare mover: GetObject's body into a POST, with net/http and the S3 SDK
// and nothing else; the practical limit of what a server can do. Its source is
// not part of this repository: it is built where it is found.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// gostream is the built mover. It makes its own load, in its own process.
type gostream struct {
	binary            string
	storeURL, sinkURL string
}

// buildGostream builds the mover from a copy of its module, which may be
// read-only. It gives false where the module is absent.
func buildGostream(ctx context.Context, module, dir string) (binary string, found bool, err error) {
	if _, err := os.Stat(filepath.Join(module, "gostream", "main.go")); err != nil {
		return "", false, nil
	}
	copied := filepath.Join(dir, "gostream-source")
	for _, part := range []string{"gostream", "harness"} {
		if err := os.CopyFS(filepath.Join(copied, part), os.DirFS(filepath.Join(module, part))); err != nil {
			return "", false, err
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(module, file))
		if err != nil {
			return "", false, err
		}
		if err := os.WriteFile(filepath.Join(copied, file), text, 0o600); err != nil {
			return "", false, err
		}
	}
	binary = filepath.Join(dir, "gostream")
	_, err = command(ctx, copied, append(os.Environ(), "GOWORK=off"), "go", "build", "-trimpath", "-o", binary, "./gostream")
	return binary, true, err
}

func (g *gostream) name() string { return "gostream" }

func (g *gostream) run(ctx context.Context, w workload, n int) (sample, error) {
	text, err := command(ctx, filepath.Dir(g.binary),
		environment("AWS_ACCESS_KEY_ID="+storeKey, "AWS_SECRET_ACCESS_KEY="+storeSecret),
		g.binary, "-s3", g.storeURL, "-sink", g.sinkURL, "-bucket", bucket,
		"-key", w.key(), "-n", strconv.Itoa(n), "-c", strconv.Itoa(w.concurrency))
	if err != nil {
		return sample{}, err
	}
	s, err := parseGostream(text)
	s.Uploads, s.Bytes = n, int64(n)*w.size
	return s, err
}

// parseGostream reads the one line that the mover prints.
func parseGostream(text string) (sample, error) {
	var line struct {
		Wall   float64 `json:"wall"`
		User   float64 `json:"user"`
		System float64 `json:"sys"`
		PeakKB int64   `json:"rss_kb"`
		Errors int     `json:"errors"`
		P50    float64 `json:"p50"`
		P99    float64 `json:"p99"`
	}
	if err := json.Unmarshal([]byte(strings.TrimSpace(text)), &line); err != nil || line.Wall <= 0 {
		return sample{}, fmt.Errorf("gostream printed %q; expected a JSON object with its times", text)
	}
	if line.Errors > 0 {
		return sample{}, fmt.Errorf("gostream: %d uploads failed", line.Errors)
	}
	return sample{Wall: line.Wall, CPU: line.User + line.System, PeakRSS: line.PeakKB * kib, P50: line.P50, P99: line.P99}, nil
}
