package metasim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// wantError checks a refusal: its status, code, message and details.
func (a response) wantError(t *testing.T, status, code int, message, details string) {
	t.Helper()
	e := a.refusal(t).Error
	got := ""
	if e.Data != nil {
		got = e.Data.Details
	}
	if a.status != status || e.Code != code || e.Type != "OAuthException" || e.Message != message || got != details || e.TraceID == "" {
		t.Errorf("got  %d %d %s: %s\nwant %d %d %s: %s", a.status, e.Code, e.Message, got, status, code, message, details)
	}
}

const (
	notValid   = "(#131009) Parameter value is not valid"
	hello      = `"type":"text","text":{"body":"Hello"}`
	replyOne   = `{"type":"reply","reply":{"id":"1","title":"One"}}`
	bodyAction = `"body":{"text":"Choose"},"action":`
)

func TestAMessageWithABadFormIsRefusedInMetasWords(t *testing.T) {
	long := func(n int) string { return strings.Repeat("é", n) }
	interactiveOf := func(rest string) string { return `"type":"interactive","interactive":{` + rest + `}` }
	listOf := func(sections string) string {
		return interactiveOf(`"type":"list",` + bodyAction + `{"button":"Open","sections":[` + sections + `]}`)
	}
	row := func(id string) string { return `{"id":"` + id + `","title":"Row"}` }
	tests := map[string]struct {
		body             string
		code             int
		message, details string
	}{
		"no product":                {`{"to":"16505551234","text":{"body":"Hello"}}`, 100, "(#100) The parameter messaging_product is required.", ""},
		"another product":           {`{"messaging_product":"sms","to":"16505551234"}`, 100, `(#100) Param messaging_product must be one of {WHATSAPP} - got "sms".`, ""},
		"no recipient":              {`{"messaging_product":"whatsapp",` + hello + `}`, 100, "(#100) The parameter to is required.", ""},
		"a name as the recipient":   {`{"messaging_product":"whatsapp","to":"Sheena",` + hello + `}`, 131009, notValid, "to is not a phone number"},
		"too many digits":           {`{"messaging_product":"whatsapp","to":"1650555123412345",` + hello + `}`, 131009, notValid, "to is not a phone number"},
		"a bad user id":             {`{"messaging_product":"whatsapp","recipient":"12345",` + hello + `}`, 131009, notValid, "recipient is not a business-scoped user ID"},
		"another kind of recipient": {messageHead + `"recipient_type":"list",` + hello + `}`, 100, `(#100) Param recipient_type must be one of {INDIVIDUAL, GROUP} - got "list".`, ""},
		"the sender":                {`{"messaging_product":"whatsapp","to":"+1 631-555-0001",` + hello + `}`, 131021, "(#131021) Recipient cannot be sender", "Recipient phone number cannot be the sender phone number."},

		"an unknown type":        {`"type":"jpeg"`, 100, `(#100) Param type must be one of {AUDIO, CONTACTS, DOCUMENT, GIF, IMAGE, INTERACTIVE, LINK_PREVIEW, LOCATION, PIN, REACTION, STICKER, TEMPLATE, TEXT, VIDEO} - got "jpeg".`, ""},
		"a type that nobody has": {`"type":"gif","gif":{}`, 131051, "(#131051) Unsupported message type", "Message type is currently not supported."},
		"no text object":         {`"type":"text"`, 100, "(#100) The parameter text is required.", ""},
		"no type and no text":    {`"image":{"id":"1"}`, 100, "(#100) The parameter text is required.", ""},
		"no object":              {`"type":"text","text":"Hello"`, 100, "(#100) Param text must be a JSON object.", ""},
		"no body":                {`"type":"text","text":{}`, 100, "(#100) The parameter text['body'] is required.", ""},
		"an empty body":          {`"type":"text","text":{"body":""}`, 100, "(#100) The parameter text['body'] is required.", ""},
		"a number as the body":   {`"type":"text","text":{"body":5}`, 100, "(#100) Param text['body'] must be a string.", ""},
		"a long body":            {`"type":"text","text":{"body":"` + long(4097) + `"}`, 100, "(#100) Param text['body'] must be at most 4096 characters long.", ""},
		"a preview that is none": {`"type":"text","text":{"body":"x","preview_url":"maybe"}`, 100, "(#100) Param text['preview_url'] must be a boolean.", ""},
		"long callback data":     {hello + `,"biz_opaque_callback_data":"` + long(513) + `"`, 100, "(#100) Param biz_opaque_callback_data must be at most 512 characters long.", ""},
		"a context without id":   {hello + `,"context":{}`, 100, "(#100) The parameter context['message_id'] is required.", ""},

		"neither id nor link":      {`"type":"image","image":{"caption":"x"}`, 100, "(#100) The parameter image['id'] is required.", ""},
		"an unknown id":            {`"type":"image","image":{"id":"123"}`, 100, "(#100) Param image.id is not a valid whatsapp business account media attachment ID", ""},
		"an id that is none":       {`"type":"audio","audio":{"id":"abc"}`, 100, "(#100) Param audio.id is not a valid whatsapp business account media attachment ID", ""},
		"a link that is none":      {`"type":"video","video":{"link":"ftp://example.com/a.mp4"}`, 100, "(#100) Param video.link is not a valid URI.", ""},
		"a path as a link":         {`"type":"sticker","sticker":{"link":"/a.webp"}`, 100, "(#100) Param sticker.link is not a valid URI.", ""},
		"a long caption":           {`"type":"document","document":{"link":"http://localhost/","caption":"` + long(1025) + `"}`, 100, "(#100) Param document['caption'] must be at most 1024 characters long.", ""},
		"a header with unknown id": {interactiveOf(`"type":"button","header":{"type":"image","image":{"id":"5"}},` + bodyAction + `{"buttons":[` + replyOne + `]}`), 100, "(#100) Param interactive['header']['image']['id'] is not a valid whatsapp business account media attachment ID", ""},

		"no latitude":              {`"type":"location","location":{"longitude":1}`, 100, "(#100) The parameter location['latitude'] is required.", ""},
		"a latitude that is none":  {`"type":"location","location":{"latitude":"north","longitude":1}`, 100, "(#100) Param location['latitude'] must be a number.", ""},
		"a latitude beyond a pole": {`"type":"location","location":{"latitude":91,"longitude":1}`, 100, "(#100) Param location['latitude'] must be a number from -90 to 90.", ""},
		"no contact":               {`"type":"contacts","contacts":[]`, 100, "(#100) Param contacts must have from 1 to 257 elements.", ""},
		"a contact without a name": {`"type":"contacts","contacts":[{"phones":[{"phone":"1"}]}]`, 100, "(#100) The parameter contacts[0]['name'] is required.", ""},
		"no formatted name":        {`"type":"contacts","contacts":[{"name":{"first_name":"A"}}]`, 100, "(#100) The parameter contacts[0]['name']['formatted_name'] is required.", ""},
		"phones that are no list":  {`"type":"contacts","contacts":[{"name":{"formatted_name":"A","first_name":"A"},"phones":{"phone":"1"}}]`, 100, "(#100) Param contacts[0]['phones'] must be an array.", ""},
		"a reaction to nothing":    {`"type":"reaction","reaction":{"emoji":"👍"}`, 100, "(#100) The parameter reaction['message_id'] is required.", ""},
		"a pin for a person":       {`"type":"pin","pin":{"type":"pin","message_id":"wamid.QQ=="}`, 130501, "(#130501) Message type is not currently supported", "Message type is not currently supported."},
		"a pin for ever":           {`"type":"pin","pin":{"type":"pin","message_id":"wamid.QQ==","expiration_days":31}`, 131009, notValid, "Invalid expiration_days. Min: 1, Max: 30"},

		"an unknown interactive":  {interactiveOf(`"type":"poll"`), 100, `(#100) Param interactive['type'] must be one of {ADDRESS_MESSAGE, BUTTON, CALL_PERMISSION_REQUEST, CAROUSEL, CATALOG_MESSAGE, CTA_URL, FLOW, LIST, LOCATION_REQUEST_MESSAGE, ORDER_DETAILS, ORDER_STATUS, PRODUCT, PRODUCT_LIST, REQUEST_CONTACT_INFO, VOICE_CALL} - got "poll".`, ""},
		"no interactive body":     {interactiveOf(`"type":"button","action":{"buttons":[` + replyOne + `]}`), 100, "(#100) The parameter interactive['body'] is required.", ""},
		"no interactive text":     {interactiveOf(`"type":"button","body":{},"action":{"buttons":[` + replyOne + `]}`), 100, "(#100) The parameter interactive['body']['text'] is required.", ""},
		"a long interactive body": {interactiveOf(`"type":"button","body":{"text":"` + long(1025) + `"},"action":{"buttons":[` + replyOne + `]}`), 131009, notValid, "Body text length invalid. Min length: 1, Max length: 1024"},
		"no button":               {interactiveOf(`"type":"button",` + bodyAction + `{"buttons":[]}`), 131009, notValid, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3"},
		"four buttons": {interactiveOf(`"type":"button",` + bodyAction + `{"buttons":[` + strings.Repeat(replyOne+",", 3) + replyOne + `]}`),
			131009, notValid, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3"},
		"a long title":          {interactiveOf(`"type":"button",` + bodyAction + `{"buttons":[{"type":"reply","reply":{"id":"1","title":"` + long(21) + `"}}]}`), 131009, notValid, "Button title length invalid. Min length: 1, Max length: 20"},
		"an empty title":        {interactiveOf(`"type":"button",` + bodyAction + `{"buttons":[{"type":"reply","reply":{"id":"1","title":""}}]}`), 131009, notValid, "Button title length invalid. Min length: 1, Max length: 20"},
		"the same id twice":     {interactiveOf(`"type":"button",` + bodyAction + `{"buttons":[` + replyOne + `,{"type":"reply","reply":{"id":"1","title":"Two"}}]}`), 131009, notValid, "Duplicate button id: 1"},
		"the same title twice":  {interactiveOf(`"type":"button",` + bodyAction + `{"buttons":[` + replyOne + `,{"type":"reply","reply":{"id":"2","title":"One"}}]}`), 131009, notValid, "Duplicate button title: One"},
		"a header without text": {interactiveOf(`"type":"button","header":{"type":"text"},` + bodyAction + `{"buttons":[` + replyOne + `]}`), 131009, notValid, "Text cannot be null for header type text"},
		"a long header":         {interactiveOf(`"type":"button","header":{"type":"text","text":"` + long(61) + `"},` + bodyAction + `{"buttons":[` + replyOne + `]}`), 131009, notValid, "Header text length invalid. Min length: 1, Max length: 60"},
		"a long footer":         {interactiveOf(`"type":"button","footer":{"text":"` + long(61) + `"},` + bodyAction + `{"buttons":[` + replyOne + `]}`), 131009, notValid, "Footer text length invalid. Min length: 1, Max length: 60"},
		"a picture over a list": {interactiveOf(`"type":"list","header":{"type":"image","image":{"id":"1"}},` + bodyAction + `{"button":"x","sections":[{"rows":[` + row("1") + `]}]}`), 100, `(#100) Param interactive['header']['type'] must be one of {TEXT} - got "image".`, ""},
		"a long list button":    {interactiveOf(`"type":"list",` + bodyAction + `{"button":"` + long(21) + `","sections":[{"rows":[` + row("1") + `]}]}`), 131009, notValid, "Button label length invalid. Min length: 1, Max length: 20"},
		"no section":            {listOf(``), 131009, notValid, "Invalid sections count. Min allowed sections: 1, Max allowed sections: 10"},
		"a row twice":           {listOf(`{"rows":[` + row("1") + `,` + row("1") + `]}`), 131009, notValid, "Duplicate row id: 1"},
		"a section without title": {listOf(`{"title":"A","rows":[` + row("1") + `]},{"rows":[` + row("2") + `]}`), 100,
			"(#100) The parameter interactive['action']['sections'][1]['title'] is required.", ""},
		"eleven rows": {listOf(`{"title":"A","rows":[` + row("1") + `,` + row("2") + `,` + row("3") + `,` + row("4") + `,` + row("5") + `,` + row("6") + `]},` +
			`{"title":"B","rows":[` + row("7") + `,` + row("8") + `,` + row("9") + `,` + row("10") + `,` + row("11") + `]}`),
			131009, notValid, "Invalid rows count. Min allowed rows: 1, Max allowed rows: 10"},
		"a long row title":    {listOf(`{"rows":[{"id":"1","title":"` + long(25) + `"}]}`), 131009, notValid, "Row title length invalid. Min length: 1, Max length: 24"},
		"a link without URL":  {interactiveOf(`"type":"cta_url",` + bodyAction + `{"name":"cta_url","parameters":{"display_text":"Open"}}`), 100, "(#100) The parameter interactive['action']['parameters']['url'] is required.", ""},
		"a link to nowhere":   {interactiveOf(`"type":"cta_url",` + bodyAction + `{"name":"cta_url","parameters":{"display_text":"Open","url":"nowhere"}}`), 100, "(#100) Param interactive['action']['parameters']['url'] is not a valid URI.", ""},
		"a flow without id":   {interactiveOf(`"type":"flow",` + bodyAction + `{"name":"flow","parameters":{"flow_message_version":"3","flow_cta":"Start"}}`), 100, "(#100) The parameter interactive['action']['parameters']['flow_id'] is required.", ""},
		"a flow's version":    {interactiveOf(`"type":"flow",` + bodyAction + `{"name":"flow","parameters":{"flow_message_version":"2","flow_cta":"Start","flow_id":"1"}}`), 100, `(#100) Param interactive['action']['parameters']['flow_message_version'] must be one of {3} - got "2".`, ""},
		"a location's action": {interactiveOf(`"type":"location_request_message",` + bodyAction + `{"name":"get_location"}`), 100, `(#100) Param interactive['action']['name'] must be one of {SEND_LOCATION} - got "get_location".`, ""},
		"no item":             {interactiveOf(`"type":"product","action":{"catalog_id":"1"}`), 100, "(#100) The parameter interactive['action']['product_retailer_id'] is required.", ""},
		"products untitled":   {interactiveOf(`"type":"product_list",` + bodyAction + `{"catalog_id":"1","sections":[{"product_items":[{"product_retailer_id":"1"}]}]}`), 100, "(#100) The parameter interactive['header'] is required.", ""},
		"one card":            {interactiveOf(`"type":"carousel",` + bodyAction + `{"cards":[{"card_index":0,"type":"product","action":{"catalog_id":"1","product_retailer_id":"1"}}]}`), 131009, notValid, "Invalid cards count. Min allowed cards: 2, Max allowed cards: 10"},

		"read without an id":     {`{"messaging_product":"whatsapp","status":"read"}`, 100, "(#100) The parameter message_id is required.", ""},
		"read by another status": {`{"messaging_product":"whatsapp","status":"delivered","message_id":"wamid.QQ=="}`, 100, `(#100) Param status must be one of {READ} - got "delivered".`, ""},
		"read of no message":     {`{"messaging_product":"whatsapp","status":"read","message_id":"5"}`, 131009, notValid, "message_id is not the id of a message"},
		"another indicator":      {`{"messaging_product":"whatsapp","status":"read","message_id":"wamid.QQ==","typing_indicator":{"type":"audio"}}`, 100, `(#100) Param typing_indicator['type'] must be one of {TEXT} - got "audio".`, ""},
	}
	s := startSim(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s.message(test.body).wantError(t, http.StatusBadRequest, test.code, test.message, test.details)
			if list := s.Messages(); len(list) != 0 {
				t.Errorf("refused, but kept: %+v", list)
			}
		})
	}
}

func TestANumberThatCannotSendIsRefused(t *testing.T) {
	tests := map[string]struct {
		change  func(*PhoneNumber)
		status  int
		code    int
		message string
	}{
		"not registered": {func(p *PhoneNumber) { p.PlatformType = "NOT_APPLICABLE" }, 400, 133010, "(#133010) Account not registered"},
		"not verified":   {func(p *PhoneNumber) { p.Status = "UNVERIFIED" }, 400, 133010, "(#133010) Account not registered"},
		"banned":         {func(p *PhoneNumber) { p.Status = "BANNED" }, 403, 131031, "(#131031) Account has been locked"},
		"blocked":        {func(p *PhoneNumber) { p.CanSendMessage = "BLOCKED" }, 403, 131031, "(#131031) Account has been locked"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, func(c *Config) { test.change(&c.BusinessAccounts[0].PhoneNumbers[0]) })
			s.message(hello).wantError(t, test.status, test.code, test.message, "")
		})
	}
	s := startSim(t)
	a := s.mustSend("POST", "/v25.0/999/messages", strings.NewReader(messageHead+hello+"}"), "Authorization", "Bearer "+token1, "Content-Type", jsonBody)
	if e := a.refusal(t).Error; a.status != 400 || e.Code != 100 || e.Subcode != 33 || e.Type != "GraphMethodException" {
		t.Errorf("an unknown number: %d %s", a.status, a.body)
	}
}

func TestATestNumberSendsToItsListOnly(t *testing.T) {
	s := startSim(t, func(c *Config) { c.BusinessAccounts[0].PhoneNumbers[0].AllowedRecipients = []string{"+1 650 555 1234"} })
	s.message(hello).sentID(t)
	s.message(`{"messaging_product":"whatsapp","to":"+491511234567",`+hello+`}`).wantError(t, 400, 131030,
		"(#131030) Recipient phone number not in allowed list", "Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again.")
}

func TestAFaultRespondsToAMessage(t *testing.T) {
	s := startSim(t)
	if _, err := s.AddFault(Fault{Operation: OperationSendMessage, ErrorCode: 130429, Times: 1}); err != nil {
		t.Fatal(err)
	}
	s.message(hello).wantError(t, 400, 130429, "(#130429) Rate limit hit", "Cloud API message throughput has been reached.")
	if _, err := s.AddFault(Fault{Operation: OperationSendMessage, LoseAnswer: true, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if a, err := s.send("POST", "/v25.0/"+phone1+"/messages", strings.NewReader(messageHead+hello+"}"), "Authorization", "Bearer "+token1, "Content-Type", jsonBody); err == nil {
		t.Errorf("the response is not lost: %d %s", a.status, a.body)
	}
	if list := s.Messages(); len(list) != 1 {
		t.Errorf("the message is not kept: %+v", list)
	}
}

// A message to the edge is only as long as its limit, so that no client fills the
// memory.
func TestALongRequestIsRefused(t *testing.T) {
	s := startSim(t)
	filler, _ := json.Marshal(strings.Repeat("x", maxMessageBody))
	if a := s.message(hello + `,"filler":` + string(filler)); a.status != 400 || !strings.Contains(a.body, "524288 bytes") {
		t.Errorf("%d %.200s", a.status, a.body)
	}
	contact := `{"name":{"formatted_name":"A person with a name","first_name":"A"},"phones":[{"phone":"+1 650-555-1234","wa_id":"16505551234","type":"MOBILE"}]}`
	s.message(`"type":"contacts","contacts":[` + strings.Repeat(contact+",", 256) + contact + `]`).sentID(t)
	s.message(`"type":"contacts","contacts":[`+strings.Repeat(contact+",", 257)+contact+`]`).wantError(t, 400, 100, "(#100) Param contacts must have from 1 to 257 elements.", "")
}
