// The sample world: one account with one WhatsApp Business Account and two phone
// numbers. Its ids and keys are the same at every start, with and without a data
// directory; docs/development.md lists them, and programs may rely on them.
//
// None of them is secret. They open nothing but a world on one's own machine:
// `ferry serve` does not start on a database that has the sample's access key.

package local

import (
	"context"
	"errors"
	"fmt"

	"ferry/internal/admin"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/internal/testcode"
	"ferry/metasim"
)

// The sample account at AWS.
const (
	AccountID         = "111122223333"
	AccessKeyID       = "AKIAFERRYDEV7EXAMPLE"
	secretAccessKey   = "FERRYDEV/this+key+is+public/EXAMPLEKEY00"
	BusinessAccountID = "waba-" + storedAccountID
	PhoneNumberID     = "phone-number-id-" + storedNumberID
	PhoneNumberID2    = "phone-number-id-" + storedNumberID2
	Bucket            = "ferry-media"

	keyName         = "developer"
	storedAccountID = "11112222333344445555666677778888"
	storedNumberID  = "aaaa1111bbbb2222cccc3333dddd4444"
	storedNumberID2 = "aaaa1111bbbb2222cccc3333dddd5555"
)

// The same account at Meta. The first ids are those in the examples of Meta's
// documentation.
const (
	MetaAccountID      = "102290129340398"
	MetaPhoneNumberID  = "106540352242922"
	MetaPhoneNumberID2 = "106540352242955"
	MetaAppID          = "634974688087057"

	metaAppSecret      = "0123456789abcdef0123456789abcdef"
	webhookVerifyToken = "ferry-dev-verify-token"
	metaToken          = "EAAferrydevEXAMPLETOKENnotSecret"
)

// GraphVersion is the version of Meta's API that the world uses.
const GraphVersion = "v25.0"

// Sample returns what every world has, for tests that are made of what was done in one.
func Sample() testcode.Sample {
	return testcode.Sample{Bucket: Bucket, Numbers: [2]testcode.Number{
		{MetaID: MetaPhoneNumberID, StoredID: storedNumberID}, {MetaID: MetaPhoneNumberID2, StoredID: storedNumberID2},
	}}
}

// sampleAccount returns the account as the simulator has it.
func sampleAccount() metasim.BusinessAccount {
	return metasim.BusinessAccount{
		ID: MetaAccountID, AppID: MetaAppID, AppSecret: metaAppSecret, Name: "Lucky Shrub", Token: metaToken, MarketingMessagesOnboardingState: "NOT_STARTED",
		PhoneNumbers: []metasim.PhoneNumber{
			{ID: MetaPhoneNumberID, DisplayPhoneNumber: "+1 555-078-3881", VerifiedName: "Lucky Shrub", QualityRating: "GREEN"},
			{ID: MetaPhoneNumberID2, DisplayPhoneNumber: "+1 555-078-3882", VerifiedName: "Lucky Shrub Support", QualityRating: "GREEN"},
		},
	}
}

// createSample creates the access key and links the business account. In a data
// directory that has them already, it changes nothing.
func (w *World) createSample(ctx context.Context, db *state.DB) error {
	if err := w.createKey(ctx, db); err != nil {
		return err
	}
	account := sampleAccount()
	link := state.BusinessAccount{
		ID: storedAccountID, AccountID: AccountID, MetaID: account.ID, Name: account.Name,
		MarketingOnboarding: account.MarketingMessagesOnboardingState, AppID: account.AppID, Token: w.MetaToken,
	}
	for i, number := range account.PhoneNumbers {
		link.PhoneNumbers = append(link.PhoneNumbers, state.PhoneNumber{
			ID: [...]string{storedNumberID, storedNumberID2}[i], MetaID: number.ID,
			DisplayNumber: number.DisplayPhoneNumber, VerifiedName: number.VerifiedName, QualityRating: number.QualityRating,
		})
	}
	linked, err := db.Link(ctx, link)
	if err != nil {
		return err
	}
	isSample := social.BusinessAccountID(linked) == BusinessAccountID
	for i, number := range linked.PhoneNumbers {
		isSample = isSample && i < len(link.PhoneNumbers) && number.ID == link.PhoneNumbers[i].ID
	}
	if !isSample {
		return errOtherWorld(w.config.Data)
	}
	return db.SetArchive(ctx, AccountID, w.config.Archive)
}

// createKey creates the developer's access key.
func (w *World) createKey(ctx context.Context, db *state.DB) error {
	key, err := db.AccessKey(ctx, AccessKeyID)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return db.CreateAccessKey(ctx, state.AccessKey{
			ID: AccessKeyID, AccountID: AccountID, Name: keyName, Secret: w.SecretAccessKey, Policies: []string{admin.FullAccessPolicy},
		})
	case err == nil && (key.AccountID != AccountID || !key.Secret.Equal(w.SecretAccessKey)):
		return errOtherWorld(w.config.Data)
	}
	return err
}

// errOtherWorld is the error for a data directory of another version of ferry.
func errOtherWorld(data string) error {
	return fmt.Errorf("the data directory %s has other ids and keys than this version of ferry dev; use another directory, or delete it", data)
}

// HasSampleKey reports whether a database has the sample's access key, whose
// secret everybody knows.
func HasSampleKey(ctx context.Context, db *state.DB) (bool, error) {
	_, err := db.AccessKey(ctx, AccessKeyID)
	if errors.Is(err, state.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
