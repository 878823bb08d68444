package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestMachineWithoutCertificateAuthoritiesTrustsThoseOfTheBinary(t *testing.T) {
	if os.Getenv("FERRY_TEST_ROOTS") == "print" {
		trustOwnRoots()
		pool, err := x509.SystemCertPool()
		if err != nil {
			t.Fatal(err)
		}
		if pool.Equal(x509.NewCertPool()) {
			t.Fatal("no certificate authority is trusted")
		}
		return
	}
	missing := filepath.Join(t.TempDir(), "missing")
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), "FERRY_TEST_ROOTS=print", "SSL_CERT_FILE="+missing, "SSL_CERT_DIR="+missing)
	if text, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, text)
	}
}
