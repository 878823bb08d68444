package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"ferry/metasim"
	"ferry/socialmessaging"
)

// sending replaces what a call sends, because the client checks inputs itself.
func sending(query, body string) func(*socialmessaging.Options) {
	return socialmessaging.WithAPIOptions(func(stack *middleware.Stack) error {
		return stack.Build.Add(middleware.BuildMiddlewareFunc("Sending", func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (out middleware.BuildOutput, metadata middleware.Metadata, err error) {
			request, err := in.Request.(*smithyhttp.Request).SetStream(strings.NewReader(body))
			if err != nil {
				return out, metadata, err
			}
			request.URL.RawQuery = query
			in.Request = request
			return next.HandleBuild(ctx, in)
		}), middleware.After)
	})
}

// notReached are declared exceptions that no call of this test ends with: ferry carries
// these operations out without Meta, and limits only the calls that move files and the
// messages that wait.
var notReached = map[string]string{
	"DisassociateWhatsAppBusinessAccount":         "InvalidParameters ThrottledRequest Dependency",
	"GetLinkedWhatsAppBusinessAccount":            "InvalidParameters ThrottledRequest Dependency",
	"GetLinkedWhatsAppBusinessAccountPhoneNumber": "InvalidParameters ThrottledRequest Dependency",
	"ListLinkedWhatsAppBusinessAccounts":          "ThrottledRequest ResourceNotFound",
	"ListTagsForResource":                         "ThrottledRequest",
	"PutWhatsAppBusinessAccountEventDestinations": "ThrottledRequest",
	"SendWhatsAppMessage":                         "Dependency",
	"TagResource":                                 "ThrottledRequest",
	"UntagResource":                               "ThrottledRequest",
}

// exceptionTable calls operations with ferry's Go client, and notes what they end with.
type exceptionTable struct {
	t       *testing.T
	inputs  map[string][]byte // by operation, JSON
	reached map[string]map[string]bool
}

// call calls an operation and notes the exception.
func (e *exceptionTable) call(client *socialmessaging.Client, operation *socialmessaging.Operation, input []byte, options ...func(*socialmessaging.Options)) {
	e.t.Helper()
	_, err := client.Call(e.t.Context(), operation, input, options...)
	if err == nil {
		return
	}
	exception, ok := socialmessaging.AsException(err)
	if !ok || exception.RequestID == "" {
		e.t.Errorf("%s did not end with an exception of the server: %v", operation.Name, err)
		return
	}
	declared := slices.ContainsFunc(operation.Exceptions, func(kind *socialmessaging.ExceptionKind) bool {
		return kind.Name == exception.Code && kind.Status == exception.Status
	})
	if !declared && exception.Code != socialmessaging.KindInternalService.Name { // which the model leaves out of two operations
		e.t.Errorf("%s ended with %s, status %d, which it does not declare: %s", operation.Name, exception.Code, exception.Status, exception.Message)
	}
	wantNothingSecret(e.t, exception.Message)
	if e.reached[operation.Name] == nil {
		e.reached[operation.Name] = map[string]bool{}
	}
	e.reached[operation.Name][exception.Code] = true
}

// all calls every operation, with ids replaced by others.
func (e *exceptionTable) all(client *socialmessaging.Client, replaced ...string) {
	e.t.Helper()
	for _, operation := range socialmessaging.Operations {
		e.call(client, operation, []byte(strings.NewReplacer(replaced...).Replace(string(e.inputs[operation.Name]))))
	}
}

// Each exception that an operation declares is reached, and no operation ends with
// another one.
func TestOperationsEndWithTheExceptionsThatTheyDeclare(t *testing.T) {
	w := newWorld(t, worldOptions{args: []string{"--app-secret", metaApp + ":" + metaSecret, "--max-queued-messages", "1"}})
	picture := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", picture.Data, picture.ContentType)
	arn := "arn:aws:social-messaging:" + region + ":" + account + ":waba/" + strings.TrimPrefix(w.linked.ID, "waba-")
	kept := map[string]string{"$waba": w.linked.ID, "$meta": metaAccount, "$number": metaPhone, "$phone": w.phone, "$bucket": w.bucket, "$key": publicKeyPEM(t), "$arn": arn,
		"$media": "1234567890", "$template": "1234567891", "$flow": "1234567892", "$draft": "1234567893", "$dataset": "1234567894", "$call": "wacid.1", "$handle": "4::abc",
		"$now": "1790000000", "$token": metaToken, "$signup": "made-up"}
	e := &exceptionTable{t: t, inputs: map[string][]byte{}, reached: map[string]map[string]bool{}}
	for _, step := range operationWalk {
		text, err := json.Marshal(encoded(filled(step.input, kept)))
		if err != nil {
			t.Fatal(err)
		}
		if _, known := e.inputs[step.operation]; !known {
			e.inputs[step.operation] = text
		}
	}
	client := w.client()

	denied := goClient(w.ferry.url, w.in.createKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`))
	e.all(denied)
	e.all(client, w.linked.ID, "waba-00000000000000000000000000000000", w.phone, "phone-number-id-00000000000000000000000000000000",
		strings.TrimPrefix(w.linked.ID, "waba-"), strings.Repeat("0", 32))
	for _, operation := range socialmessaging.Operations {
		e.call(client, operation, e.inputs[operation.Name], sending("", "{}"))
	}
	for _, code := range []int{190, 80007, 100, 131016} {
		w.sim.fault(metasim.Fault{ErrorCode: code})
		for _, operation := range socialmessaging.Operations {
			if operation.Name != "DisassociateWhatsAppBusinessAccount" && operation.Name != "SendWhatsAppMessage" {
				e.call(client, operation, e.inputs[operation.Name])
			}
		}
		w.sim.clear()
	}
	list, associate, send := socialmessaging.ListLinkedWhatsAppBusinessAccounts.Operation, socialmessaging.AssociateWhatsAppBusinessAccount.Operation, socialmessaging.SendWhatsAppMessage.Operation
	e.call(client, list, []byte(`{"nextToken":"made-up"}`))
	e.call(client, list, []byte(`{}`), sending("maxResults=101", ""))
	e.call(client, send, []byte(`{"originationPhoneNumberId":"`+w.phone+`","metaApiVersion":"v23.0","message":"eA=="}`))
	w.sim.fault(metasim.Fault{Operation: metasim.OperationSendMessage, ErrorCode: 130429}) // the message waits for a retry
	for range 2 {
		e.call(client, send, e.inputs[send.Name])
	}
	w.sim.clear()
	e.call(client, associate, e.inputs[associate.Name], sending("", `{"signupCallback":{}}`))
	for range 101 { // sign-ups that are not finished
		e.call(client, associate, e.inputs[associate.Name])
	}
	w.sim.fault(metasim.Fault{ErrorCode: 138003})
	e.call(client, socialmessaging.SendWhatsAppCallEvent.Operation, e.inputs["SendWhatsAppCallEvent"])
	w.sim.clear()

	// A database that has lost a table. The other account's rows are in no cache.
	other := w.in.createKey(otherAccount)
	linked := w.in.link(otherAccount, otherMetaAccount, otherMetaToken)
	db, err := sql.Open("sqlite", "file:"+w.in.file("ferry.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{`ALTER TABLE phone_number RENAME TO phone_number_lost`, `ALTER TABLE business_account RENAME TO business_account_lost`} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	e.all(goClient(w.ferry.url, other), w.linked.ID, linked.ID, w.phone, linked.PhoneNumbers[0].PhoneNumberID,
		strings.TrimPrefix(w.linked.ID, "waba-"), strings.TrimPrefix(linked.ID, "waba-"), account, otherAccount)

	for _, operation := range socialmessaging.Operations {
		for _, kind := range operation.Exceptions {
			excused := slices.Contains(strings.Fields(notReached[operation.Name]), strings.TrimSuffix(kind.Name, "Exception"))
			if e.reached[operation.Name][kind.Name] == excused {
				t.Errorf("%s: it ended with %s: %t", operation.Name, kind.Name, excused)
			}
		}
	}
}
