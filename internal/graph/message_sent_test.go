package graph

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"ferry/internal/secret"
)

// send sends a message of some size over a connection that has carried one already.
func (p *peer) send(t *testing.T, size int) error {
	t.Helper()
	_, err := p.client.SendMessage(t.Context(), Message{PhoneNumberID: "1", Token: secret.New("t"), Body: []byte(strings.Repeat("x", size))})
	return err
}

// forMessages runs a test over plain connections and over TLS, for a text and for a
// message of the largest size.
func forMessages(t *testing.T, test func(t *testing.T, overTLS bool, size int)) {
	for _, overTLS := range []bool{false, true} {
		for _, size := range []int{200, 2_048_000} {
			t.Run(strconv.FormatBool(overTLS)+" "+strconv.Itoa(size), func(t *testing.T) { test(t, overTLS, size) })
		}
	}
}

const accepted = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"success\":true}"

func TestMessageWhoseResponseIsLostMayHaveBeenSent(t *testing.T) {
	forMessages(t, func(t *testing.T, overTLS bool, size int) {
		p := newPeer(t, overTLS, func(conn net.Conn, reader *bufio.Reader) {
			if readRequest(reader) == nil {
				_, _ = io.WriteString(conn, accepted)
			}
			if err := readRequest(reader); err != nil {
				t.Errorf("the message did not arrive: %v", err)
			}
		})
		if err := p.send(t, 5); err != nil {
			t.Fatal(err)
		}
		if err := p.send(t, size); !IsAmbiguous(err) {
			t.Errorf("%v", err)
		}
	})
}

// Meta closes idle connections; a message on such a connection is not sent.
func TestMessageOnAConnectionThatBreaksWasNotSent(t *testing.T) {
	forMessages(t, func(t *testing.T, overTLS bool, size int) {
		over := make(chan struct{})
		p := newPeer(t, overTLS, func(conn net.Conn, reader *bufio.Reader) {
			if readRequest(reader) == nil {
				_, _ = io.WriteString(conn, accepted)
			}
			<-over
		})
		defer close(over)
		if err := p.send(t, 5); err != nil {
			t.Fatal(err)
		}
		conn, body := <-p.conn, strings.Repeat("x", size)
		var once sync.Once
		_, err := p.client.sendMessage(t.Context(), Message{PhoneNumberID: "1", Token: secret.New("t"), Body: []byte(body)},
			io.MultiReader(readFunc(func([]byte) (int, error) {
				once.Do(func() { reset(conn) })
				return 0, io.EOF
			}), strings.NewReader(body)))
		if failed, ok := errors.AsType[*UnreachableError](err); !ok || failed.BodySent {
			t.Errorf("%v, %+v", err, failed)
		}
	})
}

func TestMessageToAServerThatIsNotThereWasNotSent(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	client, err := New(Config{BaseURL: "http://" + listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.SendMessage(t.Context(), Message{PhoneNumberID: "1", Token: secret.New("t"), Body: []byte("{}")})
	if failed, ok := errors.AsType[*UnreachableError](err); !ok || failed.BodySent {
		t.Errorf("%v, %+v", err, failed)
	}
}
