package tty

import "testing"

func TestSizes(t *testing.T) {
	for size, want := range map[int64][2]string{0: {"0 B", "0 bytes"}, 1023: {"1023 B", "1,023 bytes"}, 4312: {"4.2 KiB", "4,312 bytes"}, 104857600: {"100.0 MiB", "104,857,600 bytes"}} {
		if got := [2]string{Size(size), ExactSize(size)}; got != want {
			t.Errorf("%d: %q, want %q", size, got, want)
		}
	}
}
