package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"ferry/internal/local"
	"ferry/socialmessaging"
)

// callRow is one call of the walk through all operations. In the input, $NAME stands for
// a value: one of the world, or what an earlier row has found.
type callRow struct {
	operation, input string
	want             string // a pattern of what is printed; its group, if it has one, is the value $operation of later rows
}

const callFlow = `{"version": "7.3", "screens": [{"id": "FIRST", "title": "Survey", "terminal": true, "layout": {"type": "SingleColumnLayout", "children": [
	{"type": "TextHeading", "text": "How was it?"}, {"type": "Footer", "label": "Done", "on-click-action": {"name": "complete", "payload": {}}}]}}]}`

var callRows = []callRow{
	{"ListLinkedWhatsAppBusinessAccounts", `{"maxResults": 1}`, `"arn":"([^"]+)"`},
	{"GetLinkedWhatsAppBusinessAccount", `{"id": "$WABA"}`, `"wabaName":"Lucky Shrub"`},
	{"GetLinkedWhatsAppBusinessAccountPhoneNumber", `{"id": "$PHONE"}`, `"phoneNumber":"\+15550783881"`},
	{"UpdateLinkedWhatsAppBusinessAccountPhoneNumber", `{"id": "$PHONE", "callSettings": {"callEnabled": true}}`, `"phoneNumberId":`},
	{"PutWhatsAppBusinessAccountEventDestinations", `{"id": "$WABA", "eventDestinations": []}`, `^{}$`},
	{"TagResource", `{"resourceArn": "$ListLinkedWhatsAppBusinessAccounts", "tags": [{"key": "team", "value": "shop"}]}`, `"statusCode":200`},
	{"ListTagsForResource", `{"resourceArn": "$ListLinkedWhatsAppBusinessAccounts"}`, `"key":"team"`},
	{"UntagResource", `{"resourceArn": "$ListLinkedWhatsAppBusinessAccounts", "tagKeys": ["team"]}`, `"statusCode":200`},

	{"PostWhatsAppMessageMedia", `{"originationPhoneNumberId": "$PHONE", "sourceS3File": {"bucketName": "$BUCKET", "key": "0000.txt"}}`, `"mediaId":"([0-9]+)"`},
	{"GetWhatsAppMessageMedia", `{"originationPhoneNumberId": "$PHONE", "mediaId": "$PostWhatsAppMessageMedia", "metadataOnly": true}`, `"mimeType":"text/plain"`},
	{"DeleteWhatsAppMessageMedia", `{"originationPhoneNumberId": "$PHONE", "mediaId": "$PostWhatsAppMessageMedia"}`, `"success":true`},
	{"SendWhatsAppMessage", `{"originationPhoneNumberId": "$PHONE", "metaApiVersion": "v23.0", "message": {"messaging_product": "whatsapp", "to": "+16505551234", "type": "text", "text": {"body": "Hello"}}}`, `"messageId":"[0-9a-f-]+"`},

	{"CreateWhatsAppMessageTemplateMedia", `{"id": "$WABA", "sourceS3File": {"bucketName": "$BUCKET", "key": "0000.txt"}}`, `InvalidParametersException: .*text/plain`},
	{"CreateWhatsAppMessageTemplate", `{"id": "$WABA", "templateDefinition": {"name": "walk", "language": "en_US", "category": "UTILITY", "components": [{"type": "BODY", "text": "Your order is on its way."}]}}`, `"metaTemplateId":"([0-9]+)"`},
	{"UpdateWhatsAppMessageTemplate", `{"id": "$WABA", "metaTemplateId": "$CreateWhatsAppMessageTemplate", "templateComponents": [{"type": "BODY", "text": "Your order has arrived."}]}`, `^{}$`},
	{"GetWhatsAppMessageTemplate", `{"id": "$WABA", "metaTemplateId": "$CreateWhatsAppMessageTemplate"}`, `walk`},
	{"ListWhatsAppMessageTemplates", `{"id": "$WABA", "maxResults": 1}`, `"nextToken":"([^"]+)"`},
	{"ListWhatsAppMessageTemplates", `{"id": "$WABA", "nextToken": "$ListWhatsAppMessageTemplates"}`, `"templateName"`},
	{"DeleteWhatsAppMessageTemplate", `{"id": "$WABA", "templateName": "walk", "deleteAllTemplates": true}`, `^{}$`},
	{"ListWhatsAppTemplateLibrary", `{"id": "$WABA", "filters": {"searchKey": "delivery"}}`, `"templateName":"([^"]+)"`},
	{"CreateWhatsAppMessageTemplateFromLibrary", `{"id": "$WABA", "metaLibraryTemplate": {"templateName": "walk_library", "libraryTemplateName": "$ListWhatsAppTemplateLibrary", "templateLanguage": "en_US", "templateCategory": "UTILITY"}}`, `"metaTemplateId":"([0-9]+)"`},

	{"CreateWhatsAppFlow", `{"id": "$WABA", "flowName": "Walk", "categories": ["OTHER"], "flowJson": "{}"}`, `"flowId":"([0-9]+)","validationErrors":\["`},
	{"UpdateWhatsAppFlow", `{"id": "$WABA", "flowId": "$CreateWhatsAppFlow", "flowName": "Walk on"}`, `^{}$`},
	{"UpdateWhatsAppFlowAssets", `{"id": "$WABA", "flowId": "$CreateWhatsAppFlow", "flowJson": "@flow.json"}`, `"validationErrors":\[\]`},
	{"ListWhatsAppFlowAssets", `{"id": "$WABA", "flowId": "$CreateWhatsAppFlow"}`, `"name":"flow.json"`},
	{"GetWhatsAppFlowPreview", `{"id": "$WABA", "flowId": "$CreateWhatsAppFlow"}`, `"previewUrl":"http`},
	{"PublishWhatsAppFlow", `{"id": "$WABA", "flowId": "$CreateWhatsAppFlow"}`, `^{}$`},
	{"GetWhatsAppFlow", `{"id": "$WABA", "flowId": "$CreateWhatsAppFlow"}`, `"flowStatus":"PUBLISHED"`},
	{"DeprecateWhatsAppFlow", `{"id": "$WABA", "flowId": "$CreateWhatsAppFlow"}`, `^{}$`},
	{"ListWhatsAppFlows", `{"id": "$WABA"}`, `"flowStatus":"DEPRECATED"`},
	{"DeleteWhatsAppFlow", `{"id": "$WABA", "flowId": "$CreateWhatsAppFlow"}`, `InvalidParametersException: .*139004`},

	{"GetWhatsAppBusinessPublicKey", `{"originationPhoneNumberId": "$PHONE"}`, `^{}$`},
	{"PutWhatsAppBusinessPublicKey", `{"originationPhoneNumberId": "$PHONE", "businessPublicKey": "none"}`, `InvalidParametersException: `},
	{"CreateWhatsAppDataset", `{"id": "$WABA"}`, `"datasetId":"([0-9]+)"`},
	{"SendWhatsAppConversionEvent", `{"id": "$WABA", "datasetId": "$CreateWhatsAppDataset", "eventData": [{}]}`, `InvalidParametersException: `},
	{"GetWhatsAppCallPermission", `{"originationPhoneNumberId": "$PHONE", "destinationPhoneNumber": "+16505551234"}`, `"permission":`},
	{"SendWhatsAppCallEvent", `{"originationPhoneNumberId": "$PHONE", "metaApiVersion": "v23.0", "callEvent": {"messaging_product": "whatsapp", "call_id": "wacid.none", "action": "terminate"}}`, `Exception: `},
	{"AssociateWhatsAppBusinessAccount", `{"signupCallback": {"accessToken": "none"}}`, `Exception: `},
	{"DisassociateWhatsAppBusinessAccount", `{"id": "$WABA"}`, `^{}$`},
}

func TestEveryOperationIsCalledFromTheCommandLine(t *testing.T) {
	world := startWorld(t)
	putFiles(t, world, "", 1)
	world.Simulator.SetTemplateReview(time.Nanosecond) // over when a template is read or edited
	t.Chdir(t.TempDir())
	if err := os.WriteFile("flow.json", []byte(callFlow), 0o600); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"WABA": world.BusinessAccountID, "PHONE": world.PhoneNumberID, "BUCKET": local.Bucket}
	called := map[string]bool{}
	for _, row := range callRows {
		called[row.operation] = true
		input := os.Expand(row.input, func(name string) string { return values[name] })
		var out, problems bytes.Buffer
		status := run(t.Context(), t.Context(), []string{"call", row.operation, "--input", input}, &out, &problems)
		printed := strings.TrimSpace(out.String() + problems.String())
		found := regexp.MustCompile(row.want).FindStringSubmatch(printed)
		if found == nil || (status == 0) == strings.Contains(printed, "Exception: ") {
			t.Errorf("%s %s: status %d, want %s:\n%s", row.operation, input, status, row.want, printed)
		}
		if len(found) > 1 {
			values[row.operation] = found[1]
		}
	}
	for _, operation := range socialmessaging.Operations {
		if !called[operation.Name] {
			t.Errorf("%s is not called", operation.Name)
		}
	}
}

func TestBlobsOfACallMayBeWrittenAsJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("m.json", []byte("{ }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for written, want := range map[string]string{
		`{"message": {"a" : 1.0}}`:  `{"message":"eyJhIiA6IDEuMH0="}`,
		`{"message": " {\"a\":1}"}`: `{"message":"IHsiYSI6MX0="}`,
		`{"message": "[]"}`:         `{"message":"W10="}`,
		`{"message": "@m.json"}`:    `{"message":"eyB9Cg=="}`,
		`{"message": "e30="}`:       `{"message":"e30="}`,
		`{"message": 1}`:            `{"message":1}`, // which the client refuses
		`{"message": {`:             `{"message": {`,
		`{"metaApiVersion": "{}"}`:  `{"metaApiVersion":"{}"}`,
	} {
		encoded, err := encodeBlobs(socialmessaging.SendWhatsAppMessage.Operation, []byte(written))
		if err != nil || string(encoded) != want {
			t.Errorf("%s is encoded as %s, %v; want %s", written, encoded, err, want)
		}
	}
	if _, err := encodeBlobs(socialmessaging.SendWhatsAppMessage.Operation, []byte(`{"message": "@missing.json"}`)); err == nil || !strings.Contains(err.Error(), "message: open missing.json") {
		t.Errorf("a missing file: %v", err)
	}
}
