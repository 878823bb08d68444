//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// The hosts of the network: public addresses that lead to this machine without
// being addresses of an interface, so that ferry takes them for those of others.
var (
	hosts    = netip.MustParsePrefix("203.0.114.0/24")
	refusing = netip.MustParseAddr("203.0.114.7")
	silent   = netip.MustParseAddr("203.0.114.8")
	private  = netip.MustParseAddr("10.0.0.1")
)

// makeNetwork sets up the network namespace of this process: the loopback
// interface with the hosts' addresses, a name server, and a host that is silent.
func makeNetwork() error {
	if err := startLoopback(); err != nil {
		return fmt.Errorf("starting the loopback interface: %w", err)
	}
	if err := routeToSelf(hosts); err != nil {
		return fmt.Errorf("adding a route: %w", err)
	}
	if err := beSilent(netip.AddrPortFrom(silent, 443)); err != nil {
		return fmt.Errorf("listening at %v: %w", silent, err)
	}
	file, err := os.CreateTemp("", "resolv-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString("nameserver 127.0.0.1\n"); err != nil {
		return err
	}
	if err := errors.Join(file.Close(), os.Chmod(file.Name(), 0o644)); err != nil { //nolint:gosec // as /etc/resolv.conf
		return err
	}
	if err := syscall.Mount(file.Name(), "/etc/resolv.conf", "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting resolv.conf: %w", err)
	}
	connection, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53})
	if err != nil {
		return err
	}
	go answerNames(connection)
	return nil
}

// startLoopback sets the flags of the interface lo.
func startLoopback() error {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
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
	defer syscall.Close(socket)
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	const size = syscall.SizeofNlMsghdr + syscall.SizeofRtMsg + 2*8 // and two attributes of 4 bytes
	var message bytes.Buffer
	for _, part := range []any{
		syscall.NlMsghdr{Len: size, Type: syscall.RTM_NEWROUTE, Flags: syscall.NLM_F_REQUEST | syscall.NLM_F_CREATE | syscall.NLM_F_ACK},
		syscall.RtMsg{
			Family: syscall.AF_INET, Dst_len: uint8(prefix.Bits()), Table: syscall.RT_TABLE_LOCAL, Protocol: syscall.RTPROT_BOOT,
			Scope: syscall.RT_SCOPE_HOST, Type: syscall.RTN_LOCAL,
		},
		syscall.RtAttr{Len: 8, Type: syscall.RTA_DST}, prefix.Addr().As4(),
		syscall.RtAttr{Len: 8, Type: syscall.RTA_OIF}, uint32(loopback.Index),
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

// answerNames answers DNS queries (RFC 1035): the second label of a name says what
// it leads to.
func answerNames(connection *net.UDPConn) {
	query := make([]byte, 512)
	for {
		n, from, err := connection.ReadFromUDPAddrPort(query)
		if err != nil {
			return
		}
		if answer := answerName(query[:n]); answer != nil {
			_, _ = connection.WriteToUDPAddrPort(answer, from)
		}
	}
}

// answerName returns the response to a query, or nil.
func answerName(query []byte) []byte {
	const header = 12
	var labels []string
	at := header
	for at < len(query) && query[at] != 0 && at+1+int(query[at]) < len(query) {
		labels = append(labels, string(query[at+1:at+1+int(query[at])]))
		at += 1 + int(query[at])
	}
	end := at + 5 // the root label, type and class
	if len(labels) < 2 || end > len(query) {
		return nil
	}
	isIPv4 := binary.BigEndian.Uint16(query[at+1:]) == 1
	address, known := map[string]netip.Addr{"private": private, "refusing": refusing, "silent": silent}[strings.ToLower(labels[1])]
	answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[header:end]...)
	switch {
	case !known:
		answer[3] |= 3 // the name does not exist
	case isIPv4:
		answer[7] = 1
		answer = append(answer, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4)
		answer = append(answer, address.AsSlice()...)
	}
	return answer
}
