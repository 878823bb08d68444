package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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

// refusal returns the findings of lint as the text of an exception.
func refusal(l lint.Result) string {
	return media.Result{Findings: l.Findings}.Refusal(media.WillFail)
}

func TestLintAndGatewayReportTheSameAboutAnObject(t *testing.T) {
	world := startWorld(t)
	demo := newDemo(world, nil)
	put := func(key, contentType, encoding string, data []byte) {
		input := &s3.PutObjectInput{Bucket: aws.String(local.Bucket), Key: &key, ContentType: &contentType, Body: bytes.NewReader(data)}
		if encoding != "" {
			input.ContentEncoding = &encoding
		}
		if _, err := demo.bucket.PutObject(t.Context(), input); err != nil {
			t.Fatal(err)
		}
	}
	put("a.gif", "image/gif", "", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"))
	put("empty.txt", "text/plain", "", nil)
	put("page.jpg", "image/jpeg", "", []byte("<!DOCTYPE html><html></html>"))
	put("large.webp", "image/webp", "", append([]byte("RIFF\x1a\x00\x10\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\xff\x01\x00\xff\x01\x00"), make([]byte, 1<<20)...))
	put("encoded.txt", "text/plain", "gzip", []byte("\x1f\x8b hello"))
	keys := []string{"a.gif", "empty.txt", "page.jpg", "large.webp", "encoded.txt"}
	for _, f := range sample.BadFiles() {
		put("bad/"+f.Name, f.ContentType, "", f.Data)
		keys = append(keys, "bad/"+f.Name)
	}
	linter := (&mediaLintCommand{}).linter()
	defer linter.Close()
	refused := 0
	for _, key := range keys {
		_, err := demo.client.PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
			OriginationPhoneNumberId: &world.PhoneNumberID, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: &key},
		})
		said := ""
		if exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err); ok {
			said = aws.ToString(exception.Message)
			refused++
		} else if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		got := linter.Check(t.Context(), "s3://"+local.Bucket+"/"+key)
		if refusal(got) != said || got.Error != "" {
			t.Errorf("%s: the gateway says\n%s\nand lint\n%s%s", key, said, refusal(got), got.Error)
		}
	}
	if refused < 20 {
		t.Errorf("only %d refused", refused)
	}
}

// A store and a web server with objects that cannot be sent to WhatsApp.
func TestObjectsThatAreRefusedUnreadHaveACodeAndAFix(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		switch {
		case strings.HasSuffix(r.URL.Path, "encoded"):
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("\x1f\x8b\x08 and so on"))
			return
		case strings.HasSuffix(r.URL.Path, "long"):
			w.Header().Set("Content-Type", "video/mp4")
			w.Header().Set("Content-Length", fmt.Sprint(100<<20+1))
			_, _ = w.Write(append([]byte("\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2"), make([]byte, media.HeadSize)...))
			return
		case strings.HasSuffix(r.URL.Path, "endless"):
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = w.Write([]byte("%PDF-1.7"))
	}))
	defer server.Close()
	for name, value := range map[string]string{"HOME": t.TempDir(), "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL_S3": server.URL} {
		t.Setenv(name, value)
	}
	linter := (&mediaLintCommand{}).linter()
	defer linter.Close()
	for path, code := range map[string]string{"encoded": media.CodeEncoded, "long": media.CodeTooLarge, "endless": media.CodeSizeUnknown} {
		for _, source := range []string{"s3://bucket/" + path, server.URL + "/" + path} {
			got := linter.Check(t.Context(), source)
			if len(got.Findings) != 1 || got.Findings[0].Code != code || got.Findings[0].Severity != media.Refused || got.Findings[0].Fix == "" || got.Error != "" {
				t.Errorf("%s: %+v, want %s", source, got, code)
			}
		}
	}
}

func TestLintReadsAStoreWithTheSettingsOfTheSDK(t *testing.T) {
	world := startWorld(t)
	putBadFile(t, world, "in/1.ogg", "opus-not-mono.ogg")
	linter := (&mediaLintCommand{}).linter()
	defer linter.Close()
	got := linter.Check(t.Context(), "s3://"+local.Bucket+"/in/1.ogg")
	if len(got.Findings) != 1 || got.Findings[0].Code != media.CodeOpusNotMono || got.Name != "1.ogg" || got.Type != "audio/ogg" || got.Size == nil {
		t.Errorf("%+v", got)
	}
	for key, words := range map[string]string{"in/none.ogg": "no object with the key"} {
		got := linter.Check(t.Context(), "s3://"+local.Bucket+"/"+key)
		if !strings.Contains(got.Error, words) || len(got.Findings) > 0 {
			t.Errorf("%s: %+v", key, got)
		}
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong-canary")
	other := (&mediaLintCommand{}).linter()
	defer other.Close()
	if got := other.Check(t.Context(), "s3://"+local.Bucket+"/in/1.ogg"); got.Error == "" || strings.Contains(got.Error, "canary") {
		t.Errorf("with a wrong secret: %+v", got)
	}
	t.Setenv("AWS_REGION", "")
	if got := (&mediaLintCommand{}).linter().Check(t.Context(), "s3://"+local.Bucket+"/in/1.ogg"); got.Error != errNoRegion.Error() {
		t.Errorf("without a region: %+v", got)
	}
}
