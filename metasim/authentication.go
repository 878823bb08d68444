package metasim

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authentication says which tokens an operation accepts.
type authentication struct {
	// schemes are the words before the token in the header Authorization, in
	// any case. Empty means that the operation needs no token.
	schemes []string

	// allow checks that the call's token has access to what the path names. Nil
	// means that any token of an account has.
	allow func(*Server, *call) *apiError
}

// Bearer is the scheme of all operations. Resumable uploads also accept
// OAuth, and their bytes accept nothing else.
var (
	anyToken          = authentication{schemes: []string{"Bearer"}}
	ownersToken       = authentication{schemes: []string{"Bearer"}, allow: (*Server).allowOwner}
	ownersUploadToken = authentication{schemes: []string{"Bearer", "OAuth"}, allow: (*Server).allowOwner}
	sessionToken      = authentication{schemes: []string{"Bearer", "OAuth"}, allow: (*Server).allowSession}
	sessionBytesToken = authentication{schemes: []string{"OAuth"}, allow: (*Server).allowSession}
)

// authenticate checks the call's token, and records the token and the
// accounts that it has access to.
func (s *Server) authenticate(c *call) *apiError {
	auth := anyToken // of a path that exists, with a method that does not
	if c.operation != nil {
		auth = c.operation.auth
	}
	if len(auth.schemes) == 0 {
		return nil
	}
	c.token = headerToken(c.r, auth.schemes)
	if c.token == "" {
		e := missingToken()
		if !slices.Contains(auth.schemes, "Bearer") {
			e.details = "This request accepts the token as \"Authorization: " + auth.schemes[0] + " {token}\" only."
		}
		return e
	}
	accounts, ok := s.tokens[c.token]
	if !ok {
		return invalidToken()
	}
	c.accounts = accounts
	if auth.allow == nil {
		return nil
	}
	return auth.allow(s, c)
}

// headerToken returns the token of a request. Meta also accepts ?access_token=
// and other schemes; a client of the Cloud API does not need them, and a token
// in a URL ends up in logs, so only the header is accepted here.
func headerToken(r *http.Request, schemes []string) string {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	same := func(s string) bool { return strings.EqualFold(s, scheme) }
	if !found || !slices.ContainsFunc(schemes, same) {
		return ""
	}
	return strings.TrimSpace(token)
}

// allowOwner checks that the token has access to an account that the node
// belongs to. The response is the same for a node that does not exist.
func (s *Server) allowOwner(c *call) *apiError {
	want := c.operation.node()
	kind, owners := s.node(c.id)
	e := unsupported(c.r.Method, c.id)
	switch {
	case kind != want || len(owners) == 0:
		e.reason = "no such " + string(want) + ", or it has expired"
	case !slices.ContainsFunc(owners, func(account string) bool { return c.accounts[account] }):
		e.reason = "the " + string(want) + " belongs to another account than the token"
	default:
		return nil
	}
	return e
}

// ownsPhoneNumber reports whether one of the accounts has the phone number.
func (s *Server) ownsPhoneNumber(accounts map[string]bool, phoneID string) bool {
	p, ok := s.phones[phoneID]
	return ok && accounts[p.accountID]
}

// allowSession finds the upload session of the call, and checks that the
// call has its token and its signature.
func (s *Server) allowSession(c *call) *apiError {
	path, err := url.PathUnescape(c.id)
	session, ok := s.uploads.find(strings.TrimPrefix(path, sessionPrefix), s.Now())
	switch {
	case err != nil || !ok:
		return c.sessionNotFound("no such upload session, or it has expired")
	case session.token != c.token:
		return c.sessionNotFound("the upload session was created with another token")
	case subtle.ConstantTimeCompare([]byte(c.r.URL.Query().Get("sig")), []byte(session.sig)) == 0:
		return malformedForm("The parameter sig of the upload session is missing or wrong.")
	}
	c.session = session
	return nil
}
