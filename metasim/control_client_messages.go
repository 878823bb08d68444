// The control client's methods for messages, people and webhooks.

package metasim

import (
	"context"
	"net/http"
	"net/url"
)

// Receive sends a message from a person; see Server.Receive. An empty phoneID means
// the first number.
func (c *ControlClient) Receive(ctx context.Context, phoneID string, in Inbound) (received Received, err error) {
	path := personPath(phoneID, in.From, "/messages")
	in.From = ""
	return received, c.do(ctx, http.MethodPost, path, in, &received)
}

// Person returns a person; see Server.Person.
func (c *ControlClient) Person(ctx context.Context, phoneID, waID string) (person Person, err error) {
	return person, c.do(ctx, http.MethodGet, personPath(phoneID, waID, ""), nil, &person)
}

// People returns the people of a phone number, or of all if phoneID is empty.
func (c *ControlClient) People(ctx context.Context, phoneID string) ([]Person, error) {
	var list PeopleList
	err := c.do(ctx, http.MethodGet, "/people"+phoneQuery(phoneID), nil, &list)
	return list.People, err
}

// ChangePerson changes a person; see Server.ChangePerson.
func (c *ControlClient) ChangePerson(ctx context.Context, phoneID, waID string, change PersonChange) (person Person, err error) {
	return person, c.do(ctx, http.MethodPost, personPath(phoneID, waID, ""), change, &person)
}

// ChangeNumber gives a person another phone number; see Server.ChangeNumber.
func (c *ControlClient) ChangeNumber(ctx context.Context, phoneID, waID, newWAID string) (person Person, err error) {
	return person, c.do(ctx, http.MethodPost, personPath(phoneID, waID, "/number"), numberJSON{newWAID}, &person)
}

// Read makes a person read a message of the business; see Server.Read.
func (c *ControlClient) Read(ctx context.Context, phoneID, waID, messageID string) error {
	return c.do(ctx, http.MethodPost, personPath(phoneID, waID, "/read"), readJSON{messageID}, nil)
}

// Messages returns the newest messages that were sent.
func (c *ControlClient) Messages(ctx context.Context) (list MessageList, err error) {
	return list, c.do(ctx, http.MethodGet, "/messages", nil, &list)
}

// Message returns a message that was sent.
func (c *ControlClient) Message(ctx context.Context, wamid string) (message Message, err error) {
	return message, c.do(ctx, http.MethodGet, "/messages/"+url.PathEscape(wamid), nil, &message)
}

// SetStatus gives a message a status; see Server.SetStatus.
func (c *ControlClient) SetStatus(ctx context.Context, wamid, status string, code int) error {
	return c.do(ctx, http.MethodPost, "/messages/"+url.PathEscape(wamid)+"/status", statusJSON{status, code}, nil)
}

// personPath returns the path of a person, or of something of theirs.
func personPath(phoneID, waID, of string) string {
	return "/people/" + url.PathEscape(waID) + of + phoneQuery(phoneID)
}

func phoneQuery(phoneID string) string {
	if phoneID == "" {
		return ""
	}
	return "?" + url.Values{"phone_number_id": {phoneID}}.Encode()
}

// Webhooks returns the history of webhooks.
func (c *ControlClient) Webhooks(ctx context.Context) (history WebhookHistory, err error) {
	return history, c.do(ctx, http.MethodGet, "/webhooks", nil, &history)
}

// ClearWebhooks empties the history of webhooks. Those that wait stay.
func (c *ControlClient) ClearWebhooks(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/webhooks", nil, nil)
}

// PostWebhook sends a webhook with an update of any field; see Server.PostWebhook.
func (c *ControlClient) PostWebhook(ctx context.Context, u WebhookUpdate) error {
	return c.do(ctx, http.MethodPost, "/webhooks", u, nil)
}

// WebhookDelivery returns how webhooks are delivered.
func (c *ControlClient) WebhookDelivery(ctx context.Context) (d WebhookDelivery, err error) {
	return d, c.do(ctx, http.MethodGet, "/webhooks/delivery", nil, &d)
}

// SetWebhookDelivery says how webhooks are delivered; see Server.SetWebhookDelivery.
func (c *ControlClient) SetWebhookDelivery(ctx context.Context, d WebhookDelivery) error {
	return c.do(ctx, http.MethodPost, "/webhooks/delivery", d, nil)
}

// AppWebhooks returns the webhook of every app.
func (c *ControlClient) AppWebhooks(ctx context.Context) ([]AppWebhook, error) {
	var list AppList
	err := c.do(ctx, http.MethodGet, "/apps", nil, &list)
	return list.Apps, err
}

// SetAppWebhook sets the callback URL of an app; see Server.SetAppWebhook. An empty
// appID means all apps.
func (c *ControlClient) SetAppWebhook(ctx context.Context, appID, url, verifyToken string, fields ...string) error {
	return c.do(ctx, http.MethodPost, "/apps", appWebhookJSON{appID, url, verifyToken, fields}, nil)
}
