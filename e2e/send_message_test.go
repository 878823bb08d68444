package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ferry/metasim"
)

// sent waits until the simulator has a number of messages, and returns them.
func (s *simulator) sent(number int) []metasim.Message {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		list, err := s.control.Messages(s.t.Context())
		s.must(err)
		if len(list.Messages) >= number {
			return list.Messages
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the simulator has %d messages, want %d\n%s", len(list.Messages), number, s.history())
		}
	}
}

// sendWithBoto3 is a program for AWS's service. It uploads a picture and sends it, then a text in which
// the message is a string, and a location by the ARN of the number.
const sendWithBoto3 = `python3 -c "
import boto3, json, os
s3, social = boto3.client('s3'), boto3.client('socialmessaging')
phone = os.environ['FERRY_PHONE_NUMBER_ID']
arn = social.get_linked_whatsapp_business_account_phone_number(id=phone)['phoneNumber']['arn']
with open('PICTURE', 'rb') as file:
    s3.put_object(Bucket=os.environ['FERRY_BUCKET'], Key='a.jpg', Body=file, ContentType='image/jpeg')
media = social.post_whatsapp_message_media(originationPhoneNumberId=phone, sourceS3File={'bucketName': os.environ['FERRY_BUCKET'], 'key': 'a.jpg'})['mediaId']
def send(sender, version, message):
    print(social.send_whatsapp_message(originationPhoneNumberId=sender, metaApiVersion=version, message=message)['messageId'])
to = {'messaging_product': 'whatsapp', 'to': '+16505551234'}
send(phone, 'v20.0', json.dumps({**to, 'type': 'image', 'image': {'id': media, 'caption': 'Zo\u00eb'}}).encode())
send(phone, 'v19.0', json.dumps({**to, 'type': 'text', 'text': {'body': 'Gr\u00fc\u00dfe'}}))
send(arn, 'v24.0', json.dumps({**to, 'recipient_type': 'individual', 'type': 'location', 'location': {'latitude': 37.44, 'longitude': -122.16}}))
"`

func TestBoto3SendsWhatItHasPosted(t *testing.T) {
	pythonBinary(t)
	dev := startDev(t, raceBuild)
	picture := sampleFile(t, "sample.jpg")
	path := filepath.Join(t.TempDir(), "picture.jpg")
	if err := os.WriteFile(path, picture.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	ids := strings.Fields(dev.shell(strings.Replace(sendWithBoto3, "PICTURE", path, 1)))
	if len(ids) != 3 || len(ids[0]) != 36 {
		t.Fatalf("the program printed %q, want three message ids", ids)
	}
	sent := dev.sim.sent(3)
	for i, want := range []struct{ kind, version, content string }{
		{"image", "v25.0", `"caption":"Zo\u00eb"`}, {"text", "v25.0", `"body":"Gr\u00fc\u00dfe"`}, {"location", "v24.0", `"latitude":37.44`},
	} {
		got, content := sent[i], strings.ReplaceAll(string(sent[i].Content), `": `, `":`)
		if got.Type != want.kind || got.Version != want.version || !strings.Contains(content, want.content) || got.WAID != "16505551234" {
			t.Errorf("message %d is %s %s to %s: %s; want %+v", i, got.Type, got.Version, got.WAID, content, want)
		}
	}
}

func TestJavaScriptSendsTextAndGetsTheModelsErrors(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	node := startNode(t, w.ferry.url, w.key)
	input := func(message string) members {
		return members{"originationPhoneNumberId": w.phone, "metaApiVersion": "v23.0", "message": message}
	}
	const text = `{"messaging_product":"whatsapp","to":"+16505551234","text":{"body":"from JSON.stringify"}}`
	result := node.call("SendWhatsAppMessage", input(text))
	var output struct{ MessageID string }
	if err := json.Unmarshal(result.Output, &output); err != nil || len(output.MessageID) != 36 {
		t.Fatalf("%s %+v", result.Output, result.Error)
	}
	if sent := w.sim.sent(1); !strings.Contains(string(sent[0].Content), "from JSON.stringify") {
		t.Errorf("%+v", sent[0])
	}
	node.call("SendWhatsAppMessage", input(strings.Replace(text, "+", "", 1))).
		wantException(t, "InvalidParametersException", http.StatusBadRequest, "Invalid destination phone number or message Id")
	node.call("SendWhatsAppMessage", input(text+"x")).wantException(t, "InvalidParametersException", http.StatusBadRequest, "JSON object")
}
