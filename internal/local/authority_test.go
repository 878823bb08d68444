package local

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, directory string, names []string, roots string, now time.Time) *authority {
	t.Helper()
	a, err := openAuthority(directory, names, roots, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCertificateIsValidForItsNamesOnly(t *testing.T) {
	a := open(t, t.TempDir(), []string{"localhost", "*.localhost", "127.0.0.1", "::1", "ferry"}, "", time.Now())
	ca, err := os.ReadFile(a.caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	for name, valid := range map[string]bool{
		"localhost": true, "media.localhost": true, "127.0.0.1": true, "::1": true, "ferry": true,
		"127.0.0.2": false, "example.com": false, "a.b.localhost": false,
	} {
		_, err := a.pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool})
		if (err == nil) != valid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if a.pair.Leaf.IsCA {
		t.Error("the servers' certificate can issue others")
	}
}

func TestKeyOfTheAuthorityIsNotStored(t *testing.T) {
	directory := t.TempDir()
	a := open(t, directory, []string{"localhost"}, "", time.Now())
	ca, _ := os.ReadFile(a.caFile)
	files, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(directory, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "PRIVATE KEY") {
			continue
		}
		if _, err := tls.X509KeyPair(ca, text); err == nil {
			t.Errorf("%s has the authority's key", file.Name())
		}
		if info, _ := file.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has a private key and mode %o", file.Name(), info.Mode().Perm())
		}
	}
}

func TestCertificateIsKeptUntilItDoesNotFit(t *testing.T) {
	directory, now := t.TempDir(), time.Now()
	names := []string{"localhost", "127.0.0.1"}
	first := open(t, directory, names, "", now)
	for _, test := range []struct {
		name  string
		names []string
		now   time.Time
		kept  bool
	}{
		{"at the next start", names, now, true},
		{"with fewer names", names[:1], now, true},
		{"31 days before it expires", names, first.pair.Leaf.NotAfter.Add(-31 * 24 * time.Hour), true},
		{"29 days before it expires", names, first.pair.Leaf.NotAfter.Add(-29 * 24 * time.Hour), false},
		{"with another name", append(slices.Clone(names), "ferry"), now, false},
	} {
		next := open(t, directory, test.names, "", test.now)
		if kept := next.pair.Leaf.Equal(first.pair.Leaf); kept != test.kept {
			t.Errorf("%s: kept is %v", test.name, kept)
		}
		first = next
	}
	if err := os.WriteFile(filepath.Join(directory, certificateName), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openAuthority(directory, names, "", now); err == nil || !strings.Contains(err.Error(), directory) {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestBundleHasTheSystemsAuthoritiesToo(t *testing.T) {
	system := open(t, t.TempDir(), []string{"corp.example"}, "", time.Now())
	a := open(t, t.TempDir(), []string{"localhost"}, system.caFile, time.Now())
	bundle, err := os.ReadFile(a.bundle)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(bundle)
	for _, certificate := range []*x509.Certificate{system.pair.Leaf, a.pair.Leaf} {
		if _, err := certificate.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
			t.Error(err)
		}
	}
}
