package main

import "testing"

func TestWorkloadsAreReadAsWritten(t *testing.T) {
	got, err := parseWorkloads("20KiB@32, https:1MiB@8,100MiB@1,line:16MiB@1")
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		workload
		text, key string
		n, quick  int
	}{
		{workload{20 * kib, 32, viaHTTP}, "20KiB@32", "o20k", 4000, 1024},
		{workload{mib, 8, viaHTTPS}, "https:1MiB@8", "o1m", 512, 128},
		{workload{100 * mib, 1, viaHTTP}, "100MiB@1", "o100m", 5, 2},
		{workload{16 * mib, 1, viaLine}, "line:16MiB@1", "o16m", 3, 3},
	}
	if len(got) != len(want) {
		t.Fatalf("%d cases, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i] != w.workload || got[i].String() != w.text || got[i].key() != w.key {
			t.Errorf("case %d is %v with key %s", i, got[i], got[i].key())
		}
		if n, quick := got[i].uploads(false), got[i].uploads(true); n != w.n || quick != w.quick {
			t.Errorf("%v: %d uploads, quick %d; want %d and %d", got[i], n, quick, w.n, w.quick)
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

func TestBadWorkloadsAreRefused(t *testing.T) {
	for _, text := range []string{"", "20KiB", "20@4", "20KB@4", "0KiB@4", "-1KiB@4", "20KiB@0", "20KiB@257", "101MiB@1", "KiB@4", "1MiB@8,", "1MiB@8@9", "ftp:1MiB@8", ":1MiB@8", "https:", "9999999999MiB@1"} {
		if got, err := parseWorkloads(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
