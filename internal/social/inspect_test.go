package social_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"ferry/internal/sample"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/internal/transfer"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// badSample is one of the bad sample files.
func badSample(t *testing.T, name string) sample.BadFile {
	t.Helper()
	all := sample.BadFiles()
	i := slices.IndexFunc(all, func(f sample.BadFile) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("there is no bad sample %s", name)
	}
	return all[i]
}

func TestFileThatWouldFailOnDeliveryIsRefusedWithItsFix(t *testing.T) {
	w := newWorld(t)
	file := badSample(t, "opus-not-mono.ogg")
	w.put(file.Name, file.ContentType, file.Data)
	_, err := w.post(file.Name)
	exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err)
	if !ok || !strings.HasSuffix(exception.ErrorMessage(), " [opus-not-mono]") || !strings.Contains(exception.ErrorMessage(), "ffmpeg -i IN") {
		t.Errorf("%v", err)
	}
	line := lastLine(t, w.log)
	if list, ok := line["findings"].([]any); !ok || len(list) != 1 || !strings.HasPrefix(list[0].(string), "opus-not-mono (will-fail): ") {
		t.Errorf("logged %v", line)
	}
	if requests := w.simulator.Requests(); slices.ContainsFunc(requests, func(r metasim.Request) bool { return r.Method == "POST" }) {
		t.Errorf("something was sent to WhatsApp: %+v", requests)
	}
}

func TestFileThatWouldFailOnDeliveryIsUploadedWhereOnlyAWarningIsWanted(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.api.WillFail = transfer.WarnWillFail })
	file := badSample(t, "opus-not-mono.ogg")
	w.put(file.Name, file.ContentType, file.Data)
	if _, err := w.post(file.Name); err != nil {
		t.Fatal(err)
	}
	if line := lastLine(t, w.log); line["findings"] == nil || line["media_id"] == nil {
		t.Errorf("logged %v", line)
	}
	// What WhatsApp refuses at the upload is refused all the same.
	file = badSample(t, "office-no-document.docx")
	w.put(file.Name, file.ContentType, file.Data)
	if _, err := w.post(file.Name); err == nil || !strings.Contains(err.Error(), "[office-no-document]") {
		t.Errorf("%v", err)
	}
}

func TestFileThatLooksBadIsUploadedAndLogged(t *testing.T) {
	w := newWorld(t)
	file := badSample(t, "image-not-rgb.png")
	w.put(file.Name, file.ContentType, file.Data)
	if _, err := w.post(file.Name); err != nil {
		t.Fatal(err)
	}
	if line := lastLine(t, w.log); !strings.HasPrefix(line["findings"].([]any)[0].(string), "image-not-rgb (looks-bad): ") {
		t.Errorf("logged %v", line)
	}
	w.put("note.txt", "text/plain", text)
	if _, err := w.post("note.txt"); err != nil {
		t.Fatal(err)
	}
	if line := lastLine(t, w.log); line["findings"] != nil || line["unchecked"] != nil {
		t.Errorf("logged of a file without fault: %v", line)
	}
}

func TestWhatAPresignedURLDoesNotShowIsLoggedAsUnchecked(t *testing.T) {
	w := newWorld(t)
	data := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("%.......\n"), 20000)...)
	data = append(data, "trailer <<>>\nstartxref\n0\n%%EOF\n"...)
	w.put("a.pdf", "application/pdf", data)
	link := w.presign("a.pdf")
	_, err := w.postAs(t.Context(), w.key, &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &w.phone, SourceS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &link, Headers: map[string]string{"Content-Type": "application/pdf"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if line := lastLine(t, w.log); !strings.Contains(line["unchecked"].([]any)[0].(string), "not read by ranges") {
		t.Errorf("logged %v", line)
	}
}

func TestWillFailIsRefuseOrWarn(t *testing.T) {
	if _, err := social.New(social.Config{WillFail: "ignore"}); err == nil || !strings.Contains(err.Error(), "refuse or warn") {
		t.Errorf("%v", err)
	}
}

func TestTextFormatsAreSentAsPlainTextWhereTheAccountWantsIt(t *testing.T) {
	files := map[string]struct{ contentType, text string }{
		"contacts.csv": {"text/csv", "name,number\nPat,15550783881\n"},
		"order.json":   {"application/json", `{"order": 1}`},
		"feed.xml":     {"application/xml", `<?xml version="1.0"?><feed/>`},
		"readme.md":    {"text/markdown", "# Title\n"},
		"pat.vcf":      {"text/vcard", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Pat\r\nEND:VCARD\r\n"},
	}
	for name, turnOn := range map[string]func(w *world){
		"for the account":  func(w *world) { w.must(w.state.Set(t.Context(), account, state.TextAsPlain, true)) },
		"for all accounts": nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *settings) { c.api.TextAsPlain = turnOn == nil })
			for key, file := range files {
				w.put(key, file.contentType, []byte(file.text))
			}
			if turnOn != nil {
				if _, err := w.post("contacts.csv"); err == nil || !strings.Contains(err.Error(), "ferry account text-as-plain") {
					t.Errorf("with the setting off: %v", err)
				}
				turnOn(w)
			}
			for key := range files {
				media, there := w.simulator.Media(w.mustPost(key))
				if !there || media.MIMEType != "text/plain" || media.FileName != key {
					t.Errorf("%s is at WhatsApp as %+v", key, media)
				}
			}
		})
	}
}
