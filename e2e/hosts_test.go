package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A web page that a developer visits reaches the servers of ferry dev, but they do
// not serve it. The headers are those that browsers send.
func TestWebPageCannotRuleTheSimulator(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		missingOnMachine(t, "curl", "install the package curl")
	}
	w := startDev(t, raceBuild)
	const jsonType = "-H 'Content-Type: application/json' "
	w.shell(`printf hello | curl -fsS -H "Authorization: Bearer $CLOUD_API_ACCESS_TOKEN" -F messaging_product=whatsapp -F 'file=@-;type=text/plain;filename=a.txt' ` +
		`"$FERRY_SIMULATOR_URL/$CLOUD_API_VERSION/$WA_PHONE_NUMBER_ID/media"`)
	curl := func(arguments string) (status, body string) {
		output := w.shell(`curl -sS -w '\n%{http_code}' ` + arguments)
		at := strings.LastIndex(output, "\n")
		return output[at+1:], output[:at]
	}
	const control, simulator, s3, api = `"$FERRY_SIMULATOR_CONTROL_URL`, `"$FERRY_SIMULATOR_URL`, `"$AWS_ENDPOINT_URL_S3`, `"$AWS_ENDPOINT_URL_SOCIALMESSAGING`
	type request struct{ arguments, status string }
	check := func(requests map[string]request) {
		for name, test := range requests {
			if status, body := curl(test.arguments); status != test.status {
				t.Errorf("%s: %s %s, want %s", name, status, body, test.status)
			}
		}
	}
	check(map[string]request{
		"a rebound name resets":            {jsonType + "-X POST -H 'Host: evil.example' " + control + `/reset"`, "421"},
		"a rebound page resets":            {jsonType + "-X POST -H 'Host: evil.example' -H 'Origin: http://evil.example' -H 'Sec-Fetch-Site: same-origin' " + control + `/reset"`, "421"},
		"a form adds a fault":              {"-H 'Origin: http://evil.example' -H 'Content-Type: text/plain' -d '{}' " + control + `/faults"`, "403"},
		"a form of an old browser":         {"-H 'Content-Type: text/plain' -d '{}' " + control + `/faults"`, "415"},
		"a page on another port":           {jsonType + "-X POST -H 'Origin: http://localhost:3000' -H 'Sec-Fetch-Site: same-site' " + control + `/reset"`, "403"},
		"an image reads":                   {"-H 'Sec-Fetch-Site: cross-site' " + control + `/requests"`, "403"},
		"a rebound name at the simulator":  {"-H 'Host: evil.example' " + simulator + `/v25.0/1"`, "421"},
		"a page uploads":                   {"-H 'Origin: http://evil.example' -F file=x " + simulator + `/v25.0/1/media"`, "403"},
		"a rebound name at S3":             {"-H 'Host: evil.example' " + s3 + `/"`, "421"},
		"a rebound name at the API":        {"-H 'Host: evil.example' " + api + `/v1/whatsapp/waba/list"`, "421"},
		"a rebound name at a health check": {"-H 'Host: evil.example' " + api + `/livez"`, "421"},
		"a page asks whether it may call":  {"-X OPTIONS -H 'Origin: http://evil.example' -H 'Access-Control-Request-Method: POST' " + api + `/v1/whatsapp/media"`, "403"},
	})
	if len(w.sim.allMedia()) != 1 {
		t.Error("the file that was uploaded is gone")
	}
	check(map[string]request{
		"a program reads":                   {control + `/health"`, "200"},
		"a program resets":                  {jsonType + "-X POST " + control + `/reset"`, "204"},
		"a program that calls it localhost": {"-H 'Host: localhost:1234' " + control + `/health"`, "200"},
		"a program that is redirected":      {"-H 'Host: graph.facebook.com' -H \"Authorization: Bearer $CLOUD_API_ACCESS_TOKEN\" " + simulator + `/v25.0/106540352242922"`, "200"},
	})
}

func TestPlainHTTPOnANetworkNeedsAFlag(t *testing.T) {
	in := install(t, raceBuild, startSimulator(t, noAccounts))
	_, stderr, status := run(t, in.env, "", in.program, "serve", "--listen", "0.0.0.0:0")
	if status != 1 || !strings.Contains(stderr, "--plain-http") {
		t.Errorf("status %d: %s", status, stderr)
	}
	s := start(t, in.program, in.env, "serve", "--listen", "0.0.0.0:0", "--plain-http", "--log-format", "json")
	_, port, err := net.SplitHostPort(s.waitMessage("serving").Address)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "/livez answers 200 to a program on this machine", func() bool { return answers("http://127.0.0.1:"+port+"/livez", http.StatusOK) })
}

func TestRenewedCertificateIsServedWithoutARestart(t *testing.T) {
	in := install(t, raceBuild, startSimulator(t, noAccounts))
	directory := t.TempDir()
	certFile, keyFile := filepath.Join(directory, "cert.pem"), filepath.Join(directory, "key.pem")
	if _, _, err := makeCertificateFiles(certFile, keyFile, 10*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	s := start(t, in.program, in.env, "serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--tls-cert", certFile, "--tls-key", keyFile)
	address := s.waitMessage("serving").Address
	if log := s.stderr.String(); !strings.Contains(log, "the TLS certificate expires soon") {
		t.Errorf("ten days before the end, the log has no warning:\n%s", log)
	}
	serial := func() string {
		connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // the test compares it
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		return connection.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	if _, _, err := makeCertificateFiles(certFile, keyFile, 365*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new connection gets the new certificate", func() bool { return serial() != first })
}

func TestRequestWithTwoEqualLengthsIsRefused(t *testing.T) {
	in := install(t, raceBuild, startSimulator(t, noAccounts))
	address := strings.TrimPrefix(in.serve().url, "http://")
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST /v1/whatsapp/media HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", address)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusBadRequest || response.Header.Get("X-Amzn-Errortype") != "SerializationException" || !response.Close {
		t.Errorf("%d %v %s %v", response.StatusCode, response.Header, body, err)
	}
}
