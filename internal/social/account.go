// The linked WhatsApp Business Accounts and their phone numbers.

package social

import (
	"context"
	"errors"
	"strings"

	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// ListLinkedWhatsAppBusinessAccounts lists the caller's linked accounts, a page
// at a time, without their phone numbers.
func (c *call) ListLinkedWhatsAppBusinessAccounts(ctx context.Context, in *socialmessaging.ListLinkedWhatsAppBusinessAccountsInput) (*socialmessaging.ListLinkedWhatsAppBusinessAccountsOutput, error) {
	accountID, limit, after := c.caller.accountID, defaultPage, ""
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	if in.NextToken != nil {
		var err error
		if after, err = c.openPageToken(*in.NextToken); err != nil {
			return nil, err
		}
	}
	accounts, err := c.config.State.BusinessAccounts(ctx, accountID, after, limit+1)
	if err != nil {
		return nil, err
	}
	out := &socialmessaging.ListLinkedWhatsAppBusinessAccountsOutput{}
	if len(accounts) > limit {
		accounts = accounts[:limit]
		token, err := c.sealPageToken(accounts[limit-1].ID)
		if err != nil {
			return nil, err
		}
		out.NextToken = &token
	}
	for _, account := range accounts {
		summary, err := c.accountSummary(ctx, account)
		if err != nil {
			return nil, err
		}
		out.LinkedAccounts = append(out.LinkedAccounts, summary)
	}
	return out, nil
}

// GetLinkedWhatsAppBusinessAccount returns a linked account with its phone numbers.
func (c *call) GetLinkedWhatsAppBusinessAccount(ctx context.Context, in *socialmessaging.GetLinkedWhatsAppBusinessAccountInput) (*socialmessaging.GetLinkedWhatsAppBusinessAccountOutput, error) {
	accountID := c.caller.accountID
	id, _ := c.resolve(kindBusinessAccount, *in.Id)
	account, err := c.config.State.BusinessAccount(ctx, accountID, id)
	if errors.Is(err, state.ErrNotFound) {
		return nil, c.noSuchAccount(*in.Id)
	}
	if err != nil {
		return nil, err
	}
	summary, err := c.accountSummary(ctx, account)
	if err != nil {
		return nil, err
	}
	out := &socialmessaging.LinkedWhatsAppBusinessAccount{
		Arn: summary.Arn, Id: summary.Id, WabaId: summary.WabaId, RegistrationStatus: summary.RegistrationStatus,
		LinkDate: summary.LinkDate, WabaName: summary.WabaName, EventDestinations: summary.EventDestinations,
		MarketingMessagesOnboardingStatus: summary.MarketingMessagesOnboardingStatus,
	}
	for _, number := range account.PhoneNumbers {
		out.PhoneNumbers = append(out.PhoneNumbers, c.phoneNumber(number))
	}
	return &socialmessaging.GetLinkedWhatsAppBusinessAccountOutput{Account: out}, nil
}

func (c *call) noSuchAccount(given string) error {
	return fail(socialmessaging.KindResourceNotFound, nil,
		"No WhatsApp Business Account '%s' is linked to account %s in region %s.", given, c.caller.accountID, c.caller.region)
}

// GetLinkedWhatsAppBusinessAccountPhoneNumber returns one phone number, with its settings
// for calls unless Meta does not return them.
func (c *call) GetLinkedWhatsAppBusinessAccountPhoneNumber(ctx context.Context, in *socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberInput) (*socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberOutput, error) {
	sender, err := c.sender(ctx, *in.Id)
	if err != nil {
		return nil, err
	}
	detail := socialmessaging.WhatsAppPhoneNumberDetail(c.phoneNumber(sender.PhoneNumber))
	return &socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberOutput{
		PhoneNumber:                     &detail,
		LinkedWhatsAppBusinessAccountId: new(kindBusinessAccount.id(sender.BusinessAccountID)),
		CallSettings:                    c.callSettings(ctx, sender),
	}, nil
}

// sender finds a phone number of the caller's account by id or ARN.
func (c *call) sender(ctx context.Context, given string) (state.Sender, error) {
	accountID := c.caller.accountID
	id, _ := c.resolve(kindPhoneNumber, given)
	sender, err := c.config.State.Sender(ctx, accountID, id)
	if errors.Is(err, state.ErrNotFound) {
		return state.Sender{}, fail(socialmessaging.KindResourceNotFound, nil,
			"No phone number '%s' is linked to account %s in region %s. ListLinkedWhatsAppBusinessAccounts and GetLinkedWhatsAppBusinessAccount show those that are.",
			given, accountID, c.caller.region)
	}
	return sender, err
}

func (c *call) accountSummary(ctx context.Context, account state.BusinessAccount) (socialmessaging.LinkedWhatsAppBusinessAccountSummary, error) {
	destinations, err := c.eventDestinations(ctx, account.ID)
	summary := socialmessaging.LinkedWhatsAppBusinessAccountSummary{
		Arn:                new(c.arn(kindBusinessAccount, account.ID)),
		Id:                 new(kindBusinessAccount.id(account.ID)),
		WabaId:             new(account.MetaID),
		RegistrationStatus: types.RegistrationStatusComplete,
		LinkDate:           new(account.LinkedAt),
		WabaName:           new(account.Name),
		EventDestinations:  destinations,
	}
	if account.IsIncomplete {
		summary.RegistrationStatus = types.RegistrationStatusIncomplete
	}
	if account.MarketingOnboarding != "" {
		summary.MarketingMessagesOnboardingStatus = new(account.MarketingOnboarding)
	}
	return summary, err
}

func (c *call) phoneNumber(number state.PhoneNumber) socialmessaging.WhatsAppPhoneNumberSummary {
	summary := socialmessaging.WhatsAppPhoneNumberSummary{
		Arn:                    new(c.arn(kindPhoneNumber, number.ID)),
		PhoneNumber:            new(e164(number.DisplayNumber)),
		PhoneNumberId:          new(kindPhoneNumber.id(number.ID)),
		MetaPhoneNumberId:      new(number.MetaID),
		DisplayPhoneNumberName: new(number.VerifiedName),
		DisplayPhoneNumber:     new(number.DisplayNumber),
		QualityRating:          new(number.QualityRating),
	}
	if number.Region != "" {
		summary.DataLocalizationRegion = new(number.Region)
	}
	return summary
}

// e164 returns "+15550783881" for Meta's "+1 555-078-3881".
func e164(display string) string {
	return "+" + strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, display)
}

// owner finds a linked account of the caller's, with its token, by id or ARN.
func (c *call) owner(ctx context.Context, given string) (state.BusinessAccount, error) {
	accountID := c.caller.accountID
	id, _ := c.resolve(kindBusinessAccount, given)
	owner, err := c.config.State.Owner(ctx, accountID, id)
	if errors.Is(err, state.ErrNotFound) {
		return state.BusinessAccount{}, c.noSuchAccount(given)
	}
	return owner, err
}

// DisassociateWhatsAppBusinessAccount ends the link of an account. Nothing changes at
// Meta. Messages that wait are not sent, and tags, destinations and the records of media
// are deleted. Events that are on record remain, and are delivered to destinations that
// apply without a choice.
//
// Errors: ResourceNotFound for an account that was never linked. To unlink one again
// changes nothing.
func (c *call) DisassociateWhatsAppBusinessAccount(ctx context.Context, in *socialmessaging.DisassociateWhatsAppBusinessAccountInput) (*socialmessaging.DisassociateWhatsAppBusinessAccountOutput, error) {
	id, _ := c.resolve(kindBusinessAccount, *in.Id)
	err := c.config.State.Unlink(ctx, c.caller.accountID, id)
	if errors.Is(err, state.ErrNotFound) {
		return nil, c.noSuchAccount(*in.Id)
	}
	if err != nil {
		return nil, err
	}
	c.administered(ctx, *in.Id, "")
	return &socialmessaging.DisassociateWhatsAppBusinessAccountOutput{}, nil
}
