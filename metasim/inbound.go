// Messages from people to business phone numbers, as a test or the control API
// describes them. The members of each type are those of Meta's webhooks
// (docs/references.md#webhooks).

package metasim

import (
	"encoding/json"
	"time"
)

// An Inbound is a message from a person. Exactly one of the members from Text to
// Revoke is set, and names the type. Type alone is enough for media, which then have
// a sample as their content, and for text, location, contacts, order, system and
// unsupported, which have defaults.
type Inbound struct {
	From     string           `json:"from,omitempty"`     // wa_id of the sender; the control API takes it from the path
	Type     string           `json:"type,omitempty"`     // such as "image"; default: that of the member that is set
	GroupID  string           `json:"group_id,omitempty"` // of the group that the message was sent to
	Context  *InboundContext  `json:"context,omitempty"`
	Referral *InboundReferral `json:"referral,omitempty"`

	Text        *InboundText        `json:"text,omitempty"`
	Image       *InboundMedia       `json:"image,omitempty"`
	Video       *InboundMedia       `json:"video,omitempty"`
	Audio       *InboundMedia       `json:"audio,omitempty"`
	Document    *InboundMedia       `json:"document,omitempty"`
	Sticker     *InboundMedia       `json:"sticker,omitempty"`
	Location    *InboundLocation    `json:"location,omitempty"`
	Contacts    []InboundContact    `json:"contacts,omitempty"`
	Interactive *InboundInteractive `json:"interactive,omitempty"`
	Button      *InboundButton      `json:"button,omitempty"`
	Reaction    *InboundReaction    `json:"reaction,omitempty"`
	Order       *InboundOrder       `json:"order,omitempty"`
	System      *InboundSystem      `json:"system,omitempty"`
	Unsupported *InboundUnsupported `json:"unsupported,omitempty"`
	Edit        *InboundEdit        `json:"edit,omitempty"`
	Revoke      *InboundRevoke      `json:"revoke,omitempty"`
}

// InboundContext says what a message answers, or that it was forwarded.
type InboundContext struct {
	From                string           `json:"from,omitempty"` // default: the business phone number, if there is an ID
	ID                  string           `json:"id,omitempty"`   // of the message that this one replies to
	Forwarded           bool             `json:"forwarded,omitempty"`
	FrequentlyForwarded bool             `json:"frequently_forwarded,omitempty"`
	ReferredProduct     *ReferredProduct `json:"referred_product,omitempty"`
}

// ReferredProduct is the product that a question is about.
type ReferredProduct struct {
	CatalogID         string `json:"catalog_id"`
	ProductRetailerID string `json:"product_retailer_id"`
}

// InboundReferral is the advertisement or post by which the person came.
type InboundReferral struct {
	SourceURL      string          `json:"source_url"`
	SourceID       string          `json:"source_id"`
	SourceType     string          `json:"source_type"` // "ad" or "post"
	Body           string          `json:"body,omitempty"`
	Headline       string          `json:"headline,omitempty"`
	MediaType      string          `json:"media_type,omitempty"` // "image" or "video"
	ImageURL       string          `json:"image_url,omitempty"`
	VideoURL       string          `json:"video_url,omitempty"`
	ThumbnailURL   string          `json:"thumbnail_url,omitempty"`
	CTWAClickID    string          `json:"ctwa_clid,omitempty"`
	WelcomeMessage *WelcomeMessage `json:"welcome_message,omitempty"`
}

// WelcomeMessage is the text that an advertisement began the conversation with.
type WelcomeMessage struct {
	Text string `json:"text"`
}

// InboundText is the text of a message.
type InboundText struct {
	Body string `json:"body"`
}

// InboundMedia is a file in a message. The caller gives Content, or none for a
// sample; the simulator makes the id, digest and URL.
type InboundMedia struct {
	Caption  string `json:"caption,omitempty"`
	FileName string `json:"filename,omitempty"` // of a document; default "document.pdf" or the like
	MIMEType string `json:"mime_type"`          // default: that of the sample
	SHA256   string `json:"sha256,omitempty"`   // base64; not for the caller
	ID       string `json:"id,omitempty"`       // of the media; not for the caller
	URL      string `json:"url,omitempty"`      // from which it is downloaded for five minutes; not for the caller
	Voice    *bool  `json:"voice,omitempty"`    // of audio: recorded in WhatsApp; default true for a sample, and false otherwise
	Animated *bool  `json:"animated,omitempty"` // of a sticker; default: what the content is

	Content  []byte `json:"content,omitempty"`   // the file, in JSON as base64
	TooLarge bool   `json:"too_large,omitempty"` // the file has more than 100 MB: the message has error 131052 in its place
}

// InboundLocation is a place.
type InboundLocation struct {
	Address   string  `json:"address,omitempty"`
	Latitude  float64 `json:"latitude"`  // degrees
	Longitude float64 `json:"longitude"` // degrees
	Name      string  `json:"name,omitempty"`
	URL       string  `json:"url,omitempty"`
}

// InboundContact is an entry of an address book.
type InboundContact struct {
	Addresses []map[string]any `json:"addresses,omitempty"`
	Birthday  string           `json:"birthday,omitempty"`
	Emails    []map[string]any `json:"emails,omitempty"`
	Name      map[string]any   `json:"name"`
	Org       map[string]any   `json:"org,omitempty"`
	Phones    []map[string]any `json:"phones,omitempty"`
	URLs      []map[string]any `json:"urls,omitempty"`
}

// InboundInteractive is the answer to an interactive message: a button, an entry of
// a list, or a completed flow.
type InboundInteractive struct {
	Type        string        `json:"type"` // "button_reply", "list_reply", "nfm_reply" or "call_permission_reply"; default: the member that is set
	ButtonReply *InboundReply `json:"button_reply,omitempty"`
	ListReply   *InboundReply `json:"list_reply,omitempty"`
	NFMReply    *NFMReply     `json:"nfm_reply,omitempty"`

	CallPermissionReply *CallPermissionReply `json:"call_permission_reply,omitempty"`
}

// InboundReply is a button or an entry of a list that the person chose.
type InboundReply struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"` // of an entry of a list
}

// NFMReply is what a person entered into a flow.
type NFMReply struct {
	ResponseJSON string `json:"response_json"` // an object of JSON as text
	Body         string `json:"body"`          // default "Sent"
	Name         string `json:"name"`          // default "flow"
}

// InboundButton is a quick reply of a template that the person chose.
type InboundButton struct {
	Payload string `json:"payload"`
	Text    string `json:"text"`
}

// InboundReaction is a reaction to a message.
type InboundReaction struct {
	MessageID string `json:"message_id"`
	Emoji     string `json:"emoji,omitempty"` // empty removes the reaction
}

// InboundOrder is an order of products.
type InboundOrder struct {
	CatalogID    string        `json:"catalog_id"`
	Text         string        `json:"text,omitempty"`
	ProductItems []ProductItem `json:"product_items"`
}

// ProductItem is a line of an order.
type ProductItem struct {
	ProductRetailerID string  `json:"product_retailer_id"`
	Quantity          int     `json:"quantity"`
	ItemPrice         float64 `json:"item_price"`
	Currency          string  `json:"currency"` // ISO 4217
}

// InboundSystem is a notice about the sender. Server.ChangeNumber makes those about
// a new number.
type InboundSystem struct {
	Body   string `json:"body"`
	WAID   string `json:"wa_id,omitempty"`   // the new number
	UserID string `json:"user_id,omitempty"` // the new BSUID
	Type   string `json:"type"`              // such as "user_changed_number"
}

// InboundUnsupported is a message of a type that the Cloud API does not deliver.
type InboundUnsupported struct {
	Type string `json:"type"` // what it is, such as "poll"; default "unknown"
}

// InboundEdit is a new version of a message of a person who uses the business's
// number in the WhatsApp Business app as well.
type InboundEdit struct {
	OriginalMessageID string          `json:"original_message_id"`
	Message           json.RawMessage `json:"message"` // an object with type and its member
}

// InboundRevoke deletes a message.
type InboundRevoke struct {
	OriginalMessageID string `json:"original_message_id"`
}

// A Received message is an Inbound that was sent to the business.
type Received struct {
	ID            string    `json:"id"` // wamid
	PhoneNumberID string    `json:"phone_number_id"`
	Person        Person    `json:"person"`
	Type          string    `json:"type"`
	MediaID       string    `json:"media_id,omitempty"`
	Time          time.Time `json:"time"`
}

// inboundMessage is a message in a webhook.
type inboundMessage struct {
	From       string           `json:"from,omitempty"`
	FromUserID string           `json:"from_user_id,omitempty"`
	GroupID    string           `json:"group_id,omitempty"`
	ID         string           `json:"id"`
	Timestamp  string           `json:"timestamp"` // Unix seconds
	Type       string           `json:"type"`
	Context    *InboundContext  `json:"context,omitempty"`
	Referral   *InboundReferral `json:"referral,omitempty"`
	inboundContent
	Errors []inboundError `json:"errors,omitempty"`
}

// inboundContent is the members of an Inbound that name its type. Those that the
// message in a webhook has itself stand before these.
type inboundContent Inbound

// inboundError says why a message has no content (docs/references.md#graph-errors).
type inboundError struct {
	Code    int    `json:"code"`
	Title   string `json:"title"`
	Message string `json:"message"`
	Data    struct {
		Details string `json:"details"`
	} `json:"error_data"`
}
