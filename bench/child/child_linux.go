package child

import "syscall"

// EndsWithParent makes the kernel end a child when the benchmark is killed.
func EndsWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
