package metasim

import (
	"net/http"
	"strings"
)

// bearerToken returns the token of a request. Meta also takes ?access_token=
// and other schemes; a client of the Cloud API has no need of them, and a
// token in a URL ends in logs, so only this form counts here.
func bearerToken(r *http.Request) string {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// grants returns the ids of the accounts that the request's token opens.
func (s *Server) grants(r *http.Request) (map[string]bool, *apiError) {
	token := bearerToken(r)
	if token == "" {
		return nil, noToken()
	}
	accounts, ok := s.tokens[token]
	if !ok {
		return nil, badToken()
	}
	return accounts, nil
}

// owns reports whether one of the accounts has the phone number.
func (s *Server) owns(accounts map[string]bool, phoneID string) bool {
	p, ok := s.phones[phoneID]
	return ok && accounts[p.accountID]
}
