package media

import (
	"bytes"
	"testing"
)

func TestEachByteThatTextDoesNotContainIsSeenAnywhere(t *testing.T) {
	for b := range 256 {
		for at := range 20 {
			head := bytes.Repeat([]byte{'a', 0xc3, 0xa9, '\n'}, 5)
			head[at] = byte(b)
			if got := isText(head); got == notText[b] {
				t.Fatalf("with byte %#x at %d: text %t", b, at, got)
			}
		}
	}
}
