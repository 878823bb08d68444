//go:build linux

// Package namespace runs programs in a network of their own, in which every address is one of
// the machine and names have the addresses that a test chooses. It needs root or user namespaces.
package namespace

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"unsafe"
)

// Command returns a command that runs in a network namespace and a mount namespace of its own, as
// root there. The network has no interface that is up: see [Setup].
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL, Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	return cmd
}

// Setup sets up the network of this process, which [Command] has started: the loopback interface,
// routes to it for the addresses of local, which are not addresses of an interface, and a name server.
func Setup(local []netip.Prefix, answer Answer) error {
	if err := startLoopback(); err != nil {
		return fmt.Errorf("starting the loopback interface: %w", err)
	}
	for _, prefix := range local {
		if err := routeToSelf(prefix); err != nil {
			return fmt.Errorf("adding a route for %v: %w", prefix, err)
		}
	}
	return serveNames(answer)
}

// startLoopback sets the flags of the interface lo.
func startLoopback() error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(socket) }()
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP | syscall.IFF_RUNNING}
	copy(request.name[:], "lo")
	if _, _, failed := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); failed != 0 {
		return failed
	}
	return nil
}

// routeToSelf adds a route of type local, by netlink(7) and rtnetlink(7).
func routeToSelf(prefix netip.Prefix) error {
	socket, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(socket) }()
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	family, address := uint8(syscall.AF_INET), prefix.Addr().AsSlice()
	if prefix.Addr().Is6() {
		family = syscall.AF_INET6
	}
	destination := syscall.SizeofRtAttr + len(address)
	var message bytes.Buffer
	for _, part := range []any{
		syscall.NlMsghdr{
			Len:  uint32(syscall.SizeofNlMsghdr + syscall.SizeofRtMsg + destination + syscall.SizeofRtAttr + 4),
			Type: syscall.RTM_NEWROUTE, Flags: syscall.NLM_F_REQUEST | syscall.NLM_F_CREATE | syscall.NLM_F_ACK,
		},
		syscall.RtMsg{
			Family: family, Dst_len: uint8(prefix.Bits()), Table: syscall.RT_TABLE_LOCAL, Protocol: syscall.RTPROT_BOOT,
			Scope: syscall.RT_SCOPE_HOST, Type: syscall.RTN_LOCAL,
		},
		syscall.RtAttr{Len: uint16(destination), Type: syscall.RTA_DST}, address,
		syscall.RtAttr{Len: syscall.SizeofRtAttr + 4, Type: syscall.RTA_OIF}, uint32(loopback.Index),
	} {
		if err := binary.Write(&message, binary.NativeEndian, part); err != nil {
			return err
		}
	}
	if err := syscall.Sendto(socket, message.Bytes(), 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	response := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(socket, response, 0)
	if err != nil {
		return err
	}
	if n < syscall.SizeofNlMsghdr+4 {
		return errors.New("the kernel's response is too short")
	}
	if code := int32(binary.NativeEndian.Uint32(response[syscall.SizeofNlMsghdr:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
