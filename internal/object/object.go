// Package object reads and writes the objects that a caller names: objects in
// S3-compatible stores ([Opener.File], [Opener.FileSink]) and presigned URLs
// ([Opener.URL], [Opener.URLSink]). It reads the files that messages link to
// ([Opener.PublicLink]), and for a program that runs on the operator's own machine any
// other URL ([Opener.Link]).
//
// Reading takes two steps. The methods of Opener check what the caller wrote,
// and send nothing. Open then sends one GET and returns as soon as it has the
// response's headers, so that size and type can be checked before the body is
// read. The body yields exactly as many bytes as the headers announced, or an
// error: a broken copy never looks complete.
//
// The endpoint of a store comes from the operator and is trusted. A presigned URL
// comes from the caller and must pass four checks, in this order: the syntax of
// the text (url_syntax.go), the list of hosts (url_hosts.go), the addresses after
// one resolution (package guard), and the response (url.go).
package object

import (
	"context"
	"io"
	"slices"
	"sync/atomic"
)

// Object is an opened source. Its headers are known, and its body has not been
// read. The caller must close Body, even after reading all of it.
type Object struct {
	// Body yields exactly Size bytes, then io.EOF. If the source breaks off or
	// stalls, Body resumes with a range request for the same ETag, up to three
	// times. If it cannot resume, Read returns an *Error of kind Unavailable, which
	// satisfies errors.Is(err, io.ErrUnexpectedEOF) if the source broke off.
	Body io.ReadCloser
	// Size is the length of the body in bytes, from the response's Content-Length. It
	// has no limit here.
	Size int64
	// ContentType is the stored type (S3) or the caller's Content-Type header
	// (presigned URL). Empty means that there is none.
	ContentType string
	// Encoding is the Content-Encoding as the source sent it, whether or not the bytes
	// are encoded: many programs store "base64" with plain bytes. Empty means that
	// there is none.
	Encoding string
	// ETag is the entity tag as the source sent it. Empty means that there is none.
	// Pass it to the next Open to get the same bytes, or an error of kind Changed.
	ETag string
	// Name is the last element of the key or path, decoded. It is needed for its
	// extension. It is the caller's text, so quote it in any message.
	Name string

	resumed  *atomic.Int64
	checksum *checksum // nil if none is verified
}

// Resumes returns how many times Body was resumed so far. It may be called at any time.
func (o *Object) Resumes() int {
	if o.resumed == nil {
		return 0
	}
	return int(o.resumed.Load())
}

// attach sets the object's body.
func (o *Object) attach(b *body) { o.Body, o.resumed, b.checksum = b, &b.resumed, o.checksum }

// Source is what [File], [URL] and [Link] have in common.
type Source interface {
	// Open sends one GET. If ifMatch is the ETag of an earlier Open, it returns the
	// same bytes, or an error of kind Changed.
	Open(ctx context.Context, ifMatch string) (*Object, error)
	// Stat returns what the response's headers say, without a Body. Its errors
	// are those of Open.
	Stat(ctx context.Context) (*Object, error)
	// WithBudget returns the same source, whose requests count against a budget.
	WithBudget(budget *Budget) Source
	// Store returns the name of what serves the source, one of Opener.StoreNames.
	Store() string
	// String returns a name for logs and records, without query and headers.
	String() string
}

// The names of what serves sources that are in none of the stores.
const (
	storeOfURLs  = "presigned-url"
	storeOfLinks = "link"
)

// StoreNames returns the names of what serves sources, for metrics: the hosts of the
// stores, aws for AWS S3, presigned-url, and link.
func (o *Opener) StoreNames() []string {
	names := []string{storeOfURLs, storeOfLinks}
	for _, s := range o.stores {
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

// Opener opens objects. It is safe for concurrent use.
type Opener struct {
	cfg    Config
	stores []*store
	hosts  hostList
	parts  partBuffers
}

// New returns an Opener. It sends nothing. The error joins all mistakes in cfg.
func New(ctx context.Context, cfg Config) (*Opener, error) {
	cfg = cfg.withDefaults()
	hosts, err := cfg.check()
	if err != nil {
		return nil, err
	}
	o := &Opener{cfg: cfg, hosts: hosts, parts: newPartBuffers()}
	if o.stores, err = newStores(ctx, cfg); err != nil {
		return nil, err
	}
	return o, nil
}

// Close closes the idle connections to the stores. Open objects stay open.
func (o *Opener) Close() {
	for _, s := range o.stores {
		s.transport.CloseIdleConnections()
	}
}

// lastElement returns the part of a key or path after its last slash.
func lastElement(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return name[i+1:]
		}
	}
	return name
}
