package metasim

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// How webhooks report the status of a message (docs/references.md#graph-statuses).

const errorPage = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"

// conversationLife is how long a conversation of the versions up to v23.0 lasts.
const conversationLife = 24 * time.Hour

type webhookStatus struct {
	ID              string               `json:"id"`
	Status          string               `json:"status"`
	Timestamp       string               `json:"timestamp"` // Unix seconds
	RecipientID     string               `json:"recipient_id,omitempty"`
	RecipientUserID string               `json:"recipient_user_id,omitempty"`
	CallbackData    string               `json:"biz_opaque_callback_data,omitempty"`
	Conversation    *webhookConversation `json:"conversation,omitempty"`
	Pricing         *webhookPricing      `json:"pricing,omitempty"`
	Errors          []webhookError       `json:"errors,omitempty"`
}

type webhookConversation struct {
	ID      string `json:"id"`
	Expires string `json:"expiration_timestamp,omitempty"` // of sent only
	Origin  struct {
		Type string `json:"type"`
	} `json:"origin"`
}

type webhookPricing struct {
	Billable bool   `json:"billable"`
	Model    string `json:"pricing_model"`
	Category string `json:"category"`
	Type     string `json:"type"`
}

type webhookError struct {
	Code    int    `json:"code"`
	Title   string `json:"title"`
	Message string `json:"message"`
	Data    struct {
		Details string `json:"details"`
	} `json:"error_data"`
	Page string `json:"href"`
}

// notifyStatus reports the last status of a message.
func (s *Server) notifyStatus(row messageRow) {
	p := s.phone(row.PhoneNumberID)
	if p == nil { // it was removed from the configuration
		return
	}
	person, last := s.addressee(row.Message), row.Statuses[len(row.Statuses)-1]
	status := webhookStatus{
		ID: row.ID, Status: last.Status, Timestamp: strconv.FormatInt(last.Time.Unix(), 10), CallbackData: row.CallbackData,
	}
	failed := last.Status == statusFailed
	if failed { // names the recipient only by what the message was sent to
		status.RecipientID, status.RecipientUserID = row.WAID, row.UserID
		failure := webhookError{Code: last.Code, Title: last.Title, Message: last.Title, Page: errorPage}
		failure.Data.Details = last.Details
		status.Errors = []webhookError{failure}
	} else {
		status.RecipientUserID = person.UserID
		if !person.HidesNumber || row.WAID != "" {
			status.RecipientID = person.WAID
		}
		s.addPrice(&status, row, person, last)
	}
	s.notify(messagesUpdate(p, cmp.Or(row.WAID, person.WAID, row.UserID), func(v *messagesValue) {
		v.Statuses = []any{status}
		if failed {
			return
		}
		contact := person.contact()
		contact.WAID = status.RecipientID
		if last.Status == statusSent {
			contact.Profile.Username = ""
		}
		v.Contacts = []webhookContact{contact}
	}))
}

// addPrice adds what sent, and the first status after it, say of the price.
func (s *Server) addPrice(status *webhookStatus, row messageRow, person Person, last StatusChange) {
	if len(row.Statuses) > 2 {
		return
	}
	free := row.Category == "service" || row.Category == "utility" && s.inWindow(person, row.Created)
	status.Pricing = &webhookPricing{Billable: !free, Model: "PMP", Category: row.Category, Type: "regular"}
	if free {
		status.Pricing.Type = "free_customer_service"
	}
	if version, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(s.cfg.WebhookVersion, "v"), ".0")); err != nil || version >= 24 {
		return
	}
	digest := sha256.Sum256([]byte(row.ID)) // one for each message
	status.Conversation = &webhookConversation{ID: hex.EncodeToString(digest[:16])}
	status.Conversation.Origin.Type = row.Category
	if last.Status == statusSent {
		status.Conversation.Expires = strconv.FormatInt(last.Time.Add(conversationLife).Unix(), 10)
	}
}
