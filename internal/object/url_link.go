package object

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"

	"ferry/internal/guard"
)

// maxRedirects is the limit for the redirects of a [Link] that are followed.
const maxRedirects = 3

// Link is an http or https URL of a file on any web server. Text and response are
// checked like those of a [URL]. Unlike a URL, a Link
//   - may name any host that the function which made it allows;
//   - follows redirects, up to maxRedirects, under the same rules;
//   - is sent without further headers, so that the ContentType of its Object is the
//     response's.
type Link struct {
	url  *URL
	next func(rawURL string) (*Link, error) // checks the URL that it is redirected to
}

var _ Source = (*Link)(nil)

// Link checks a URL that the operator chose, such as one on the command line of ferry
// media lint. It must not be used for a URL from a request: it may name any host, which
// is dialed with [guard.Named], and it uses Config.Proxy. It sends nothing. The error is
// an *Error of kind Invalid.
func (o *Opener) Link(rawURL string) (*Link, error) {
	t, err := o.parse(origin{name: "The URL"}, http.MethodGet, rawURL)
	if err != nil {
		return nil, err
	}
	t.isTrusted = true
	return newLink(t, o.Link)
}

// PublicLink checks a URL that a message links to. Its host may be any public one, on
// any port, but for Config.ExceptHosts; and the endpoint of a configured store, if the
// URL is presigned for an object in one of its buckets. Like a presigned URL it uses no
// proxy, and the error for a host that cannot be reached, or whose address is forbidden,
// tells nothing about the network. It sends nothing. The error is an *Error of kind Invalid.
func (o *Opener) PublicLink(rawURL string) (*Link, error) {
	t, err := o.parse(origin{name: "The link"}, http.MethodGet, rawURL)
	if err != nil {
		failed, _ := errors.AsType[*Error](err)
		failed.Fix = "Correct the link."
		return nil, failed
	}
	isListed := false
	t.reach, t.dial, isListed = o.hosts.find(t.endpoint)
	switch {
	case isListed:
		if err := t.checkNamed(o.hosts); err != nil {
			return nil, err
		}
	case o.cfg.LinksInside:
		t.reach = guard.Named
	case !isPublicName(t.endpoint.host) || o.hosts.excepts(t.endpoint.host):
		return nil, t.origin.fail(linkHost, nil)
	}
	if t.dial != t.endpoint {
		t.request.Scheme, t.request.Host = t.dial.scheme, t.dial.authority()
	}
	return newLink(t, o.PublicLink)
}

func newLink(t target, next func(rawURL string) (*Link, error)) (*Link, error) {
	t.isLink = true
	if err := t.setHeaders(nil, headerRule{}); err != nil {
		return nil, err
	}
	return &Link{&URL{target: t, name: lastElement(t.request.Path)}, next}, nil
}

// Identity returns a text that differs for links that differ, without showing the query.
func (l *Link) Identity() string {
	if l.url.request.RawQuery == "" {
		return l.String()
	}
	digest := sha256.Sum256([]byte(l.url.request.RawQuery))
	return l.String() + "?" + hex.EncodeToString(digest[:])
}

// String returns the URL without its query.
func (l *Link) String() string { return l.url.String() }

// Store returns link.
func (*Link) Store() string { return storeOfLinks }

// WithBudget returns the same link. Its requests count against the budget.
func (l *Link) WithBudget(budget *Budget) Source {
	within := *l.url
	within.budget = budget
	return &Link{&within, l.next}
}

// Open is like [URL.Open], and follows redirects.
func (l *Link) Open(ctx context.Context, ifMatch string) (obj *Object, err error) {
	err = l.follow(func(u *URL) error {
		obj, err = u.Open(ctx, ifMatch)
		return err
	})
	return obj, err
}

// Stat opens the link and closes it without reading its body.
func (l *Link) Stat(ctx context.Context) (obj *Object, err error) {
	err = l.follow(func(u *URL) error {
		obj, err = u.Stat(ctx)
		return err
	})
	return obj, err
}

// ReadAt is like [File.ReadAt], and follows redirects. Unlike there, ifMatch may be
// empty, since many web servers send no ETag or a weak one; then the bytes may
// belong to another version of the file than those of an earlier response.
func (l *Link) ReadAt(ctx context.Context, p []byte, off int64, ifMatch string) (n int, err error) {
	want := getRequest{ifMatch: ifMatch, ranged: true, first: off, last: off + int64(len(p)) - 1}
	switch {
	case len(p) == 0:
		return 0, nil
	case off < 0 || want.last < off:
		return 0, l.url.origin.fail(noOffset, nil)
	}
	err = l.follow(func(u *URL) error {
		n, err = readRange(ctx, u.origin, p, want, u.get)
		return err
	})
	return n, err
}

// follow calls do with the URL, and again with each URL that it is redirected to.
func (l *Link) follow(do func(u *URL) error) error {
	u := l.url
	for redirects := 0; ; redirects++ {
		err := do(u)
		failed, ok := errors.AsType[*Error](err)
		if !ok || failed.location == "" {
			return err
		}
		if redirects == maxRedirects {
			return u.origin.fail(tooManyLinks, failed.Cause, maxRedirects)
		}
		location, err := u.request.Parse(failed.location)
		if err != nil { // the error's text has the location with its signature
			return u.origin.fail(badLink, nil)
		}
		location.Fragment, location.RawFragment = "", ""
		next, err := l.next(location.String())
		if err != nil {
			return err
		}
		next.url.budget = u.budget
		u = next.url
	}
}
