//go:build linux || darwin || freebsd || netbsd || openbsd

package bulk

import (
	"os"
	"syscall"
)

// lockFile locks a file for this process until it is closed, or fails at once.
func lockFile(file *os.File) error {
	return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
