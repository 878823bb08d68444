package metasim

import (
	"net/http"
	"slices"
	"strings"
)

// schemes are the words before the token that count for an operation: Bearer,
// and for resumable uploads OAuth, which their bytes even need (§8).
func (o Operation) schemes() []string {
	switch o {
	case OperationUploadBytes:
		return []string{"OAuth"}
	case OperationUploadSession, OperationUploadStatus:
		return []string{"Bearer", "OAuth"}
	}
	return []string{"Bearer"}
}

// headerToken returns the token of a request. Meta also takes ?access_token=
// and other schemes; a client of the Cloud API has no need of them, and a
// token in a URL ends in logs, so only the header counts here.
func headerToken(r *http.Request, schemes []string) string {
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	right := func(s string) bool { return strings.EqualFold(s, scheme) }
	if !found || !slices.ContainsFunc(schemes, right) {
		return ""
	}
	return strings.TrimSpace(token)
}

// authenticate returns the ids of the accounts that the request's token opens.
func (s *Server) authenticate(r *http.Request, operation Operation) (map[string]bool, *apiError) {
	token := headerToken(r, operation.schemes())
	if token == "" {
		e := missingToken()
		if operation == OperationUploadBytes {
			e.details = "This request takes the token as \"Authorization: OAuth {token}\" only."
		}
		return nil, e
	}
	accounts, ok := s.tokens[token]
	if !ok {
		return nil, invalidToken()
	}
	return accounts, nil
}

// ownsPhoneNumber reports whether one of the accounts has the phone number.
func (s *Server) ownsPhoneNumber(accounts map[string]bool, phoneID string) bool {
	p, ok := s.phones[phoneID]
	return ok && accounts[p.accountID]
}

// ownsApp reports whether one of the accounts is connected through the app.
func (s *Server) ownsApp(accounts map[string]bool, appID string) bool {
	for id := range accounts {
		if s.accounts[id].AppID == appID && appID != "" {
			return true
		}
	}
	return false
}
