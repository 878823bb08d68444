package metasim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var rewriteGolden = flag.Bool("update", false, "write the golden files anew")

const kerry = "16505551234"

func ptr[T any](v T) *T { return &v }

// inbounds are one message of every type, by name.
var inbounds = map[string]Inbound{
	"text":     {Text: &InboundText{Body: "Grüezi 👋"}},
	"image":    {Image: &InboundMedia{Caption: "My cat", MIMEType: "image/png", Content: []byte(png)}},
	"video":    {Video: &InboundMedia{MIMEType: "video/mp4", Content: []byte(mp4)}},
	"voice":    {Type: "audio"},
	"audio":    {Audio: &InboundMedia{MIMEType: "audio/mpeg", Content: []byte("ID3")}},
	"document": {Document: &InboundMedia{FileName: "receipt.pdf", Caption: "Paid", MIMEType: "application/pdf", Content: []byte(pdf)}},
	"sticker":  {Sticker: &InboundMedia{Animated: ptr(true)}},
	"location": {Location: &InboundLocation{Latitude: 37.44221496582, Longitude: -122.16165924072, Name: "Philz Coffee"}},
	"contacts": {Type: "contacts"},
	"button reply": {
		Context:     &InboundContext{ID: "wamid.QQ=="},
		Interactive: &InboundInteractive{ButtonReply: &InboundReply{ID: "yes", Title: "Yes"}},
	},
	"list reply": {
		Context:     &InboundContext{ID: "wamid.QQ=="},
		Interactive: &InboundInteractive{ListReply: &InboundReply{ID: "1", Title: "One", Description: "The first"}},
	},
	"flow reply": {
		Context:     &InboundContext{ID: "wamid.QQ=="},
		Interactive: &InboundInteractive{NFMReply: &NFMReply{ResponseJSON: `{"flow_token":"t","name":"Kerry"}`}},
	},
	"template button":  {Context: &InboundContext{ID: "wamid.QQ=="}, Button: &InboundButton{Payload: "STOP", Text: "Stop"}},
	"reaction":         {Reaction: &InboundReaction{MessageID: "wamid.QQ==", Emoji: "👍"}},
	"reaction removed": {Reaction: &InboundReaction{MessageID: "wamid.QQ=="}},
	"order":            {Type: "order"},
	"system":           {System: &InboundSystem{Type: "user_changed_number", Body: "User Kerry changed from A to B", WAID: "16505559999"}},
	"unsupported":      {Unsupported: &InboundUnsupported{Type: "poll"}},
	"too large":        {Video: &InboundMedia{TooLarge: true}},
	"from an ad": {Text: &InboundText{Body: "Is it there?"}, Referral: &InboundReferral{
		SourceURL: "https://fb.me/1", SourceID: "2", SourceType: "ad", Headline: "Shoes", MediaType: "image",
		ImageURL: "https://scontent.example/x.jpg", CTWAClickID: "click", WelcomeMessage: &WelcomeMessage{Text: "Hi"}}},
	"about a product": {Text: &InboundText{Body: "Is it there?"}, Context: &InboundContext{
		ReferredProduct: &ReferredProduct{CatalogID: "1", ProductRetailerID: "2"}}},
	"forwarded":       {Text: &InboundText{Body: "Look"}, Context: &InboundContext{Forwarded: true}},
	"forwarded often": {Text: &InboundText{Body: "Look"}, Context: &InboundContext{FrequentlyForwarded: true}},
	"in a group":      {Text: &InboundText{Body: "Hello, all"}, GroupID: "Y2FwaV9ncm91cDoxOTUwNTU1MDA3OToxMjAzNjM0MDMxMTc5NjE5MzUZD"},
	"edit":            {Edit: &InboundEdit{OriginalMessageID: "wamid.QQ==", Message: json.RawMessage(`{"type":"text","text":{"body":"Hello!"}}`)}},
	"revoke":          {Revoke: &InboundRevoke{OriginalMessageID: "wamid.QQ=="}},
}

// varying are the parts of a webhook that no test can predict.
var varying = regexp.MustCompile(`wamid\.[\w+\\/=]{20,}|"id":"\d{15,17}"(,"url")?|mid=\d+|hash=[\w-]+`)

func TestInboundMessageOfEachTypeHasTheBytesOfItsWebhook(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r), func(c *Config) { c.PublicURL = "https://lookaside.fbsbx.com" })
	s.startDelivery()
	types := map[string]bool{}
	golden := map[string]string{}
	for _, name := range sortedNames(inbounds) {
		in := inbounds[name]
		in.From = "+1 650-555-1234"
		received, err := s.Receive(phone1, in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := r.wait(1)
		body := got[len(got)-1].body
		if !strings.Contains(strings.ReplaceAll(body, `\/`, "/"), `"id":"`+received.ID+`"`) {
			t.Errorf("%s: the webhook has another id than %s: %s", name, received.ID, body)
		}
		golden[name] = varying.ReplaceAllStringFunc(body, func(found string) string {
			switch {
			case strings.HasPrefix(found, "wamid"):
				return "WAMID"
			case strings.HasPrefix(found, `"id":"`+account1[:15]), strings.HasPrefix(found, `"id":"`+account1):
				return found
			}
			return regexp.MustCompile(`\d{15,17}|[\w-]{20,}`).ReplaceAllString(found, "VARIES")
		})
		types[in.Type+strings.Join(ptr(inboundContent(in)).kinds(), "")] = true
	}
	for _, kind := range inboundTypes {
		if !types[kind] {
			t.Errorf("no message of this test is a %s", kind)
		}
	}
	compareGolden(t, "testdata/inbound.txt", golden)
}

// compareGolden compares texts with those of a file, which has a line with the name
// and one with the text of each.
func compareGolden(t *testing.T, path string, got map[string]string) {
	t.Helper()
	var content strings.Builder
	for _, name := range sortedNames(got) {
		content.WriteString(name + "\n" + got[name] + "\n")
	}
	if *rewriteGolden {
		if err := os.WriteFile(path, []byte(content.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	wanted := strings.Split(string(want), "\n")
	for i, line := range strings.Split(content.String(), "\n") {
		if i >= len(wanted) || line != wanted[i] {
			t.Fatalf("%s, line %d:\n%s, want\n%s", path, i+1, line, strings.Join(wanted[min(i, len(wanted)):min(i+1, len(wanted))], ""))
		}
	}
}

func TestFileOfAnInboundMessageIsDownloadedLikeAnUpload(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.startDelivery()
	received, err := s.Receive(phone1, Inbound{From: kerry, Image: &InboundMedia{MIMEType: "image/png", Content: []byte(png)}})
	if err != nil {
		t.Fatal(err)
	}
	hook := r.wait(1)[0].body
	digest := sha256.Sum256([]byte(png))
	if want := strings.ReplaceAll(base64.StdEncoding.EncodeToString(digest[:]), "/", `\/`); !strings.Contains(hook, `"sha256":"`+want+`"`) || !strings.Contains(hook, `"id":"`+received.MediaID+`"`) {
		t.Errorf("%s has not the digest %s", hook, want)
	}
	if strings.Contains(hook, `"url"`) {
		t.Errorf("%s has a URL, although the simulator does not know its address", hook)
	}
	a := s.get("/v25.0/" + received.MediaID)
	described := a.fields(t)
	if described["sha256"] != hex.EncodeToString(digest[:]) || described["mime_type"] != "image/png" || described["file_size"] != float64(len(png)) {
		t.Fatalf("%s", a.body)
	}
	file := s.get(described["url"].(string), "User-Agent", "test")
	if file.status != http.StatusOK || file.body != png {
		t.Errorf("%d, %d bytes", file.status, len(file.body))
	}
	if _, err := s.AdvanceClock(7*24*time.Hour - time.Second); err != nil {
		t.Fatal(err)
	}
	if a := s.get("/v25.0/" + received.MediaID); a.status != http.StatusOK {
		t.Errorf("a second before the seventh day ends: %d %s", a.status, a.body)
	}
	if _, err := s.AdvanceClock(time.Second); err != nil {
		t.Fatal(err)
	}
	if a := s.get("/v25.0/" + received.MediaID); a.status != http.StatusBadRequest {
		t.Errorf("after seven days: %d %s", a.status, a.body)
	}
}

func TestURLInAWebhookDownloadsTheFile(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r))
	s.cfg.MediaURL = s.url // which is known only now
	s.startDelivery()
	if _, err := s.Receive(phone1, Inbound{From: kerry, Type: "document"}); err != nil {
		t.Fatal(err)
	}
	var hook struct {
		Entry []struct {
			Changes []struct {
				Value struct {
					Messages []struct {
						Document struct{ URL, Filename string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(r.wait(1)[0].body), &hook); err != nil {
		t.Fatal(err)
	}
	document := hook.Entry[0].Changes[0].Value.Messages[0].Document
	if file := s.get(document.URL, "User-Agent", "test"); file.status != http.StatusOK || !strings.HasPrefix(file.body, "%PDF-") || document.Filename != "document.pdf" {
		t.Errorf("%s: %d %.20q", document.URL, file.status, file.body)
	}
}

func TestSamplesAreWhatTheySay(t *testing.T) {
	for kind, sample := range sampleOf {
		full, err := InboundMedia{}.withContent(kind)
		base, _, _ := strings.Cut(sample.mimeType, ";")
		if actual, ok := matchesType(base, full.Content[:min(len(full.Content), sniffLength)]); err != nil || !ok {
			t.Errorf("%s: %v, it is of type %s", kind, err, actual)
		}
	}
	if full, err := (InboundMedia{Animated: ptr(true)}).withContent("sticker"); err != nil || !isAnimatedWebP(full.Content) {
		t.Errorf("the animated sticker: %v", err)
	}
}

func TestInvalidInboundMessagesAreRefused(t *testing.T) {
	s := startSim(t)
	for mention, in := range map[string]Inbound{
		"wa_id":                       {From: "Kerry", Type: "text"},
		"wa_id \"\"":                  {Type: "text"},
		"type is missing":             {From: kerry},
		"is none of audio, button":    {From: kerry, Type: "gif"},
		"members image, text":         {From: kerry, Text: &InboundText{Body: "x"}, Image: &InboundMedia{}},
		"has the member text":         {From: kerry, Type: "image", Text: &InboundText{Body: "x"}},
		"text.body is missing":        {From: kerry, Text: &InboundText{}},
		"more than 4096 characters":   {From: kerry, Text: &InboundText{Body: strings.Repeat("ä", 4097)}},
		"mime_type is missing":        {From: kerry, Image: &InboundMedia{Content: []byte(png)}},
		"is not a MIME type":          {From: kerry, Image: &InboundMedia{MIMEType: "?"}},
		"which the simulator makes":   {From: kerry, Image: &InboundMedia{ID: "1"}},
		"has no filename":             {From: kerry, Image: &InboundMedia{FileName: "a.jpg"}},
		"has no caption":              {From: kerry, Audio: &InboundMedia{Caption: "x"}},
		"voice is a member of audio":  {From: kerry, Image: &InboundMedia{Voice: ptr(true)}},
		"not on Earth":                {From: kerry, Location: &InboundLocation{Latitude: 91}},
		"formatted_name is missing":   {From: kerry, Contacts: []InboundContact{{}}},
		"0 of button_reply":           {From: kerry, Interactive: &InboundInteractive{}},
		"none of button_reply":        {From: kerry, Type: "interactive"},
		"button_reply.title is":       {From: kerry, Interactive: &InboundInteractive{ButtonReply: &InboundReply{ID: "x"}}},
		"but it has list_reply":       {From: kerry, Interactive: &InboundInteractive{Type: "button_reply", ListReply: &InboundReply{ID: "x", Title: "y"}}},
		"response_json is not JSON":   {From: kerry, Interactive: &InboundInteractive{NFMReply: &NFMReply{ResponseJSON: "{"}}},
		"button.text is missing":      {From: kerry, Type: "button"},
		"reaction.message_id is":      {From: kerry, Type: "reaction"},
		"0 product_items":             {From: kerry, Order: &InboundOrder{CatalogID: "1"}},
		"system.type is missing":      {From: kerry, Type: "system"},
		"edit.original_message_id is": {From: kerry, Type: "edit"},
		"not an object with a type":   {From: kerry, Edit: &InboundEdit{OriginalMessageID: "x", Message: json.RawMessage(`{}`)}},
		"revoke.original_message_id":  {From: kerry, Type: "revoke"},
	} {
		if _, err := s.Receive(phone1, in); err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("%v, want %q", err, mention)
		}
	}
	if _, err := s.Receive("123", Inbound{From: kerry, Type: "text"}); err == nil || !strings.Contains(err.Error(), "no such phone number") {
		t.Errorf("an unknown phone number: %v", err)
	}
	if files, _ := s.media.list(s.Now(), 10); len(files) != 0 || len(s.People("")) != 0 {
		t.Errorf("refused messages left %d files and %d people", len(files), len(s.People("")))
	}
}

func TestMessageThatCannotBeStoredIsNotSent(t *testing.T) {
	s := startSim(t, func(c *Config) { c.Storage = NewMemoryStorage(10) })
	if _, err := s.Receive(phone1, Inbound{From: kerry, Type: "image"}); err == nil || !strings.Contains(err.Error(), "storage is full") {
		t.Errorf("%v", err)
	}
	if h := s.Webhooks(); len(h.Webhooks) != 0 || len(s.People("")) != 0 {
		t.Errorf("%+v", h)
	}
}
