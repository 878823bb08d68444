package policy

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// thousand returns 1,000 statements, in as many documents as their size requires. change makes each differ from a
// statement about a bucket of its own.
func thousand(b *testing.B, change func(r *rule, i int)) []*Document {
	var docs []*Document
	for i := range 40 {
		var rules []rule
		for j := range 25 {
			r := rule{
				sid: fmt.Sprintf("S%d", j), deny: j%10 == 0,
				actions:   []string{"social-messaging:Send*", "s3:GetObject"},
				resources: []string{fmt.Sprintf("arn:aws:s3:::bucket-%d-%d/*", i, j)},
			}
			if change != nil {
				change(&r, 25*i+j)
			}
			rules = append(rules, r)
		}
		docs = append(docs, document(b, rules))
	}
	return docs
}

// everywhere makes a statement about all buckets, with a condition.
func everywhere(format string) func(r *rule, i int) {
	return func(r *rule, i int) {
		r.resources, r.condition = []string{"arn:aws:s3:::*"}, strings.NewReplacer("{i}", strconv.Itoa(i), "{a}", strconv.Itoa(i/256), "{b}", strconv.Itoa(i%256)).Replace(format)
	}
}

// benchValues are the values of a request. Their lists exist before the request, so that the benchmark measures
// the evaluator only.
var benchValues = map[string][]string{
	"aws:SourceIp": {"203.0.113.5"}, "aws:SecureTransport": {"true"}, "aws:CurrentTime": {"2026-11-30T12:00:00Z"}, "aws:username": {"app"},
	"aws:PrincipalArn": {"arn:aws:iam::123456789012:user/app"}, "aws:ResourceTag/team": {"red"}, "aws:TagKeys": {"team", "stage"},
}

func BenchmarkEvaluate1000Statements(b *testing.B) {
	const key = "arn:aws:s3:::bucket-%d-%d/key"
	context := Context(func(name string) ([]string, error) { return benchValues[name], nil })
	for _, bench := range []struct {
		name, action, resource string
		change                 func(r *rule, i int)
	}{
		{"OtherAction", "social-messaging:PostWhatsAppMessageMedia", "arn:aws:social-messaging:us-east-1:123456789012:phone-number-id/a", nil},
		{"OtherResource", "s3:GetObject", fmt.Sprintf(key, 40, 25), nil},
		{"Allowed", "s3:GetObject", fmt.Sprintf(key, 39, 24), nil},
		{"OtherResourceWithConditions", "s3:GetObject", fmt.Sprintf(key, 40, 25), func(r *rule, _ int) { r.condition = `{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}` }},
		{"OtherUser", "s3:GetObject", fmt.Sprintf(key, 1, 1), everywhere(`{"StringEquals":{"aws:username":"user-{i}"}}`)},
		{"OtherUserLike", "s3:GetObject", fmt.Sprintf(key, 1, 1), everywhere(`{"StringLike":{"aws:username":"user-{i}*"}}`)},
		{"OtherAddress", "s3:GetObject", fmt.Sprintf(key, 1, 1), everywhere(`{"IpAddress":{"aws:SourceIp":"10.{a}.{b}.0/24"}}`)},
		{"OtherTime", "s3:GetObject", fmt.Sprintf(key, 1, 1), everywhere(`{"DateLessThan":{"aws:CurrentTime":"2024-11-30T12:00:00.{i}Z"}}`)},
		{"OtherTag", "s3:GetObject", fmt.Sprintf(key, 1, 1), everywhere(`{"StringEquals":{"aws:ResourceTag/team":"team-{i}"}}`)},
		{"OtherTagKeys", "s3:GetObject", fmt.Sprintf(key, 1, 1), everywhere(`{"ForAnyValue:StringEquals":{"aws:TagKeys":"tag-{i}"}}`)},
		{"OtherARN", "s3:GetObject", fmt.Sprintf(key, 1, 1), everywhere(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/b{i}*"}}`)},
		{"OtherVariable", "s3:GetObject", fmt.Sprintf(key, 1, 1), func(r *rule, i int) {
			r.resources = []string{fmt.Sprintf("arn:aws:s3:::bucket-${aws:username}-%d/*", i)}
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			docs := thousand(b, bench.change)
			req := Request{Action: bench.action, Resource: bench.resource, Context: context}
			b.ReportAllocs()
			for b.Loop() {
				must(b, docs, req)
			}
		})
	}
}

func BenchmarkWorstPattern2KB(b *testing.B) {
	p := newPattern("*"+strings.Repeat("a", 1024)+"b", false)
	s := strings.Repeat("a", 2048)
	for b.Loop() {
		p.matches(s)
	}
}

func TestEvaluateAllocatesNothing(t *testing.T) {
	var conditions []string
	for _, name := range []string{"StringNotEquals", "StringLike", "ForAllValues:StringNotLike", "StringEqualsIgnoreCaseIfExists"} {
		conditions = append(conditions, `{"`+name+`":{"aws:ResourceTag/team":["x","${aws:username}"]},"Null":{"aws:RequestTag/a":"false"}}`)
	}
	for _, condition := range append(conditions, "", `{"NotIpAddress":{"aws:SourceIp":["203.0.113.0/24","::1"]}}`, `{"DateLessThan":{"aws:CurrentTime":"2026-01-01"}}`,
		`{"Bool":{"aws:SecureTransport":false}}`, `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/b*"}}`, `{"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}}`) {
		doc := document(t, []rule{{sid: "A", actions: []string{"s3:Get*"}, resources: []string{"arn:aws:s3:::b/*", "arn:aws:s3:::${aws:username}/*"}, condition: condition}})
		docs := []*Document{doc}
		for _, req := range []Request{{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}, {Action: "s3:PutObject", Resource: "arn:aws:s3:::b/k"}} {
			req.Context = func(name string) ([]string, error) { return benchValues[name], nil }
			if n := testing.AllocsPerRun(100, func() { must(t, docs, req) }); n != 0 {
				t.Errorf("%s %s: %v allocations", condition, req.Action, n)
			}
		}
	}
}
