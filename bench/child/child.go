// Package child starts and ends the child processes of a benchmark: each has a log, and none runs longer than the
// benchmark.
package child

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	readyTimeout = 15 * time.Second // until a child answers
	stopTimeout  = 10 * time.Second // until a child that is asked to stop has ended
)

// A Process is a running child.
type Process struct {
	name string
	log  string // file
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// Start starts a server. env is all of its environment.
func Start(ctx context.Context, dir, name string, env []string, path string, args ...string) (*Process, error) {
	p := &Process{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	p.cmd = exec.CommandContext(ctx, path, args...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = dir, env, log, log
	p.cmd.SysProcAttr = EndsWithParent()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the status is in cmd.ProcessState
		close(p.done)
	}()
	return p, nil
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop asks the process to end, and kills it if it does not.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// WaitReady waits until a GET request is answered with status 200.
func (p *Process) WaitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		if _, err := Get(ctx, url); err == nil {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-p.done:
			return p.Failed(fmt.Errorf("ended at once: %v", p.cmd.ProcessState))
		case <-ctx.Done():
			return p.Failed(fmt.Errorf("does not answer at %s", url))
		}
	}
}

// Failed adds the end of the log to an error.
func (p *Process) Failed(err error) error {
	const limit = 2 << 10
	text, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s: %w\n%s", p.name, err, text[max(0, len(text)-limit):])
}

// Command runs a program to its end and returns what it wrote to standard output.
func Command(ctx context.Context, dir string, env []string, path string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, env, EndsWithParent()
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(path), strings.Join(args, " "), err, problems.String())
	}
	return out.String(), nil
}

// Environment returns the environment of child processes: nothing of this
// process's that could redirect them, such as a proxy, AWS's settings or ferry's.
func Environment(more ...string) []string {
	env := []string{"AWS_EC2_METADATA_DISABLED=true"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, isSet := os.LookupEnv(name); isSet {
			env = append(env, name+"="+value)
		}
	}
	return append(env, more...)
}

// FreeAddress returns an address to listen on. versitygw does not report which
// port it has, so the port is chosen for it.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// Get returns the body of the response to a GET request, which must have status 200.
func Get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := Local.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, 1<<20))
}

// Local is the benchmark's own client for its child processes. It trusts any
// certificate; the movers do not.
var Local = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
