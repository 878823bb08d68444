package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"ferry/metasim"
)

// mustCall makes a call that must succeed, and reads its output.
func (n *nodeSession) mustCall(operation string, input members, into any) {
	n.t.Helper()
	result := n.call(operation, input)
	if result.Error != nil {
		n.t.Fatalf("%s: %s: %s", operation, result.Error.Name, result.Error.Message)
	}
	if err := json.Unmarshal(result.Output, into); err != nil {
		n.t.Fatalf("%s: %v: %s", operation, err, result.Output)
	}
}

// A template with a picture: created with the SDK for JavaScript, and sent with boto3
// before and after Meta has approved it.
func TestTemplateIsSentOnceItIsApproved(t *testing.T) {
	nodeBinary(t)
	pythonBinary(t)
	dev := startDev(t, raceBuild)
	dev.sim.must(dev.sim.control.SetTemplateReview(t.Context(), -1))
	node := startNode(t, dev.values["AWS_ENDPOINT_URL_SOCIALMESSAGING"], dev.key())
	file := sampleFile(t, "sample.jpg")
	dev.putObject(t, "header.jpg", file.Data, file.ContentType)

	waba := dev.values["FERRY_WABA_ID"]
	var media struct{ MetaHeaderHandle string }
	node.mustCall("CreateWhatsAppMessageTemplateMedia", members{"id": waba, "sourceS3File": members{"bucketName": dev.values["FERRY_BUCKET"], "key": "header.jpg"}}, &media)
	var created struct{ MetaTemplateID, TemplateStatus, Category string }
	node.mustCall("CreateWhatsAppMessageTemplate", members{"id": waba, "templateDefinition": blob(`{"name": "your_picture", "language": "en_US", "category": "UTILITY", "components": [
		{"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["` + media.MetaHeaderHandle + `"]}},
		{"type": "BODY", "text": "Hello {{1}}, here is your picture.", "example": {"body_text": [["Ana"]]}}]}`)}, &created)
	if created.TemplateStatus != "PENDING" || created.Category != "UTILITY" {
		t.Errorf("the new template is %+v", created)
	}
	picture := dev.postByBoto3("FERRY_PHONE_NUMBER_ID")
	message := `{"messaging_product": "whatsapp", "to": "+` + person + `", "type": "template", "template": {"name": "your_picture", "language": {"code": "en_US"}, "components": [
		{"type": "header", "parameters": [{"type": "image", "image": {"id": "` + picture + `"}}]}, {"type": "body", "parameters": [{"type": "text", "text": "Zoe"}]}]}}`

	id := dev.sendByBoto3(message)
	early := dev.awaitEvents("status.failed", 1)[0]
	status := early.entry.Changes[0].Value.Statuses[0]
	if early.MessageID != id || len(status.Errors) != 1 || status.Errors[0].Code != 132001 {
		t.Errorf("before it is approved: %+v, want error 132001 of message %s", early, id)
	}

	_, err := dev.sim.control.ChangeTemplate(t.Context(), created.MetaTemplateID, metasim.TemplateChange{Status: "APPROVED"})
	dev.sim.must(err)
	var got struct{ Template string }
	node.mustCall("GetWhatsAppMessageTemplate", members{"id": waba, "metaTemplateId": created.MetaTemplateID}, &got)
	if !strings.Contains(strings.ReplaceAll(got.Template, `": `, `":`), `"status":"APPROVED"`) {
		t.Errorf("the approved template is %s", got.Template)
	}
	id = dev.sendByBoto3(message)
	delivered := dev.awaitEvents("status.delivered", 1)[0]
	sent, err := dev.sim.control.Message(t.Context(), delivered.entry.Changes[0].Value.Statuses[0].ID)
	dev.sim.must(err)
	if delivered.MessageID != id || sent.Type != "template" || !strings.Contains(string(sent.Content), picture) {
		t.Errorf("the event is %+v, the message %+v", delivered, sent)
	}
}

// A flow: from a draft that Meta finds problems in to the answer of a person.
func TestFlowIsMendedPublishedSentAndAnswered(t *testing.T) {
	nodeBinary(t)
	dev := startDev(t, raceBuild)
	dev.hello()
	node := startNode(t, dev.values["AWS_ENDPOINT_URL_SOCIALMESSAGING"], dev.key())
	waba := dev.values["FERRY_WABA_ID"]
	var created struct {
		FlowID           string
		ValidationErrors []string
	}
	node.mustCall("CreateWhatsAppFlow", members{"id": waba, "flowName": "Survey", "categories": []string{"SURVEY"},
		"flowJson": blob(strings.Replace(goodFlow, `"TextInput"`, `"TextInputs"`, 1))}, &created)
	if len(created.ValidationErrors) == 0 || !strings.Contains(created.ValidationErrors[0], "line_start") {
		t.Errorf("the errors of a flow with an unknown component are %q", created.ValidationErrors)
	}
	flow := members{"id": waba, "flowId": created.FlowID}
	if result := node.call("PublishWhatsAppFlow", flow); result.Error == nil || !strings.Contains(result.Error.Message, "139") {
		t.Errorf("a flow with errors was published: %+v", result)
	}
	var changed struct{ ValidationErrors []string }
	node.mustCall("UpdateWhatsAppFlowAssets", members{"id": waba, "flowId": created.FlowID, "flowJson": blob(goodFlow)}, &changed)
	if len(changed.ValidationErrors) > 0 {
		t.Errorf("the errors of the corrected flow are %q", changed.ValidationErrors)
	}
	var previewed struct {
		Preview struct{ PreviewURL, ExpiresAt string }
	}
	node.mustCall("GetWhatsAppFlowPreview", flow, &previewed)
	if !strings.HasPrefix(previewed.Preview.PreviewURL, "https://") || previewed.Preview.ExpiresAt == "" {
		t.Errorf("the preview is %+v", previewed)
	}
	node.mustCall("PublishWhatsAppFlow", flow, &members{})

	var sent struct{ MessageID string }
	node.mustCall("SendWhatsAppMessage", members{"originationPhoneNumberId": dev.values["FERRY_PHONE_NUMBER_ID"], "metaApiVersion": "v23.0",
		"message": blob(`{"messaging_product": "whatsapp", "to": "+` + person + `", "type": "interactive", "interactive": {"type": "flow", "body": {"text": "One question"},
		"action": {"name": "flow", "parameters": {"flow_message_version": "3", "flow_id": "` + created.FlowID + `", "flow_token": "token-7", "flow_cta": "Answer",
		"flow_action": "navigate", "flow_action_payload": {"screen": "ASK"}}}}}`)}, &sent)
	if delivered := dev.awaitEvents("status.delivered", 1)[0]; delivered.MessageID != sent.MessageID {
		t.Errorf("the event is %+v, want one of message %s", delivered, sent.MessageID)
	}
	_, err := dev.sim.control.AnswerFlow(t.Context(), dev.values["WA_PHONE_NUMBER_ID"], person, metasim.FlowAnswer{Response: map[string]any{"first": "Ann"}})
	dev.sim.must(err)
	message := dev.awaitEvents("message.interactive", 1)[0].entry.Changes[0].Value.Messages[0]
	var answer map[string]string
	decode(t, message.Interactive.NFMReply.ResponseJSON, &answer)
	if message.From != person || answer["first"] != "Ann" || answer["flow_token"] != "token-7" {
		t.Errorf("the answer is %+v", message)
	}

	node.mustCall("DeprecateWhatsAppFlow", flow, &members{})
	var got struct{ FlowStatus string }
	node.mustCall("GetWhatsAppFlow", flow, &got)
	if got.FlowStatus != "DEPRECATED" {
		t.Errorf("the flow is %s", got.FlowStatus)
	}
}
