// The certificate of a world that is served over https: it is issued by an
// authority that exists for this one certificate. The authority's private key is
// never stored, so that nobody who trusts the authority trusts more than this
// world.

package local

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	certificateLife = 365 * 24 * time.Hour // Apple's systems accept no certificate that is valid for more than 825 days
	renewAhead      = 30 * 24 * time.Hour  // remaining life below which a kept certificate is replaced
)

// authority is the certificate of a world and what its clients must trust.
type authority struct {
	pair   tls.Certificate
	roots  *x509.CertPool // the system's and the authority
	caFile string         // PEM file with the authority alone
	bundle string         // PEM file with the system's authorities and this one
}

// Files of an authority.
const (
	caName          = "ca.pem"
	bundleName      = "bundle.pem"
	certificateName = "certificate.pem" // with its private key
)

// openAuthority reads the certificate in a directory if it is valid for the names,
// and creates it otherwise. systemRoots is a PEM file; empty means that the
// system has none.
func openAuthority(directory string, names []string, systemRoots string, now time.Time) (*authority, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, err
	}
	a := &authority{caFile: filepath.Join(directory, caName), bundle: filepath.Join(directory, bundleName)}
	ca, err := a.read(directory, names, now)
	if err != nil {
		return nil, err
	}
	if ca == nil {
		if ca, err = a.create(directory, names, now); err != nil {
			return nil, err
		}
	}
	if a.roots, err = x509.SystemCertPool(); err != nil {
		a.roots = x509.NewCertPool()
	}
	a.roots.AppendCertsFromPEM(ca)
	return a, a.writeBundle(ca, systemRoots)
}

// read reads the certificate that an earlier world has left. It returns no
// authority if there is none, or if another one is needed.
func (a *authority) read(directory string, names []string, now time.Time) (ca []byte, err error) {
	text, err := os.ReadFile(filepath.Join(directory, certificateName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		ca, err = os.ReadFile(a.caFile)
	}
	if err == nil {
		a.pair, err = tls.X509KeyPair(text, text)
	}
	if err != nil {
		return nil, fmt.Errorf("the certificate in %s cannot be read; delete that directory to have a new one made: %w", directory, err)
	}
	kept := slices.Clone(a.pair.Leaf.DNSNames)
	for _, ip := range a.pair.Leaf.IPAddresses {
		kept = append(kept, ip.String())
	}
	missing := slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(kept, name) })
	if missing || a.pair.Leaf.NotAfter.Sub(now) < renewAhead {
		return nil, nil
	}
	return ca, nil
}

// create creates an authority and the certificate, and stores both except for the
// authority's key.
func (a *authority) create(directory string, names []string, now time.Time) (ca []byte, err error) {
	issuer := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "ferry dev on this machine, " + now.UTC().Format(time.DateTime)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	issuerKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano() + 1), Subject: pkix.Name{CommonName: "ferry dev"},
		NotBefore: issuer.NotBefore, NotAfter: issuer.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, name := range names {
		if addr, err := netip.ParseAddr(name); err == nil {
			leaf.IPAddresses = append(leaf.IPAddresses, net.IP(addr.AsSlice()))
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	issuerDER, err := x509.CreateCertificate(rand.Reader, issuer, issuer, &issuerKey.PublicKey, issuerKey)
	if err != nil {
		return nil, err
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	if a.pair, err = tls.X509KeyPair(text, text); err != nil {
		return nil, err
	}
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuerDER})
	if err := os.WriteFile(filepath.Join(directory, certificateName), text, 0o600); err != nil {
		return nil, err
	}
	return ca, os.WriteFile(a.caFile, ca, 0o644)
}

// writeBundle writes the bundle, for programs that trust one file only.
func (a *authority) writeBundle(ca []byte, systemRoots string) error {
	var bundle bytes.Buffer
	if systemRoots != "" {
		roots, err := os.ReadFile(systemRoots)
		if err != nil {
			return fmt.Errorf("reading the system's certificate authorities: %w", err)
		}
		bundle.Write(bytes.TrimSpace(roots))
		bundle.WriteByte('\n')
	}
	bundle.Write(ca)
	return os.WriteFile(a.bundle, bundle.Bytes(), 0o644)
}

// config returns the TLS configuration of the world's servers.
func (a *authority) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.pair}, MinVersion: tls.VersionTLS12}
}
