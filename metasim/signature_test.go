package metasim

import "testing"

func TestContentAgreesWithItsType(t *testing.T) {
	ftyp := func(major string, compatible ...string) string {
		box := "ftyp" + major + "\x00\x00\x02\x00"
		for _, brand := range compatible {
			box += brand
		}
		return "\x00\x00\x00" + string(rune(4+len(box))) + box + "\x00\x00\x00\x08free"
	}
	vorbis := "OggS\x00\x02" + string(make([]byte, 20)) + "\x01\x1E" + "\x01vorbis"
	tests := map[string]struct {
		declared, head, actual string
		ok                     bool
	}{
		"png":                  {"image/png", png, "image/png", true},
		"jpeg":                 {"image/jpeg", jpeg, "image/jpeg", true},
		"gif as png":           {"image/png", "GIF89a", "image/gif", false},
		"webp":                 {"image/webp", "RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", true},
		"wav as webp":          {"image/webp", "RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wave", false},
		"pdf":                  {"application/pdf", pdf, "application/pdf", true},
		"opus":                 {"audio/ogg", opus, "audio/ogg", true},
		"opus as audio/opus":   {"audio/opus", opus, "audio/ogg", true},
		"vorbis":               {"audio/ogg", vorbis, "application/ogg", false},
		"mp4":                  {"video/mp4", mp4, "video/mp4", true},
		"mp4 as audio":         {"audio/mp4", mp4, "video/mp4", true},
		"m4a":                  {"audio/mp4", ftyp("M4A ", "isom"), "audio/mp4", true},
		"quicktime":            {"video/mp4", ftyp("qt  "), "video/quicktime", false},
		"heic as mp4":          {"video/mp4", ftyp("heic", "mif1"), "image/heic", false},
		"3gp":                  {"video/3gpp", ftyp("3gp5", "isom"), "video/3gpp", true},
		"3gp by compatibility": {"video/3gpp", ftyp("isom", "3gp4"), "video/mp4", true},
		"mp4 as 3gp":           {"video/3gpp", mp4, "video/mp4", false},
		"3gp as mp4":           {"video/mp4", ftyp("3gp5"), "video/3gpp", false},
		"short ftyp":           {"video/3gpp", "\xFF\xFF\xFF\xFFftypabc", "text/plain", false},
		"huge ftyp":            {"video/3gpp", "\xFF\xFF\xFF\xFFftypisom", "video/mp4", false},
		"mp3 frame":            {"audio/mpeg", "\xFF\xFB\x90\x44", "audio/mpeg", true},
		"mp3 with a tag":       {"audio/mpeg", "ID3\x04", "audio/mpeg", true},
		"aac":                  {"audio/aac", "\xFF\xF1\x50\x80\x02\x1F\xFC", "audio/aac", true},
		"aac as mp3":           {"audio/mpeg", "\xFF\xF1\x50\x80\x02\x1F\xFC", "audio/aac", false},
		"amr":                  {"audio/amr", "#!AMR\n\x3C", "audio/amr", true},
		"wideband amr":         {"audio/amr", "#!AMR-WB\n", "text/plain", false},
		"docx":                 {openXML + "wordprocessingml.document", "PK\x03\x04", "application/zip", true},
		"doc":                  {"application/msword", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "application/x-ole-storage", true},
		"docx as doc":          {"application/msword", "PK\x03\x04", "application/zip", false},
		"text":                 {"text/plain", "BMW", "image/bmp", true},
		"latin-1":              {"text/plain", "caf\xE9", "text/plain", true},
		"utf-16":               {"text/plain", "\xFF\xFEa\x00", "text/plain", true},
		"pdf as text":          {"text/plain", pdf, "application/pdf", false},
		"one byte":             {"audio/aac", "\xFF", "text/plain", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			actual, ok := agrees(test.declared, []byte(test.head))
			if actual != test.actual || ok != test.ok {
				t.Errorf("agrees = %s, %v; want %s, %v", actual, ok, test.actual, test.ok)
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
