package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/internal/state"
)

// Link is a WhatsApp Business Account and the ferry account to link it to.
type Link struct {
	AccountID      string        // 12 digits
	MetaID         string        // Meta's WhatsApp Business Account id, digits
	PhoneNumberIDs []string      // Meta's ids of the numbers to link; empty means all of the account
	AppID          string        // Meta's id of the app that the token belongs to, for template media; may be empty
	Token          secret.Secret // Meta's access token for the account
}

// LinkAccount reads the account and its numbers from the Graph API, which proves the
// token, and stores them. Linking again renews token, names and numbers.
func LinkAccount(ctx context.Context, client *graph.Client, db *state.DB, link Link) (state.BusinessAccount, error) {
	if err := link.check(); err != nil {
		return state.BusinessAccount{}, err
	}
	linked, err := ReadAccount(ctx, client, link.MetaID, link.Token)
	if err != nil {
		return state.BusinessAccount{}, err
	}
	linked.AccountID, linked.AppID, linked.Token = link.AccountID, link.AppID, link.Token
	if linked.PhoneNumbers, err = selectNumbers(linked.PhoneNumbers, link.PhoneNumberIDs); err != nil {
		return state.BusinessAccount{}, err
	}
	return db.Link(ctx, linked)
}

// ReadAccount reads a business account and its phone numbers from the Graph API. The
// result has no token.
func ReadAccount(ctx context.Context, client *graph.Client, metaID string, token secret.Secret) (state.BusinessAccount, error) {
	account, err := client.BusinessAccount(ctx, metaID, token)
	if err != nil {
		return state.BusinessAccount{}, fmt.Errorf("reading WhatsApp Business Account %s: %w", metaID, err)
	}
	numbers, err := client.PhoneNumbers(ctx, metaID, token)
	if err != nil {
		return state.BusinessAccount{}, fmt.Errorf("reading the phone numbers of WhatsApp Business Account %s: %w", metaID, err)
	}
	read := state.BusinessAccount{MetaID: metaID, Name: account.Name, MarketingOnboarding: account.MarketingMessagesOnboarding}
	for _, n := range numbers {
		read.PhoneNumbers = append(read.PhoneNumbers, state.PhoneNumber{
			MetaID: n.ID, DisplayNumber: n.DisplayPhoneNumber, VerifiedName: n.VerifiedName, QualityRating: n.QualityRating, IsUnregistered: !n.IsRegistered(),
		})
	}
	return read, nil
}

// Subscribe subscribes the app of a link to its business account, so that Meta reports
// the account's updates to the app's webhook. It reports whether the app is known to be
// subscribed already; then nothing is changed.
func Subscribe(ctx context.Context, client *graph.Client, link Link) (app graph.SubscribedApp, already bool, err error) {
	apps, err := client.SubscribedApps(ctx, link.MetaID, link.Token)
	if err != nil {
		return app, false, fmt.Errorf("reading the apps that are subscribed to WhatsApp Business Account %s: %w", link.MetaID, err)
	}
	for _, app := range apps {
		switch {
		case app.ID == link.AppID && app.ID != "":
			return app, true, nil
		case link.AppID == "" && app.URL != "":
			return app, false, fmt.Errorf("the app %s is subscribed to WhatsApp Business Account %s with a callback URL of its own, which subscribing again would remove if it is the app of the token; name the app of the token with --app-id", app.ID, link.MetaID)
		}
	}
	if err := client.Subscribe(ctx, link.MetaID, link.Token); err != nil {
		return app, false, fmt.Errorf("subscribing the app to WhatsApp Business Account %s: %w", link.MetaID, err)
	}
	return graph.SubscribedApp{ID: link.AppID}, false, nil
}

func (l Link) check() error {
	if err := checkAccountID(l.AccountID); err != nil {
		return err
	}
	for _, id := range append([]string{l.MetaID, cmp.Or(l.AppID, "0")}, l.PhoneNumberIDs...) {
		if !metaIDForm.MatchString(id) {
			return fmt.Errorf("%q is not an id of Meta's; expected digits, as the WhatsApp Manager shows them", id)
		}
	}
	if l.Token.IsZero() {
		return fmt.Errorf("there is no token; expected Meta's access token for account %s", l.MetaID)
	}
	return nil
}

// selectNumbers returns the numbers to link. Every id in ids must be one of them.
func selectNumbers(numbers []state.PhoneNumber, ids []string) ([]state.PhoneNumber, error) {
	var result []state.PhoneNumber
	var present []string
	for _, n := range numbers {
		present = append(present, n.MetaID)
		if len(ids) == 0 || slices.Contains(ids, n.MetaID) {
			result = append(result, n)
		}
	}
	for _, id := range ids {
		if !slices.Contains(present, id) {
			return nil, fmt.Errorf("phone number %s does not belong to the account, whose numbers are: %s", id, strings.Join(present, ", "))
		}
	}
	return result, nil
}

// LinkedAccounts returns the WhatsApp Business Accounts that are linked to an account,
// to any account if accountID is empty.
func LinkedAccounts(ctx context.Context, db *state.DB, accountID string) ([]state.BusinessAccount, error) {
	if accountID != "" {
		if err := checkAccountID(accountID); err != nil {
			return nil, err
		}
	}
	return db.LinkedAccounts(ctx, accountID)
}

// UnlinkAccount ends the link of a WhatsApp Business Account, which Meta's id names. Nothing
// changes at Meta. It returns what was unlinked.
func UnlinkAccount(ctx context.Context, db *state.DB, accountID, metaID string) (state.BusinessAccount, error) {
	linked, err := LinkedAccounts(ctx, db, accountID)
	if err != nil {
		return state.BusinessAccount{}, err
	}
	at := slices.IndexFunc(linked, func(a state.BusinessAccount) bool { return a.AccountID == accountID && a.MetaID == metaID })
	if at < 0 {
		return state.BusinessAccount{}, fmt.Errorf("no WhatsApp Business Account %s is linked to account %q; 'ferry account list' shows those that are", metaID, accountID)
	}
	return linked[at], db.Unlink(ctx, accountID, linked[at].ID)
}

// SetArchive sets where an account stores the files of inbound messages. The zero
// Archive means that it does not.
func SetArchive(ctx context.Context, db *state.DB, accountID string, archive state.Archive) error {
	return knownAccount(db.SetArchive(ctx, accountID, archive), accountID)
}

// Set turns a setting on or off for an account, from its next call on.
func Set(ctx context.Context, db *state.DB, accountID string, setting state.Setting, on bool) error {
	return knownAccount(db.Set(ctx, accountID, setting, on), accountID)
}

// knownAccount explains that an account does not exist.
func knownAccount(err error, accountID string) error {
	if errors.Is(err, state.ErrNotFound) {
		return mistake("there is no account %q; an account is created by its first 'ferry key create' or 'ferry account link'", accountID)
	}
	return err
}
