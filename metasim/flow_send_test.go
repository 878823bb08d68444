package metasim

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAMessageIsComparedWithItsFlow(t *testing.T) {
	s := startSim(t, openWindows)
	draft, empty := s.mustCreateFlow("Draft", goodAsFlow), s.mustCreateFlow("Empty", "")
	live := s.mustCreateFlow("Live", goodAsFlow+`,"publish":true`)
	send := func(parameters string) response {
		return s.message(`"type":"interactive","interactive":{"type":"flow","body":{"text":"B"},"action":{"name":"flow","parameters":{"flow_message_version":"3","flow_cta":"Go",` + parameters + `}}}`)
	}
	for name, test := range map[string]struct {
		parameters, mention string
	}{
		"a flow":               {`"flow_id":"` + live + `"`, ""},
		"a name":               {`"flow_name":"Live"`, ""},
		"a screen":             {`"flow_id":"` + live + `","flow_action":"navigate","flow_action_payload":{"screen":"NAME"}`, ""},
		"an unknown screen":    {`"flow_id":"` + live + `","flow_action":"navigate","flow_action_payload":{"screen":"GONE"}`, "no screen GONE"},
		"an unknown flow":      {`"flow_id":"1"`, "does not exist"},
		"an unknown name":      {`"flow_name":"Gone"`, "does not exist"},
		"a draft":              {`"flow_id":"` + draft + `"`, "not published"},
		"a draft as a draft":   {`"flow_id":"` + draft + `","mode":"draft"`, ""},
		"a draft with nothing": {`"flow_id":"` + empty + `","mode":"draft"`, "no Flow JSON"},
	} {
		a := send(test.parameters)
		if ok := a.status == http.StatusOK; ok != (test.mention == "") || !strings.Contains(a.body, test.mention) || !ok && a.refusal(t).Error.Code != 131009 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if _, err := s.SetFlowStatus(live, FlowThrottled); err != nil {
		t.Fatal(err)
	}
	for range flowsPerHour {
		send(`"flow_id":"` + live + `"`).sentID(t)
	}
	if a := send(`"flow_id":"` + live + `"`); a.refusal(t).Error.Code != 132069 {
		t.Errorf("throttled: %d %s", a.status, a.body)
	}
	s.manual.advance(time.Hour)
	send(`"flow_id":"` + live + `"`).sentID(t)
	if _, err := s.SetFlowStatus(live, FlowBlocked); err != nil {
		t.Fatal(err)
	}
	if a := send(`"flow_id":"` + live + `"`); a.refusal(t).Error.Code != 132068 {
		t.Errorf("blocked: %d %s", a.status, a.body)
	}
	if _, err := s.AnswerFlow(phone1, kerry, FlowAnswer{}); err == nil || !strings.Contains(err.Error(), "BLOCKED") {
		t.Errorf("a blocked flow is opened: %v", err)
	}
}

func TestAPersonAnswersAFlow(t *testing.T) {
	r := startReceiver(t)
	s := startSim(t, withApp(r), openWindows)
	s.startDelivery()
	control := NewControlClient(startControl(t, s), nil)
	ctx := t.Context()
	if _, err := control.AnswerFlow(ctx, "", kerry, FlowAnswer{}); err == nil {
		t.Error("a flow that was not sent")
	}
	id := s.mustCreateFlow("Live", goodAsFlow+`,"publish":true`)
	sent := s.message(`"type":"interactive","interactive":{"type":"flow","body":{"text":"B"},"action":{"name":"flow","parameters":{"flow_message_version":"3","flow_cta":"Go","flow_token":"tok","flow_id":"` + id + `"}}}`).sentID(t)
	received, err := control.AnswerFlow(ctx, "", kerry, FlowAnswer{Response: map[string]any{"first": "Ann"}})
	if err != nil || received.Type != "interactive" {
		t.Fatalf("%+v %v", received, err)
	}
	if _, err := s.Wait(ctx, Wait{For: WaitWebhook, State: WebhookDelivered, Contains: received.ID}); err != nil {
		t.Fatal(err)
	}
	list := s.Webhooks().Webhooks
	body := list[slices.IndexFunc(list, func(w Webhook) bool { return strings.Contains(w.Body, "nfm_reply") })].Body
	if !strings.Contains(body, `"type":"nfm_reply","nfm_reply":{"response_json":"{\"first\":\"Ann\",\"flow_token\":\"tok\"}","body":"Sent","name":"flow"}`) || !strings.Contains(body, `"id":"`+sent+`"`) {
		t.Errorf("%s", body)
	}
	flows, err := control.Flows(ctx)
	if err != nil || flows.Total != 1 || flows.Flows[0].ID != id {
		t.Errorf("%+v %v", flows, err)
	}
	if flow, err := control.SetFlowStatus(ctx, id, FlowThrottled); err != nil || flow.Status != FlowThrottled {
		t.Errorf("%+v %v", flow, err)
	}
	if flow, err := control.Flow(ctx, id); err != nil || flow.Status != FlowThrottled {
		t.Errorf("%+v %v", flow, err)
	}
	if _, err := control.SetFlowStatus(ctx, id, FlowDeprecated); err == nil {
		t.Error("a status that monitoring does not give")
	}
}
