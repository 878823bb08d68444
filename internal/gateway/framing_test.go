package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A pieceConn is a connection that receives a text in pieces of a size.
type pieceConn struct {
	net.Conn
	text  []byte
	piece int
}

func (c *pieceConn) Read(p []byte) (int, error) {
	if len(c.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.text[:min(len(c.text), max(1, c.piece))])
	c.text = c.text[n:]
	return n, nil
}

// filtered returns what a server reads of a text that arrives in pieces of a size.
func filtered(t *testing.T, text string, piece int) string {
	t.Helper()
	got, err := io.ReadAll(&framedConn{Conn: &pieceConn{text: []byte(text), piece: piece}})
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

const (
	marked = "Ferry-Framing: ambiguous\r\nConnection: close\r\n"
	last   = "Connection: close\r\n"
)

func TestHeadsAreMarkedWhereverTheyAreSplit(t *testing.T) {
	for name, want := range map[string]string{ // {M} and {L} stand for the lines that are inserted
		"one length":                            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"no body":                               "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"equal lengths":                         "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n{M}\r\nabc",
		"equal lengths, in another case":        "POST / HTTP/1.1\r\ncontent-length:3\r\nHost: a\r\nCONTENT-LENGTH:  3\r\n{M}\r\nabc",
		"equal lengths with bare line feeds":    "POST / HTTP/1.1\nContent-Length: 3\nContent-Length: 3\n{M}\nabc",
		"a length and an encoding":              "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n{M}\r\n0\r\n\r\n",
		"an encoding before HTTP/1.1":           "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n{M}\r\n0\r\n\r\n",
		"an encoding":                           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{L}\r\n0\r\n\r\n",
		"an encoding after a long target":       "POST /" + strings.Repeat("a", 300) + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{L}\r\n0\r\n\r\n",
		"a padded length":                       "POST / HTTP/1.1\r\nContent-Length: " + strings.Repeat(" ", 200) + "3\r\n{M}\r\nabc",
		"a length of many zeros":                "POST / HTTP/1.1\r\nContent-Length: " + strings.Repeat("0", 200) + "3\r\n{M}\r\nabc",
		"a length on the next line":             "POST / HTTP/1.1\r\nContent-Length:\r\n 3\r\n{M}\r\nabc",
		"the second request":                    "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n{M}\r\nd",
		"the second request, after empty lines": "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n{M}\r\nd",
		"lengths in a body":                     "POST / HTTP/1.1\r\nContent-Length: 70\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nd" + strings.Repeat("x", 12),
		"lengths in the continuation of a line": "GET / HTTP/1.1\r\nX: a\r\n Content-Length: 1\r\nContent-Length: 0\r\n\r\n",
		"names that are not quite the same":     "GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Lengths: 1\r\nX-Content-Length: 1\r\nContent_Length: 1\r\n\r\n",
	} {
		text := strings.NewReplacer("{M}", "", "{L}", "").Replace(want)
		want := strings.NewReplacer("{M}", marked, "{L}", last).Replace(want)
		for piece := 1; piece <= len(text); piece++ {
			if got := filtered(t, text, piece); got != want {
				t.Errorf("%s, in pieces of %d bytes:\n%q, want\n%q", name, piece, got, want)
				break
			}
		}
	}
}

func TestAmbiguousLengthsAreRefusedAndOtherConnectionsKeptAlive(t *testing.T) {
	handled := 0
	server := httptest.NewUnstartedServer(refuseAmbiguous(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		handled++
	})))
	server.Listener = framedListener{server.Listener}
	server.Start()
	t.Cleanup(server.Close)
	for name, test := range map[string]struct {
		head     string
		status   int
		remains  bool // the connection
		isServed bool
	}{
		"one length":               {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200, true, true},
		"chunks":                   {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, false, true},
		"equal lengths":            {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, false, false},
		"different lengths":        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, false, false},
		"a list of lengths":        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400, false, false},
		"a length and chunks":      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false, false},
		"chunks and a length":      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, false, false},
		"chunks before HTTP/1.1":   {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false, false},
		"a client's own mark":      {"GET / HTTP/1.1\r\nHost: a\r\nFerry-Framing: x\r\n\r\n", 400, false, false},
		"a space before the colon": {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc", 400, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := handled
			connection, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			reader := bufio.NewReader(connection)
			for round := range 3 { // on one connection
				if _, err := io.WriteString(connection, test.head); err != nil && round == 0 {
					t.Fatal(err)
				}
				response, err := http.ReadResponse(reader, nil)
				if round > 0 && !test.remains {
					if err == nil {
						t.Errorf("the connection remains open")
					}
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(response.Body)
				if response.StatusCode != test.status {
					t.Errorf("%d %s, want %d", response.StatusCode, body, test.status)
				}
				if kind := response.Header.Get("X-Amzn-Errortype"); strings.Contains(name, "chunks and") && (kind != "SerializationException" || !bytes.Contains(body, []byte(`{"message":"`))) {
					t.Errorf("%s %s", kind, body)
				}
			}
			if (handled > before) != test.isServed {
				t.Errorf("the handler has served %d requests", handled-before)
			}
		})
	}
}

// Whatever arrives, in whatever pieces: without the lines that are inserted it is
// unchanged, and net/http reads no request with more than one length unmarked.
func FuzzFramedConn(f *testing.F) {
	f.Add("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nd", 7)
	f.Add("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 1)
	f.Add("\r\n\nGET / HTTP/1.0\nTransfer-Encoding: chunked\n\n", 3)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		got := filtered(t, text, piece)
		without := strings.Replace(strings.Replace(got, marked, "", 1), last, "", 1)
		if got != text && without != text {
			t.Fatalf("%q became %q", text, got)
		}
		plain, server := bufio.NewReader(strings.NewReader(text)), bufio.NewReader(strings.NewReader(got))
		for {
			head := headOf(plain, text)
			want, wantErr := http.ReadRequest(plain)
			r, err := http.ReadRequest(server)
			if wantErr != nil || err != nil {
				if wantErr == nil && !strings.Contains(got, marked) {
					t.Fatalf("%q is refused: %v", text, err)
				}
				return
			}
			if ambiguous := ambiguousHead(head, want); ambiguous && r.Header.Get(framingHeader) == "" {
				t.Fatalf("%q is not marked", head)
			}
			if r.Close || want.Close {
				return
			}
			body, bodyErr := io.ReadAll(r.Body)
			wantBody, wantBodyErr := io.ReadAll(want.Body)
			if fmt.Sprint(bodyErr) != fmt.Sprint(wantBodyErr) || !bytes.Equal(body, wantBody) {
				t.Fatalf("the body %q was read as %q", wantBody, body)
			}
			if bodyErr != nil {
				return
			}
		}
	})
}

// headOf returns the text from which the next request is read.
func headOf(r *bufio.Reader, text string) string {
	rest, _ := r.Peek(r.Buffered())
	if len(rest) == 0 {
		rest = []byte(text)
	}
	return string(rest)
}

// ambiguousHead counts the headers that say how long the body of a request is, in a
// simpler way than headScanner.
func ambiguousHead(text string, r *http.Request) bool {
	lengths, encodings := 0, 0
	for _, line := range strings.Split(text, "\n")[1:] {
		if line = strings.TrimSuffix(line, "\r"); line == "" {
			break
		}
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "content-length":
			lengths++
		case "transfer-encoding":
			encodings++
		}
	}
	return lengths > 1 || encodings > 0 && (lengths > 0 || !r.ProtoAtLeast(1, 1))
}
