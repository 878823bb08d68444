// What is read to link a WhatsApp Business Account (docs/references.md#graph-waba,
// docs/references.md#graph-phone-numbers), and the subscription of an app to it
// (docs/references.md#graph-webhook-overrides).

package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"ferry/internal/secret"
)

// maxPages is the limit for the pages of a list of phone numbers.
const maxPages = 100

// BusinessAccount is a WhatsApp Business Account.
type BusinessAccount struct {
	ID                          string `json:"id"`
	Name                        string `json:"name"`
	MarketingMessagesOnboarding string `json:"marketing_messages_onboarding_status"` // may be empty
}

// PhoneNumber is a business phone number.
type PhoneNumber struct {
	ID                 string `json:"id"`
	DisplayPhoneNumber string `json:"display_phone_number"` // "+1 631-555-5555"
	VerifiedName       string `json:"verified_name"`
	QualityRating      string `json:"quality_rating"` // GREEN, YELLOW, RED, UNKNOWN
	PlatformType       string `json:"platform_type"`  // CLOUD_API if it is registered; ON_PREMISE, NOT_APPLICABLE; may be empty
	Status             string `json:"status"`         // CONNECTED, PENDING, …; may be empty
}

// IsRegistered reports whether the number is registered for the Cloud API, as far as
// Meta says.
func (n PhoneNumber) IsRegistered() bool {
	if n.PlatformType != "" {
		return n.PlatformType == "CLOUD_API"
	}
	return n.Status != "PENDING" && n.Status != "UNVERIFIED" && n.Status != "DELETED" && n.Status != "MIGRATED"
}

// BusinessAccount returns a WhatsApp Business Account.
func (c *Client) BusinessAccount(ctx context.Context, id string, token secret.Secret) (BusinessAccount, error) {
	var account BusinessAccount
	target := c.node(id)
	target.RawQuery = url.Values{"fields": {"id,name,marketing_messages_onboarding_status"}}.Encode()
	err := c.get(ctx, "account", target, token, &account)
	return account, err
}

// PhoneNumbers returns all phone numbers of a WhatsApp Business Account.
func (c *Client) PhoneNumbers(ctx context.Context, businessAccountID string, token secret.Secret) ([]PhoneNumber, error) {
	var numbers []PhoneNumber
	query := url.Values{"fields": {"id,display_phone_number,verified_name,quality_rating,platform_type,status"}, "limit": {"100"}}
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
		query.Set("after", page.Paging.Cursors.After) // not the URL in next, since the token is sent to it
	}
	return nil, fmt.Errorf("business account %s has more than %d pages of phone numbers", businessAccountID, maxPages)
}

// SubscribedApp is an app that receives the webhooks of a business account.
type SubscribedApp struct {
	ID  string
	URL string // where the webhooks go instead of the app's own URL; empty means that there is none
}

// SubscribedApps returns the apps that receive the webhooks of a business account.
func (c *Client) SubscribedApps(ctx context.Context, businessAccountID string, token secret.Secret) ([]SubscribedApp, error) {
	var response struct {
		Data []struct {
			App struct {
				ID string `json:"id"`
			} `json:"whatsapp_business_api_data"`
			URL string `json:"override_callback_uri"`
		} `json:"data"`
	}
	if err := c.get(ctx, "subscribed_apps", c.node(businessAccountID, "subscribed_apps"), token, &response); err != nil {
		return nil, err
	}
	var apps []SubscribedApp
	for _, entry := range response.Data {
		apps = append(apps, SubscribedApp{ID: entry.App.ID, URL: entry.URL})
	}
	return apps, nil
}

// Subscribe subscribes the app that a token belongs to to a business account. It removes
// the URL that the app has for the account only (SubscribedApp.URL).
func (c *Client) Subscribe(ctx context.Context, businessAccountID string, token secret.Secret) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.node(businessAccountID, "subscribed_apps").String(), nil)
	if err != nil {
		return err
	}
	var response struct {
		Success bool `json:"success"`
	}
	if err := c.do(request, "subscribe_app", token, &response); err != nil {
		return err
	}
	if !response.Success {
		return unreachable(errors.New("status 200 without success"))
	}
	return nil
}

// An AppSubscription is the webhook of an app for one kind of object.
type AppSubscription struct {
	Object string // whatsapp_business_account
	URL    string // the callback URL
	Active bool
	Fields []string
}

// AppSubscriptions returns the webhooks of an app. The app asks for itself, so that the
// request succeeds only if the app's secret is right
// (docs/references.md#graph-webhook-handshake).
func (c *Client) AppSubscriptions(ctx context.Context, app App) ([]AppSubscription, error) {
	var response struct {
		Data []struct {
			Object string `json:"object"`
			URL    string `json:"callback_url"`
			Active bool   `json:"active"`
			Fields []struct {
				Name string `json:"name"`
			} `json:"fields"`
		} `json:"data"`
	}
	if err := c.get(ctx, "app_subscriptions", c.node(app.ID, "subscriptions"), app.token(), &response); err != nil {
		return nil, without(err, app.Secret)
	}
	var list []AppSubscription
	for _, s := range response.Data {
		one := AppSubscription{Object: s.Object, URL: s.URL, Active: s.Active}
		for _, field := range s.Fields {
			one.Fields = append(one.Fields, field.Name)
		}
		list = append(list, one)
	}
	return list, nil
}
