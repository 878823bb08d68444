package metasim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"
)

// FuzzUpload checks that no body makes the upload panic, and that a file that is
// stored has the size and the digest of the last file that mime/multipart finds in
// the same body.
func FuzzUpload(f *testing.F) {
	product := field("messaging_product", "whatsapp")
	good := formOf(product, file("a.png", "image/png", png))
	f.Add(formType, []byte(good))
	f.Add(formType, []byte(formOf(file("a.ogg", "audio/ogg; codecs=opus", opus), product)))
	f.Add(formType, []byte(formOf(product, file("a.txt", "text/plain", "--"+boundary+"--\r\n"))))
	f.Add(formType, []byte(formOf(product, file("a.txt", "text/plain", "\r\n--"+boundary+" \r\nx"))))
	f.Add(formType, []byte(good+good))
	f.Add(formType, []byte("\r\n"+good))
	f.Add(formType, []byte(good[:len(good)-10]))
	f.Add(`multipart/form-data; boundary="a b"`, []byte("--a b\r\n\r\n--a b--"))
	f.Add("multipart/form-data; boundary=-", []byte("---\r\n\r\n-----"))
	f.Add("application/json", []byte("{}"))

	s := New(Config{
		BusinessAccounts: []BusinessAccount{{ID: account1, Token: token1, PhoneNumbers: []PhoneNumber{{ID: phone1}}}},
	})
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/v25.0/"+phone1+"/media", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token1)
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		defer s.Reset()
		if w.Code != http.StatusOK {
			var refusal envelope
			if err := json.Unmarshal(w.Body.Bytes(), &refusal); err != nil || refusal.Error.Code == 0 {
				t.Fatalf("refused with %d %s", w.Code, w.Body)
			}
			if _, total := s.media.list(s.Now(), 0); total != 0 {
				t.Fatal("refused, but stored")
			}
			return
		}
		var result uploadResult
		if err := json.Unmarshal(w.Body.Bytes(), &result); err != nil {
			t.Fatal(err)
		}
		media, ok := s.Media(result.ID)
		if !ok {
			t.Fatalf("accepted as %s, but not stored", result.ID)
		}
		want := independentReading(t, contentType, body)
		digest := sha256.Sum256(want)
		if media.Size != int64(len(want)) || media.SHA256 != hex.EncodeToString(digest[:]) {
			t.Fatalf("stored %d bytes, the body has %d", media.Size, len(want))
		}
	})
}

// independentReading returns the file of a form, which must be well-formed.
func independentReading(t *testing.T, contentType string, body []byte) []byte {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	reader := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("accepted a body that is broken: %v", err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatalf("accepted a body that is broken: %v", err)
		}
		if part.FormName() == "file" {
			found = append(found, content)
		}
	}
	if len(found) == 0 {
		t.Fatal("accepted a body without a file")
	}
	return found[len(found)-1]
}
