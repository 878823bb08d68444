package metasim

import (
	"net"
	"net/http"
	"testing"
	"time"
)

func TestClientsThatSendNothingDoNotKeepOthersOut(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sim := New(Config{})
	t.Cleanup(func() { _ = sim.Close() })
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(t.Context(), listener, nil) }()
	t.Cleanup(func() { <-ended })
	var first net.Conn
	for i := range maxWaiting + 1 {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if i == 0 {
			first = connection
		}
	}
	_ = first.SetReadDeadline(time.Now().Add(20 * time.Second)) // then the test fails
	if _, err := first.Read(make([]byte, 1)); err == nil {
		t.Error("the oldest connection received something")
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error("the oldest connection is still open")
	}
	response, err := http.Get("http://" + listener.Addr().String() + "/v25.0/1")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
}
