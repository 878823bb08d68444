package metasim

import (
	"net/http"
	"os"
	"strings"
	"testing"
)

// Each request is one that Meta takes. It succeeds with a warning, and is refused if
// the simulator is strict, by an error that says so.
func TestWhatMetaToleratesIsAWarningAndARefusalIfStrict(t *testing.T) {
	uploads := "/v25.0/" + app1 + "/uploads"
	session := "?file_length=68&file_type=image/png"
	tests := map[string]struct {
		method, target, contentType, body string
		header                            []string
		warnings                          []string
	}{
		"token in the query":              {"GET", "/v25.0/" + phone1 + "?access_token=" + token1, "", "", nil, []string{warnTokenInQuery}},
		"token in the body":               {"POST", uploads + session, "application/json", `{"access_token":"` + token1 + `"}`, nil, []string{warnTokenInBody}},
		"OAuth for a read":                {"GET", "/v25.0/" + phone1, "", "", []string{"OAuth " + token1}, []string{warnTokenScheme}},
		"no version":                      {"GET", "/" + phone1, "", "", []string{"Bearer " + token1}, []string{warnNoVersion}},
		"an expired version":              {"GET", "/v20.0/" + phone1, "", "", []string{"Bearer " + token1}, []string{warnExpiredVersion}},
		"a version after the newest":      {"GET", "/v27.0/" + phone1, "", "", []string{"Bearer " + token1}, []string{warnNewerVersion}},
		"a slash at the end":              {"GET", "/v25.0/" + phone1 + "/", "", "", []string{"Bearer " + token1}, []string{warnTrailingSlash}},
		"a slash and no version":          {"GET", "/" + phone1 + "/", "", "", []string{"Bearer " + token1}, []string{warnTrailingSlash, warnNoVersion}},
		"a session described by JSON":     {"POST", uploads, "application/json", `{"file_length":68,"file_type":"image/png"}`, []string{"Bearer " + token1}, []string{warnParameterPlace, warnParameterPlace}},
		"a parameter twice":               {"POST", uploads + session + "&file_length=68", "", "", []string{"Bearer " + token1}, []string{warnParameterTwice}},
		"an empty parameter":              {"POST", uploads + session + "&file_name=", "", "", []string{"Bearer " + token1}, []string{warnParameterEmpty}},
		"an unknown parameter":            {"POST", uploads + session + "&messaging_product=whatsapp", "", "", []string{"Bearer " + token1}, []string{warnParameterUnknown}},
		"a body of an unknown type":       {"POST", uploads + session, "text/plain", "x", []string{"Bearer " + token1}, []string{warnBodyIgnored}},
		"everything that Meta's SDK does": {"POST", "/" + app1 + "/uploads/?access_token=" + token1, "application/json", `{"file_length":68,"file_type":"image/png"}`, nil, []string{warnTrailingSlash, warnNoVersion, warnTokenInQuery, warnParameterPlace, warnParameterPlace}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			header := []string{"Content-Type", test.contentType}
			if test.header != nil {
				header = append(header, "Authorization", test.header[0])
			}
			s := startResumable(t)
			if a := s.mustSend(test.method, test.target, strings.NewReader(test.body), header...); a.status != http.StatusOK {
				t.Errorf("%d %s", a.status, a.body)
			}
			s.wantWarnings(test.warnings...)

			s = startResumable(t, strict)
			a := s.mustSend(test.method, test.target, strings.NewReader(test.body), header...)
			e := a.refusal(t).Error
			if a.status != http.StatusBadRequest || e.Code != 100 || e.Data == nil || e.Data.Details != strictNotice(test.warnings[0]) {
				t.Errorf("strict: %d %s", a.status, a.body)
			}
			if got := warningCodes(s.lastRequest().Warnings); got != test.warnings[0] {
				t.Errorf("strict: the history has the warnings %q", got)
			}
		})
	}
}

func TestBytesOfResumableUploadsMayBeSentAsClientsSendThem(t *testing.T) {
	tests := map[string]struct {
		header   []string
		query    string
		warnings []string
	}{
		"as Bearer":             {[]string{"Authorization", "Bearer " + token1, "file_offset", "0"}, "", []string{warnTokenScheme}},
		"token in the query":    {[]string{"file_offset", "0"}, "&access_token=" + token1, []string{warnTokenInQuery}},
		"without an offset":     {[]string{"Authorization", "OAuth " + token1}, "", []string{warnOffsetMissing}},
		"with the type of JSON": {[]string{"Authorization", "OAuth " + token1, "file_offset", "0", "Content-Type", "application/json"}, "", nil},
		"as if it were a form":  {[]string{"Authorization", "OAuth " + token1, "file_offset", "0", "Content-Type", formType}, "", []string{warnFormAsBytes}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startResumable(t)
			session := s.mustBegin("a.png", "image/png", len(png))
			a := s.mustSend("POST", "/v25.0/"+session+test.query, strings.NewReader(png), test.header...)
			s.handleOf(a)
			s.wantWarnings(test.warnings...)

			s = startResumable(t, strict)
			session = s.mustBegin("a.png", "image/png", len(png))
			a = s.mustSend("POST", "/v25.0/"+session+test.query, strings.NewReader(png), test.header...)
			if refused := len(test.warnings) > 0; refused != (a.status == http.StatusBadRequest) {
				t.Errorf("strict: %d %s", a.status, a.body)
			}
		})
	}
}

func TestACarefulClientHasNoWarnings(t *testing.T) {
	s := startResumable(t, strict)
	form := formOf(field("type", "image/png"), field("messaging_product", "whatsapp"), file("a.png", "image/png", png))
	a := s.post(form)
	id, _ := a.fields(t)["id"].(string)
	s.get(s.address(id))
	s.mustSendBytes(s.mustBegin("a.png", "image/png", len(png)), 0, png)
	s.get("/v26.0/" + account1 + "?method=get&fields=id,name,phone_numbers.limit(2){id,throughput{level}}")
	s.get("/v26.0/" + account1 + "/phone_numbers?fields=id&limit=100&sort=last_onboarded_time_ascending")
	s.mustSend("DELETE", "/v25.0/"+id+"?phone_number_id="+phone1, nil, "Authorization", "Bearer "+token1)
	for _, r := range s.Requests() {
		if r.Status != http.StatusOK || len(r.Warnings) > 0 {
			t.Errorf("%s %s?%s: status %d %s, warnings %v", r.Method, r.Path, r.Query, r.Status, r.Reason, r.Warnings)
		}
	}
}

func TestThePackageDocumentationListsTheWarnings(t *testing.T) {
	documentation, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for code, text := range WarningCodes() {
		if text == "" || !strings.Contains(string(documentation), code) {
			t.Errorf("%s (%s) is not in doc.go", code, text)
		}
	}
}
