package socialmessaging_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// An answer is the response of the test server to one request.
type answer struct {
	status          int
	errorType, body string
}

// serve starts a server that sends the answers in order, and repeats the last
// one. requests returns the requests that it received.
func serve(t *testing.T, answers ...answer) (client *socialmessaging.Client, requests func() []*http.Request) {
	t.Helper()
	var seen []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		next := answers[min(len(seen), len(answers)-1)]
		seen = append(seen, r)
		w.Header().Set("X-Amzn-Requestid", "id-1")
		if next.errorType != "" {
			w.Header().Set("X-Amzn-Errortype", next.errorType)
		}
		w.WriteHeader(next.status)
		_, _ = io.WriteString(w, next.body)
	}))
	t.Cleanup(server.Close)
	return socialmessaging.New(socialmessaging.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	}), func() []*http.Request { return seen }
}

func post(client *socialmessaging.Client) error {
	_, err := client.PostWhatsAppMessageMedia(context.Background(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: new("phone-number-id-1"), SourceS3File: &socialmessaging.S3File{BucketName: new("bucket"), Key: new("k")},
	})
	return err
}

func TestRequestIsSignedForTheService(t *testing.T) {
	client, requests := serve(t, answer{200, "", `{"mediaId":"123"}`})
	out, err := client.PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: new("phone-number-id-1"), SourceS3File: &socialmessaging.S3File{BucketName: new("bucket"), Key: new("k")},
	})
	if err != nil || *out.MediaId != "123" {
		t.Fatalf("%v, %v", out, err)
	}
	r := requests()[0]
	body, _ := io.ReadAll(r.Body)
	if want := `{"originationPhoneNumberId":"phone-number-id-1","sourceS3File":{"bucketName":"bucket","key":"k"}}`; string(body) != want {
		t.Errorf("body %s, want %s", body, want)
	}
	if r.Method != "POST" || r.RequestURI != "/v1/whatsapp/media" || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/social-messaging/aws4_request") {
		t.Errorf("%s %s %s", r.Method, r.RequestURI, r.Header.Get("Authorization"))
	}
}

func TestQueryMembersTravelInTheQuery(t *testing.T) {
	client, requests := serve(t, answer{200, "", `{"linkedAccounts":[{"id":"waba-1","linkDate":1763809734.5}],"nextToken":"n"}`})
	out, err := client.ListLinkedWhatsAppBusinessAccounts(t.Context(), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{NextToken: new("a b/é+"), MaxResults: new(int32(2))})
	if err != nil || *out.NextToken != "n" || out.LinkedAccounts[0].LinkDate.UnixMilli() != 1763809734500 {
		t.Fatalf("%+v, %v", out, err)
	}
	if uri := requests()[0].RequestURI; uri != "/v1/whatsapp/waba/list?maxResults=2&nextToken=a%20b%2F%C3%A9%2B" {
		t.Error(uri)
	}
}

func TestExceptionIsTypedWhereverItsNameIs(t *testing.T) {
	for name, answered := range map[string]answer{
		"header":             {404, "ResourceNotFoundException", `{"message":"no such number"}`},
		"header with a URL":  {404, "ResourceNotFoundException:http://internal.amazon.com/coral/com.amazon.coral.service/", `{"Message":"no such number"}`},
		"body":               {404, "", `{"__type":"ResourceNotFoundException","message":"no such number"}`},
		"body with a prefix": {404, "", `{"__type":"com.amazonaws.socialmessaging#ResourceNotFoundException","message":"no such number"}`},
	} {
		t.Run(name, func(t *testing.T) {
			client, requests := serve(t, answered)
			err := post(client)
			notFound, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err)
			if !ok || notFound.ErrorMessage() != "no such number" {
				t.Errorf("%v", err)
			}
			if exception, _ := socialmessaging.AsException(err); exception.RequestID != "id-1" || exception.Status != 404 || exception.Message != "no such number" {
				t.Errorf("as Exception: %+v", exception)
			}
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != "ResourceNotFoundException" || api.ErrorFault() != smithy.FaultClient {
				t.Errorf("as smithy.APIError: %v", api)
			}
			if len(requests()) != 1 {
				t.Errorf("sent %d times", len(requests()))
			}
		})
	}
}

func TestOnlyRetryableErrorsAreRetried(t *testing.T) {
	for name, test := range map[string]struct {
		answers []answer
		sent    int
		fails   bool
	}{
		"throttled, then success": {[]answer{{429, "ThrottledRequestException", `{}`}, {200, "", `{"mediaId":"1"}`}}, 2, false},
		"dependency fails":        {[]answer{{502, "DependencyException", `{}`}}, 3, true},
		"server fails":            {[]answer{{500, "InternalServiceException", `{}`}}, 3, true},
		"a proxy's 503":           {[]answer{{503, "", `<html>`}, {200, "", `{"mediaId":"1"}`}}, 2, false},
		"the parameters are bad":  {[]answer{{400, "InvalidParametersException", `{}`}}, 1, true},
		"not built":               {[]answer{{501, "NotImplementedException", `{}`}}, 1, true},
		"not allowed":             {[]answer{{403, "AccessDeniedByMetaException", `{}`}}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			client, requests := serve(t, test.answers...)
			if err := post(client); (err != nil) != test.fails {
				t.Error(err)
			}
			if len(requests()) != test.sent {
				t.Errorf("sent %d times, want %d", len(requests()), test.sent)
			}
		})
	}
}

// The service recognises the attempts of one call by their id.
func TestAttemptsOfACallCarryItsID(t *testing.T) {
	client, requests := serve(t, answer{502, "DependencyException", `{}`}, answer{200, "", `{"mediaId":"1"}`})
	for range 2 {
		if err := post(client); err != nil {
			t.Fatal(err)
		}
	}
	var ids, attempts []string
	for _, r := range requests() {
		ids, attempts = append(ids, r.Header.Get("Amz-Sdk-Invocation-Id")), append(attempts, r.Header.Get("Amz-Sdk-Request"))
		if signed := r.Header.Get("Authorization"); !strings.Contains(signed, "amz-sdk-invocation-id;amz-sdk-request;") {
			t.Errorf("not signed: %s", signed)
		}
	}
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] == ids[2] {
		t.Errorf("ids %q, want one for the two attempts of the first call and another for the second", ids)
	}
	if want := []string{"attempt=1; max=3", "attempt=2; max=3", "attempt=1; max=3"}; !slices.Equal(attempts, want) {
		t.Errorf("attempts %q, want %q", attempts, want)
	}
	for _, id := range ids {
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
			t.Errorf("%q is not a random UUID", id)
		}
	}
}

func TestRetryerWithoutALimitKeepsRetrying(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := r.Header.Get("Amz-Sdk-Request"); text != "attempt=5" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"mediaId":"1"}`)
	}))
	defer server.Close()
	retryer := retry.AddWithMaxAttempts(retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	}), 0)
	client := socialmessaging.New(socialmessaging.Options{
		Region: "eu-west-1", BaseEndpoint: &server.URL, Retryer: retryer, Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", ""),
	})
	if err := post(client); err != nil {
		t.Error(err)
	}
}

func TestEveryStatusOfTheRange200IsASuccess(t *testing.T) {
	for _, status := range []int{200, 201, 202, 299} {
		client, requests := serve(t, answer{status, "", `{"mediaId":"123"}`})
		if err := post(client); err != nil || len(requests()) != 1 {
			t.Errorf("%d: %v, sent %d times", status, err, len(requests()))
		}
	}
	client, _ := serve(t, answer{304, "", ""})
	if exception, ok := socialmessaging.AsException(post(client)); !ok || exception.Status != 304 {
		t.Errorf("304: %+v", exception)
	}
}

// Programs insert middlewares relative to those of the SDK, by name. The list is
// that of a client of the SDK, without those that newStack says are missing.
func TestMiddlewaresHaveTheNamesAndOrderOfTheSDKs(t *testing.T) {
	var names []string
	client, _ := serve(t, answer{200, "", `{"mediaId":"1"}`})
	_, err := client.ListLinkedWhatsAppBusinessAccounts(t.Context(), nil, socialmessaging.WithAPIOptions(func(stack *middleware.Stack) error {
		for _, step := range [][]string{stack.Initialize.List(), stack.Serialize.List(), stack.Build.List(), stack.Finalize.List(), stack.Deserialize.List()} {
			names = append(names, strings.Join(step, " "))
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"OperationInputValidation",
		"OperationSerializer",
		"ClientRequestID UserAgent RecursionDetection",
		"Retry ResolveEndpointV2 ComputePayloadHash Signing",
		"AddRawResponseToMetadata ResponseErrorWrapper RequestIDRetriever OperationDeserializer RecordResponseTiming RequestResponseLogger",
	}
	if !slices.Equal(names, want) {
		t.Errorf("%q\nwant %q", names, want)
	}
}

func TestInvalidInputIsNotSent(t *testing.T) {
	client, requests := serve(t, answer{200, "", `{}`})
	_, err := client.PostWhatsAppMessageMedia(t.Context(), nil)
	if _, ok := errors.AsType[*socialmessaging.ValidationException](err); !ok || len(requests()) != 0 {
		t.Errorf("%v, sent %d times", err, len(requests()))
	}
}

func TestCallTakesAndReturnsJSON(t *testing.T) {
	client, requests := serve(t, answer{200, "", `{"account":{"id":"waba-1"}}`})
	operation, _ := socialmessaging.OperationByName("GetLinkedWhatsAppBusinessAccount")
	out, err := client.Call(t.Context(), operation, []byte(`{"id":"waba-1"}`))
	if err != nil || string(out) != `{"account":{"id":"waba-1"}}` || requests()[0].RequestURI != "/v1/whatsapp/waba/details?id=waba-1" {
		t.Errorf("%s, %v", out, err)
	}
	for input, want := range map[string]string{
		`{"ID":"waba-1"}`: `unknown member "ID"; its members are id`, `[]`: "not a JSON object", `{"id":"x"}`: "regular expression",
	} {
		if _, err := client.Call(t.Context(), operation, []byte(input)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", input, err)
		}
	}
}

func TestEveryOperationCanBeCalled(t *testing.T) {
	client, requests := serve(t, answer{501, "NotImplementedException", `{"message":"not yet"}`})
	_, err := client.SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: new("phone-number-id-1"), Message: []byte(`{"to":"+1"}`), MetaApiVersion: new("v23.0"),
	})
	if exception, ok := socialmessaging.AsException(err); !ok || exception.Code != "NotImplementedException" || exception.Status != 501 {
		t.Errorf("%v", err)
	}
	body, _ := io.ReadAll(requests()[0].Body)
	if want := `{"originationPhoneNumberId":"phone-number-id-1","message":"eyJ0byI6IisxIn0=","metaApiVersion":"v23.0"}`; string(body) != want {
		t.Errorf("body %s, want %s", body, want)
	}
}

func TestPaginatorStopsWhereItShould(t *testing.T) {
	list := func(answers ...answer) (tokens []string, err error) {
		client, requests := serve(t, answers...)
		pages := socialmessaging.NewListWhatsAppFlowsPaginator(client, &socialmessaging.ListWhatsAppFlowsInput{Id: new("waba-1"), MaxResults: new(int32(5)), NextToken: new("first")},
			func(o *socialmessaging.ListWhatsAppFlowsPaginatorOptions) { o.StopOnDuplicateToken = true })
		for pages.HasMorePages() && err == nil {
			_, err = pages.NextPage(t.Context())
		}
		for _, r := range requests() {
			tokens = append(tokens, r.URL.Query().Get("nextToken")+"/"+r.URL.Query().Get("maxResults"))
		}
		if _, more := pages.NextPage(t.Context()); err == nil && more == nil {
			t.Error("there is a page after the last one")
		}
		return tokens, err
	}
	page := func(token string) answer { return answer{200, "", `{"flows":[],"nextToken":` + token + `}`} }
	for name, test := range map[string]struct {
		answers []answer
		tokens  []string
		fails   bool
	}{
		"without a token":    {[]answer{page(`"b"`), page(`null`)}, []string{"first/5", "b/5"}, false},
		"at an empty token":  {[]answer{page(`""`)}, []string{"first/5"}, false},
		"at the token again": {[]answer{page(`"b"`), page(`"b"`)}, []string{"first/5", "b/5"}, false},
		"at an error":        {[]answer{page(`"b"`), {404, "ResourceNotFoundException", `{}`}}, []string{"first/5", "b/5"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := list(test.answers...)
			if !slices.Equal(tokens, test.tokens) || (err != nil) != test.fails {
				t.Errorf("%q, %v; want %q", tokens, err, test.tokens)
			}
		})
	}
}

func TestOptionFunctionsSeeTheDefaults(t *testing.T) {
	sent := 0
	client := socialmessaging.New(socialmessaging.Options{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", "")},
		func(o *socialmessaging.Options) {
			if o.HTTPClient == nil || o.Logger == nil {
				t.Errorf("%+v", o)
			}
			o.Retryer = retry.AddWithMaxAttempts(o.Retryer, 1)
			o.HTTPClient = transport(func(*http.Request) (*http.Response, error) {
				sent++
				return &http.Response{StatusCode: 502, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{}`))}, nil
			})
		})
	if exception, ok := socialmessaging.AsException(post(client)); !ok || exception.Status != 502 || sent != 1 {
		t.Errorf("%v", exception)
	}
	if client.Options().Region != "eu-west-1" {
		t.Errorf("%+v", client.Options())
	}
}

// A transport answers requests without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) Do(r *http.Request) (*http.Response, error) { return f(r) }

// ferry sends the code and the fix of a refusal beside its message; AWS does not.
func TestWhatOnlyFerrySaysOfAnExceptionIsRead(t *testing.T) {
	for name, c := range map[string]struct{ body, finding, fix string }{
		"ferry":                       {`{"message":"It has 2 channels. Mix it. [opus-not-mono]","finding":"opus-not-mono","fix":"Mix it."}`, "opus-not-mono", "Mix it."},
		"AWS":                         {`{"message":"No."}`, "", ""},
		"a fix of nothing":            {`{"message":"No.","fix":"Mix it."}`, "", ""},
		"members of another type":     {`{"message":"No.","finding":5}`, "", ""},
		"a body that is no JSON":      {`<html>`, "", ""},
		"brackets in AWS's own words": {`{"message":"It must satisfy enum value set: [en]"}`, "", ""},
	} {
		client, _ := serve(t, answer{400, "InvalidParametersException", c.body})
		err := post(client)
		exception, ok := socialmessaging.AsException(err)
		if !ok || exception.Code != "InvalidParametersException" || exception.Finding != c.finding || exception.Fix != c.fix {
			t.Errorf("%s: %+v", name, exception)
		}
		if typed := new(types.InvalidParametersException); !errors.As(err, &typed) {
			t.Errorf("%s: %T is no InvalidParametersException", name, err)
		}
	}
}
