package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ferry/bench/child"
	"ferry/bench/page"
)

func twoMovers() *report {
	c := newCaseResult(workload{mib, 8, viaHTTP})
	for range 3 {
		c.add("ferry", sample{Uploads: 100, Bytes: 1e8, Wall: 1, CPU: 0.2, LoadCPU: 0.01, PeakRSS: 64 * mib, IdleRSS: 32 * mib, P50: 0.01, P99: 0.02})
		c.add("gostream", sample{Uploads: 125, Bytes: 1.25e8, Wall: 1, CPU: 0.125, PeakRSS: 16 * mib, P50: 0.008, P99: 0.02})
	}
	return &report{Machine: page.Machine{CPU: "A CPU", Cores: 2, Go: "go1", Commit: "abc"}, Cases: []caseResult{c}}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	twoMovers().table(&out)
	want := []string{
		"A CPU, 2 cores, go1, commit abc",
		"",
		"case                       uploads/s  MB/s  CPU s/GB  CPU ms/upl  load s/GB  peak MiB  over idle  idle MiB  p50 ms  p99 ms",
		"1MiB@8  ferry                    100   100      2.00        2.00       0.10      64.0       32.0      32.0    10.0    20.0",
		"        gostream                 125   125      1.00        1.00                 16.0                         8.00    20.0",
		"        ratio to gostream       0.80  0.80      2.00                             4.00                         1.25    1.00",
	}
	got := strings.Split(out.String(), "\n")
	for i, line := range want {
		if got[i] != line {
			t.Errorf("line %d\n got %q\nwant %q", i+1, got[i], line)
		}
	}
}

func TestFerryAloneHasNoRatios(t *testing.T) {
	r := twoMovers()
	r.Cases[0].Movers = r.Cases[0].Movers[:1]
	var out strings.Builder
	r.table(&out)
	if strings.Contains(out.String(), "ratio to") {
		t.Errorf("there is nothing to compare with:\n%s", out.String())
	}
}

func TestThreeDigits(t *testing.T) {
	for value, want := range map[float64]string{0: "0.00", 0.946: "0.95", 9.994: "9.99", 9.996: "10.0", 99.94: "99.9", 99.96: "100", 1234.5: "1234"} {
		if got := threeDigits(value); got != want {
			t.Errorf("%v is %s, want %s", value, got, want)
		}
	}
}

func TestResultsAreWrittenAndCanBeReadBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".bench", "results.json")
	for range 2 {
		if err := twoMovers().write(file); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var read report
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if m := read.Cases[0].Movers[1]; m.Mover != "gostream" || len(m.Runs) != 3 || m.Ratio["mb_per_s"] != 0.8 {
		t.Errorf("read back: %+v", m)
	}
}

func TestAMoverThatLosesBytesIsNoticed(t *testing.T) {
	w := workload{mib, 8, viaHTTP}
	before := stats{Files: 5, Bytes: 500}
	whole := stats{Files: 5 + 11, Bytes: 500 + 10*mib + warmUpSize}
	if err := checkReceived("m", before, whole, w, 10); err != nil {
		t.Error(err)
	}
	for _, after := range []stats{
		{Files: whole.Files - 1, Bytes: whole.Bytes}, {Files: whole.Files, Bytes: whole.Bytes - 1},
		{Files: whole.Files, Bytes: whole.Bytes, Refused: 1},
	} {
		if err := checkReceived("m", before, after, w, 10); err == nil {
			t.Errorf("%+v after %+v passes", after, before)
		}
	}
}

func TestWhatOtherProgramsPrintIsRead(t *testing.T) {
	id, secret, err := child.ParseKey("export AWS_ACCESS_KEY_ID='AKIA1'\nexport AWS_SECRET_ACCESS_KEY='s/e+c='\n")
	if err != nil || id != "AKIA1" || secret != "s/e+c=" {
		t.Errorf("%q %q %v", id, secret, err)
	}
	if _, _, err := child.ParseKey("nothing"); err == nil {
		t.Error("a key is read from nothing")
	}
	phone, err := child.ParsePhone(`{"account":"1","phoneNumbers":[{"phoneNumberId":"phone-number-id-1"}]}` + "\n")
	if err != nil || phone != "phone-number-id-1" {
		t.Errorf("%q %v", phone, err)
	}
	s, err := parsePrinted("gostream", `{"n":4,"wall":2,"user":1,"sys":0.5,"rss_kb":1024,"errors":0,"p50":0.1,"p95":0.2,"p99":0.3}`+"\n")
	if want := (sample{Wall: 2, CPU: 1.5, PeakRSS: mib, P50: 0.1, P99: 0.3}); err != nil || s != want {
		t.Errorf("%+v %v", s, err)
	}
	for _, text := range []string{"", "{}", `{"wall":1,"errors":1}`} {
		if s, err := parsePrinted("gostream", text); err == nil {
			t.Errorf("%q gives %+v", text, s)
		}
	}
}
