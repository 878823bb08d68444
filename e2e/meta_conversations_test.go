package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ferry/metasim"
)

// conversationOutcome is what a program of node-meta/messages prints.
type conversationOutcome struct {
	Received map[string]*struct { // by the name of the person's message; null if the client did not report it
		Kind    string
		Content json.RawMessage
	}
	Sent     map[string]string   // message ids, by the name of what the client sent
	Statuses map[string][]string // that the client reported, by the same names
	Forged   *struct {
		Status int
		Read   bool
	} // what became of a webhook with a wrong signature
	Answers []int // status codes with which the client answered webhooks about statuses
}

// conversation is what a client is expected to do.
type conversation struct {
	sent     map[string]string // type of each message that it sends, by the name in its program
	unread   []string          // names of the person's messages that the client does not report
	kinds    map[string]string // what the client calls types that it has other names for
	statuses bool              // the client reports statuses
	answers  []int             // default 200
	forged   int               // status code for a wrong signature; 0 means that the client does not verify it
	empty    []string          // names of the person's messages of which the client drops the content
	warnings []string
}

// Clients of Meta's API that nobody here wrote, as their authors publish them, send a
// message of each type that they have, and read a message of each type that people
// send, with its signature where the client verifies it. Their host names are Meta's.
func TestMetaSideClientsSendAndReceiveMessages(t *testing.T) {
	node := metaClientsBinary(t)
	files := t.TempDir()
	for _, name := range []string{"sample.jpg", "sample.mp4", "voice.ogg", "sample.pdf", "sticker-static.webp"} {
		if err := os.WriteFile(filepath.Join(files, name), sampleFile(t, name).Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	account := metasim.BusinessAccount{
		ID: "402290129340398", AppID: "834974688087057", AppSecret: "the-secret-of-the-clients", Token: "EAAcanaryTokenOfTheClients",
		PhoneNumbers: []metasim.PhoneNumber{{ID: "406540352242922"}},
		Templates: []metasim.Template{{Name: "order_update", Language: "en_US", Components: []metasim.TemplateComponent{
			{Type: "HEADER", Format: "IMAGE"}, {Type: "BODY", Text: "Hello {{1}}, your order costs {{2}}."},
			{Type: "BUTTONS", Buttons: []metasim.TemplateButton{{Type: "QUICK_REPLY", Text: "Stop"}}},
		}}},
	}
	for client, want := range conversations {
		t.Run(client, func(t *testing.T) {
			sim := startLaxSimulator(t, metasim.Config{BusinessAccounts: []metasim.BusinessAccount{account}})
			env := append(environment(t.TempDir()), "NODE_EXTRA_CA_CERTS="+trusted(t).certFile,
				"META_ADDRESS="+strings.TrimPrefix(sim.url, "https://"), "META_TOKEN="+account.Token, "META_APP="+account.AppID,
				"META_SECRET="+account.AppSecret, "META_WABA="+account.ID, "META_PHONE="+account.PhoneNumbers[0].ID,
				"CONTROL_URL="+sim.controlURL, "FILES="+files)
			var got conversationOutcome
			output := strings.TrimSpace(mustRun(t, env, node, "--import", "./node-meta/redirect.mjs", "node-meta/messages/"+client+".mjs"))
			output = output[strings.LastIndexByte(output, '\n')+1:] // some clients print as well
			if err := json.Unmarshal([]byte(output), &got); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			want.checkSent(t, sim, got)
			want.checkReceived(t, got)
			if warnings := sim.warnings(); !slices.Equal(warnings, want.warnings) {
				t.Errorf("the warnings are %q, want %q", warnings, want.warnings)
				sim.showWarnings()
			}
		})
	}
}

// checkSent checks what the simulator has of the client's messages, and what the
// client reports of their statuses.
func (want conversation) checkSent(t *testing.T, sim *simulator, got conversationOutcome) {
	t.Helper()
	if names, expected := slices.Sorted(maps.Keys(got.Sent)), slices.Sorted(maps.Keys(want.sent)); !slices.Equal(names, expected) {
		t.Errorf("it sent %q, want %q", names, expected)
	}
	for name, id := range got.Sent {
		message, err := sim.control.Message(t.Context(), id)
		sim.must(err)
		if message.Type != want.sent[name] {
			t.Errorf("%s: the message is a %s, want %s", name, message.Type, want.sent[name])
		}
		if message.Status == "failed" {
			t.Errorf("%s: %+v", name, message.Statuses)
		}
		if want.statuses && (len(got.Statuses[name]) == 0 || got.Statuses[name][0] != "sent") {
			t.Errorf("%s: the client reports the statuses %q", name, got.Statuses[name])
		}
	}
	if want.forged != 0 && (got.Forged == nil || got.Forged.Status != want.forged || got.Forged.Read) {
		t.Errorf("a wrong signature: %+v, want status %d", got.Forged, want.forged)
	}
	answers := want.answers
	if answers == nil {
		answers = []int{200}
	}
	if !slices.Equal(got.Answers, answers) {
		t.Errorf("it answered %d to webhooks about statuses, want %d", got.Answers, answers)
	}
}

// checkReceived checks what the client made of each message of the person.
func (want conversation) checkReceived(t *testing.T, got conversationOutcome) {
	t.Helper()
	content := map[string]string{ // that a client's message has
		"text": "Grüezi 👋", "image": "A cat", "video": "video/mp4", "audio": "audio/ogg; codecs=opus", "document": "receipt.pdf",
		"sticker": "image/webp", "location": "37.44221496582", "contacts": "Barbara Johnson", "button_reply": "Yes", "list_reply": "One",
		"nfm_reply": "answer", "button": "STOP", "reaction": "👍", "order": "di9ozbzfi4", "referral": "Is it there?", "unsupported": "",
	}
	for name, mention := range content {
		message := got.Received[name]
		if slices.Contains(want.unread, name) {
			if message != nil {
				t.Errorf("%s: the client reports it", name)
			}
			continue
		}
		kind := name
		switch name {
		case "button_reply", "list_reply", "nfm_reply":
			kind = "interactive"
		case "referral":
			kind = "text"
		}
		if slices.Contains(want.empty, name) {
			mention = ""
		}
		if other, ok := want.kinds[name]; ok {
			kind = other
		}
		if message == nil || message.Kind != kind || !strings.Contains(string(message.Content), mention) {
			t.Errorf("%s: the client reports %+v, want kind %s with %q", name, message, kind, mention)
		}
	}
}

// conversations are the clients, by the name of their program.
var conversations = map[string]conversation{
	"whatsapp-api-js": {
		statuses: true,
		forged:   401,
		warnings: []string{"parameter_place"},
		sent: map[string]string{
			"text": "text", "reply": "text", "image": "image", "video": "video", "audio": "audio", "document": "document", "sticker": "sticker",
			"location": "location", "contacts": "contacts", "reaction": "reaction", "reaction_removed": "reaction", "buttons": "interactive",
			"list": "interactive", "cta_url": "interactive", "catalog": "interactive", "product": "interactive", "product_list": "interactive",
			"flow": "interactive", "location_request": "interactive", "call_permission": "interactive", "template": "template",
			"template_with_parameters": "template",
		},
	},
	"kapso-whatsapp-cloud-api": {
		statuses: true,
		forged:   401,
		warnings: []string{"member_unknown"}, // of requests for a location and for a call
		sent: map[string]string{
			"text": "text", "reply": "text", "image": "image", "video": "video", "audio": "audio", "document": "document", "sticker": "sticker",
			"location": "location", "contacts": "contacts", "reaction": "reaction", "template": "template", "buttons": "interactive",
			"list": "interactive", "product": "interactive", "product_list": "interactive", "catalog": "interactive", "flow": "interactive",
			"address": "interactive", "location_request": "interactive", "call_permission": "interactive", "cta_url": "interactive",
			"carousel": "interactive", "raw": "interactive",
		},
	},
	"whatsapp-cloud-api": {
		sent: map[string]string{
			"text": "text", "image": "image", "video": "video", "audio": "audio", "document": "document", "sticker": "sticker",
			"location": "location", "contacts": "contacts", "buttons": "interactive", "list": "interactive", "template": "template",
		},
		kinds:   map[string]string{"button_reply": "button_reply", "list_reply": "list_reply", "nfm_reply": "nfm_reply"},
		empty:   []string{"nfm_reply"},
		unread:  []string{"button", "reaction", "order", "unsupported"},
		answers: []int{202}, // which Meta takes for a failure, and so sends each status again
	},
	"whatsappcloudapi_wrapper": {
		statuses: true,
		sent: map[string]string{
			"text": "text", "reply": "text", "image": "image", "video": "video", "audio": "audio", "document": "document",
			"location": "location", "contacts": "contacts", "buttons": "interactive", "list": "interactive", "template": "template",
		},
		kinds: map[string]string{
			"text": "text_message", "audio": "audio_message", "sticker": "sticker_message", "image": "media_message", "location": "location_message",
			"contacts": "contact_message", "button": "quick_reply_message", "list_reply": "radio_button_message", "button_reply": "simple_button_message",
			"referral": "ad_message", "video": "", "document": "", "reaction": "", "order": "", "nfm_reply": "",
		},
		unread:   []string{"unsupported"},
		warnings: []string{"member_null"}, // of contacts
	},
	"whatsapp-cloudapi-client": {
		statuses: true,
		sent: map[string]string{
			"text": "text", "image": "image", "buttons": "interactive", "cta_url": "interactive", "list": "interactive", "flow": "interactive",
			"template": "template", "template_reply": "template",
		},
	},
}

// showWarnings prints the warnings of all requests.
func (s *simulator) showWarnings() {
	s.t.Helper()
	history, err := s.control.Requests(s.t.Context())
	s.must(err)
	for _, request := range history.Requests {
		for _, warning := range request.Warnings {
			s.t.Logf("%s %s: %s", request.Method, request.Path, warning.Text)
		}
	}
}
