//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"ferry/e2e/namespace"
	"ferry/metasim"
	"ferry/socialmessaging"
)

const (
	insideNetwork = "inside-network" // first argument of the process that runs in a network of its own
	perKind       = 5
	maxSpread     = 20 // percent between the medians of two kinds of names
)

// kinds are what a host name can lead to. The network of this case has an answer
// for each.
var kinds = []string{"private", "missing", "refusing", "silent"}

// names measures how long ferry takes to say that it cannot read from, or write
// to, a presigned URL, for host names that lead to a private address, to nothing, to
// a host that refuses connections, and to one that does not respond. Texts and
// times must not tell a caller which it is. The case runs in a network of its own,
// where it answers DNS.
func names(ctx context.Context, r *rig) ([]finding, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := namespace.Command(ctx, program, insideNetwork, r.binary)
	var problems strings.Builder
	cmd.Stderr = &problems
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("in a network namespace of its own: %w: %s", err, problems.String())
	}
	var findings []finding
	for _, direction := range []string{"reading", "writing"} {
		var measured map[string]timing
		line, rest, _ := strings.Cut(string(output), "\n")
		output = []byte(rest)
		if err := json.Unmarshal([]byte(line), &measured); err != nil {
			return nil, err
		}
		findings = append(findings, compare(direction, measured)...)
	}
	return findings, nil
}

// timing is what was measured of a kind of names.
type timing struct {
	Median int64 // ms
	Text   string
}

// compare compares the kinds of names.
func compare(direction string, measured map[string]timing) []finding {
	var each []string
	texts := map[string]bool{}
	lowest, highest := int64(1<<62), int64(0)
	for _, kind := range kinds {
		m := measured[kind]
		each = append(each, fmt.Sprintf("%s %d", kind, m.Median))
		texts[m.Text] = true
		lowest, highest = min(lowest, m.Median), max(highest, m.Median)
	}
	if len(texts) > 1 {
		for _, kind := range kinds {
			fmt.Printf("%-12s %s, %s: %s\n", "names", direction, kind, measured[kind].Text)
		}
	}
	spread := 100 * float64(highest-lowest) / float64(max(lowest, 1))
	return []finding{
		atMost(direction+", spread of medians (ms: "+strings.Join(each, ", ")+")", spread, maxSpread, "%"),
		mustBe(direction+", one text for all: the host cannot be reached", len(texts) == 1 && strings.Contains(measured[kinds[0]].Text, "cannot be reached")),
	}
}

// namesInside is the case names inside its network. It prints a line of JSON for
// reading and one for writing, and exits.
func namesInside(binary string) error {
	ctx, cancel := context.WithTimeout(context.Background(), caseTimeout)
	defer cancel()
	if err := makeNetwork(); err != nil {
		return err
	}
	r, err := newRig(ctx, binary, metasim.NewMemoryStorage(1<<20))
	if err != nil {
		return err
	}
	err = measureNames(ctx, r)
	if err = errors.Join(err, r.close()); err == nil {
		os.Exit(0)
	}
	return err
}

func measureNames(ctx context.Context, r *rig) error {
	objects, err := startStore()
	if err != nil {
		return err
	}
	defer objects.server.Close()
	s, err := r.start(ctx, setup{args: []string{objects.flag(), "--allow-any-public-host"}})
	if err != nil {
		return err
	}
	defer s.stop()
	media, err := s.post(ctx, s.tenants[0], "quick")
	if err != nil {
		return err
	}
	t, api := s.tenants[0], s.api(s.tenants[0].key)
	directions := []func(url string) error{
		func(url string) error {
			_, err := api.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{
				OriginationPhoneNumberId: &t.phone, SourceS3PresignedUrl: presigned(url),
			})
			return err
		},
		func(url string) error {
			_, err := api.GetWhatsAppMessageMedia(ctx, &socialmessaging.GetWhatsAppMessageMediaInput{
				OriginationPhoneNumberId: &t.phone, MediaId: &media, DestinationS3PresignedUrl: presigned(url),
			})
			return err
		},
	}
	for _, do := range directions {
		measured := make(map[string]timing)
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, kind := range kinds {
			all.Go(func() {
				m := measure(kind, do)
				mu.Lock()
				defer mu.Unlock()
				measured[kind] = m
			})
		}
		all.Wait()
		if err := json.NewEncoder(os.Stdout).Encode(measured); err != nil {
			return err
		}
	}
	return nil
}

func presigned(url string) *socialmessaging.S3PresignedUrl {
	return &socialmessaging.S3PresignedUrl{Url: &url, Headers: map[string]string{"Content-Type": "text/plain"}}
}

// measure calls with names of a kind, each of them new.
func measure(kind string, do func(url string) error) timing {
	var took []int64
	text := "no error"
	for i := range perKind {
		host := fmt.Sprintf("h%d.%s.example.com", i, kind)
		started := time.Now()
		err := do("https://" + host + "/bucket/key?X-Amz-Credential=a&X-Amz-Signature=b")
		took = append(took, time.Since(started).Milliseconds())
		var failed *socialmessaging.DependencyException
		if errors.As(err, &failed) {
			text = strings.ReplaceAll(failed.ErrorMessage(), host, "HOST")
		} else if err != nil {
			text = strings.ReplaceAll(err.Error(), host, "HOST")
		}
	}
	slices.Sort(took)
	return timing{Median: took[len(took)/2], Text: text}
}
