package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A program that is made for SNS works with 'ferry listen' unchanged, but for the host that
// certificates come from.
func TestNotificationsOfListenAreVerifiedByAClientOfSNS(t *testing.T) {
	node := nodeBinary(t)
	w := startDev(t, raceBuild)
	for _, version := range []string{"1", "2"} {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		ca := filepath.Join(t.TempDir(), "ca.pem")
		listener := start(t, raceBuild.path(t), w.env(), "listen", "--as", "sns", "--sns-signature-version", version, "--sns-ca-file", ca,
			"--to", fmt.Sprintf("http://127.0.0.1:%d/", port), "--retry")
		eventually(t, "ferry listen waits for events", func() bool { return strings.Contains(listener.stderr.String(), "Waiting for events") })
		if _, err := os.Stat(ca); err != nil {
			t.Fatal(err)
		}
		program := start(t, node, environment(t.TempDir(), "NODE_EXTRA_CA_CERTS="+ca), "node/notified.mjs", fmt.Sprint(port))
		eventually(t, "the program listens", func() bool { return strings.Contains(program.stdout.String(), "listening") })
		w.ferry("trigger", "inbound", "--from", anna, "--text", "for version "+version)
		eventually(t, "the program is notified", func() bool { return strings.Count(program.stdout.String(), "\n") > 1 })
		if got := program.stdout.String(); !strings.Contains(got, "verified version "+version) || !strings.Contains(got, "for version "+version) {
			t.Errorf("the program printed %s", got)
		}
		program.kill()
	}
}
