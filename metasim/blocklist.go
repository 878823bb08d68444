// The people whom a business has blocked (docs/references.md#graph-number-edges).

package metasim

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	blockKind    = "blocked" // of records
	maxBlocked   = 64_000    // of a number
	maxBlockRows = 200_000   // of all numbers
	maxBlockList = 1000      // people in one request
)

var errBlockedFull = errors.New("metasim: block list: too many people; reset the simulator")

// blockedPerson is a person whom a number has blocked.
type blockedPerson struct {
	PhoneNumberID string    `json:"phone_number_id"`
	WAID          string    `json:"wa_id"`
	Created       time.Time `json:"created"`
}

func (b blockedPerson) createdAt() time.Time { return b.Created }
func (b blockedPerson) expiresAt() time.Time { return time.Time{} }

// blockList is the block lists of all numbers.
type blockList struct {
	mu   sync.Mutex // held while a list is changed
	rows *table[blockedPerson]
}

func checkBlockRecord(id string, row blockedPerson) error {
	if personKey(row.PhoneNumberID, row.WAID) != id {
		return badRecord(blockKind, id, "it is the record of %q", truncate(row.WAID))
	}
	return nil
}

var blockOperations = []operation{
	{name: OperationBlock, method: "POST", pattern: "/{version}/{phone_number}/block_users", auth: ownersToken, serve: (*Server).blockUsers,
		parameters: []string{"messaging_product", "block_users"}, place: inBody},
	{name: OperationUnblock, method: "DELETE", pattern: "/{version}/{phone_number}/block_users", auth: ownersToken, serve: (*Server).blockUsers,
		parameters: []string{"messaging_product", "block_users"}, place: inBody},
	{name: OperationBlocked, method: "GET", pattern: "/{version}/{phone_number}/block_users", auth: ownersToken, serve: (*Server).listBlocked,
		parameters: pageParameters, place: inQuery},
}

// blockResult is the response to a change of a block list. Error is set if some people
// could not be changed.
type blockResult struct {
	MessagingProduct string        `json:"messaging_product"`
	Users            blockOutcome  `json:"block_users"`
	Error            *blockFailure `json:"error,omitempty"`
}

type blockOutcome struct {
	Added   []blockedUser   `json:"added_users,omitempty"`
	Removed []blockedUser   `json:"removed_users,omitempty"`
	Failed  []blockedFailed `json:"failed_users,omitempty"`
}

type blockedUser struct {
	Input  string `json:"input"`
	WAID   string `json:"wa_id,omitempty"`
	UserID string `json:"user_id,omitempty"`
}

type blockedFailed struct {
	blockedUser
	Errors []blockFailure `json:"errors"`
}

type blockFailure struct {
	Message string     `json:"message"`
	Type    string     `json:"type,omitempty"`
	Code    int        `json:"code"`
	Data    *errorData `json:"error_data,omitempty"`
	TraceID string     `json:"fbtrace_id,omitempty"`
}

// isBlocked reports whether a number has blocked a person.
func (s *Server) isBlocked(phoneID string, to recipient) bool {
	waID := to.waID
	if waID == "" {
		person, _ := s.personByUserID(phoneID, to.userID)
		waID = person.WAID
	}
	_, ok := s.blocked.rows.find(personKey(phoneID, waID), time.Time{})
	return ok
}

// blockUsers blocks people, or ends that.
func (s *Server) blockUsers(c *call) (any, *apiError) {
	product := c.parameters.get("messaging_product")
	if product == "" {
		return nil, missingParameter("messaging_product")
	}
	if refusal := checkProduct(product); refusal != nil {
		return nil, refusal
	}
	var users []struct {
		User   string `json:"user"`
		UserID string `json:"user_id"`
	}
	given := c.parameters.get("block_users")
	if given == "" {
		return nil, missingParameter("block_users")
	}
	if json.Unmarshal([]byte(given), &users) != nil || len(users) == 0 || len(users) > maxBlockList {
		return nil, parameterError("Param block_users must be an array of 1 to %d objects with user or user_id.", maxBlockList)
	}
	block := c.operation.name == OperationBlock
	s.blocked.mu.Lock()
	defer s.blocked.mu.Unlock()
	count := 0
	for _, row := range s.blocked.rows.all() {
		if row.PhoneNumberID == c.id {
			count++
		}
	}
	if block && count+len(users) > maxBlocked {
		return nil, codeError(139101, "")
	}
	result := blockResult{MessagingProduct: "whatsapp"}
	for _, u := range users {
		user, failure, err := s.blockUser(c.id, u.User, u.UserID, block)
		switch {
		case err != nil:
			return nil, c.storageError(err)
		case failure != nil:
			of := blockFailure{Message: failure.message, Code: failure.code}
			if failure.details != "" {
				of.Data = &errorData{MessagingProduct: "whatsapp", Details: failure.details}
			}
			result.Users.Failed = append(result.Users.Failed, blockedFailed{user, []blockFailure{of}})
		case block:
			result.Users.Added = append(result.Users.Added, user)
		default:
			result.Users.Removed = append(result.Users.Removed, user)
		}
	}
	if len(result.Users.Failed) == 0 {
		return result, nil
	}
	result.Error = &blockFailure{Message: "(#139100) Failed to block/unblock users", Type: "OAuthException", Code: 139100, TraceID: c.traceID}
	c.setReason(result.Error.Message)
	c.writeJSON(http.StatusBadRequest, result)
	return nil, nil
}

// blockUser blocks one person, or ends that. Only who has written within a day can be
// blocked.
func (s *Server) blockUser(phoneID, number, userID string, block bool) (user blockedUser, failure *apiError, _ error) {
	p := s.phone(phoneID)
	user = blockedUser{Input: orText(number, userID)}
	waID, _ := normalizeNumber(number, p.DisplayPhoneNumber)
	if number == "" {
		person, ok := s.personByUserID(phoneID, userID)
		if ok {
			waID, user.UserID = person.WAID, userID
		}
	} else {
		user.WAID = waID
	}
	if waID == "" {
		return user, invalidValue("the user is not known"), nil
	}
	if waID == digits(p.DisplayPhoneNumber) {
		return user, codeError(131021, ""), nil
	}
	key := personKey(phoneID, waID)
	if !block {
		_, err := s.blocked.rows.remove(key)
		return user, nil, err
	}
	person, ok := s.Person(phoneID, waID)
	if !ok || person.LastInbound.IsZero() || s.Now().Sub(person.LastInbound) >= day {
		return user, codeError(131047, ""), nil
	}
	return user, nil, s.blocked.rows.put(key, blockedPerson{PhoneNumberID: phoneID, WAID: waID, Created: s.Now()})
}

// listBlocked lists the people whom a number has blocked.
func (s *Server) listBlocked(c *call) (any, *apiError) {
	rows, _ := s.blocked.rows.list(time.Time{}, maxBlockRows)
	e := edge{}
	for _, row := range rows {
		if row.PhoneNumberID == c.id {
			e.rows = append(e.rows, structure("WhatsAppBlockedUsers", map[string]any{"block_users": []blockedUser{{Input: row.WAID, WAID: row.WAID}}}))
		}
	}
	return c.respondWithEdge(e)
}
