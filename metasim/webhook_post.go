// Webhooks about anything, as a test wants them.

package metasim

import (
	"encoding/json"
	"errors"
	"fmt"
)

// WebhookUpdate is a webhook update of any field, as a test wants it.
type WebhookUpdate struct {
	BusinessAccountID string          `json:"business_account_id,omitempty"` // default: that of the phone number
	PhoneNumberID     string          `json:"phone_number_id,omitempty"`     // whose callback URL counts; empty means the account's
	Field             string          `json:"field"`
	Value             json.RawMessage `json:"value"` // of the change
}

// PostWebhook sends a webhook with an update of any field, for which the simulator has no
// other function.
func (s *Server) PostWebhook(u WebhookUpdate) error {
	account, p := u.BusinessAccountID, s.phone(u.PhoneNumberID)
	switch {
	case u.PhoneNumberID != "" && p == nil:
		return fmt.Errorf("%w: %q", errNoPhone, truncate(u.PhoneNumberID))
	case p != nil && account == "":
		account = p.accountID
	case account == "" && len(s.cfg.BusinessAccounts) > 0:
		account = s.cfg.BusinessAccounts[0].ID
	}
	switch {
	case s.accounts[account] == nil:
		return fmt.Errorf("metasim: there is no business account %q", truncate(account))
	case p != nil && p.accountID != account:
		return fmt.Errorf("metasim: the phone number %s belongs to another account than %s", p.ID, account)
	case u.Field == "" || len(u.Value) == 0 || string(u.Value) == "null":
		return errors.New("metasim: an update has a field and a value")
	}
	if _, err := marshalEscaped(u.Value); err != nil {
		return fmt.Errorf("metasim: the value of an update is not JSON: %w", err)
	}
	s.notify(update{account: account, phone: p, field: u.Field, value: u.Value})
	return nil
}
