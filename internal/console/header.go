// What browsers are told, and which of their requests are refused (docs/references.md#cross-site).
// The gateway has checked host name and origin before; these rules hold without it, too.

package console

import (
	"fmt"
	"net/http"
	"slices"
)

// pagePolicy lets a page load what the console itself serves, and nothing else. Scripts
// make elements from text by the one policy "ferry" (Trusted Types).
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; " +
	"connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types ferry"

// filePolicy is for files that others have made: they run and load nothing.
const filePolicy = "default-src 'none'; sandbox"

// setHeaders sets the headers of every response.
func setHeaders(header http.Header, r *http.Request) {
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	// With no-referrer, browsers would send "Origin: null" with forms, which is refused as
	// that of another page (docs/references.md#cross-site).
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	header.Set("Cache-Control", "no-store")
	header.Add("Vary", "Cookie, Sec-Fetch-Site")
	if r.TLS != nil {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// setFileHeaders sets the headers of a response with a file that others have made.
func setFileHeaders(header http.Header) {
	header.Set("Content-Security-Policy", filePolicy)
	header.Set("X-Frame-Options", "SAMEORIGIN")
}

// refuses returns why a request is not answered: a page of another origin sends it, or
// what it sends is no form.
func (c *Console) refuses(r *http.Request) error {
	if err := c.foreign.Check(r); err != nil {
		return fmt.Errorf("A page of another origin must not change anything here (%w).", err) //nolint:staticcheck // a sentence for a person
	}
	if r.Method == http.MethodPost {
		return nil
	}
	// A GET passes the check above, and shows what is here.
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" && !slices.Contains(c.config.Origins, r.Header.Get("Origin")) {
			return fmt.Errorf("A page of another origin must not read this (Sec-Fetch-Site: %.40q). Enter the address by hand.", site) //nolint:staticcheck // a sentence for a person
		}
	}
	return nil
}
