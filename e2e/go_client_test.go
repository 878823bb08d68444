package e2e

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/metasim"
	"ferry/socialmessaging"
)

func staticKey(id, secret string) func(context.Context) (aws.Credentials, error) {
	return func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
	}
}

// wantGoException checks an error of ferry's Go client.
func wantGoException(t testing.TB, err error, name string, status int, texts ...string) {
	t.Helper()
	exception, ok := socialmessaging.AsException(err)
	if !ok {
		t.Fatalf("the call ended with %v, want %s", err, name)
	}
	if exception.Code != name || exception.Status != status {
		t.Errorf("the call failed with %s, status %d, want %s, status %d: %s", exception.Code, exception.Status, name, status, exception.Message)
	}
	if !requestIDForm.MatchString(exception.RequestID) {
		t.Errorf("the request id is %q, want a UUID", exception.RequestID)
	}
	for _, text := range texts {
		if !strings.Contains(exception.Message, text) {
			t.Errorf("the message does not contain %q: %s", text, exception.Message)
		}
	}
	wantNothingSecret(t, exception.Message)
}

// The operations are methods of ferry's Go client, the exceptions are types.
func TestGoClientCallsEveryOperationThatIsBuilt(t *testing.T) {
	w := newWorld(t, worldOptions{})
	client, ctx := w.client(), t.Context()
	file := sampleFile(t, "sample.pdf")
	w.s3.put(t, w.bucket, "a.pdf", file.Data, file.ContentType)

	page, err := client.ListLinkedWhatsAppBusinessAccounts(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.LinkedAccounts) != 1 || *page.LinkedAccounts[0].Id != w.linked.ID || page.LinkedAccounts[0].LinkDate == nil {
		t.Errorf("the linked accounts are %+v, want %s", page.LinkedAccounts, w.linked.ID)
	}
	linked, err := client.GetLinkedWhatsAppBusinessAccount(ctx, &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: page.LinkedAccounts[0].Arn})
	if err != nil {
		t.Fatal(err)
	}
	number, err := client.GetLinkedWhatsAppBusinessAccountPhoneNumber(ctx, &socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberInput{Id: linked.Account.PhoneNumbers[0].Arn})
	if err != nil {
		t.Fatal(err)
	}
	if *number.PhoneNumber.PhoneNumberId != w.phone || *number.LinkedWhatsAppBusinessAccountId != w.linked.ID {
		t.Errorf("the phone number is %s of %s, want %s of %s", *number.PhoneNumber.PhoneNumberId, *number.LinkedWhatsAppBusinessAccountId, w.phone, w.linked.ID)
	}
	for _, input := range []*socialmessaging.PostWhatsAppMessageMediaInput{
		fromBucket(*number.PhoneNumber.Arn, w.bucket, "a.pdf"), fromURL(w.phone, w.s3.presign(t, w.bucket, "a.pdf"), file.ContentType),
	} {
		w.sim.wantStored(w.post(input), file.Data)
	}

	_, err = client.PostWhatsAppMessageMedia(ctx, w.fromBucket("missing.pdf"))
	wantGoException(t, err, "ResourceNotFoundException", http.StatusNotFound, "missing.pdf")
	if notFound := (*socialmessaging.ResourceNotFoundException)(nil); !errors.As(err, &notFound) {
		t.Errorf("%T is not a *ResourceNotFoundException for errors.As", err)
	}
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: 190})
	_, err = client.PostWhatsAppMessageMedia(ctx, w.fromBucket("a.pdf"))
	if refused := (*socialmessaging.AccessDeniedByMetaException)(nil); !errors.As(err, &refused) {
		t.Errorf("%v is not an *AccessDeniedByMetaException for errors.As", err)
	}
	_, err = client.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{})
	if invalid := (*socialmessaging.ValidationException)(nil); !errors.As(err, &invalid) {
		t.Errorf("%v is not a *ValidationException for errors.As", err)
	}
}

// messageOf returns the message of an exception.
func messageOf(err error) string {
	exception, ok := socialmessaging.AsException(err)
	if !ok {
		return ""
	}
	return exception.Message
}

// requestIDOf returns the id under which the server logged the call.
func requestIDOf(t testing.TB, err error) string {
	t.Helper()
	exception, ok := socialmessaging.AsException(err)
	if !ok {
		t.Fatalf("the call ended with %v, want an exception", err)
	}
	return exception.RequestID
}
