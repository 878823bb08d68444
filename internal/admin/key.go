package admin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"ferry/internal/policy"
	"ferry/internal/secret"
	"ferry/internal/sigv4"
	"ferry/internal/state"
)

// FullAccessPolicy allows the whole API and ferry's own operations, S3 through ferry's
// stores, events to every SNS topic, with every role, and the public half of every key of KMS.
const FullAccessPolicy = `{"Version":"2012-10-17","Statement":[` +
	`{"Effect":"Allow","Action":["social-messaging:*","ferry:*"],"Resource":"*"},` +
	`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::*"},` +
	`{"Effect":"Allow","Action":["iam:PassRole","kms:GetPublicKey","sns:Publish"],"Resource":"*"}]}`

// Bounds of the life of a temporary key, which are those of AWS STS.
const (
	MinKeyLife = 15 * time.Minute
	MaxKeyLife = 36 * time.Hour
)

// MaxKeyKept bounds the time for which a key stays valid that was rotated with an end.
const MaxKeyKept = 90 * 24 * time.Hour

// tokenBytes is the length of a session token before it is encoded.
const tokenBytes = 48

// CreateAccessKey creates an access key with a random id and secret for a user of an
// account, and stores it. The account is created if it does not exist. Only the
// returned key shows the secret.
func CreateAccessKey(ctx context.Context, db *state.DB, accountID, name string, policies ...string) (state.AccessKey, error) {
	key, err := newKey("AKIA", accountID, name, policies)
	if err != nil {
		return state.AccessKey{}, err
	}
	return key, db.CreateAccessKey(ctx, key)
}

// CreateTemporaryKey creates an access key as CreateAccessKey does, which is used with a
// session token and ends by itself after life, MinKeyLife to MaxKeyLife. Only the returned
// values show the secret and the token.
func CreateTemporaryKey(ctx context.Context, db *state.DB, life time.Duration, accountID, name string, policies ...string) (state.AccessKey, secret.Secret, error) {
	if life < MinKeyLife || life > MaxKeyLife {
		return state.AccessKey{}, secret.Secret{}, mistake("a temporary key cannot be valid for %v; expected 15m to 36h", life)
	}
	key, err := newKey("ASIA", accountID, name, policies)
	if err != nil {
		return state.AccessKey{}, secret.Secret{}, err
	}
	token := randomText(tokenBytes)
	key.TokenHash, key.ExpiresAt = sigv4.HashToken(token), db.Clock().Add(life)
	return key, secret.New(token), db.CreateAccessKey(ctx, key)
}

// RotateAccessKey creates a successor of a long-term key: another key for the same user
// with the same policies. The old key stays valid, until it ends by itself after keep, at
// most MaxKeyKept, unless keep is 0. Only the returned successor shows a secret.
func RotateAccessKey(ctx context.Context, db *state.DB, id string, keep time.Duration) (old, successor state.AccessKey, err error) {
	if keep < 0 || keep > MaxKeyKept {
		return old, successor, mistake("the old key cannot stay valid for %v; expected at most 2160h, which is 90 days", keep)
	}
	if old, err = db.AccessKey(ctx, id); err != nil {
		return old, successor, knownKey(err, id)
	}
	old.Secret = secret.Secret{}
	now := db.Clock()
	switch status := old.Status(now); {
	case old.IsTemporary():
		return old, successor, mistake("%s is temporary and ends by itself; create another one with 'ferry key create --expires'", id)
	case status != "active":
		return old, successor, mistake("%s is %s, so nobody uses it; create a key with 'ferry key create', or enable it first with 'ferry key enable'", id, status)
	}
	var end time.Time
	if keep > 0 {
		end = now.Add(keep)
		old.ExpiresAt = end
	}
	if successor, err = newKey("AKIA", old.AccountID, old.Name, old.Policies); err != nil {
		return old, successor, err
	}
	return old, successor, knownKey(db.ReplaceAccessKey(ctx, id, end, successor), id)
}

// newKey returns a key with a random secret, and with a random id that begins with a prefix.
func newKey(prefix, accountID, name string, policies []string) (state.AccessKey, error) {
	if err := checkAccountID(accountID); err != nil {
		return state.AccessKey{}, err
	}
	if !nameForm.MatchString(name) {
		return state.AccessKey{}, mistake("%q is not a user name; expected 1 to 64 letters, digits or + = , . @ _ -", name)
	}
	for i, document := range policies {
		if _, err := policy.Parse([]byte(document)); err != nil {
			return state.AccessKey{}, mistake("policy %d: %v", i+1, err)
		}
	}
	return state.AccessKey{
		ID:        prefix + rand.Text()[:16], // base32, as AWS's
		AccountID: accountID, Name: name, Policies: policies,
		Secret: secret.New(randomText(30)), // 40 characters
	}, nil
}

// randomText returns n random bytes as base64. n is a multiple of 3.
func randomText(n int) string {
	random := make([]byte, n)
	rand.Read(random)
	return base64.StdEncoding.EncodeToString(random)
}

// AccessKeys returns the access keys of an account, of all accounts if accountID is
// empty. They have no secrets.
func AccessKeys(ctx context.Context, db *state.DB, accountID string) ([]state.AccessKey, error) {
	if accountID != "" {
		if err := checkAccountID(accountID); err != nil {
			return nil, err
		}
	}
	return db.AccessKeys(ctx, accountID)
}

// DeleteAccessKey deletes an access key. Calls signed with it fail from then on; a
// server in another process accepts it for up to one second more.
func DeleteAccessKey(ctx context.Context, db *state.DB, id string) error {
	return knownKey(db.DeleteAccessKey(ctx, id), id)
}

// SetAccessKeyDisabled disables an access key, or enables it again. Calls signed with a
// disabled key fail as if it did not exist; a server in another process accepts it for up
// to one second more. A long-term key that has ended has no end when it is enabled again; a
// temporary one cannot be enabled.
func SetAccessKeyDisabled(ctx context.Context, db *state.DB, id string, disabled bool) error {
	if key, err := db.AccessKey(ctx, id); err == nil && !disabled && key.IsTemporary() && key.HasEnded(db.Clock()) {
		return mistake("%s was temporary and has expired; create another one with 'ferry key create --expires'", id)
	}
	return knownKey(db.SetAccessKeyDisabled(ctx, id, disabled), id)
}

// knownKey explains that a key does not exist.
func knownKey(err error, id string) error {
	if errors.Is(err, state.ErrNotFound) {
		return mistake("there is no access key %q; 'ferry key list' shows those that exist", id)
	}
	return err
}
