package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// certificate is a self-signed certificate for this machine's loopback names, and
// for Meta's, which clients that have them built in are redirected from.
// ferry trusts it through SSL_CERT_FILE, Node.js through NODE_EXTRA_CA_CERTS.
type certificate struct {
	certFile, keyFile string
	pair              tls.Certificate
	pool              *x509.CertPool
}

var ownCertificate = sync.OnceValues(makeCertificate)

func trusted(t testing.TB) certificate {
	t.Helper()
	c, err := ownCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func makeCertificate() (c certificate, err error) {
	c.certFile, c.keyFile = filepath.Join(runDirectory, "cert.pem"), filepath.Join(runDirectory, "key.pem")
	certPEM, keyPEM, err := makeCertificateFiles(c.certFile, c.keyFile, 365*24*time.Hour)
	if err != nil {
		return c, err
	}
	c.pool = x509.NewCertPool()
	c.pool.AppendCertsFromPEM(certPEM)
	c.pair, err = tls.X509KeyPair(certPEM, keyPEM)
	return c, err
}

// makeCertificateFiles writes a new certificate and its key into two files.
func makeCertificateFiles(certFile, keyFile string, life time.Duration) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "ferry e2e"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
		DNSNames: []string{"localhost", "*.s3.test", "graph.facebook.com", "lookaside.fbsbx.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	if err := os.WriteFile(certFile, certPEM, 0o600); err != nil {
		return nil, nil, err
	}
	return certPEM, keyPEM, os.WriteFile(keyFile, keyPEM, 0o600)
}

// trustingTransport returns a transport for the tests' own requests, which trusts
// the certificate.
func trustingTransport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	if c, err := ownCertificate(); err == nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: c.pool, MinVersion: tls.VersionTLS12}
	}
	return transport
}
