package metasim

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"sync"
	"time"
)

// Tokens that expire (docs/references.md#graph-errors).

// tokenExpiry says when tokens expire. What is not in it never does.
type tokenExpiry struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (e *tokenExpiry) get(token string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.at[token]
}

// A TokenExpiry is when the access token of some accounts expires.
type TokenExpiry struct {
	AccountIDs []string  `json:"business_account_ids"` // that have the token, sorted
	Expires    time.Time `json:"expires,omitzero"`     // by the simulator's clock; zero means never
	Expired    bool      `json:"expired"`
}

// TokenExpiries returns when the tokens of the configuration expire, in the order of the
// accounts' ids.
func (s *Server) TokenExpiries() []TokenExpiry {
	now := s.Now()
	list := []TokenExpiry{}
	for token, accounts := range s.tokens {
		at := s.tokenExpiry.get(token)
		list = append(list, TokenExpiry{sortedNames(accounts), at, !at.IsZero() && !now.Before(at)})
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return slices.Compare(a.AccountIDs, b.AccountIDs) < 0
	})
	return list
}

// ExpireToken makes the access token of an account expire at a time by the simulator's clock;
// the zero time means never. Requests with an expired token are refused with code 190 and
// subcode 463. Accounts that share the token share its expiry. Reset makes all tokens valid again.
func (s *Server) ExpireToken(accountID string, at time.Time) error {
	account := s.accounts[accountID]
	if account == nil {
		return fmt.Errorf("metasim: there is no business account %s", truncate(accountID))
	}
	s.tokenExpiry.mu.Lock()
	if s.tokenExpiry.at == nil {
		s.tokenExpiry.at = make(map[string]time.Time)
	}
	if s.tokenExpiry.at[account.Token] = at.Round(0); at.IsZero() {
		delete(s.tokenExpiry.at, account.Token)
	}
	s.tokenExpiry.mu.Unlock()
	s.changed.broadcast()
	return nil
}

// reset makes all tokens valid.
func (e *tokenExpiry) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.at = nil
}

// checkExpiry refuses a token that has expired, in Meta's words.
func (s *Server) checkExpiry(token string) *apiError {
	now, at := s.Now(), s.tokenExpiry.get(token)
	if at.IsZero() || now.Before(at) {
		return nil
	}
	const form = "Monday, 02-Jan-06 15:04:05 MST"
	e := oauthError(http.StatusUnauthorized, 190, "Error validating access token: Session has expired on %s. The current time is %s.", at.UTC().Format(form), now.UTC().Format(form))
	e.subcode, e.challenge = 463, "invalid_token"
	return e
}

// tokenExpiryJSON is a request of the control API to let a token expire. What is missing means
// never.
type tokenExpiryJSON struct {
	AccountID string     `json:"business_account_id,omitempty"` // empty means all accounts
	Expires   *time.Time `json:"expires,omitempty"`
	AfterMS   *int64     `json:"after_ms,omitempty"` // in place of expires: from now
}

// tokensJSON is the expiries of tokens.
type tokensJSON struct {
	Tokens []TokenExpiry `json:"tokens"`
}

// controlTokens adds the paths about tokens.
func (s *Server) controlTokens(mux *http.ServeMux) {
	mux.HandleFunc("GET /tokens", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, tokensJSON{s.TokenExpiries()})
	})
	mux.HandleFunc("POST /tokens", withBody(maxControlBody, func(_ *http.Request, in tokenExpiryJSON) (any, error) {
		var at time.Time
		switch {
		case in.Expires != nil && in.AfterMS != nil:
			return nil, fmt.Errorf("both expires and after_ms are set; set one")
		case in.Expires != nil:
			at = *in.Expires
		case in.AfterMS != nil:
			at = s.Now().Add(time.Duration(*in.AfterMS) * time.Millisecond)
		}
		ids := []string{in.AccountID}
		if in.AccountID == "" {
			ids = sortedNames(s.accounts)
		}
		for _, id := range ids {
			if err := s.ExpireToken(id, at); err != nil {
				return nil, err
			}
		}
		return tokensJSON{s.TokenExpiries()}, nil
	}))
}
