package policy

import (
	"strings"
	"testing"
	"time"
)

// matchCases are patterns with texts that they match and texts that they do not match, without and with
// folding of case.
var matchCases = []struct {
	pattern string
	fold    bool
	yes, no []string
}{
	{"", false, []string{""}, []string{"a", "*", " "}},
	{"a", false, []string{"a"}, []string{"", "A", "aa", "b", "*", "?"}},
	{"a", true, []string{"a", "A"}, []string{"", "b", "à"}},
	{"*", false, []string{"", "a", "a:b/c", "\n", "é", "\xff"}, nil},
	{"**", false, []string{"", "a", "ab"}, nil},
	{"?", false, []string{"a", "*", "é", "€", "😀", "\xff", "\n"}, []string{"", "ab", "e\u0301", "\xff\xff"}},
	{"??", false, []string{"ab", "é€"}, []string{"", "a", "é", "abc"}},
	{"*?", false, []string{"a", "ab", "€"}, []string{""}},
	{"?*", false, []string{"a", "ab", "€"}, []string{""}},
	{"*??", false, []string{"ab", "€a", "abc"}, []string{"", "a", "€", "😀"}},
	{"?*?", false, []string{"ab", "a€", "abc"}, []string{"", "a", "€"}},
	{"a*", false, []string{"a", "ab", "aa", "a*"}, []string{"", "b", "ba", "A"}},
	{"*a", false, []string{"a", "ba", "aa", "a*a"}, []string{"", "b", "ab"}},
	{"a*a", false, []string{"aa", "aba", "aaa"}, []string{"a", "ab", "ba", "aab"}},
	{"a*b*c", false, []string{"abc", "aXbYc", "abbcc", "abcbc"}, []string{"ac", "acb", "ab", "abcX", "Xabc"}},
	{"*ab*", false, []string{"ab", "aab", "abab", "xaby"}, []string{"", "a", "b", "ba", "a b"}},
	{"*aab", false, []string{"aab", "aaab", "aabaab"}, []string{"ab", "aaba", "aabb"}},
	{"a?c", false, []string{"abc", "a?c", "aéc"}, []string{"ac", "abbc"}},
	{"a.c", false, []string{"a.c"}, []string{"abc"}},
	{"[a]", false, []string{"[a]"}, []string{"a"}},
	{`a\*`, false, []string{`a\`, `a\b`}, []string{"a*", "a"}},
	{"é", false, []string{"é"}, []string{"É", "e\u0301", "e"}},
	{"s3:Get*", true, []string{"s3:GetObject", "S3:GETOBJECT", "s3:get"}, []string{"s3:Ge", "s3:PutObject", "xs3:GetObject"}},
	{"s3:*Tagging", true, []string{"s3:GetObjectTagging", "s3:TAGGING"}, []string{"s3:Taggin", "s3:GetObjectTaggings"}},
	{"s3:?etObject", true, []string{"s3:GetObject", "s3:setobject"}, []string{"s3:etObject", "s3:XXetObject"}},
	{"k", true, []string{"K"}, []string{"\u212a"}},
	{"s", true, []string{"S"}, []string{"ſ"}},
	{"[", true, []string{"["}, []string{"{"}},
	{"@`", true, []string{"@`"}, []string{"`@", "@@"}},
}

func TestMatch(t *testing.T) {
	n := 0
	for _, c := range matchCases {
		p := newPattern(c.pattern, c.fold)
		for _, s := range c.yes {
			n++
			if !p.matches(s) {
				t.Errorf("%q does not match %q", c.pattern, s)
			}
		}
		for _, s := range c.no {
			n++
			if p.matches(s) {
				t.Errorf("%q matches %q", c.pattern, s)
			}
		}
	}
	t.Logf("%d cases", n)
}

// TestMatchExhaustively compares the matcher with the naive one for every pattern and every text of a small
// alphabet.
func TestMatchExhaustively(t *testing.T) {
	texts := words("ab€", 5)
	n := 0
	for _, p := range words("ab*?", 5) {
		fast := newPattern(p, false)
		for _, s := range texts {
			n++
			if got, want := fast.matches(s), naiveMatch(p, s, ""); got != want {
				t.Fatalf("%q, %q: %v, want %v", p, s, got, want)
			}
		}
	}
	t.Logf("%d pairs", n)
}

// words returns every text of at most n of the letters.
func words(letters string, n int) []string {
	out := []string{""}
	for first := 0; n > 0; n-- {
		end := len(out)
		for _, w := range out[first:end] {
			for _, r := range letters {
				out = append(out, w+string(r))
			}
		}
		first = end
	}
	return out
}

// TestNoPatternBlowsUp would take years with a backtracking matcher.
func TestNoPatternBlowsUp(t *testing.T) {
	s := strings.Repeat("a", 2048)
	start := time.Now()
	for _, p := range []string{
		strings.Repeat("*a", 1024) + "b", strings.Repeat("*", 2048) + "b", strings.Repeat("*?", 1024) + "b",
		"*" + strings.Repeat("a", 1024) + "b", strings.Repeat("a*", 1024) + "b*", strings.Repeat("?*a", 700) + "b",
	} {
		fast := newPattern(p, false)
		if fast.matches(s) {
			t.Errorf("%.20q… matches", p)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}
