// What webhooks report, and who receives it.

package metasim

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fieldMessages is the field of webhooks about messages and their statuses.
const fieldMessages = "messages"

// update is one thing that webhooks report: an element of "changes"
// (docs/references.md#webhooks).
type update struct {
	account string // id of the business account
	phone   *phone // the business phone number that it is about; nil means that it is about the account
	field   string
	user    string // wa_id or BSUID of the person that it concerns; empty means none
	value   any    // its JSON; the caller does not change it after notify
}

// messagesValue is the value of the field messages.
type messagesValue struct {
	MessagingProduct string           `json:"messaging_product"` // "whatsapp"
	Metadata         webhookMetadata  `json:"metadata"`
	Contacts         []webhookContact `json:"contacts,omitempty"`
	Messages         []any            `json:"messages,omitempty"`
	Statuses         []any            `json:"statuses,omitempty"`
	Errors           []any            `json:"errors,omitempty"`
}

// webhookMetadata names the business phone number of a webhook.
type webhookMetadata struct {
	DisplayPhoneNumber string `json:"display_phone_number"` // digits only
	PhoneNumberID      string `json:"phone_number_id"`
}

// webhookContact is a person in a webhook. WAID is empty if the business does not
// know the number of a person with a username (docs/references.md#graph-bsuid).
type webhookContact struct {
	Profile webhookProfile `json:"profile"`
	WAID    string         `json:"wa_id,omitempty"`
	UserID  string         `json:"user_id,omitempty"` // BSUID
}

type webhookProfile struct {
	Name     string `json:"name"`
	Username string `json:"username,omitempty"`
}

// messagesUpdate returns an update of the field messages. fill adds the contacts
// and the messages or statuses.
func messagesUpdate(p *phone, user string, fill func(*messagesValue)) update {
	value := &messagesValue{
		MessagingProduct: "whatsapp",
		Metadata:         metadataOf(p),
	}
	fill(value)
	return update{account: p.accountID, phone: p, field: fieldMessages, user: user, value: value}
}

func metadataOf(p *phone) webhookMetadata { return webhookMetadata{digits(p.DisplayPhoneNumber), p.ID} }

// digits returns the decimal digits of a text.
func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// notify queues an update for the app that is subscribed to its account. It never
// waits: Run delivers the webhooks.
func (s *Server) notify(u update) { s.webhooks.add(u, s.Now()) }

// appFields are the fields that always go to the callback URL of the app, whatever
// overrides there are (docs/references.md#graph-webhook-overrides).
var appFields = []string{"account_update", "account_review_update", "account_alerts"}

// ignoresOverrides reports whether a field always goes to the app's callback URL.
func ignoresOverrides(field string) bool {
	return slices.Contains(appFields, field) || strings.HasPrefix(field, "message_template_") || strings.HasPrefix(field, "template_")
}

// A callback is where webhooks are sent.
type callback struct {
	url      string
	token    string // verify token of the handshake that is still to be made; empty means that none is
	secret   string // of the app; empty means that webhooks are not signed
	override bool   // of a phone number or account
}

// callbackOf returns where the updates of a field are sent: the override of the
// phone number, that of the account, or the app's callback URL. state says why there
// is none.
func (s *Server) callbackOf(account, phoneID, field string) (to callback, state WebhookState) {
	a := s.accounts[account]
	if a == nil || a.AppID == "" || !s.subscriptions.subscribed(account) {
		return callback{}, WebhookUnsubscribed
	}
	app := s.subscriptions.app(a.AppID)
	if !app.wants(field) {
		return callback{}, WebhookUnsubscribed
	}
	to = callback{url: app.URL, secret: a.AppSecret}
	if !app.verified {
		to.token = app.verifyToken
	}
	if ignoresOverrides(field) {
		// goes to the app
	} else if url := s.subscriptions.override(phoneID); url != "" {
		to = callback{url: url, secret: a.AppSecret, override: true}
	} else if url := s.subscriptions.override(account); url != "" {
		to = callback{url: url, secret: a.AppSecret, override: true}
	}
	if to.url == "" {
		return callback{}, WebhookWithoutCallback
	}
	return to, WebhookWaiting
}

// laneOf returns the lane of an update: within a lane, webhooks are sent in order and
// one after the other. A phone number has Config.WebhookConcurrency lanes, over which
// its people are spread; what is about an account is in a lane of the account.
func (s *Server) laneOf(u update) string {
	if u.phone == nil {
		return u.account
	}
	hash := fnv.New32a()
	hash.Write([]byte(u.user))
	return u.phone.ID + "/" + strconv.FormatUint(uint64(hash.Sum32())%uint64(s.cfg.WebhookConcurrency), 10)
}

// webhookBody returns the JSON of a webhook with updates of one account, as Meta
// escapes it. Updates about messages of the same number share a value in pairs, and
// values an entry in pairs, so that a batch has several of everything.
func webhookBody(updates []update, at time.Time) ([]byte, error) {
	type change struct {
		Value any    `json:"value"`
		Field string `json:"field"`
	}
	type entry struct {
		ID      string   `json:"id"`
		Time    int64    `json:"time,omitempty"` // Unix seconds; not of messages
		Changes []change `json:"changes"`
	}
	var entries []entry
	for _, values := range slices.Collect(slices.Chunk(mergedInPairs(updates), 2)) {
		next := entry{ID: values[0].account}
		for _, u := range values {
			next.Changes = append(next.Changes, change{u.value, u.field})
			if u.field != fieldMessages {
				next.Time = at.Unix()
			}
		}
		entries = append(entries, next)
	}
	return marshalEscaped(struct {
		Object string  `json:"object"`
		Entry  []entry `json:"entry"`
	}{"whatsapp_business_account", entries})
}

// mergedInPairs merges each two successive updates about messages of one number.
func mergedInPairs(updates []update) (merged []update) {
	for len(updates) > 0 {
		next := updates[0]
		updates = updates[1:]
		first, ok := next.value.(*messagesValue)
		if ok && len(updates) > 0 {
			if second, ok := updates[0].value.(*messagesValue); ok && second.Metadata == first.Metadata {
				next.value = first.with(second)
				updates = updates[1:]
			}
		}
		merged = append(merged, next)
	}
	return merged
}

// with returns a value that has what both have.
func (v *messagesValue) with(other *messagesValue) *messagesValue {
	both := *v
	both.Contacts = slices.Clone(v.Contacts)
	for _, contact := range other.Contacts {
		if !slices.Contains(both.Contacts, contact) {
			both.Contacts = append(both.Contacts, contact)
		}
	}
	both.Messages = slices.Concat(v.Messages, other.Messages)
	both.Statuses = slices.Concat(v.Statuses, other.Statuses)
	both.Errors = slices.Concat(v.Errors, other.Errors)
	return &both
}
