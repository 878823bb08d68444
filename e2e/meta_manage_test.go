package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"ferry/metasim"
)

// management is what a client is expected to do.
type management struct {
	shows    map[string]string // what the result of a call contains, by the name in the client's program
	warnings []string
}

var managements = map[string]management{
	"kapso-whatsapp-cloud-api": {shows: map[string]string{
		"createTemplate": `"category":"UTILITY"`, "listTemplates": `"status":"APPROVED"`, "deleteTemplate": `"success":true`,
		"brokenFlow": `"validationErrors":[{`, "deployFlow": `"previewUrl":"https://`, "getFlow": `"PUBLISHED"`, "listFlows": "Survey", "deprecateFlow": `"success":true`,
		"updateProfile": `"success":true`, "getProfile": `"about":"Plants"`, "requestCode": `"success":true`, "verifyCode": `"success":true`,
		"register": `"success":true`, "updateSettings": `"success":true`, "getSettings": `"ENABLED"`, "deregister": `"success":true`,
	}},
	"whatsapp-business": {shows: map[string]string{
		"updateProfile": `"success":true`, "getProfile": `"description":"We sell plants."`, "numbers": `"NOT_VERIFIED"`, "number": `"id":"406540352242922"`,
		"identityCheck": `"success":true`, "requestCode": `"success":true`, "verifyCode": `"success":true`, "register": `"success":true`,
		"setPIN": `"success":true`, "deregister": `"success":true`,
	}, warnings: []string{"expired_version"}},
	"whatsapp-api-js": {shows: map[string]string{
		"createQR": `"prefilled_message":"Hello"`, "updateQR": `"prefilled_message":"Goodbye"`, "getQR": `"prefilled_message":"Goodbye"`, "listQR": `"data":[{`,
		"deleteQR": `"success":true`, "block": `"added_users":[{`, "unblock": `"removed_users":[{`,
	}, warnings: []string{"no_version", "parameter_place", "trailing_slash"}},
	"facebook-nodejs-business-sdk": {shows: map[string]string{
		"createTemplate": `"id":"`, "listTemplates": `"APPROVED"`, "editTemplate": `"success":true`, "deleteTemplate": `"success":true`,
		"createFlow": `"id":"`, "listFlows": `"DRAFT"`, "previewFlow": `"preview_url":"https://`, "publishFlow": `"success":true`,
		"createNumber": `"id":"`, "requestCode": `"success":true`, "verifyCode": `"success":true`, "register": `"success":true`,
		"updateProfile": `"success":true`, "getProfile": `"about":"Plants"`, "createDataset": `"id":"`,
	}, warnings: []string{"parameter_unknown", "token_in_query"}},
}

// Clients of Meta's API that nobody here wrote manage templates, flows, numbers,
// profiles, QR codes and block lists. Their host names are Meta's.
func TestMetaSideClientsManageAccounts(t *testing.T) {
	node := managingClients(t)
	account := metasim.BusinessAccount{ID: "402290129340398", AppID: metaApp, AppSecret: metaSecret, Token: "EAAcanaryTokenOfTheClients", PhoneNumbers: []metasim.PhoneNumber{
		{ID: "406540352242922", CodeVerificationStatus: "NOT_VERIFIED", Status: "UNVERIFIED", PlatformType: "NOT_APPLICABLE"},
		{ID: "406540352242923"}}} // without a number that is connected no flow can be published
	for client, want := range managements {
		t.Run(client, func(t *testing.T) {
			sim := startLaxSimulator(t, metasim.Config{BusinessAccounts: []metasim.BusinessAccount{account}, TemplateReview: time.Nanosecond})
			_, err := sim.control.Receive(t.Context(), account.PhoneNumbers[1].ID, metasim.Inbound{From: person, Text: &metasim.InboundText{Body: "Hello"}})
			sim.must(err) // only who has written can be blocked
			env := append(environment(t.TempDir()), "NODE_EXTRA_CA_CERTS="+trusted(t).certFile,
				"META_ADDRESS="+strings.TrimPrefix(sim.url, "https://"), "META_TOKEN="+account.Token, "META_APP="+account.AppID, "META_WABA="+account.ID,
				"META_PHONE="+account.PhoneNumbers[0].ID, "META_CONNECTED="+account.PhoneNumbers[1].ID, "CONTROL_URL="+sim.controlURL, "FLOW="+goodFlow)
			var got map[string]json.RawMessage
			decode(t, mustRun(t, env, node, "--import", "./node-meta/redirect.mjs", "node-meta/manage/"+client+".mjs"), &got)
			if len(got) != len(want.shows) {
				t.Errorf("it made %d calls, want %d", len(got), len(want.shows))
			}
			for name, text := range want.shows {
				if !strings.Contains(string(got[name]), text) {
					t.Errorf("%s: the client returned %s, want %s", name, got[name], text)
				}
			}
			if warnings := sim.warnings(); !slices.Equal(warnings, want.warnings) {
				t.Errorf("the warnings are %q, want %q", warnings, want.warnings)
				sim.showWarnings()
			}
		})
	}
}
