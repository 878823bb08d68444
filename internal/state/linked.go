// What a webhook of Meta's is about: the accounts that have linked it.

package state

import (
	"context"
	"database/sql"
	"time"
)

// Archive is where an account stores the files of inbound messages. The zero Archive
// means that it does not.
type Archive struct {
	Bucket string
	Prefix string // of the keys, such as "inbound/"; may be empty
}

// SetArchive sets where an account stores the files of inbound messages. It returns
// ErrNotFound if there is no such account.
func (s *DB) SetArchive(ctx context.Context, accountID string, archive Archive) error {
	defer s.clearRecent()
	return s.execOne(ctx, `UPDATE account SET archive_bucket = $1, archive_prefix = $2 WHERE id = $3 RETURNING id`, archive.Bucket, archive.Prefix, accountID)
}

// ArchiveOf returns where an account stores the files of inbound messages. It returns
// ErrNotFound if there is no such account.
func (s *DB) ArchiveOf(ctx context.Context, accountID string) (archive Archive, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT archive_bucket, archive_prefix FROM account WHERE id = $1`, accountID).Scan(&archive.Bucket, &archive.Prefix)
	return archive, asNotFound(err)
}

// Linked is a business account that an account has linked.
type Linked struct {
	BusinessAccount
	Archive Archive // of the account
}

// LinkedTo returns the business accounts with an id of Meta's, one for each account
// that has linked it, with their phone numbers. They may be cached for up to a second
// (freshness).
func (s *DB) LinkedTo(ctx context.Context, metaID string) ([]Linked, error) {
	return s.linked.get(metaID, func() ([]Linked, error) {
		rows, err := s.read.QueryContext(ctx, `SELECT b.id, b.account_id, b.meta_id, b.name, b.marketing_onboarding, b.linked_at, b.app_id, a.archive_bucket, a.archive_prefix
			 FROM business_account b JOIN account a ON a.id = b.account_id WHERE b.meta_id = $1 ORDER BY b.account_id`, metaID)
		if err != nil {
			return nil, err
		}
		linked, err := collectLinked(rows)
		for i := range linked {
			if err == nil {
				linked[i].PhoneNumbers, err = s.phoneNumbers(ctx, linked[i].ID)
			}
		}
		return linked, err
	})
}

func collectLinked(rows *sql.Rows) ([]Linked, error) {
	defer rows.Close()
	var list []Linked
	for rows.Next() {
		var l Linked
		var at int64
		if err := rows.Scan(&l.ID, &l.AccountID, &l.MetaID, &l.Name, &l.MarketingOnboarding, &at, &l.AppID, &l.Archive.Bucket, &l.Archive.Prefix); err != nil {
			return nil, err
		}
		l.LinkedAt = time.UnixMilli(at)
		list = append(list, l)
	}
	return list, rows.Err()
}

// Unlinked counts updates of Meta's webhooks that were refused, because nobody has
// linked what they are about.
type Unlinked struct {
	BusinessAccount string // Meta's id
	PhoneNumber     string // Meta's id, or "+" and digits; empty if the business account is not linked either
	// AppID is of the app whose secret signed the webhooks, if the business account is
	// linked with other apps only; empty if it is not linked.
	AppID           string
	Updates         int64
	FirstAt, LastAt time.Time
}

const (
	// maxUnlinked bounds how many business accounts and phone numbers are counted.
	maxUnlinked = 1000
	// unlinkedKept is how long a count is kept after its last update.
	unlinkedKept = 30 * 24 * time.Hour
)

// CountUnlinked counts refused updates; the times are set to the current one. Calls
// at the same time share a commit.
func (s *DB) CountUnlinked(ctx context.Context, refused []Unlinked) error {
	return s.refusals.write(ctx, refused)
}

func (s *DB) countUnlinked(ctx context.Context, tx *sql.Tx, refused [][]Unlinked) ([]error, error) {
	now := s.now().UnixMilli()
	for _, list := range refused {
		for _, u := range list {
			_, err := tx.ExecContext(ctx, `INSERT INTO unlinked (business_account, phone_number, app_id, updates, first_at, last_at)
				 SELECT $1, $2, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($5 AS BIGINT)
				 WHERE (SELECT COUNT(*) FROM unlinked) < CAST($6 AS BIGINT)
				   OR EXISTS (SELECT 1 FROM unlinked WHERE business_account = $1 AND phone_number = $2 AND app_id = $3)
				 ON CONFLICT (business_account, phone_number, app_id) DO UPDATE SET updates = unlinked.updates + excluded.updates, last_at = excluded.last_at`,
				u.BusinessAccount, u.PhoneNumber, u.AppID, u.Updates, now, maxUnlinked)
			if err != nil {
				return nil, err
			}
		}
	}
	return make([]error, len(refused)), nil
}

// UnlinkedUpdates returns what was counted and is still not linked, the latest first.
func (s *DB) UnlinkedUpdates(ctx context.Context) ([]Unlinked, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT business_account, phone_number, app_id, updates, first_at, last_at FROM unlinked u
		 WHERE NOT EXISTS (SELECT 1 FROM business_account b WHERE b.meta_id = u.business_account AND (u.app_id = '' OR b.app_id = u.app_id)
		   AND (u.phone_number = '' OR EXISTS (SELECT 1 FROM phone_number p WHERE p.business_account_id = b.id
		     AND u.phone_number IN (p.meta_id, '+' || REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(p.display_number, ' ', ''), '-', ''), '(', ''), ')', ''), '+', '')))))
		 ORDER BY last_at DESC, business_account, phone_number, app_id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Unlinked
	for rows.Next() {
		var u Unlinked
		var first, last int64
		if err := rows.Scan(&u.BusinessAccount, &u.PhoneNumber, &u.AppID, &u.Updates, &first, &last); err != nil {
			return nil, err
		}
		u.FirstAt, u.LastAt = time.UnixMilli(first), time.UnixMilli(last)
		list = append(list, u)
	}
	return list, rows.Err()
}
