package ferrytest_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/ferrytest"
	"ferry/socialmessaging"
)

// fakeT is a test whose failures are read instead of reported.
type fakeT struct {
	testing.TB

	mu       sync.Mutex
	text     strings.Builder
	failed   bool
	cleanups []func()
}

func (f *fakeT) Helper()                      {}
func (f *fakeT) Name() string                 { return "TestFake" }
func (f *fakeT) Failed() bool                 { return f.failed }
func (f *fakeT) Context() context.Context     { return context.Background() }
func (f *fakeT) Cleanup(cleanup func())       { f.cleanups = append(f.cleanups, cleanup) }
func (f *fakeT) Log(args ...any)              { f.log(fmt.Sprintln(args...)) }
func (f *fakeT) Logf(s string, args ...any)   { f.log(fmt.Sprintf(s, args...) + "\n") }
func (f *fakeT) Error(args ...any)            { f.failed = true; f.Log(args...) }
func (f *fakeT) Errorf(s string, args ...any) { f.failed = true; f.Logf(s, args...) }
func (f *fakeT) Fatal(args ...any)            { f.Error(args...); runtime.Goexit() }
func (f *fakeT) Fatalf(s string, args ...any) { f.Errorf(s, args...); runtime.Goexit() }

func (f *fakeT) log(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text.WriteString(text)
}

// failing runs a test function and returns what it printed, "" if it passed.
func failing(t *testing.T, test func(t testing.TB)) string {
	t.Helper()
	f := &fakeT{TB: t}
	var ended sync.WaitGroup
	run := func(part func()) {
		ended.Go(part) // FailNow ends the goroutine
		ended.Wait()
	}
	run(func() {
		defer func() {
			for i := len(f.cleanups) - 1; i >= 0; i-- {
				f.cleanups[i]()
			}
		}()
		test(f)
	})
	if !f.failed {
		return ""
	}
	if testing.Verbose() {
		fmt.Fprintln(os.Stderr, f.text.String())
	}
	return f.text.String()
}

// post posts an object for the first phone number.
func post(t testing.TB, w *ferrytest.World, object ferrytest.Object) string {
	t.Helper()
	out, err := w.Client().PostWhatsAppMessageMedia(context.Background(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &w.PhoneNumberID, SourceS3File: object.S3File(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.MediaId
}

// send sends a message to a person: the rest of it after "to".
func send(t testing.TB, w *ferrytest.World, to *ferrytest.Person, rest string) string {
	t.Helper()
	out, err := w.Client().SendWhatsAppMessage(context.Background(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &w.PhoneNumberID, MetaApiVersion: aws.String(w.GraphVersion),
		Message: fmt.Appendf(nil, `{"messaging_product":"whatsapp","to":%q,%s}`, to.Number(), rest),
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.MessageId
}
