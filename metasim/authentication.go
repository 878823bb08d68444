package metasim

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
)

// authentication says which tokens an operation accepts.
type authentication struct {
	// schemes are the documented words before the token in the header
	// Authorization. Graph accepts Bearer and OAuth everywhere
	// (docs/references.md#graph-parameters).
	schemes []string

	// optional accepts a request without a token.
	optional bool

	// headerOnly ignores the parameter access_token.
	headerOnly bool

	// app accepts the token of an app, too.
	app bool

	// allow checks that the call's token has access to what the path names. Nil
	// means that any token of an account has.
	allow func(*Server, *call) *apiError
}

var (
	bearer = []string{"Bearer"}
	either = []string{"Bearer", "OAuth"}

	anyToken          = authentication{schemes: bearer}
	optionalToken     = authentication{schemes: bearer, optional: true}
	mediaHostToken    = authentication{schemes: bearer, headerOnly: true}
	ownersToken       = authentication{schemes: bearer, allow: (*Server).allowOwner}
	ownersUploadToken = authentication{schemes: either, allow: (*Server).allowOwner}
	appToken          = authentication{schemes: bearer, app: true, allow: (*Server).allowApp}
	sessionToken      = authentication{schemes: either, allow: (*Server).allowSession}
	sessionBytesToken = authentication{schemes: []string{"OAuth"}, allow: (*Server).allowSession}
)

// requirements returns what the destination of a request accepts.
func (t *route) requirements() authentication {
	switch {
	case t.operation != nil:
		return t.operation.auth
	case t.missing != "" && t.id == "": // some of these paths make tokens
		return optionalToken
	}
	return anyToken // of a path that exists, with a method that does not
}

// authenticate checks the call's token, and records the token and the
// accounts that it has access to.
func (s *Server) authenticate(c *call) *apiError {
	auth := c.requirements()
	token, refusal := c.findToken(auth)
	if refusal != nil {
		return refusal
	}
	c.token = token
	if c.token == "" && auth.optional {
		return nil
	}
	if c.token == "" {
		return missingToken()
	}
	accounts, ok := s.accountsOf(c.token)
	if !ok && auth.app {
		accounts, ok = s.appTokens[c.token]
	}
	if !ok {
		return invalidToken()
	}
	if refusal := s.checkExpiry(c.token); refusal != nil {
		return refusal
	}
	c.accounts = accounts
	if refusal := s.checkProof(c); refusal != nil {
		return refusal
	}
	if auth.allow == nil {
		return nil
	}
	return auth.allow(s, c)
}

// hasToken reports whether a token is in the header or in the parameters that have
// been read so far.
func (c *call) hasToken() bool {
	_, token := headerToken(c.r)
	return token != "" || c.parameters.get("access_token") != ""
}

// findToken returns the token of a request. The parameter access_token counts
// before the header, as at Meta: clients send an app's token in the query of a few
// requests, beside the header that all of theirs have.
func (c *call) findToken(auth authentication) (string, *apiError) {
	scheme, token := headerToken(c.r)
	documented := func(s string) bool { return strings.EqualFold(s, scheme) }
	if token != "" && !slices.ContainsFunc(auth.schemes, documented) {
		if refusal := c.warn(warnTokenScheme, "The header Authorization has the scheme %s. Send \"Authorization: %s {token}\".", scheme, auth.schemes[0]); refusal != nil {
			return "", refusal
		}
	}
	parameter := c.parameters["access_token"]
	if parameter.value == "" || auth.headerOnly {
		return token, nil
	}
	code := warnTokenInQuery
	if parameter.place == inBody {
		code = warnTokenInBody
	}
	refusal := c.warn(code, "The access token is in the %s. Send the header \"Authorization: %s {token}\".", parameter.place, auth.schemes[0])
	if refusal == nil && token != "" && token != parameter.value {
		refusal = c.warn(warnTokenTwice, "The header Authorization has another token than the parameter access_token, which counts. Send one.")
	}
	return parameter.value, refusal
}

// headerToken returns the scheme and the token of the header Authorization. Both
// are empty if the scheme is neither Bearer nor OAuth, in any case.
func headerToken(r *http.Request) (scheme, token string) {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if same := func(s string) bool { return strings.EqualFold(s, scheme) }; !found || !slices.ContainsFunc(either, same) {
		return "", ""
	}
	return scheme, strings.TrimSpace(token)
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
	p := s.phone(phoneID)
	return p != nil && accounts[p.accountID]
}

// allowSession finds the upload session of the call, and checks that the
// call has its token and its signature.
func (s *Server) allowSession(c *call) *apiError {
	session, ok := s.uploads.find(strings.TrimPrefix(c.id, sessionPrefix), s.Now())
	switch {
	case !ok:
		return c.sessionNotFound("no such upload session, or it has expired")
	case session.token != c.token:
		return c.sessionNotFound("the upload session was created with another token")
	case subtle.ConstantTimeCompare([]byte(c.parameters.get("sig")), []byte(session.sig)) == 0:
		return malformedForm("The parameter sig of the upload session is missing or wrong.")
	}
	c.session = session
	return nil
}
