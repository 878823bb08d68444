//go:build !unix

package main

import "os"

// passedSignals returns the signals that a program of ferry dev receives from ferry.
func passedSignals() []os.Signal { return []os.Signal{os.Interrupt} }

// statusOf returns the exit status of a program.
func statusOf(state *os.ProcessState) int { return state.ExitCode() }
