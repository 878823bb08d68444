package main

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestStatIsReadWhateverTheCommandIsCalled(t *testing.T) {
	const rest = " S 1 2 2 0 -1 4194304 1 2 3 4 1234 66 7 8 20 0 9 0 100 200 300"
	for _, command := range []string{"(ferry)", "(a b)", "(a) b)", "(()"} {
		if got, err := parseStat("42 " + command + rest); err != nil || got != 13 {
			t.Errorf("%s: %v, %v; want 13 s", command, got, err)
		}
	}
	for _, text := range []string{"", "42 (ferry) S 1 2", "42 (ferry) S 1 2 2 0 -1 4194304 1 2 3 4 x y 7"} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("%q gives %v", text, got)
		}
	}
}

func TestStatusIsRead(t *testing.T) {
	const text = "Name:\tferry\nVmPeak:\t  999 kB\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nVmSwap:\tsome kB\n"
	for field, want := range map[string]int64{"VmHWM": 2 * mib, "VmRSS": mib} {
		if got, err := parseStatus(text, field); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", field, got, err, want)
		}
	}
	for _, field := range []string{"VmData", "VmSwap"} {
		if got, err := parseStatus(text, field); err == nil {
			t.Errorf("%s gives %d", field, got)
		}
	}
}

func TestThisProcessHasUsedSomething(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc here")
	}
	resident, err := residentOf(os.Getpid(), "VmRSS")
	if err != nil || resident < mib {
		t.Errorf("resident %d, %v", resident, err)
	}
	for started := time.Now(); time.Since(started) < 50*time.Millisecond; {
	}
	if used, err := cpuSeconds(os.Getpid()); err != nil || used <= 0 {
		t.Errorf("CPU %v s, %v", used, err)
	}
}
