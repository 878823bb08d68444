package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/lint"
	"ferry/internal/local"
	"ferry/internal/media"
	"ferry/internal/sample"
	"ferry/socialmessaging"
)

// A reported object is one that people stored and could not send, or that they sent and that
// did not arrive, according to public reports.
type reported struct {
	about, key, contentType, encoding string
	data                              []byte
	absent                            bool   // the object does not exist
	want                              string // code of the refusal; "sent" for none; empty if another test says what it is
}

func sampleData(t *testing.T, name string) []byte {
	t.Helper()
	data := sample.Data(name)
	if data == nil {
		t.Fatalf("there is no sample %s", name)
	}
	return data
}

// asText returns what is left of bytes that a program handled as UTF-8.
func asText(data []byte) []byte { return []byte(string([]rune(string(data)))) }

// asLatin1 returns bytes that a program took for Latin-1 and wrote as UTF-8.
func asLatin1(data []byte) []byte {
	text := make([]rune, len(data))
	for i, b := range data {
		text[i] = rune(b)
	}
	return []byte(string(text))
}

func join(parts ...any) (joined []byte) {
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			joined = append(joined, part...)
		case []byte:
			joined = append(joined, part...)
		}
	}
	return joined
}

// reportedObjects returns the objects by what people reported.
func reportedObjects(t *testing.T) []reported {
	jpeg, png, mp4, mp3 := sampleData(t, "sample.jpg"), sampleData(t, "sample.png"), sampleData(t, "sample.mp4"), sampleData(t, "sample.mp3")
	opus, pdf, docx, webp := sampleData(t, "voice.ogg"), sampleData(t, "sample.pdf"), sampleData(t, "sample.docx"), sampleData(t, "sticker-static.webp")
	silent := bytes.Replace(sampleData(t, "sample.m4a"), []byte("ftypM4A "), []byte("ftypisom"), 1)
	ole := join("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes.Repeat([]byte{0}, 4096))
	webm := join("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87\x81\x04",
		"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x99\xae\x97\xd7\x81\x01\x73\xc5\x81\x01\x83\x81\x02\x86\x86A_OPUS\xe1\x80")
	vorbis := join("OggS\x00\x02", bytes.Repeat([]byte{0}, 20), "\x01\x1e\x01vorbis", bytes.Repeat([]byte{0}, 23))
	form := join("------WebKitFormBoundaryABC\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n",
		jpeg, "\r\n------WebKitFormBoundaryABC--\r\n")
	heic := join("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", bytes.Repeat([]byte{0}, 64))
	quickTime := bytes.Replace(mp4, []byte("ftypisom"), []byte("ftypqt  "), 1)
	csv := []byte("name;amount\nAda;1\n")
	gzip := []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03 and so on")
	rows := []reported{
		{about: "base64 on a decoded JPEG", key: "b.jpg", contentType: "image/jpeg", encoding: "base64", data: jpeg, want: "sent"},
		{about: "utf-8 on text", key: "u.txt", contentType: "text/plain", encoding: "utf-8", data: csv, want: "sent"},
		{about: "binary on a PDF", key: "b.pdf", contentType: "application/pdf", encoding: "binary", data: pdf, want: "sent"},
		{about: "none on a PNG", key: "n.png", contentType: "image/png", encoding: "none", data: png, want: "sent"},
		{about: "aws-chunked and base64", key: "c.jpg", contentType: "image/jpeg", encoding: "aws-chunked,base64", data: jpeg, want: "sent"},
		{about: "gzip on a plain JPEG", key: "g.jpg", contentType: "image/jpeg", encoding: "gzip", data: jpeg, want: "sent"},
		{about: "br on a plain MP4", key: "g.mp4", contentType: "video/mp4", encoding: "br", data: mp4, want: "sent"},
		{about: "gzip", key: "g.txt", contentType: "text/plain", encoding: "gzip", data: gzip, want: media.CodeEncoded},
		{about: "br on unknown bytes", key: "br.txt", contentType: "text/plain", encoding: "br", data: []byte("\x0b\x02\x80hello\x03"), want: media.CodeEncoded},
		{about: "a gzip without the word", key: "plain.gz.jpg", contentType: "image/jpeg", data: gzip},

		{about: "a PDF that is padded", key: "p.pdf", contentType: "application/pdf", data: join(pdf, bytes.Repeat([]byte{0}, 18000))},
		{about: "a PDF with bytes behind its end", key: "h.pdf", contentType: "application/pdf", data: join(pdf, "<html>", bytes.Repeat([]byte("x"), 9000))},
		{about: "a PDF cut short", key: "t.pdf", contentType: "application/pdf", data: pdf[:len(pdf)*2/3]},
		{about: "an old Word file under the name of its container", key: "letter.doc", contentType: "application/CDFV2", data: ole},
		{about: "the same without a type", key: "letter2.doc", data: ole},
		{about: "a docx as zip", key: "a.docx", contentType: "application/zip", data: docx},
		{about: "a recording without a picture, untyped", key: "voice-note", data: silent},
		{about: "the same as video/mp4", key: "voice.mp4", contentType: "video/mp4", data: silent},
		{about: "Chrome's voice note", key: "voice.webm", contentType: "video/webm", data: webm},
		{about: "the same untyped", key: "voice2.webm", data: webm},
		{about: "a WebP named JPEG", key: "photo.jpg", contentType: "image/jpeg", data: webp},
		{about: "an xls that is HTML", key: "report.xls", contentType: "application/vnd.ms-excel", data: []byte(`<html xmlns:x="urn:schemas-microsoft-com:office:excel"><table><tr><td>1</td></tr></table></html>`)},
		{about: "an error page in place of a PDF", key: "error.pdf", contentType: "application/pdf", data: []byte("<!DOCTYPE html><html><title>403</title></html>")},
		{about: "RTF without a type", key: "letter.rtf", data: []byte(`{\rtf1\ansi\b Hello}`)},
		{about: "RTF with its type", key: "letter2.rtf", contentType: "application/rtf", data: []byte(`{\rtf1\ansi\b Hello}`)},

		{about: "a PDF handled as text", key: "text.pdf", contentType: "application/pdf", data: asText(pdf)},
		{about: "a JPEG handled as text", key: "text.jpg", contentType: "image/jpeg", data: asText(jpeg)},
		{about: "a PNG handled as text", key: "text.png", contentType: "image/png", data: asText(png)},
		{about: "an MP4 handled as text", key: "text.mp4", contentType: "video/mp4", data: asText(mp4)},
		{about: "an Ogg handled as text", key: "text.ogg", contentType: "audio/ogg", data: asText(opus)},
		{about: "a PDF taken for Latin-1", key: "latin.pdf", contentType: "application/pdf", data: asLatin1(pdf)},
		{about: "a byte order mark in front of a JPEG", key: "bom", data: join("\xef\xbb\xbf", jpeg)},
		{about: "a byte order mark in front of a docx", key: "bom.docx", contentType: "text/plain", data: join("\xef\xbb\xbf", docx)},
		{about: "a byte order mark in front of an MP3", key: "bom.mp3", contentType: "audio/mpeg", data: join("\xef\xbb\xbf", mp3)},
		{about: "a stored form", key: "form.jpg", contentType: "image/jpeg", data: form},
		{about: "a stored form under its type", key: "form2.jpg", contentType: "multipart/form-data", data: form},
		{about: "base64 text", key: "text64.jpg", contentType: "image/jpeg", data: []byte(strings.Repeat("/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAgGBgcG", 20))},
		{about: "Vorbis as MP3", key: "vorbis.mp3", contentType: "audio/mpeg", data: vorbis},
		{about: "Opus as MP3", key: "opus.mp3", contentType: "audio/mpeg", data: opus},
		{about: "QuickTime as MP4", key: "qt.mp4", contentType: "video/mp4", data: quickTime},
		{about: "QuickTime", key: "qt.mov", contentType: "video/quicktime", data: quickTime},
		{about: "HEIC", key: "a.heic", contentType: "image/heic", data: heic},
		{about: "HEIC as JPEG", key: "heic.jpg", contentType: "image/jpeg", data: heic},
		{about: "a GIF", key: "a.gif", contentType: "image/gif", data: []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00")},
		{about: "an SVG", key: "a.svg", contentType: "image/svg+xml", data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
		{about: "CSV under its own type", key: "a.csv", contentType: "text/csv", data: csv},
		{about: "CSV as a workbook", key: "b.csv", contentType: "application/vnd.ms-excel", data: csv},
		{about: "nothing", key: "empty.jpg", contentType: "image/jpeg", want: media.CodeEmpty},
		{about: "an image that is too large", key: "large.jpg", contentType: "image/jpeg", data: join(jpeg, make([]byte, 6<<20)), want: media.CodeTooLarge},
		{about: "a video above every limit", key: "huge.mp4", contentType: "video/mp4", data: join(mp4, make([]byte, 105<<20)), want: media.CodeTooLarge},
		{about: "the same without a type", key: "huge", data: join(mp4, make([]byte, 105<<20)), want: media.CodeTooLarge},

		{about: "a key as it stands in an S3 event", key: "my+file.jpg", absent: true, want: "object-not-found"},
		{about: "a key with an encoded plus", key: "a%2Bb.jpg", absent: true, want: "object-not-found"},
		{about: "a key that is wrong", key: "nowhere.jpg", absent: true, want: "object-not-found"},
		{about: "a dot segment", key: "a/../b.jpg", absent: true, want: "bad-key"},
	}
	for _, declared := range []string{"image/*", "application/octetstream", "octet/stream", "application/octect-stream", "application/octet", "image/unknown", "*/*"} {
		rows = append(rows, reported{about: "a JPEG as " + declared, key: "typed.jpg", contentType: declared, data: jpeg})
	}
	for _, declared := range []string{"audio/opus", "audio/opus; codecs=opus", "application/ogg", `audio/ogg;codecs="opus"`} {
		rows = append(rows, reported{about: "Opus as " + declared, key: "typed.ogg", contentType: declared, data: opus, want: "sent"})
	}
	for _, key := range []string{
		"a b.jpg", "a+b.jpg", "a%20b.jpg", "a#?&b.jpg", `quote"s'.jpg`, "größe.jpg", "gro\u0308ße.jpg", "写真.jpg", "صورة.jpg", "📷.jpg", "tab\t.jpg",
		strings.Repeat("k", 1024), ".jpg", "noext", "trailing.", "sub//x.jpg", "/leading.jpg",
	} {
		rows = append(rows, reported{about: "the key " + key, key: key, contentType: "image/jpeg", data: jpeg, want: "sent"})
	}
	for _, f := range sample.Files() {
		rows = append(rows, reported{about: "octet-stream of " + f.Name, key: "untyped/" + f.Name, contentType: "binary/octet-stream", data: f.Data, want: "sent"})
	}
	for _, f := range sample.BadFiles() {
		rows = append(rows, reported{about: "the sample " + f.Name, key: "bad/" + f.Name, contentType: f.ContentType, data: f.Data})
	}
	return rows
}

// whatPostSays returns what the API says about an object.
func whatPostSays(t *testing.T, d *demo, phone, key string) (text string, exception socialmessaging.Exception) {
	t.Helper()
	_, err := d.client.PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &phone, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: &key},
	})
	if err == nil {
		return "", exception
	}
	exception, ok := socialmessaging.AsException(err)
	if !ok {
		t.Fatalf("%s: %v", key, err)
	}
	return exception.Message, exception
}

func TestLintAndPostAgreeAboutEveryReportedObject(t *testing.T) {
	world := startWorld(t)
	d := newDemo(world, nil)
	linter := (&mediaLintCommand{}).linter()
	defer linter.Close()
	refusals := 0
	for _, r := range reportedObjects(t) {
		t.Run(r.about, func(t *testing.T) {
			if !r.absent {
				storeReported(t, d, r)
			}
			said, exception := whatPostSays(t, d, world.PhoneNumberID, r.key)
			got := linter.Check(t.Context(), "s3://"+local.Bucket+"/"+r.key)
			if exception.Code != "" {
				refusals++
			}
			checkAgreement(t, got, said, exception)
			if r.want == "sent" && said != "" || r.want != "" && r.want != "sent" && exception.Finding != r.want {
				t.Errorf("post says %q [%s], want %s", said, exception.Finding, r.want)
			}
		})
	}
	if refusals < 40 {
		t.Errorf("only %d were refused", refusals)
	}
}

// storeReported stores an object until the test has ended.
func storeReported(t *testing.T, d *demo, r reported) {
	t.Helper()
	input := &s3.PutObjectInput{Bucket: aws.String(local.Bucket), Key: &r.key, Body: bytes.NewReader(r.data)}
	if r.contentType != "" {
		input.ContentType = &r.contentType
	}
	if r.encoding != "" {
		input.ContentEncoding = &r.encoding
	}
	if _, err := d.bucket.PutObject(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := d.bucket.DeleteObject(context.WithoutCancel(t.Context()), &s3.DeleteObjectInput{Bucket: input.Bucket, Key: input.Key}); err != nil {
			t.Error(err)
		}
	})
}

// checkAgreement compares what lint found with what the API said.
func checkAgreement(t *testing.T, got lint.Result, said string, exception socialmessaging.Exception) {
	t.Helper()
	if exception.Code != "" && (exception.Finding == "" || exception.Fix == "" || !strings.HasSuffix(said, " ["+exception.Finding+"]")) {
		t.Errorf("the refusal %q has the finding %q and the fix %q", said, exception.Finding, exception.Fix)
	}
	if got.Error != "" {
		if got.Code != exception.Finding || got.Fix != exception.Fix {
			t.Errorf("lint says %q [%s], post %q", got.Error, got.Code, said)
		}
		return
	}
	if text := refusal(got); text != said {
		t.Errorf("lint says\n%s\nand post\n%s", text, said)
	}
}
