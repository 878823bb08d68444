// Package sample contains a small real file of most types that WhatsApp accepts, for
// `ferry demo`, `ferry dev` and tests. files/generate.sh generates them: pictures and audio
// come from FFmpeg's test sources, so nobody holds rights in them; stickers are 512x512;
// videos are H.264 without B-frames with AAC, with the index first; audio has one channel;
// AMR, PDF, OOXML and text are written byte by byte.
//
// There are no samples of doc, xls, ppt and pptx: no small free program writes real ones.
package sample

import (
	"embed"
	"fmt"
)

// File is one sample.
type File struct {
	Name        string // "sample.jpg"
	ContentType string // the Content-Type to store it with: the base type, as WhatsApp names it
	Data        []byte // the caller's own copy
}

//go:embed files/*.jpg files/*.png files/*.webp files/*.mp4 files/*.3gp files/*.ogg files/*.mp3
//go:embed files/*.m4a files/*.aac files/*.amr files/*.pdf files/*.docx files/*.xlsx files/*.txt
var files embed.FS

// list fixes the order of Files.
var list = []struct{ name, contentType string }{
	{"sample.jpg", "image/jpeg"},
	{"sample.png", "image/png"},
	{"sticker-static.webp", "image/webp"},
	{"sticker-animated.webp", "image/webp"},
	{"sample.mp4", "video/mp4"},
	{"sample.3gp", "video/3gpp"},
	{"voice.ogg", "audio/ogg"},
	{"sample.mp3", "audio/mpeg"},
	{"sample.m4a", "audio/mp4"},
	{"sample.aac", "audio/aac"},
	{"sample.amr", "audio/amr"},
	{"sample.pdf", "application/pdf"},
	{"sample.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{"sample.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{"sample.txt", "text/plain"},
}

// Files returns the samples, always in the same order: images, stickers (static, then
// animated), videos, audio, documents.
func Files() []File {
	all := make([]File, 0, len(list))
	for _, entry := range list {
		data, err := files.ReadFile("files/" + entry.name)
		if err != nil { // the binary was built without a file that list names
			panic(fmt.Sprintf("sample: %v", err))
		}
		all = append(all, File{entry.name, entry.contentType, data})
	}
	return all
}
