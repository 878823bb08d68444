// People whom a proxy in front of the console has identified, such as by OpenID Connect.

package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxPersonName bounds the name of a person in a header, in bytes.
const maxPersonName = 200

// Trust says which proxies may name the person who sends a request. The zero Trust trusts
// none.
type Trust struct {
	// Header is the header with the name of the person. A request from elsewhere that has
	// it is refused. Empty means none.
	Header string
	// Proxies are the addresses of the proxies.
	Proxies []netip.Prefix
	// Role is what these people may do: viewer, operator or admin. Default: viewer.
	Role string
}

// Check returns what is wrong with the configuration.
func (t Trust) Check() error {
	if t.Header == "" && len(t.Proxies) == 0 {
		return nil
	}
	var problems []error
	switch canonical := http.CanonicalHeaderKey(t.Header); {
	case t.Header == "" || len(t.Proxies) == 0:
		problems = append(problems, errors.New("the header that names a person and the proxies that may send it belong together; set both, or none"))
	case strings.Trim(t.Header, headerCharacters) != "":
		problems = append(problems, fmt.Errorf("the header that names a person is %q; expected a name such as X-Forwarded-User", t.Header))
	case slices.Contains(browserHeaders, canonical) || strings.HasPrefix(canonical, "Sec-") || strings.HasPrefix(canonical, "Accept"):
		problems = append(problems, fmt.Errorf("the header that names a person is %s, which browsers send; expected one that the proxy sets, such as X-Forwarded-User", canonical))
	}
	for _, p := range t.Proxies {
		if !p.IsValid() || p.Bits() == 0 {
			problems = append(problems, fmt.Errorf("%s is not the network of a proxy; expected an address or a network such as 10.0.0.7 or 10.1.0.0/24", p))
		}
	}
	if t.Role != "" && roleOf(t.Role) == 0 {
		problems = append(problems, fmt.Errorf("the role is %q; expected %s", t.Role, strings.Join(Roles, ", ")))
	}
	return errors.Join(problems...)
}

const headerCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

var browserHeaders = []string{"Authorization", "Connection", "Content-Length", "Content-Type", "Cookie", "Host", "Origin", "Referer", "User-Agent", partHeader}

// role returns the role of people whom a proxy names.
func (t Trust) role() role { return max(viewer, roleOf(t.Role)) }

// person returns the name of the person whom a proxy has identified; it is empty if the
// request has no such header. The error is a problem: the request must be refused.
func (t Trust) person(r *http.Request) (string, error) {
	values := r.Header.Values(t.Header)
	if t.Header == "" || len(values) == 0 {
		return "", nil
	}
	refuse := func(text string) (string, error) {
		return "", problem{http.StatusForbidden, text, "Check the configuration of the proxy, and --console-trust-proxy."}
	}
	switch {
	case !t.isProxy(r.RemoteAddr):
		return refuse("The request has the header " + t.Header + ", and does not come from a proxy that may send it.")
	case len(values) > 1 || strings.Contains(values[0], ","):
		return refuse("The header " + t.Header + " has more than one value; expected the name of one person.")
	case strings.TrimSpace(values[0]) == "":
		return refuse("The header " + t.Header + " is empty; expected the name of a person.")
	case len(values[0]) > maxPersonName:
		return refuse(fmt.Sprintf("The header %s has more than %d bytes; expected the name of a person.", t.Header, maxPersonName))
	case !utf8.ValidString(values[0]) || strings.ContainsFunc(values[0], isInvisible):
		return refuse("The header " + t.Header + " has control characters; expected the name of a person.")
	}
	return strings.TrimSpace(values[0]), nil
}

// isInvisible reports whether a rune is a control character, or one that changes how the
// others are shown.
func isInvisible(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || r == utf8.RuneError
}

// isProxy reports whether the address of a connection is that of a proxy.
func (t Trust) isProxy(remote string) bool {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	address := at.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(t.Proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}
