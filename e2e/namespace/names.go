//go:build linux

package namespace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// An Answer returns the addresses of a name, which is in lower case and has no final dot, and
// whether the name exists. It is called for each query, in one goroutine; from the addresses, those of the
// type that is queried are answered.
type Answer func(name string) (addresses []netip.Addr, exists bool)

// serveNames makes this process the name server of its namespace, until it ends.
func serveNames(answer Answer) error {
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
	go answerAll(connection, answer)
	return nil
}

func answerAll(connection *net.UDPConn, answer Answer) {
	query := make([]byte, 512)
	for {
		n, from, err := connection.ReadFromUDPAddrPort(query)
		if err != nil {
			return
		}
		if response := respond(query[:n], answer); response != nil {
			_, _ = connection.WriteToUDPAddrPort(response, from)
		}
	}
}

// respond returns the response to a DNS query (RFC 1035), or nil.
func respond(query []byte, answer Answer) []byte {
	const header = 12
	var labels []string
	at := header
	for at < len(query) && query[at] != 0 && at+1+int(query[at]) < len(query) {
		labels = append(labels, strings.ToLower(string(query[at+1:at+1+int(query[at])])))
		at += 1 + int(query[at])
	}
	end := at + 5 // the root label, type and class
	if end > len(query) {
		return nil
	}
	const typeA, typeAAAA = 1, 28
	queried := binary.BigEndian.Uint16(query[at+1:])
	addresses, exists := answer(strings.Join(labels, "."))
	response := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[header:end]...)
	if !exists {
		response[3] |= 3 // the name does not exist
		return response
	}
	for _, address := range addresses {
		kind := uint16(typeAAAA)
		if address.Is4() {
			kind = typeA
		}
		if kind != queried {
			continue
		}
		response[7]++
		response = append(response, 0xc0, header, 0, byte(kind), 0, 1, 0, 0, 0, 1, 0, byte(address.BitLen()/8))
		response = append(response, address.AsSlice()...)
	}
	return response
}
