package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"ferry/internal/sample"
)

// ranges is a source that counts the reads and checks them against the bounds.
type ranges struct {
	data         []byte
	size         int64 // bytes after data repeat it
	reads, asked int
	broken       string // the bound that was exceeded
}

func (r *ranges) readAt(_ context.Context, p []byte, off int64) (int, error) {
	r.reads, r.asked = r.reads+1, r.asked+len(p)
	switch {
	case len(p) > maxReadSize:
		r.broken = "one read is too long"
	case r.reads > maxReads:
		r.broken = "too many reads"
	case r.asked > maxReadTotal:
		r.broken = "too much read"
	case off < 0 || off+int64(len(p)) > r.size:
		r.broken = "read outside of the file"
	}
	if r.broken != "" {
		return 0, io.EOF
	}
	for n := 0; n < len(p); {
		n += copy(p[n:], r.data[(off+int64(n))%int64(len(r.data)):])
	}
	return len(p), nil
}

// examined checks a whole file of which only so many head bytes are passed. Its type is
// decided from the whole file.
func examined(t *testing.T, contentType, name string, data []byte, head int) Result {
	t.Helper()
	source := &ranges{data: data, size: int64(len(data))}
	file := File{DeclaredType: contentType, Name: name, Size: source.size, Head: data, ReadAt: source.readAt}
	detected, problem := recognise(file)
	if problem != nil {
		t.Fatalf("%s: %+v", name, problem)
	}
	file.Head = data[:min(len(data), head)]
	x := newExaminer(t.Context(), file)
	if detected.movie {
		detected.tracks = x.readTracks()
	}
	file.Head = data
	result := settle(file, detected)
	if result.MaxSeverity() == Refused {
		t.Fatalf("%s: %+v", name, result.Findings)
	}
	if result.MaxSeverity() == WillFail { // damaged as a whole
		return result
	}
	if err := x.examine(&result); err != nil || source.broken != "" {
		t.Fatalf("%s: %v, %s", name, err, source.broken)
	}
	return result
}

func codes(r Result) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, f.Code)
	}
	return strings.Join(list, " ")
}

// heads are lengths of the head: one with which nearly everything needs a ranged read, the
// one that decides the type, and the one that callers should use.
var heads = []int{64, sniffSize, HeadSize}

func TestGoodSamplesHaveNoFinding(t *testing.T) {
	for _, f := range sample.Files() {
		for _, head := range heads {
			if r := examined(t, f.ContentType, f.Name, f.Data, head); len(r.Findings)+len(r.Unchecked) > 0 {
				t.Errorf("%s with %d bytes: %+v", f.Name, head, r)
			}
		}
	}
}

// A presigned URL is not read by ranges. It is enough that the index is in the first bytes.
func TestIndexAtTheBeginningIsCheckedWithoutRanges(t *testing.T) {
	judged := 0
	for _, f := range sample.BadFiles() {
		end := indexEnd(f.Data)
		if end == 0 || end+8 > len(f.Data) || f.WantCode == CodeTruncated { // at its end, or the problem is after it
			continue
		}
		result := Result{Type: row(f.ContentType, false)}
		err := examine(t.Context(), File{Size: int64(len(f.Data)), Head: f.Data[:end]}, &result)
		if err != nil || codes(result) != f.WantCode || len(result.Unchecked) > 0 {
			t.Errorf("%s: %q, want %q; %+v, %v", f.Name, codes(result), f.WantCode, result, err)
		}
		judged++
	}
	if judged < 5 {
		t.Errorf("%d files judged", judged)
	}
}

// indexEnd returns where moov ends if it is before mdat, else 0.
func indexEnd(data []byte) int {
	for off := 0; off+8 <= len(data); {
		length := int(binary.BigEndian.Uint32(data[off:]))
		switch string(data[off+4 : off+8]) {
		case "moov":
			return off + length
		case "mdat":
			return 0
		}
		if length < 8 {
			return 0
		}
		off += length
	}
	return 0
}

func TestBadSamplesHaveTheirFinding(t *testing.T) {
	shown := map[string]bool{}
	for _, f := range sample.BadFiles() {
		shown[f.WantCode] = true
		for _, head := range heads {
			if head < sniffSize && strings.HasPrefix(f.ContentType, "text/") {
				continue // only its head is checked
			}
			r := examined(t, f.ContentType, f.Name, f.Data, head)
			if codes(r) != f.WantCode || len(r.Unchecked) > 0 {
				t.Errorf("%s with %d bytes: %q, want %q; %+v", f.Name, head, codes(r), f.WantCode, r)
			}
		}
	}
	for _, c := range refuseCases {
		shown[c.code] = true
	}
	// TestVoiceTooLarge, TestLengthIsChecked, coding_test.go and the tests of tracks and documents have the others.
	others := []string{CodeEncoded, CodeVoiceTooLarge, CodeTooLarge, CodeEmpty, CodeSizeUnknown, CodeVideoMissing, CodeDocumentUnknown, CodePDFHeader, CodePDFEnd, CodeOfficeFormat,
		CodeStoredForm, CodeEncodedText, CodeStoredPointer, CodeErrorDocument, CodeCompressed, CodeOfficeEncrypted}
	for code := range rules {
		if !shown[code] && !slices.Contains(others, code) {
			t.Errorf("no sample of %s", code)
		}
	}
}

// badSample is the data of one bad sample.
func badSample(t *testing.T, name string) string {
	t.Helper()
	for _, f := range sample.BadFiles() {
		if f.Name == name {
			return string(f.Data)
		}
	}
	t.Fatalf("no %s", name)
	return ""
}

// TestLongFiles counts the reads of files whose relevant bytes are far apart.
func TestLongFiles(t *testing.T) {
	cmyk, png := badSample(t, "jpeg-cmyk.jpg"), badSample(t, "png-animated.png")
	high, last := badSample(t, "h264-high-b-frames.mp4"), badSample(t, "mp4-index-last.mp4")
	mp3, pdf := badSample(t, "mp3-layer.mp3"), badSample(t, "pdf-encrypted.pdf")
	profile := strings.Repeat("\xff\xe2\xff\xffICC_PROFILE\x00"+strings.Repeat("p", 65521), 9)
	mdat, moov := strings.Index(last, "mdat")-4, strings.Index(last, "moov")-4
	index := high[strings.Index(high, "moov")+4 : strings.Index(high, "mdat")-4]
	stuffing := func(size int) string { return mp4Box("free", strings.Repeat("s", size)) }
	for _, c := range []struct {
		about, mime, data, want string
		reads                   int // with HeadSize bytes
	}{
		{"CMYK behind the profile of a press", "image/jpeg", cmyk[:2] + profile + cmyk[2:], CodeJPEGCMYK, 5},
		{"animation behind a profile", "image/png", png[:33] + "\x00\x10\x00\x00iCCP" + strings.Repeat("p", mib+4) + png[33:], CodePNGAnimated, 1},
		{"an index at the end", "video/mp4", last[:mdat] + mp4Box("mdat", strings.Repeat("m", 10*mib)) + last[moov:], CodeMP4IndexLast, 1},
		{"a long index", "video/mp4", ftyp("isom") + mp4Box("moov", stuffing(200*kib), index, stuffing(400*kib)) + mp4Box("mdat"), CodeH264HighBFrames, 2},
		{"a picture before the sound", "audio/mpeg", "ID3\x04\x00\x00\x00\x40\x00\x00" + strings.Repeat("p", mib) + mp3, CodeMP3Layer, 1},
		{"a long PDF", "application/pdf", pdf[:9] + strings.Repeat("%", 5*mib) + pdf[9:], CodePDFEncrypted, 1},
	} {
		for _, head := range heads {
			if r := examined(t, c.mime, "a", []byte(c.data), head); codes(r) != c.want || len(r.Unchecked) > 0 {
				t.Errorf("%s with %d bytes: %+v", c.about, head, r)
			}
		}
		source := &ranges{data: []byte(c.data), size: int64(len(c.data))}
		err := examine(t.Context(), File{Size: source.size, Head: source.data[:HeadSize], ReadAt: source.readAt}, &Result{Type: row(c.mime, false)})
		if err != nil || source.reads != c.reads {
			t.Errorf("%s: %d reads of %d bytes, want %d; %v", c.about, source.reads, source.asked, c.reads, err)
		}
	}
}

func TestVoiceTooLarge(t *testing.T) {
	data := []byte(oggOf(opusHead)) // and its pages repeated
	for size, want := range map[int64]bool{maxVoice: false, maxVoice + 1: true} {
		source := &ranges{data: data, size: size}
		r := Result{Type: row("audio/ogg", false)}
		err := examine(t.Context(), File{Size: size, Head: data, ReadAt: source.readAt}, &r)
		if err != nil || strings.Contains(codes(r), CodeVoiceTooLarge) != want {
			t.Errorf("%d bytes: %+v, %v", size, r, err)
		}
	}
}

func TestWithoutRangesTheRestIsUnchecked(t *testing.T) {
	for _, f := range append(goodAsBad(), sample.BadFiles()...) {
		if f.ContentType == "text/plain" || f.WantCode == CodeMangled || f.WantCode == CodeLeadingBytes { // not examined
			continue
		}
		kind := identify(File{DeclaredType: f.ContentType, Name: f.Name, Size: int64(len(f.Data)), Head: f.Data}).Type
		for head := range min(len(f.Data), 1500) {
			r := Result{Type: kind}
			err := examine(t.Context(), File{Size: int64(len(f.Data)), Head: f.Data[:head]}, &r)
			for _, finding := range r.Findings {
				// What is found without reading everything must be what is found in the end, or
				// be certain anyway.
				high := finding.Code == CodeH264High && f.WantCode == CodeH264HighBFrames
				if err != nil || finding.Code != f.WantCode && !high {
					t.Errorf("%s with %d bytes: %+v, %v", f.Name, head, finding, err)
				}
			}
			if head == 0 && len(r.Unchecked) == 0 && !strings.HasSuffix(f.Name, ".amr") {
				t.Errorf("%s: nothing was seen and nothing is unchecked", f.Name)
			}
		}
	}
}

// goodAsBad returns the good samples, for which no finding is expected.
func goodAsBad() []sample.BadFile {
	var all []sample.BadFile
	for _, f := range sample.Files() {
		all = append(all, sample.BadFile{Name: f.Name, ContentType: f.ContentType, Data: f.Data})
	}
	return all
}

func TestOnlyAFailingReadIsAnError(t *testing.T) {
	broken := errors.New("connection reset")
	for _, f := range goodAsBad() {
		for _, c := range []struct {
			read func(context.Context, []byte, int64) (int, error)
			want error
		}{
			{func(context.Context, []byte, int64) (int, error) { return 0, broken }, broken},
			{func(_ context.Context, p []byte, _ int64) (int, error) { return len(p) - 1, nil }, io.ErrUnexpectedEOF},
			{func(_ context.Context, p []byte, _ int64) (int, error) { return len(p) - 1, io.EOF }, io.ErrUnexpectedEOF},
		} {
			r := Result{Type: row(f.ContentType, false)}
			err := examine(t.Context(), File{Size: int64(len(f.Data)), Head: f.Data[:20], ReadAt: c.read}, &r)
			if f.ContentType == "text/plain" || f.ContentType == "audio/amr" {
				continue // read no further than the head
			}
			if !errors.Is(err, c.want) || len(r.Findings) > 0 {
				t.Errorf("%s: %v, want %v; %+v", f.Name, err, c.want, r)
			}
		}
	}
}

// fixDepends are the codes whose fix depends on the file (advice.go).
var fixDepends = []string{CodeTooLarge, CodeTypeUnknown, CodeTypeNotAccepted, CodeTypeContradicts, CodeAudioNotOpus, CodeOfficeFormat, CodeEncoded, CodeLeadingBytes}

func TestRulesAreComplete(t *testing.T) {
	for code, rule := range rules {
		if rule.severity < LooksBad || rule.severity > Refused || !strings.HasSuffix(rule.why, ".") || (rule.fix == "") != slices.Contains(fixDepends, code) {
			t.Errorf("%s: %+v", code, rule)
		}
		if code != strings.ToLower(code) || strings.ContainsAny(code, " _") {
			t.Errorf("%q is not kebab-case", code)
		}
	}
	for code, fix := range otherFixes {
		if rules[code].severity == 0 || fix == "" || fix == rules[code].fix {
			t.Errorf("%s: another fix %q", code, fix)
		}
	}
}

// checkFindings checks that findings can be shown and logged.
func checkFindings(t *testing.T, r Result) {
	for _, f := range r.Findings {
		if rules[f.Code].severityFor(f.Code, r.Type) != f.Severity || f.Severity == 0 || r.MaxSeverity() < f.Severity {
			t.Errorf("severity of %+v", f)
		}
		checkLine(t, f.Why)
		checkLine(t, f.Fix)
	}
	for _, line := range r.Unchecked {
		checkLine(t, line)
	}
}

// formatError is what package fmt writes for arguments that do not fit a format. A file may
// contain "%!" itself.
var formatError = regexp.MustCompile(`%![a-zA-Z]?\((EXTRA|MISSING|BAD|NOVERB|[a-z0-9.*]+=)`)

func checkLine(t *testing.T, line string) {
	if line == "" || len(line) > 400 || !utf8.ValidString(line) || formatError.MatchString(line) || strings.ContainsFunc(line, unicode.IsControl) {
		t.Errorf("bad line %q", line)
	}
}

// fuzzExamine looks for a file of these types that exceeds a bound, panics, or produces a
// line that cannot be shown. A file may claim to be longer than its data, which then repeat.
func fuzzExamine(f *testing.F, mimes ...string) {
	for _, s := range append(goodAsBad(), sample.BadFiles()...) {
		if slices.Contains(mimes, s.ContentType) {
			f.Add(byte(slices.Index(mimes, s.ContentType)), uint32(0), uint16(sniffSize), s.Data)
			f.Add(byte(slices.Index(mimes, s.ContentType)), uint32(5<<20), uint16(100), s.Data)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, longer uint32, head uint16, data []byte) {
		if len(data) == 0 {
			return
		}
		source := &ranges{data: data, size: int64(len(data)) + int64(longer)}
		file := File{Size: source.size, Head: bytes.Clone(data[:min(len(data), int(head))]), ReadAt: source.readAt}
		for range 2 { // by ranges, and without
			result := Result{Type: row(mimes[int(kind)%len(mimes)], false)}
			if err := examine(t.Context(), file, &result); err != nil || source.broken != "" {
				t.Fatalf("%v, %s", err, source.broken)
			}
			checkFindings(t, result)
			file.ReadAt = nil
		}
	})
}

func FuzzExamineJPEG(f *testing.F)  { fuzzExamine(f, "image/jpeg") }
func FuzzExaminePNG(f *testing.F)   { fuzzExamine(f, "image/png") }
func FuzzExamineWebP(f *testing.F)  { fuzzExamine(f, "image/webp") }
func FuzzExamineOgg(f *testing.F)   { fuzzExamine(f, "audio/ogg") }
func FuzzExamineMP3(f *testing.F)   { fuzzExamine(f, "audio/mpeg") }
func FuzzExamineAAC(f *testing.F)   { fuzzExamine(f, "audio/aac") }
func FuzzExamineAMR(f *testing.F)   { fuzzExamine(f, "audio/amr") }
func FuzzExamineMP4(f *testing.F)   { fuzzExamine(f, "video/mp4", "audio/mp4", "video/3gpp") }
func FuzzExaminePDF(f *testing.F)   { fuzzExamine(f, "application/pdf") }
func FuzzExamineOOXML(f *testing.F) { fuzzExamine(f, docx, xlsx, pptx) }
func FuzzExamineText(f *testing.F)  { fuzzExamine(f, "text/plain") }
