package metasim

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// The shapes that programs of others send (docs/references.md#graph-messages).
// Each is accepted. Those without warnings are also accepted by a strict simulator.
func TestTheMessagesOfRealClientsAreAccepted(t *testing.T) {
	const (
		image = `"image":{"link":"https://example.com/a.png"}`
		card  = `{"card_index":0,"type":"cta_url","header":{"type":"image",` + image + `},"body":{"text":"A card"},"action":{"name":"cta_url","parameters":{"display_text":"Open","url":"https://example.com/"}}}`
		reply = `{"card_index":0,"type":"button","header":{"type":"image",` + image + `},"action":{"buttons":[{"type":"quick_reply","quick_reply":{"id":"1","title":"One"}}]}}`
	)
	tests := map[string]struct {
		content  string
		warnings []string
	}{
		"text":                     {`"recipient_type":"individual","type":"text","text":{"body":"Hello","preview_url":false}`, nil},
		"text without a type":      {`"text":{"body":"https://example.com","preview_url":true}`, nil},
		"a type in capitals":       {`"type":"TEXT","text":{"body":"Hello"}`, nil},
		"a reply":                  {hello + `,"context":{"message_id":"wamid.QQ=="}`, nil},
		"callback data":            {hello + `,"biz_opaque_callback_data":"order 5"`, nil},
		"preview at the top level": {`"preview_url":false,` + hello, []string{warnParameterUnknown}},
		"null members":             {hello + `,"context":null,"image":null,"biz_opaque_callback_data":null`, nil},
		"null members of a text":   {`"type":"text","text":{"body":"Hello","preview_url":null}`, []string{warnMemberNull}},
		"unknown members":          {`"type":"text","text":{"body":"Hello","colour":"red"},"mood":"good"`, []string{warnParameterUnknown, warnMemberUnknown}},
		"content of another type":  {hello + `,"location":{"latitude":1,"longitude":2}`, []string{warnMemberIgnored}},

		"image by id":          {`"type":"image","image":{"id":"IMAGE","caption":"A picture"}`, nil},
		"image by number":      {`"type":"image","image":{"id":IMAGE}`, nil},
		"image by link":        {`"type":"image",` + image, nil},
		"image by both":        {`"type":"image","image":{"id":"IMAGE","link":"https://example.com/a.png"}`, []string{warnMemberIgnored}},
		"image without a text": {`"type":"image","image":{"id":"IMAGE","caption":""}`, nil},
		"image, null link":     {`"type":"image","image":{"id":"IMAGE","link":null,"caption":null}`, []string{warnMemberNull, warnMemberNull}},
		"video":                {`"type":"video","video":{"link":"https://example.com/a.mp4","caption":"A film"}`, nil},
		"document":             {`"type":"document","document":{"link":"https://example.com/a.pdf","filename":"a.pdf","caption":"A paper"}`, nil},
		"audio":                {`"type":"audio","audio":{"link":"https://example.com/a.mp3"}`, nil},
		"voice":                {`"type":"audio","audio":{"link":"https://example.com/a.ogg","voice":true}`, nil},
		"sticker":              {`"type":"sticker","sticker":{"link":"https://example.com/a.webp"}`, nil},

		"location in numbers": {`"type":"location","location":{"latitude":37.44,"longitude":-122.16,"name":"Somewhere","address":"1 Hacker Way"}`, nil},
		"location in text":    {`"type":"location","location":{"latitude":"37.44","longitude":"-122.16"}`, nil},
		"contacts": {`"type":"contacts","contacts":[{"name":{"formatted_name":"Ann B","first_name":"Ann","last_name":"B"},"birthday":"2000-01-31",
			"phones":[{"phone":"+16505551234","type":"WORK","wa_id":"16505551234"}],"emails":[{"email":"a@example.com","type":"WORK"}],"urls":[{"url":"https://example.com","type":"WORK"}],
			"addresses":[{"street":"1 Hacker Way","city":"Menlo Park","state":"CA","zip":"94025","country":"United States","country_code":"us","type":"HOME"}],
			"org":{"company":"Example","department":"D","title":"T"}}]`, nil},
		"contacts with empty lists":     {`"type":"contacts","contacts":[{"name":{"formatted_name":"Ann","first_name":"Ann"},"phones":[],"emails":[],"urls":[]}]`, nil},
		"contacts with nulls":           {`"type":"contacts","contacts":[{"name":{"formatted_name":"Ann","first_name":"Ann","suffix":null},"org":null}]`, []string{warnMemberNull, warnMemberNull}},
		"contacts with one name":        {`"type":"contacts","contacts":[{"name":{"formatted_name":"Ann"}}]`, []string{warnContactName}},
		"reaction":                      {`"type":"reaction","reaction":{"message_id":"wamid.QQ==","emoji":"👍"}`, nil},
		"reaction removed":              {`"type":"reaction","reaction":{"message_id":"wamid.QQ==","emoji":""}`, nil},
		"buttons":                       {`"type":"interactive","interactive":{"type":"button","header":{"type":"text","text":"H"},"body":{"text":"B"},"footer":{"text":"F"},"action":{"buttons":[` + replyOne + `]}}`, nil},
		"buttons under a picture":       {`"type":"interactive","interactive":{"type":"button","header":{"type":"image",` + image + `},"body":{"text":"B"},"action":{"buttons":[` + replyOne + `]}}`, nil},
		"a list":                        {`"type":"interactive","interactive":{"type":"list","body":{"text":"B"},"action":{"button":"Open","sections":[{"title":"S","rows":[{"id":"1","title":"One","description":"D"},{"id":"2","title":"Two","description":""}]}]}}`, nil},
		"a list with one section":       {`"type":"interactive","interactive":{"type":"list","body":{"text":"B"},"action":{"button":"Open","sections":[{"rows":[{"id":"1","title":"One"}]}]}}`, nil},
		"a link":                        {`"type":"interactive","interactive":{"type":"cta_url","header":{"type":"image",` + image + `},"body":{"text":"B"},"action":{"name":"cta_url","parameters":{"display_text":"Open","url":"https://example.com"}}}`, nil},
		"a flow":                        {`"type":"interactive","interactive":{"type":"flow","body":{"text":"B"},"action":{"name":"flow","parameters":{"flow_message_version":"3","flow_id":"1","flow_cta":"Go","flow_token":"t","flow_action":"navigate","flow_action_payload":{"screen":"S","data":{"a":1}},"mode":"draft"}}}`, nil},
		"a flow without a token":        {`"type":"interactive","interactive":{"type":"flow","body":{"text":"B"},"action":{"name":"flow","parameters":{"flow_message_version":"3","flow_name":"f","flow_cta":"Go","flow_token":null}}}`, []string{warnMemberNull}},
		"a flow in another mode":        {`"type":"interactive","interactive":{"type":"flow","body":{"text":"B"},"action":{"name":"flow","parameters":{"flow_message_version":"3","flow_id":"1","flow_cta":"Go","mode":"navigate"}}}`, []string{warnMemberIgnored}},
		"a request for the location":    {`"type":"interactive","interactive":{"type":"location_request_message","body":{"text":"Where?"},"action":{"name":"send_location"}}`, nil},
		"a product":                     {`"type":"interactive","interactive":{"type":"product","action":{"catalog_id":"1","product_retailer_id":"2"}}`, nil},
		"products":                      {`"type":"interactive","interactive":{"type":"product_list","header":{"type":"text","text":"H"},"body":{"text":"B"},"action":{"catalog_id":"1","sections":[{"title":"S","product_items":[{"product_retailer_id":"2"}]}]}}`, nil},
		"a catalogue":                   {`"type":"interactive","interactive":{"type":"catalog_message","body":{"text":"B"},"action":{"name":"catalog_message","parameters":{"thumbnail_product_retailer_id":"2"}}}`, nil},
		"an address":                    {`"type":"interactive","interactive":{"type":"address_message","body":{"text":"B"},"action":{"name":"address_message","parameters":{"country":"IN","values":{"name":"A"}}}}`, nil},
		"cards with links":              {`"type":"interactive","interactive":{"type":"carousel","body":{"text":"B"},"action":{"cards":[` + card + `,` + card + `]}}`, nil},
		"cards with replies":            {`"type":"interactive","interactive":{"type":"carousel","body":{"text":"B"},"action":{"cards":[` + reply + `,` + reply + `]}}`, nil},
		"a request to call":             {`"type":"interactive","interactive":{"type":"call_permission_request","action":{"name":"call_permission_request"}}`, nil},
		"a request for the contact":     {`"type":"interactive","interactive":{"type":"request_contact_info","body":{"text":"B"},"action":{"name":"request_contact_info"}}`, nil},
		"a call":                        {`"type":"interactive","interactive":{"type":"voice_call","body":{"text":"B"},"action":{"name":"voice_call","parameters":{"display_text":"Call","ttl_minutes":100}}}`, nil},
		"an order":                      {`"type":"interactive","interactive":{"type":"order_details","body":{"text":"B"},"action":{"name":"review_and_pay","parameters":{"reference_id":"r","type":"digital-goods","payment_settings":[],"currency":"INR","total_amount":{"value":100,"offset":100},"order":{"status":"pending","items":[],"subtotal":{"value":100,"offset":100}}}}}`, nil},
		"the state of an order":         {`"type":"interactive","interactive":{"type":"order_status","body":{"text":"B"},"action":{"name":"review_order","parameters":{"reference_id":"r","order":{"status":"shipped"}}}}`, nil},
		"a template":                    {`"type":"template","template":{"name":"hello_world","language":{"code":"en_US","policy":"deterministic"}}`, nil},
		"a template with no components": {`"type":"template","template":{"name":"hello_world","language":{"code":"en_US"},"components":[]}`, nil},
	}
	lax, exact := startSim(t), startSim(t, strict)
	for _, s := range []*sim{lax, exact} {
		flow := flowRow{Flow: Flow{ID: "1", AccountID: account1, Name: "f", Status: FlowPublished, Screens: []string{"S"}}}
		if err := s.flows.rows.put("1", flow); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*sim{lax, exact} {
		s.mustSucceed(s.call("POST", phone1+"/settings", `{"calling":{"status":"ENABLED"}}`))
	}
	ids := map[*sim]string{lax: lax.mustUpload("a.png", "image/png", png), exact: exact.mustUpload("a.png", "image/png", png)}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			person := `,"to":"+1650555` + digitsOf(name) + `"` // so that no pair limit is reached
			body := func(s *sim) string {
				return `{"messaging_product":"whatsapp",` + strings.ReplaceAll(test.content, "IMAGE", ids[s]) + person + `}`
			}
			lax.message(body(lax)).sentID(t)
			if codes := strings.Split(warningCodes(lax.lastRequest().Warnings), ","); !slices.Equal(codes, strings.Split(strings.Join(test.warnings, ","), ",")) {
				t.Errorf("warnings %q, want %q", codes, test.warnings)
			}
			a := exact.message(body(exact))
			if len(test.warnings) == 0 {
				a.sentID(t)
			} else if e := a.refusal(t).Error; a.status != http.StatusBadRequest || e.Data == nil || !strings.Contains(e.Data.Details, test.warnings[0]) {
				t.Errorf("strict: %d %s, want a refusal for %s", a.status, a.body, test.warnings[0])
			}
		})
	}
}

// digitsOf returns four digits that differ for most texts.
func digitsOf(text string) string {
	sum := 0
	for _, r := range text {
		sum = (sum*31 + int(r)) % 9000
	}
	return string([]byte{'1' + byte(sum/1000), '0' + byte(sum/100%10), '0' + byte(sum/10%10), '0' + byte(sum%10)})
}

// Graph takes parameters from JSON, a form and the query alike.
func TestAMessageMayBeJSONOrAForm(t *testing.T) {
	s := startSim(t)
	form := `messaging_product=whatsapp&to=%2B16505551234&type=text&text=%7B%22body%22%3A%22Hello%22%7D`
	tests := map[string]struct {
		query, contentType, body string
		warning                  string
	}{
		"a form":              {"", "application/x-www-form-urlencoded", form, ""},
		"the query":           {"?" + form, jsonBody, "{}", warnParameterPlace},
		"JSON with a charset": {"", "application/json; charset=utf-8", messageHead + hello + "}", ""},
		"JSON as text":        {"", jsonBody, messageHead + `"text":"{\"body\":\"Hello\"}"}`, ""},
	}
	for name, test := range tests {
		a := s.mustSend("POST", "/v25.0/"+phone1+"/messages"+test.query, strings.NewReader(test.body), "Authorization", "Bearer "+token1, "Content-Type", test.contentType)
		m, _ := s.Message(a.sentID(t))
		if string(m.Content) != `{"body":"Hello"}` || !strings.Contains(warningCodes(s.lastRequest().Warnings), test.warning) {
			t.Errorf("%s: content %s, warnings %v", name, m.Content, s.lastRequest().Warnings)
		}
	}
}
