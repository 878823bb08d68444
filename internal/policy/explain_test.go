package policy

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestExplanationSaysWhatEachStatementContributes(t *testing.T) {
	doc := document(t, []rule{
		{sid: "Other", actions: []string{"sns:*"}, resources: []string{"*"}},
		{actions: []string{"s3:*"}, resources: []string{"arn:aws:s3:::c/*"}},
		{sid: "Office", actions: []string{"s3:*"}, resources: []string{"*"}, condition: `{"Bool":{"aws:SecureTransport":"true"},"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::1"]}}`},
		{sid: "Plain", deny: true, actions: []string{"*"}, resources: []string{"*"}, condition: `{"Bool":{"aws:SecureTransport":"false"}}`},
		{sid: "Users", actions: []string{"s3:*"}, resources: []string{"*"}, condition: `{"StringNotLike":{"aws:username":["a*","${aws:PrincipalAccount}"]}}`},
		{sid: "Tagged", actions: []string{"s3:*"}, resources: []string{"*"}, condition: `{"Null":{"aws:ResourceTag/Team":"false"}}`},
		{sid: "Untagged", actions: []string{"s3:*"}, resources: []string{"*"}, condition: `{"Null":{"aws:SourceIp":true}}`},
		{sid: "Tags", actions: []string{"s3:*"}, resources: []string{"*"}, condition: `{"ForAllValues:StringEquals":{"aws:TagKeys":"c"}}`},
	})
	values := map[string][]string{"aws:SecureTransport": {"true"}, "aws:SourceIp": {"192.0.2.1"}, "aws:username": {"app"}, "aws:TagKeys": {"a", "b"}}
	req := ask("s3:GetObject", "arn:aws:s3:::b/k", values).Request
	decision, steps, err := Explain([]*Document{doc}, req)
	if err != nil || decision.Outcome != NoAllow {
		t.Errorf("%+v, %v", decision, err)
	}
	var texts []string
	for _, step := range steps {
		texts = append(texts, step.Text("policy 1"))
	}
	want := []string{
		`Statement 1 of policy 1 (Other) is about other actions.`,
		`Statement 2 of policy 1 allows the action on other resources only.`,
		`Statement 3 of policy 1 (Office) would allow it, but a condition is not met. IpAddress of aws:SourceIp: expected "10.0.0.0/8" or "::1", found "192.0.2.1".`,
		`Statement 4 of policy 1 (Plain) would deny it, but a condition is not met. Bool of aws:SecureTransport: expected "false", found "true".`,
		`Statement 5 of policy 1 (Users) would allow it, but a condition is not met. StringNotLike of aws:username: expected a value other than "a*" or "${aws:PrincipalAccount}", found "app".`,
		`Statement 6 of policy 1 (Tagged) would allow it, but a condition is not met. Null of aws:ResourceTag/Team: expected a value, found no value.`,
		`Statement 7 of policy 1 (Untagged) would allow it, but a condition is not met. Null of aws:SourceIp: expected no value, found "192.0.2.1".`,
		`Statement 8 of policy 1 (Tags) would allow it, but a condition is not met. ForAllValues:StringEquals of aws:TagKeys: expected "c", found "a" and "b".`,
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
	values["aws:SecureTransport"] = []string{"false"}
	decision, steps, err = Explain([]*Document{nil, doc}, ask("s3:GetObject", "arn:aws:s3:::b/k", values).Request)
	if err != nil || decision.Outcome != NoAllow || len(steps) != 8 {
		t.Errorf("beside a document that is missing: %+v, %d steps, %v", decision, len(steps), err)
	}
	decision, steps, err = Explain([]*Document{doc}, ask("s3:GetObject", "arn:aws:s3:::b/k", values).Request)
	if err != nil || decision != (Decision{ExplicitDeny, 0, 3, "Plain"}) || steps[3].Reason != Applies || steps[3].Text("a.json") != "Statement 4 of a.json (Plain) denies it." || len(steps[3].Conditions) != 1 {
		t.Errorf("%+v, %+v, %v", decision, steps[3], err)
	}
	broken := errors.New("the database is closed")
	req.Context = func(string) ([]string, error) { return nil, broken }
	if decision, _, err := Explain([]*Document{doc}, req); !errors.Is(err, broken) || decision.Allowed() {
		t.Errorf("%+v, %v", decision, err)
	}
}

func TestValuesOfACallAreChecked(t *testing.T) {
	for pair, wrong := range map[string]string{
		"aws:SourceIp=203.0.113.5": "", "AWS:sourceIP=::1": "", "aws:TagKeys=a": "", "aws:ResourceTag/Team=a=b": "", "aws:username=": "", "aws:CurrentTime=1767225600": "",
		"aws:SecureTransport=true": "", "aws:PrincipalArn=arn:aws:iam::1:user/a": "",
		"aws:SourceIp":            "expected KEY=VALUE",
		"aws:SourceIp=10.0.0.0/8": "expected one address", "aws:SecureTransport=1": "expected true or false", "aws:CurrentTime=today": "expected a time",
		"aws:PrincipalArn=a": "expected an ARN", "aws:userid=a": "unknown condition key", "=a": "unknown condition key", "aws:username=\xff": "is not UTF-8", "aws:username=a\n": "control character",
	} {
		_, err := ParseValues([]string{pair})
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%q: %v", pair, err)
		}
	}
	if _, err := ParseValues([]string{"aws:SourceIp=::1", "aws:sourceip=::2"}); err == nil {
		t.Error("two values of a key with one are accepted")
	}
	values, err := ParseValues([]string{"aws:TagKeys=a", "aws:TagKeys=b", "aws:RequestTag/T=a", "aws:RequestTag/t=b", "aws:EpochTime=1767225600"})
	values.Complete("111122223333", "app", time.Unix(0, 0))
	want := Values{"aws:TagKeys": {"a", "b"}, "aws:RequestTag/t": {"a", "b"}, "aws:EpochTime": {"1767225600"}, "aws:CurrentTime": {"2026-01-01T00:00:00Z"},
		"aws:PrincipalAccount": {"111122223333"}, "aws:PrincipalArn": {"arn:aws:iam::111122223333:user/app"}, "aws:username": {"app"}}
	if diff := cmp.Diff(want, values); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
