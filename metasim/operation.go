package metasim

import (
	"fmt"
	"net/http"
	"strings"
)

// An Operation names something that the simulated API can do. Faults select
// requests by it, and the history records it.
type Operation string

// The operations. A request that is none of them has the empty one.
const (
	OperationUpload   Operation = "upload"
	OperationRetrieve Operation = "retrieve"
	OperationDelete   Operation = "delete"
	OperationDownload Operation = "download"

	OperationUploadSession Operation = "upload_session"
	OperationUploadBytes   Operation = "upload_bytes"
	OperationUploadStatus  Operation = "upload_status"

	OperationAccount      Operation = "account"
	OperationPhoneNumbers Operation = "phone_numbers"
	OperationPhoneNumber  Operation = "phone_number"
)

// A nodeKind is a kind of object of the graph. Patterns name it in braces.
type nodeKind string

const (
	nodeAccount     nodeKind = "account"
	nodePhoneNumber nodeKind = "phone_number"
	nodeApp         nodeKind = "app"
	nodeMedia       nodeKind = "media"
	nodeSession     nodeKind = "session"
)

const (
	sessionPrefix = "upload:"                         // of the id of an upload session
	downloadPath  = "/whatsapp_business/attachments/" // of the media host's URLs
	versionInPath = nodeKind("version")               // stands for the version of the Graph API in patterns
)

// operation is a row of the table of operations.
type operation struct {
	name    Operation
	method  string // of HTTP
	pattern string // of the path; see parsePatterns
	auth    authentication
	serve   func(*Server, *call) (any, *apiError) // returns the JSON of the response; nil, nil if it has written one

	takesFile bool // the request's body is a file, which Fault.CutAfterBytes counts
	mediaHost bool // on the media host, which refuses with a 404 in plain text

	segments []segment // of the pattern
}

// operations is everything that the simulated API can do. Routing,
// authentication, faults and the history read it. To add an operation, add a
// row and a method of Server.
//
// Rows may have the same method, and patterns that differ in the kind of the node
// only. Then the kind of the object with the id in the path selects the row. If it
// is none of theirs, the first of these rows is selected, and refuses the id.
var operations = parsePatterns([]operation{
	{name: OperationUpload, method: "POST", pattern: "/{version}/{phone_number}/media", auth: ownersToken, serve: (*Server).upload, takesFile: true},
	{name: OperationRetrieve, method: "GET", pattern: "/{version}/{media}", auth: ownersToken, serve: (*Server).retrieve},
	{name: OperationDelete, method: "DELETE", pattern: "/{version}/{media}", auth: ownersToken, serve: (*Server).delete},
	{name: OperationDownload, method: "GET", pattern: downloadPath, auth: anyToken, serve: (*Server).download, mediaHost: true},
	{name: OperationDownload, method: "HEAD", pattern: downloadPath, auth: anyToken, serve: (*Server).download, mediaHost: true},

	{name: OperationUploadSession, method: "POST", pattern: "/{version}/{app}/uploads", auth: ownersUploadToken, serve: (*Server).createSession},
	{name: OperationUploadBytes, method: "POST", pattern: "/{version}/upload:{session}", auth: sessionBytesToken, serve: (*Server).uploadBytes, takesFile: true},
	{name: OperationUploadStatus, method: "GET", pattern: "/{version}/upload:{session}", auth: sessionToken, serve: (*Server).uploadStatus},

	{name: OperationAccount, method: "GET", pattern: "/{version}/{account}", auth: ownersToken, serve: (*Server).account},
	{name: OperationPhoneNumbers, method: "GET", pattern: "/{version}/{account}/phone_numbers", auth: ownersToken, serve: (*Server).phoneNumbers},
	{name: OperationPhoneNumber, method: "GET", pattern: "/{version}/{phone_number}", auth: ownersToken, serve: (*Server).phoneNumber},
})

// known reports whether a row has the name.
func (o Operation) known() bool {
	for i := range operations {
		if operations[i].name == o {
			return true
		}
	}
	return false
}

// segment is an element of a pattern: a text, followed by an id if kind is not
// empty.
type segment struct {
	text string
	kind nodeKind
}

// parsePatterns fills in the segments of the rows. Each element of a pattern is a
// text, {kind}, or a text followed by {kind}. A pattern names at most one node;
// {version} is not one.
func parsePatterns(rows []operation) []operation {
	for i := range rows {
		for element := range strings.SplitSeq(strings.TrimPrefix(rows[i].pattern, "/"), "/") {
			text, kind, _ := strings.Cut(strings.TrimSuffix(element, "}"), "{")
			rows[i].segments = append(rows[i].segments, segment{text, nodeKind(kind)})
		}
	}
	return rows
}

// node returns the kind of the node that the operation's path names, or "".
func (o *operation) node() nodeKind {
	for _, s := range o.segments {
		if s.kind != "" && s.kind != versionInPath {
			return s.kind
		}
	}
	return ""
}

// match compares the elements of a path with the pattern. versioned says that the
// first one is a version that exists. It returns the element that names the node,
// or "" if the pattern has none.
func (o *operation) match(elements []string, versioned bool) (id string, ok bool) {
	if len(elements) != len(o.segments) {
		return "", false
	}
	for i, s := range o.segments {
		rest, found := strings.CutPrefix(elements[i], s.text)
		switch {
		case !found:
			return "", false
		case s.kind == "":
			found = rest == ""
		case s.kind == versionInPath:
			found = versioned
		case s.kind == nodeSession:
			id = elements[i]
		default:
			id, found = rest, isObjectID(rest)
		}
		if !found {
			return "", false
		}
	}
	return id, true
}

// route is the destination of a request.
type route struct {
	operation *operation // nil means none
	version   string     // of the response, such as "v25.0"
	id        string     // element of the path that names the node; may be empty
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

// route finds the operation that method and path name.
func (s *Server) route(r *http.Request) route {
	path := r.URL.EscapedPath() // an escaped slash is part of an element
	elements := strings.Split(strings.TrimPrefix(path, "/"), "/")
	version, versioned := resolveVersion(elements[0])
	if !versioned {
		version = fmt.Sprintf("v%d.0", newestVersion)
	}
	t := route{version: version}
	known, mediaHost := false, false
	for i := range operations {
		o := &operations[i]
		id, ok := o.match(elements, versioned)
		if !ok {
			continue
		}
		known, mediaHost, t.id = true, o.mediaHost, id
		if o.method != r.Method {
			continue
		}
		if kind, _ := s.node(id); t.operation == nil || o.node() == kind {
			t.operation = o
		}
	}
	switch {
	case !known && (!versioned || len(elements) == 1):
		t.refusal = unknownPath(path)
	case !known && !isObjectID(elements[1]):
		t.refusal = unknownPath("/" + strings.Join(elements[1:], "/"))
	case !known:
		t.refusal = unknownPath("/" + strings.Join(elements[2:], "/"))
	case t.operation == nil && mediaHost:
		t.refusal = downloadNotFound("the media host supports GET only")
	}
	return t
}

// node returns the kind of the object with an id, and the ids of the accounts that
// it belongs to. The kind is empty if there is no such object; an object that has
// expired belongs to no account.
func (s *Server) node(id string) (kind nodeKind, owners []string) {
	if _, ok := s.accounts[id]; ok {
		return nodeAccount, []string{id}
	}
	if p, ok := s.phones[id]; ok {
		return nodePhoneNumber, []string{p.accountID}
	}
	if owners := s.apps[id]; len(owners) > 0 {
		return nodeApp, owners
	}
	if file, ok := s.Media(id); ok {
		_, owners := s.node(file.PhoneNumberID)
		return nodeMedia, owners
	}
	if s.media.has(id) {
		return nodeMedia, nil
	}
	return "", nil
}
