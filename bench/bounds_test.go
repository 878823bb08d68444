package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// measured is a run in which every bound was measured. Beside gostream, ferry
// has the given speed.
func measured(speed float64) *report {
	r := &report{CPU: "A CPU", Cores: 2, Go: "go1", Commit: "abc", SHA256: 0.5, Runs: 2, HitRead: 300}
	workloads, err := parseWorkloads(allCases)
	if err != nil {
		panic(err)
	}
	for _, w := range workloads {
		c := newCaseResult(w.String(), w)
		wall := float64(w.size) / (lineBitsPerSecond / 8)
		for range 2 {
			c.add("ferry", sample{Uploads: 100, Bytes: 1e9, Wall: 1 / speed, CPU: 0.5 / speed, StoreCPU: 0.2, SinkCPU: 0.2, PeakRSS: 64 * mib, IdleRSS: 32 * mib, P50: wall * 1.01, P99: wall})
			c.add(nameGostream, sample{Uploads: 100, Bytes: 1e9, Wall: 1, CPU: 0.5, StoreCPU: 0.2, SinkCPU: 0.2, PeakRSS: 16 * mib, P50: 1, P99: 1})
			c.add(nameSHA256, sample{Uploads: 100, Bytes: 1e9, Wall: 1.5, CPU: 1, StoreCPU: 0.2, SinkCPU: 0.2, PeakRSS: 16 * mib, P50: 1, P99: 1})
			c.add(nameBoto3, sample{Uploads: 10, Bytes: 1e8, Wall: 1, CPU: 0.5, PeakRSS: 500 * mib, P50: 1, P99: 1})
		}
		r.Cases = append(r.Cases, c)
	}
	hits := newCaseResult(reuseCase, workload{warmUpSize, 32, viaHTTP})
	hits.add(nameReusing, sample{Uploads: 100, Bytes: 1e9, Wall: 1, CPU: 1})
	hits.add("ferry", sample{Uploads: 100, Bytes: 1e9, Wall: 3, CPU: 3})
	r.Cases = append(r.Cases, hits)
	r.Profiles = []profile{{Case: "16MiB@8", Packages: []share{{"crypto/sha256", 45}}, Steps: []share{{"ferry/internal/media.Inspect", 3}}}}
	r.Bounds = evaluate(r)
	return r
}

func TestAllBoundsHoldInARunThatReachesThem(t *testing.T) {
	r := measured(1)
	for _, b := range r.Bounds {
		if !b.Holds || b.verdict() != "met" {
			t.Errorf("%s, %s: %+v", b.Case, b.what(), b)
		}
	}
	if err := conclude(r, "", options{}, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestABoundThatIsMissedOrNotMeasuredFailsTheRun(t *testing.T) {
	slow := measured(0.8)
	if err := conclude(slow, "", options{}, io.Discard); !errors.Is(err, errBounds) {
		t.Errorf("0.8 of gostream passes: %v", err)
	}
	var out strings.Builder
	slow.boundsTable(&out)
	if !strings.Contains(out.String(), "NOT met") || !strings.Contains(out.String(), "0.80 (0.80–0.80)") {
		t.Errorf("the table does not say what was missed:\n%s", out.String())
	}
	partial := measured(1)
	partial.Cases = partial.Cases[:1]
	partial.Bounds = evaluate(partial)
	if err := conclude(partial, "", options{}, io.Discard); !errors.Is(err, errBounds) {
		t.Errorf("a run of one case passes: %v", err)
	}
}

func TestMemoryIsHeldAgainstTheWorstRun(t *testing.T) {
	r := measured(1)
	r.find("100MiB@8").Movers[0].Runs[1].PeakRSS = 32*mib + 65*mib
	for _, b := range evaluate(r) {
		if b.Case == "100MiB@8" && b.bound.key == "over_idle_mib" && (b.Holds || b.Value != 65) {
			t.Errorf("%+v", b)
		}
	}
}

func TestWithoutGostreamOurOwnBareMoverIsTheYardstick(t *testing.T) {
	r := measured(1)
	for i := range r.Cases {
		if m := r.Cases[i].mover(nameGostream); m != nil {
			m.Mover = nameBare
		}
	}
	for _, b := range evaluate(r) {
		if !b.Holds || b.Against == nameGostream {
			t.Errorf("%+v", b)
		}
	}
}

func TestThePageKeepsWhatPeopleWrote(t *testing.T) {
	file := filepath.Join(t.TempDir(), "docs", "performance.md")
	r := measured(0.8)
	if err := writeDocs(r, file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Performance", "**NOT met**", "What limits", "0.50 CPU s/GB", "![", "performance.svg", "45.0 crypto/sha256", "3.0 media.Inspect", "A CPU, 2 cores"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	written := "by hand, before\n" + string(text) + "by hand, after\n"
	if err := os.WriteFile(file, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeDocs(r, file); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(file); err != nil || string(again) != written {
		t.Errorf("written again, the page is another: %v\n%s", err, again)
	}
	if err := os.WriteFile(file, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeDocs(r, file); err == nil {
		t.Error("a page without marks is overwritten")
	}
}

func TestTheChartIsXMLAndShowsEveryMover(t *testing.T) {
	r := measured(0.8)
	r.CPU = `A "fast" <CPU> & more`
	chart := r.chart()
	decoder := xml.NewDecoder(strings.NewReader(chart))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{nameGostream, nameSHA256, nameBoto3, "https:16MiB@8", "0.80", "8.00"} {
		if !strings.Contains(chart, ">"+want+"<") {
			t.Errorf("the chart lacks %q", want)
		}
	}
	if strings.Contains(chart, "NaN") || strings.Contains(chart, "Inf") {
		t.Error("the chart has a bar without end")
	}
}

func TestAProfileIsRead(t *testing.T) {
	const text = `File: ferry
      flat  flat%   sum%        cum   cum%
     0.60s 60.00% 60.00%      0.60s 60.00%  crypto/internal/fips140/sha256.blockSHANI
     0.10s 10.00% 70.00%      0.90s 90.00%  ferry/internal/social.(*Service).upload
     0.05s  5.00% 75.00%      0.20s 20.00%  ferry/internal/social.(*Service).upload.func1
     0.02s  2.00% 77.00%      0.02s  2.00%  github.com/aws/smithy-go/middleware.(*Stack).Get
         0     0% 77.00%      0.90s 90.00%  ferry/internal/social.init.handle[go.shape.struct { a/b.c int }]
`
	p := parseProfile("16MiB@8", text)
	packages := []share{{"crypto/internal/fips140/sha256", 60}, {"ferry/internal/social", 15}, {"github.com/aws/smithy-go/middleware", 2}}
	if len(p.Packages) != 3 || p.Packages[0] != packages[0] || p.Packages[1] != packages[1] || p.Packages[2] != packages[2] {
		t.Errorf("packages %+v", p.Packages)
	}
	if len(p.Steps) != 1 || p.Steps[0] != (share{"ferry/internal/social.(*Service).upload", 90}) {
		t.Errorf("steps %+v", p.Steps)
	}
}
