package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// newTerminal returns a terminal, and what was printed on it. Without one on this
// machine it skips the test.
func newTerminal(t *testing.T) (terminal *os.File, printed func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this machine has no pseudo terminals: ", err)
	}
	var number, unlock uint32
	for request, value := range map[uintptr]*uint32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, code := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(value))); code != 0 {
			t.Skip("this machine has no pseudo terminals: ", code)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("this machine has no pseudo terminals: ", err)
	}
	var text strings.Builder
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(&text, master) }) // until the terminal is closed
	return terminal, func() string {
		_ = terminal.Close()
		reading.Wait()
		_ = master.Close()
		return text.String()
	}
}
