package e2e

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Deadlines. They only end a wait for something that never happens.
const (
	startLimit = 30 * time.Second
	stopLimit  = 60 * time.Second
	callLimit  = 2 * time.Minute
)

// exitOfRace is the exit status of a process in which the race detector found a race.
const exitOfRace = 66

// transcript collects what a process writes. Readers can wait for more.
type transcript struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed by the next Write
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(p)
	close(t.changed)
	t.changed = make(chan struct{})
	return len(p), nil
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

func (t *transcript) state() (text string, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String(), t.changed
}

// process is a running ferry.
type process struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr *transcript
	exited         chan struct{} // closed when it has ended
	checked        bool          // the test has called wantExit
	killed         bool          // by the test; there may be a thousand of these
}

// environment returns the environment of a child process, without the caller's
// AWS and FERRY settings.
func environment(home string, extra ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=",
		"GORACE=halt_on_error=1 exitcode=66 atexit_sleep_ms=0", // without atexit_sleep_ms each command takes a second longer
	}, extra...)
}

// start runs a program until the end of the test. Then the program is asked to
// stop, and must exit with status 0 and without a data race.
func start(t testing.TB, program string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), stdout: newTranscript(), stderr: newTranscript(), exited: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the status is in cmd.ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		if !p.checked {
			p.stop()
		}
		if t.Failed() && !p.killed {
			t.Logf("standard error of %s %s:\n%s", program, args[0], lastLines(p.stderr.String(), 40))
		}
	})
	return p
}

// stop asks the process to stop, and checks that it exits with status 0.
func (p *process) stop() {
	p.t.Helper()
	p.signal()
	p.wantExit(0)
}

func (p *process) signal() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // if the process has ended already, wantExit says so
}

// signalAgain sends a second signal once the process has noticed the first: two
// signals at once may arrive as one.
func (p *process) signalAgain() {
	p.t.Helper()
	p.waitMessage("stopping")
	p.signal()
}

// wantExit waits until the process has ended and checks its status.
func (p *process) wantExit(status int) {
	p.t.Helper()
	p.checked = true
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
		_ = p.cmd.Process.Kill()
		<-p.exited
		p.t.Errorf("ferry had not stopped after %v", stopLimit)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.t.Errorf("ferry ended with %v, want status %d", p.cmd.ProcessState, status)
	}
	if strings.Contains(p.stderr.String(), "DATA RACE") {
		p.t.Errorf("the race detector found:\n%s", p.stderr)
	}
}

// run runs a program to its end and returns its output and its status.
func run(t testing.TB, env []string, stdin string, program string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errors strings.Builder
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, strings.NewReader(stdin), &out, &errors
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if status = cmd.ProcessState.ExitCode(); status == exitOfRace || strings.Contains(errors.String(), "DATA RACE") {
		t.Fatalf("the race detector found:\n%s", errors.String())
	}
	return out.String(), errors.String(), status
}

// mustRun runs a program that must succeed.
func mustRun(t testing.TB, env []string, program string, args ...string) (stdout string) {
	t.Helper()
	stdout, stderr, status := run(t, env, "", program, args...)
	if status != 0 {
		t.Fatalf("%s %s ended with status %d:\n%s%s", program, strings.Join(args, " "), status, stdout, stderr)
	}
	return stdout
}

// eventually waits until a condition holds. It is for what other processes do
// without an event that a test could wait for.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	within(t, startLimit, what, condition)
}

// within waits for a condition for a time.
func within(t testing.TB, most time.Duration, what string, condition func() bool) {
	t.Helper()
	limit := time.Now().Add(most)
	for !condition() {
		if time.Now().After(limit) {
			t.Fatalf("this has not happened within %v: %s", most, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// answers reports whether a GET request to a URL is answered with a status.
func answers(url string, status int) bool {
	client := http.Client{Timeout: 2 * time.Second, Transport: trustingTransport()}
	defer client.CloseIdleConnections()
	response, err := client.Get(url)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == status
}

func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
