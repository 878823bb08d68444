package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/rogpeppe/go-internal/testscript"

	"ferry/metasim"
)

// setReview says how long reviews of templates take: review DURATION, or never.
func setReview(ts *testscript.TestScript, _ bool, args []string) {
	after := time.Duration(-1)
	if args[0] != "never" {
		var err error
		after, err = time.ParseDuration(args[0])
		ts.Check(err)
	}
	ts.Check(simulatorControl(ts).SetTemplateReview(context.Background(), after))
}

// judgeTemplate ends the review of the template of a name that is being reviewed:
// judge NAME STATUS [REASON].
func judgeTemplate(ts *testscript.TestScript, _ bool, args []string) {
	control := simulatorControl(ts)
	list, err := control.Templates(context.Background(), "")
	ts.Check(err)
	change := metasim.TemplateChange{Status: args[1]}
	if len(args) > 2 {
		change.Reason = args[2]
	}
	for _, template := range list.Templates {
		if template.Name == args[0] && template.Status == "PENDING" {
			_, err := control.ChangeTemplate(context.Background(), template.ID, change)
			ts.Check(err)
			return
		}
	}
	ts.Fatalf("no template %s is being reviewed", args[0])
}

func TestTheAccountOfTemplatesIsTheOnlyOneThatIsLinked(t *testing.T) {
	linked := ""
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"linkedAccounts":[`+linked+`]}`)
	}))
	defer api.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAFERRYDEV7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	flags := wabaFlags{clientFlags: clientFlags{Endpoint: api.URL, Region: "us-east-1"}}
	one, two := `{"id":"waba-1","wabaName":"Lucky Shrub"}`, `{"id":"waba-2","wabaName":"Unlucky Shrub"}`
	for _, row := range []struct{ linked, given, id, problem string }{
		{one, "", "waba-1", ""},
		{one, "waba-9", "waba-9", ""},
		{"", "", "", "no WhatsApp Business Account is linked"},
		{one + "," + two, "", "", "say which with --waba-id or FERRY_WABA_ID:\n  waba-1  Lucky Shrub\n  waba-2  Unlucky Shrub"},
	} {
		linked, flags.WABAID = row.linked, row.given
		client, err := flags.open(t.Context())
		if err == nil && aws.ToString(client.id) != row.id || (err == nil) != (row.problem == "") || err != nil && !strings.Contains(err.Error(), row.problem) {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

func TestTheHeaderOfATemplateReceivesTheHandleOfItsMedia(t *testing.T) {
	for _, row := range []struct{ definition, format, want, problem string }{
		{`{"a":1e2,"components":[{"type":"header","format":"image"},{"type":"BODY","text":"<&>"}]}`, "",
			`{"a":1e2,"components":[{"example":{"header_handle":["4:h"]},"format":"image","type":"header"},{"type":"BODY","text":"<&>"}]}`, ""},
		{`{"components":[{"type":"BODY"},{"type":"HEADER","format":"VIDEO","example":{"header_handle":["old"]}}]}`, "IMAGE",
			`{"components":[{"type":"BODY"},{"example":{"header_handle":["4:h"]},"format":"VIDEO","type":"HEADER"}]}`, ""},
		{`{}`, "DOCUMENT", `{"components":[{"example":{"header_handle":["4:h"]},"format":"DOCUMENT","type":"HEADER"}]}`, ""},
		{`{}`, "", "", "the template has no HEADER"},
		{`{"components":[{"type":"HEADER","format":"TEXT"}]}`, "IMAGE", "", `has the format "TEXT"`},
		{`{"components":{}}`, "IMAGE", "", "components: "},
		{`[]`, "IMAGE", "", "unmarshal"},
	} {
		got, err := withHeader([]byte(row.definition), "4:h", row.format)
		if string(got) != row.want || (err == nil) != (row.problem == "") || err != nil && !strings.Contains(err.Error(), row.problem) {
			t.Errorf("%s: %s, %v", row.definition, got, err)
		}
	}
}
