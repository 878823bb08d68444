package testcode

import "strings"

// helperOrder is the order of the helpers in a test.
var helperOrder = []string{"post", "send", "graph", "get", "delete", "write", "fault", "decode", "client", "check"}

// A goHelper is a function of a test, and what it needs.
type goHelper struct{ imports, code string }

var goHelpers = map[string]goHelper{
	"post": {"ferry/socialmessaging", `
// post uploads an object to WhatsApp, and returns the id of the file there.
func post(t *testing.T, w *ferrytest.World, number string, object ferrytest.Object, exception string) string {
	t.Helper()
	posted, err := client(w).PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &number, SourceS3File: object.S3File(),
	})
	if check(t, err, exception); err != nil {
		return ""
	}
	return *posted.MediaId
}
`},
	"send": {"ferry/socialmessaging", `
// send sends a message, and returns WhatsApp's id of it.
func send(t *testing.T, w *ferrytest.World, number, message string) string {
	t.Helper()
	mark := w.Mark()
	_, err := client(w).SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &number, MetaApiVersion: &w.GraphVersion, Message: []byte(message),
	})
	check(t, err, "")
	return w.Await(ferrytest.Requested("send_message", ferrytest.Succeeded(), ferrytest.Since(mark))).WAMID
}
`},
	"graph": {"encoding/json io net/http strings", `
// sendAtMeta sends a message with Meta's own API, and returns the id of it.
func sendAtMeta(t *testing.T, w *ferrytest.World, path, message string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.SimulatorURL+path+"/messages", strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+w.MetaToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := w.HTTPClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	var sent struct{ Messages []struct{ ID string } }
	if err != nil || json.Unmarshal(body, &sent) != nil || len(sent.Messages) != 1 {
		t.Fatalf("%s %s %v", response.Status, body, err)
	}
	return sent.Messages[0].ID
}
`},
	"get": {"ferry/socialmessaging", `
// download stores a file of WhatsApp's in the bucket.
func download(t *testing.T, w *ferrytest.World, number, mediaID, exception string) {
	t.Helper()
	prefix := "downloads/"
	_, err := client(w).GetWhatsAppMessageMedia(t.Context(), &socialmessaging.GetWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &number, MediaId: &mediaID, DestinationS3File: &socialmessaging.S3File{BucketName: &w.Bucket, Key: &prefix},
	})
	check(t, err, exception)
}
`},
	"delete": {"ferry/socialmessaging", `
// deleteMedia deletes a file at WhatsApp.
func deleteMedia(t *testing.T, w *ferrytest.World, number, mediaID, exception string) {
	t.Helper()
	_, err := client(w).DeleteWhatsAppMessageMedia(t.Context(), &socialmessaging.DeleteWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &number, MediaId: &mediaID,
	})
	check(t, err, exception)
}
`},
	"write": {"encoding/json ferry/metasim", `
// write sends a message of a person, with the members of Meta's webhooks.
func write(t *testing.T, p *ferrytest.Person, message string) ferrytest.Sent {
	t.Helper()
	var in metasim.Inbound
	if err := json.Unmarshal([]byte(message), &in); err != nil {
		t.Fatal(err)
	}
	return p.Writes(in)
}
`},
	"fault": {"encoding/json", `
// addFault makes requests to WhatsApp fail.
func addFault(t *testing.T, w *ferrytest.World, fault string) {
	t.Helper()
	var f ferrytest.Fault
	if err := json.Unmarshal([]byte(fault), &f); err != nil {
		t.Fatal(err)
	}
	w.Fault(f)
}
`},
	"decode": {"encoding/base64", `
func decode(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
`},
	"client": {"ferry/socialmessaging github.com/aws/aws-sdk-go-v2/aws", `
// client returns a client of ferry's API that sends each request once: retries of the program
// are calls of their own here.
func client(w *ferrytest.World) *socialmessaging.Client {
	return socialmessaging.NewFromConfig(w.AWSConfig(), func(o *socialmessaging.Options) { o.Retryer = aws.NopRetryer{} })
}
`},
	"check": {"errors github.com/aws/smithy-go", `
// check fails the test unless a call has ended with an exception, or without one if that is
// empty.
func check(t *testing.T, err error, exception string) {
	t.Helper()
	var failed smithy.APIError
	switch {
	case exception == "" && err != nil:
		t.Fatal(err)
	case exception != "" && (!errors.As(err, &failed) || failed.ErrorCode() != exception):
		t.Fatalf("the call has ended with %v, want %s", err, exception)
	}
}
`},
}

// helperCode returns the helpers that a test needs, and adds their imports.
func (g *goWriter) helperCode() string {
	for _, name := range []string{"post", "send", "get", "delete"} {
		if g.helpers[name] {
			g.helpers["check"], g.helpers["client"] = true, true
		}
	}
	var code strings.Builder
	for _, name := range helperOrder {
		if g.helpers[name] {
			code.WriteString(goHelpers[name].code)
			for path := range strings.FieldsSeq(goHelpers[name].imports) {
				g.imports[path] = true
			}
		}
	}
	return code.String()
}
