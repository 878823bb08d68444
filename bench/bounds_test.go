package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ferry/bench/page"
)

// measured returns a report in which every bound was measured, and ferry is
// speed times as fast as the bare movers.
func measured(speed float64) *report {
	r := &report{Machine: page.Machine{CPU: "A CPU", Cores: 2, Go: "go1", Commit: "abc"}, SHA256: 0.5, Runs: 2}
	for _, c := range cases {
		result := newCaseResult(c.workload)
		line := float64(c.size) / (lineBitsPerSecond / 8) // seconds
		for range 2 {
			if c.via == viaReuse {
				result.add(nameReusing, sample{Uploads: 100, Bytes: 100 * c.size, Wall: 1, CPU: 1, HitBytes: 300})
				result.add(nameFerry, sample{Uploads: 100, Bytes: 100 * c.size, Wall: 3, CPU: 3})
				continue
			}
			if c.via == viaWatch {
				result.add(nameWatched, sample{Uploads: 100, Bytes: 100 * c.size, Wall: 1, CPU: 1, MoreRSS: mib, Entries: 2000, Looks: 4})
				result.add(nameFerry, sample{Uploads: 100, Bytes: 100 * c.size, Wall: 1, CPU: 1})
				continue
			}
			if c.via == viaTraced {
				result.add(nameTraced, sample{Uploads: 100, Bytes: 100 * c.size, Wall: 1, CPU: 1})
				result.add(nameFerry, sample{Uploads: 100, Bytes: 100 * c.size, Wall: 1, CPU: 1})
				continue
			}
			result.add(nameFerry, sample{Uploads: 100, Bytes: 100 * c.size, Wall: 1 / speed, CPU: 0.5 / speed, StoreCPU: 0.2, SinkCPU: 0.2, PeakRSS: 64 * mib, IdleRSS: 32 * mib, P50: line * 1.01, P99: line})
			name := nameGostream
			if c.bare == nameSHA256 {
				name = nameSHA256
			}
			result.add(name, sample{Uploads: 100, Bytes: 100 * c.size, Wall: 1.1, CPU: 0.5, StoreCPU: 0.2, SinkCPU: 0.2, PeakRSS: 16 * mib, P50: 1, P99: 1})
			if c.alternatives {
				result.add(nameBoto3, sample{Uploads: 10, Bytes: 10 * c.size, Wall: 1, CPU: 0.5, PeakRSS: 500 * mib, P50: 1, P99: 1})
			}
		}
		r.Cases = append(r.Cases, result)
	}
	r.Bounds = evaluate(r, cases, true)
	return r
}

func TestAllBoundsHoldInARunThatReachesThem(t *testing.T) {
	r := measured(1)
	for _, b := range r.Bounds {
		if !b.Holds || b.verdict() != "holds" {
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
		t.Errorf("a ferry that is slower than gostream passes: %v", err)
	}
	var out strings.Builder
	slow.boundsTable(&out)
	if !strings.Contains(out.String(), "DOES NOT HOLD") || !strings.Contains(out.String(), "0.88 (0.88–0.88)") {
		t.Errorf("the table does not say what was missed:\n%s", out.String())
	}
	partial := measured(1)
	partial.Cases = partial.Cases[:1]
	partial.Bounds = evaluate(partial, cases, true)
	if err := conclude(partial, "", options{}, io.Discard); !errors.Is(err, errBounds) {
		t.Errorf("a run of one case passes: %v", err)
	}
}

func TestOnlyTheBoundsOfSelectedCasesAndMoversCount(t *testing.T) {
	r := measured(0.8)
	selected, err := selectCases("16MiB@64,https:2MiB@8")
	if err != nil {
		t.Fatal(err)
	}
	r.Bounds = evaluate(r, selected, true)
	if len(r.Bounds) != 1 || conclude(r, "", options{}, io.Discard) != nil {
		t.Errorf("bounds of cases that were not selected count: %+v", r.Bounds)
	}
	if selected, err = selectCases("20KiB@32"); err != nil {
		t.Fatal(err)
	}
	r.Bounds = evaluate(r, selected, false)
	if len(r.Bounds) != 1 || r.Bounds[0].Against != nameGostream {
		t.Errorf("bounds against movers that were not selected count: %+v", r.Bounds)
	}
}

func TestMemoryIsComparedInTheRunThatNeedsMost(t *testing.T) {
	r := measured(1)
	r.find("100MiB@8").Movers[0].Runs[1].PeakRSS = 32*mib + 65*mib
	for _, b := range evaluate(r, cases, true) {
		if b.Case == "100MiB@8" && b.Figure == "over_idle_mib" && (b.Holds || b.Value != 65) {
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
	for _, b := range evaluate(r, cases, true) {
		if !b.Holds || b.Against == nameGostream {
			t.Errorf("%+v", b)
		}
	}
}

func TestThePageKeepsWhatIsWrittenByHand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "performance.md")
	const before, after = "# Performance\n\nby hand, before\n", "\nby hand, after\n"
	if err := os.WriteFile(file, []byte(before+docs.Begin+"\nof an earlier run\n"+docs.End+after), 0o600); err != nil {
		t.Fatal(err)
	}
	r := measured(0.8)
	for range 2 { // the second time it replaces what it has written
		if err := writeDocs(r, file); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), before+docs.Begin+"\n") || !strings.HasSuffix(string(text), docs.End+after) || strings.Contains(string(text), "earlier run") {
		t.Errorf("the page is now:\n%s", text)
	}
	for _, want := range []string{"| DOES NOT HOLD |", "0.50 CPU s/GB", "](performance.svg)", "A CPU, 2 cores", "| verify:16MiB@8 | MB/s ÷ bare+SHA-256's | ≥ 0.95 |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if err := os.WriteFile(file, []byte("no markers"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeDocs(r, file); err == nil {
		t.Error("a page without markers is overwritten")
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
	for _, want := range []string{nameGostream, nameSHA256, nameBoto3, "https:16MiB@8", "0.88", "8.00"} {
		if !strings.Contains(chart, ">"+want+"<") {
			t.Errorf("the chart lacks %q", want)
		}
	}
	if strings.Contains(chart, "NaN") || strings.Contains(chart, "Inf") {
		t.Error("the chart has a bar without end")
	}
}
