package socialmessaging

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestValidationListsEveryViolationInAWSGrammar(t *testing.T) {
	long := strings.Repeat("k", 1025)
	for name, test := range map[string]struct {
		input *PostWhatsAppMessageMediaInput
		want  string
	}{
		"a required member is missing": {
			&PostWhatsAppMessageMediaInput{},
			"1 validation error detected: Value null at 'originationPhoneNumberId' failed to satisfy constraint: Member must not be null",
		},
		"an empty string breaks length and pattern": {
			&PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: new("")},
			"2 validation errors detected: Value '' at 'originationPhoneNumberId' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
				"Value '' at 'originationPhoneNumberId' failed to satisfy constraint: Member must satisfy regular expression pattern: .*(^phone-number-id-.*$)|(^arn:.*:phone-number-id/[0-9a-zA-Z]+$).*",
		},
		"a value of a sensitive structure is not shown": {
			&PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: new("phone-number-id-1"), SourceS3File: &S3File{BucketName: new("B"), Key: &long}},
			"3 validation errors detected: Value at 'sourceS3File.bucketName' failed to satisfy constraint: Member must have length greater than or equal to 3; " +
				"Value at 'sourceS3File.bucketName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z0-9][a-z0-9.-]*[a-z0-9]; " +
				"Value at 'sourceS3File.key' failed to satisfy constraint: Member must have length less than or equal to 1024",
		},
		"null in a sensitive structure is not shown either": {
			&PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: new("phone-number-id-1"), SourceS3PresignedUrl: &S3PresignedUrl{Url: new("https://x")}},
			"1 validation error detected: Value at 'sourceS3PresignedUrl.headers' failed to satisfy constraint: Member must not be null",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := PostWhatsAppMessageMedia.Validate(test.input)
			exception, ok := AsException(err)
			if !ok || exception.Code != "ValidationException" || exception.Status != 400 {
				t.Fatalf("Validate: %v", err)
			}
			if diff := cmp.Diff(test.want, exception.Message); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPatternBindsTheWholeValue(t *testing.T) {
	for value, valid := range map[string]bool{
		"phone-number-id-0123456789abcdef0123456789abcdef":                  true,
		"arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/1": true,
		"phone-number-id-":            true, // the model's pattern allows it
		"x":                           false,
		"xphone-number-id-1":          false,
		"phone-number-id-1\n":         false,
		"\nphone-number-id-1":         false,
		"arn:aws:phone-number-id/a-b": false,
		"waba-1":                      false,
		"phone-number-id-" + strings.Repeat("é", 99):  true, // length counts code points
		"phone-number-id-" + strings.Repeat("a", 100): false,
	} {
		err := PostWhatsAppMessageMedia.Validate(&PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &value})
		if (err == nil) != valid {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestNumbersAndListsAreBounded(t *testing.T) {
	for value, want := range map[int32]string{
		0:   "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1",
		101: "Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100",
		1:   "", 100: "",
	} {
		err := ListLinkedWhatsAppBusinessAccounts.Validate(&ListLinkedWhatsAppBusinessAccountsInput{MaxResults: &value})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", value, err)
		}
	}
}

func TestAmbiguousOrMalformedBodyIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"not JSON":                {`{`, "valid JSON"},
		"an array":                {`[]`, "JSON object"},
		"null":                    {`null`, "JSON object"},
		"a byte order mark":       {"\xef\xbb\xbf{}", "JSON object"},
		"UTF-16":                  {"\xff\xfe{\x00}\x00", "JSON object"},
		"trailing data":           {`{} {}`, "valid JSON"},
		"a member twice":          {`{"originationPhoneNumberId":"a","originationPhoneNumberId":"b"}`, "more than once"},
		"a nested member twice":   {`{"sourceS3File":{"key":"a","key":"b"}}`, "more than once"},
		"a header twice":          {`{"sourceS3PresignedUrl":{"headers":{"a":"1","a":"2"}}}`, "more than once"},
		"an unknown member twice": {`{"x":1,"x":2}`, "more than once"},
		"number for string":       {`{"originationPhoneNumberId":5}`, "NUMBER_VALUE can not be converted to a String at 'originationPhoneNumberId'"},
		"object for string":       {`{"sourceS3File":{"key":{}}}`, "START_OBJECT can not be converted to a String at 'sourceS3File.key'"},
		"string for structure":    {`{"sourceS3File":"s3://b/k"}`, "STRING_VALUE can not be converted to a Structure at 'sourceS3File'"},
		"list for map":            {`{"sourceS3PresignedUrl":{"headers":[]}}`, "START_ARRAY can not be converted to a Map at 'sourceS3PresignedUrl.headers'"},
		"invalid UTF-8":           {"{\"originationPhoneNumberId\":\"\xff\"}", "UTF-8"},
		"a lone surrogate":        {`{"originationPhoneNumberId":"\ud800"}`, "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			err := PostWhatsAppMessageMedia.Decode(new(PostWhatsAppMessageMediaInput), []byte(test.body), "")
			exception, ok := AsException(err)
			if !ok || exception.Code != "SerializationException" || exception.Status != 400 || !strings.Contains(exception.Message, test.want) {
				t.Errorf("Decode: %v, want %q", err, test.want)
			}
		})
	}
}

func TestUnknownAndNullMembersAreAsAbsent(t *testing.T) {
	in := new(PostWhatsAppMessageMediaInput)
	body := ` {"future":{"a":[1]},"OriginationPhoneNumberId":"odd case","originationPhoneNumberId":null,"sourceS3File":null}`
	if err := PostWhatsAppMessageMedia.Decode(in, []byte(body), "unknown=1"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(new(PostWhatsAppMessageMediaInput), in); diff != "" {
		t.Error(diff)
	}
	if err := PostWhatsAppMessageMedia.Decode(in, nil, ""); err != nil {
		t.Errorf("an empty body: %v", err)
	}
}

func TestQueryMembersAreDecodedStrictly(t *testing.T) {
	in := new(ListLinkedWhatsAppBusinessAccountsInput)
	if err := ListLinkedWhatsAppBusinessAccounts.Decode(in, []byte("ignored"), "maxResults=7&nextToken=a%2Fb%20c"); err != nil {
		t.Fatal(err)
	}
	want := &ListLinkedWhatsAppBusinessAccountsInput{NextToken: new("a/b c"), MaxResults: new(int32(7))}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Error(diff)
	}
	for _, query := range []string{"maxResults=1&maxResults=2", "maxResults=", "maxResults=1e2", "maxResults=1.0", "maxResults=2147483648", "maxResults=+%201", "nextToken=%ff", "nextToken=%zz"} {
		err := ListLinkedWhatsAppBusinessAccounts.Decode(new(ListLinkedWhatsAppBusinessAccountsInput), nil, query)
		if exception, ok := AsException(err); !ok || exception.Code != "SerializationException" {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestOutputIsEncodedAsAWSDoes(t *testing.T) {
	body, err := Encode(&GetLinkedWhatsAppBusinessAccountOutput{Account: &LinkedWhatsAppBusinessAccount{
		Id: new("waba-1"), LinkDate: new(time.UnixMilli(1763809734123)),
	}})
	want := `{"account":{"id":"waba-1","linkDate":1763809734.123,"eventDestinations":[],"phoneNumbers":[]}}`
	if err != nil || string(body) != want {
		t.Errorf("Encode = %s, %v; want %s", body, err, want)
	}
}

// FuzzDecode: an input of any operation that decodes and is valid is encoded to
// a request that decodes to the same input.
func FuzzDecode(f *testing.F) {
	number := func(o *Operation) uint8 { return uint8(slices.Index(Operations, o)) }
	f.Add(number(PostWhatsAppMessageMedia.Operation), []byte(`{"originationPhoneNumberId":"phone-number-id-1","sourceS3File":{"bucketName":"bbb","key":"k\u00e9"}}`), "")
	f.Add(number(PostWhatsAppMessageMedia.Operation), []byte(`{"originationPhoneNumberId":"phone-number-id-1","sourceS3PresignedUrl":{"url":"https://x","headers":{"Content-Type":"a/b"}}}`), "")
	f.Add(number(SendWhatsAppMessage.Operation), []byte(`{"originationPhoneNumberId":"phone-number-id-1","message":"e30=","metaApiVersion":"v23.0"}`), "")
	f.Add(number(CreateWhatsAppFlow.Operation), []byte(`{"id":"waba-1","flowName":"f","categories":["SURVEY"],"publish":false}`), "")
	f.Add(number(ListWhatsAppTemplateLibrary.Operation), []byte(`{"maxResults":1,"filters":{"topic":"x"}}`), "id=waba-1")
	f.Add(number(UpdateLinkedWhatsAppBusinessAccountPhoneNumber.Operation), []byte(`{"callSettings":{"callEnabled":true,"callHours":{"enabled":true,"timezone":"UTC","weeklyOperatingHours":[]}}}`), "id=phone-number-id-1")
	f.Add(number(DeleteWhatsAppMessageTemplate.Operation), []byte{}, "id=waba-1&templateName=n&deleteAllTemplates=true")
	f.Fuzz(func(t *testing.T, index uint8, body []byte, rawQuery string) {
		operation := Operations[int(index)%len(Operations)]
		first, second := reflect.New(operation.input.goType).Interface(), reflect.New(operation.input.goType).Interface()
		if operation.Decode(first, body, rawQuery) != nil || operation.Validate(first) != nil {
			return
		}
		encoded, query, err := operation.encodeInput(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := operation.Decode(second, encoded, query); err != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("%s: %s ? %s became %s ? %s: %v", operation.Name, body, rawQuery, encoded, query, err)
		}
	})
}
