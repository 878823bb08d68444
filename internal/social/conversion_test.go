package social_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"ferry/socialmessaging"
)

const dataset = "1234567890123456"

func (w *world) sendEvents(blob string, options ...func(*socialmessaging.Options)) (*socialmessaging.SendWhatsAppConversionEventOutput, error) {
	return w.client(w.key).SendWhatsAppConversionEvent(w.t.Context(),
		&socialmessaging.SendWhatsAppConversionEventInput{Id: &w.waba, DatasetId: new(dataset), EventData: []byte(blob)}, options...)
}

func TestDatasetIsCreatedOnceForAnAccount(t *testing.T) {
	w, meta := scripted(t, map[string][]string{
		"POST /100/dataset":            {`{"id":"` + dataset + `"}`, "cut"},
		"POST /" + dataset + "/events": {`{"events_received":1,"messages":[],"fbtrace_id":"AbC1"}`, `{"events_received":1}`},
	})
	create := &socialmessaging.CreateWhatsAppDatasetInput{Id: &w.waba}
	out, err := w.client(w.key).CreateWhatsAppDataset(t.Context(), create)
	w.must(err)
	if *out.DatasetId != dataset {
		t.Errorf("%+v", out)
	}
	checkException(t, errOf(w.client(w.key).CreateWhatsAppDataset(t.Context(), create)), "DependencyException", "Retrying is safe")
	meta.taken()
	sent, err := w.sendEvents(`{"data":[{"event_name":"Purchase"}]}`) // the dataset is known to be the account's
	w.must(err)
	if *sent.RequestId != "AbC1" {
		t.Errorf("%+v", sent)
	}
	sent, err = w.sendEvents(`{"data":[{"event_name":"Purchase"}]}`)
	w.must(err)
	if line := lastLine(t, w.log); *sent.RequestId == "" || *sent.RequestId != line["request_id"] {
		t.Errorf("%+v, logged %v", sent, line)
	}
}

func TestEventsAreSentInMetasForm(t *testing.T) {
	w, meta := scripted(t, map[string][]string{"GET /100/dataset": {`{"id":"` + dataset + `"}`}, "POST /" + dataset + "/events": {`{"events_received":2}`}})
	for blob, body := range map[string]string{
		"{ \"data\":[{\"event_name\":\"A\"}], \"partner_agent\":\"x\"}\n": "{ \"data\":[{\"event_name\":\"A\"}], \"partner_agent\":\"x\"}\n",
		`{"event_name":"A","x":1}`:                                        `{"data":[{"event_name":"A","x":1}]}`,
		` [{"event_name":"A"},{"event_name":"\u00fc"}]`:                   `{"data": [{"event_name":"A"},{"event_name":"\u00fc"}]}`,
	} {
		_, err := w.sendEvents(blob)
		w.must(err)
		requests := meta.taken()
		if got := requests[len(requests)-1]; got != "POST /"+dataset+"/events "+body {
			t.Errorf("Meta received %s", got)
		}
	}
}

func TestEventsThatAreNoneAreNotSent(t *testing.T) {
	w, meta := scripted(t, nil)
	for blob, text := range map[string]string{
		`{`: "is not JSON", `{}`: "has no events", `{"data":[]}`: "has no events", `[]`: "has no events", `{"data":{}}`: "has no events", `"x"`: "eventData is a JSON string; expected an object in Meta's form", `[1,]`: "is not JSON",
		`[{}` + strings.Repeat(",{}", 1000) + `]`: "1001 events", `eyJkYXRhIjpbXX0=`: "base64 within base64",
	} {
		checkException(t, errOf(w.sendEvents(blob)), "InvalidParametersException", "eventData", text)
	}
	checkException(t, errOf(w.sendEvents(strings.Repeat(" ", 1024001))), "ValidationException", "eventData")
	meta.checkRequests(t)
}

// The token of an account may see datasets of other accounts.
func TestForeignDatasetDoesNotExist(t *testing.T) {
	for _, response := range []string{`{"id":"1234567890123457"}`, `{"data":[]}`, `{}`} {
		w, meta := scripted(t, map[string][]string{"GET /100/dataset": {response}})
		checkException(t, errOf(w.sendEvents(`[{}]`)), "ResourceNotFoundException", "no dataset '"+dataset, "CreateWhatsAppDataset returns")
		meta.checkRequests(t, "GET /100/dataset")
	}
}

func TestEventsThatMetaDoesNotTakeAreRefused(t *testing.T) {
	w, _ := scripted(t, map[string][]string{"GET /100/dataset": {`{"data":[{"id":"` + dataset + `"}]}`}, "POST /" + dataset + "/events": {
		`{"events_received":0,"messages":["no such event"],"fbtrace_id":"A"}`, `{"events_received":1}`,
		`400 {"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2804087,"error_user_title":"Messaging Event Invalid Ctwa Clid","error_user_msg":"The ctwa_clid is not valid."}}`,
	}})
	checkException(t, errOf(w.sendEvents(`[{},{}]`)), "InvalidParametersException", "none of the 2 events", "no such event")
	checkException(t, errOf(w.sendEvents(`[{},{}]`)), "InvalidParametersException", "only 1 of the 2 events")
	checkException(t, errOf(w.sendEvents(`[{},{}]`)), "InvalidParametersException", "2804087", "Messaging Event Invalid Ctwa Clid: The ctwa_clid is not valid.")
}

// Meta counts repeated events again, and SDKs retry a DependencyException by themselves.
func TestRetriesOfAnSDKDoNotRepeatEvents(t *testing.T) {
	w, meta := scripted(t, map[string][]string{"POST /100/dataset": {`{"id":"` + dataset + `"}`}, "POST /" + dataset + "/events": {"cut", `{"events_received":1}`}})
	_, err := w.client(w.key).CreateWhatsAppDataset(t.Context(), &socialmessaging.CreateWhatsAppDatasetInput{Id: &w.waba})
	w.must(err)
	meta.taken()
	_, err = w.sendEvents(`[{}]`, func(o *socialmessaging.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 1 })
	})
	checkException(t, err, "DependencyException", "counts repeated events again")
	attempts := strings.Count(w.log.String(), `"operation":"SendWhatsAppConversionEvent"`)
	if got := meta.taken(); len(got) != 1 || attempts != 3 {
		t.Errorf("%d attempts, and Meta received %q", attempts, got)
	}
	_, err = w.sendEvents(`[{}]`) // another call
	w.must(err)
}
