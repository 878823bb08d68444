package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

func freePort() (int, error) {
	var err error
	for range 100 {
		port := 10_000 + rand.IntN(20_000) // below those that systems give to connections and to listeners without a port
		var listener net.Listener
		if listener, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, err
}

// freePortBase finds five free ports in a row.
func freePortBase(t testing.TB) int {
	t.Helper()
search:
	for range 100 {
		base, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		for offset := range 5 {
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+offset))
			if err != nil {
				continue search
			}
			listener.Close()
		}
		return base
	}
	t.Fatal("there are no five free ports in a row")
	return 0
}
