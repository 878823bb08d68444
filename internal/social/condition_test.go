package social_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/admin"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// allowIf returns a policy that allows the whole API under a condition.
func allowIf(condition string) string {
	return `{"Version":"2012-10-17","Statement":{"Sid":"If","Effect":"Allow","Action":["social-messaging:*","ferry:*"],"Resource":"*","Condition":` + condition + `}}`
}

// listAs lists accounts with a key that has a policy, and returns whether that is allowed.
func (w *world) listAs(policy string, change ...func(r *http.Request)) bool {
	w.t.Helper()
	key := w.newKey(account, policy)
	r := w.request("GET", "/v1/whatsapp/waba/list", "")
	for _, f := range change {
		f(r)
	}
	return w.allowed(w.send(w.sign(r, func(s *scope) { s.key = key })))
}

// allowed reports whether a call was authorised.
func (w *world) allowed(got reply) bool {
	w.t.Helper()
	if got.status == http.StatusForbidden && got.errorType == "AccessDeniedException" {
		return false
	}
	if got.status != http.StatusOK {
		w.t.Errorf("%d %s", got.status, got.body)
	}
	return true
}

func TestConditionsOnTheConnectionTheTimeAndTheCaller(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 500, time.FixedZone("", 3600))
	w := newWorld(t, func(s *settings) { s.api.Now, s.api.SignatureNow = func() time.Time { return now }, time.Now })
	for condition, want := range map[string]bool{
		`{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`:                                                      true,
		`{"IpAddress":{"aws:SourceIp":"::ffff:127.0.0.1"}}`:                                                 true,
		`{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::/0"]}}`:                                              false,
		`{"NotIpAddress":{"aws:SourceIp":"127.0.0.1"}}`:                                                     false,
		`{"Bool":{"aws:SecureTransport":"true"}}`:                                                           false,
		`{"Bool":{"aws:SecureTransport":"false"}}`:                                                          true,
		`{"DateGreaterThan":{"aws:CurrentTime":"2026-11-30T10:59:59Z"}}`:                                    true,
		`{"DateEquals":{"aws:CurrentTime":"2026-11-30T11:00:00Z"}}`:                                         true,
		`{"DateLessThan":{"aws:CurrentTime":"2026-11-30T11:00:00Z"}}`:                                       false,
		`{"NumericEquals":{"aws:EpochTime":"1796036400"}}`:                                                  true,
		`{"DateGreaterThan":{"aws:EpochTime":"2026-11-30T11:00:00Z"}}`:                                      false,
		`{"StringEquals":{"aws:username":"app","aws:PrincipalAccount":"111122223333"}}`:                     true,
		`{"StringEquals":{"aws:username":"bot"}}`:                                                           false,
		`{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"}}`:                                       false,
		`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/*"}}`:                               true,
		`{"StringEquals":{"aws:RequestedRegion":["us-east-1"]}}`:                                            true,
		`{"StringEquals":{"aws:RequestedRegion":["eu-west-1"]}}`:                                            false,
		`{"StringEquals":{"iam:PassedToService":"social-messaging.amazonaws.com"}}`:                         false, // only of iam:PassRole
		`{"Null":{"aws:ResourceTag/team":"true","aws:RequestTag/t":true,"aws:TagKeys":true}}`:               true,  // a list has no resource
		`{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}"}}`: true,
	} {
		if got := w.listAs(allowIf(condition)); got != want {
			t.Errorf("%s: allowed is %v", condition, got)
		}
	}
}

func TestForwardedHeadersDoNotChangeTheSourceAddress(t *testing.T) {
	w := newWorld(t)
	spoof := func(r *http.Request) {
		r.Header.Set("X-Forwarded-For", "10.0.0.1")
		r.Header.Set("X-Real-Ip", "10.0.0.1")
		r.Header.Set("Forwarded", "for=10.0.0.1;proto=https")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("True-Client-Ip", "10.0.0.1")
	}
	if w.listAs(allowIf(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), spoof) || w.listAs(allowIf(`{"Bool":{"aws:SecureTransport":"true"}}`), spoof) {
		t.Error("a header of the client counts as its address or its encryption")
	}
	if !w.listAs(allowIf(`{"IpAddress":{"aws:SourceIp":"127.0.0.1"}}`), spoof) {
		t.Error("the address of the connection does not count")
	}
}

func TestSecureTransportIsTheConnectionsEncryption(t *testing.T) {
	w := newWorld(t)
	secure := httptest.NewTLSServer(w.service)
	defer secure.Close()
	key := w.newKey(account, allowIf(`{"Bool":{"aws:SecureTransport":"true"}}`))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}}
	defer client.CloseIdleConnections()
	for base, want := range map[string]int{secure.URL: http.StatusOK, w.api.URL: http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", base+"/v1/whatsapp/waba/list", nil)
		w.must(err)
		response, err := client.Do(w.sign(r, func(s *scope) { s.key = key }))
		w.must(err)
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %d, want %d", base, response.StatusCode, want)
		}
	}
}

func TestConditionsOnTheTagsOfTheResource(t *testing.T) {
	w := newWorld(t)
	phone, waba := phoneARN+strings.TrimPrefix(w.phone, "phone-number-id-"), wabaARN+strings.TrimPrefix(w.waba, "waba-")
	w.must(w.tag(w.key, phone, "Team", "red", "owner", "app"))
	w.must(w.tag(w.key, waba, "team", "blue"))
	details := func(policy, target string) bool {
		key := w.newKey(account, policy)
		return w.allowed(w.send(w.sign(w.request("GET", target, ""), func(s *scope) { s.key = key })))
	}
	ofPhone, ofWABA := "/v1/whatsapp/waba/phone/details?id="+w.phone, "/v1/whatsapp/waba/details?id="+w.waba
	for _, test := range []struct {
		condition, target string
		want              bool
	}{
		{`{"StringEquals":{"aws:ResourceTag/team":"red"}}`, ofPhone, true}, // keys of tags in any case
		{`{"StringEquals":{"aws:ResourceTag/team":"Red"}}`, ofPhone, false},
		{`{"StringEquals":{"aws:ResourceTag/team":"red"}}`, ofWABA, false},
		{`{"StringEquals":{"aws:ResourceTag/team":"blue"}}`, ofWABA, true},
		{`{"StringEquals":{"aws:ResourceTag/owner":"${aws:username}"}}`, ofPhone, true},
		{`{"StringEquals":{"aws:ResourceTag/owner":"${aws:username}"}}`, ofWABA, false},
		{`{"StringNotEquals":{"aws:ResourceTag/owner":"bot"}}`, ofWABA, true}, // it has none
		{`{"Null":{"aws:ResourceTag/owner":"false"}}`, ofWABA, false},
		{`{"StringLikeIfExists":{"aws:ResourceTag/owner":"b*"}}`, ofWABA, true},
		{`{"StringLikeIfExists":{"aws:ResourceTag/owner":"b*"}}`, ofPhone, false},
	} {
		if got := details(allowIf(test.condition), test.target); got != test.want {
			t.Errorf("%s of %s: allowed is %v", test.condition, test.target, got)
		}
	}
	w.must(w.tag(w.key, phone, "team", "blue")) // beside Team
	for _, condition := range []string{`{"StringEquals":{"aws:ResourceTag/team":"red"}}`, `{"StringNotEquals":{"aws:ResourceTag/team":"red"}}`} {
		if details(allowIf(condition), ofPhone) {
			t.Errorf("%s is true for tags that contradict each other", condition)
		}
	}
}

func TestConditionsOnTheTagsOfTheRequest(t *testing.T) {
	w := newWorld(t)
	waba := wabaARN + strings.TrimPrefix(w.waba, "waba-")
	for _, test := range []struct {
		condition string
		tags      []string
		want      bool
	}{
		{`{"StringEquals":{"aws:RequestTag/team":["red","blue"]}}`, []string{"team", "blue"}, true},
		{`{"StringEquals":{"aws:RequestTag/team":["red","blue"]}}`, []string{"team", "green"}, false},
		{`{"StringEquals":{"aws:RequestTag/team":"red"}}`, []string{"stage", "red"}, false},
		{`{"StringEquals":{"aws:RequestTag/team":"red"}}`, []string{"team", "red", "Team", "green"}, false},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":["team","stage"]}}`, []string{"team", "a", "stage", "b"}, true},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":["team","stage"]}}`, []string{"team", "a", "owner", "b"}, false},
		{`{"ForAllValues:StringEquals":{"aws:TagKeys":"team"}}`, []string{"Team", "a"}, false},
		{`{"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}}`, []string{"stage", "a", "team", "b"}, true},
		{`{"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}}`, []string{"stage", "a"}, false},
		{`{"Null":{"aws:RequestTag/team":"false"}}`, []string{"team", ""}, false}, // an empty value is none
	} {
		err := w.tag(w.newKey(account, allowIf(test.condition)), waba, test.tags...)
		if _, denied := errors.AsType[*socialmessaging.AccessDeniedException](err); denied == test.want || err != nil && !denied {
			t.Errorf("%s with %q: %v", test.condition, test.tags, err)
		}
	}
	// UntagResource has keys and no values.
	key := w.newKey(account, allowIf(`{"ForAllValues:StringEquals":{"aws:TagKeys":"team"}}`))
	for tag, want := range map[string]bool{"team": true, "stage": false} {
		_, err := w.client(key).UntagResource(t.Context(), &socialmessaging.UntagResourceInput{ResourceArn: &waba, TagKeys: []string{tag}})
		if (err == nil) != want {
			t.Errorf("UntagResource of %s: %v", tag, err)
		}
	}
}

// A sign-up sets tags of the account and of its phone numbers.
func TestConditionsSeeAllTagsOfASignUp(t *testing.T) {
	w := newWorld(t)
	tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
	finish := func(condition string, ofWABA, ofNumber []types.Tag) bool {
		_, err := w.client(w.newKey(account, allowIf(condition))).AssociateWhatsAppBusinessAccount(t.Context(), &socialmessaging.AssociateWhatsAppBusinessAccountInput{
			SetupFinalization: &types.WhatsAppSetupFinalization{AssociateInProgressToken: aws.String("no-such-sign-up"), Waba: &types.WabaSetupFinalization{Id: aws.String("1"), Tags: ofWABA},
				PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{{Id: aws.String("1"), TwoFactorPin: aws.String("123456"), Tags: ofNumber}}}})
		_, denied := errors.AsType[*socialmessaging.AccessDeniedException](err)
		return !denied
	}
	red, green := []types.Tag{tag("team", "red")}, []types.Tag{tag("team", "green")}
	const isRed = `{"StringEquals":{"aws:RequestTag/team":"red"}}`
	for name, got := range map[string]bool{
		"the account only":    finish(isRed, red, nil),
		"the number only":     finish(isRed, nil, red),
		"both":                finish(isRed, red, red),
		"TagKeys":             finish(`{"ForAllValues:StringEquals":{"aws:TagKeys":["team","a"]}}`, red, []types.Tag{tag("a", "")}),
		"neither is required": finish(`{"StringEqualsIfExists":{"aws:RequestTag/team":"red"}}`, nil, nil),
	} {
		if !got {
			t.Errorf("%s: denied", name)
		}
	}
	for name, got := range map[string]bool{
		"neither":                finish(isRed, nil, nil),
		"another of the number":  finish(isRed, red, green),
		"another of the account": finish(isRed, green, red),
		"another key":            finish(`{"ForAllValues:StringEquals":{"aws:TagKeys":"team"}}`, red, []types.Tag{tag("a", "")}),
		"a negated one":          finish(`{"StringNotEquals":{"aws:RequestTag/team":"green"}}`, red, green),
	} {
		if got {
			t.Errorf("%s: allowed", name)
		}
	}
}

func TestConditionsBindTheRightsOnOtherServices(t *testing.T) {
	w := newWorld(t)
	const role = "arn:aws:iam::111122223333:role/publisher"
	topic := "arn:aws:sns:us-east-1:111122223333:events"
	for condition, want := range map[string]bool{
		`{"StringEquals":{"iam:PassedToService":"social-messaging.amazonaws.com"}}`: true,
		`{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}`:           false,
		`{"IpAddress":{"aws:SourceIp":"127.0.0.1"}}`:                                true,
		`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`:                               false,
		`{"Null":{"aws:ResourceTag/team":"true"}}`:                                  true, // the role's tags are not known
	} {
		key := w.newKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:*","Resource":"*"},`+
			`{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::${aws:PrincipalAccount}:role/*","Condition":`+condition+`}]}`)
		err := w.putDestinations(key, w.waba, topic, role)
		if _, denied := errors.AsType[*socialmessaging.AccessDeniedException](err); denied == want || err != nil && !denied {
			t.Errorf("%s: %v", condition, err)
		}
	}
	w.put("app/photo.jpg", "image/jpeg", []byte("x"))
	home := w.newKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:*","Resource":"*"},`+
		`{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::*/${aws:username}/*"}]}`)
	for path, want := range map[string]bool{"app/photo.jpg": true, "bot/photo.jpg": false, "app2/photo.jpg": false} {
		_, err := w.postAs(t.Context(), home, &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &w.phone, SourceS3File: &types.S3File{BucketName: aws.String(bucket), Key: &path}})
		if _, denied := errors.AsType[*socialmessaging.AccessDeniedException](err); denied == want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestDenialSaysWhatAWSSaysAndTheLogSaysWhy(t *testing.T) {
	w := newWorld(t)
	const user, action = "User: arn:aws:iam::111122223333:user/app is not authorized to perform: ", "social-messaging:ListLinkedWhatsAppBusinessAccounts"
	for _, test := range []struct{ policy, message, cause string }{
		{allowIf(`{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.1"]}}`), user + action + " on resource: * because no identity-based policy allows the " + action + " action",
			`Statement 1 of policy 1 (If) would allow it, but a condition is not met. IpAddress of aws:SourceIp: expected "10.0.0.0/8" or "192.0.2.1", found "127.0.0.1".`},
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
			user + action + " on resource: * with an explicit deny in an identity-based policy", "Statement 2 of policy 1 denies it."},
		{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
			user + action + " on resource: * because no identity-based policy allows the " + action + " action", ""},
	} {
		key := w.newKey(account, test.policy)
		got := w.send(w.sign(w.request("GET", "/v1/whatsapp/waba/list", ""), func(s *scope) { s.key = key }))
		if got.status != http.StatusForbidden || got.errorType != "AccessDeniedException" || got.message() != test.message {
			t.Errorf("%d %s %s", got.status, got.errorType, got.body)
		}
		if line := lastLine(t, w.log); fmt.Sprint(line["cause"]) != test.cause && (test.cause != "" || line["cause"] != nil) {
			t.Errorf("logged %v, want %s", line["cause"], test.cause)
		}
	}
}

// A policy that was stored by another version of ferry is refused as a whole: what it would deny is not known.
func TestStoredPolicyThatIsNotUnderstoodAllowsNothing(t *testing.T) {
	w := newWorld(t)
	for _, policy := range []string{
		allowIf(`{"FutureOperator":{"aws:username":"app"}}`),
		`{"Version":"2030-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Until":"2030"}}`,
	} {
		key := w.key
		key.ID, key.Policies = "AKIA"+fmt.Sprintf("%016d", len(policy)), []string{admin.FullAccessPolicy, policy}
		w.must(w.state.CreateAccessKey(t.Context(), key))
		got := w.send(w.sign(w.request("GET", "/v1/whatsapp/waba/list", ""), func(s *scope) { s.key = key }))
		if got.status != http.StatusInternalServerError || got.errorType != "InternalServiceException" {
			t.Errorf("%s: %d %s", policy, got.status, got.body)
		}
		if line := lastLine(t, w.log); !strings.Contains(fmt.Sprint(line["cause"]), "a stored policy of access key "+key.ID) || line["level"] != "ERROR" {
			t.Errorf("logged %v", line)
		}
	}
}
