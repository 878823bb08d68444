//go:build unix

package main

import (
	"os"
	"syscall"
)

// passedSignals returns the signals that a program of ferry dev receives from ferry.
func passedSignals() []os.Signal {
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2}
}

// statusOf returns the exit status as shells have it: 128 and the number of the signal
// that has ended a program.
func statusOf(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
