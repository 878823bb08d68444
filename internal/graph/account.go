// What linking a WhatsApp Business Account reads (meta-cloud-api.md §9.4).

package graph

import (
	"context"
	"fmt"
	"net/url"

	"ferry/internal/secret"
)

// maxPages bounds how many pages of phone numbers are followed.
const maxPages = 100

// BusinessAccount is a WhatsApp Business Account.
type BusinessAccount struct {
	ID                          string `json:"id"`
	Name                        string `json:"name"`
	MarketingMessagesOnboarding string `json:"marketing_messages_onboarding_status"` // "" = not said
}

// PhoneNumber is a business phone number.
type PhoneNumber struct {
	ID                 string `json:"id"`
	DisplayPhoneNumber string `json:"display_phone_number"` // "+1 631-555-5555"
	VerifiedName       string `json:"verified_name"`
	QualityRating      string `json:"quality_rating"` // GREEN, YELLOW, RED, UNKNOWN
}

// BusinessAccount reads a WhatsApp Business Account.
func (c *Client) BusinessAccount(ctx context.Context, id string, token secret.Secret) (BusinessAccount, error) {
	var account BusinessAccount
	target := c.node(id)
	target.RawQuery = url.Values{"fields": {"id,name,marketing_messages_onboarding_status"}}.Encode()
	err := c.get(ctx, "account", target, token, &account)
	return account, err
}

// PhoneNumbers reads all phone numbers of a WhatsApp Business Account.
func (c *Client) PhoneNumbers(ctx context.Context, businessAccountID string, token secret.Secret) ([]PhoneNumber, error) {
	var numbers []PhoneNumber
	query := url.Values{"fields": {"id,display_phone_number,verified_name,quality_rating"}, "limit": {"100"}}
	for range maxPages {
		var page struct {
			Data   []PhoneNumber `json:"data"`
			Paging struct {
				Cursors struct {
					After string `json:"after"`
				} `json:"cursors"`
				Next string `json:"next"`
			} `json:"paging"`
		}
		target := c.node(businessAccountID, "phone_numbers")
		target.RawQuery = query.Encode()
		if err := c.get(ctx, "phone_numbers", target, token, &page); err != nil {
			return nil, err
		}
		numbers = append(numbers, page.Data...)
		if page.Paging.Next == "" || page.Paging.Cursors.After == "" {
			return numbers, nil
		}
		query.Set("after", page.Paging.Cursors.After) // never the URL of next: the token goes along
	}
	return nil, fmt.Errorf("business account %s has more than %d pages of phone numbers", businessAccountID, maxPages)
}
