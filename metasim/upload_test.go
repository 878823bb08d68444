package metasim

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUploadStoresTheFileAndReturnsItsID(t *testing.T) {
	product := field("messaging_product", "whatsapp")
	tests := map[string]struct {
		form, mimeType, content string
	}{
		"fields first":          {formOf(product, field("type", "image/png"), file("a.png", "image/png", png)), "image/png", png},
		"file first":            {formOf(file("a.png", "image/png", png), product), "image/png", png},
		"type is not looked at": {formOf(product, field("type", "video/mp4"), file("a.png", "image/png", png)), "image/png", png},
		"parameters of a type":  {formOf(product, file("a.ogg", "audio/ogg; codecs=opus", opus)), "audio/ogg; codecs=opus", opus},
		"type in capitals":      {formOf(product, file("A.JPG", "IMAGE/JPEG", jpeg)), "image/jpeg", jpeg},
		"csv as text":           {formOf(product, file("a.csv", "text/plain", "a;b\n")), "text/plain", "a;b\n"},
		"no line end at the end": {strings.TrimSuffix(formOf(product, file("a.pdf", "application/pdf", pdf)), "\r\n"),
			"application/pdf", pdf},
		"content like a boundary": {formOf(product, file("a.txt", "text/plain", "x--"+boundary+"\r\n--simulated-\r\n")),
			"text/plain", "x--" + boundary + "\r\n--simulated-\r\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			a := s.post(test.form)
			if a.status != http.StatusOK {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			id, _ := a.fields(t)["id"].(string)
			if len(a.fields(t)) != 1 || !regexp.MustCompile(`^[1-9]\d{14,16}$`).MatchString(id) {
				t.Errorf("answer %s is not an id of 15 to 17 digits", a.body)
			}
			digest := sha256.Sum256([]byte(test.content))
			want := Media{
				ID: id, PhoneNumberID: phone1, MIMEType: test.mimeType, Size: int64(len(test.content)),
				SHA256: hex.EncodeToString(digest[:]), Created: s.manual.Now(), Expires: s.manual.Now().Add(30 * 24 * time.Hour),
			}
			got, ok := s.Media(id)
			want.FileName = got.FileName
			if diff := cmp.Diff(want, got); !ok || diff != "" {
				t.Errorf("Media (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUploadAcceptsChunkedBodies(t *testing.T) {
	s := startSim(t)
	body := struct{ *strings.Reader }{strings.NewReader(formOf(field("messaging_product", "whatsapp"), file("a.png", "image/png", png)))}
	a := s.mustSend(http.MethodPost, "/v25.0/"+phone1+"/media", body, "Authorization", "Bearer "+token1, "Content-Type", formType)
	if a.status != http.StatusOK || s.lastRequest().ContentLength != -1 {
		t.Errorf("status %d, Content-Length %d: %s", a.status, s.lastRequest().ContentLength, a.body)
	}
}

func TestUploadRefusesWithMetasWords(t *testing.T) {
	product := field("messaging_product", "whatsapp")
	good := file("a.png", "image/png", png)
	const types = "(#100) Param file must be a file with one of the following types: audio/aac, audio/mp4, audio/mpeg, audio/amr, audio/ogg, audio/opus, application/vnd.ms-powerpoint, application/msword, application/vnd.openxmlformats-officedocument.wordprocessingml.document, application/vnd.openxmlformats-officedocument.presentationml.presentation, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, application/pdf, text/plain, application/vnd.ms-excel, image/jpeg, image/png, image/webp, video/mp4, video/3gpp. Received file of type '"
	tests := map[string]struct{ form, message string }{
		"no messaging_product":       {formOf(good), "(#100) The parameter messaging_product is required."},
		"other messaging_product":    {formOf(field("messaging_product", "telegram"), good), `(#100) Param messaging_product must be one of {WHATSAPP} - got "telegram".`},
		"no file":                    {formOf(product), "(#100) The parameter file is required."},
		"file without a file name":   {formOf(product, field("file", png)), "(#100) The parameter file is required."},
		"octet-stream":               {formOf(product, file("a.png", "application/octet-stream", png)), types + "application/octet-stream'."},
		"no type of the part":        {formOf(product, part(`Content-Disposition: form-data; name="file"; filename="a.png"`, png)), types + "application/octet-stream'."},
		"type decides, not the part": {formOf(product, field("type", "image/png"), file("a.png", "text/csv", png)), types + "text/csv'."},
		"ttl too short":              {formOf(product, field("ttl_minutes", "59"), good), "(#100) Param ttl_minutes must be a number from 60 to 43200."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			a := s.post(test.form)
			e := a.refusal(t).Error
			if a.status != http.StatusBadRequest || e.Code != 100 || e.Type != "OAuthException" || e.TraceID == "" {
				t.Errorf("status %d, error %+v", a.status, e)
			}
			if diff := cmp.Diff(test.message, e.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			assertNothingStored(t, s)
		})
	}
}

func TestMislabelledFilesAreRefusedIfStrictAndWarnedOfOtherwise(t *testing.T) {
	tests := map[string]struct{ name, contentType, content, details string }{
		"html as jpeg":           {"a.jpg", "image/jpeg", "<html><body>403", "Image file uploaded with mimetype as image/jpeg, however on processing it is of type text/html. Please choose a different file."},
		"png as jpeg":            {"a.jpg", "image/jpeg", png, "Image file uploaded with mimetype as image/jpeg, however on processing it is of type image/png. Please choose a different file."},
		"no extension":           {"a", "image/jpeg", jpeg, "Image file uploaded with mimetype as image/jpeg, however on processing it is of type application/octet-stream. Please choose a different file."},
		"extension of another":   {"a.mp4", "audio/ogg", opus, "Audio file uploaded with mimetype as audio/ogg, however on processing it is of type application/octet-stream. Please choose a different file."},
		"random bytes as mp4":    {"a.mp4", "video/mp4", "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C", "Video file uploaded with mimetype as video/mp4, however on processing it is of type application/octet-stream. Please choose a different file."},
		"binary as plain text":   {"a.txt", "text/plain", "a\x01b", "Document file uploaded with mimetype as text/plain, however on processing it is of type application/octet-stream. Please choose a different file."},
		"image name of a text":   {"a.png", "text/plain", "words", "Document file uploaded with mimetype as text/plain, however on processing it is of type application/octet-stream. Please choose a different file."},
		"an empty file":          {"a.pdf", "application/pdf", "", "The file is empty."},
		"an empty image of text": {"a.png", "image/png", "", "The file is empty."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, strict)
			form := formOf(field("messaging_product", "whatsapp"), file(test.name, test.contentType, test.content))
			a := s.post(form)
			e := a.refusal(t).Error
			if a.status != http.StatusBadRequest || e.Code != 100 || e.Data == nil {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			assertNothingStored(t, s)
			if test.content == "" {
				if diff := cmp.Diff(test.details, e.Data.Details); diff != "" {
					t.Errorf("details (-want +got):\n%s", diff)
				}
				return
			}
			if diff := cmp.Diff(test.details+" "+strictNotice(warnMislabelled), e.Data.Details); diff != "" {
				t.Errorf("details (-want +got):\n%s", diff)
			}
			s = startSim(t)
			if a := s.post(form); a.status != http.StatusOK {
				t.Fatalf("not strict: status %d: %s", a.status, a.body)
			}
			if w := s.lastRequest().Warnings; len(w) == 0 || w[0] != (Warning{warnMislabelled, test.details}) {
				t.Errorf("warnings %+v", w)
			}
		})
	}
}

func TestAFileHasAName(t *testing.T) {
	s := startSim(t)
	if a := s.post(formOf(field("messaging_product", "whatsapp"), field("file", jpeg))); a.status != http.StatusBadRequest {
		t.Errorf("a file without a name: status %d", a.status)
	}
}

func TestUploadEnforcesSizeLimitsExactly(t *testing.T) {
	animated := "RIFF\x00\x00\x00\x00WEBPVP8X\x0A\x00\x00\x00\x02"
	still := "RIFF\x00\x00\x00\x00WEBPVP8X\x0A\x00\x00\x00\x10"
	tests := map[string]struct {
		name, contentType, head string
		limit                   int
	}{
		"image":            {"a.jpg", "image/jpeg", jpeg, 5 << 20},
		"audio":            {"a.ogg", "audio/ogg", opus, 16 << 20},
		"video":            {"a.mp4", "video/mp4", mp4, 16 << 20},
		"document":         {"a.pdf", "application/pdf", pdf, 100 << 20},
		"animated sticker": {"a.webp", "image/webp", animated, 500 << 10},
		"static sticker":   {"a.webp", "image/webp", still, 100 << 10},
		"simple sticker":   {"a.webp", "image/webp", "RIFF\x00\x00\x00\x00WEBPVP8L", 100 << 10},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && test.limit > videoLimit {
				t.Skip("uploads 200 MiB")
			}
			s := startSim(t, func(c *Config) { c.Storage = NewDiscardStorage() })
			upload := func(size int) response {
				body, length := sizedForm(test.name, test.contentType, test.head, size)
				return s.mustSend(http.MethodPost, "/v25.0/"+phone1+"/media", body, "Authorization", "Bearer "+token1,
					"Content-Type", formType, "X-Length", length)
			}
			if a := upload(test.limit); a.status != http.StatusOK {
				t.Errorf("at the limit: %d %s", a.status, a.body)
			}
			a := upload(test.limit + 1)
			e := a.refusal(t).Error
			if a.status != http.StatusBadRequest || e.Code != 100 || e.UserTitle != "File Too Large" || e.UserMsg != "The file you uploaded is too large." {
				t.Errorf("above the limit: %d %s", a.status, a.body)
			}
			if _, total := s.media.list(s.manual.Now(), 0); total != 1 {
				t.Errorf("%d files are stored, want 1", total)
			}
		})
	}
}

func TestUploadChecksTokenAndNumberBeforeTheBody(t *testing.T) {
	tests := map[string]struct {
		token, phone string
		status, code int
		subcode      int
		message      string
		challenge    bool
	}{
		"no token":         {"", phone1, 401, 104, 0, "An access token is required to request this resource.", true},
		"bad token":        {"Bearer nonsense", phone1, 401, 190, 0, "Invalid OAuth access token - Cannot parse access token", true},
		"other scheme":     {"Basic " + token1, phone1, 401, 104, 0, "An access token is required to request this resource.", true},
		"another's number": {"Bearer " + token1, phone2, 400, 100, 33, unsupported("post", phone2).message, false},
		"unknown number":   {"Bearer " + token1, "999", 400, 100, 33, unsupported("post", "999").message, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			body, _ := sizedForm("a.pdf", "application/pdf", pdf, 8<<20)
			header := []string{"Content-Type", formType}
			if test.token != "" {
				header = append(header, "Authorization", test.token)
			}
			a := s.mustSend(http.MethodPost, "/v25.0/"+test.phone+"/media", body, header...)
			e := a.refusal(t).Error
			if a.status != test.status || e.Code != test.code || e.Subcode != test.subcode || e.Message != test.message {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if got := a.header.Get("WWW-Authenticate"); (got != "") != test.challenge {
				t.Errorf("WWW-Authenticate %q", got)
			}
			if read := s.lastRequest().BytesRead; read != 0 && test.code != 104 { // a token may be in the form
				t.Errorf("%d bytes of the body were read", read)
			}
		})
	}
}

func TestUploadedFilesExpireAfterThirtyDaysOrTheirTTL(t *testing.T) {
	s := startSim(t)
	long := s.mustUpload("a.png", "image/png", png)
	a := s.post(formOf(field("messaging_product", "whatsapp"), field("ttl_minutes", "60"), file("a.png", "image/png", png)))
	short, _ := a.fields(t)["id"].(string)

	s.manual.advance(time.Hour)
	if a := s.get("/v25.0/" + short); a.status != http.StatusBadRequest {
		t.Errorf("after an hour: status %d", a.status)
	}
	s.manual.advance(30*24*time.Hour - time.Hour - time.Second)
	if a := s.get("/v25.0/" + long); a.status != http.StatusOK {
		t.Errorf("before thirty days: %d %s", a.status, a.body)
	}
	s.manual.advance(time.Second)
	if e := s.get("/v25.0/" + long).refusal(t).Error; e.Code != 100 || e.Subcode != 33 {
		t.Errorf("after thirty days: %+v", e)
	}
	s.mustUpload("a.png", "image/png", png) // removes what has expired
	if s.media.has(long) {
		t.Error("the expired file was not removed")
	}
}

// assertNothingStored checks that there are neither media nor bytes of them.
func assertNothingStored(t *testing.T, s *sim) {
	t.Helper()
	if _, total := s.media.list(s.manual.Now(), 0); total != 0 {
		t.Errorf("%d files are stored", total)
	}
	if memory, ok := s.cfg.Storage.(*memoryStorage); ok {
		memory.mu.Lock()
		defer memory.mu.Unlock()
		if memory.used != 0 || len(memory.files) != 0 {
			t.Errorf("%d bytes are in use by %d files", memory.used, len(memory.files))
		}
	}
}
