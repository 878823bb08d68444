// Tags of linked business accounts and of their phone numbers.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// MaxTags is how many tags a business account or a phone number may have
// (docs/references.md#aws-tags).
const MaxTags = 50

// ErrTooManyTags means that a change would leave more than MaxTags tags.
var ErrTooManyTags = errors.New("too many tags")

// A Tagged is what has tags: a phone number, or else a business account.
type Tagged struct {
	BusinessAccountID string // as BusinessAccount.ID
	PhoneNumberID     string // as PhoneNumber.ID; then BusinessAccountID is not needed
}

// PutTags sets tags, and leaves others as they are. It changes nothing and returns
// ErrNotFound if the account has not linked what they are of, or ErrTooManyTags.
func (s *DB) PutTags(ctx context.Context, accountID string, of Tagged, tags map[string]string) error {
	return s.changeTags(ctx, accountID, of, func(tx *sql.Tx, of Tagged) error {
		return s.putTags(ctx, tx, of, tags)
	})
}

// RemoveTags removes the tags that there are of those with the names. It returns
// ErrNotFound if the account has not linked what they are of.
func (s *DB) RemoveTags(ctx context.Context, accountID string, of Tagged, names []string) error {
	return s.changeTags(ctx, accountID, of, func(tx *sql.Tx, of Tagged) error {
		for _, name := range names {
			if _, err := tx.ExecContext(ctx, `DELETE FROM tag WHERE business_account_id = $1 AND phone_number_id = $2 AND name = $3`,
				of.BusinessAccountID, of.PhoneNumberID, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tags returns the tags of a business account or a phone number. It returns ErrNotFound
// if the account has not linked it.
func (s *DB) Tags(ctx context.Context, accountID string, of Tagged) (map[string]string, error) {
	query, id := holderOf(of)
	// The left join tells what is not linked from what has no tags.
	rows, err := s.read.QueryContext(ctx, `SELECT t.name, t.value FROM business_account b LEFT JOIN tag t ON t.business_account_id = b.id AND t.phone_number_id = $3
		 WHERE b.account_id = $1 AND b.id = `+query, accountID, id, of.PhoneNumberID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tags map[string]string
	for rows.Next() {
		var name, value sql.NullString
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		if tags == nil {
			tags = make(map[string]string)
		}
		if name.Valid {
			tags[name.String] = value.String
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if tags == nil {
		return nil, ErrNotFound
	}
	return tags, nil
}

// holderOf returns SQL for the id of the business account, with the parameter $2 in it.
func holderOf(of Tagged) (query, id string) {
	if of.PhoneNumberID != "" {
		return `(SELECT p.business_account_id FROM phone_number p WHERE p.id = $2)`, of.PhoneNumberID
	}
	return `$2`, of.BusinessAccountID
}

// changeTags calls f within a transaction that has locked the business account.
func (s *DB) changeTags(ctx context.Context, accountID string, of Tagged, f func(*sql.Tx, Tagged) error) error {
	query, id := holderOf(of)
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		held := Tagged{PhoneNumberID: of.PhoneNumberID}
		err := tx.QueryRowContext(ctx, `UPDATE business_account SET id = id WHERE account_id = $1 AND id = `+query+` RETURNING id`, accountID, id).Scan(&held.BusinessAccountID)
		if err != nil {
			return asNotFound(err)
		}
		return f(tx, held)
	})
}

// putTags sets tags of a business account that is locked.
func (s *DB) putTags(ctx context.Context, tx *sql.Tx, of Tagged, tags map[string]string) error {
	for name, value := range tags {
		if _, err := tx.ExecContext(ctx, `INSERT INTO tag (business_account_id, phone_number_id, name, value) VALUES ($1, $2, $3, $4)
			 ON CONFLICT (business_account_id, phone_number_id, name) DO UPDATE SET value = excluded.value`,
			of.BusinessAccountID, of.PhoneNumberID, name, value); err != nil {
			return err
		}
	}
	var count int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM tag WHERE business_account_id = $1 AND phone_number_id = $2`,
		of.BusinessAccountID, of.PhoneNumberID).Scan(&count); err != nil {
		return err
	}
	if count > MaxTags {
		return fmt.Errorf("%w: %d", ErrTooManyTags, count)
	}
	return nil
}
