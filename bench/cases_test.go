package main

import (
	"math"
	"slices"
	"testing"
)

func TestCasesAreSelectedByName(t *testing.T) {
	got, err := selectCases("20KiB@32, https:2MiB@8,100MiB@1,line:16MiB@1,verify:16MiB@8,verify:1MiB@4")
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		workload
		text, key, bare  string
		n, quick, bounds int
	}{
		{workload{20 * kib, 32, viaHTTP}, "20KiB@32", "o20k", yardstick, 4000, 1024, 2},
		{workload{2 * mib, 8, viaHTTPS}, "https:2MiB@8", "o2m", yardstick, 256, 64, 0}, // not in the table
		{workload{100 * mib, 1, viaHTTP}, "100MiB@1", "o100m", yardstick, 5, 2, 0},
		{workload{16 * mib, 1, viaLine}, "line:16MiB@1", "o16m", yardstick, 3, 3, 1},
		{workload{16 * mib, 8, viaVerify}, "verify:16MiB@8", "o16m", nameSHA256, 32, 16, 1},
		{workload{mib, 4, viaVerify}, "verify:1MiB@4", "o1m", nameSHA256, 512, 128, 0},
	}
	if len(got) != len(want) {
		t.Fatalf("%d cases, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].workload != w.workload || got[i].String() != w.text || got[i].key() != w.key || got[i].bare != w.bare || len(got[i].bounds) != w.bounds {
			t.Errorf("case %d is %+v with key %s", i, got[i], got[i].key())
		}
		if n, quick := got[i].uploads(false), got[i].uploads(true); n != w.n || quick != w.quick {
			t.Errorf("%v: %d uploads, quick %d; want %d and %d", got[i], n, quick, w.n, w.quick)
		}
	}
}

func TestEveryCaseOfTheTableCanBeSelected(t *testing.T) {
	all, err := selectCases("")
	if err != nil || len(all) != len(cases) {
		t.Fatalf("%d cases without a selection, want %d; %v", len(all), len(cases), err)
	}
	for _, c := range cases {
		selected, err := selectCases(c.String())
		if err != nil || len(selected) != 1 || selected[0].workload != c.workload || !slices.Equal(selected[0].bounds, c.bounds) {
			t.Errorf("%v selects %+v, %v", c, selected, err)
		}
		for _, b := range c.bounds {
			if b.against == yardstick && c.bare != yardstick || b.against == nameSHA256 && c.bare != nameSHA256 || isAlternative(b.against) && !c.alternatives {
				t.Errorf("%v has a bound against %s, which does not take part", c, b.against)
			}
			if math.IsNaN(findColumn(b.figure).value(sample{Uploads: 1, Bytes: 1, Wall: 1, IdleRSS: 1, HitBytes: 1, MoreRSS: 1, Entries: 1})) {
				t.Errorf("%v: %s is not a figure", c, b.figure)
			}
		}
	}
}

func TestEveryCallerHasAsManyUploads(t *testing.T) {
	for _, w := range []workload{{16 * mib, 64, viaHTTP}, {20 * kib, 256, viaHTTP}, {100 * mib, 3, viaHTTPS}, {kib, 7, viaHTTP}} {
		for _, quick := range []bool{true, false} {
			if n := w.uploads(quick); n%w.concurrency != 0 || n < 2*w.concurrency {
				t.Errorf("%v: %d uploads", w, n)
			}
		}
	}
}

func TestBadNamesOfCasesAreRefused(t *testing.T) {
	for _, text := range []string{" ", "20KiB", "20@4", "20KB@4", "0KiB@4", "-1KiB@4", "20KiB@0", "20KiB@257", "101MiB@1", "KiB@4", "1MiB@8,", "1MiB@8@9", "ftp:1MiB@8", ":1MiB@8", "https:", "9999999999MiB@1", "reuse:1MiB@8"} {
		if got, err := selectCases(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
