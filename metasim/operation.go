package metasim

import (
	"fmt"
	"net/http"
	"strings"
)

// An Operation is something that the simulated API can do. Faults select by
// it, and the history names it.
type Operation string

// The operations. A request that is none of them has the empty one.
const (
	OperationUpload       Operation = "upload"        // POST /{version}/{phone number}/media
	OperationRetrieve     Operation = "retrieve"      // GET /{version}/{media}
	OperationDelete       Operation = "delete"        // DELETE /{version}/{media}
	OperationDownload     Operation = "download"      // GET of the address that retrieve gave
	OperationAccount      Operation = "account"       // GET /{version}/{account}
	OperationPhoneNumbers Operation = "phone_numbers" // GET /{version}/{account}/phone_numbers
	OperationPhoneNumber  Operation = "phone_number"  // GET /{version}/{phone number}

	OperationUploadSession Operation = "upload_session" // POST /{version}/{app}/uploads
	OperationUploadBytes   Operation = "upload_bytes"   // POST /{version}/upload:{session}
	OperationUploadStatus  Operation = "upload_status"  // GET /{version}/upload:{session}
)

func (o Operation) known() bool {
	switch o {
	case OperationUpload, OperationRetrieve, OperationDelete, OperationDownload,
		OperationAccount, OperationPhoneNumbers, OperationPhoneNumber,
		OperationUploadSession, OperationUploadBytes, OperationUploadStatus:
		return true
	}
	return false
}

// takesFile reports whether the request's body is what matters, and what a
// fault cuts.
func (o Operation) takesFile() bool { return o == OperationUpload || o == OperationUploadBytes }

// sessionPrefix begins the id of an upload session.
const sessionPrefix = "upload:"

// downloadPath is the path of the media host's addresses.
const downloadPath = "/whatsapp_business/attachments/"

// route is what a request is aimed at.
type route struct {
	operation Operation
	version   string // that answers, such as "v25.0"
	id        string
	refusal   *apiError // set when the path leads nowhere
}

// route reads the path and the method. Which operation a bare id means depends
// on what the id is.
func (s *Server) route(r *http.Request) route {
	newest := fmt.Sprintf("v%d.0", newestVersion)
	path := r.URL.EscapedPath() // an escaped slash is part of an element, not the end of one
	if path == downloadPath {
		t := route{version: newest}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			t.operation = OperationDownload
		} else {
			t.refusal = downloadNotFound("the media host answers GET only")
		}
		return t
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	version, ok := resolveVersion(parts[0])
	if !ok {
		return route{version: newest, refusal: unknownPath(path)}
	}
	t := route{version: version}
	switch {
	case len(parts) == 1:
		t.refusal = unknownPath(path)
	case len(parts) == 2 && strings.HasPrefix(parts[1], sessionPrefix):
		t.id = parts[1]
		switch r.Method {
		case http.MethodPost:
			t.operation = OperationUploadBytes
		case http.MethodGet:
			t.operation = OperationUploadStatus
		}
	case !isObjectID(parts[1]):
		t.refusal = unknownPath("/" + strings.Join(parts[1:], "/"))
	case len(parts) == 2:
		t.id = parts[1]
		t.operation = s.nodeOperation(r.Method, t.id)
	case len(parts) == 3 && parts[2] == "media":
		t.id = parts[1]
		if r.Method == http.MethodPost {
			t.operation = OperationUpload
		}
	case len(parts) == 3 && parts[2] == "uploads":
		t.id = parts[1]
		if r.Method == http.MethodPost {
			t.operation = OperationUploadSession
		}
	case len(parts) == 3 && parts[2] == "phone_numbers":
		t.id = parts[1]
		if r.Method == http.MethodGet {
			t.operation = OperationPhoneNumbers
		}
	default:
		t.refusal = unknownPath("/" + strings.Join(parts[2:], "/"))
	}
	return t
}

// nodeOperation is what a method means on an object itself.
func (s *Server) nodeOperation(method, id string) Operation {
	_, isAccount := s.accounts[id]
	_, isPhone := s.phones[id]
	switch {
	case method == http.MethodGet && isAccount:
		return OperationAccount
	case method == http.MethodGet && isPhone:
		return OperationPhoneNumber
	case isAccount || isPhone:
		return ""
	case method == http.MethodGet:
		return OperationRetrieve
	case method == http.MethodDelete:
		return OperationDelete
	}
	return ""
}
