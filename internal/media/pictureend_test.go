package media

import (
	"strings"
	"testing"

	"ferry/internal/sample"
)

// goodSample is the data of one good sample.
func goodSample(t *testing.T, name string) string {
	t.Helper()
	for _, f := range sample.Files() {
		if f.Name == name {
			return string(f.Data)
		}
	}
	t.Fatalf("no %s", name)
	return ""
}

// longJPEG is a JPEG whose picture data are repeated, so that its end is not in the first
// bytes. They contain a stuffed zero and a restart marker.
func longJPEG(jpeg string) string {
	scan := strings.LastIndex(jpeg, "\xff\xda")
	data := jpeg[scan+14 : len(jpeg)-2]
	return jpeg[:scan+14] + strings.Repeat(data+"\xff\x00\xff\xd0", 20) + "\xff\xd9"
}

// longPNG is a PNG with one or many chunks of picture data.
func longPNG(png string, chunks int) string {
	const size, end = 300_000, 12
	chunk := "IDAT" + strings.Repeat("picture data", size/chunks/12)
	length := len(chunk) - 4
	chunk = string([]byte{byte(length >> 24), byte(length >> 16), byte(length >> 8), byte(length)}) + chunk + "crc!"
	return png[:33] + strings.Repeat(chunk, chunks) + png[len(png)-end:]
}

func TestPictureThatIsCutShortOrFilledWithZerosIsIncomplete(t *testing.T) {
	jpeg, png, webp := goodSample(t, "sample.jpg"), goodSample(t, "sample.png"), goodSample(t, "sticker-static.webp")
	long, one, many := longJPEG(jpeg), longPNG(png, 1), longPNG(png, 40)
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	half := func(s string) string { return s[:len(s)/2] }
	for _, c := range []struct {
		about, mime, data string
		incomplete        bool
	}{
		{"a JPEG", "image/jpeg", jpeg, false},
		{"a JPEG cut in half", "image/jpeg", half(jpeg), true},
		{"a JPEG without its end mark", "image/jpeg", jpeg[:len(jpeg)-2], true},
		{"a JPEG cut after one byte of its end mark", "image/jpeg", jpeg[:len(jpeg)-1], true},
		{"a JPEG whose second half is zero", "image/jpeg", half(jpeg) + zeros(len(jpeg)/2), true},
		{"a JPEG padded with zeros", "image/jpeg", jpeg + zeros(512), false},
		{"a JPEG padded with 0xff", "image/jpeg", jpeg + strings.Repeat("\xff", 512), false},
		{"a long JPEG", "image/jpeg", long, false},
		{"a long JPEG cut in half", "image/jpeg", half(long), true},
		{"a long JPEG whose second half is zero", "image/jpeg", half(long) + zeros(len(long)/2), true},
		{"a long JPEG whose last bytes are zero", "image/jpeg", long[:len(long)-999] + zeros(999), true},
		{"a long JPEG padded with zeros", "image/jpeg", long + zeros(30_000), false},
		{"a motion photo with a short video", "image/jpeg", long + goodSample(t, "sample.mp4"), false},
		{"a motion photo with a long video", "image/jpeg", long + strings.Repeat(goodSample(t, "sample.mp4"), 5), false},
		{"a motion photo whose video is cut short", "image/jpeg", long + strings.Repeat(goodSample(t, "sample.mp4"), 5)[:99_999], false},
		{"a JPEG followed by text", "image/jpeg", long + strings.Repeat("name=value;", 20_000), false},
		{"a JPEG followed by its gain map", "image/jpeg", long + jpeg, false},
		{"a JPEG with a preview, cut in half", "image/jpeg", jpeg[:2] + "\xff\xe1\x01\x02" + strings.Repeat("\xff\xd8\xff\xd9", 64) + half(jpeg)[2:], true},
		{"a progressive JPEG cut between scans", "image/jpeg", long[:len(long)-999] + "\xff\xc4\x00\x02\xff\xda\x00\x02", true},

		{"a PNG", "image/png", png, false},
		{"a PNG cut in half", "image/png", half(png), true},
		{"a PNG without its last chunk", "image/png", png[:len(png)-12], true},
		{"a PNG cut in its last chunk", "image/png", png[:len(png)-5], true},
		{"a PNG whose second half is zero", "image/png", half(png) + zeros(len(png)/2), true},
		{"a PNG followed by an archive", "image/png", png + zipOf("a.txt"), false},
		{"a PNG padded with zeros", "image/png", png + zeros(512), false},
		{"a long PNG of one chunk", "image/png", one, false},
		{"a long PNG of one chunk cut in half", "image/png", half(one), true},
		{"a long PNG of one chunk whose second half is zero", "image/png", half(one) + zeros(len(one)/2), true},
		{"a long PNG of one chunk without its last chunk", "image/png", one[:len(one)-12], true},
		{"a long PNG of many chunks", "image/png", many, false},
		{"a long PNG of many chunks cut in half", "image/png", half(many), true},
		{"a long PNG of many chunks whose second half is zero", "image/png", half(many) + zeros(len(many)/2), true},
		{"a long PNG of many chunks whose last bytes are zero", "image/png", many[:len(many)-999] + zeros(999), true},
		{"a long PNG of many chunks without its last chunk", "image/png", many[:len(many)-12], true},
		{"a long PNG of many chunks, padded with zeros", "image/png", many + zeros(30_000), false},
		{"a long PNG followed by a video", "image/png", many + strings.Repeat(goodSample(t, "sample.mp4"), 5), false},

		{"a sticker", "image/webp", webp, false},
		{"a sticker whose second half is zero", "image/webp", half(webp) + zeros(len(webp)/2), true},
		{"a sticker padded with zeros", "image/webp", webp + zeros(5000), false},
	} {
		want := ""
		if c.incomplete {
			want = CodePictureIncomplete
		}
		for _, head := range heads {
			if r := examined(t, c.mime, "a", []byte(c.data), head); codes(r) != want || len(r.Unchecked) > 0 {
				t.Errorf("%s with %d bytes: %+v; want %q", c.about, head, r, want)
			}
		}
	}
}

// A presigned URL is not read by ranges.
func TestEndOfALongPictureIsUncheckedWithoutRanges(t *testing.T) {
	jpeg, png := goodSample(t, "sample.jpg"), goodSample(t, "sample.png")
	for _, c := range []struct {
		about, mime, data string
		unchecked         bool
	}{
		{"a JPEG", "image/jpeg", jpeg, false},
		{"a long JPEG", "image/jpeg", longJPEG(jpeg), true},
		{"a long PNG", "image/png", longPNG(png, 40), true},
		{"a long PNG of one chunk, cut short, as its first bytes show", "image/png", longPNG(png, 1)[:200_000], false},
	} {
		r, err := Check(t.Context(), File{DeclaredType: c.mime, Size: int64(len(c.data)), Head: []byte(c.data)[:min(len(c.data), HeadSize)]})
		if err != nil || (len(r.Unchecked) == 1) != c.unchecked || c.unchecked && !strings.HasPrefix(r.Unchecked[0], "whether the picture is complete: ") {
			t.Errorf("%s: %+v, %v", c.about, r, err)
		}
	}
}
