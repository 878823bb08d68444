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
func (w *World) sampleKey(ctx context.Context, db *state.DB) error {
	keys, err := db.AccessKeys(ctx, AccountID)
	if err != nil {
		return err
	}
	w.MetaToken = secret.New("EAA" + rand.Text())
	for _, key := range keys {
		if key.Name != keyName {
			continue
		}
		if key, err = db.AccessKey(ctx, key.ID); err != nil {
			return err
		}
		w.AccessKeyID, w.SecretAccessKey = key.ID, key.Secret
		return nil
	}
	key, err := admin.CreateAccessKey(ctx, db, AccountID, keyName, admin.FullAccessPolicy)
	w.AccessKeyID, w.SecretAccessKey = key.ID, key.Secret
	return err
}

// linkSample links the sample account as `ferry account link` does. After a
// restart, it keeps its ids and receives the new token.
func (w *World) linkSample(ctx context.Context) error {
	linked, err := admin.LinkAccount(ctx, w.Gateway.Graph(), w.Gateway.State(), admin.Link{
		AccountID: AccountID, MetaID: metaAccountID, AppID: metaAppID, Token: w.MetaToken,
	})
	if err != nil {
		return err
	}
	w.BusinessAccountID = social.BusinessAccountID(linked)
	w.PhoneNumberID = social.PhoneNumberID(linked.PhoneNumbers[0])
	w.MetaPhoneNumberID = linked.PhoneNumbers[0].MetaID
	return nil
}
