package metasim

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRequestsAreRoutedByMethodPathAndKindOfTheirNode(t *testing.T) {
	s := startSim(t, func(c *Config) { c.BusinessAccounts[0].AppID = app1 })
	media := s.mustUpload("a.png", "image/png", png)
	flow := s.mustCreateFlow("A", "")
	set := s.mustCreateDataset()
	template := s.Templates(account1)[0].ID
	tests := []struct {
		method, path string
		operation    Operation
		id           string
	}{
		{"POST", "/v25.0/" + phone1 + "/media", OperationUpload, phone1},
		{"GET", "/v25.0/" + media, OperationRetrieve, media},
		{"DELETE", "/v25.0/" + media, OperationDelete, media},
		{"GET", downloadPath, OperationDownload, ""},
		{"HEAD", downloadPath, OperationDownload, ""},
		{"POST", "/v25.0/" + phone1 + "/messages", OperationSendMessage, phone1},
		{"POST", "/v25.0/" + app1 + "/uploads", OperationUploadSession, app1},
		{"POST", "/v25.0/upload:abc", OperationUploadBytes, "upload:abc"},
		{"GET", "/v25.0/upload:abc", OperationUploadStatus, "upload:abc"},
		{"GET", "/v25.0/" + account1, OperationAccount, account1},
		{"GET", "/v25.0/" + account1 + "/phone_numbers", OperationPhoneNumbers, account1},
		{"GET", "/v25.0/" + account1 + "/subscribed_apps", OperationSubscribedApps, account1},
		{"POST", "/v25.0/" + account1 + "/subscribed_apps", OperationSubscribeApp, account1},
		{"DELETE", "/v25.0/" + account1 + "/subscribed_apps", OperationUnsubscribeApp, account1},
		{"GET", "/v25.0/" + app1 + "/subscriptions", OperationAppSubscriptions, app1},
		{"POST", "/v25.0/" + app1 + "/subscriptions", OperationSubscribeToFields, app1},
		{"DELETE", "/v25.0/" + app1 + "/subscriptions", OperationUnsubscribeFromFields, app1},
		{"POST", "/v25.0/" + account1 + "/message_templates", OperationCreateTemplate, account1},
		{"GET", "/v25.0/" + account1 + "/message_templates", OperationTemplates, account1},
		{"DELETE", "/v25.0/" + account1 + "/message_templates", OperationDeleteTemplates, account1},
		{"POST", "/v25.0/" + account1 + "/upsert_message_templates", OperationUpsertTemplates, account1},
		{"GET", "/v25.0/" + account1 + "/message_template_previews", OperationPreviewTemplates, account1},
		{"GET", "/v25.0/" + template, OperationTemplate, template},
		{"POST", "/v25.0/" + template, OperationEditTemplate, template},
		{"POST", "/v25.0/" + template + "/unpause", OperationUnpauseTemplate, template},
		{"GET", "/v25.0/message_template_library", OperationTemplateLibrary, ""},
		{"POST", "/v25.0/oauth/access_token", OperationAppToken, ""},
		{"GET", "/v25.0/oauth/access_token", OperationAppToken, ""},
		{"POST", "/v25.0/" + phone1, OperationUpdateNumber, phone1},
		{"GET", "/v25.0/" + phone1, OperationPhoneNumber, phone1},
		{"GET", "/v25.0/" + phone1 + "/whatsapp_business_profile", OperationBusinessProfile, phone1},
		{"GET", "/v25.0/", OperationRoot, ""},
		{"GET", "/", OperationRoot, ""},
		{"POST", "/v25.0/" + account1 + "/flows", OperationCreateFlow, account1},
		{"GET", "/v25.0/" + account1 + "/flows", OperationFlows, account1},
		{"POST", "/v25.0/" + account1 + "/migrate_flows", OperationMigrateFlows, account1},
		{"GET", "/v25.0/" + flow, OperationFlow, flow},
		{"POST", "/v25.0/" + flow, OperationUpdateFlow, flow},
		{"DELETE", "/v25.0/" + flow, OperationDeleteFlow, flow},
		{"GET", "/v25.0/" + flow + "/assets", OperationFlowAssets, flow},
		{"POST", "/v25.0/" + flow + "/assets", OperationUpdateFlowAssets, flow},
		{"POST", "/v25.0/" + flow + "/publish", OperationPublishFlow, flow},
		{"POST", "/v25.0/" + flow + "/deprecate", OperationDeprecateFlow, flow},
		{"POST", "/v25.0/" + account1 + "/dataset", OperationCreateDataset, account1},
		{"GET", "/v25.0/" + account1 + "/dataset", OperationDataset, account1},
		{"POST", "/v25.0/" + set + "/events", OperationSendEvents, set},
		{"GET", "/v25.0/" + phone1 + "/settings", OperationSettings, phone1},
		{"POST", "/v25.0/" + phone1 + "/settings", OperationUpdateSettings, phone1},
		{"POST", "/v25.0/" + phone1 + "/calls", OperationCalls, phone1},
		{"GET", "/v25.0/" + phone1 + "/call_permissions", OperationCallPermissions, phone1},
		{"POST", "/v25.0/" + account1 + "/phone_numbers", OperationCreateNumber, account1},
		{"POST", "/v25.0/" + phone1 + "/request_code", OperationRequestCode, phone1},
		{"POST", "/v25.0/" + phone1 + "/verify_code", OperationVerifyCode, phone1},
		{"POST", "/v25.0/" + phone1 + "/register", OperationRegister, phone1},
		{"POST", "/v25.0/" + phone1 + "/deregister", OperationDeregister, phone1},
		{"POST", "/v25.0/" + phone1 + "/whatsapp_business_profile", OperationUpdateProfile, phone1},
		{"GET", "/v25.0/debug_token", OperationDebugToken, ""},
		{"GET", "/v25.0/" + account1 + "/owned_whatsapp_business_accounts", OperationOwnedAccounts, account1},
		{"GET", "/v25.0/123/client_whatsapp_business_accounts", OperationClientAccounts, "123"},
		{"POST", "/v25.0/" + phone1 + "/message_qrdls", OperationCreateQRCode, phone1},
		{"GET", "/v25.0/" + phone1 + "/message_qrdls", OperationQRCodes, phone1},
		{"POST", "/v25.0/" + phone1 + "/message_qrdls/ABC", OperationUpdateQRCode, phone1},
		{"GET", "/v25.0/" + phone1 + "/message_qrdls/ABC", OperationQRCode, phone1},
		{"DELETE", "/v25.0/" + phone1 + "/message_qrdls/ABC", OperationDeleteQRCode, phone1},
		{"POST", "/v25.0/" + phone1 + "/block_users", OperationBlock, phone1},
		{"DELETE", "/v25.0/" + phone1 + "/block_users", OperationUnblock, phone1},
		{"GET", "/v25.0/" + phone1 + "/block_users", OperationBlocked, phone1},
		{"GET", "/v25.0/" + phone1 + "/conversational_automation", OperationAutomation, phone1},
		{"POST", "/v25.0/" + phone1 + "/conversational_automation", OperationUpdateAutomation, phone1},
		{"GET", "/v25.0/" + phone1 + "/whatsapp_commerce_settings", OperationCommerce, phone1},
		{"POST", "/v25.0/" + phone1 + "/whatsapp_commerce_settings", OperationUpdateCommerce, phone1},
		{"GET", "/v25.0/" + phone1 + "/username", OperationUsername, phone1},
		{"POST", "/v25.0/" + phone1 + "/username", OperationUpdateUsername, phone1},
		{"DELETE", "/v25.0/" + phone1 + "/username", OperationDeleteUsername, phone1},
		{"GET", "/v25.0/" + phone1 + "/username_suggestions", OperationUsernameSuggestions, phone1},
		{"GET", "/v25.0/" + account1 + "/pricing_analytics", OperationAnalytics, account1},
		{"GET", flowDownloadPath, OperationDownloadFlow, ""},
		{"GET", "/v25.0/" + phone1 + "/whatsapp_business_encryption", OperationEncryptionKey, phone1},
		{"POST", "/v25.0/" + phone1 + "/whatsapp_business_encryption", OperationUpdateEncryptionKey, phone1},
		// No version, a slash at the end, an escaped colon.
		{"POST", "/" + phone1 + "/media", OperationUpload, phone1},
		{"GET", "/v25.0/" + phone1 + "/", OperationPhoneNumber, phone1},
		{"POST", "/v25.0/upload%3Aabc/", OperationUploadBytes, "upload:abc"},
		// An id of no kind, or of one that has no such operation: the first row.
		{"GET", "/v25.0/123456", OperationRetrieve, "123456"},
		{"DELETE", "/v25.0/" + phone1, OperationDelete, phone1},
		// Paths that exist, with a method that does not.
		{"PUT", "/v25.0/" + media, "", media},
		{"GET", "/v25.0/" + phone1 + "/media", "", phone1},
		{"POST", downloadPath, "", ""},
		// Paths that do not exist.
		{"GET", "/v25.0/you", "", ""},
		{"GET", "/v25.0/" + phone1 + "//", "", phone1},
		{"GET", "/v25.0/" + phone1 + "%2Fmedia", "", ""},
		{"GET", downloadPath + "x", "", ""},
	}
	tested := map[Operation]bool{}
	for _, test := range tests {
		found := s.route(httptest.NewRequest(test.method, test.path, http.NoBody))
		if found.name() != test.operation || found.id != test.id {
			t.Errorf("%s %s: operation %q of %q, want %q of %q", test.method, test.path, found.name(), found.id, test.operation, test.id)
		}
		tested[test.operation] = true
	}
	for _, o := range operations {
		if !tested[o.name] {
			t.Errorf("no request of this test is a %s", o.name)
		}
	}
}

// A row that misses something would answer nobody, or everybody.
func TestOperationsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range operations {
		key := o.method + " " + o.pattern
		if o.name == "" || o.serve == nil || o.pattern == "" || seen[key] {
			t.Errorf("%s: no name, no method of Server, no pattern, or a second row of it", key)
		}
		if o.node() != "" && o.auth.allow == nil {
			t.Errorf("%s: any token has access to any %s", key, o.node())
		}
		seen[key] = true
	}
}
