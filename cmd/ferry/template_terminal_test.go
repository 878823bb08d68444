//go:build linux

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Whoever is at a terminal reads tables and texts; only programs read JSON.
func TestTemplatesAndFlowsAreReadableOnATerminal(t *testing.T) {
	world := startWorld(t)
	world.Simulator.SetTemplateReview(time.Nanosecond)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"good.json": callFlow, "bad.json": strings.Replace(callFlow, "TextHeading", "TextHeding", 1),
		"template.json": `{"name": "sale", "language": "en_US", "category": "MARKETING", "components": [
			{"type": "HEADER", "format": "TEXT", "text": "Sale"}, {"type": "BODY", "text": "Hello,\nall is cheaper."},
			{"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Look", "url": "https://example.com/"}, {"type": "QUICK_REPLY", "text": "Stop"}]}]}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		command string
		status  int
		want    string // with URL, ID and TIME for those of the world
	}{
		{"template create template.json", 0, "The template sale (en_US) is created.\n  id          ID\n  status      PENDING\n  category    MARKETING\n'ferry template watch ID' waits for the end of its review.\n"},
		{"template watch sale", 0, "TIME  sale (en_US)  APPROVED\n"},
		{"template show sale", 0, "sale (en_US)\n  id          ID\n  status      APPROVED\n  category    MARKETING\n  parameters  positional\n\n  Sale\n\n  Hello,\n  all is cheaper.\n\n  [Look]  https://example.com/\n  [Stop]\n"},
		{"template list", 0, "NAME         LANGUAGE  CATEGORY   STATUS    QUALITY  ID\nhello_world  en_US     UTILITY    APPROVED           ID\nsale         en_US     MARKETING  APPROVED           ID\n"},
		{"template edit sale template.json", 0, "The template sale (en_US) is edited.\n'ferry template watch ID' waits for the end of its review.\n"},
		{"template library --topic ORDER_MANAGEMENT --language en_US", 0, "NAME                   LANGUAGE  BUTTONS  TOPIC             USE CASE\n" +
			"order_confirmed_1      en_US     URL      ORDER_MANAGEMENT  ORDER_CONFIRMATION\nshipment_on_the_way_1  en_US     URL      ORDER_MANAGEMENT  SHIPMENT_CONFIRMATION\ndelivery_completed_1   en_US              ORDER_MANAGEMENT  DELIVERY_CONFIRMATION\n"},
		{"template library order_confirmed_1 --language en_US", 0, "order_confirmed_1 (en_US)\n  category    UTILITY\n\n  Order confirmed\n\n  Hello {{1}}, we have your order {{2}} of {{3}} and prepare it now.\n\n  [View order]  https://www.example.com/\n"},
		{"template create --library order_confirmed_1 --button-url https://example.com/orders", 0, "The template order_confirmed_1 (en_US) is created.\n  id          ID\n  status      APPROVED\n  category    UTILITY\n"},
		{"template delete order_confirmed_1 --yes", 0, "The template order_confirmed_1 (en_US) is deleted.\n"},
		{"template delete sale --yes", 0, "The template sale (en_US) is deleted.\n"},
		{"flow create Survey --json bad.json", 1, "The flow Survey is created as a draft. Its id is ID.\nThe JSON of the flow has errors. Until they are corrected the flow cannot be published:\n\n" +
			"LINE  COLUMN  ERROR                   AT                                  MESSAGE\n2     11      INVALID_PROPERTY_VALUE  screens[0].layout.children[0].type  Invalid value found for property 'type'.\n\n'ferry flow update ID --json FILE' replaces the JSON.\n"},
		{"flow list", 0, "NAME    STATUS  CATEGORIES  ERRORS  ID\nSurvey  DRAFT   OTHER       1       ID\n"},
		{"flow update Survey --json good.json", 0, "The flow Survey is changed.\n"},
		{"flow preview Survey", 0, "URL\nAnybody who has this URL can open it until TIME.\n"},
		{"flow assets Survey", 0, "flow.json  FLOW_JSON\n  URL\n"},
	} {
		screen, printed := newTerminal(t)
		status := run(t.Context(), t.Context(), strings.Fields(row.command), screen, screen)
		text := strings.ReplaceAll(printed(), "\r\n", "\n")
		for _, varying := range [][2]string{{`https?://(127|business)\S*`, "URL"}, {`\b[0-9]{14,}\b`, "ID"}, {`(20\d\d-\d\d-\d\d )?\d\d:\d\d(:\d\d)?\b`, "TIME"}} {
			text = regexp.MustCompile(varying[0]).ReplaceAllString(text, varying[1])
		}
		if text != row.want || status != row.status {
			t.Errorf("%s: status %d\n%s\nwant status %d\n%s", row.command, status, text, row.status, row.want)
		}
	}
}
