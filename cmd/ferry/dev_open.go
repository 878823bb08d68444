// ferry dev --open: the console in the browser.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// openConsole opens the console in the browser of the person who has started ferry. What
// prevents that is said, with the URL, and everything continues.
func (c *devCommand) openConsole(url string, terminal *terminal) {
	if !c.Open {
		return
	}
	err := errors.New("its address has a token, which other users of this machine could read in the list of processes")
	if !strings.Contains(url, "token=") {
		err = openBrowser(url)
	}
	if err != nil {
		_ = terminal.err.Printf("ferry: the console is not opened in a browser: %v. Open %s\n", err, url)
	}
}

// openBrowser opens a URL in the browser. It does not wait for the browser.
func openBrowser(url string) error {
	name, arguments := browserCommand(runtime.GOOS)
	if runtime.GOOS != "darwin" && runtime.GOOS != "windows" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return errors.New("there is no display (DISPLAY and WAYLAND_DISPLAY are empty)")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("there is no program %s in PATH", name)
	}
	browser := exec.CommandContext(context.Background(), path, append(arguments, url)...) // it outlives this command
	if err := browser.Start(); err != nil {
		return err
	}
	go func() { _ = browser.Wait() }() // its exit status says little, and comes late
	return nil
}

// browserCommand returns the program that opens a URL on a system, and its first arguments.
func browserCommand(system string) (name string, arguments []string) {
	switch system {
	case "darwin":
		return "open", nil
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	}
	return "xdg-open", nil
}
