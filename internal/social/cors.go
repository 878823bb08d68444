// CORS, so that programs in browsers can call the API (docs/references.md#aws-cors).

package social

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"ferry/internal/state"
	"ferry/socialmessaging"
)

// What the service's model allows. An origin is not restricted: a request needs
// a signature, which a browser does not add by itself.
const (
	corsOrigin  = "*"
	corsMaxAge  = "600" // seconds, the default of Smithy's cors trait
	corsAllowed = "authorization, x-amz-date, x-amz-security-token, content-type, x-amz-content-sha256, x-amz-user-agent, x-amzn-platform-id, " +
		"x-amzn-trace-id, content-length, x-api-key, amz-sdk-request, amz-sdk-invocation-id, Csrf-Token"
	corsExposed = "x-amzn-errortype, x-amzn-requestid, x-amzn-trace-id, Csrf-Token"
)

// allowOrigin sets the CORS headers of every response to a page that may call the
// API. It returns an error for a page that may not, and for a host name that is not
// the server's.
func (s *Service) allowOrigin(header http.Header, r *http.Request) error {
	if s.config.AllowsHost != nil && !s.config.AllowsHost(r) {
		return &fault{code: "MisdirectedRequestException", status: http.StatusMisdirectedRequest,
			message: fmt.Sprintf("This server does not answer to the host name %.100q. To add it, start the server with --host NAME.", r.Host)}
	}
	allowed := corsOrigin
	if s.config.AllowsOrigin != nil {
		header.Add("Vary", "Origin")
		origins := r.Header["Origin"]
		if len(origins) == 0 { // not a page
			return nil
		}
		if allowed = origins[0]; len(origins) > 1 || !s.config.AllowsOrigin(allowed) {
			return fail(socialmessaging.KindAccessDenied, nil,
				"A web page of the origin %.100q must not call this server. To allow it, start the server with --allow-origin ORIGIN.", allowed)
		}
	}
	header.Set("Access-Control-Allow-Origin", allowed)
	header.Set("Access-Control-Expose-Headers", corsExposed)
	return nil
}

// corsMethods are the methods of each path, such as "DELETE, OPTIONS, POST".
var corsMethods = func() map[string]string {
	lists := make(map[string][]string)
	for _, operation := range socialmessaging.Operations {
		lists[operation.Path] = append(lists[operation.Path], operation.Method)
	}
	methods := make(map[string]string, len(lists))
	for path, list := range lists {
		list = append(list, http.MethodOptions)
		slices.Sort(list)
		methods[path] = strings.Join(list, ", ")
	}
	return methods
}()

// preflight answers the request with which a browser asks whether it may call a
// path, and reports whether r is one: an OPTIONS request of an operation's
// path. Browsers do not sign it. The response is the same for all callers of an
// origin.
func preflight(w http.ResponseWriter, r *http.Request) bool {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	methods, known := corsMethods[path]
	if r.Method != http.MethodOptions || !known {
		return false
	}
	w.Header().Set("Access-Control-Allow-Methods", methods)
	w.Header().Set("Access-Control-Allow-Headers", corsAllowed)
	w.Header().Set("Access-Control-Max-Age", corsMaxAge)
	w.Header().Set("X-Amzn-Requestid", state.NewUUID())
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return true
}
