// The linked WhatsApp Business Accounts and their phone numbers.

package social

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"ferry/internal/policy"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// defaultPage is the size of a page when the caller gives none: the largest allowed.
const defaultPage = 100

func listAccountsNeeds(*Service, *caller, *socialmessaging.ListLinkedWhatsAppBusinessAccountsInput) []policy.Request {
	return []policy.Request{{Action: socialmessaging.ListLinkedWhatsAppBusinessAccounts.Action(), Resource: "*"}}
}

// ListLinkedWhatsAppBusinessAccounts lists the caller's linked accounts, a page
// at a time, without their phone numbers.
func (s *Service) ListLinkedWhatsAppBusinessAccounts(ctx context.Context, in *socialmessaging.ListLinkedWhatsAppBusinessAccountsInput) (*socialmessaging.ListLinkedWhatsAppBusinessAccountsOutput, error) {
	accountID, limit, after := callerOf(ctx).accountID, defaultPage, ""
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	if in.NextToken != nil {
		var err error
		if after, err = s.openPageToken(*in.NextToken, accountID); err != nil {
			return nil, err
		}
	}
	accounts, err := s.config.State.BusinessAccounts(ctx, accountID, after, limit+1)
	if err != nil {
		return nil, err
	}
	out := &socialmessaging.ListLinkedWhatsAppBusinessAccountsOutput{}
	if len(accounts) > limit {
		accounts = accounts[:limit]
		token, err := s.sealPageToken(accounts[limit-1].ID, accountID)
		if err != nil {
			return nil, err
		}
		out.NextToken = &token
	}
	for _, account := range accounts {
		out.LinkedAccounts = append(out.LinkedAccounts, s.accountSummary(account))
	}
	return out, nil
}

// A page token is the last id of a page, sealed for the operation and the
// account: it can be neither made nor used by anybody else.
const pageTokenPlace = "nextToken of ListLinkedWhatsAppBusinessAccounts"

func (s *Service) sealPageToken(last, accountID string) (string, error) {
	sealed, err := s.config.Sealer.Seal(secret.New(last), pageTokenPlace, accountID)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

func (s *Service) openPageToken(token, accountID string) (string, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		var last secret.Secret
		if last, err = s.config.Sealer.Open(sealed, pageTokenPlace, accountID); err == nil {
			return last.Reveal(), nil
		}
	}
	return "", fail(socialmessaging.KindInvalidParameters, err,
		"nextToken is not one that this operation gave to this account. Leave it out to start from the first page.")
}

func getAccountNeeds(s *Service, c *caller, in *socialmessaging.GetLinkedWhatsAppBusinessAccountInput) []policy.Request {
	_, arn := s.resolve(kindBusinessAccount, c.accountID, *in.Id)
	return []policy.Request{{Action: socialmessaging.GetLinkedWhatsAppBusinessAccount.Action(), Resource: arn}}
}

// GetLinkedWhatsAppBusinessAccount gives a linked account with its phone numbers.
func (s *Service) GetLinkedWhatsAppBusinessAccount(ctx context.Context, in *socialmessaging.GetLinkedWhatsAppBusinessAccountInput) (*socialmessaging.GetLinkedWhatsAppBusinessAccountOutput, error) {
	accountID := callerOf(ctx).accountID
	id, _ := s.resolve(kindBusinessAccount, accountID, *in.Id)
	account, err := s.config.State.BusinessAccount(ctx, accountID, id)
	if errors.Is(err, state.ErrNotFound) {
		return nil, s.noSuchAccount(*in.Id, accountID)
	}
	if err != nil {
		return nil, err
	}
	summary := s.accountSummary(account)
	out := &socialmessaging.LinkedWhatsAppBusinessAccount{
		Arn: summary.Arn, Id: summary.Id, WabaId: summary.WabaId, RegistrationStatus: summary.RegistrationStatus,
		LinkDate: summary.LinkDate, WabaName: summary.WabaName, MarketingMessagesOnboardingStatus: summary.MarketingMessagesOnboardingStatus,
	}
	for _, number := range account.PhoneNumbers {
		out.PhoneNumbers = append(out.PhoneNumbers, s.phoneNumber(accountID, number))
	}
	return &socialmessaging.GetLinkedWhatsAppBusinessAccountOutput{Account: out}, nil
}

func (s *Service) noSuchAccount(given, accountID string) error {
	return fail(socialmessaging.KindResourceNotFound, nil,
		"No WhatsApp Business Account '%s' is linked to account %s in region %s.", given, accountID, s.config.Region)
}

func getPhoneNumberNeeds(s *Service, c *caller, in *socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberInput) []policy.Request {
	_, arn := s.resolve(kindPhoneNumber, c.accountID, *in.Id)
	return []policy.Request{{Action: socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumber.Action(), Resource: arn}}
}

// GetLinkedWhatsAppBusinessAccountPhoneNumber gives one phone number.
func (s *Service) GetLinkedWhatsAppBusinessAccountPhoneNumber(ctx context.Context, in *socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberInput) (*socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberOutput, error) {
	sender, err := s.sender(ctx, *in.Id)
	if err != nil {
		return nil, err
	}
	detail := socialmessaging.WhatsAppPhoneNumberDetail(s.phoneNumber(callerOf(ctx).accountID, sender.PhoneNumber))
	return &socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberOutput{
		PhoneNumber:                     &detail,
		LinkedWhatsAppBusinessAccountId: new(kindBusinessAccount.id(sender.BusinessAccountID)),
	}, nil
}

// sender finds a phone number of the caller's account by id or ARN.
func (s *Service) sender(ctx context.Context, given string) (state.Sender, error) {
	accountID := callerOf(ctx).accountID
	id, _ := s.resolve(kindPhoneNumber, accountID, given)
	sender, err := s.config.State.Sender(ctx, accountID, id)
	if errors.Is(err, state.ErrNotFound) {
		return state.Sender{}, fail(socialmessaging.KindResourceNotFound, nil,
			"No phone number '%s' is linked to account %s in region %s. ListLinkedWhatsAppBusinessAccounts and GetLinkedWhatsAppBusinessAccount show those that are.",
			given, accountID, s.config.Region)
	}
	return sender, err
}

func (s *Service) accountSummary(account state.BusinessAccount) socialmessaging.LinkedWhatsAppBusinessAccountSummary {
	summary := socialmessaging.LinkedWhatsAppBusinessAccountSummary{
		Arn:                new(s.arn(kindBusinessAccount, account.AccountID, account.ID)),
		Id:                 new(kindBusinessAccount.id(account.ID)),
		WabaId:             new(account.MetaID),
		RegistrationStatus: types.RegistrationStatusComplete,
		LinkDate:           new(account.LinkedAt),
		WabaName:           new(account.Name),
	}
	if account.MarketingOnboarding != "" {
		summary.MarketingMessagesOnboardingStatus = new(account.MarketingOnboarding)
	}
	return summary
}

func (s *Service) phoneNumber(accountID string, number state.PhoneNumber) socialmessaging.WhatsAppPhoneNumberSummary {
	return socialmessaging.WhatsAppPhoneNumberSummary{
		Arn:                    new(s.arn(kindPhoneNumber, accountID, number.ID)),
		PhoneNumber:            new(e164(number.DisplayNumber)),
		PhoneNumberId:          new(kindPhoneNumber.id(number.ID)),
		MetaPhoneNumberId:      new(number.MetaID),
		DisplayPhoneNumberName: new(number.VerifiedName),
		DisplayPhoneNumber:     new(number.DisplayNumber),
		QualityRating:          new(number.QualityRating),
	}
}

// e164 makes "+15550783881" of Meta's "+1 555-078-3881".
func e164(display string) string {
	return "+" + strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, display)
}
