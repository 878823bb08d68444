package e2e

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ferry/metasim"
)

// A process that may open only a few files serves others while clients that send
// nothing hold as many connections as they can get.
func TestIdleClientsDoNotTakeAllFileDescriptors(t *testing.T) {
	in := install(t, plainBuild, startSimulator(t, metasim.Config{}))
	in.wrapper = []string{"sh", "-c", `ulimit -n 128 && exec "$0" "$@"`}
	server := in.serve()
	var lowered bool
	for line := range strings.Lines(server.stderr.String()) {
		lowered = lowered || strings.Contains(line, `"max_connections":32`)
	}
	if !lowered {
		t.Errorf("the log does not say that fewer connections are admitted:\n%s", server.stderr)
	}
	for range 200 {
		connection, err := net.Dial("tcp", strings.TrimPrefix(server.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
	}
	for range 20 {
		if !answers(server.url+"/livez", http.StatusOK) || !answers(server.url+"/readyz", http.StatusOK) {
			t.Fatalf("the server does not answer:\n%s", server.stderr)
		}
	}
	if !slices.ContainsFunc(strings.Split(server.stderr.String(), "\n"), func(line string) bool { return strings.Contains(line, "connections were closed to make room") }) {
		t.Error("the log does not say that connections were closed")
	}
}
