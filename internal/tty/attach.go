package tty

import (
	"os"
	"os/exec"
)

// Attach connects a program to the standard input, output and error of this process. What it
// prints is its own.
func Attach(program *exec.Cmd) {
	program.Stdin, program.Stdout, program.Stderr = os.Stdin, os.Stdout, os.Stderr
}
