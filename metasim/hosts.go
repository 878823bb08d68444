package metasim

import (
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// metaHosts are host names that clients of Meta's API have built in. They reach a
// simulator only if their names are redirected to it.
var metaHosts = []string{"graph.facebook.com", "lookaside.fbsbx.com"}

// access decides which requests a simulator accepts by their host name and origin
// (docs/references.md#cross-site). It keeps out the web pages that a developer
// visits: they reach the listeners of the same machine, directly or with a host name
// that they let the browser resolve to it (DNS rebinding).
type access struct {
	names   []string // host names, in lower case, or *.suffix
	origins []string // as parseOrigin returns them
}

// newAccess returns the access that a configuration allows, and what is wrong with it.
func newAccess(c Config) (a access, problem error) {
	var problems []error
	for _, name := range slices.Concat(metaHosts, c.Hosts) {
		host, port, ok := splitHost(strings.TrimPrefix(name, "*."))
		if address, err := netip.ParseAddr(name); err == nil && address.Zone() == "" { // IPv6 has no brackets here
			host, port, ok = address.Unmap().String(), "", true
		}
		if !ok || port != "" {
			problems = append(problems, fmt.Errorf("metasim: Hosts has %q; expected a host name without a port, or *.suffix", name))
		}
		if strings.HasPrefix(name, "*.") {
			host = "*." + host
		}
		a.names = append(a.names, host)
	}
	if _, rest, ok := strings.Cut(c.PublicURL, "://"); ok {
		host, _, _ := splitHost(strings.TrimRight(rest, "/"))
		a.names = append(a.names, host)
	}
	for _, text := range c.Origins {
		origin, ok := parseOrigin(text)
		if !ok {
			problems = append(problems, fmt.Errorf("metasim: Origins has %q; expected scheme://host or scheme://host:port", text))
		}
		a.origins = append(a.origins, origin)
	}
	return a, errors.Join(problems...)
}

// A refusal is the response to a request that the simulator does not accept.
type refusal struct {
	status  int
	message string
}

// check returns why a request is refused, or nil. It sets the CORS headers of the
// response for a page that may call the simulator.
//
// Only connections of net/http's server are checked: no browser sends a request
// that has no connection, as in a test with a recorder.
func (a access) check(header http.Header, r *http.Request) *refusal {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return nil
	}
	host, port, ok := splitHost(r.Host)
	if other := r.Header["Host"]; len(other) > 0 && !slices.Equal(other, []string{r.Host}) { // HTTP/2 with two names
		ok = false
	}
	if hasNone := r.Host == "" && !r.ProtoAtLeast(1, 1); !hasNone && (!ok || !a.isOwn(host, local)) {
		return &refusal{http.StatusMisdirectedRequest, fmt.Sprintf("The simulator does not answer to the host name %q, only to localhost, *.localhost, its own address, %s. "+
			"To add a name, set Config.Hosts (ferry dev --host NAME).", truncate(r.Host), strings.Join(a.names, ", "))}
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return a.checkOrigin(header, r, originOf(scheme, host, port))
}

// checkOrigin checks what a browser says about the page that sends a request.
func (a access) checkOrigin(header http.Header, r *http.Request, own string) *refusal {
	const cure = "To allow it, set Config.Origins (ferry dev --allow-origin ORIGIN)."
	listed := false
	for _, text := range r.Header["Origin"] {
		origin, ok := parseOrigin(text)
		listed = slices.Contains(a.origins, origin)
		if !ok || !listed && origin != own {
			return &refusal{http.StatusForbidden, fmt.Sprintf("A web page of the origin %q must not call the simulator. %s", truncate(text), cure)}
		}
	}
	if site := r.Header["Sec-Fetch-Site"]; !listed && slices.ContainsFunc(site, isForeign) {
		return &refusal{http.StatusForbidden, fmt.Sprintf("A web page of another origin must not call the simulator (Sec-Fetch-Site: %s). %s", truncate(strings.Join(site, ", ")), cure)}
	}
	if listed {
		header.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		header.Set("Access-Control-Expose-Headers", "*")
	}
	header.Add("Vary", "Origin, Sec-Fetch-Site")
	return nil
}

// preflight answers the request with which a browser asks whether a listed page may
// call, and reports whether r is one. It follows check.
func preflight(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" || w.Header().Get("Access-Control-Allow-Origin") == "" {
		return false
	}
	w.Header().Set("Access-Control-Allow-Methods", "*")
	w.Header().Set("Access-Control-Allow-Headers", "*, Authorization")
	w.WriteHeader(http.StatusNoContent)
	return true
}

func isForeign(site string) bool { return site != "same-origin" && site != "none" }

// isOwn reports whether a host is the simulator's own name or address. An address is
// accepted because no DNS stands behind it, and any one at a listener that is not
// on loopback, because a NAT may stand before it. The names of loopback are
// accepted at every listener: browsers resolve them themselves.
func (a access) isOwn(host string, local net.Addr) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		at, err := netip.ParseAddrPort(local.String())
		onLoopback := err == nil && at.Addr().Unmap().IsLoopback()
		return address.IsLoopback() || !onLoopback && !address.IsUnspecified() || slices.Contains(a.names, host)
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.ContainsFunc(a.names, func(name string) bool {
		suffix, wild := strings.CutPrefix(name, "*")
		return name == host || wild && strings.HasSuffix(host, suffix)
	})
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

// admit reports whether a request may go on. Otherwise it has been answered, a
// refusal with write.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, write func(http.ResponseWriter, *refusal)) bool {
	refused := s.access.check(w.Header(), r)
	if refused == nil {
		return !preflight(w, r)
	}
	s.cfg.Logger.Warn("metasim: refused", "status", refused.status, "method", truncate(r.Method), "host", truncate(r.Host), "reason", refused.message)
	write(w, refused)
	return false
}

// refuseGraph writes a refusal in the form of the Graph API's errors.
func refuseGraph(w http.ResponseWriter, refused *refusal) {
	writeControl(w, refused.status, map[string]any{"error": map[string]any{"message": refused.message, "type": "SimulatorException", "code": refused.status}})
}

// guardControl checks who sends a request to the control API. A form, which any web
// page can send, cannot have the type application/json, and so a request with a body
// and every POST must have it.
func (s *Server) guardControl(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		write := func(w http.ResponseWriter, refused *refusal) {
			writeControlError(w, refused.status, errors.New(refused.message))
		}
		if !s.admit(w, r, write) {
			return
		}
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		isJSON := err == nil && mediaType == "application/json" && len(r.Header["Content-Type"]) == 1
		if hasBody := r.ContentLength != 0; !isJSON && (hasBody || r.Method == http.MethodPost) {
			write(w, &refusal{http.StatusUnsupportedMediaType, "The request needs the header 'Content-Type: application/json', also without a body (curl -X POST -H 'Content-Type: application/json' URL)."})
			return
		}
		next.ServeHTTP(w, r)
	})
}
