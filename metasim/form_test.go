package metasim

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestUploadRefusesBodiesThatAreNotWellFormed(t *testing.T) {
	product := field("messaging_product", "whatsapp")
	good := formOf(product, file("a.png", "image/png", png))
	open := strings.TrimSuffix(good, "--\r\n")
	tests := map[string]struct{ contentType, body string }{
		"empty":                     {formType, ""},
		"closing boundary missing":  {formType, strings.TrimSuffix(open, "--"+boundary)},
		"closing dashes missing":    {formType, open},
		"one closing dash missing":  {formType, open + "-"},
		"broken off in the file":    {formType, good[:len(good)-60]},
		"broken off in a header":    {formType, "--" + boundary + "\r\nContent-Disposition: form-data; na"},
		"line feeds only":           {formType, strings.ReplaceAll(good, "\r\n", "\n")},
		"part without a name":       {formType, formOf(product, part("Content-Disposition: form-data; filename=\"a.png\"\r\nContent-Type: image/png", png))},
		"part without disposition":  {formType, formOf(product, part("Content-Type: image/png", png))},
		"part of another kind":      {formType, formOf(product, part("Content-Disposition: attachment; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png", png))},
		"long field":                {formType, formOf(field("messaging_product", strings.Repeat("w", 5000)))},
		"too many parts":            {formType, strings.Repeat(part("Content-Disposition: form-data; name=\"type\"", ""), maxParts+1)},
		"no boundary":               {"multipart/form-data", good},
		"long boundary":             {"multipart/form-data; boundary=" + strings.Repeat("b", 71), good},
		"other boundary":            {"multipart/form-data; boundary=other", good},
		"json":                      {"application/json", `{"messaging_product":"whatsapp"}`},
		"urlencoded":                {"application/x-www-form-urlencoded", "messaging_product=whatsapp"},
		"Content-Type is no type":   {";;;", good},
		"no Content-Type":           {"", good},
		"binary noise":              {formType, "\x00\xFF\xFE\r\n\r\n--"},
		"unterminated quoted name":  {formType, formOf(product, part("Content-Disposition: form-data; name=\"file", png))},
		"name given twice":          {formType, formOf(product, part("Content-Disposition: form-data; name=\"file\"; name=\"type\"", png))},
		"field that has a filename": {formType, formOf(part("Content-Disposition: form-data; name=\"messaging_product\"; filename=\"a\"", "whatsapp"))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			a := s.mustSend(http.MethodPost, "/v25.0/"+phone1+"/media", strings.NewReader(test.body),
				"Authorization", "Bearer "+token1, "Content-Type", test.contentType)
			if e := a.refusal(t).Error; a.status != http.StatusBadRequest || e.Code != 100 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if s.lastRequest().Reason == "" {
				t.Error("the history has no reason")
			}
			assertNothingStored(t, s)
		})
	}
}

func TestUploadRefusesCompressedBodies(t *testing.T) {
	s := startSim(t)
	a := s.mustSend(http.MethodPost, "/v25.0/"+phone1+"/media", strings.NewReader("x"),
		"Authorization", "Bearer "+token1, "Content-Type", formType, "Content-Encoding", "gzip")
	if a.status != http.StatusBadRequest {
		t.Errorf("status %d", a.status)
	}
}

// A body that is shorter than its Content-Length, or without its last chunk, is
// not complete, and nothing of it is kept.
func TestUploadWhoseConnectionBreaksStoresNothing(t *testing.T) {
	form := formOf(field("messaging_product", "whatsapp"), file("a.png", "image/png", png))
	tests := map[string]string{
		"short of Content-Length": "Content-Length: " + strconv.Itoa(len(form)+2) + "\r\n\r\n" + form,
		"last chunk missing":      "Transfer-Encoding: chunked\r\n\r\n" + strconv.FormatInt(int64(len(form)), 16) + "\r\n" + form + "\r\n",
		"chunk of no length":      "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + form + "\r\n0\r\n\r\n",
	}
	for name, rest := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			head := "POST /v25.0/" + phone1 + "/media HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token1 +
				"\r\nContent-Type: " + formType + "\r\nConnection: close\r\n"
			if _, err := io.WriteString(conn, head+rest); err != nil {
				t.Fatal(err)
			}
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err == nil {
				defer response.Body.Close()
				if response.StatusCode != http.StatusBadRequest {
					t.Errorf("status %d", response.StatusCode)
				}
			}
			assertNothingStored(t, s)
		})
	}
}
