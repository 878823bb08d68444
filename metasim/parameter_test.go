package metasim

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// encodings are the ways in which a client may send the same parameters.
var encodings = map[string]func(method, path string, given url.Values) (target, contentType, body string){
	"query": func(_, path string, given url.Values) (string, string, string) {
		return path + separator(path) + given.Encode(), "", ""
	},
	"form": func(_, path string, given url.Values) (string, string, string) {
		return path, "application/x-www-form-urlencoded", given.Encode()
	},
	"multipart form": func(_, path string, given url.Values) (string, string, string) {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		for name := range given {
			_ = form.WriteField(name, given.Get(name)) // a bytes.Buffer does not fail
		}
		_ = form.Close()
		return path, form.FormDataContentType(), body.String()
	},
	"json": func(_, path string, given url.Values) (string, string, string) {
		return path, "application/json; charset=utf-8", jsonOf(given, strconv.Quote)
	},
	"json with numbers": func(_, path string, given url.Values) (string, string, string) {
		return path, "application/json", jsonOf(given, func(text string) string {
			if _, err := strconv.Atoi(text); err == nil || text == "true" {
				return text
			}
			return strconv.Quote(text)
		})
	},
}

func separator(path string) string {
	if strings.Contains(path, "?") {
		return "&"
	}
	return "?"
}

func jsonOf(given url.Values, encode func(string) string) string {
	var members []string
	for name := range given {
		members = append(members, strconv.Quote(name)+":"+encode(given.Get(name)))
	}
	return "{" + strings.Join(members, ",") + ",\"unset\":null}"
}

func TestParametersAreReadFromQueryFormAndJSONAlike(t *testing.T) {
	for name, encode := range encodings {
		t.Run(name, func(t *testing.T) {
			s := startResumable(t)
			send := func(method, path string, given url.Values) response {
				target, contentType, body := encode(method, path, given)
				header := []string{"Authorization", "Bearer " + token1}
				if contentType != "" {
					header = append(header, "Content-Type", contentType)
				}
				return s.mustSend(method, target, strings.NewReader(body), header...)
			}
			id := s.mustUpload("a.png", "image/png", png)

			session := send("POST", "/v25.0/"+app1+"/uploads", url.Values{"file_name": {"a.png"}, "file_length": {strconv.Itoa(len(png))}, "file_type": {"image/png"}})
			begun, _ := session.fields(t)["id"].(string)
			if session.status != 200 || begun == "" {
				t.Fatalf("upload session: %d %s", session.status, session.body)
			}
			if handle := s.handleOf(s.mustSendBytes(begun, 0, png)); handle.FileName != "a.png" || handle.Size != int64(len(png)) {
				t.Errorf("handle %+v", handle)
			}
			page := send("GET", "/v25.0/"+account1+"/phone_numbers", url.Values{"fields": {"id"}, "limit": {"2"}, "summary": {"true"}})
			if v := page.fields(t); page.status != 200 || len(v["data"].([]any)) != 2 || v["summary"].(map[string]any)["total_count"] != 5.0 {
				t.Errorf("phone numbers: %d %s", page.status, page.body)
			}
			if a := send("GET", "/v25.0/"+id, url.Values{"phone_number_id": {phone2}}); a.status != 400 || a.refusal(t).Error.Subcode != 33 {
				t.Errorf("retrieve for another number: %d %s", a.status, a.body)
			}
			if a := send("DELETE", "/v25.0/"+id, url.Values{"phone_number_id": {phone1}}); a.status != 200 {
				t.Errorf("delete: %d %s", a.status, a.body)
			}
		})
	}
}

func TestTheTokenIsAcceptedWhereGraphAcceptsIt(t *testing.T) {
	given := url.Values{"access_token": {token1}, "fields": {"id"}}
	for name, encode := range encodings {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			target, contentType, body := encode("GET", "/v25.0/"+phone1, given)
			a := s.mustSend("GET", target, strings.NewReader(body), "Content-Type", contentType)
			if a.status != 200 || a.body != `{"id":"`+phone1+`"}` {
				t.Errorf("%d %s", a.status, a.body)
			}
			bad := url.Values{"access_token": {"nonsense"}}
			target, contentType, body = encode("GET", "/v25.0/"+phone1, bad)
			if a := s.mustSend("GET", target, strings.NewReader(body), "Content-Type", contentType); a.status != 401 || a.refusal(t).Error.Code != 190 {
				t.Errorf("a bad one: %d %s", a.status, a.body)
			}
		})
	}
	s := startSim(t)
	for _, scheme := range []string{"Bearer", "OAuth", "bearer", "OAUTH"} {
		if a := s.mustSend("GET", "/v25.0/"+phone1, nil, "Authorization", scheme+" "+token1); a.status != 200 {
			t.Errorf("%s: %d %s", scheme, a.status, a.body)
		}
	}
}

// The order in which Graph looks at its sources is not known; the choices are these.
func TestOfTwoValuesTheBodysAndThenTheLastCounts(t *testing.T) {
	s := startResumable(t)
	begin := func(query, body string) response {
		return s.mustSend("POST", "/v25.0/"+app1+"/uploads?file_type=image/png&"+query, strings.NewReader(body),
			"Authorization", "Bearer "+token1, "Content-Type", "application/x-www-form-urlencoded")
	}
	tests := map[string]struct {
		query, body string
		length      int64
	}{
		"the last in the query":      {"file_length=1&file_length=2", "", 2},
		"the body before the query":  {"file_length=1", "file_length=2", 2},
		"the last one of the body":   {"file_length=1", "file_length=2&file_length=3", 3},
		"one in the query, one less": {"file_length=4", "x=1", 4},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := begin(test.query, test.body)
			id, _ := a.fields(t)["id"].(string)
			session, _, _ := strings.Cut(strings.TrimPrefix(id, sessionPrefix), "?")
			found, ok := s.uploads.find(session, s.Now())
			if a.status != 200 || !ok || found.length != test.length {
				t.Errorf("%d %s: %+v", a.status, a.body, found)
			}
		})
	}
	header := []string{"Authorization", "Bearer " + token1}
	if a := s.mustSend("GET", "/v25.0/"+phone2+"?access_token="+token2, nil, header...); a.status != 200 {
		t.Errorf("the parameter's token does not count: %d %s", a.status, a.body)
	}
	s.wantWarnings(warnTokenInQuery, warnTokenTwice)
}

func TestMediaUploadTakesItsParametersFromAnywhere(t *testing.T) {
	image := file("a.png", "image/png", png)
	product := field("messaging_product", "whatsapp")
	bearer := []string{"Authorization", "Bearer " + token1}
	tests := map[string]struct {
		query, form string
		header      []string
		warnings    []string
	}{
		"product in the query":      {"?messaging_product=whatsapp", formOf(image), bearer, []string{warnParameterPlace}},
		"product in both":           {"?messaging_product=telegram", formOf(product, image), bearer, []string{warnParameterTwice}},
		"product in capitals":       {"", formOf(field("messaging_product", "WHATSAPP"), image), bearer, nil},
		"token in the query":        {"?access_token=" + token1, formOf(product, image), nil, []string{warnTokenInQuery}},
		"token in the form":         {"", formOf(field("access_token", token1), product, image), nil, []string{warnTokenInBody}},
		"token behind the file":     {"", formOf(product, image, field("access_token", token1)), nil, []string{warnTokenInBody}},
		"a field that nobody reads": {"", formOf(product, field("upload_strategy", "resumable"), image), bearer, []string{warnParameterUnknown}},
		"a field twice":             {"", formOf(product, product, image), bearer, []string{warnParameterTwice}},
		"two files":                 {"", formOf(product, file("b.pdf", "application/pdf", pdf), image), bearer, []string{warnParameterTwice}},
		"a file under another name": {"", formOf(product, part("Content-Disposition: form-data; name=\"thumb\"; filename=\"t.png\"", "x"), image), bearer, []string{warnParameterUnknown}},
		"an empty field":            {"", formOf(product, field("ttl_minutes", ""), image), bearer, []string{warnParameterEmpty}},
		"a type with parameters":    {"", formOf(product, field("type", "image/png; x=y"), image), bearer, nil},
		"another type":              {"", formOf(product, field("type", "image/jpeg"), image), bearer, []string{warnTypeMismatch}},
		"bytes before the form":     {"", "preamble\r\n" + formOf(product, image), bearer, []string{warnFormFraming}},
		"bytes after it":            {"", formOf(product, image) + "x", bearer, []string{warnFormFraming}},
		"another form after it":     {"", formOf(product, image) + formOf(product, image), bearer, []string{warnFormFraming}},
		"a part that claims an encoding": {"", formOf(product, part("Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64", png)),
			bearer, []string{warnPartEncoding}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			send := func(s *sim) response {
				return s.mustSend("POST", "/v25.0/"+phone1+"/media"+test.query, strings.NewReader(test.form), append([]string{"Content-Type", formType}, test.header...)...)
			}
			s := startSim(t)
			a := send(s)
			id, _ := a.fields(t)["id"].(string)
			if stored, ok := s.Media(id); a.status != http.StatusOK || !ok || stored.SHA256 != digestOf(png) {
				t.Fatalf("%d %s: %+v", a.status, a.body, stored)
			}
			s.wantWarnings(test.warnings...)

			s = startSim(t, strict)
			if a = send(s); len(test.warnings) == 0 {
				if a.status != http.StatusOK {
					t.Errorf("strict: %d %s", a.status, a.body)
				}
				return
			}
			e := a.refusal(t).Error
			if a.status != http.StatusBadRequest || e.Data == nil || !strings.Contains(e.Data.Details, strictNotice(test.warnings[0])) {
				t.Errorf("strict: %d %s", a.status, a.body)
			}
			assertNothingStored(t, s)
		})
	}
}

func TestATokenInAFormWithAFileIsChecked(t *testing.T) {
	s := startSim(t)
	tests := map[string]struct {
		token        string
		status, code int
	}{
		"none": {"", 401, 104}, "a bad one": {"nonsense", 401, 190}, "another account's": {token2, 400, 100},
	}
	for name, test := range tests {
		form := formOf(field("messaging_product", "whatsapp"), file("a.png", "image/png", png), field("access_token", test.token))
		a := s.mustSend("POST", "/v25.0/"+phone1+"/media", strings.NewReader(form), "Content-Type", formType)
		if e := a.refusal(t).Error; a.status != test.status || e.Code != test.code {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		assertNothingStored(t, s)
	}
}

func TestBodiesOfParametersThatCannotBeReadAreRefused(t *testing.T) {
	s := startResumable(t)
	tests := map[string]struct{ contentType, body string }{
		"broken json":      {"application/json", `{"file_length":`},
		"a json list":      {"application/json", `[1]`},
		"a broken escape":  {"application/x-www-form-urlencoded", "file_length=%zz"},
		"half a form":      {formType, "--" + boundary + "\r\nContent-Disposition: form-data; na"},
		"no boundary":      {"multipart/form-data", "x"},
		"64 KiB and a bit": {"application/json", `{"x":"` + strings.Repeat("x", maxParameterBody) + `"}`},
	}
	for name, test := range tests {
		a := s.mustSend("POST", "/v25.0/"+app1+"/uploads", strings.NewReader(test.body), "Authorization", "Bearer "+token1, "Content-Type", test.contentType)
		if e := a.refusal(t).Error; a.status != 400 || e.Code != 100 || e.Data == nil {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := s.mustSend("POST", "/v25.0/"+app1+"/uploads?file_length=9&file_type=image/png", strings.NewReader("whatever"),
		"Authorization", "Bearer "+token1, "Content-Type", "text/plain")
	if a.status != 200 {
		t.Errorf("a body of another type, which is ignored: %d %s", a.status, a.body)
	}
	s.wantWarnings(warnBodyIgnored)
}

func TestHistoryHasTheParametersOfABodyWithoutTheToken(t *testing.T) {
	const stranger = "a-token-that-nobody-made"
	s := startResumable(t)
	body := `{"file_length":76,"file_type":"image/png","access_token":"` + stranger + `","note":"for ` + stranger + `"}`
	s.mustSend("POST", "/v25.0/"+app1+"/uploads", strings.NewReader(body), "Content-Type", "application/json")
	want := Fields{"file_length": "76", "file_type": "image/png", "access_token": redacted, "note": "for " + redacted}
	if diff := cmp.Diff(want, s.lastRequest().Fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
