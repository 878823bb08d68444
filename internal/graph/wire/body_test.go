package wire

import (
	"errors"
	"net"
	"strings"
	"testing"
)

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// Whatever the transport does after End, the form never becomes complete.
func TestReadReturnsNothingAfterEnd(t *testing.T) {
	reading, resume := make(chan struct{}), make(chan struct{})
	body := &Body{unread: 5, source: readFunc(func(p []byte) (int, error) {
		close(reading)
		<-resume
		return copy(p, "hello"), nil
	})}
	got := make(chan error)
	go func() {
		n, err := body.Read(make([]byte, 10))
		if n != 0 {
			t.Errorf("%d bytes after End", n)
		}
		got <- err
	}()
	<-reading
	if sent, err := body.End(); sent || err != nil {
		t.Errorf("%v, %v", sent, err)
	}
	close(resume)
	if err := <-got; !errors.Is(err, errEnded) {
		t.Errorf("%v", err)
	}
	if sent, _ := body.End(); sent {
		t.Error("sent after all")
	}
}

func TestConnectionThatIsClosedAlreadyEndsTheBody(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	conn := &uploadConn{Conn: ours}
	_ = conn.Close()
	stopped := false
	body := &Body{unread: 5, source: strings.NewReader("hello"), stop: func() { stopped = true }}
	conn.attach(body)
	if n, err := body.Read(make([]byte, 5)); n != 0 || !errors.Is(err, net.ErrClosed) || !stopped {
		t.Errorf("%d, %v, %v", n, err, stopped)
	}
}
