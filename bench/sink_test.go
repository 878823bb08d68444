package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// form is a file in Meta's form, and its Content-Type.
func form(t *testing.T, file []byte) ([]byte, string) {
	t.Helper()
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	if err := writer.WriteField("messaging_product", "whatsapp"); err != nil {
		t.Fatal(err)
	}
	part, err := writer.CreateFormFile("file", "x.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return body.Bytes(), writer.FormDataContentType()
}

func post(t *testing.T, url, contentType string, body io.Reader) int {
	t.Helper()
	response, err := http.Post(url, contentType, body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

func statsOf(t *testing.T, url string) (s stats) {
	t.Helper()
	response, err := http.Get(url + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSinkCountsAndHashesWhatItReceives(t *testing.T) {
	server := httptest.NewServer(newSinkHandler())
	defer server.Close()
	upload := server.URL + "/v25.0/" + sinkPhone + "/media"
	var total int64
	for i, size := range []int64{0, 1, 20 * kib, 3 * mib} {
		file, err := io.ReadAll(newFile(size))
		if err != nil {
			t.Fatal(err)
		}
		state := "off"
		if i == 2 {
			state = "on"
		}
		post(t, server.URL+"/digest/"+state, "", nil)
		body, contentType := form(t, file)
		if status := post(t, upload, contentType, bytes.NewReader(body)); status != http.StatusOK {
			t.Errorf("%d bytes: status %d", size, status)
		}
		total += size
	}
	hashed := sha256.New()
	if _, err := io.Copy(hashed, newFile(20*kib)); err != nil {
		t.Fatal(err)
	}
	if got, want := statsOf(t, server.URL), (stats{4, total, 0, hex.EncodeToString(hashed.Sum(nil))}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestSinkTellsTheDigestOfAnUploadedObject(t *testing.T) {
	server := httptest.NewServer(newSinkHandler())
	defer server.Close()
	for _, size := range []int64{20 * kib, 3 * mib} {
		file, err := io.ReadAll(newFile(size))
		if err != nil {
			t.Fatal(err)
		}
		body, contentType := form(t, file)
		var uploaded struct{ ID string }
		response, err := http.Post(server.URL+"/v25.0/"+sinkPhone+"/media", contentType, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		decode(t, response, &uploaded)
		var media struct {
			ID, SHA256 string
			Size       int64 `json:"file_size"`
		}
		if response, err = http.Get(server.URL + "/v25.0/" + uploaded.ID); err != nil {
			t.Fatal(err)
		}
		decode(t, response, &media)
		sum := sha256.Sum256(file)
		if media.ID != uploaded.ID || media.Size != size || media.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%d bytes: the sink says %+v of upload %s", size, media, uploaded.ID)
		}
	}
	var account struct{ ID, Name string }
	response, err := http.Get(server.URL + "/v25.0/" + sinkAccount)
	if err != nil {
		t.Fatal(err)
	}
	if decode(t, response, &account); account.ID != sinkAccount || account.Name == "" {
		t.Errorf("the account is %+v", account)
	}
}

func decode(t *testing.T, response *http.Response, into any) {
	t.Helper()
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestSinkRefusesWhatIsNotACompleteUpload(t *testing.T) {
	server := httptest.NewServer(newSinkHandler())
	defer server.Close()
	upload := server.URL + "/v25.0/" + sinkPhone + "/media"
	body, contentType := form(t, []byte("hello"))
	unclosed := bytes.TrimSuffix(body, []byte("--\r\n"))
	for name, test := range map[string]struct {
		contentType string
		body        io.Reader
	}{
		"no form":           {"text/plain", bytes.NewReader(body)},
		"not closed":        {contentType, bytes.NewReader(append(unclosed, "xxxx"...))},
		"only the boundary": {contentType, bytes.NewReader(body[len(body)-20:])},
		"no file part":      {contentType, bytes.NewReader(bytes.ReplaceAll(body, []byte(`name="file"`), []byte(`name="data"`)))},
		"endless head":      {contentType, strings.NewReader(strings.Repeat("x", 2*maxFormHead))},
		"no length":         {contentType, struct{ io.Reader }{bytes.NewReader(body)}},
	} {
		if status := post(t, upload, test.contentType, test.body); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, status)
		}
	}
	if got, want := statsOf(t, server.URL), (stats{Refused: 6}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

func TestFileIsTheSameHoweverItIsRead(t *testing.T) {
	const size = 3*lineLength + 17
	whole, err := io.ReadAll(newFile(size))
	if err != nil || int64(len(whole)) != size {
		t.Fatalf("%d bytes, %v", len(whole), err)
	}
	pieces, err := io.ReadAll(io.MultiReader(io.NewSectionReader(lines{}, 0, 70), io.NewSectionReader(lines{}, 70, size-70)))
	if err != nil || !bytes.Equal(whole, pieces) {
		t.Errorf("read in pieces it is %q, not %q (%v)", pieces, whole, err)
	}
	if first, second := string(whole[:lineLength]), string(whole[lineLength:2*lineLength]); first == second || !strings.HasSuffix(first, "\n") {
		t.Errorf("lines are %q and %q", first, second)
	}
}
