// Administration: linking a WhatsApp Business Account, which AWS does in its
// console only (aws-service.md §9), and making access keys.

package social

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ferry/internal/graph"
	"ferry/internal/policy"
	"ferry/internal/secret"
	"ferry/internal/state"
)

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	metaIDForm  = regexp.MustCompile(`^[0-9]{1,32}$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,64}$`) // IAM's rule for user names
)

// FullAccessPolicy allows all of the API, and S3 through ferry's stores.
const FullAccessPolicy = `{"Version":"2012-10-17","Statement":[` +
	`{"Effect":"Allow","Action":"social-messaging:*","Resource":"*"},` +
	`{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::*"}]}`

// CreateAccessKey makes a key for a user of an account, with random id and
// secret, and stores it. The secret is only ever shown by what it returns.
func CreateAccessKey(ctx context.Context, db *state.DB, accountID, name string, policies ...string) (state.AccessKey, error) {
	if err := CheckAccountID(accountID); err != nil {
		return state.AccessKey{}, err
	}
	if !nameForm.MatchString(name) {
		return state.AccessKey{}, fmt.Errorf("name %q is not a user's; expected 1 to 64 letters, digits or + = , . @ _ -", name)
	}
	for i, document := range policies {
		if _, err := policy.Parse([]byte(document)); err != nil {
			return state.AccessKey{}, fmt.Errorf("policy %d: %w", i+1, err)
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

// CheckAccountID reports what is wrong with an account's id.
func CheckAccountID(id string) error {
	if !accountForm.MatchString(id) {
		return fmt.Errorf("account %q is not an account's id; expected 12 digits, such as 111122223333", id)
	}
	return nil
}

// Link says which account of Meta's to link to which of ferry's.
type Link struct {
	AccountID      string        // 12 digits
	MetaID         string        // Meta's WhatsApp Business Account id, digits
	PhoneNumberIDs []string      // Meta's ids of the numbers to link; none = all of the account
	AppID          string        // Meta's id of the app that the token is of, for template media; "" = none
	Token          secret.Secret // Meta's access token for the account
}

// LinkAccount reads the account and its numbers from the Graph API, which
// proves the token, and stores them. Linking again renews token, names and numbers.
func LinkAccount(ctx context.Context, client *graph.Client, db *state.DB, link Link) (state.BusinessAccount, error) {
	if err := CheckAccountID(link.AccountID); err != nil {
		return state.BusinessAccount{}, err
	}
	for _, id := range append([]string{link.MetaID, cmp.Or(link.AppID, "0")}, link.PhoneNumberIDs...) {
		if !metaIDForm.MatchString(id) {
			return state.BusinessAccount{}, fmt.Errorf("%q is not an id of Meta's; expected digits, as the WhatsApp Manager shows them", id)
		}
	}
	if link.Token.IsZero() {
		return state.BusinessAccount{}, fmt.Errorf("there is no token; expected Meta's access token for account %s", link.MetaID)
	}
	account, err := client.BusinessAccount(ctx, link.MetaID, link.Token)
	if err != nil {
		return state.BusinessAccount{}, fmt.Errorf("reading WhatsApp Business Account %s: %w", link.MetaID, err)
	}
	numbers, err := client.PhoneNumbers(ctx, link.MetaID, link.Token)
	if err != nil {
		return state.BusinessAccount{}, fmt.Errorf("reading the phone numbers of WhatsApp Business Account %s: %w", link.MetaID, err)
	}
	linked := state.BusinessAccount{
		AccountID: link.AccountID, MetaID: link.MetaID, Name: account.Name, AppID: link.AppID,
		MarketingOnboarding: account.MarketingMessagesOnboarding, Token: link.Token,
	}
	if linked.PhoneNumbers, err = chosen(numbers, link.PhoneNumberIDs); err != nil {
		return state.BusinessAccount{}, err
	}
	return db.Link(ctx, linked)
}

// chosen picks the numbers to link; every id that was asked for must be there.
func chosen(numbers []graph.PhoneNumber, ids []string) ([]state.PhoneNumber, error) {
	var result []state.PhoneNumber
	var present []string
	for _, n := range numbers {
		present = append(present, n.ID)
		if len(ids) == 0 || slices.Contains(ids, n.ID) {
			result = append(result, state.PhoneNumber{MetaID: n.ID, DisplayNumber: n.DisplayPhoneNumber, VerifiedName: n.VerifiedName, QualityRating: n.QualityRating})
		}
	}
	for _, id := range ids {
		if !slices.Contains(present, id) {
			return nil, fmt.Errorf("phone number %s is not one of the account's, which are: %s", id, strings.Join(present, ", "))
		}
	}
	return result, nil
}
