package sample

import (
	"embed"
	"fmt"
)

// BadFile is a file with a single problem, which internal/media finds in its content.
type BadFile struct {
	Name        string // "opus-not-mono.ogg"
	ContentType string // the Content-Type to store it with
	Data        []byte // the caller's own copy
	WantCode    string // code of the one finding
}

//go:embed files/bad/*.jpg files/bad/*.png files/bad/*.webp files/bad/*.ogg files/bad/*.mp3 files/bad/*.aac files/bad/*.amr
//go:embed files/bad/*.mp4 files/bad/*.3gp files/bad/*.m4a files/bad/*.pdf files/bad/*.docx files/bad/*.xlsx files/bad/*.txt
var bad embed.FS

const (
	docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

// badList fixes the order of BadFiles: images, stickers, audio, MP4 with a bad structure, MP4
// with bad tracks, documents.
var badList = []struct{ name, contentType, code string }{
	{"truncated.jpg", "image/jpeg", "truncated"},
	{"image-not-rgb.jpg", "image/jpeg", "image-not-rgb"},
	{"jpeg-cmyk.jpg", "image/jpeg", "jpeg-cmyk"},
	{"jpeg-bit-depth.jpg", "image/jpeg", "jpeg-bit-depth"},
	{"jpeg-arithmetic.jpg", "image/jpeg", "jpeg-arithmetic"},
	{"jpeg-lossless.jpg", "image/jpeg", "jpeg-lossless"},
	{"damaged.png", "image/png", "damaged"},
	{"image-dimensions.png", "image/png", "image-dimensions"},
	{"image-not-rgb.png", "image/png", "image-not-rgb"},
	{"png-bit-depth.png", "image/png", "png-bit-depth"},
	{"png-animated.png", "image/png", "png-animated"},
	{"damaged-as-text.jpg", "image/jpeg", "damaged-as-text"},
	{"damaged-as-text-latin-1.png", "image/png", "damaged-as-text"},
	{"leading-bytes.jpg", "image/jpeg", "leading-bytes"},
	{"picture-incomplete.jpg", "image/jpeg", "picture-incomplete"},
	{"picture-incomplete.png", "image/png", "picture-incomplete"},
	{"picture-incomplete.webp", "image/webp", "picture-incomplete"},
	{"truncated.webp", "image/webp", "truncated"},
	{"sticker-dimensions.webp", "image/webp", "sticker-dimensions"},
	{"sticker-dimensions-animated.webp", "image/webp", "sticker-dimensions"},

	{"truncated.ogg", "audio/ogg", "truncated"},
	{"opus-not-mono.ogg", "audio/ogg", "opus-not-mono"},
	{"ogg-multiplexed.ogg", "audio/ogg", "ogg-multiplexed"},
	{"ogg-chained.ogg", "audio/ogg", "ogg-chained"},
	{"truncated.mp3", "audio/mpeg", "truncated"},
	{"damaged.mp3", "audio/mpeg", "damaged"},
	{"mp3-free-format.mp3", "audio/mpeg", "mp3-free-format"},
	{"mp3-layer.mp3", "audio/mpeg", "mp3-layer"},
	{"truncated.aac", "audio/aac", "truncated"},
	{"damaged.aac", "audio/aac", "damaged"},
	{"aac-profile.aac", "audio/aac", "aac-profile"},
	{"damaged.amr", "audio/amr", "damaged"},

	{"truncated.mp4", "video/mp4", "truncated"},
	{"damaged.mp4", "video/mp4", "damaged"},
	{"mp4-no-index.mp4", "video/mp4", "mp4-no-index"},
	{"mp4-index-last.mp4", "video/mp4", "mp4-index-last"},
	{"mp4-fragmented.mp4", "video/mp4", "mp4-fragmented"},
	{"mp4-fragmented.m4a", "audio/mp4", "mp4-fragmented"},
	{"mp4-encrypted.mp4", "video/mp4", "mp4-encrypted"},
	{"mp4-empty.mp4", "video/mp4", "mp4-empty"},

	{"video-codec.mp4", "video/mp4", "video-codec"},
	{"video-codec.3gp", "video/3gpp", "video-codec"},
	{"video-audio-codec.mp4", "video/mp4", "video-audio-codec"},
	{"video-audio-codec.3gp", "video/3gpp", "video-audio-codec"},
	{"audio-tracks.mp4", "video/mp4", "audio-tracks"},
	{"h264-profile.mp4", "video/mp4", "h264-profile"},
	{"h264-high-b-frames.mp4", "video/mp4", "h264-high-b-frames"},
	{"h264-high.mp4", "video/mp4", "h264-high"},
	{"h264-b-frames.mp4", "video/mp4", "h264-b-frames"},
	{"audio-codec.m4a", "audio/mp4", "audio-codec"},
	{"audio-codec-opus.m4a", "audio/mp4", "audio-codec"},
	{"audio-has-video.m4a", "audio/mp4", "audio-has-video"},
	{"audio-has-video-silent.m4a", "audio/mp4", "audio-has-video"},

	{"pdf-end.pdf", "application/pdf", "pdf-end"},
	{"pdf-encrypted.pdf", "application/pdf", "pdf-encrypted"},
	{"office-no-document.docx", docx, "office-no-document"},
	{"office-other-kind.docx", docx, "office-other-kind"},
	{"office-macros.docx", docx, "office-macros"},
	{"truncated.xlsx", xlsx, "truncated"},
	{"text-is-code.txt", "text/plain", "text-is-code"},
	{"text-utf-16.txt", "text/plain", "text-utf-16"},
	{"text-not-utf-8.txt", "text/plain", "text-not-utf-8"},
	{"text-nul.txt", "text/plain", "text-nul"},
}

// BadFiles returns the bad samples, always in the same order. Their names begin with the code
// of their finding. Their type is the one that they are declared as.
func BadFiles() []BadFile {
	all := make([]BadFile, 0, len(badList))
	for _, entry := range badList {
		data, err := bad.ReadFile("files/bad/" + entry.name)
		if err != nil { // the binary was built without a file that badList names
			panic(fmt.Sprintf("sample: %v", err))
		}
		all = append(all, BadFile{entry.name, entry.contentType, data, entry.code})
	}
	return all
}

// Data returns the content of a file of Files or BadFiles, or nil if there is none of that
// name.
func Data(name string) []byte {
	for _, f := range Files() {
		if f.Name == name {
			return f.Data
		}
	}
	for _, f := range BadFiles() {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}
