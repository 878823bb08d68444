package metasim

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// route is the destination of a request.
type route struct {
	operation *operation // nil means none
	missing   string     // what Meta has and the simulator lacks, such as "POST /{phone_number}/register"; empty means nothing
	version   string     // of the response, such as "v25.0"
	id        string     // element of the path that names the node; may be empty
	warnings  []Warning  // about the path
	refusal   *apiError  // set when the path leads nowhere
}

// name is empty where there is no operation.
func (t *route) name() Operation {
	if t.operation == nil {
		return ""
	}
	return t.operation.name
}

// takesFile reports whether the request's body is a file.
func (t *route) takesFile() bool { return t.operation != nil && t.operation.takesFile }

// onMediaHost reports whether the media host responds.
func (t *route) onMediaHost() bool { return t.operation != nil && t.operation.mediaHost }

func (t *route) warn(code, format string, args ...any) {
	t.warnings = append(t.warnings, Warning{code, fmt.Sprintf(format, args...)})
}

// route finds the operation that method and path name.
func (s *Server) route(r *http.Request) route {
	path := r.URL.EscapedPath()
	if path == downloadPath || path == flowDownloadPath {
		return mediaHostRoute(r.Method, path)
	}
	t := route{}
	elements := pathElements(path)
	if last := len(elements) - 1; last > 0 && elements[last] == "" {
		elements = elements[:last]
		if _, _, onlyVersion := parseVersion(elements[0]); last > 1 || !onlyVersion { // "/v25.0/" is as good as "/v25.0"
			t.warn(warnTrailingSlash, "The path ends with a slash. Remove it.")
		}
	}
	version, versioned := t.resolveVersion(elements[0])
	if versioned {
		elements = elements[1:]
	} else if elements[0] == "" && len(elements) == 1 {
		elements = nil
	}
	t.version = version
	found := t.find(s, r.Method, elements)
	switch {
	case !found && (!versioned || len(elements) == 0):
		t.refusal = unknownPath(path)
	case !found && isObjectID(elements[0]):
		t.refusal = unknownPath("/" + strings.Join(elements[1:], "/"))
	case !found:
		t.refusal = unknownPath("/" + strings.Join(elements, "/"))
	case !versioned:
		t.warn(warnNoVersion, "The path has no version of the Graph API, so %s responds. Begin it with /v%d.0.", version, newestVersion)
	}
	return t
}

// mediaHostRoute finds the operation of a path of the media host.
func mediaHostRoute(method, path string) route {
	t := route{version: fmt.Sprintf("v%d.0", newestVersion)}
	for i := range operations {
		if o := &operations[i]; o.mediaHost && o.method == method && o.pattern == path {
			t.operation = o
			return t
		}
	}
	t.refusal = downloadNotFound("the media host supports GET only")
	return t
}

// find finds the operation for the elements of a path behind the version, or what
// the simulator lacks. It reports false for a path that Meta does not have either.
func (t *route) find(s *Server, method string, elements []string) bool {
	known := false
	for i := range operations {
		o := &operations[i]
		id, ok := o.match(elements)
		if !ok || o.mediaHost {
			continue
		}
		known, t.id = true, id
		if o.method != method {
			continue
		}
		if kind, _ := s.node(id); t.operation == nil || o.node() == kind {
			t.operation = o
		}
	}
	if !known && len(elements) > 0 && isObjectID(elements[0]) {
		t.id = elements[0]
	}
	kind, _ := s.node(t.id)
	if t.operation != nil && (t.operation.node() == kind || t.operation.node() == nodeSession) {
		return true
	}
	if t.missing = missingOperation(method, elements, kind); t.missing != "" {
		t.operation = nil
	}
	return known || t.missing != ""
}

// pathElements returns the decoded elements of an escaped path. An element that has
// an escaped slash stays escaped, so that it matches nothing.
func pathElements(path string) []string {
	elements := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, element := range elements {
		if decoded, err := url.PathUnescape(element); err == nil && !strings.Contains(decoded, "/") {
			elements[i] = decoded
		}
	}
	return elements
}
