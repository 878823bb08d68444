package tty_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"ferry/internal/tty"
)

func TestTextFromElsewhereIsShownAndNotObeyed(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain text":                          {"a b_c-1.jpg", "a b_c-1.jpg"},
		"quotes and backslashes":              {`C:\new "file"`, `C:\new "file"`},
		"letters of other scripts":            {"Größe 文件 ملف קובץ ไฟล์ हिन्दी", "Größe 文件 ملف קובץ ไฟล์ हिन्दी"},
		"combining marks":                     {"e\u0301", "e\u0301"},
		"an emoji":                            {"🎉", "🎉"},
		"an emoji of several, with joiners":   {"👩‍👩‍👧‍👦 🏳️‍🌈", "👩‍👩‍👧‍👦 🏳️‍🌈"},
		"a flag of regional letters":          {"🇮🇹", "🇮🇹"},
		"a flag of tags":                      {"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"},
		"a joiner in a Persian word":          {"می\u200cخواهم", "می\u200cخواهم"},
		"a space that does not break":         {"12\u00a0MB\u202fx", "12\u00a0MB\u202fx"},
		"a sequence that clears the screen":   {"a\x1b[2Jb", `a\x1b[2Jb`},
		"a sequence that sets the title":      {"\x1b]0;root\x07", `\x1b]0;root\a`},
		"a sequence of C1":                    {"a\u009b2Jb", `a\u009b2Jb`},
		"a byte of C1 that is not UTF-8":      {"a\x9b2Jb", `a\x9b2Jb`},
		"line breaks":                         {"a\nb\r\nc", `a\nb\r\nc`},
		"tabs and backspaces":                 {"a\tb\b", `a\tb\b`},
		"a NUL and a DEL":                     {"a\x00b\x7f", `a\x00b\x7f`},
		"separators of lines and paragraphs":  {"a\u2028b\u2029", `a\u2028b\u2029`},
		"a next line":                         {"a\u0085b", `a\u0085b`},
		"an override of direction":            {"photo\u202egpj.exe", `photo\u202egpj.exe`},
		"an isolate of direction":             {"\u2066a\u2069", `\u2066a\u2069`},
		"a mark of direction":                 {"\u200fa\u061c", `\u200fa\u061c`},
		"a zero width space":                  {"a\u200bb", `a\u200bb`},
		"a joiner in an English word":         {"pay\u200dpal", `pay\u200dpal`},
		"joiners in a row":                    {"é\u200d\u200dé", `é\u200d\u200dé`},
		"a byte order mark":                   {"\ufeffa", `\ufeffa`},
		"a soft hyphen":                       {"a\u00adb", `a\u00adb`},
		"hidden text in tags":                 {"a\U000e0068\U000e0069", `a\U000e0068\U000e0069`},
		"a filler that looks like nothing":    {"a\u3164b", `a\u3164b`},
		"bytes that are not UTF-8":            {"a\xffb\xc3", `a\xffb\xc3`},
		"the character for unknown ones":      {"a\ufffdb", "a\ufffdb"},
		"a character for private use":         {"\ue000", `\ue000`},
		"a surrogate in what was once UTF-16": {"\xed\xa0\x80", `\xed\xa0\x80`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tty.Clean(c.text); got != c.want {
				t.Errorf("Clean(%q) = %q, want %q", c.text, got, c.want)
			}
			if again := tty.Clean(tty.Clean(c.text)); again != c.want {
				t.Errorf("cleaned twice: %q", again)
			}
		})
	}
}

// obeyed are characters that must not reach a terminal.
func obeyed(r rune) bool {
	return r < ' ' || 0x7f <= r && r < 0xa0 || r == '\u061c' || r == '\u200b' || '\u200e' <= r && r <= '\u200f' ||
		'\u2028' <= r && r <= '\u202e' || '\u2060' <= r && r <= '\u206f' || r == '\ufeff'
}

func FuzzCleanTextIsHarmless(f *testing.F) {
	for _, text := range []string{"a", "\x1b[2J", "photo\u202egpj", "👩‍👩", "\xed\xa0\x80", "\u009b", "a\U000e0068", "\ufffd"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean := tty.Clean(text)
		if strings.ContainsFunc(clean, obeyed) || !utf8.ValidString(clean) {
			t.Errorf("Clean(%q) = %q", text, clean)
		}
		if again := tty.Clean(clean); again != clean {
			t.Errorf("Clean(%q) = %q, and cleaned again %q", text, clean, again)
		}
		line, err := tty.JSON(map[string]string{"text": text})
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(strings.TrimSuffix(string(line), "\n"), obeyed) {
			t.Errorf("JSON(%q) = %q", text, line)
		}
		var decoded map[string]string
		if err := json.Unmarshal(line, &decoded); err != nil {
			t.Fatalf("JSON(%q) = %q: %v", text, line, err)
		}
		if want := strings.ToValidUTF8(text, "\ufffd"); decoded["text"] != want && utf8.ValidString(text) {
			t.Errorf("JSON(%q) is decoded as %q", text, decoded["text"])
		}
	})
}
