package object

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
)

// authority is a certificate authority for one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	issued := a.issue(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	var err error
	if a.cert, err = x509.ParseCertificate(issued.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	a.key = issued.PrivateKey.(*ecdsa.PrivateKey)
	a.pool.AddCert(a.cert)
	return a
}

// issue returns a certificate like template, signed by the authority by or, if by is
// nil, by its own key.
func (a *authority) issue(t *testing.T, template *x509.Certificate, by *authority) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(1), pkix.Name{CommonName: "test"}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

const awsHost = "bucket.s3.us-east-1.amazonaws.com"

// throughTLS returns an opener for which AWS S3 is a TLS server in this process.
func throughTLS(t *testing.T, roots *x509.CertPool, conf *tls.Config, handler http.HandlerFunc) (*Opener, *guardtest.Network, *guardtest.Resolver) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS = conf
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	network := &guardtest.Network{Answer: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}}
	resolver := guardtest.Always("52.216.0.1")
	return newOpener(t, Config{
		RootCAs: roots, Guard: guardOn(network, resolver), HeaderTimeout: 2 * time.Second, TLSTimeout: 2 * time.Second,
	}), network, resolver
}

func TestAWSOverTLS(t *testing.T) {
	ca := newAuthority(t)
	var got *http.Request
	conf := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, &x509.Certificate{DNSNames: []string{awsHost}}, ca)}}
	opener, network, resolver := throughTLS(t, ca.pool, conf, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = io.WriteString(w, "body")
	})
	u, err := opener.URL("https://"+awsHost+"/k.jpg?X-Amz-Signature=00", jpeg())
	if err != nil {
		t.Fatal(err)
	}
	obj, content, err := read(t.Context(), u, "")
	if err != nil || content != "body" || obj.Size != 4 {
		t.Fatalf("%q, %v (%v)", content, err, errors.Unwrap(err))
	}
	if got.Host != awsHost || got.TLS.ServerName != awsHost || got.ProtoMajor != 1 || got.TLS.Version < tls.VersionTLS12 {
		t.Errorf("Host %q, SNI %q, %s, TLS %x", got.Host, got.TLS.ServerName, got.Proto, got.TLS.Version)
	}
	if sent := slices.Compact(network.Sent()); len(sent) != 1 || sent[0] != "52.216.0.1:443" {
		t.Errorf("sent to %v", sent)
	}
	if asked := resolver.Lookups(); asked != 1 {
		t.Errorf("%d resolutions", asked)
	}
}

func TestTLSFailuresLookLikeSilence(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	names := []string{awsHost}
	long := time.Now().Add(-time.Hour)
	for name, conf := range map[string]*tls.Config{
		"another name":    {Certificates: []tls.Certificate{ca.issue(t, &x509.Certificate{DNSNames: []string{"evil.example.org"}}, ca)}},
		"its address":     {Certificates: []tls.Certificate{ca.issue(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(52, 216, 0, 1)}}, ca)}},
		"expired":         {Certificates: []tls.Certificate{ca.issue(t, &x509.Certificate{DNSNames: names, NotBefore: long.Add(-time.Hour), NotAfter: long}, ca)}},
		"unknown issuer":  {Certificates: []tls.Certificate{stranger.issue(t, &x509.Certificate{DNSNames: names}, stranger)}},
		"signs itself":    {Certificates: []tls.Certificate{ca.issue(t, &x509.Certificate{DNSNames: names}, nil)}},
		"TLS 1.1":         {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, Certificates: []tls.Certificate{ca.issue(t, &x509.Certificate{DNSNames: names}, ca)}},
		"a client's cert": {ClientAuth: tls.RequireAnyClientCert, Certificates: []tls.Certificate{ca.issue(t, &x509.Certificate{DNSNames: names}, ca)}},
	} {
		opener, _, _ := throughTLS(t, ca.pool, conf, func(http.ResponseWriter, *http.Request) { t.Errorf("%s: a request came through", name) })
		opener.cfg.ReachTimeout = 300 * time.Millisecond
		u, err := opener.URL("https://"+awsHost+"/k.jpg", jpeg())
		if err != nil {
			t.Fatal(err)
		}
		_, err = u.Open(t.Context(), "")
		e := wantKind(t, err, Unavailable)
		if e.Message != u.unreachable(nil).Message {
			t.Errorf("%s: %q", name, e.Message)
		}
	}
}

// All failures before a response have the same message, so that callers cannot probe
// names, ports and addresses.
func TestNoOracleBeforeAnAnswer(t *testing.T) {
	messages := map[string]bool{}
	for _, resolver := range []guard.Resolver{
		guardtest.Always("127.0.0.1"), guardtest.Always("10.0.0.1", "1.1.1.1"), guardtest.Always("1.1.1.1"), guardtest.Always(), guardtest.SilentResolver{},
		&guardtest.Resolver{Answer: func(int64, string) ([]netip.Addr, error) {
			return nil, &net.DNSError{IsNotFound: true, Server: "10.0.0.53:53"}
		}},
	} {
		opener := newOpener(t, Config{AllowAnyPublicHost: true, ReachTimeout: 20 * time.Millisecond, Guard: guardOn(new(guardtest.Network), resolver)})
		u, err := opener.URL("https://rebind.example.org/k?X-Amz-Signature=signature-canary", jpeg())
		if err != nil {
			t.Fatal(err)
		}
		_, err = u.Open(t.Context(), "")
		e := wantKind(t, err, Unavailable)
		noCanary(t, e)
		if strings.Contains(e.Cause.Error(), "10.0.0.53") {
			t.Errorf("the cause shows an address: %v", e.Cause)
		}
		messages[e.Message] = true
	}
	if len(messages) != 1 {
		t.Errorf("%d messages: %v", len(messages), messages)
	}
}

// The request's bytes, for a path and a query that net/url would encode differently.
func TestGoldenRequest(t *testing.T) {
	for _, way := range []string{"/bbb//a%2Fb%20c+d%25e%2b/%C3%A4(1)!*'.jpg?X-Amz-Signature=%2f+%20&b=&&a&X-Amz-Credential", "/bbb/k?AWSAccessKeyId=a&Expires=1&Signature=s"} {
		var wire bytes.Buffer
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			for buf := make([]byte, 4096); !bytes.HasSuffix(wire.Bytes(), []byte("\r\n\r\n")); {
				n, err := conn.Read(buf)
				if wire.Write(buf[:n]); err != nil {
					return
				}
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}()
		endpoint := "http://" + listener.Addr().String()
		opener := newOpener(t, impatient(endpoint))
		u, err := opener.URL(endpoint+way, map[string]string{"content-type": "image/png", "x-amz-request-payer": "requester", "ACCEPT": "*/*"})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = read(t.Context(), u, `"e1"`)
		wantKind(t, err, Changed) // the response has no ETag
		<-served
		listener.Close()
		want := "GET " + way + " HTTP/1.1\r\nHost: " + listener.Addr().String() + "\r\nUser-Agent: ferry\r\nAccept: */*\r\n" +
			"Accept-Encoding: identity\r\nConnection: close\r\nContent-Type: image/png\r\nIf-Match: \"e1\"\r\nX-Amz-Request-Payer: requester\r\n\r\n"
		if strings.Contains(way, "AWSAccessKeyId") { // Signature Version 2 covers Content-Type
			want = strings.Replace(want, "Content-Type: image/png\r\n", "", 1)
		}
		if got := sortedHead(wire.String()); got != sortedHead(want) {
			t.Errorf("got\n%s\nwant\n%s", got, sortedHead(want))
		}
	}
}

// sortedHead sorts the header lines of a request, whose order net/http chooses.
func sortedHead(head string) string {
	lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	for i := range lines {
		for j := 2; j < len(lines)-i; j++ {
			if lines[j] < lines[j-1] {
				lines[j], lines[j-1] = lines[j-1], lines[j]
			}
		}
	}
	return strings.Join(lines, "\n")
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	proxy := guardtest.NewCanary(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, (&url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(proxy.Port))}).String())
	}
	t.Setenv("NO_PROXY", "")
	endpoint := says(t, okHead+"Content-Length: 4\r\n\r\nbody")
	for way, source := range sources(t, impatient(endpoint)) {
		if _, content, err := read(t.Context(), source, ""); err != nil || content != "body" {
			t.Errorf("%s: %q, %v", way, content, err)
		}
	}
	// ProxyFromEnvironment ignores loopback addresses, so this host is not one.
	network := new(guardtest.Network)
	opener := newOpener(t, Config{Guard: guardOn(network, guardtest.Always("52.216.0.1")), RetryBackoff: time.Millisecond})
	u, err := opener.URL("https://"+awsHost+"/k", jpeg())
	if err != nil {
		t.Fatal(err)
	}
	_, err = u.Open(t.Context(), "")
	wantKind(t, err, Unavailable)
	if sent := slices.Compact(network.Sent()); len(sent) != 1 || sent[0] != "52.216.0.1:443" {
		t.Errorf("sent to %v", sent)
	}
}

func TestOwnAddressIsNoStore(t *testing.T) {
	c := guardtest.NewCanary(t)
	own := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(c.Port))
	cfg := impatient("http://" + own.String())
	cfg.Guard = guardWithOwn(own)
	for way, source := range sources(t, cfg) {
		_, err := source.Open(t.Context(), "")
		if e := wantKind(t, err, Unavailable); !errors.Is(e, guard.ErrAddress) {
			t.Errorf("%s: %v", way, e.Cause)
		}
	}
}
