//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"ferry/metasim"
)

const (
	account    = "111122223333" // and the accounts that follow it
	metaToken  = "token"
	startLimit = 20 * time.Second // until a server is ready
	stopLimit  = 10 * time.Second // until it has stopped
	mib        = 1 << 20

	clientTimeout = 30 * time.Second // of a request of the bystander
)

// rig is what all cases share: the binary, the simulator of Meta, and a
// certificate.
type rig struct {
	dir     string
	binary  string
	graph   string // URL of the simulator
	control *metasim.ControlClient
	stopSim func()
	trust   *x509.CertPool
}

func newRig(ctx context.Context, binary string, storage metasim.Storage) (r *rig, err error) {
	r = &rig{binary: binary, stopSim: func() {}}
	if r.dir, err = os.MkdirTemp("", "ferry-hostile-"); err != nil {
		return nil, err
	}
	if r.binary == "" {
		r.binary = filepath.Join(r.dir, "ferry")
		build := exec.CommandContext(ctx, "go", "build", "-o", r.binary, "./cmd/ferry")
		build.Dir = ".." // go run -C e2e
		if output, err := build.CombinedOutput(); err != nil {
			return nil, errors.Join(fmt.Errorf("building ferry: %w\n%s", err, output), r.close())
		}
	} else if r.binary, err = filepath.Abs(binary); err != nil {
		return nil, err
	}
	if err := errors.Join(r.startSimulator(storage), r.makeCertificate()); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *rig) close() error {
	r.stopSim()
	return os.RemoveAll(r.dir)
}

func (r *rig) file(name string) string { return filepath.Join(r.dir, name) }

// startSimulator starts Meta's double, with an account for each of ferry's. The storage keeps the files.
func (r *rig) startSimulator(storage metasim.Storage) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	config := metasim.Config{Storage: storage}
	for i := range 3 {
		id := strconv.Itoa(1001 + i)
		config.BusinessAccounts = append(config.BusinessAccounts, metasim.BusinessAccount{
			ID: id, Token: metaToken, PhoneNumbers: []metasim.PhoneNumber{{ID: "2" + id, DisplayPhoneNumber: "+1 555-0" + id}},
		})
	}
	sim := metasim.New(config)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = sim.Run(ctx, smallBuffers{listener}, nil)
	}()
	control := httptest.NewServer(sim.Control())
	r.control = metasim.NewControlClient(control.URL, nil)
	r.stopSim = func() {
		control.Close()
		cancel()
		<-ended
		_ = sim.Close()
	}
	r.graph = "http://" + listener.Addr().String()
	return nil
}

// smallBuffers is a listener whose connections have small buffers in the kernel, so that what
// is not read yet stays with ferry, and a slow reader is not a reader that stalls for long.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if tcp, ok := connection.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetReadBuffer(64<<10))
	}
	return connection, err
}

// makeCertificate writes cert.pem and key.pem.
func (r *rig) makeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	r.trust = x509.NewCertPool()
	r.trust.AppendCertsFromPEM(certificate)
	return errors.Join(os.WriteFile(r.file("cert.pem"), certificate, 0o600),
		os.WriteFile(r.file("key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

// accessKey is a caller's access key.
type accessKey struct{ id, secret string }

// A tenant is an account of the server.
type tenant struct {
	key   accessKey
	phone string // its PhoneNumberID
}

// server is a running `ferry serve`, with a database of its own.
type server struct {
	rig     *rig
	cmd     *exec.Cmd
	log     io.ReadCloser // standard error; the case reads it
	address string
	url     string
	tenants []tenant
	exited  chan struct{}
}

// A setup says how a server is started.
type setup struct {
	args    []string
	env     []string // NAME=value, besides those that every server has
	tenants int      // accounts; at least 1
	wrap    []string // command line that runs the server's; nil means none
	keepLog bool     // the case reads the log itself; otherwise it is discarded
}

// start installs and starts a server, and waits until it is ready.
func (r *rig) start(ctx context.Context, with setup) (s *server, err error) {
	dir, err := os.MkdirTemp(r.dir, "server-")
	if err != nil {
		return nil, err
	}
	env := []string{
		"GOGC=" + os.Getenv("GOGC"), "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_EC2_METADATA_DISABLED=true", "FERRY_META_TOKEN=" + metaToken, "FERRY_GRAPH_URL=" + r.graph,
		"FERRY_DATABASE=" + filepath.Join(dir, "ferry.db"), "FERRY_KEYSET_FILE=" + filepath.Join(dir, "keyset.json"),
	}
	if _, err := r.ferry(ctx, env, "keyset", "create", filepath.Join(dir, "keyset.json")); err != nil {
		return nil, err
	}
	s = &server{rig: r, exited: make(chan struct{})}
	for i := range max(1, with.tenants) {
		t, err := r.newTenant(ctx, env, i)
		if err != nil {
			return nil, err
		}
		s.tenants = append(s.tenants, t)
	}
	if s.address, err = freeAddress(); err != nil {
		return nil, err
	}
	line := append(append(with.wrap, r.binary, "serve", "--listen", s.address), with.args...)
	s.url = "http://" + s.address
	if strings.Contains(strings.Join(with.args, " "), "--tls-cert") {
		s.url = "https://" + s.address
	}
	s.cmd = exec.Command(line[0], line[1:]...)
	s.cmd.Env = append(env, with.env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.log, err = s.cmd.StderrPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_, _ = s.cmd.Process.Wait()
		close(s.exited)
	}()
	if !with.keepLog {
		go func() { _, _ = io.Copy(io.Discard, s.log) }()
	}
	return s, s.waitReady(ctx)
}

func (r *rig) newTenant(ctx context.Context, env []string, i int) (t tenant, err error) {
	number, _ := strconv.Atoi(account)
	id := strconv.Itoa(number + i)
	if _, err := r.ferry(ctx, env, "account", "link", "--account", id, "--waba-id", strconv.Itoa(1001+i)); err != nil {
		return t, err
	}
	list, err := r.ferry(ctx, env, "account", "list", "--json", "--account", id)
	if err != nil {
		return t, err
	}
	var linked struct {
		PhoneNumbers []struct{ PhoneNumberID string }
	}
	if err := json.Unmarshal(list, &linked); err != nil || len(linked.PhoneNumbers) == 0 {
		return t, fmt.Errorf("'ferry account list' printed %s: %w", list, err)
	}
	t.phone = linked.PhoneNumbers[0].PhoneNumberID
	created, err := r.ferry(ctx, env, "key", "create", "--account", id, "--full-access")
	if err != nil {
		return t, err
	}
	t.key = accessKey{exported(created, "AWS_ACCESS_KEY_ID"), exported(created, "AWS_SECRET_ACCESS_KEY")}
	return t, nil
}

// exported returns a variable that a shell which sources the text would have.
func exported(text []byte, name string) string {
	match := regexp.MustCompile(`(?m)^export ` + name + `='([^']*)'$`).FindSubmatch(text)
	if match == nil {
		return ""
	}
	return string(match[1])
}

// ferry runs a command of ferry and returns what it prints.
func (r *rig) ferry(ctx context.Context, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, r.binary, args...)
	var problems bytes.Buffer
	cmd.Env, cmd.Stderr = env, &problems
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ferry %s: %w\n%s", strings.Join(args[:2], " "), err, problems.Bytes())
	}
	return output, nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// waitReady waits until the server is ready, and makes some calls, so that what
// they need once is part of its idle memory.
func (s *server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		response, err := s.client("127.0.0.2").Get(s.url + "/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-s.exited:
			return errors.New("the server ended at once")
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready: %w", err)
		}
	}
	for range 20 {
		if err := s.call(ctx, s.tenants[0].key); err != nil {
			return err
		}
	}
	return nil
}

// stop stops the server. It reports whether it was still running.
func (s *server) stop() (wasRunning bool) {
	wasRunning = s.isRunning()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	return wasRunning
}

func (s *server) isRunning() bool {
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// client returns a client that connects from an address, and never twice on one
// connection.
func (s *server) client(from string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return &http.Client{Timeout: clientTimeout, Transport: &http.Transport{
		DialContext: dialer.DialContext, DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: s.rig.trust},
	}}
}

// resident returns the resident memory of the server in bytes.
func (s *server) resident() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	match := regexp.MustCompile(`VmRSS:\s+([0-9]+) kB`).FindSubmatch(text)
	if match == nil {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(string(match[1]), 10, 64)
	return kilobytes << 10
}

// cpu returns the CPU time that the server has used.
func (s *server) cpu() time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	_, after, _ := bytes.Cut(text, []byte(") "))
	fields := bytes.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(string(fields[11]))
	system, _ := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 on Linux
}

// watch samples the memory of the server until stop is called, which returns the
// highest value over idle in MiB.
func (s *server) watch() (stop func() float64) {
	idle := s.resident()
	var peak atomic.Int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			peak.Store(max(peak.Load(), s.resident()))
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() float64 {
		close(done)
		<-ended
		return float64(peak.Load()-idle) / mib
	}
}
