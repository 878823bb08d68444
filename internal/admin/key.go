package admin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"

	"ferry/internal/policy"
	"ferry/internal/secret"
	"ferry/internal/state"
)

// FullAccessPolicy allows the whole API and ferry's own operations, S3 through ferry's
// stores, events to every SNS topic, with every role, and the public half of every key of KMS.
const FullAccessPolicy = `{"Version":"2012-10-17","Statement":[` +
	`{"Effect":"Allow","Action":["social-messaging:*","ferry:*"],"Resource":"*"},` +
	`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::*"},` +
	`{"Effect":"Allow","Action":["iam:PassRole","kms:GetPublicKey","sns:Publish"],"Resource":"*"}]}`

// CreateAccessKey creates an access key with a random id and secret for a user of an
// account, and stores it. The account is created if it does not exist. Only the
// returned key shows the secret.
func CreateAccessKey(ctx context.Context, db *state.DB, accountID, name string, policies ...string) (state.AccessKey, error) {
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
	var random [30]byte
	rand.Read(random[:])
	key := state.AccessKey{
		ID:        "AKIA" + rand.Text()[:16], // base32, as AWS's
		AccountID: accountID, Name: name, Policies: policies,
		Secret: secret.New(base64.StdEncoding.EncodeToString(random[:])), // 40 characters
	}
	return key, db.CreateAccessKey(ctx, key)
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
// to one second more.
func SetAccessKeyDisabled(ctx context.Context, db *state.DB, id string, disabled bool) error {
	return knownKey(db.SetAccessKeyDisabled(ctx, id, disabled), id)
}

// knownKey explains that a key does not exist.
func knownKey(err error, id string) error {
	if errors.Is(err, state.ErrNotFound) {
		return mistake("there is no access key %q; 'ferry key list' shows those that exist", id)
	}
	return err
}
