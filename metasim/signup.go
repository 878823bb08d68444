// Embedded signup: codes, the tokens that they are exchanged for, and what a token may
// do (docs/references.md#graph-signup).

package metasim

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	tokenKind      = "token" // of records
	maxTokens      = 10_000  // that were made
	maxSignupCodes = 1000    // that wait
	signupCodeLife = 30 * time.Second
)

var errTokensFull = errors.New("metasim: signup: too many tokens; reset the simulator")

// madeToken is a token that was made for a code.
type madeToken struct {
	Token     string    `json:"token"`
	AccountID string    `json:"business_account_id"`
	AppID     string    `json:"app_id"`
	Created   time.Time `json:"created"`
}

func (t madeToken) createdAt() time.Time { return t.Created }
func (t madeToken) expiresAt() time.Time { return time.Time{} }

// signups are the codes that wait, and the tokens that were made. Codes end with the
// Server.
type signups struct {
	mu     sync.Mutex
	codes  map[string]Signup
	tokens *table[madeToken]
}

func newSignups(records RecordStore) *signups {
	return &signups{codes: map[string]Signup{}, tokens: newTable[madeToken](tokenKind, maxTokens, errTokensFull, records)}
}

// A Signup is what the dialog of embedded signup hands to the page that opened it.
type Signup struct {
	Code      string    `json:"code"` // to be exchanged for a token once, within 30 seconds
	Expires   time.Time `json:"expires"`
	AppID     string    `json:"app_id"`
	AccountID string    `json:"waba_id"`
	PhoneID   string    `json:"phone_number_id,omitempty"`
	Business  string    `json:"business_id"`
	Used      bool      `json:"used,omitempty"`
}

// Signup makes a code for a business account, as a business does that completes the
// dialog. An empty accountID means the first account with an app.
func (s *Server) Signup(accountID string) (Signup, error) {
	if accountID == "" {
		for _, a := range s.cfg.BusinessAccounts {
			if a.AppID != "" {
				accountID = a.ID
				break
			}
		}
	}
	a := s.accounts[accountID]
	switch {
	case a == nil:
		return Signup{}, fmt.Errorf("metasim: signup: there is no business account %q with an app", truncate(accountID))
	case a.AppID == "" || a.AppSecret == "":
		return Signup{}, errors.New("metasim: signup: the account has no app with a secret; set BusinessAccount.AppID and AppSecret")
	}
	code := Signup{Code: "AQ" + s.random.word(120), Expires: s.Now().Add(signupCodeLife), AppID: a.AppID, AccountID: a.ID, Business: a.OwnerBusinessID}
	for _, p := range s.phones.list() {
		if p.accountID == a.ID {
			code.PhoneID = cmp.Or(code.PhoneID, p.ID)
		}
	}
	s.signups.mu.Lock()
	defer s.signups.mu.Unlock()
	for len(s.signups.codes) >= maxSignupCodes {
		oldest := slices.MinFunc(sortedNames(s.signups.codes), func(a, b string) int { return s.signups.codes[a].Expires.Compare(s.signups.codes[b].Expires) })
		delete(s.signups.codes, oldest)
	}
	s.signups.codes[code.Code] = code
	return code, nil
}

// checkTokenRecord returns an error for a record that is damaged.
func checkTokenRecord(id string, row madeToken) error {
	if row.Token != id || id == "" || !isObjectID(row.AccountID) {
		return badRecord(tokenKind, "", "it is the record of another token")
	}
	return nil
}

// clear removes all codes and tokens.
func (s *signups) clear() error {
	s.mu.Lock()
	clear(s.codes)
	s.mu.Unlock()
	return s.tokens.clear()
}

func (s *signups) forget() { s.tokens.forget() }

// accountsOf returns the accounts that a token has access to.
func (s *Server) accountsOf(token string) (map[string]bool, bool) {
	if accounts, ok := s.tokens[token]; ok {
		return accounts, true
	}
	if row, ok := s.signups.tokens.find(token, time.Time{}); ok && s.accounts[row.AccountID] != nil {
		return map[string]bool{row.AccountID: true}, true
	}
	return nil, false
}

// exchangeCode returns a token for a code. Its errors have the words of Graph.
func (s *Server) exchangeCode(c *call, app string) (any, *apiError) {
	refuse := func(subcode int, message string) *apiError {
		e := oauthError(http.StatusBadRequest, 100, "%s", message)
		e.subcode = subcode
		return e
	}
	s.signups.mu.Lock()
	defer s.signups.mu.Unlock()
	code, ok := s.signups.codes[c.parameters.get("code")]
	switch {
	case !ok || code.AppID != app:
		return nil, refuse(0, "Invalid verification code format.")
	case code.Used:
		return nil, refuse(36009, "This authorization code has been used.")
	case !s.Now().Before(code.Expires):
		return nil, refuse(36007, "This authorization code has expired.")
	}
	row := madeToken{Token: "EAA" + s.random.word(180), AccountID: code.AccountID, AppID: app, Created: s.Now()}
	if err := s.signups.tokens.put(row.Token, row); err != nil {
		return nil, c.storageError(err)
	}
	code.Used = true
	s.signups.codes[code.Code] = code
	return appTokenResponse{row.Token, "bearer"}, nil
}

var signupOperations = []operation{
	{name: OperationDebugToken, method: "GET", pattern: "/{version}/debug_token", auth: anyOrAppToken, serve: (*Server).debugToken,
		parameters: []string{"input_token"}, place: inQuery},
	{name: OperationOwnedAccounts, method: "GET", pattern: "/{version}/{business}/owned_whatsapp_business_accounts", auth: businessToken, serve: (*Server).ownedAccounts,
		parameters: append([]string{"filtering", "sort"}, pageParameters...), place: inQuery},
	{name: OperationClientAccounts, method: "GET", pattern: "/{version}/{business}/client_whatsapp_business_accounts", auth: businessToken, serve: (*Server).clientAccounts,
		parameters: append([]string{"filtering", "sort"}, pageParameters...), place: inQuery},
}

var (
	anyOrAppToken = authentication{schemes: bearer, app: true}
	businessToken = authentication{schemes: bearer, allow: (*Server).allowBusiness}
)

// allowBusiness checks that the token has access to an account of the business in the
// path.
func (s *Server) allowBusiness(c *call) *apiError {
	for id := range c.accounts {
		if s.accounts[id].OwnerBusinessID == c.id {
			return nil
		}
	}
	e := unsupported(c.r.Method, c.id)
	e.reason = "no account of the token has this OwnerBusinessID"
	return e
}

// ownedAccounts lists the accounts of a business that the token has access to.
func (s *Server) ownedAccounts(c *call) (any, *apiError) {
	e := edge{}
	for _, a := range s.cfg.BusinessAccounts {
		if account := s.accounts[a.ID]; account.OwnerBusinessID == c.id && c.accounts[a.ID] {
			e.rows = append(e.rows, s.accountNode(account))
		}
	}
	return c.respondWithEdge(e)
}

// clientAccounts lists the accounts that others have shared with a business: none.
func (s *Server) clientAccounts(c *call) (any, *apiError) { return c.respondWithEdge(edge{}) }

// debugToken describes a token.
func (s *Server) debugToken(c *call) (any, *apiError) {
	token := c.parameters.get("input_token")
	if token == "" {
		return nil, missingParameter("input_token")
	}
	accounts, ok := s.accountsOf(token)
	kind := "SYSTEM_USER"
	if !ok {
		accounts, ok = s.appTokens[token]
		kind = "APP"
	}
	if refusal := s.checkExpiry(token); refusal != nil && ok {
		return object{"data": object{"is_valid": false, "scopes": []string{}, "expires_at": s.tokenExpiry.get(token).Unix(),
			"error": object{"code": 190, "subcode": refusal.subcode, "message": refusal.message}}}, nil
	}
	if !ok {
		return object{"data": object{"is_valid": false, "scopes": []string{},
			"error": object{"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"}}}, nil
	}
	ids := sortedNames(accounts)
	scopes, granular := []string{}, []object{}
	data := object{"type": kind, "application": "Simulated App", "is_valid": true, "expires_at": 0, "data_access_expires_at": 0, "issued_at": accountCreated.Unix()}
	if at := s.tokenExpiry.get(token); !at.IsZero() {
		data["expires_at"] = at.Unix()
	}
	if row, made := s.signups.tokens.find(token, time.Time{}); made {
		data["issued_at"] = row.Created.Unix()
	}
	if app := s.accounts[ids[0]].AppID; app != "" {
		data["app_id"] = app
	}
	if kind != "APP" {
		for _, scope := range []string{"whatsapp_business_management", "whatsapp_business_messaging", "whatsapp_business_manage_events"} {
			scopes = append(scopes, scope)
			granular = append(granular, object{"scope": scope, "target_ids": ids})
		}
		data["user_id"] = "1" + ids[0]
	}
	data["scopes"], data["granular_scopes"] = scopes, granular
	return object{"data": data}, nil
}
