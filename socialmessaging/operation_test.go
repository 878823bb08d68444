package socialmessaging

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/socialmessaging/types"
)

func TestLargestBodyComesFromTheShapes(t *testing.T) {
	const small = 64 << 10
	want := map[string]int64{
		"CreateWhatsAppFlow":            small + 13_981_016, // 10 MiB in base64
		"UpdateWhatsAppFlowAssets":      small + 13_981_016,
		"SendWhatsAppMessage":           small + 2_730_668, // 2,048,000 bytes
		"SendWhatsAppCallEvent":         small + 2_730_668,
		"SendWhatsAppConversionEvent":   small + 1_365_336, // 1,024,000 bytes
		"CreateWhatsAppMessageTemplate": small + 8_000,
		"UpdateWhatsAppMessageTemplate": small + 4_000,
		"PutWhatsAppBusinessPublicKey":  small + 6*8192, // code points as \uXXXX
	}
	for _, o := range Operations {
		expected := want[o.Name]
		if expected == 0 {
			expected = small
		}
		if o.MaxBody() != expected {
			t.Errorf("%s: %d bytes, want %d", o.Name, o.MaxBody(), expected)
		}
	}
}

// The largest valid input of an operation with a blob fits into its body.
func TestLargestBlobFitsIntoTheBody(t *testing.T) {
	in := &SendWhatsAppMessageInput{OriginationPhoneNumberId: new("phone-number-id-1"), MetaApiVersion: new("v23.0"), Message: make([]byte, 2_048_000)}
	if err := SendWhatsAppMessage.Validate(in); err != nil {
		t.Fatal(err)
	}
	body, _, err := SendWhatsAppMessage.encodeInput(in)
	if err != nil || int64(len(body)) > SendWhatsAppMessage.MaxBody() {
		t.Errorf("%d bytes, of at most %d: %v", len(body), SendWhatsAppMessage.MaxBody(), err)
	}
	in.Message = append(in.Message, 0)
	if err := SendWhatsAppMessage.Validate(in); err == nil || !strings.Contains(err.Error(), "length less than or equal to 2048000") || strings.Contains(err.Error(), "AAAA") {
		t.Error(err)
	}
}

// Which resource a policy must allow, for every operation of the table.
func TestResourceIsNamedByTheModelType(t *testing.T) {
	byNumber := "DeleteWhatsAppMessageMedia GetLinkedWhatsAppBusinessAccountPhoneNumber GetWhatsAppBusinessPublicKey GetWhatsAppCallPermission " +
		"GetWhatsAppMessageMedia PostWhatsAppMessageMedia PutWhatsAppBusinessPublicKey SendWhatsAppCallEvent SendWhatsAppMessage UpdateLinkedWhatsAppBusinessAccountPhoneNumber"
	kinds := map[string]ResourceKind{"AssociateWhatsAppBusinessAccount": ResourceAny, "ListLinkedWhatsAppBusinessAccounts": ResourceAny}
	for name := range strings.FieldsSeq(byNumber) {
		kinds[name] = ResourcePhoneNumber
	}
	for _, name := range []string{"ListTagsForResource", "TagResource", "UntagResource"} {
		kinds[name] = ResourceARN
	}
	for _, o := range Operations {
		want, listed := kinds[o.Name]
		if !listed {
			want = ResourceBusinessAccount
		}
		input := reflect.New(o.input.goType)
		value, kind := o.Resource(input.Interface())
		if kind != want || (kind == ResourceAny) != (value == "*") {
			t.Errorf("%s: %q, %s; want %s", o.Name, value, kind, want)
		}
		if kind == ResourceAny {
			continue
		}
		for _, name := range []string{"OriginationPhoneNumberId", "Id", "ResourceArn"} {
			if field := input.Elem().FieldByName(name); field.IsValid() {
				field.Set(reflect.ValueOf(new("given")))
			}
		}
		if value, _ := o.Resource(input.Interface()); value != "given" {
			t.Errorf("%s: the resource is %q", o.Name, value)
		}
	}
}

func TestWrongInputIsAnErrorNotAPanic(t *testing.T) {
	for name, input := range map[string]any{
		"another operation's": &SendWhatsAppMessageInput{}, "a value": PostWhatsAppMessageMediaInput{}, "nil": nil, "a nil pointer": (*PostWhatsAppMessageMediaInput)(nil),
	} {
		if err := PostWhatsAppMessageMedia.Validate(input); err == nil || !strings.Contains(err.Error(), "expected a *PostWhatsAppMessageMediaInput") {
			t.Errorf("Validate, %s: %v", name, err)
		}
		if err := PostWhatsAppMessageMedia.Decode(input, []byte(`{}`), ""); err == nil || !strings.Contains(err.Error(), "expected a *PostWhatsAppMessageMediaInput") {
			t.Errorf("Decode, %s: %v", name, err)
		}
	}
}

func TestElementsKeysAndValuesAreBounded(t *testing.T) {
	const violates = "1 validation error detected: Value %s failed to satisfy constraint: %s"
	long := strings.Repeat("v", 101)
	library := func(filters map[string]string) error {
		return ListWhatsAppTemplateLibrary.Validate(&ListWhatsAppTemplateLibraryInput{Id: new("waba-1"), Filters: filters})
	}
	flow := func(categories ...types.MetaFlowCategory) error {
		return CreateWhatsAppFlow.Validate(&CreateWhatsAppFlowInput{Id: new("waba-1"), FlowName: new("f"), Categories: categories})
	}
	button := func(input types.LibraryTemplateButtonInput) error {
		return CreateWhatsAppMessageTemplateFromLibrary.Validate(&CreateWhatsAppMessageTemplateFromLibraryInput{Id: new("waba-1"), MetaLibraryTemplate: &types.MetaLibraryTemplate{
			TemplateName: new("n"), LibraryTemplateName: new("l"), TemplateCategory: new("UTILITY"), TemplateLanguage: new("en"),
			LibraryTemplateButtonInputs: []types.LibraryTemplateButtonInput{{}, input},
		}})
	}
	length := func(most string) string {
		return "[Member must have length less than or equal to " + most + ", Member must have length greater than or equal to 1]"
	}
	categories := "[Member must satisfy enum value set: [SIGN_UP, SIGN_IN, APPOINTMENT_BOOKING, LEAD_GENERATION, SHOPPING, CONTACT_US, CUSTOMER_SUPPORT, SURVEY, OTHER]]"
	for name, test := range map[string]struct {
		err  error
		want [2]string // value and place, constraint; empty: valid
	}{
		"a valid map":           {library(map[string]string{"topic": "a", "industry": "b"}), [2]string{}},
		"an empty map":          {library(map[string]string{}), [2]string{}},
		"an empty key":          {library(map[string]string{"": "x", "topic": "a"}), [2]string{"'{=x, topic=a}' at 'filters'", "Map keys must satisfy constraint: " + length("100")}},
		"a long value":          {library(map[string]string{"k": long}), [2]string{"'{k=" + long + "}' at 'filters'", "Map value must satisfy constraint: " + length("100")}},
		"a value of the enum":   {flow(types.MetaFlowCategorySurvey), [2]string{}},
		"an unknown enum value": {flow("SURVEY", "NONE"), [2]string{"'[SURVEY, NONE]' at 'categories'", "Member must satisfy constraint: " + categories}},
		"an empty list":         {flow([]types.MetaFlowCategory{}...), [2]string{"'[]' at 'categories'", "Member must have length greater than or equal to 1"}},
		"a map in a structure in a list": {button(types.LibraryTemplateButtonInput{Url: map[string]string{"base_url": ""}}),
			[2]string{"'{base_url=}' at 'metaLibraryTemplate.libraryTemplateButtonInputs.2.member.url'", "Map value must satisfy constraint: " + length("400")}},
		"a map in a list": {button(types.LibraryTemplateButtonInput{SupportedApps: []map[string]string{{"a": "b"}, {strings.Repeat("k", 31): "b"}}}),
			[2]string{"'{" + strings.Repeat("k", 31) + "=b}' at 'metaLibraryTemplate.libraryTemplateButtonInputs.2.member.supportedApps.2.member'", "Map keys must satisfy constraint: " + length("30")}},
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.Replace(strings.Replace(violates, "%s", test.want[0], 1), "%s", test.want[1], 1)
			exception, failed := AsException(test.err)
			if failed != (test.want[0] != "") {
				t.Fatal(test.err)
			}
			if diff := cmp.Diff(want, exception.Message); failed && diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestKeyAndValueAreReportedOnceEach(t *testing.T) {
	err := ListWhatsAppTemplateLibrary.Validate(&ListWhatsAppTemplateLibraryInput{Id: new("waba-1"), Filters: map[string]string{"": "", " ": strings.Repeat("v", 300)}})
	exception, _ := AsException(err)
	if !strings.HasPrefix(exception.Message, "2 validation errors detected: ") || strings.Index(exception.Message, "Map keys") > strings.Index(exception.Message, "Map value") {
		t.Error(exception.Message)
	}
	if strings.Count(exception.Message, "v…'") != 2 || strings.Contains(exception.Message, strings.Repeat("v", 257)) {
		t.Errorf("the value is not cut after 256 code points: %s", exception.Message)
	}
}

func TestSensitiveValuesAreNotShown(t *testing.T) {
	err := AssociateWhatsAppBusinessAccount.Validate(&AssociateWhatsAppBusinessAccountInput{SetupFinalization: &types.WhatsAppSetupFinalization{
		AssociateInProgressToken: new(strings.Repeat("secret", 9)), PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{{Id: new("1"), TwoFactorPin: new("1234567")}},
	}})
	want := "2 validation errors detected: Value at 'setupFinalization.associateInProgressToken' failed to satisfy constraint: Member must have length less than or equal to 50; " +
		"Value at 'setupFinalization.phoneNumbers.1.member.twoFactorPin' failed to satisfy constraint: Member must have length less than or equal to 6"
	if exception, _ := AsException(err); exception.Message != want {
		t.Error(err)
	}
	err = AssociateWhatsAppBusinessAccount.Validate(&AssociateWhatsAppBusinessAccountInput{SignupCallback: &types.WhatsAppSignupCallback{AccessToken: new(strings.Repeat("secret", 200))}})
	if exception, _ := AsException(err); exception.Message != "1 validation error detected: Value at 'signupCallback.accessToken' failed to satisfy constraint: Member must have length less than or equal to 1000" {
		t.Error(err)
	}
}

func TestTimeOfDayIsBounded(t *testing.T) {
	day := types.WhatsAppTimeOfDay{Hours: new(int32(-1)), Minutes: new(int32(60))}
	err := UpdateLinkedWhatsAppBusinessAccountPhoneNumber.Validate(&UpdateLinkedWhatsAppBusinessAccountPhoneNumberInput{Id: new("phone-number-id-1"), CallSettings: &types.WhatsAppCallSettings{
		CallEnabled: new(true), CallHours: &types.WhatsAppCallHours{Enabled: new(false), Timezone: new("UTC"), WeeklyOperatingHours: []types.WhatsAppWeeklyOperatingHoursEntry{
			{DayOfWeek: types.WhatsAppDayOfWeekMonday, OpenTime: &day, CloseTime: &types.WhatsAppTimeOfDay{Hours: new(int32(0)), Minutes: new(int32(0))}}}},
	}})
	exception, _ := AsException(err)
	place := "'callSettings.callHours.weeklyOperatingHours.1.member.openTime."
	want := "2 validation errors detected: Value '-1' at " + place + "hours' failed to satisfy constraint: Member must have value greater than or equal to 0; " +
		"Value '60' at " + place + "minutes' failed to satisfy constraint: Member must have value less than or equal to 59"
	if diff := cmp.Diff(want, exception.Message); diff != "" {
		t.Error(diff)
	}
}

// Two operations have members in the query and in the body.
func TestQueryAndBodyTogether(t *testing.T) {
	in := &ListWhatsAppTemplateLibraryInput{Id: new("waba-1"), MaxResults: new(int32(3)), Filters: map[string]string{"topic": "x"}}
	body, query, err := ListWhatsAppTemplateLibrary.encodeInput(in)
	if err != nil || query != "id=waba-1" || string(body) != `{"maxResults":3,"filters":{"topic":"x"}}` {
		t.Errorf("%s ? %s, %v", body, query, err)
	}
	decoded := new(ListWhatsAppTemplateLibraryInput)
	if err := ListWhatsAppTemplateLibrary.Decode(decoded, []byte(`{"Id":"waba-2","id":"waba-3",`+string(body[1:])), query); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, decoded); diff != "" {
		t.Error(diff)
	}
}

func TestBlobsAreBase64(t *testing.T) {
	in := new(SendWhatsAppMessageInput)
	if err := SendWhatsAppMessage.Decode(in, []byte(`{"message":"e30="}`), ""); err != nil || string(in.Message) != "{}" {
		t.Errorf("%q, %v", in.Message, err)
	}
	for _, body := range []string{`{"message":"e30"}`, `{"message":"***"}`, `{"message":[1]}`, `{"message":{}}`} {
		err := SendWhatsAppMessage.Decode(new(SendWhatsAppMessageInput), []byte(body), "")
		if exception, ok := AsException(err); !ok || exception.Code != "SerializationException" || !strings.Contains(exception.Message, "can not be converted to a Blob at 'message'") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
