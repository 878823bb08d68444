package object

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// maxRedirects is how many redirects of a [Link] are followed.
const maxRedirects = 3

// Link is an http or https URL that the operator chose, such as one on the
// command line of ferry media lint. Never make one of a URL that came in a request.
//
// The text of a Link is checked as that of a [URL], and so is the response. A
// Link may name any host: there is no list of hosts, it goes through
// Config.Proxy, and the guard refuses only what it refuses for hosts that the
// operator named ([guard.Named]). Redirects are followed, at most maxRedirects.
// No headers are sent with it, and the ContentType of its Object is the one of
// the response.
type Link struct{ url *URL }

var _ Source = (*Link)(nil)

// Link checks a URL that the operator chose. It sends no packet. The error is an
// *Error of kind Invalid.
func (o *Opener) Link(rawURL string) (*Link, error) {
	t, err := o.parse(origin{name: "The URL"}, http.MethodGet, rawURL)
	if err != nil {
		return nil, err
	}
	t.isLink = true
	if err := t.setHeaders(nil, headerRule{}); err != nil {
		return nil, err
	}
	return &Link{&URL{target: t, name: lastElement(t.request.Path)}}, nil
}

// String is the URL without its query.
func (l *Link) String() string { return l.url.String() }

// Within returns the same link with its requests taken out of a budget.
func (l *Link) Within(budget *Budget) Source {
	within := *l.url
	within.budget = budget
	return &Link{&within}
}

// Open sends one GET, as [URL.Open] does and with its errors, and follows redirects.
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

// ReadAt reads the bytes from off on into p with one GET of that range, as
// [File.ReadAt] does and with its errors, and follows redirects. An empty ifMatch
// reads from whatever the web server has by now; most give ETags, some only weak
// ones, which cannot be matched.
func (l *Link) ReadAt(ctx context.Context, p []byte, off int64, ifMatch string) (n int, err error) {
	want := getRequest{ifMatch: ifMatch, ranged: true, first: off, last: off + int64(len(p)) - 1}
	switch {
	case len(p) == 0:
		return 0, nil
	case off < 0 || want.last < off:
		return 0, l.url.origin.fail(Invalid, "cannot be asked for bytes outside of the object.", nil)
	}
	err = l.follow(func(u *URL) error {
		n, err = readRange(ctx, u.origin, p, want, u.get)
		return err
	})
	return n, err
}

// follow calls do with the URL, and with those that it is redirected to.
func (l *Link) follow(do func(u *URL) error) error {
	u := l.url
	for redirects := 0; ; redirects++ {
		err := do(u)
		failed, ok := errors.AsType[*Error](err)
		if !ok || failed.location == "" {
			return err
		}
		if redirects == maxRedirects {
			return u.origin.fail(Invalid, fmt.Sprintf("is redirected more than %d times.", maxRedirects), failed.Cause)
		}
		location, err := u.request.Parse(failed.location)
		if err != nil { // its text has the location, and what signs it
			return u.origin.fail(Invalid, "is redirected to something that is not a URL.", nil)
		}
		location.Fragment, location.RawFragment = "", ""
		next, err := u.opener.Link(location.String())
		if err != nil {
			return err
		}
		next.url.budget = u.budget
		u = next.url
	}
}
