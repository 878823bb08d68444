package media

import (
	"bytes"
	"regexp"
	"unicode/utf8"
)

// examineText checks the encoding of the first bytes, and whether they are for people to
// read. Phones read text as UTF-8.
func examineText(x *examiner) {
	b := x.head
	x.examineCode()
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		x.report(CodeTextUTF16)
		return
	case bytes.IndexByte(b, 0) >= 0:
		x.report(CodeTextNUL)
	}
	if int64(len(b)) < x.size { // the last character may be incomplete
		b = withoutPartialRune(b)
	}
	if !utf8.Valid(b) {
		x.report(CodeTextNotUTF8)
	}
}

// withoutPartialRune returns b without bytes at its end that may be the beginning of a
// character.
func withoutPartialRune(b []byte) []byte {
	for range utf8.UTFMax - 1 {
		if r, size := utf8.DecodeLastRune(b); r != utf8.RuneError || size != 1 {
			break
		}
		b = b[:len(b)-1]
	}
	return b
}

// examineCode reports text that another program should render or decode.
func (x *examiner) examineCode() {
	text := bytes.TrimLeft(trimMarks(x.head), " \t\r\n")
	if mime := codeType(text); mime != "" {
		x.result.add(x.kind, CodeTextIsCode, conversionAdvice(mime, kindOf(mime), detection{}), codeNames[mime], "codes")
	} else if s, ok := textSubstitute(text); ok {
		x.result.add(s.inside, CodeTextIsCode, s.fix, s.what, "characters")
	}
}

// codeNames are the text formats that only programs read, as text/plain is for people.
var codeNames = map[string]string{
	"text/rtf": "an RTF document", "image/svg+xml": "an SVG picture", "application/postscript": "a PostScript document", "message/rfc822": "an e-mail message",
}

// codeType recognises the formats of codeNames, empty if the text is none of them.
func codeType(text []byte) string {
	text = text[:min(len(text), sniffSize)]
	switch {
	case bytes.HasPrefix(text, []byte(`{\rtf`)):
		return "text/rtf"
	case bytes.HasPrefix(text, []byte("%!PS")):
		return "application/postscript"
	case svgRoot.Match(text):
		return "image/svg+xml"
	case isEmail(text):
		return "message/rfc822"
	}
	return ""
}

// svgRoot is the beginning of an SVG: declarations, comments and a document type, then its
// root element.
var svgRoot = regexp.MustCompile(`^(?:<\?[^>]*\?>\s*|<!--(?s:.*?)-->\s*|<!DOCTYPE svg[^>\[]*(?:\[[^\]]*\]\s*)?>\s*)*<(?:svg:)?svg[\s>]`)

// emailField is a field of a message's header (docs/references.md#mail, section 3.6), and
// emailMark one that only mail programs write.
var (
	emailField = regexp.MustCompile(`(?i)^(?:return-path|received|delivered-to|from|to|cc|subject|date|message-id|mime-version|reply-to|sender|content-type|content-transfer-encoding|dkim-signature|authentication-results|[a-z]{1,20}-[a-z0-9-]{1,40}|importance|precedence|status):`)
	emailMark  = regexp.MustCompile(`(?im)^(?:return-path|received|message-id|mime-version|dkim-signature|x-mailer): *\S`)
	emailFrom  = regexp.MustCompile(`(?im)^from: *\S`)
)

// isEmail reports whether a text begins with the header of a message: fields and their
// continuation lines, with a sender and a mark of mail programs, until an empty line.
func isEmail(text []byte) bool {
	const fewest = 4
	header := text
	if bytes.HasPrefix(header, []byte("From ")) { // the separator of a mailbox
		_, header, _ = bytes.Cut(header, []byte("\n"))
	}
	fields, end := 0, 0
	for line := range bytes.Lines(header) {
		trimmed := bytes.TrimRight(line, "\r\n")
		if len(trimmed) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			if !emailField.Match(line) {
				return end+len(line) == len(header) && enoughEmail(header[:end], fields, fewest) // the text ends in it
			}
			fields++
		}
		end += len(line)
	}
	return enoughEmail(header[:end], fields, fewest)
}

func enoughEmail(header []byte, fields, fewest int) bool {
	return fields >= fewest && emailFrom.Match(header) && emailMark.Match(header)
}
