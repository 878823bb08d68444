// Package media decides what a file is, and whether WhatsApp accepts, delivers and shows
// it, before any byte is sent to Meta. It does no I/O of its own: its input is the declared
// type, the name, the length and the first bytes; it requests others through the caller's
// ReadAt.
//
// The table of types and limits is Meta's (docs/references.md#media-types; AWS repeats it,
// docs/references.md#aws-media). Both say MB and KB. ferry reads them as MiB and KiB,
// because the one limit that users measured, 100 MB, is 104,857,600 bytes.
//
// [Check] first recognises what is no file of the declared type at all: something else that
// was stored instead of it, and bytes that were changed on the way (unusable.go, with
// substitute.go and mangled.go). It decides the type from what is declared, unless that
// says nothing (declared.go, plain.go), from the first bytes (identify.go, sniff.go, ebml.go)
// and from the tracks; documents may have other bytes than their type says (documents.go). It then examines the content for problems that WhatsApp does not refuse but that
// keep it from delivering or showing the file properly (examine.go, and one file per format:
// jpeg.go, png.go and webp.go with pictureend.go, ogg.go, mpegaudio.go, mp4.go with
// mp4track.go and mp4box.go, pdf.go, ooxml.go, encrypted.go, text.go). rules.go has the
// severity and the text of every finding, and advice.go the advice for files whose type or
// size is refused.
package media

import "strings"

// kind is how WhatsApp shows a file. Its values are those of the "type" of Meta's messages.
type kind string

const (
	kindImage    kind = "image"
	kindAudio    kind = "audio"
	kindVideo    kind = "video"
	kindDocument kind = "document"
	kindSticker  kind = "sticker"
)

// Units of the limits.
const (
	kib = 1 << 10
	mib = 1 << 20
)

// maxDocument is the limit of documents in bytes. No other limit is larger.
const maxDocument = 100 * mib

// Type is one row of WhatsApp's table.
type Type struct {
	MIME      string // base type, lower case, no parameters: "image/jpeg"
	kind      kind
	maxSize   int64  // bytes; a file of exactly this length is accepted
	extension string // usual extension, without the dot: "jpg"
	Animated  bool   // the row is for animated stickers; image/webp has one row with and one without
}

// types is the table, in the order of Meta's page.
var types = []Type{
	{MIME: "audio/aac", kind: kindAudio, maxSize: 16 * mib, extension: "aac"},
	{MIME: "audio/amr", kind: kindAudio, maxSize: 16 * mib, extension: "amr"},
	{MIME: "audio/mpeg", kind: kindAudio, maxSize: 16 * mib, extension: "mp3"},
	{MIME: "audio/mp4", kind: kindAudio, maxSize: 16 * mib, extension: "m4a"},
	{MIME: "audio/ogg", kind: kindAudio, maxSize: 16 * mib, extension: "ogg"},
	{MIME: "text/plain", kind: kindDocument, maxSize: maxDocument, extension: "txt"},
	{MIME: "application/pdf", kind: kindDocument, maxSize: maxDocument, extension: "pdf"},
	{MIME: doc, kind: kindDocument, maxSize: maxDocument, extension: "doc"},
	{MIME: docx, kind: kindDocument, maxSize: maxDocument, extension: "docx"},
	{MIME: xls, kind: kindDocument, maxSize: maxDocument, extension: "xls"},
	{MIME: xlsx, kind: kindDocument, maxSize: maxDocument, extension: "xlsx"},
	{MIME: ppt, kind: kindDocument, maxSize: maxDocument, extension: "ppt"},
	{MIME: pptx, kind: kindDocument, maxSize: maxDocument, extension: "pptx"},
	{MIME: "image/jpeg", kind: kindImage, maxSize: 5 * mib, extension: "jpg"},
	{MIME: "image/png", kind: kindImage, maxSize: 5 * mib, extension: "png"},
	{MIME: "image/webp", kind: kindSticker, maxSize: 500 * kib, extension: "webp", Animated: true},
	{MIME: "image/webp", kind: kindSticker, maxSize: 100 * kib, extension: "webp"},
	{MIME: "video/mp4", kind: kindVideo, maxSize: 16 * mib, extension: "mp4"},
	{MIME: "video/3gpp", kind: kindVideo, maxSize: 16 * mib, extension: "3gp"},
}

// Names of the Office types.
const (
	doc  = "application/msword"
	xls  = "application/vnd.ms-excel"
	ppt  = "application/vnd.ms-powerpoint"
	docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
)

// lookup returns the row of a MIME type or of an alias such as image/jpg, audio/x-m4a or
// video/3gp. Case and parameters are ignored. For image/webp it returns the row of animated
// stickers, whose limit is larger: only the bytes show whether a sticker is animated.
func lookup(mime string) (Type, bool) {
	base := baseType(mime)
	if name, ok := aliases[base]; ok {
		base = name
	}
	for _, t := range types {
		if t.MIME == base {
			return t, true
		}
	}
	return Type{}, false
}

// baseType is a content type without parameters, in lower case.
func baseType(mime string) string {
	base, _, _ := strings.Cut(mime, ";")
	return strings.ToLower(strings.TrimSpace(base))
}

// MessageType returns the type of message that shows a file of a MIME type, such as
// "image"; "document" for one that WhatsApp does not know.
func MessageType(mime string) string {
	if t, ok := lookup(mime); ok {
		return string(t.kind)
	}
	return string(kindDocument)
}

// Suits reports whether a message of a type, such as "image", can show a file of a MIME
// type. A document may be any file.
func Suits(mime, messageType string) bool {
	return messageType == string(kindDocument) || MessageType(mime) == messageType
}

// Types returns the MIME types that a message of a type shows.
func Types(messageType string) []string { return mimes(kind(messageType)) }
