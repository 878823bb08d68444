package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ferry/metasim"
	"ferry/socialmessaging"
)

// blob is a member that is base64 on the wire. The SDKs take its text.
type blob string

// goodFlow is a flow with one screen.
const goodFlow = `{"version":"7.3","screens":[{"id":"ASK","title":"Ask","terminal":true,"layout":{"type":"SingleColumnLayout","children":[
{"type":"Form","name":"form","children":[
{"type":"TextInput","name":"first","label":"First name","input-type":"text","required":true},
{"type":"Footer","label":"Finish","on-click-action":{"name":"complete","payload":{"first":"${form.first}"}}}]}]}}]}`

// walkStep is a call of the walk. In its input, $name stands for what an earlier step
// has kept.
type walkStep struct {
	operation string
	input     members
	keep      map[string]string // members of the output, by the name under which they are kept
	has       string            // what the output contains
}

// operationWalk is the calls of the walk: all operations, in an order in which each can succeed.
var operationWalk = []walkStep{
	{"ListLinkedWhatsAppBusinessAccounts", members{"maxResults": 100}, nil, `"$waba"`},
	{"GetLinkedWhatsAppBusinessAccount", members{"id": "$waba"}, nil, `"$phone"`},
	{"GetLinkedWhatsAppBusinessAccountPhoneNumber", members{"id": "$phone"}, nil, `"$waba"`},
	{"TagResource", members{"resourceArn": "$arn", "tags": []any{members{"key": "team", "value": "blue"}}}, nil, ""},
	{"ListTagsForResource", members{"resourceArn": "$arn"}, nil, `"blue"`},
	{"UntagResource", members{"resourceArn": "$arn", "tagKeys": []any{"team"}}, nil, ""},
	{"PutWhatsAppBusinessAccountEventDestinations", members{"id": "$waba", "eventDestinations": []any{}}, nil, ""},

	{"PostWhatsAppMessageMedia", members{"originationPhoneNumberId": "$phone", "sourceS3File": members{"bucketName": "$bucket", "key": "a.jpg"}}, map[string]string{"media": "mediaId"}, ""},
	{"GetWhatsAppMessageMedia", members{"originationPhoneNumberId": "$phone", "mediaId": "$media", "metadataOnly": true}, nil, "image/jpeg"},
	{"DeleteWhatsAppMessageMedia", members{"originationPhoneNumberId": "$phone", "mediaId": "$media"}, nil, "true"},
	{"SendWhatsAppMessage", members{"originationPhoneNumberId": "$phone", "metaApiVersion": "v23.0",
		"message": blob(`{"messaging_product":"whatsapp","to":"+` + person + `","type":"text","text":{"body":"Hello"}}`)}, nil, "messageId"},

	{"ListWhatsAppTemplateLibrary", members{"id": "$waba", "filters": members{"searchKey": "payment"}}, nil, "payment_received_1"},
	{"CreateWhatsAppMessageTemplateFromLibrary", members{"id": "$waba", "metaLibraryTemplate": members{"templateName": "paid", "libraryTemplateName": "payment_received_1",
		"templateCategory": "UTILITY", "templateLanguage": "en_US"}}, nil, "UTILITY"},
	{"CreateWhatsAppMessageTemplateMedia", members{"id": "$waba", "sourceS3File": members{"bucketName": "$bucket", "key": "a.jpg"}}, map[string]string{"handle": "metaHeaderHandle"}, ""},
	{"CreateWhatsAppMessageTemplate", members{"id": "$waba", "templateDefinition": blob(`{"name":"picture","language":"en_US","category":"UTILITY","components":[
		{"type":"HEADER","format":"IMAGE","example":{"header_handle":["$handle"]}},{"type":"BODY","text":"Here is your picture."}]}`)},
		map[string]string{"template": "metaTemplateId"}, ""},
	{"GetWhatsAppMessageTemplate", members{"id": "$waba", "metaTemplateId": "$template"}, nil, "Here is your picture."},
	{"ListWhatsAppMessageTemplates", members{"id": "$waba", "maxResults": 50}, nil, `"$template"`},
	{"UpdateWhatsAppMessageTemplate", members{"id": "$waba", "metaTemplateId": "$template", "templateComponents": blob(`[
		{"type":"HEADER","format":"IMAGE","example":{"header_handle":["$handle"]}},{"type":"BODY","text":"Here is your new picture."}]`)}, nil, ""},
	{"DeleteWhatsAppMessageTemplate", members{"id": "$waba", "templateName": "picture", "metaTemplateId": "$template"}, nil, ""},

	{"CreateWhatsAppFlow", members{"id": "$waba", "flowName": "Survey", "categories": []any{"SURVEY"}}, map[string]string{"flow": "flowId"}, ""},
	{"UpdateWhatsAppFlow", members{"id": "$waba", "flowId": "$flow", "flowName": "Questions"}, nil, ""},
	{"UpdateWhatsAppFlowAssets", members{"id": "$waba", "flowId": "$flow", "flowJson": blob(goodFlow)}, nil, `"validationErrors":[]`},
	{"ListWhatsAppFlowAssets", members{"id": "$waba", "flowId": "$flow"}, nil, "flow.json"},
	{"GetWhatsAppFlow", members{"id": "$waba", "flowId": "$flow"}, nil, "DRAFT"},
	{"ListWhatsAppFlows", members{"id": "$waba"}, nil, `"$flow"`},
	{"GetWhatsAppFlowPreview", members{"id": "$waba", "flowId": "$flow", "invalidate": true}, nil, "previewUrl"},
	{"PublishWhatsAppFlow", members{"id": "$waba", "flowId": "$flow"}, nil, ""},
	{"DeprecateWhatsAppFlow", members{"id": "$waba", "flowId": "$flow"}, nil, ""},
	{"CreateWhatsAppFlow", members{"id": "$waba", "flowName": "Draft", "categories": []any{"OTHER"}, "flowJson": blob(goodFlow)}, map[string]string{"draft": "flowId"}, ""},
	{"DeleteWhatsAppFlow", members{"id": "$waba", "flowId": "$draft"}, nil, ""},
	{"PutWhatsAppBusinessPublicKey", members{"originationPhoneNumberId": "$phone", "businessPublicKey": "$key"}, nil, ""},
	{"GetWhatsAppBusinessPublicKey", members{"originationPhoneNumberId": "$phone"}, nil, "VALID"},

	{"CreateWhatsAppDataset", members{"id": "$waba"}, map[string]string{"dataset": "datasetId"}, ""},
	{"SendWhatsAppConversionEvent", members{"id": "$waba", "datasetId": "$dataset", "eventData": blob(`{"event_name":"Purchase","event_time":$now,
		"action_source":"business_messaging","messaging_channel":"whatsapp","user_data":{"whatsapp_business_account_id":"$meta","ctwa_clid":"click-$meta"},
		"custom_data":{"currency":"USD","value":12}}`)}, nil, "requestId"},

	{"UpdateLinkedWhatsAppBusinessAccountPhoneNumber", members{"id": "$phone", "callSettings": members{"callEnabled": true}}, nil, `"$phone"`},
	{"GetWhatsAppCallPermission", members{"originationPhoneNumberId": "$phone", "destinationPhoneNumber": "+" + person}, nil, "permanent"},
	{"SendWhatsAppCallEvent", members{"originationPhoneNumberId": "$phone", "metaApiVersion": "v23.0", "callEvent": blob(`{"messaging_product":"whatsapp",
		"to":"` + person + `","action":"connect","session":{"sdp_type":"offer","sdp":"v=0\r\n"}}`)}, map[string]string{"call": "callId"}, "wacid."},

	{"DisassociateWhatsAppBusinessAccount", members{"id": "$waba"}, nil, ""},
	{"AssociateWhatsAppBusinessAccount", members{"signupCallback": members{"accessToken": "$token"}}, map[string]string{"signup": "signupCallbackResult.associateInProgressToken"}, `"$meta"`},
	{"AssociateWhatsAppBusinessAccount", members{"setupFinalization": members{"associateInProgressToken": "$signup", "waba": members{"id": "$meta", "tags": []any{members{"key": "team"}}},
		"phoneNumbers": []any{members{"id": "$number", "twoFactorPin": "123456"}}}}, nil, "waba-"},
}

// walker is a client that walks through the operations that it has.
type walker struct {
	name       string
	operations int // that it has
	start      func(t *testing.T, w *world) (has func(operation string) bool, call func(operation string, input members) outcome)
}

var walkers = []walker{
	{"the Go client", len(socialmessaging.Operations), walkWithMethods},
	{"ferry call", len(socialmessaging.Operations), walkWithFerry},
	{"the SDK for JavaScript", 31, walkWithNode},
	{"boto3", 21, func(t *testing.T, w *world) (func(string) bool, func(string, members) outcome) {
		return walkWithPython(t, w, "boto3", pythonBinary)
	}},
	{"the AWS CLI", 21, func(t *testing.T, w *world) (func(string) bool, func(string, members) outcome) {
		return walkWithPython(t, w, "cli", cliPython)
	}},
}

// Every operation of the API is built, and every client calls all that it has.
func TestEveryClientCallsEveryOperationThatItHas(t *testing.T) {
	var named []string
	for _, step := range operationWalk {
		named = append(named, step.operation)
	}
	for _, operation := range socialmessaging.Operations {
		if !slices.Contains(named, operation.Name) {
			t.Errorf("%s: the walk does not call it", operation.Name)
		}
	}
	var accounts []metasim.BusinessAccount
	for i := range walkers {
		accounts = append(accounts, metasim.BusinessAccount{ID: fmt.Sprintf("50229012934039%d", i), AppID: metaApp, AppSecret: metaSecret, Token: fmt.Sprintf("EAAcanaryTokenOfWalker%d", i),
			PhoneNumbers: []metasim.PhoneNumber{{ID: fmt.Sprintf("50654035224292%d", i)}}})
	}
	w := newWorld(t, worldOptions{simulator: metasim.Config{BusinessAccounts: accounts, TemplateReview: time.Nanosecond}, args: []string{"--app-secret", metaApp + ":" + metaSecret}})
	picture := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", picture.Data, picture.ContentType)
	for i, walker := range walkers {
		meta := accounts[i]
		linked := w.in.link(account, meta.ID, meta.Token)
		_, err := w.sim.control.Receive(t.Context(), meta.PhoneNumbers[0].ID, metasim.Inbound{From: person, Text: &metasim.InboundText{Body: "Hello"},
			Referral: &metasim.InboundReferral{SourceURL: "https://fb.me/1", SourceID: "2", SourceType: "ad", CTWAClickID: "click-" + meta.ID}})
		w.sim.must(err)
		w.sim.must(w.sim.control.AnswerCallPermission(t.Context(), meta.PhoneNumbers[0].ID, person, metasim.CallPermissionReply{Response: "accept", Permanent: true}))
		t.Run(walker.name, func(t *testing.T) {
			t.Parallel()
			has, call := walker.start(t, w)
			walk(t, walker, has, call, map[string]string{
				"$waba": linked.ID, "$meta": meta.ID, "$number": meta.PhoneNumbers[0].ID, "$token": meta.Token, "$phone": linked.PhoneNumbers[0].PhoneNumberID, "$bucket": w.bucket, "$key": publicKeyPEM(t), "$now": fmt.Sprint(time.Now().Unix()),
				"$arn": "arn:aws:social-messaging:" + region + ":" + account + ":waba/" + strings.TrimPrefix(linked.ID, "waba-"),
			})
		})
	}
}

// walk makes the calls with one client.
func walk(t *testing.T, walker walker, has func(string) bool, call func(string, members) outcome, kept map[string]string) {
	called := map[string]bool{}
	for _, step := range operationWalk {
		if !has(step.operation) {
			continue
		}
		called[step.operation] = true
		result := call(step.operation, filled(step.input, kept).(members))
		if result.Error != nil {
			t.Fatalf("%s: %s: %s", step.operation, result.Error.Name, result.Error.Message)
		}
		if want := filled(step.has, kept).(string); !strings.Contains(strings.ReplaceAll(string(result.Output), `": `, `":`), want) {
			t.Errorf("%s: the output has no %s: %s", step.operation, want, result.Output)
		}
		output := map[string]any{}
		if err := json.Unmarshal(result.Output, &output); err != nil {
			t.Fatalf("%s: %v: %s", step.operation, err, result.Output)
		}
		for name, member := range step.keep {
			var value any = output
			for part := range strings.SplitSeq(member, ".") {
				object, _ := value.(map[string]any)
				value = object[part]
			}
			kept["$"+name], _ = value.(string)
			if kept["$"+name] == "" {
				t.Fatalf("%s: the output has no %s: %s", step.operation, member, result.Output)
			}
		}
	}
	if len(called) != walker.operations {
		t.Errorf("%s has %d operations, want %d", walker.name, len(called), walker.operations)
	}
}

// filled returns an input with what was kept in the place of its name.
func filled(input any, kept map[string]string) any {
	fill := func(text string) string {
		for name, value := range kept {
			text = strings.ReplaceAll(text, name, value)
		}
		return text
	}
	switch input := input.(type) {
	case members:
		result := members{}
		for name, member := range input {
			result[name] = filled(member, kept)
		}
		return result
	case []any:
		result := []any{}
		for _, element := range input {
			result = append(result, filled(element, kept))
		}
		return result
	case string:
		return fill(input)
	case blob:
		return blob(fill(string(input)))
	default:
		return input
	}
}

// encoded returns an input with its blobs in base64.
func encoded(input any) any {
	if input, ok := input.(blob); ok {
		return []byte(input)
	}
	if input, ok := input.(members); ok {
		result := members{}
		for name, member := range input {
			result[name] = encoded(member)
		}
		return result
	}
	return input
}

// publicKeyPEM returns the public half of a new key.
func publicKeyPEM(t testing.TB) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
