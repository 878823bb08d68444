package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ferry/metasim"
)

// person is a person who writes to the sample's first phone number.
const person = "16505551234"

// events runs `ferry events tail` and returns the envelopes of events by name.
func (w *devWorld) events(name string) []envelope {
	w.t.Helper()
	var list []envelope
	for line := range strings.Lines(mustRun(w.t, w.env(), raceBuild.path(w.t), "events", "tail", "--no-follow", "--last", "100", "--name", name)) {
		var e envelope
		decode(w.t, line, &e)
		decode(w.t, e.Entry, &e.entry)
		list = append(list, e)
	}
	return list
}

// awaitEvents waits until `ferry events tail` has a number of events of a name.
func (w *devWorld) awaitEvents(name string, count int) (list []envelope) {
	w.t.Helper()
	eventually(w.t, "the event "+name, func() bool {
		list = w.events(name)
		return len(list) >= count
	})
	return list
}

// envelope is an event in AWS's envelope, with what programs read of it.
type envelope struct {
	Context struct {
		MetaWabaIDs        []struct{ WabaID, ARN string }            `json:"MetaWabaIds"`
		MetaPhoneNumberIDs []struct{ MetaPhoneNumberID, ARN string } `json:"MetaPhoneNumberIds"`
	} `json:"context"`
	Entry     string `json:"whatsAppWebhookEntry"` // JSON text
	Account   string `json:"aws_account_id"`
	Timestamp string `json:"message_timestamp"`
	MessageID string `json:"messageId"`

	entry struct {
		ID      string
		Changes []struct {
			Field string
			Value struct {
				Statuses []struct {
					ID, Status string
					Errors     []struct {
						Code      int
						ErrorData struct{ Details string } `json:"error_data"`
					}
				}
				Messages []struct {
					ID, From, Type string
					Image          struct {
						ID       string
						MIMEType string `json:"mime_type"`
					}
					Interactive struct {
						NFMReply struct {
							ResponseJSON string `json:"response_json"`
						} `json:"nfm_reply"`
					}
				}
			}
		}
	}
}

// hello makes a person write to the phone number, which opens the 24 hours in which
// the business may answer with any message.
func (w *devWorld) hello() {
	w.t.Helper()
	if _, err := w.sim.control.Receive(w.t.Context(), w.values["WA_PHONE_NUMBER_ID"], metasim.Inbound{From: person, Text: &metasim.InboundText{Body: "Hello"}}); err != nil {
		w.t.Fatal(err)
	}
}

// sendByBoto3 sends a message object and returns the id of the message.
func (w *devWorld) sendByBoto3(message string) string {
	w.t.Helper()
	return strings.TrimSpace(w.shell(`python3 -c "
import boto3, os, sys
print(boto3.client('socialmessaging').send_whatsapp_message(originationPhoneNumberId=os.environ['FERRY_PHONE_NUMBER_ID'],
    message=sys.argv[1].encode(), metaApiVersion='v20.0')['messageId'])" '` + message + `'`))
}

// postByBoto3 puts a sample picture into the bucket and posts it for a phone number.
func (w *devWorld) postByBoto3(phone string) (mediaID string) {
	w.t.Helper()
	file := sampleFile(w.t, "sample.jpg")
	return strings.TrimSpace(w.shell(`python3 -c "
import base64, boto3, os, sys
boto3.client('s3').put_object(Bucket=os.environ['FERRY_BUCKET'], Key='a.jpg', Body=base64.b64decode(sys.argv[1]), ContentType='image/jpeg')
print(boto3.client('socialmessaging').post_whatsapp_message_media(originationPhoneNumberId=os.environ['` + phone + `'],
    sourceS3File={'bucketName': os.environ['FERRY_BUCKET'], 'key': 'a.jpg'})['mediaId'])" ` + base64.StdEncoding.EncodeToString(file.Data)))
}

func TestBoto3PostsAPictureSendsItAndSeesItRead(t *testing.T) {
	pythonBinary(t)
	dev := startDev(t, raceBuild)
	dev.hello()
	media := dev.postByBoto3("FERRY_PHONE_NUMBER_ID")
	id := dev.sendByBoto3(`{"messaging_product": "whatsapp", "to": "+` + person + `", "type": "image", "image": {"id": "` + media + `", "caption": "here it is"}}`)
	dev.awaitEvents("status.delivered", 1)
	accepted := dev.awaitEvents("status.accepted", 1)[0]
	wamid := accepted.entry.Changes[0].Value.Statuses[0].ID
	if err := dev.sim.control.Read(t.Context(), dev.values["WA_PHONE_NUMBER_ID"], person, wamid); err != nil {
		t.Fatal(err)
	}
	dev.awaitEvents("status.read", 1)
	var seen []string
	for _, e := range dev.events("status.*") {
		status := e.entry.Changes[0].Value.Statuses[0]
		seen = append(seen, status.Status)
		if status.ID != wamid || e.MessageID != id || e.Account != "111122223333" || len(e.Context.MetaPhoneNumberIDs) != 1 ||
			!strings.HasSuffix(e.Context.MetaPhoneNumberIDs[0].ARN, ":phone-number-id/"+strings.TrimPrefix(dev.values["FERRY_PHONE_NUMBER_ID"], "phone-number-id-")) {
			t.Errorf("the event is %+v, want one of message %s, %s", e, id, wamid)
		}
	}
	if want := []string{"accepted", "sent", "delivered", "read"}; !slices.Equal(seen, want) {
		t.Errorf("the statuses are %v, want %v", seen, want)
	}
	message, err := dev.sim.control.Message(t.Context(), wamid)
	if err != nil || message.Type != "image" {
		t.Errorf("the simulator has %+v, %v; want the picture", message, err)
	}
	shown := mustRun(t, dev.env(), raceBuild.path(t), "events", "show", id)
	for _, want := range []string{"send image: read", wamid, "here it is"} {
		if !strings.Contains(shown, want) {
			t.Errorf("'ferry events show' does not have %q:\n%s", want, shown)
		}
	}
}

func TestAMediaIDOfAnotherPhoneNumberIsRefused(t *testing.T) {
	pythonBinary(t)
	dev := startDev(t, raceBuild)
	media := dev.postByBoto3("FERRY_PHONE_NUMBER_ID_2")
	printed := strings.TrimSpace(dev.shell(`python3 -c "
import boto3, os, sys
client = boto3.client('socialmessaging')
try:
    client.send_whatsapp_message(originationPhoneNumberId=os.environ['FERRY_PHONE_NUMBER_ID'], message=sys.argv[1].encode(), metaApiVersion='v20.0')
except client.exceptions.InvalidParametersException as e:
    print(e)" '{"messaging_product": "whatsapp", "to": "+` + person + `", "type": "image", "image": {"id": "` + media + `"}}'`))
	if !strings.Contains(printed, "The media id at image.id was uploaded for another phone number") {
		t.Errorf("boto3 printed %q, want an InvalidParametersException that says why", printed)
	}
}

// A picture behind a redirect, which Meta does not follow.
func TestALinkThatRedirectsArrivesOnlyWithLinkToID(t *testing.T) {
	pythonBinary(t)
	file := sampleFile(t, "sample.jpg")
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/real.jpg" {
			http.Redirect(w, r, "/real.jpg", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Length", strconv.Itoa(len(file.Data)))
		_, _ = w.Write(file.Data)
	}))
	t.Cleanup(host.Close)
	message := `{"messaging_product": "whatsapp", "to": "+` + person + `", "type": "image", "image": {"link": "` + host.URL + `/a.jpg"}}`

	t.Run("without it the message fails as at Meta", func(t *testing.T) {
		dev := startDev(t, raceBuild)
		dev.hello()
		dev.sendByBoto3(message)
		failed := dev.awaitEvents("status.failed", 1)[0].entry.Changes[0].Value.Statuses[0]
		if len(failed.Errors) != 1 || failed.Errors[0].Code != 131053 {
			t.Errorf("the status is %+v, want error 131053", failed)
		}
	})
	t.Run("with it the message is delivered", func(t *testing.T) {
		dev := startDev(t, raceBuild, "--link-to-id")
		dev.hello()
		dev.sendByBoto3(message)
		dev.awaitEvents("status.delivered", 1)
		if failed := dev.events("status.failed"); len(failed) > 0 {
			t.Errorf("the message has failed, too: %+v", failed)
		}
	})
}

func TestAPhotoThatAPersonSendsIsAnEventAndAnObject(t *testing.T) {
	dev := startDev(t, raceBuild, "--archive", "s3://ferry-media/inbound/")
	file := sampleFile(t, "sample.jpg")
	body, err := json.Marshal(metasim.Inbound{Image: &metasim.InboundMedia{Caption: "my cat", MIMEType: file.ContentType, Content: file.Data}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(dev.values["FERRY_SIMULATOR_CONTROL_URL"]+"/people/"+person+"/messages?phone_number_id="+dev.values["WA_PHONE_NUMBER_ID"], "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the control API answered %d", response.StatusCode)
	}
	received := dev.awaitEvents("message.image", 1)[0]
	message := received.entry.Changes[0].Value.Messages[0]
	if message.From != person || message.Image.MIMEType != "image/jpeg" || received.MessageID != "" {
		t.Errorf("the event is %+v", received)
	}
	if stored := dev.object(t, "inbound/"+message.Image.ID+".jpeg"); !bytes.Equal(stored, file.Data) {
		t.Errorf("the object has %d bytes that are not the photo's %d", len(stored), len(file.Data))
	}
}
