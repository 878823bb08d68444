// The sites: a store and a sink, over http or https, or with a slow line before
// the sink.

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ferry/bench/child"
)

// A site is a store and a sink, with a mover between them.
type site struct {
	store   *store
	sink    *sink
	sinkURL string // that movers upload to: of the sink, or of the slow line before it
	caFile  string // certificate that movers trust; empty means http
}

// env returns the environment of the movers of the site.
func (s *site) env() []string {
	env := child.Environment("AWS_ACCESS_KEY_ID="+storeKey, "AWS_SECRET_ACCESS_KEY="+storeSecret, "AWS_REGION="+region)
	if s.caFile == "" {
		return env
	}
	for _, name := range []string{"SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"} {
		env = append(env, name+"="+s.caFile)
	}
	return env
}

// startSites starts the sites that the cases need. The stores share their objects.
func (b *bench) startSites(ctx context.Context) (err error) {
	b.sites = make(map[string]*site)
	if b.sites[viaHTTP], err = b.startSite(ctx, ""); err != nil {
		return err
	}
	plain := b.sites[viaHTTP]
	if err := plain.store.put(ctx, b.sizes()); err != nil {
		return err
	}
	if b.has(viaHTTPS) || b.has(viaVerify) {
		if err := makeCertificate(b.dir); err != nil {
			return err
		}
		encrypted, err := b.startSite(ctx, b.dir)
		if err != nil {
			return err
		}
		b.sites[viaHTTPS], b.sites[viaVerify] = encrypted, encrypted
	}
	for _, via := range []string{viaReuse, viaWatch, viaTraced} {
		if b.has(via) {
			b.sites[via] = plain
		}
	}
	if b.has(viaLine) {
		line, err := startLine(ctx, strings.TrimPrefix(plain.sink.url, "http://"), lineBitsPerSecond/8)
		if err != nil {
			return err
		}
		b.sites[viaLine] = &site{store: plain.store, sink: plain.sink, sinkURL: line.url}
	}
	return nil
}

// startSite starts store and sink, over https where there are certificates.
func (b *bench) startSite(ctx context.Context, certificates string) (s *site, err error) {
	s = new(site)
	if certificates != "" {
		s.caFile = filepath.Join(certificates, certificateFile)
	}
	if s.store, err = startStore(ctx, b.root, b.dir, certificates); err != nil {
		return nil, err
	}
	b.children = append(b.children, s.store.Process)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if s.sink, err = startSink(ctx, b.dir, self, certificates); err != nil {
		return nil, err
	}
	b.children = append(b.children, s.sink.Process)
	s.sinkURL = s.sink.url
	return s, nil
}

// has reports whether a case travels this way.
func (b *bench) has(via string) bool {
	return slices.ContainsFunc(b.cases, func(c benchCase) bool { return c.via == via })
}

const (
	certificateFile = "cert.pem"
	keyFile         = "key.pem"
)

// makeCertificate makes a self-signed certificate and its key.
func makeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, certificateFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o600),
		os.WriteFile(filepath.Join(dir, keyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}
