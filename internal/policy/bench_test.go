package policy

import (
	"fmt"
	"strings"
	"testing"
)

// thousand returns 1,000 statements, none of which applies, in as many documents as their size requires.
func thousand(b *testing.B) []*Document {
	var docs []*Document
	for i := range 20 {
		var rules []rule
		for j := range 50 {
			rules = append(rules, rule{
				sid: fmt.Sprintf("S%d", j), deny: j%10 == 0,
				actions:   []string{"social-messaging:Send*", "s3:GetObject"},
				resources: []string{fmt.Sprintf("arn:aws:s3:::bucket-%d-%d/*", i, j)},
			})
		}
		docs = append(docs, document(b, rules))
	}
	return docs
}

func BenchmarkEvaluate1000Statements(b *testing.B) {
	docs := thousand(b)
	for name, req := range map[string]Request{
		"OtherAction":   {Action: "social-messaging:PostWhatsAppMessageMedia", Resource: "arn:aws:social-messaging:us-east-1:123456789012:phone-number-id/a"},
		"OtherResource": {Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket-20-50/key"},
		"Allowed":       {Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket-19-49/key"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Evaluate(docs, req)
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
	doc := document(t, []rule{{sid: "A", actions: []string{"s3:Get*"}, resources: []string{"arn:aws:s3:::b/*"}}})
	docs := []*Document{doc}
	for _, req := range []Request{{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}, {Action: "s3:PutObject", Resource: "arn:aws:s3:::b/k"}} {
		if n := testing.AllocsPerRun(100, func() { Evaluate(docs, req) }); n != 0 {
			t.Errorf("%v: %v allocations", req, n)
		}
	}
}
