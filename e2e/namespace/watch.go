//go:build linux

package namespace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// A Watch records the destination of each SYN in the network of this process, whether
// anybody listens there or not.
type Watch struct {
	socket int
	mu     sync.Mutex
	seen   map[netip.AddrPort]bool
	more   *sync.Cond // after a SYN was recorded
}

// StartWatch starts a Watch that ends with the process.
func StartWatch() (*Watch, error) {
	const allProtocols = unix.ETH_P_ALL>>8 | unix.ETH_P_ALL&0xff<<8 // in the network's byte order
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, allProtocols)
	if err != nil {
		return nil, fmt.Errorf("watching packets: %w", err)
	}
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20); err != nil {
		return nil, fmt.Errorf("watching packets: %w", err)
	}
	w := &Watch{socket: socket, seen: map[netip.AddrPort]bool{}}
	w.more = sync.NewCond(&w.mu)
	go w.run()
	return w, nil
}

func (w *Watch) run() {
	packet := make([]byte, 256) // more is cut off
	for {
		n, _, err := unix.Recvfrom(w.socket, packet, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			panic(err) // the test would see nothing
		}
		if to, ok := synOf(packet[:n]); ok {
			w.mu.Lock()
			w.seen[to] = true
			w.mu.Unlock()
			w.more.Broadcast()
		}
	}
}

// synOf returns the destination of an IP packet that is a SYN.
func synOf(packet []byte) (netip.AddrPort, bool) {
	const protocolTCP, flags, syn, ack = 6, 13, 2, 16
	var to netip.Addr
	var tcp []byte
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4 && packet[9] == protocolTCP:
		to, _ = netip.AddrFromSlice(packet[16:20])
		tcp = packet[min(len(packet), int(packet[0]&15)*4):]
	case len(packet) >= 40 && packet[0]>>4 == 6 && packet[6] == protocolTCP: // a SYN has no extension headers
		to, _ = netip.AddrFromSlice(packet[24:40])
		tcp = packet[40:]
	}
	if len(tcp) <= flags || tcp[flags]&(syn|ack) != syn {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(to, binary.BigEndian.Uint16(tcp[2:])), true
}

// Until waits until a SYN to an address was recorded, and returns all that were recorded since the
// last call. Packets are recorded in their order. It panics if some were missed.
func (w *Watch) Until(to netip.AddrPort) map[netip.AddrPort]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.seen[to] {
		w.more.Wait()
	}
	if statistics, err := unix.GetsockoptTpacketStats(w.socket, unix.SOL_PACKET, unix.PACKET_STATISTICS); err != nil || statistics.Drops > 0 {
		panic(fmt.Sprintf("packets were missed: %+v, %v", statistics, err))
	}
	seen := w.seen
	w.seen = map[netip.AddrPort]bool{}
	return seen
}
