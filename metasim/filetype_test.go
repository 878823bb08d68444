package metasim

import (
	"strings"
	"testing"
)

func TestContentMatchesItsType(t *testing.T) {
	ftyp := func(major string, compatible ...string) string {
		box := "ftyp" + major + "\x00\x00\x02\x00" + strings.Join(compatible, "")
		return "\x00\x00\x00" + string(rune(4+len(box))) + box + "\x00\x00\x00\x08free"
	}
	webp := func(chunk string) string { return "RIFF\x00\x00\x00\x00WEBP" + chunk + "\x08\x00\x00\x00\x2F" }
	stream := func(packet string) string {
		return "OggS\x00\x02" + strings.Repeat("\x00", 20) + "\x01" + string(rune(len(packet))) + packet
	}
	const (
		opusHead = "OpusHead\x01\x01"
		vorbis   = "\x01vorbis"
		adts     = "\xFF\xF1\x50\x80\x02\x1F\xFC"
		tag      = "ID3\x04\x00\x00\x00\x00\x00\x02\x00\x00"
		longTag  = "ID3\x03\x00\x00\x00\x00\x7F\x7Fart"
		ole      = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"
		docx     = openXML + "wordprocessingml.document"
	)
	frame := "\xFF\xFB\x90\x44" + strings.Repeat("\x00", 413) // 128 kbit/s at 44.1 kHz
	tests := map[string]struct {
		declared, head, actual string
		ok                     bool
	}{
		"png":                            {"image/png", png, "image/png", true},
		"jpeg":                           {"image/jpeg", jpeg, "image/jpeg", true},
		"jpeg that mentions pdf":         {"image/jpeg", jpeg + pdf, "image/jpeg", true},
		"gif as png":                     {"image/png", "GIF89a", "image/gif", false},
		"webp":                           {"image/webp", webp("VP8L"), "image/webp", true},
		"webp without a picture":         {"image/webp", webp("VP8?"), "application/octet-stream", false},
		"webp that is cut":               {"image/webp", webp("VP8L")[:20], "application/octet-stream", false},
		"wav as webp":                    {"image/webp", "RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wave", false},
		"pdf":                            {"application/pdf", pdf, "application/pdf", true},
		"pdf behind others' bytes":       {"application/pdf", strings.Repeat("\x01", 1024-5) + pdf, "application/pdf", true},
		"pdf too far behind":             {"application/pdf", strings.Repeat("\x01", 1024-4) + pdf, "application/octet-stream", true},
		"pdf with an odd header":         {"application/pdf", "%PDF1.4\n", "text/plain", true},
		"pdf of postscript's kind":       {"application/pdf", "%!PS-Adobe-3.0 PDF-1.4\n", "application/postscript", true},
		"pdf behind a page":              {"application/pdf", "<html>" + strings.Repeat("w", 1024) + pdf, "text/html", true},
		"page as pdf":                    {"application/pdf", "<html>no", "text/html", false},
		"text as pdf":                    {"application/pdf", "Not found", "text/plain", false},
		"unknown bytes as pdf":           {"application/pdf", "\x01\x02\x03", "application/octet-stream", true},
		"opus":                           {"audio/ogg", opus, "audio/ogg", true},
		"opus as audio/opus":             {"audio/opus", opus, "audio/ogg", true},
		"vorbis":                         {"audio/ogg", stream(vorbis), "application/ogg", false},
		"opus and vorbis":                {"audio/ogg", stream(opusHead) + stream(vorbis), "application/ogg", false},
		"opus twice":                     {"audio/ogg", stream(opusHead) + stream(opusHead), "audio/ogg", true},
		"opus and a page cut":            {"audio/ogg", stream(opusHead) + stream(opusHead)[:27], "audio/ogg", true},
		"ogg without a beginning":        {"audio/ogg", "OggS\x00\x00" + stream(opusHead)[6:], "application/ogg", false},
		"ogg cut short":                  {"audio/ogg", stream(opusHead)[:27], "application/ogg", false},
		"mp4":                            {"video/mp4", mp4, "video/mp4", true},
		"mp4 as audio":                   {"audio/mp4", mp4, "video/mp4", true},
		"mp4 as 3gp":                     {"video/3gpp", mp4, "video/mp4", true},
		"mp4 as aac":                     {"audio/aac", mp4, "video/mp4", false},
		"m4a":                            {"audio/mp4", ftyp("M4A ", "isom"), "audio/mp4", true},
		"m4a as video":                   {"video/mp4", ftyp("M4A ", "isom"), "audio/mp4", false},
		"m4v":                            {"video/mp4", ftyp("M4V ", "isom"), "video/mp4", true},
		"m4v as audio":                   {"audio/mp4", ftyp("M4V ", "isom"), "video/mp4", false},
		"quicktime":                      {"video/mp4", ftyp("qt  "), "video/quicktime", false},
		"heic as mp4":                    {"video/mp4", ftyp("heic", "mif1"), "image/heic", false},
		"3gp":                            {"video/3gpp", ftyp("3gp5", "isom"), "video/3gpp", true},
		"3gp as mp4":                     {"video/mp4", ftyp("3gp5"), "video/3gpp", true},
		"3gp as audio":                   {"audio/mp4", ftyp("3gp4"), "video/3gpp", true},
		"3gpp2":                          {"video/3gpp", ftyp("3g2a"), "video/3gpp2", false},
		"short ftyp":                     {"video/3gpp", "\xFF\xFF\xFF\xFFftypabc", "text/plain", false},
		"huge ftyp":                      {"video/3gpp", "\xFF\xFF\xFF\xFFftypisom", "text/plain", false},
		"mp3 frame":                      {"audio/mpeg", "\xFF\xFB\x90\x44", "audio/mpeg", true},
		"mp3 with a tag":                 {"audio/mpeg", tag + "\xFF\xFB\x90\x44", "audio/mpeg", true},
		"mp3 with a long tag":            {"audio/mpeg", longTag, "audio/mpeg", true},
		"a broken tag":                   {"audio/mpeg", "ID3\x04\x00\x00\xFF\xFF\xFF\xFF", "application/octet-stream", false},
		"text about tags":                {"audio/mpeg", "ID3 tags explained", "application/octet-stream", false},
		"mp3 behind others' bytes":       {"audio/mpeg", "\x00\x01" + frame + frame + frame, "audio/mpeg", true},
		"too few frames for mp3":         {"audio/mpeg", "\x00\x01" + frame + frame, "application/octet-stream", false},
		"flac behind a tag":              {"audio/mpeg", tag + "fLaC", "audio/flac", false},
		"aac":                            {"audio/aac", adts, "audio/aac", true},
		"aac with a tag":                 {"audio/aac", tag + adts, "audio/aac", true},
		"aac with a long tag":            {"audio/aac", longTag, "audio/mpeg", true},
		"aac as mp3":                     {"audio/mpeg", adts, "audio/aac", false},
		"aac with a tag as mp3":          {"audio/mpeg", tag + adts, "audio/aac", false},
		"mp3 with a tag as aac":          {"audio/aac", tag + frame, "audio/mpeg", false},
		"amr":                            {"audio/amr", "#!AMR\n\x3C", "audio/amr", true},
		"wideband amr":                   {"audio/amr", "#!AMR-WB\n", "text/plain", false},
		"docx":                           {docx, "PK\x03\x04", "application/zip", true},
		"docx with a password":           {docx, ole, "application/x-ole-storage", true},
		"doc":                            {"application/msword", ole, "application/x-ole-storage", true},
		"docx as doc":                    {"application/msword", "PK\x03\x04", "application/zip", true},
		"rtf as doc":                     {"application/msword", `{\rtf1 Hi}`, "text/plain", true},
		"xml of office as doc":           {"application/msword", `<?xml version="1.0"?><?mso-application progid="Word.Document"?>`, "text/xml", true},
		"html table as xls":              {"application/vnd.ms-excel", "<html><table><tr><td>1", "text/html", true},
		"html table as xls, in UTF-16":   {"application/vnd.ms-excel", "\xff\xfe" + strings.Join(strings.Split("<table>", ""), "\x00") + "\x00", "text/plain", true},
		"csv as xls":                     {"application/vnd.ms-excel", "a,b\n1,2\n", "text/plain", true},
		"excel 4":                        {"application/vnd.ms-excel", "\x09\x04\x06\x00\x00\x00\x10\x00", "application/octet-stream", true},
		"page as doc":                    {"application/msword", "<html>no", "text/html", false},
		"json as doc":                    {"application/msword", "{}", "text/plain", false},
		"picture as doc":                 {"application/msword", jpeg, "image/jpeg", false},
		"mp3 as doc":                     {"application/msword", tag, "audio/mpeg", false},
		"text":                           {"text/plain", "BMW", "image/bmp", true},
		"latin-1":                        {"text/plain", "caf\xE9", "text/plain", true},
		"utf-16":                         {"text/plain", "\xFF\xFEa\x00", "text/plain", true},
		"utf-16 without a mark":          {"text/plain", "a\x00b\x00", "application/octet-stream", true},
		"binary behind a mark":           {"text/plain", "\xEF\xBB\xBF\x01", "text/plain", true},
		"text with stray controls":       {"text/plain", "a\x00\x07\x08\x0B\x1A", "application/octet-stream", true},
		"stray controls without letters": {"text/plain", "\x00\x00 \n", "application/octet-stream", false},
		"text with a control":            {"text/plain", "a\x01", "application/octet-stream", false},
		"gif of letters and zeros":       {"text/plain", "GIF89a\x00", "image/gif", false},
		"archive of text":                {"text/plain", "a.txt" + strings.Repeat("\x00", 252) + "ustar\x0000", "application/x-tar", false},
		"text about pdf":                 {"text/plain", "A file begins with %PDF-1.7", "application/pdf", true},
		"text about pdf as pdf":          {"application/pdf", "A file begins with %PDF-1.7", "application/pdf", true},
		"pdf as text":                    {"text/plain", pdf, "application/pdf", false},
		"pdf behind a mark as text":      {"text/plain", "\xEF\xBB\xBF\n" + pdf, "application/pdf", false},
		"one byte":                       {"audio/aac", "\xFF", "text/plain", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			actual, ok := matchesType(test.declared, []byte(test.head))
			if actual != test.actual || ok != test.ok {
				t.Errorf("matchesType = %s, %v; want %s, %v", actual, ok, test.actual, test.ok)
			}
		})
	}
}

func TestFileNamesFitTheirTypes(t *testing.T) {
	tests := []struct {
		mediaType, name string
		want            bool
	}{
		{"image/jpeg", "a.JPEG", true}, {"image/jpeg", "a.png", false}, {"image/jpeg", "jpg", false},
		{"image/jpeg", ".", false}, {"image/jpeg", "a.jpg.", false}, {"image/jpeg", ".jpg", true},
		{"audio/ogg", "a.opus", true}, {"video/mp4", "a.3gp", false}, {"text/plain", "a.json", true},
		{"text/plain", "a.pdf", false}, {"text/plain", "README", false},
	}
	for _, test := range tests {
		kind, ok := findMediaType(test.mediaType)
		if !ok || kind.fitsName(test.name) != test.want {
			t.Errorf("%s as %s: want %v", test.name, test.mediaType, test.want)
		}
	}
}
