package envelope_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/envelope"
)

var received = time.Date(2025, 11, 11, 3, 24, 28, 476795900, time.FixedZone("CET", 3600))

// TestMarshalWritesAWSsEnvelope compares with the form of an event that AWS's
// service sent: its members, their order, and what is escaped in the text.
func TestMarshalWritesAWSsEnvelope(t *testing.T) {
	const entry = `{"id":"1155","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"1065"},"contacts":[{"profile":{"name":"Zo\u00eb \ud83d\ude00 \ud83d"},"wa_id":"16505551234"}],"messages":[{"from":"16505551234","id":"wamid.HBgL=","timestamp":"1762827867","text":{"body":"a\/b <&>"},"type":"text"}]},"field":"messages"}]}`
	e := envelope.Envelope{
		BusinessAccount: envelope.BusinessAccount("eu-west-1", "111122223333", "fb2594b8a7974770b128a409e2e0a001", "1155"),
		PhoneNumber:     envelope.PhoneNumber("eu-west-1", "111122223333", "976c72a700aac43eaf573ae050e0a002", "1065"),
		Entry:           []byte(entry), AccountID: "111122223333", Time: received,
	}
	const head = `{"context":{"MetaWabaIds":[{"wabaId":"1155","arn":"arn:aws:social-messaging:eu-west-1:111122223333:waba/fb2594b8a7974770b128a409e2e0a001"}],` +
		`"MetaPhoneNumberIds":[{"metaPhoneNumberId":"1065","arn":"arn:aws:social-messaging:eu-west-1:111122223333:phone-number-id/976c72a700aac43eaf573ae050e0a002"}]},` +
		`"whatsAppWebhookEntry":"{\"id\":\"1155\",\"changes\":[{\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":\"15550783881\",\"phone_number_id\":\"1065\"},` +
		`\"contacts\":[{\"profile\":{\"name\":\"Zo\\u00eb \\ud83d\\ude00 \\ud83d\"},\"wa_id\":\"16505551234\"}],` +
		`\"messages\":[{\"from\":\"16505551234\",\"id\":\"wamid.HBgL=\",\"timestamp\":\"1762827867\",\"text\":{\"body\":\"a\\/b <&>\"},\"type\":\"text\"}]},\"field\":\"messages\"}]}",` +
		`"aws_account_id":"111122223333","message_timestamp":"2025-11-11T02:24:28.476795900Z"`
	compare(t, head+"}", string(e.Marshal()))
	e.MessageID = "6d69f07a-c317-4278-9d5c-6a84078419ec"
	compare(t, head+`,"messageId":"6d69f07a-c317-4278-9d5c-6a84078419ec"}`, string(e.Marshal()))
}

func compare(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEnvelopeOfAnEntryWithoutPhoneNumberHasNone(t *testing.T) {
	e := envelope.Envelope{BusinessAccount: envelope.Reference{MetaID: "1", ARN: "arn"}, Entry: []byte(`{}`), AccountID: "111122223333", Time: time.Unix(0, 0)}
	compare(t, `{"context":{"MetaWabaIds":[{"wabaId":"1","arn":"arn"}],"MetaPhoneNumberIds":[]},"whatsAppWebhookEntry":"{}","aws_account_id":"111122223333","message_timestamp":"1970-01-01T00:00:00.000000000Z"}`, string(e.Marshal()))
}

func TestEnvelopeNamesStoredMedia(t *testing.T) {
	e := envelope.Envelope{Entry: []byte(`{}`), Time: time.Unix(0, 1), Media: []envelope.Media{
		{ID: "5303", URI: "s3://archive/in/5303.jpeg", MIMEType: "image/jpeg", Size: 78144},
		{ID: "5304", Error: `WhatsApp has no such "file"`},
	}}
	compare(t, `{"context":{"MetaWabaIds":[],"MetaPhoneNumberIds":[]},"whatsAppWebhookEntry":"{}","aws_account_id":"","message_timestamp":"1970-01-01T00:00:00.000000001Z",`+
		`"ferryMedia":[{"mediaId":"5303","uri":"s3://archive/in/5303.jpeg","mimeType":"image/jpeg","fileSize":78144},{"mediaId":"5304","error":"WhatsApp has no such \"file\""}]}`, string(e.Marshal()))
}

func TestStatusEntryHasMetasForm(t *testing.T) {
	for name, test := range map[string]struct {
		status envelope.Status
		want   string
	}{
		"accepted": {
			envelope.Status{ID: "wamid.HBgL=", Status: envelope.Accepted, Time: time.Unix(1762827867, 9), RecipientID: "16505551234", CallbackData: "order 7"},
			`{"id":"wamid.HBgL=","status":"accepted","timestamp":"1762827867","recipient_id":"16505551234","biz_opaque_callback_data":"order 7"}`,
		},
		"accepted, of a read receipt": {
			envelope.Status{ID: "wamid.HBgL=", Status: envelope.Accepted, Time: time.Unix(1762827867, 9)},
			`{"id":"wamid.HBgL=","status":"accepted","timestamp":"1762827867"}`,
		},
		"failed, sent to a user id": {
			envelope.Status{ID: "6d69f07a", Status: envelope.Failed, Time: time.Unix(1, 0), RecipientUserID: "US.1349", Errors: []envelope.Error{
				{Code: 131026, Title: "Message undeliverable", Details: "Zoë \U0001F600 \"x\"\n", Href: "https://developers.facebook.com/x"},
				{Code: 1, Title: "API Unknown", Message: "Unknown error"},
			}},
			`{"id":"6d69f07a","status":"failed","timestamp":"1","recipient_user_id":"US.1349","errors":[` +
				`{"code":131026,"title":"Message undeliverable","message":"Message undeliverable","error_data":{"details":"Zo\u00eb \ud83d\ude00 \"x\"\n"},"href":"https://developers.facebook.com/x"},` +
				`{"code":1,"title":"API Unknown","message":"Unknown error"}]}`,
		},
		"accepted, of a group": {
			envelope.Status{ID: "w", Status: envelope.Accepted, Time: time.Unix(1, 0), RecipientID: "Y2Fw", RecipientType: "group"},
			`{"id":"w","status":"accepted","timestamp":"1","recipient_id":"Y2Fw","recipient_type":"group"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			compare(t, `{"id":"1155","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"1065"},"statuses":[`+
				test.want+`]},"field":"messages"}]}`, string(envelope.StatusEntry("1155", "1065", "+1 555-078-3881", test.status)))
		})
	}
}

// FuzzMarshal: every JSON parser reads back the entry, byte for byte as far as it is
// valid UTF-8.
func FuzzMarshal(f *testing.F) {
	for _, text := range []string{``, `{"a":"\ud83d"}`, "\x00\x1f\x7f\"\\/\u2028\u00e4\U0001F600", "\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80", "a\xe2\x82"} {
		f.Add([]byte(text), "m", text)
	}
	f.Fuzz(func(t *testing.T, entry []byte, messageID, reason string) {
		e := envelope.Envelope{Entry: entry, MessageID: messageID, Time: time.Unix(1, 1), Media: []envelope.Media{{ID: messageID, Error: reason}}}
		marshalled := e.Marshal()
		bare := envelope.Envelope{Entry: entry, Time: e.Time}
		if completed := envelope.Complete(bare.Marshal(), messageID, e.Media); string(completed) != string(marshalled) {
			t.Errorf("completed, the envelope is %q; expected %q", completed, marshalled)
		}
		var read struct {
			WhatsAppWebhookEntry string
			MessageID            string
			FerryMedia           []struct{ MediaID, Error string }
		}
		if err := json.Unmarshal(marshalled, &read); err != nil {
			t.Fatalf("%q: %v", marshalled, err)
		}
		if !utf8.Valid(marshalled) || read.WhatsAppWebhookEntry != oneByOne(string(entry)) || read.MessageID != oneByOne(messageID) {
			t.Errorf("the entry %q was read as %q, the id %q as %q", entry, read.WhatsAppWebhookEntry, messageID, read.MessageID)
		}
		if len(read.FerryMedia) != 1 || read.FerryMedia[0].Error != oneByOne(reason) {
			t.Errorf("the reason %q was read as %q", reason, read.FerryMedia)
		}
		var status struct {
			Changes []struct {
				Value struct{ Statuses []struct{ ID string } }
			}
		}
		inMetasForm := envelope.StatusEntry("1", "2", reason, envelope.Status{ID: reason})
		if err := json.Unmarshal(inMetasForm, &status); err != nil || status.Changes[0].Value.Statuses[0].ID != oneByOne(reason) {
			t.Errorf("%q: %v", inMetasForm, err)
		}
		if strings.ContainsFunc(string(inMetasForm), func(r rune) bool { return r >= utf8.RuneSelf }) {
			t.Errorf("%q is not ASCII", inMetasForm)
		}
	})
}

// oneByOne replaces each invalid byte of a text.
func oneByOne(text string) string { return string([]rune(text)) }
