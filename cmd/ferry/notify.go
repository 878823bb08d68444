// What ferry serve tells the service manager that has started it.

package main

import (
	"context"
	"net"
	"os"
)

// States of a service of systemd with Type=notify (docs/references.md#sd-notify).
const (
	serviceReady    = "READY=1"
	serviceStopping = "STOPPING=1"
)

// notifyService sends a state to the service manager: one datagram to the socket that
// NOTIFY_SOCKET names. Without that variable it does nothing.
func notifyService(ctx context.Context, state string) error {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return nil
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unixgram", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}

// reportService tells the service manager that the server is ready, and when ctx is done
// that it stops. The server works without the service manager, so errors are only logged.
// The returned function ends that.
func reportService(ctx context.Context, terminal *terminal) (end func() bool) {
	report := func(state string) {
		if err := notifyService(context.WithoutCancel(ctx), state); err != nil {
			terminal.log.Warn("the service manager at $NOTIFY_SOCKET cannot be told the state of the server", "state", state, "error", err)
		}
	}
	report(serviceReady)
	return context.AfterFunc(ctx, func() { report(serviceStopping) })
}
