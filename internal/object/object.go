// Package object opens the bytes that a caller names: an object in an
// S3-compatible store ([Opener.File]) or a presigned URL ([Opener.URL]). A
// program on the operator's own machine may also open any URL ([Opener.Link]).
//
// Both kinds answer one question at a time. Opener.File and Opener.URL check
// what the caller wrote and send no packet. Open sends one GET and returns when
// the headers are there, so that size and type can be judged before a byte is
// read. The body then comes in exactly as many bytes as the headers promised,
// or ends in an error: a broken copy never looks whole.
//
// A store's endpoint comes from the operator, so ferry dials it as it is told.
// A presigned URL comes from the caller, so it passes four walls, in this order:
// the grammar of the text (url_syntax.go), the list of hosts (url_hosts.go), the rule of
// addresses after one resolution (package guard), and the rules for
// what the host answers (url.go). Any one of them stops the fetch.
package object

import (
	"context"
	"io"
	"sync/atomic"
)

// Object is an opened source: headers are known, the body has not been read.
// The caller closes Body, also after reading all of it.
type Object struct {
	// Body gives exactly Size bytes, then io.EOF. A source that breaks off or
	// stalls is asked for the rest of the same bytes, if it gave an ETag and takes
	// ranges, up to three times. If that does not help, Read fails with an *Error of kind Unavailable; one that broke
	// off satisfies errors.Is(err, io.ErrUnexpectedEOF).
	Body io.ReadCloser
	// Size is the length of the body in bytes, from the answer's Content-Length.
	Size int64
	// ContentType is the stored type (S3) or the caller's Content-Type header
	// (presigned URL); "" when there is none.
	ContentType string
	// ETag is the entity tag as the source sent it, "" when there is none. Give
	// it to the next Open to get the same bytes or an error of kind Changed.
	ETag string
	// Name is the last element of the key or path, decoded, for its extension.
	// It is the caller's text: quote it before it goes anywhere.
	Name string

	resumed *atomic.Int64
}

// Resumes is how often Body went on with a ranged GET. It grows until the body
// has ended, and may be called at any time.
func (o *Object) Resumes() int {
	if o.resumed == nil {
		return 0
	}
	return int(o.resumed.Load())
}

// attach gives the object its body.
func (o *Object) attach(b *body) { o.Body, o.resumed = b, &b.resumed }

// Source is what [File], [URL] and [Link] have in common.
type Source interface {
	// Open sends one GET. With ifMatch, the ETag of an earlier Open, the answer
	// is of the same bytes, or an error of kind Changed.
	Open(ctx context.Context, ifMatch string) (*Object, error)
	// Stat returns what the response's headers say, without a Body. Its errors
	// are those of Open.
	Stat(ctx context.Context) (*Object, error)
	// Within returns the same source with its requests taken out of a budget.
	Within(budget *Budget) Source
	// String names the source for a log or a record, without query or headers.
	String() string
}

// Opener opens objects. It is safe for concurrent use.
type Opener struct {
	cfg    Config
	stores []*store
	hosts  hostList
	parts  partBuffers
}

// New makes an Opener. It sends no packet. The error joins every mistake of cfg.
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

// Close closes the idle connections to the stores. Objects that are open stay open.
func (o *Opener) Close() {
	for _, s := range o.stores {
		s.transport.CloseIdleConnections()
	}
}

// lastElement is the part of a key or path after its last slash.
func lastElement(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return name[i+1:]
		}
	}
	return name
}
