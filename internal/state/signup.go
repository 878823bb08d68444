// Sign-ups: accounts that Meta has granted and that are not linked yet.

package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"ferry/internal/secret"
)

const (
	// SignupLife is how long a sign-up can be finished.
	SignupLife = time.Hour
	// maxSignups bounds the sign-ups of an account that are not finished.
	maxSignups = 100
)

// ErrTooManySignups means that an account has maxSignups sign-ups that are not finished.
var ErrTooManySignups = errors.New("too many sign-ups are not finished")

// A Signup is what Meta has granted.
type Signup struct {
	AppID string        // of the app that has the grant
	Token secret.Secret // Meta's access token
	// Accounts are those that the token may manage, with the ids that they and their
	// phone numbers have, or will have when they are linked. They have no tokens.
	Accounts []BusinessAccount
}

// sealedSignup is what is stored of a Signup.
type sealedSignup struct {
	AppID, Token string
	Accounts     []BusinessAccount
}

// AddSignup stores a sign-up, and returns the token that finishes it within SignupLife.
// Accounts and phone numbers that are not linked yet receive their ids. It returns
// ErrTooManySignups if the account has too many.
func (s *DB) AddSignup(ctx context.Context, accountID string, signup *Signup) (token string, err error) {
	for i := range signup.Accounts {
		if err := s.giveIDs(ctx, accountID, &signup.Accounts[i]); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(sealedSignup{signup.AppID, signup.Token.Reveal(), signup.Accounts})
	if err != nil {
		return "", err
	}
	token = rand.Text()
	id := tokenID(token)
	now := s.now()
	return token, s.inTransaction(ctx, func(tx *sql.Tx) error {
		keyset, err := s.lockKeyset(ctx, tx)
		if err != nil {
			return err
		}
		sealed, err := keyset.Seal(secret.New(string(text)), "signup", "sealed", accountID, id)
		if err != nil {
			return err
		}
		// The lock on the row keeps two calls from passing the bound together.
		if _, err := tx.ExecContext(ctx, `UPDATE account SET created_at = created_at WHERE id = $1`, accountID); err != nil {
			return err
		}
		var pending int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM signup WHERE account_id = $1 AND expires_at > $2`, accountID, now.UnixMilli()).Scan(&pending); err != nil {
			return err
		}
		if pending >= maxSignups {
			return ErrTooManySignups
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO signup (id, account_id, sealed, expires_at) VALUES ($1, $2, $3, $4)`,
			id, accountID, sealed, now.Add(SignupLife).UnixMilli())
		return err
	})
}

// giveIDs sets the ids of an account and of its numbers: those that are linked, or new
// ones.
func (s *DB) giveIDs(ctx context.Context, accountID string, account *BusinessAccount) error {
	account.AccountID = accountID
	err := s.read.QueryRowContext(ctx, `SELECT id FROM business_account WHERE account_id = $1 AND meta_id = $2`, accountID, account.MetaID).Scan(&account.ID)
	known := make(map[string]string)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		account.ID = newID()
	case err != nil:
		return err
	default:
		numbers, err := s.phoneNumbers(ctx, account.ID)
		if err != nil {
			return err
		}
		for _, n := range numbers {
			known[n.MetaID] = n.ID
		}
	}
	for i := range account.PhoneNumbers {
		n := &account.PhoneNumbers[i]
		n.BusinessAccountID = account.ID
		if n.ID = known[n.MetaID]; n.ID == "" {
			n.ID = newID()
		}
	}
	return nil
}

// Signup returns the sign-up of an account that a token finishes. It returns ErrNotFound
// if there is none, or it has expired.
func (s *DB) Signup(ctx context.Context, accountID, token string) (Signup, error) {
	id := tokenID(token)
	var sealed []byte
	err := s.read.QueryRowContext(ctx, `SELECT sealed FROM signup WHERE id = $1 AND account_id = $2 AND expires_at > $3`, id, accountID, s.now().UnixMilli()).Scan(&sealed)
	if err != nil {
		return Signup{}, asNotFound(err)
	}
	text, err := s.sealer.Open(sealed, "signup", "sealed", accountID, id)
	if err != nil {
		return Signup{}, err
	}
	var stored sealedSignup
	if err := json.Unmarshal([]byte(text.Reveal()), &stored); err != nil {
		return Signup{}, errors.New("a stored sign-up cannot be read") // the cause has a secret
	}
	for i := range stored.Accounts {
		stored.Accounts[i].Token = secret.Secret{} // was written as a text that says that it is secret
	}
	return Signup{AppID: stored.AppID, Token: secret.New(stored.Token), Accounts: stored.Accounts}, nil
}

// A Setup is a business account to link, with what its sign-up sets.
type Setup struct {
	BusinessAccount
	Tags         map[string]string            // of the account
	NumberTags   map[string]map[string]string // of phone numbers, by Meta's id
	Destinations []EventDestination           // replace those that there are; nil leaves them as they are
}

// LinkSetup links a business account as Link does, and sets tags and destinations in the
// same transaction. Tags are set as PutTags does.
func (s *DB) LinkSetup(ctx context.Context, setup Setup) (BusinessAccount, error) {
	defer s.destinations.clear()
	return s.link(ctx, setup.BusinessAccount, func(tx *sql.Tx, accountID string) error {
		if err := s.putTags(ctx, tx, Tagged{BusinessAccountID: accountID}, setup.Tags); err != nil {
			return err
		}
		for metaID, tags := range setup.NumberTags {
			of := Tagged{BusinessAccountID: accountID}
			err := tx.QueryRowContext(ctx, `SELECT id FROM phone_number WHERE business_account_id = $1 AND meta_id = $2`, accountID, metaID).Scan(&of.PhoneNumberID)
			if err != nil {
				return err
			}
			if err := s.putTags(ctx, tx, of, tags); err != nil {
				return err
			}
		}
		if setup.Destinations == nil {
			return nil
		}
		return s.replaceDestinations(ctx, tx, accountID, setup.Destinations)
	})
}
