package social_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/google/go-cmp/cmp"

	"ferry/internal/admin"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/metasim"
	"ferry/socialmessaging"
)

var text = bytes.Repeat([]byte("All that is gold does not glitter.\n"), 40)

func TestFileInABucketBecomesMediaOfThePhoneNumber(t *testing.T) {
	w := newWorld(t)
	w.put("docs/note.txt", "text/plain; charset=utf-8", text)
	id, err := w.post("docs/note.txt")
	if err != nil {
		t.Fatal(err)
	}
	checkStored(t, w, id, "s3", "s3://media/docs/note.txt")
}

func TestFileBehindAPresignedURLBecomesMediaOfThePhoneNumber(t *testing.T) {
	w := newWorld(t)
	w.put("docs/note.txt", "binary/octet-stream", text)
	link := w.presign("docs/note.txt")
	id, err := w.postAs(t.Context(), w.key, &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &w.phone, SourceS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &link, Headers: map[string]string{"content-type": "text/plain"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(link, "?")
	checkStored(t, w, id, "presigned-url", name)
}

// checkStored compares what the simulator got and what is on record with what was sent.
func checkStored(t *testing.T, w *world, id, source, name string) {
	t.Helper()
	got, ok := w.simulator.Media(id)
	if !ok || got.PhoneNumberID != "1" || got.MIMEType != "text/plain" || got.FileName != "note.txt" || got.Size != int64(len(text)) {
		t.Errorf("the simulator has %+v", got)
	}
	record, err := w.state.Media(t.Context(), strings.TrimPrefix(w.phone, "phone-number-id-"), id)
	if err != nil {
		t.Fatal(err)
	}
	if record.SHA256 != "" || record.Size != got.Size || record.Source != source || record.SourceName != name || record.SourceETag == "" ||
		record.AccessKeyID != w.key.ID || record.ExpiresAt.Sub(record.CreatedAt) != 30*24*time.Hour {
		t.Errorf("on record is %+v", record)
	}
}

func TestPhoneNumberIsNamedByIDOrARN(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	bare := strings.TrimPrefix(w.phone, "phone-number-id-")
	for given, found := range map[string]bool{
		w.phone: true,
		"arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/" + bare:        true,
		"arn:aws:social-messaging:us-east-1:444455556666:phone-number-id/" + bare:        false,
		"arn:aws:social-messaging:eu-west-1:111122223333:phone-number-id/" + bare:        false,
		"arn:aws-cn:social-messaging:us-east-1:111122223333:phone-number-id/" + bare:     false,
		"arn:aws:sms-voice:us-east-1:111122223333:phone-number-id/" + bare:               false,
		"phone-number-id-" + strings.Repeat("0", 32):                                     false,
		"phone-number-id-" + strings.ToUpper(bare):                                       false,
		"arn:aws:social-messaging:us-east-1:111122223333:waba/x:phone-number-id/" + bare: false,
	} {
		_, err := w.postAs(t.Context(), w.key, &socialmessaging.PostWhatsAppMessageMediaInput{
			OriginationPhoneNumberId: &given, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(bucket), Key: aws.String("note.txt")},
		})
		_, notFound := errors.AsType[*socialmessaging.ResourceNotFoundException](err)
		if found && err != nil || !found && !notFound {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestAnotherAccountsPhoneNumberDoesNotExist(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	_, err := w.postAs(t.Context(), w.newKey(stranger, admin.FullAccessPolicy), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &w.phone, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(bucket), Key: aws.String("note.txt")},
	})
	if _, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err); !ok {
		t.Errorf("%v", err)
	}
}

func TestWhatTheCallerGotWrongIsSaid(t *testing.T) {
	w := newWorld(t)
	w.put("empty.txt", "text/plain", nil)
	w.put("table.csv", "text/csv", []byte("a,b\n"))
	w.put("photo.jpg", "image/jpeg", []byte("<!DOCTYPE html><html></html>"))
	w.put("big.jpg", "image/jpeg", append([]byte("\xff\xd8\xff\xe0"), make([]byte, 5<<20)...))
	file := func(bucket, key string) *socialmessaging.PostWhatsAppMessageMediaInput {
		return &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &w.phone, SourceS3File: &socialmessaging.S3File{BucketName: &bucket, Key: &key}}
	}
	link := func(url string, headers ...string) *socialmessaging.PostWhatsAppMessageMediaInput {
		in := &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &w.phone, SourceS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &url, Headers: map[string]string{}}}
		for i := 0; i < len(headers); i += 2 {
			in.SourceS3PresignedUrl.Headers[headers[i]] = headers[i+1]
		}
		return in
	}
	both := file(bucket, "k")
	both.SourceS3PresignedUrl = link("https://b.s3.amazonaws.com/k").SourceS3PresignedUrl
	signed := w.presign("table.csv")
	for name, test := range map[string]struct {
		in   *socialmessaging.PostWhatsAppMessageMediaInput
		code string
		says string
	}{
		"no source":                 {&socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &w.phone}, "InvalidParametersException", "Neither sourceS3File nor"},
		"two sources":               {both, "InvalidParametersException", "Both sourceS3File and"},
		"no such key":               {file(bucket, "no-such-key"), "ResourceNotFoundException", "no-such-key"},
		"no such bucket":            {file("no-such-bucket", "k"), "ResourceNotFoundException", "no-such-bucket"},
		"the store refuses":         {file("wrong-secret", "k"), "AccessDeniedException", "store"},
		"an empty file":             {file(bucket, "empty.txt"), "InvalidParametersException", "empty"},
		"a type WhatsApp has not":   {file(bucket, "table.csv"), "InvalidParametersException", "text/csv"},
		"a type that is not true":   {file(bucket, "photo.jpg"), "InvalidParametersException", "type-contradicts-bytes"},
		"a file too large":          {file(bucket, "big.jpg"), "InvalidParametersException", "too-large"},
		"a key that is none":        {file(bucket, "../k"), "InvalidParametersException", "key"},
		"no Content-Type":           {link(signed), "InvalidParametersException", "Content-Type"},
		"a header of another kind":  {link(signed, "Content-Type", "text/plain", "Range", "bytes=0-1"), "InvalidParametersException", "Range"},
		"a host that is not listed": {link("https://example.com/k?X-Amz-Signature=s", "Content-Type", "text/plain"), "InvalidParametersException", "host"},
		"an address inside":         {link("https://169.254.169.254/s3xamazonaws.com/", "Content-Type", "text/plain"), "InvalidParametersException", "host"},
		"a wrong signature":         {link(strings.Replace(signed, "X-Amz-Signature=", "X-Amz-Signature=0", 1), "Content-Type", "text/plain"), "InvalidParametersException", "sign"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.postAs(t.Context(), w.key, test.in)
			exception, ok := socialmessaging.AsException(err)
			if !ok || exception.Code != test.code || !strings.Contains(exception.Message, test.says) {
				t.Errorf("%v; want %s with %q", err, test.code, test.says)
			}
		})
	}
	for _, request := range w.simulator.Requests() {
		if request.Method == http.MethodPost {
			t.Errorf("something was sent to WhatsApp: %+v", request)
		}
	}
}

func TestMetasErrorsBecomeExceptionsByTheirCode(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	for code, want := range map[int]string{
		190: "AccessDeniedByMetaException", 10: "AccessDeniedByMetaException", 200: "AccessDeniedByMetaException", 299: "AccessDeniedByMetaException",
		368: "AccessDeniedByMetaException", 131005: "AccessDeniedByMetaException", 131031: "AccessDeniedByMetaException",
		4: "ThrottledRequestException", 17: "ThrottledRequestException", 341: "ThrottledRequestException", 613: "ThrottledRequestException",
		80007: "ThrottledRequestException", 130429: "ThrottledRequestException", 131056: "ThrottledRequestException",
		100: "InvalidParametersException", 131009: "InvalidParametersException",
		3: "AccessDeniedByMetaException", // with HTTP status 500
		1: "DependencyException", 2: "DependencyException", 131000: "DependencyException", 131016: "DependencyException", 133004: "DependencyException",
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			fault, err := w.simulator.AddFault(metasim.Fault{Operation: "upload", ErrorCode: code, Details: "the details", Times: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer w.simulator.RemoveFault(fault.ID)
			_, err = w.post("note.txt")
			exception, ok := socialmessaging.AsException(err)
			if !ok || exception.Code != want || !strings.Contains(exception.Message, fmt.Sprintf("code %d", code)) || !strings.Contains(exception.Message, "the details") {
				t.Errorf("%v; want %s", err, want)
			}
		})
	}
}

func TestMetasCodeCountsMoreThanItsStatus(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	for code, want := range map[int]string{190: "AccessDeniedByMetaException", 4: "ThrottledRequestException", 100: "InvalidParametersException", 131009: "DependencyException"} {
		fault, err := w.simulator.AddFault(metasim.Fault{Operation: "upload", ErrorCode: code, Status: 500, Times: 1})
		w.must(err)
		_, err = w.post("note.txt")
		w.simulator.RemoveFault(fault.ID)
		if exception, ok := socialmessaging.AsException(err); !ok || exception.Code != want {
			t.Errorf("%d: %v; want %s", code, err, want)
		}
	}
}

func TestMetaThatGivesNoProperAnswerIsADependencyThatFailed(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	for name, fault := range map[string]metasim.Fault{
		"a page of HTML":  {Status: 200, Body: "<html>"},
		"no id":           {Status: 200, Body: "{}"},
		"an id of a path": {Status: 200, Body: `{"id":"../me"}`},
		"503":             {Status: 503, Body: "busy"},
		"a redirect":      {Status: 302, Body: "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			fault.Operation, fault.Times = "upload", 1
			if _, err := w.simulator.AddFault(fault); err != nil {
				t.Fatal(err)
			}
			_, err := w.post("note.txt")
			exception, ok := errors.AsType[*socialmessaging.DependencyException](err)
			if !ok || !strings.Contains(exception.ErrorMessage(), "WhatsApp (Meta") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTransferThatMetaBreaksOffIsBegunAgain(t *testing.T) {
	w := newWorld(t)
	large := bytes.Repeat(text, 8000) // larger than all socket buffers, so that the cut comes before the end
	w.put("large.txt", "text/plain", large)
	if _, err := w.simulator.AddFault(metasim.Fault{Operation: "upload", CutAfterBytes: 1 << 20, Times: 2}); err != nil {
		t.Fatal(err)
	}
	id, err := w.post("large.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := w.simulator.Media(id); !ok || got.Size != int64(len(large)) {
		t.Errorf("the simulator has %+v", got)
	}
	if line := lastLine(t, w.log); line["attempts"] != float64(3) || len(line["retried"].([]any)) != 2 {
		t.Errorf("logged %v", line)
	}
}

func TestTransferIsBegunAgainABoundedNumberOfTimes(t *testing.T) {
	w := newWorld(t)
	w.put("large.txt", "text/plain", bytes.Repeat(text, 8000))
	if _, err := w.simulator.AddFault(metasim.Fault{Operation: "upload", CutAfterBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.post("large.txt"); err == nil {
		t.Error("an upload that is always cut succeeds")
	}
	if line := lastLine(t, w.log); line["attempts"] != float64(3) || line["exception"] != "DependencyException" {
		t.Errorf("logged %v", line)
	}
}

// brokenStore answers GETs of one object with a body that breaks off, as often
// as told, and with another ETag from then on when told.
func brokenStore(t *testing.T, breaks int, newETag bool) *object.Opener {
	objects, _ := countedStore(t, breaks, newETag, true)
	return objects
}

// countedStore is a brokenStore, with or without an ETag, that counts the GETs.
func countedStore(t *testing.T, breaks int, newETag, hasETag bool) (*object.Opener, *atomic.Int64) {
	t.Helper()
	var gets atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served := int(gets.Add(1))
		etag := `"one"`
		if newETag && served > 1 {
			etag = `"two"`
		}
		if match := r.Header.Get("If-Match"); match != "" && match != etag {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		if hasETag {
			w.Header().Set("ETag", etag)
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", fmt.Sprint(len(text)*8000))
		for i := range 8000 {
			if served <= breaks && i == 4000 {
				panic(http.ErrAbortHandler)
			}
			_, _ = w.Write(text)
		}
	}))
	t.Cleanup(server.Close)
	objects, err := object.New(t.Context(), object.Config{Stores: []object.StoreConfig{{Endpoint: server.URL, PathStyle: true, AccessKeyID: "a", SecretAccessKey: secret.New("b")}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(objects.Close)
	return objects, &gets
}

func TestSourceWithoutAnETagIsNotReadAgain(t *testing.T) {
	objects, gets := countedStore(t, 1, false, false)
	w := newWorld(t, func(c *settings) { c.objects = objects })
	if _, err := w.post("note.txt"); err == nil || gets.Load() != 1 {
		t.Errorf("%v after %d GETs", err, gets.Load())
	}
}

func TestPlaceOfAnUploadIsGivenBack(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.transfers.MaxTransfers = 1 })
	w.put("note.txt", "text/plain", text)
	for _, key := range []string{"note.txt", "missing.txt", "note.txt"} {
		if _, err := w.post(key); throttled(err) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestSourceThatBreaksOffIsReadAgain(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.objects = brokenStore(t, 1, false) })
	id, err := w.post("note.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := w.simulator.Media(id); !ok || got.Size != int64(len(text)*8000) {
		t.Errorf("the simulator has %+v", got)
	}
}

func TestObjectThatChangesMeanwhileIsNotMixed(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.objects = brokenStore(t, 1, true) })
	_, err := w.post("note.txt")
	if exception, ok := errors.AsType[*socialmessaging.DependencyException](err); !ok || !strings.Contains(exception.ErrorMessage(), "another version") {
		t.Errorf("%v", err)
	}
}

func TestStoreThatIsDownIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	objects, err := object.New(t.Context(), object.Config{RetryBackoff: time.Millisecond, Stores: []object.StoreConfig{{Endpoint: "http://" + address, PathStyle: true, AccessKeyID: "a", SecretAccessKey: secret.New("b")}}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *settings) { c.objects = objects })
	_, err = w.post("note.txt")
	exception, ok := errors.AsType[*socialmessaging.DependencyException](err)
	if !ok || !strings.Contains(exception.ErrorMessage(), "store") || strings.Contains(exception.ErrorMessage(), "127.0.0.1") {
		t.Errorf("%v", err)
	}
}

func TestQuotaIsOfAnAccount(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.api.MediaPerSecond = 1 })
	w.put("note.txt", "text/plain", text)
	if _, err := w.post("note.txt"); err != nil {
		t.Fatal(err)
	}
	_, err := w.post("note.txt")
	if exception, ok := errors.AsType[*socialmessaging.ThrottledRequestException](err); !ok || !throttled(err) || !strings.Contains(exception.ErrorMessage(), "quota of 1 calls of PostWhatsAppMessageMedia") {
		t.Errorf("%v", err)
	}
	// Another account is not throttled: its call gets as far as the phone number.
	_, err = w.postAs(t.Context(), w.newKey(stranger, admin.FullAccessPolicy), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &w.phone, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(bucket), Key: aws.String("note.txt")},
	})
	if _, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err); !ok {
		t.Errorf("another account: %v", err)
	}
}

func TestUploadsInFlightAreBounded(t *testing.T) {
	w := newWorld(t, func(c *settings) { c.transfers.MaxTransfers = 2 }) // one of them for one account
	w.put("note.txt", "text/plain", text)
	if _, err := w.simulator.AddFault(metasim.Fault{Operation: "upload", Latency: 9 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := w.postAs(ctx, w.key, &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &w.phone, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(bucket), Key: aws.String("note.txt")}})
		first <- err
	}()
	for !uploading(w) {
		runtime.Gosched()
	}
	if _, err := w.post("note.txt"); !throttled(err) {
		t.Errorf("the second: %v", err)
	}
	other, err := admin.LinkAccount(ctx, w.graph, w.state, admin.Link{AccountID: stranger, MetaID: "100", Token: secret.New(metaToken)})
	w.must(err)
	_, err = w.postAs(ctx, w.newKey(stranger, admin.FullAccessPolicy), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: new(social.PhoneNumberID(other.PhoneNumbers[0])), SourceS3File: &socialmessaging.S3File{BucketName: aws.String(bucket), Key: aws.String("missing.txt")},
	})
	if _, notFound := errors.AsType[*socialmessaging.ResourceNotFoundException](err); !notFound {
		t.Errorf("another account's: %v", err)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
}

// uploading reports whether an upload has reached the simulator.
func uploading(w *world) bool {
	for _, request := range w.simulator.Requests() {
		if request.Operation == metasim.OperationUpload {
			return true
		}
	}
	return false
}

// throttled reports whether a call was refused because of one of ferry's own limits, with the
// time after which to retry.
func throttled(err error) bool {
	_, is := errors.AsType[*socialmessaging.ThrottledRequestException](err)
	response, has := errors.AsType[*awshttp.ResponseError](err)
	return is && has && response.Response.Header.Get("Retry-After") == "1"
}

func TestUploadThatTakesTooLongEnds(t *testing.T) {
	for name, reuse := range map[string]bool{"without reuse": false, "with reuse": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *settings) { c.transfers.Timeout = 50 * time.Millisecond })
			w.must(w.state.Set(t.Context(), account, state.Reuse, reuse))
			w.put("note.txt", "text/plain", text)
			if _, err := w.simulator.AddFault(metasim.Fault{Operation: "upload", Latency: 9 * time.Minute}); err != nil {
				t.Fatal(err)
			}
			_, err := w.post("note.txt")
			if exception, ok := errors.AsType[*socialmessaging.DependencyException](err); !ok || !strings.Contains(exception.ErrorMessage(), "longer than the server allows. WhatsApp") || !strings.Contains(exception.ErrorMessage(), "may have succeeded") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNoSecretIsInTheLogOrInAnAnswer(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	link := w.presign("note.txt")
	_, query, _ := strings.Cut(link, "?")
	var answers bytes.Buffer
	for _, headers := range []map[string]string{{"Content-Type": "text/plain"}, {"Content-Type": "image/png"}, {}} {
		for _, url := range []string{link, strings.Replace(link, "X-Amz-Date", "X-Amz-Dat", 1), strings.Replace(link, "127.0.0.1", "127.0.0.2", 1)} {
			_, err := w.postAs(t.Context(), w.key, &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &w.phone, SourceS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &url, Headers: headers}})
			fmt.Fprintln(&answers, err)
		}
	}
	_, signature, _ := strings.Cut(query, "X-Amz-Signature=")
	for _, canary := range []string{metaToken, s3Secret, signature, w.key.Secret.Reveal()} {
		if strings.Contains(w.log.String(), canary) {
			t.Errorf("the log shows %s", canary)
		}
		if strings.Contains(answers.String(), canary) {
			t.Errorf("an answer shows %s", canary)
		}
	}
}

func TestCallIsOneLogLine(t *testing.T) {
	w := newWorld(t)
	w.put("note.txt", "text/plain", text)
	id, err := w.post("note.txt")
	if err != nil {
		t.Fatal(err)
	}
	line := lastLine(t, w.log)
	for _, volatile := range []string{"time", "duration", "remote", "request_id", "meta_trace_ids"} {
		if line[volatile] == nil {
			t.Errorf("no %s", volatile)
		}
		delete(line, volatile)
	}
	want := map[string]any{
		"level": "INFO", "msg": "request", "operation": "PostWhatsAppMessageMedia", "status": 200.0,
		"account": account, "access_key": w.key.ID, "media_id": id, "reused": false, "mime_type": "text/plain", "size": float64(len(text)),
		"source": "s3", "source_name": "s3://media/note.txt", "phone_number_id": strings.TrimPrefix(w.phone, "phone-number-id-"),
		"gets": 1.0, "posts": 1.0, "outcome": "ok", "resource": "arn:aws:social-messaging:us-east-1:" + account + ":phone-number-id/" + strings.TrimPrefix(w.phone, "phone-number-id-"),
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
}

func TestRefusedCallIsLoggedWithWhatItWasAbout(t *testing.T) {
	w := newWorld(t)
	w.put("page.jpg", "image/jpeg", []byte("<html>Not Found</html>"))
	if _, err := w.post("page.jpg"); err == nil {
		t.Fatal("it was uploaded")
	}
	number := strings.TrimPrefix(w.phone, "phone-number-id-")
	line := lastLine(t, w.log)
	for name, want := range map[string]any{
		"source_name": "s3://media/page.jpg", "phone_number_id": number, "account": account, "status": 400.0, "outcome": "refused",
		"resource": "arn:aws:social-messaging:us-east-1:" + account + ":phone-number-id/" + number, "exception": "InvalidParametersException",
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
}

func TestUnknownOperationIsLoggedWithWhatIsKnownOfIt(t *testing.T) {
	cases := map[string]struct {
		method, path string
		want         []any // method and path in the log
	}{
		"another method":      {"PATCH", "/v1/whatsapp/media?token=canary", []any{"PATCH", "/v1/whatsapp/media"}},
		"another path":        {"GET", "/v1/canary", []any{"GET", nil}},
		"neither is HTTP's":   {"canary", "/canary", []any{nil, nil}},
		"a path that is long": {"GET", "/" + strings.Repeat("canary", 1000), []any{"GET", nil}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.send(w.request(c.method, c.path, ""))
			line := lastLine(t, w.log)
			if line["method"] != c.want[0] || line["path"] != c.want[1] || line["status"] != 404.0 || strings.Contains(w.log.String(), "canary") {
				t.Errorf("%v", line)
			}
		})
	}
}

func lastLine(t *testing.T, log *logBuffer) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
		t.Fatal(err)
	}
	return line
}
