// Linked WhatsApp Business Accounts and their phone numbers.

package state

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"time"

	"ferry/internal/secret"
)

// BusinessAccount is a WhatsApp Business Account linked to an account.
type BusinessAccount struct {
	ID                  string // 32 hexadecimal digits: "waba-" and this is AWS's id; Link makes one up if it is empty
	AccountID           string // 12 digits
	MetaID              string // Meta's id
	Name                string
	MarketingOnboarding string        // empty means unknown
	AppID               string        // of Meta's app, for template media; empty means unknown
	Token               secret.Secret // Meta's access token; set only by Owner, and required by Link
	LinkedAt            time.Time
	IsIncomplete        bool          // a phone number is not registered at Meta; not set by Link
	PhoneNumbers        []PhoneNumber // not set by BusinessAccounts
}

// PhoneNumber is a phone number of a linked account.
type PhoneNumber struct {
	ID                string // 32 hexadecimal digits: "phone-number-id-" and this is AWS's id; Link makes one up if it is empty
	BusinessAccountID string // as BusinessAccount.ID
	MetaID            string // Meta's id
	DisplayNumber     string // "+1 555-078-3881"
	VerifiedName      string
	QualityRating     string // GREEN, YELLOW, RED, UNKNOWN
	IsUnregistered    bool   // for the Cloud API, as Meta said last
	Region            string // country in which Meta keeps its data, such as "DE"; empty means unknown
}

// Sender is a phone number with the token that authorises requests for it at Meta.
type Sender struct {
	PhoneNumber
	BusinessAccountMetaID string // as BusinessAccount.MetaID
	Token                 secret.Secret
}

// Link stores a business account with its phone numbers and returns what is
// stored. If the account is already linked, it keeps its ids and link date and
// receives the new token, names and numbers; numbers that are missing this time
// remain, and an empty AppID or Region leaves the stored one unchanged.
func (s *DB) Link(ctx context.Context, account BusinessAccount) (BusinessAccount, error) {
	return s.link(ctx, account, func(*sql.Tx, string) error { return nil })
}

// link links a business account, and calls more with its id in the same transaction.
func (s *DB) link(ctx context.Context, account BusinessAccount, more func(tx *sql.Tx, id string) error) (BusinessAccount, error) {
	defer s.clearRecent()
	err := s.inTransaction(ctx, func(tx *sql.Tx) error {
		keyset, err := s.lockKeyset(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.ensureAccount(ctx, tx, account.AccountID); err != nil {
			return err
		}
		if err := s.linkAccount(ctx, tx, keyset, &account); err != nil {
			return err
		}
		if err := linkPhoneNumbers(ctx, tx, account); err != nil {
			return err
		}
		return more(tx, account.ID)
	})
	if err != nil {
		return BusinessAccount{}, err
	}
	return s.BusinessAccount(ctx, account.AccountID, account.ID)
}

func (s *DB) linkAccount(ctx context.Context, tx *sql.Tx, keyset *secret.Keyset, account *BusinessAccount) error {
	err := tx.QueryRowContext(ctx,
		`INSERT INTO business_account (id, account_id, meta_id, name, marketing_onboarding, sealed_token, linked_at, app_id)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		 ON CONFLICT (account_id, meta_id) DO UPDATE SET name = excluded.name, marketing_onboarding = excluded.marketing_onboarding,
		   app_id = CASE WHEN excluded.app_id = '' THEN business_account.app_id ELSE excluded.app_id END
		 RETURNING id`,
		cmp.Or(account.ID, newID()), account.AccountID, account.MetaID, account.Name, account.MarketingOnboarding, []byte{}, s.now().UnixMilli(), account.AppID).Scan(&account.ID)
	if err != nil {
		return err
	}
	sealed, err := keyset.Seal(account.Token, "business_account", "sealed_token", account.AccountID, account.ID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE business_account SET sealed_token = $1 WHERE id = $2`, sealed, account.ID)
	return err
}

func linkPhoneNumbers(ctx context.Context, tx *sql.Tx, account BusinessAccount) error {
	for _, number := range account.PhoneNumbers {
		_, err := tx.ExecContext(ctx,
			`INSERT INTO phone_number (id, business_account_id, meta_id, display_number, verified_name, quality_rating, unregistered, region)
			 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			 ON CONFLICT (business_account_id, meta_id) DO UPDATE SET display_number = excluded.display_number,
			   verified_name = excluded.verified_name, quality_rating = excluded.quality_rating, unregistered = excluded.unregistered,
			   region = CASE WHEN excluded.region = '' THEN phone_number.region ELSE excluded.region END`,
			cmp.Or(number.ID, newID()), account.ID, number.MetaID, number.DisplayNumber, number.VerifiedName, number.QualityRating, number.IsUnregistered, number.Region)
		if err != nil {
			return err
		}
	}
	return nil
}

// newID returns an id in AWS's form: 128 random bits in hexadecimal.
func newID() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// NewUUID returns a random UUID (RFC 9562, version 4), as AWS's ids of messages and
// of requests are.
func NewUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.AppendEncode(make([]byte, 0, 36), b[:4])
	for _, part := range [][]byte{b[4:6], b[6:8], b[8:10], b[10:]} {
		text = hex.AppendEncode(append(text, '-'), part)
	}
	return string(text)
}

const businessAccountColumns = `id, account_id, meta_id, name, marketing_onboarding, linked_at, app_id,
	EXISTS (SELECT 1 FROM phone_number p WHERE p.business_account_id = business_account.id AND p.unregistered)`

// BusinessAccounts returns at most limit linked accounts of an account, sorted
// by id, starting after the given id. Empty means from the start.
func (s *DB) BusinessAccounts(ctx context.Context, accountID, after string, limit int) ([]BusinessAccount, error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT `+businessAccountColumns+` FROM business_account WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`, accountID, after, limit)
	if err != nil {
		return nil, err
	}
	return collectBusinessAccounts(rows)
}

// BusinessAccount returns a linked account with its phone numbers. It returns
// ErrNotFound if the account has no such linked account.
func (s *DB) BusinessAccount(ctx context.Context, accountID, id string) (BusinessAccount, error) {
	account, err := scanBusinessAccount(s.read.QueryRowContext(ctx,
		`SELECT `+businessAccountColumns+` FROM business_account WHERE account_id = $1 AND id = $2`, accountID, id))
	if err != nil {
		return BusinessAccount{}, asNotFound(err)
	}
	account.PhoneNumbers, err = s.phoneNumbers(ctx, account.ID)
	return account, err
}

func collectBusinessAccounts(rows *sql.Rows) ([]BusinessAccount, error) {
	defer rows.Close()
	var accounts []BusinessAccount
	for rows.Next() {
		account, err := scanBusinessAccount(rows)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, account)
	}
	return accounts, rows.Err()
}

func scanBusinessAccount(row interface{ Scan(...any) error }) (BusinessAccount, error) {
	var account BusinessAccount
	var linked int64
	err := row.Scan(&account.ID, &account.AccountID, &account.MetaID, &account.Name, &account.MarketingOnboarding, &linked, &account.AppID, &account.IsIncomplete)
	account.LinkedAt = time.UnixMilli(linked)
	return account, err
}

func (s *DB) phoneNumbers(ctx context.Context, businessAccountID string) ([]PhoneNumber, error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT id, business_account_id, meta_id, display_number, verified_name, quality_rating, unregistered, region
		 FROM phone_number WHERE business_account_id = $1 ORDER BY meta_id`, businessAccountID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var numbers []PhoneNumber
	for rows.Next() {
		var n PhoneNumber
		if err := rows.Scan(&n.ID, &n.BusinessAccountID, &n.MetaID, &n.DisplayNumber, &n.VerifiedName, &n.QualityRating, &n.IsUnregistered, &n.Region); err != nil {
			return nil, err
		}
		numbers = append(numbers, n)
	}
	return numbers, rows.Err()
}

// Owner returns a linked account with its token. It returns ErrNotFound if the
// account has no such linked account.
func (s *DB) Owner(ctx context.Context, accountID, id string) (BusinessAccount, error) {
	var sealed []byte
	account, err := scanBusinessAccount(rowWith{s.read.QueryRowContext(ctx,
		`SELECT `+businessAccountColumns+`, sealed_token FROM business_account WHERE account_id = $1 AND id = $2`, accountID, id), &sealed})
	if err != nil {
		return BusinessAccount{}, asNotFound(err)
	}
	account.Token, err = s.sealer.Open(sealed, "business_account", "sealed_token", accountID, id)
	return account, err
}

// rowWith scans one column more than its caller asks for.
type rowWith struct {
	row  *sql.Row
	more any
}

func (r rowWith) Scan(targets ...any) error { return r.row.Scan(append(targets, r.more)...) }

const selectSender = `SELECT p.id, p.business_account_id, p.meta_id, p.display_number, p.verified_name, p.quality_rating, p.unregistered, p.region, b.meta_id, b.sealed_token
	 FROM phone_number p JOIN business_account b ON b.id = p.business_account_id
	 WHERE p.id = $1 AND b.account_id = $2`

// Sender returns a phone number with its token, which may be cached for up to a
// second (freshness). It returns ErrNotFound if the account has no such number.
func (s *DB) Sender(ctx context.Context, accountID, phoneNumberID string) (Sender, error) {
	return s.senders.get(accountID+" "+phoneNumberID, func() (Sender, error) {
		var n Sender
		var sealed []byte
		err := s.senderStmt.QueryRowContext(ctx, phoneNumberID, accountID).
			Scan(&n.ID, &n.BusinessAccountID, &n.MetaID, &n.DisplayNumber, &n.VerifiedName, &n.QualityRating, &n.IsUnregistered, &n.Region, &n.BusinessAccountMetaID, &sealed)
		if err != nil {
			return Sender{}, asNotFound(err)
		}
		n.Token, err = s.sealer.Open(sealed, "business_account", "sealed_token", accountID, n.BusinessAccountID)
		return n, err
	})
}

// Accounts returns the ids of the accounts that have a linked account or an access key,
// sorted, at most limit.
func (s *DB) Accounts(ctx context.Context, limit int) ([]string, error) {
	return s.texts(ctx, `SELECT account_id FROM business_account UNION SELECT account_id FROM access_key UNION SELECT account_id FROM temporary_key ORDER BY 1 LIMIT $1`, limit)
}

// LinkedAccounts returns the linked accounts of one account with their phone
// numbers, for administration. An empty account id means all accounts.
func (s *DB) LinkedAccounts(ctx context.Context, accountID string) ([]BusinessAccount, error) {
	rows, err := s.read.QueryContext(ctx,
		`SELECT `+businessAccountColumns+` FROM business_account WHERE $1 = '' OR account_id = $1 ORDER BY account_id, id`, accountID)
	if err != nil {
		return nil, err
	}
	accounts, err := collectBusinessAccounts(rows)
	for i := range accounts {
		if err == nil {
			accounts[i].PhoneNumbers, err = s.phoneNumbers(ctx, accounts[i].ID)
		}
	}
	return accounts, err
}
