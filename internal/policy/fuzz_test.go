package policy

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzMatch compares the matcher with regular expressions, on any bytes.
func FuzzMatch(f *testing.F) {
	for _, c := range matchCases {
		for _, s := range append(c.yes, c.no...) {
			f.Add(c.pattern, s, c.fold)
		}
	}
	f.Fuzz(func(t *testing.T, p, s string, fold bool) {
		if !utf8.ValidString(p) || len(p) > 200 || len(s) > 2000 {
			return // patterns come from JSON, whose strings are valid UTF-8
		}
		flags := ""
		if fold {
			if !isASCII(p) || !isASCII(s) {
				return // only ASCII letters fold; regexp folds more
			}
			flags = "(?i)"
		}
		fast := newPattern(p, fold)
		if got, want := fast.matches(s), naiveMatch(p, s, flags); got != want {
			t.Errorf("%q, %q, fold %v: %v, want %v", p, s, fold, got, want)
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// FuzzParse checks that Parse does not panic, returns either a document or an error, and that the document
// can be evaluated.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`,
		`{"Version":"2012-10-17","Id":"i","Statement":[{"Sid":"A","Effect":"Deny","NotAction":["s3:*","s3:G?t"],"NotResource":["arn:aws:s3:::b/*"]}]}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{}}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}/*","Condition":{"ForAllValues:StringLike":{"aws:TagKeys":["a*","${aws:ResourceTag/t, 'x'}"]},"Null":{"aws:RequestTag/a":true}}}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"::ffff:10.0.0.0/104"},"DateLessThan":{"aws:EpochTime":1767225600},"NumericEquals":{"aws:ResourceTag/n":-1.5},"ArnLike":{"aws:PrincipalArn":"arn:*:iam::${aws:PrincipalAccount}:*"}}}}`,
		`[]`, `{}`, ``, `{"a":1,"a":2}`, "\xff",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := Parse(text)
		if (doc == nil) != (err != nil) {
			t.Fatalf("%v, %v", doc, err)
		}
		if err != nil {
			if !utf8.ValidString(err.Error()) {
				t.Errorf("the error is not valid UTF-8: %q", err)
			}
			return
		}
		if len(doc.statements) == 0 {
			t.Error("a document without statements")
		}
		req := Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k", Context: func(name string) ([]string, error) { return []string{name}, nil }}
		d := must(t, []*Document{doc}, req)
		if explained, steps, err := Explain([]*Document{doc}, req); err != nil || explained != d || len(steps) != len(doc.statements) {
			t.Errorf("%+v, explained as %+v with %d steps, %v", d, explained, len(steps), err)
		}
	})
}
