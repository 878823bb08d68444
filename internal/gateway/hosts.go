// Which host names and which web pages reach a server whose requests are not signed.

package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Access decides which requests a server accepts by their host name and origin
// (docs/references.md#cross-site). It keeps out the web pages that the server's
// users visit: they reach addresses that the users reach, directly or with a host
// name that they let the browser resolve to such an address (DNS rebinding). The
// zero Access accepts localhost, *.localhost and addresses, and the server's own
// pages.
//
// The port of a host name is not compared, because proxies and port mappings change
// it. The metasim package has rules of its own, which are the same.
type Access struct {
	names   []string // host names, in lower case, or *.suffix
	origins []string // as parseOrigin returns them
}

// NewAccess returns an Access that also accepts other host names, each without a port
// or as *.suffix, and pages of other origins, each scheme://host or scheme://host:port.
func NewAccess(hosts, origins []string) (a Access, err error) {
	var problems []error
	for _, text := range hosts {
		host, port, ok := splitHost(strings.TrimPrefix(text, "*."))
		if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" { // IPv6 has no brackets here
			host, port, ok = address.Unmap().String(), "", true
		}
		if !ok || port != "" {
			problems = append(problems, fmt.Errorf("%q is not a host name without a port, such as ferry.example.com or *.example.com", text))
		}
		if strings.HasPrefix(text, "*.") {
			host = "*." + host
		}
		a.names = append(a.names, host)
	}
	for _, text := range origins {
		origin, ok := parseOrigin(text)
		if !ok {
			problems = append(problems, fmt.Errorf("%q is not an origin, such as https://app.example.com or http://10.0.0.7:3000", text))
		}
		a.origins = append(a.origins, origin)
	}
	return a, errors.Join(problems...)
}

// Unsigned returns a handler for requests that are not signed: other host names are
// refused with 421, and requests that a browser sends for a page of another origin
// with 403, whatever their method. It answers preflight requests of the origins
// that may call.
func (a Access) Unsigned(next http.Handler) http.Handler {
	return a.Hosts(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin, Sec-Fetch-Site")
		isListed, problem := a.checkOrigin(r)
		if problem != nil {
			http.Error(w, problem.Error(), http.StatusForbidden)
			return
		}
		if isListed {
			w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
			w.Header().Set("Access-Control-Expose-Headers", "*")
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				w.Header().Set("Access-Control-Allow-Methods", "*")
				w.Header().Set("Access-Control-Allow-Headers", "*, Authorization")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	}))
}

// Hosts returns a handler that refuses other host names with 421. It is enough for
// requests that are signed with a key that everybody knows.
func (a Access) Hosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.AllowsHost(r) {
			names := append([]string{"localhost", "*.localhost", "its own address"}, a.names...)
			http.Error(w, fmt.Sprintf("This server does not answer to the host name %.100q, only to %s. To add a name, start it with --host NAME.",
				r.Host, strings.Join(names, ", ")), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// AllowsHost reports whether a request names the server by its own name or address.
func (a Access) AllowsHost(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return a.isOwn(r, local)
}

// AllowsOrigin reports whether a page of an origin may call a server whose requests
// are signed, on a developer's machine: a page of this machine, or of a listed origin.
func (a Access) AllowsOrigin(text string) bool {
	origin, ok := parseOrigin(text)
	if !ok {
		return false
	}
	_, rest, _ := strings.Cut(text, "://")
	host, _, _ := splitHost(rest)
	return isLoopback(host) || slices.Contains(a.origins, origin)
}

// checkOrigin checks what a browser says about the page that sends a request. It
// reports whether the page is of a listed origin.
func (a Access) checkOrigin(r *http.Request) (isListed bool, problem error) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	host, port, _ := splitHost(r.Host)
	own := originOf(scheme, host, port)
	for _, text := range r.Header["Origin"] {
		origin, ok := parseOrigin(text)
		isListed = slices.Contains(a.origins, origin)
		if !ok || !isListed && origin != own {
			return false, fmt.Errorf("A web page of the origin %.100q must not call this server.", text) //nolint:staticcheck // a sentence for a person
		}
	}
	if site := r.Header["Sec-Fetch-Site"]; !isListed && slices.ContainsFunc(site, isForeign) {
		return false, fmt.Errorf("A web page of another origin must not call this server (Sec-Fetch-Site: %.100q).", strings.Join(site, ", ")) //nolint:staticcheck // a sentence for a person
	}
	return isListed, nil
}

func isForeign(site string) bool { return site != "same-origin" && site != "none" }

// isOwn reports whether a request names the server by its own name or address. An
// address is accepted because no DNS stands behind it, and any one at a listener that
// is not on loopback, because a NAT may stand before it. The names of loopback are
// accepted at every listener: browsers resolve them themselves. So is a request of
// HTTP/1.0 without a host, as simple health checks send it; no browser does.
func (a Access) isOwn(r *http.Request, local net.Addr) bool {
	if r.Host == "" && !r.ProtoAtLeast(1, 1) {
		return true
	}
	host, _, ok := splitHost(r.Host)
	if other := r.Header["Host"]; !ok || len(other) > 0 && !slices.Equal(other, []string{r.Host}) { // HTTP/2 may have two names
		return false
	}
	if address, err := netip.ParseAddr(host); err == nil && local != nil {
		at, err := netip.ParseAddrPort(local.String())
		onLoopback := err == nil && at.Addr().Unmap().IsLoopback()
		return address.IsLoopback() || !onLoopback && !address.IsUnspecified() || slices.Contains(a.names, host)
	}
	return isLoopback(host) || slices.ContainsFunc(a.names, func(name string) bool {
		suffix, isPattern := strings.CutPrefix(name, "*")
		return name == host || isPattern && strings.HasSuffix(host, suffix)
	})
}

// isLoopback reports whether a host, as splitHost returns it, always is the machine
// that names it.
func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && address.IsLoopback()
}

// nameCharacters are those of host names, and the underscore, which names of
// containers have.
const nameCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

// splitHost splits host or host:port. The host is a name in lower case, or an address
// in its canonical form, without brackets. It reports false for anything else, such
// as user information, a zone, an empty port or a dot at the end.
func splitHost(text string) (host, port string, ok bool) {
	rest := ""
	if inner, bracketed := strings.CutPrefix(text, "["); bracketed {
		inner, after, closed := strings.Cut(inner, "]")
		address, err := netip.ParseAddr(inner)
		if !closed || err != nil || !address.Is6() || address.Zone() != "" {
			return "", "", false
		}
		host, rest = address.Unmap().String(), after
	} else {
		end := strings.IndexByte(text, ':')
		if end < 0 {
			end = len(text)
		}
		host, rest = text[:end], text[end:]
		if host == "" || strings.Trim(host, nameCharacters) != "" || strings.Trim(host, ".") != host {
			return "", "", false
		}
		host = strings.ToLower(host)
	}
	if rest == "" {
		return host, "", true
	}
	port, colon := strings.CutPrefix(rest, ":")
	ok = colon && len(port) >= 1 && len(port) <= 5 && strings.Trim(port, "0123456789") == ""
	return host, port, ok
}

// parseOrigin returns an origin with its port, in the form of originOf. It reports
// false for what is not an origin of http or https, such as null.
func parseOrigin(text string) (origin string, ok bool) {
	scheme, rest, _ := strings.Cut(text, "://")
	host, port, ok := splitHost(rest)
	if !ok || scheme != "http" && scheme != "https" {
		return "", false
	}
	return originOf(scheme, host, port), true
}

// originOf returns scheme://host:port, with the port of the scheme if there is none.
func originOf(scheme, host, port string) string {
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
