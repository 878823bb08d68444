package main

import "syscall"

// endsWithParent makes the kernel end a child when the benchmark is killed.
func endsWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
