package gateway

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pairFiles is a certificate and its key in PEM.
type pairFiles struct{ cert, key []byte }

// makePair returns a self-signed certificate with a serial number.
func makePair(t *testing.T, serial int64, from, until time.Time) pairFiles {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: from, NotAfter: until, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pairFiles{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})}
}

func valid(t *testing.T, serial int64) pairFiles {
	return makePair(t, serial, time.Now().Add(-time.Hour), time.Now().Add(365*24*time.Hour))
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificateTest is a server with a certificate in two files.
type certificateTest struct {
	t                 *testing.T
	certFile, keyFile string
	certificate       *certificate
	log               *bytes.Buffer
	address           string
}

func startTLS(t *testing.T, files pairFiles) *certificateTest {
	t.Helper()
	dir := t.TempDir()
	c := &certificateTest{t: t, certFile: filepath.Join(dir, "tls.crt"), keyFile: filepath.Join(dir, "tls.key"), log: new(bytes.Buffer)}
	write(t, c.certFile, files.cert)
	write(t, c.keyFile, files.key)
	c.serve()
	return c
}

// serve opens the certificate and serves with it.
func (c *certificateTest) serve() {
	c.t.Helper()
	var err error
	if c.certificate, err = openCertificate(c.certFile, c.keyFile, slog.New(slog.NewTextHandler(c.log, nil))); err != nil {
		c.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), TLSConfig: c.certificate.config(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	c.t.Cleanup(func() { _ = server.Close() })
	c.address = listener.Addr().String()
}

// refresh lets the server look at its files, and returns what it logs.
func (c *certificateTest) refresh(now time.Time) string {
	c.log.Reset()
	c.certificate.refresh(now)
	return c.log.String()
}

func (c *certificateTest) dial(config *tls.Config) (*tls.Conn, error) {
	config.InsecureSkipVerify = true // the test looks at the certificate itself
	return tls.Dial("tcp", c.address, config)
}

// wantSerial checks which certificate a new connection gets.
func (c *certificateTest) wantSerial(when string, want int64) {
	c.t.Helper()
	connection, err := c.dial(&tls.Config{})
	if err != nil {
		c.t.Fatalf("%s: %v", when, err)
	}
	defer connection.Close()
	if got := connection.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != want {
		c.t.Errorf("%s: a client gets the certificate %d, want %d", when, got, want)
	}
}

func TestRenewedCertificateIsUsedByNewConnections(t *testing.T) {
	now := time.Now()
	c := startTLS(t, valid(t, 1))
	old, err := c.dial(&tls.Config{NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if got := old.ConnectionState().NegotiatedProtocol; got != "h2" {
		t.Errorf("HTTP/2 is not offered: %q", got)
	}
	second := valid(t, 2)
	write(t, c.certFile, second.cert)
	for range 3 { // between the two files
		if text := c.refresh(now); strings.Count(text, "stays in use") > 1 {
			t.Errorf("logged: %s", text)
		}
	}
	c.wantSerial("between the two files", 1)
	write(t, c.keyFile, second.key)
	if text := c.refresh(now); !strings.Contains(text, "a new TLS certificate is in use") {
		t.Errorf("logged: %s", text)
	}
	c.wantSerial("after both files", 2)
	if text := c.refresh(now); text != "" {
		t.Errorf("logged without a change: %s", text)
	}
	if _, err := old.Write([]byte("x")); err != nil {
		t.Errorf("the connection with the old certificate: %v", err)
	}
}

func TestBrokenFilesKeepTheOldCertificateAndAreLoggedOnce(t *testing.T) {
	now := time.Now()
	first, second := valid(t, 1), valid(t, 2)
	c := startTLS(t, first)
	for name, cert := range map[string][]byte{
		"empty":          nil,
		"half written":   second.cert[:len(second.cert)/2],
		"not PEM":        []byte("hello"),
		"of another key": second.cert,
		"too large":      append(bytes.Repeat([]byte("\n"), maxCertificateFile), second.cert...),
	} {
		write(t, c.certFile, cert)
		if text, again := c.refresh(now), c.refresh(now); !strings.Contains(text, "stays in use") || again != "" {
			t.Errorf("%s: logged %q, then %q", name, text, again)
		}
		c.wantSerial(name, 1)
		write(t, c.certFile, first.cert)
		if text := c.refresh(now); text != "" {
			t.Errorf("%s: logged for the old files: %q", name, text)
		}
	}
	if err := os.Remove(c.certFile); err != nil {
		t.Fatal(err)
	}
	if text, again := c.refresh(now), c.refresh(now); !strings.Contains(text, "no such file") || again != "" {
		t.Errorf("missing: logged %q, then %q", text, again)
	}
	c.wantSerial("missing", 1)
	write(t, c.certFile, second.cert)
	write(t, c.keyFile, second.key)
	c.refresh(now)
	c.wantSerial("mended", 2)
}

// Kubernetes replaces a secret by a symbolic link to a new directory.
func TestCertificateBehindASymbolicLinkIsRenewed(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "..data")
	use := func(name string, files pairFiles) {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "tls.crt"), files.cert)
		write(t, filepath.Join(dir, name, "tls.key"), files.key)
		if err := os.Symlink(name, link+"_tmp"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+"_tmp", link); err != nil {
			t.Fatal(err)
		}
	}
	use("..1", valid(t, 1))
	c := &certificateTest{t: t, certFile: filepath.Join(link, "tls.crt"), keyFile: filepath.Join(link, "tls.key"), log: new(bytes.Buffer)}
	c.serve()
	use("..2", valid(t, 2))
	c.refresh(time.Now())
	c.wantSerial("after the link was replaced", 2)
}

func TestCertificateThatClientsRefuseIsWarnedOfOnceADay(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	for name, test := range map[string]struct {
		from, until time.Duration
		want        string // in the log; empty means nothing
	}{
		"31 days left":  {-day, 31 * day, ""},
		"29 days left":  {-day, 29*day + time.Hour, "level=WARN msg=\"the TLS certificate expires soon"},
		"an hour left":  {-day, time.Hour, "level=WARN msg=\"the TLS certificate expires soon"},
		"expired":       {-2 * day, -time.Hour, "level=ERROR msg=\"the TLS certificate has expired"},
		"not yet valid": {time.Hour, 90 * day, "level=ERROR msg=\"the TLS certificate is not valid yet"},
	} {
		t.Run(name, func(t *testing.T) {
			c := startTLS(t, makePair(t, 1, now.Add(test.from), now.Add(test.until)))
			if text := c.log.String(); (text == "") != (test.want == "") || !strings.Contains(text, test.want) {
				t.Errorf("logged at the start: %s", text)
			}
			if text := c.refresh(now.Add(day - time.Minute)); test.want != "" && text != "" {
				t.Errorf("logged again within a day: %s", text)
			}
			if text := c.refresh(now.Add(day + time.Minute)); test.want != "" && strings.Count(text, "\n") > 1 {
				t.Errorf("logged more than once: %s", text)
			} else if strings.Contains(test.want, "expire") && text == "" {
				t.Error("not logged on the next day")
			}
			renewed := valid(t, 2)
			write(t, c.certFile, renewed.cert)
			write(t, c.keyFile, renewed.key)
			if text := c.refresh(now); !strings.Contains(text, "a new TLS certificate is in use") || strings.Count(text, "\n") > 1 {
				t.Errorf("logged for a new one: %s", text)
			}
		})
	}
}

func TestOldVersionsOfTLSAreRefused(t *testing.T) {
	c := startTLS(t, valid(t, 1))
	for version, accepted := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		connection, err := c.dial(&tls.Config{MinVersion: version, MaxVersion: version})
		if err == nil {
			_ = connection.Close()
		}
		if (err == nil) != accepted {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

func TestFilesOfTheCertificateAreReadAgainRegularly(t *testing.T) {
	second := valid(t, 2)
	files := valid(t, 1)
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write(t, certFile, files.cert)
	write(t, keyFile, files.key)
	synctest.Test(t, func(t *testing.T) {
		c, err := openCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		write(t, certFile, second.cert)
		write(t, keyFile, second.key)
		time.Sleep(certificateInterval + time.Second)
		synctest.Wait()
		if got := c.current.Load().Leaf.SerialNumber.Int64(); got != 2 {
			t.Errorf("the certificate %d is in use", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
