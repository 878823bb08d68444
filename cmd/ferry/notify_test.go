//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestServerTellsTheServiceManagerWhenItIsReadyAndWhenItStops(t *testing.T) {
	folder, err := os.MkdirTemp("", "ferry-") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(folder, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	if err := manager.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	told := func() string {
		text := make([]byte, 100)
		n, err := manager.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:n])
	}
	t.Setenv("NOTIFY_SOCKET", manager.LocalAddr().String())
	server := startConsoleServer(t)
	if got := told(); got != "READY=1" {
		t.Errorf("the server reports %q when it serves, want READY=1", got)
	}
	if got := server.send("GET", "/readyz", "", nil); got.status == 0 {
		t.Error("a server that is ready does not respond")
	}
	if err := server.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := told(); got != "STOPPING=1" {
		t.Errorf("the server reports %q when it stops, want STOPPING=1", got)
	}
}
