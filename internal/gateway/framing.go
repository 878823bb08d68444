// Requests of HTTP/1.1 whose length can be read in two ways, which net/http accepts.

package gateway

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// framingHeader is added to the head of a request whose length is ambiguous. A
// client that sends it itself is refused, too.
const framingHeader = "Ferry-Framing"

// refuseAmbiguous returns a handler that refuses what framedListener has marked, in
// the form of AWS's errors. The connection is closed.
func refuseAmbiguous(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, marked := r.Header[framingHeader]; !marked {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Amzn-Errortype", "SerializationException")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintln(w, `{"message":"The request says more than once how long its body is. Send either one Content-Length header or, with HTTP/1.1, one Transfer-Encoding header."}`)
	})
}

// A framedListener marks the requests of its connections that have more than one
// Content-Length, even if all are equal, a Content-Length beside Transfer-Encoding,
// or Transfer-Encoding before HTTP/1.1. A proxy in front of ferry could take the end
// of such a request for another one than net/http does, and with it the beginning of
// the next request (docs/references.md#http-framing). net/http removes these headers
// before a handler sees them, so they are found in what the connection receives.
//
// Connections that are encrypted pass unchanged: their bytes cannot be read here. A
// proxy that encrypts its own connections to ferry must refuse such requests itself;
// net/http at least reads them as RFC 9112 says, and closes the connection when it
// cannot.
type framedListener struct{ net.Listener }

// Accept implements [net.Listener].
func (l framedListener) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if _, encrypted := connection.(*tls.Conn); encrypted || err != nil {
		return connection, err
	}
	return &framedConn{Conn: connection}, nil
}

// framedConn inserts lines at the end of heads. Everything else passes unchanged, and
// only heads are looked at.
type framedConn struct {
	net.Conn
	scanner headScanner
	insert  []byte // to be read first
	unread  []byte // was received after what Read has returned; to be read after insert
}

// Read implements [net.Conn].
func (c *framedConn) Read(p []byte) (n int, err error) {
	for n == 0 && err == nil && len(p) > 0 {
		if len(c.insert) > 0 {
			n = copy(p, c.insert)
			c.insert = c.insert[n:]
			return n, nil
		}
		if len(c.unread) > 0 {
			n = copy(p, c.unread)
			c.unread = c.unread[n:]
		} else {
			n, err = c.Conn.Read(p)
		}
		if at, lines := c.scanner.scan(p[:n]); lines != "" {
			c.insert, c.unread = []byte(lines), append(bytes.Clone(p[at:n]), c.unread...)
			n = at
		}
	}
	return n, err
}

// NetConn returns the connection that c reads from.
func (c *framedConn) NetConn() net.Conn { return c.Conn }

// CloseWrite tells the client that nothing more is sent. net/http calls it before it
// closes a connection with unread bytes, so that the response is not lost.
func (c *framedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// maxScannedLine is the number of bytes of a header line that are kept: enough for
// the headers that matter, unless they are padded.
const maxScannedLine = 128

// A headScanner follows the requests of a connection. It needs to know where each
// one ends; after a body without Content-Length it has the connection closed.
type headScanner struct {
	passing bool  // the connection is closed after this request: nothing more is looked at
	body    int64 // bytes of the body that have not been read

	inHead  bool // the request line was read
	line    [maxScannedLine]byte
	length  int                     // of the line; more than its size if it is longer
	tail    [len("HTTP/1.1\r")]byte // of the request line
	lengths int                     // Content-Length headers
	chunked bool
	old     bool // the request line does not end with HTTP/1.1
	strange bool // a header that matters is padded, or is no number
	content int64
}

// scan looks at the next bytes. If lines must be inserted before p[at], it returns
// them, and has looked at nothing from there on.
func (s *headScanner) scan(p []byte) (at int, lines string) {
	for at < len(p) && !s.passing {
		if s.body > 0 {
			skipped := min(s.body, int64(len(p)-at))
			s.body -= skipped
			at += int(skipped)
			continue
		}
		if s.inHead && s.length == 0 && (p[at] == '\r' || p[at] == '\n') { // the head ends
			if lines := s.verdict(); lines != "" {
				s.passing = true
				return at, lines
			}
		}
		s.add(p[at])
		at++
	}
	return at, ""
}

// add adds a byte to the line, and takes account of the line if it ends there.
func (s *headScanner) add(b byte) {
	if b != '\n' {
		if s.length < len(s.line) {
			s.line[s.length] = b
		}
		s.length++
		if !s.inHead {
			copy(s.tail[:], s.tail[1:])
			s.tail[len(s.tail)-1] = b
		}
		return
	}
	line := s.line[:min(s.length, len(s.line))]
	if s.length <= len(s.line) {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	switch {
	case len(line) == 0 && s.inHead: // the body follows
		*s = headScanner{body: s.content}
	case len(line) == 0: // before a request line; net/http skips or refuses it
		s.length = 0
	case !s.inHead:
		s.inHead, s.old = true, !bytes.HasSuffix(bytes.TrimSuffix(s.tail[:], []byte("\r")), []byte("HTTP/1.1"))
		s.length = 0
	default:
		s.header(line)
		s.length = 0
	}
}

// header takes account of a header line. A line that begins with a space continues
// the one before it.
func (s *headScanner) header(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		s.lengths++
		n, err := strconv.ParseUint(string(bytes.Trim(value, " \t")), 10, 63)
		s.content = int64(n) //nolint:gosec // of 63 bits
		s.strange = s.strange || err != nil || s.length > len(s.line)
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		s.chunked = true
	}
}

// verdict returns the lines that the head of a request needs.
func (s *headScanner) verdict() string {
	switch {
	case s.lengths > 1 || s.strange || s.chunked && (s.lengths > 0 || s.old):
		return framingHeader + ": ambiguous\r\nConnection: close\r\n"
	case s.chunked: // its end is not looked for
		return "Connection: close\r\n"
	}
	return ""
}
