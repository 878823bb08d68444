//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// attackers is the first argument of a process of attackers.
const attackers = "attackers"

// attackPause is the time before an attacker whose connection was closed connects
// again.
const attackPause = 3 * time.Second

// An order is what a process of attackers does. They have a process of their own,
// with a low priority, because real ones would have their own machines.
type order struct {
	Kind    string // heads, bodies, large, streams or idle
	Clients int
	Address string // of the server; sendAttackers sets this and what follows
	IsTLS   bool
	KeyID   string
}

// sendAttackers starts attackers, until end is called.
func (s *server) sendAttackers(o order) (end func(), err error) {
	o.Address, o.IsTLS, o.KeyID = s.address, strings.HasPrefix(s.url, "https:"), s.tenants[0].key.id
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, attackers, string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}, nil
}

// beAttackers is the main function of a process of attackers. It returns only if
// the order is not understood.
func beAttackers(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19)
	switch o.Kind {
	case "idle":
		o.flood("")
	case "heads":
		o.flood(unfinishedHead())
	case "bodies":
		o.flood("POST /v1/whatsapp/media HTTP/1.1\r\nHost: " + o.Address + "\r\nContent-Length: 65536\r\n" + o.signature() + "\r\n" + strings.Repeat("x", 65535))
	case "large":
		o.KeyID = "AKIAUNKNOWNUNKNOWNXX"
		o.flood(fmt.Sprintf("POST /v1/whatsapp/flow/assets/update HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n%s\r\n%s", o.Address, largeBody, o.signature(), strings.Repeat("x", largeBody)))
	case "streams":
		o.streams(250, 700)
	}
	return fmt.Errorf("unknown attack %q", o.Kind)
}

func unfinishedHead() string {
	var head strings.Builder
	head.WriteString("POST /v1/whatsapp/media HTTP/1.1\r\nHost: 127.0.0.1\r\n")
	for i := range 6800 {
		fmt.Fprintf(&head, "%03x:\n", i) // all names differ
	}
	return head.String()
}

// signature returns the header lines of a signature without its secret.
func (o order) signature() string {
	now := time.Now().UTC()
	return fmt.Sprintf("X-Amz-Date: %s\r\nAuthorization: AWS4-HMAC-SHA256 Credential=%s/%s/us-east-1/social-messaging/aws4_request, SignedHeaders=host;x-amz-date, Signature=%s\r\n",
		now.Format("20060102T150405Z"), o.KeyID, now.Format("20060102"), strings.Repeat("0", 64))
}

// flood has the clients send the same bytes and keep their connections open.
func (o order) flood(text string) {
	repeat(o.Clients, func() {
		connection, err := net.Dial("tcp", o.Address)
		if err != nil {
			return
		}
		defer connection.Close()
		if o.IsTLS {
			connection = tls.Client(connection, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // attackers do not care
		}
		if _, err := io.WriteString(connection, text); err == nil {
			_, _ = io.Copy(io.Discard, connection) // until the server closes it
		}
	})
}

// streams has each client send requests at once over HTTP/2.
func (o order) streams(count, lines int) {
	header := make(http.Header)
	for i := range lines {
		header.Set(fmt.Sprintf("X%03d", i), "v")
	}
	for line := range strings.Lines(o.signature()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		header.Set(name, value)
	}
	repeat(o.Clients, func() {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true} //nolint:gosec // as above
		defer transport.CloseIdleConnections()
		repeat(count, func() {
			body, unfinished := io.Pipe()
			defer unfinished.Close()
			request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "https://"+o.Address+"/v1/whatsapp/media", body)
			if err != nil {
				return
			}
			request.Header = header
			if response, err := transport.RoundTrip(request); err == nil {
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		})
	})
}

// repeat has clients do something again and again. It does not return.
func repeat(clients int, do func()) {
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for {
				do()
				time.Sleep(attackPause)
			}
		})
	}
	all.Wait()
}
