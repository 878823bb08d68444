// A world that failed and stays open, to be looked at in the console.

package ferrytest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"time"

	"ferry/internal/console"
	"ferry/internal/gateway"
	"ferry/internal/local"
	"ferry/internal/tty"
)

// consoleVariable names the environment variable that holds a failed world open: the address
// of the console, or 1 for a free port.
const consoleVariable = "FERRYTEST_CONSOLE"

// hold serves the console of the world of a failed test until Ctrl-C, or until shortly before
// the deadline of the test.
func (w *World) hold() {
	address := os.Getenv(consoleVariable)
	if address == "" || w.local == nil || w.isBubble { // the time of a bubble ends with its goroutines
		return
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)
	url, end, err := w.serveConsole(address)
	if err != nil {
		w.t.Logf("ferrytest: %s=%s: %v", consoleVariable, address, err)
		return
	}
	defer end()
	var over <-chan time.Time
	until := ""
	if deadline, ok := w.deadline(); ok {
		rest := max(0, time.Until(deadline)-stopMargin)
		over, until = time.After(rest), fmt.Sprintf(", or for %v (go test -timeout 0 for longer)", rest.Round(time.Second))
	}
	_ = tty.NewOutput(os.Stderr).Printf(`
%s has failed, and its world stays open until Ctrl-C%s.

  console            %s
  API                %s
  WhatsApp simulator %s
  its control API    %s
  S3                 %s

`, w.t.Name(), until, url, w.APIURL, w.SimulatorURL, w.ControlURL, w.S3URL)
	select {
	case <-interrupted:
	case <-over:
	}
}

// serveConsole serves the console of the world, on another port if that of the address is in
// use, as by another world.
func (w *World) serveConsole(address string) (url string, end func(), err error) {
	if address == "1" {
		address = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", nil, errors.New("expected HOST:PORT such as 127.0.0.1:4083, or 1 for a free port")
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return "", nil, errors.New("expected a loopback address such as 127.0.0.1:4083: the console has no login here")
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		if listener, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return "", nil, err
		}
	}
	g := w.local.Gateway
	pages, err := console.New(console.Config{
		State: g.State(), Activity: g.Activity(), Gateway: g, Simulator: w.Simulator, World: w.local, Sample: local.Sample(),
		Sources: map[string]console.Source{"journal": g.Journal()},
	})
	if err != nil {
		return "", nil, errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: gateway.Access{}.Unsigned(pages), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // until end closes it
	}()
	return "http://" + strings.Replace(listener.Addr().String(), "[::1]", "localhost", 1), func() {
		pages.Drain()
		_ = server.Close()
		<-served
	}, nil
}
