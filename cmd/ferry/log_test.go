package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ferry/internal/state/statetest"
)

// startServer starts `ferry serve` with its log going to a file, and returns it
// when its API responds.
func startServer(t *testing.T, log *os.File) (api string, command *exec.Cmd) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	directory := t.TempDir()
	keyset := filepath.Join(directory, "keyset.json")
	if output, err := exec.CommandContext(t.Context(), "ferry", "keyset", "create", keyset).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	command = exec.CommandContext(t.Context(), "ferry", "serve", "--listen", address,
		"--database", statetest.Path(t), "--keyset-file", keyset, "--log-format", "json")
	command.Stderr = log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	api = "http://" + address
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if response, err := http.Get(api + "/livez"); err == nil {
			_ = response.Body.Close()
			return api, command
		}
		if time.Now().After(deadline) {
			t.Fatal("ferry serve does not respond")
		}
	}
}

// call sends requests of a stranger, each of which is a line of the log.
func call(t *testing.T, api string, requests int) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	for i := range requests {
		response, err := client.Get(api + "/v1/nothing")
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			t.Fatalf("request %d has the status %d", i, response.StatusCode)
		}
	}
}

// stop sends the stop signal, and returns how the server ended.
func stop(t *testing.T, command *exec.Cmd) error {
	t.Helper()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not end")
		return nil
	}
}

// logPipe returns a pipe for the log of a server.
func logPipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = reader.Close(), writer.Close() })
	return reader, writer
}

// A pipe takes 64 KiB, which some 270 requests fill.
func TestServerWhoseLogIsNotReadServesAllRequestsAndEnds(t *testing.T) {
	_, log := logPipe(t)
	api, command := startServer(t, log)
	call(t, api, 2000)
	if err := stop(t, command); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestServerSaysHowManyLinesOfTheLogWereDropped(t *testing.T) {
	reader, log := logPipe(t)
	api, command := startServer(t, log)
	const requests = 6000 // more than a pipe and the queue hold
	call(t, api, requests)
	_ = log.Close() // the server has its own
	lines, dropped := 0, 0
	said := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		scanner := bufio.NewScanner(reader)
		for scanner.Scan() {
			var line struct {
				Msg   string
				Lines int
			}
			if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
				ended <- err
				return
			}
			switch {
			case line.Lines > 0:
				if dropped == 0 {
					close(said)
				}
				dropped += line.Lines
			case line.Msg == "request":
				lines++
			}
		}
		ended <- scanner.Err()
	}()
	select {
	case <-said: // while the server runs
	case err := <-ended:
		t.Fatalf("the log ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the log does not say that lines were dropped")
	}
	if err := stop(t, command); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if lines+dropped != requests {
		t.Errorf("%d lines are in the log and %d were dropped, of %d", lines, dropped, requests)
	}
}

func TestServerOutlivesTheReaderOfItsLog(t *testing.T) {
	reader, log := logPipe(t)
	api, command := startServer(t, log)
	_ = reader.Close()
	call(t, api, 100)
	if err := stop(t, command); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestServerOutlivesAFullDiskOfItsLog(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no device that is always full: ", err)
	}
	defer full.Close()
	api, command := startServer(t, full)
	call(t, api, 100)
	if err := stop(t, command); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func TestFinalErrorOfAServerIsPrinted(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "ferry", "serve", "--listen", "nowhere").CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != exitFailure || !strings.Contains(string(output), "ferry: ") {
		t.Errorf("ferry serve ended with %v: %s", err, output)
	}
}

func TestClientEndsWithTheReaderOfItsOutput(t *testing.T) {
	reader, output := logPipe(t)
	_ = reader.Close()
	command := exec.CommandContext(context.Background(), "ferry", "version")
	var problems bytes.Buffer
	command.Stdout, command.Stderr = output, &problems
	err := command.Run()
	ended, ok := errors.AsType[*exec.ExitError](err)
	if !ok || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE || problems.Len() > 0 {
		t.Errorf("ferry version ended with %v: %s", err, &problems)
	}
}
