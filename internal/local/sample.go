// The sample account of the world: its access key and its linked WhatsApp
// Business Account. Both are created when the world starts for the first time.

package local

import (
	"context"
	"crypto/rand"

	"ferry/internal/admin"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
)

// sampleKey reads or creates the developer's access key, and creates a token for
// the simulator.
func (e *Environment) sampleKey(ctx context.Context, db *state.DB) error {
	keys, err := db.AccessKeys(ctx, AccountID)
	if err != nil {
		return err
	}
	e.MetaToken = secret.New("EAA" + rand.Text())
	for _, key := range keys {
		if key.Name != keyName {
			continue
		}
		if key, err = db.AccessKey(ctx, key.ID); err != nil {
			return err
		}
		e.AccessKeyID, e.SecretAccessKey = key.ID, key.Secret
		return nil
	}
	key, err := admin.CreateAccessKey(ctx, db, AccountID, keyName, admin.FullAccessPolicy)
	e.AccessKeyID, e.SecretAccessKey = key.ID, key.Secret
	return err
}

// linkSample links the sample account as `ferry account link` does. After a
// restart, it keeps its ids and receives the new token.
func (e *Environment) linkSample(ctx context.Context) error {
	linked, err := admin.LinkAccount(ctx, e.Gateway.Graph(), e.Gateway.State(), admin.Link{
		AccountID: AccountID, MetaID: metaAccountID, AppID: metaAppID, Token: e.MetaToken,
	})
	if err != nil {
		return err
	}
	e.BusinessAccountID = social.BusinessAccountID(linked)
	e.PhoneNumberID = social.PhoneNumberID(linked.PhoneNumbers[0])
	e.MetaPhoneNumberID = linked.PhoneNumbers[0].MetaID
	return nil
}
