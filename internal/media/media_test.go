package media

import (
	"slices"
	"testing"
)

// metaList is the list in Meta's upload error (docs/references.md#graph-media), in its order,
// without audio/opus, which can be uploaded but not sent.
var metaList = []string{
	"audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg",
	"application/vnd.ms-powerpoint", "application/msword",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"application/pdf", "text/plain", "application/vnd.ms-excel",
	"image/jpeg", "image/png", "image/webp", "video/mp4", "video/3gpp",
}

func TestTableIsThatOfMeta(t *testing.T) {
	want, got := slices.Sorted(slices.Values(metaList)), slices.Sorted(slices.Values(mimes("")))
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	limits := map[kind]int64{kindImage: 5242880, kindAudio: 16777216, kindVideo: 16777216, kindDocument: 104857600}
	for _, row := range types {
		limit := limits[row.kind]
		switch {
		case row.Animated:
			limit = 512000
		case row.kind == kindSticker:
			limit = 102400
		}
		if row.maxSize != limit {
			t.Errorf("%s: %d, want %d", row.MIME, row.maxSize, limit)
		}
		if got, ok := mimeOfExtension(row.extension); !ok || got != row.MIME {
			t.Errorf(".%s is %s, want %s", row.extension, got, row.MIME)
		}
	}
}

func TestLookup(t *testing.T) {
	for declared, want := range map[string]string{
		"image/jpeg": "image/jpeg", " Image/JPG ;x": "image/jpeg", "audio/x-m4a": "audio/mp4",
		"video/3gp": "video/3gpp", "audio/mp3": "audio/mpeg", "audio/opus": "audio/ogg",
		"audio/ogg; codecs=opus": "audio/ogg", "audio/ogg;codecs=\"opus": "audio/ogg",
		"": "", "image": "", "image/gif": "", "image/webp": "image/webp",
	} {
		if got, ok := lookup(declared); got.MIME != want || ok != (want != "") {
			t.Errorf("%q: %q, %t", declared, got.MIME, ok)
		}
	}
	if sticker, _ := lookup("image/webp"); !sticker.Animated {
		t.Error("image/webp is not the row with the larger limit")
	}
}

func TestAliasesPointIntoTheTable(t *testing.T) {
	for alias, mime := range aliases {
		if !slices.Contains(metaList, mime) || slices.Contains(metaList, alias) || isUninformative(alias) {
			t.Errorf("%s → %s", alias, mime)
		}
	}
	for ext, mime := range replacedExtensions {
		if !slices.Contains(metaList, mime) {
			t.Errorf(".%s → %s", ext, mime)
		}
	}
}
