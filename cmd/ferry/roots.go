// What ferry brings along for machines that have only this binary, such as a container
// image from scratch: certificate authorities and time zones.

package main

import (
	"crypto/x509"
	"os"
	"runtime"
	_ "time/tzdata" // for TZ

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// rootPlaces are files and folders in which distributions of Linux, and the BSDs, have
// certificate authorities.
var rootPlaces = []string{"/etc/ssl", "/etc/pki", "/etc/certs", "/usr/local/etc/ssl", "/usr/local/share/certs", "/system/etc/security/cacerts"}

// trustOwnRoots makes connections trust Mozilla's certificate authorities if the machine
// has none. Macs and Windows always have some. It is called before the first connection.
func trustOwnRoots() {
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" || runtime.GOOS == "windows" {
		return
	}
	places := rootPlaces
	if file, folder := os.Getenv("SSL_CERT_FILE"), os.Getenv("SSL_CERT_DIR"); file != "" || folder != "" {
		places = []string{file, folder}
	}
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return
		}
	}
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil:
			panic(err) // a mistake in the bundle
		case root.Constraint != nil:
			pool.AddCertWithConstraint(certificate, root.Constraint)
		default:
			pool.AddCert(certificate)
		}
	}
	x509.SetFallbackRoots(pool)
}
