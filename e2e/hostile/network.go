//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"ferry/e2e/namespace"
)

// The hosts of the network: public addresses that lead to this machine without
// being addresses of an interface, so that ferry takes them for those of others.
var (
	hosts    = netip.MustParsePrefix("203.0.114.0/24")
	refusing = netip.MustParseAddr("203.0.114.7")
	silent   = netip.MustParseAddr("203.0.114.8")
	private  = netip.MustParseAddr("10.0.0.1")
)

// makeNetwork sets up the network namespace of this process: the hosts' addresses, a name server
// to which the second label of a name says what it leads to, and a host that is silent.
func makeNetwork() error {
	targets := map[string]netip.Addr{"private": private, "refusing": refusing, "silent": silent}
	err := namespace.Setup([]netip.Prefix{hosts}, func(name string) ([]netip.Addr, bool) {
		labels := strings.Split(name, ".")
		if len(labels) < 2 {
			return nil, false
		}
		target, exists := targets[labels[1]]
		return []netip.Addr{target}, exists
	})
	if err != nil {
		return err
	}
	if err := beSilent(netip.AddrPortFrom(silent, 443)); err != nil {
		return fmt.Errorf("listening at %v: %w", silent, err)
	}
	return nil
}

// beSilent listens at an address with a queue that is full, so that the kernel
// drops what else arrives there.
func beSilent(address netip.AddrPort) error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: address.Addr().As4(), Port: int(address.Port())}); err != nil {
		return err
	}
	if err := syscall.Listen(socket, 0); err != nil {
		return err
	}
	for range 8 { // until one is not accepted
		if _, err := net.DialTimeout("tcp", address.String(), 300*time.Millisecond); err != nil {
			return nil
		}
	}
	return errors.New("its queue does not become full")
}
