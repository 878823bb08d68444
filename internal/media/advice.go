package media

import (
	"fmt"
	"slices"
	"strings"
)

// Commands that several messages advise.
const (
	toOpus = "ffmpeg -i IN -vn -ac 1 -c:a libopus -b:a 32k out.ogg"
	toMP4  = "ffmpeg -i IN -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p -vf 'scale=trunc(iw/2)*2:trunc(ih/2)*2' -c:a aac -movflags +faststart out.mp4"
)

// plainAdvice is for text formats that are not in the table.
const plainAdvice = "Store it with Content-Type text/plain, and WhatsApp delivers it as a document under its own name; " +
	"\"ferry account text-as-plain --account ACCOUNT on\" makes ferry send all text files so."

// notAccepted refuses a type that is not in the table. mime is the declared type, or the
// detected one if none was declared.
func notAccepted(mime string, detected detection) *refusal {
	kind := kindOf(mime)
	advice := conversionAdvice(mime, kind)
	if t, ok := detected.likely(); ok && (kind == kindDocument || kind == t.kind) {
		advice = fmt.Sprintf("Its first bytes are %s: store the file with Content-Type %s.", detected.describe(), t.MIME)
	}
	return refuse(CodeTypeNotAccepted, advice, mime, plural(kind), accepted(kind))
}

// contradicts refuses a declared type that does not agree with the bytes.
func contradicts(declared string, t Type, detected detection) *refusal {
	advice := "Check that the right file was stored."
	switch {
	case strings.Contains(detected.mime, "html"), t.kind != kindDocument && slices.Contains(detected.candidates, "text/plain"):
		advice = "It may be an error page instead of the file: check what the source sends."
	case detected.mime == "", detected.uncertain:
	case t.MIME == xls && slices.Contains(detected.candidates, "text/plain"):
		advice = plainAdvice
	case len(detected.candidates) > 0:
		advice = fmt.Sprintf("If this is the right file, store it with Content-Type %s.", detected.candidates[0])
	default:
		advice = conversionAdvice(detected.mime, targetKind(t.kind, detected.mime))
	}
	return refuse(CodeTypeContradicts, advice, declared, detected.describe())
}

// targetKind is the kind to convert a file to. Audio stays audio in a container that is
// named after video, such as WebM.
func targetKind(declared kind, mime string) kind {
	if kind := kindOf(mime); kind != kindVideo || declared != kindAudio {
		return kind
	}
	return kindAudio
}

func notOpus(detected detection) *refusal {
	return refuse(CodeAudioNotOpus, "", detected.description)
}

// unknownType refuses a file whose type neither bytes nor name decide.
func unknownType(name string, detected detection) *refusal {
	ext := "no extension"
	if e := extension(name); e != "" {
		ext = fmt.Sprintf("the extension %.20q", e)
	}
	return refuse(CodeTypeUnknown, "Store the file with its Content-Type, one of: "+strings.Join(mimes(""), ", ")+".", detected.describe(), ext)
}

func tooLarge(t Type, size int64) *refusal {
	what := string(t.kind)
	if t.kind == kindSticker {
		what = "static sticker"
		if t.Animated {
			what = "animated sticker"
		}
	}
	return refuse(CodeTooLarge, shrinkAdvice(t), bytesText(size), t.MIME, what, bytesText(t.maxSize))
}

// shrinkAdvice says how to make a file of the type smaller.
func shrinkAdvice(t Type) string {
	switch {
	case t.kind == kindImage:
		return "Scale it down: ffmpeg -i IN -frames:v 1 -vf scale=1600:-2 -q:v 5 out.jpg"
	case t.kind == kindAudio:
		return "Encode it at a bit rate for speech, about 14 MB per hour: " + toOpus
	case t.kind == kindVideo:
		return "Reduce the bit rate or the picture size, or shorten it: " + strings.Replace(toMP4, "-pix_fmt", "-crf 30 -pix_fmt", 1)
	case t.Animated:
		return "Create it again from its original GIF, with fewer frames or lower quality: gif2webp -lossy -q 30 in.gif -o out.webp"
	case t.kind == kindSticker:
		return "Reduce the quality: cwebp -q 50 IN -o out.webp"
	}
	return "Split it, or compress the images in it."
}

// conversionAdvice says what to do with a type that WhatsApp does not accept.
func conversionAdvice(mime string, kind kind) string {
	_, minor, _ := strings.Cut(mime, "/")
	switch {
	case mime == "image/gif":
		return "Convert it to a video and store that with Content-Type video/mp4: " + toMP4
	case kind == kindImage:
		return "Convert it to JPEG or PNG."
	case kind == kindAudio:
		return "Convert it and store the result with Content-Type audio/ogg: " + toOpus
	case kind == kindVideo:
		return "Convert it and store the result with Content-Type video/mp4: " + toMP4
	case isTextType(mime):
		return plainAdvice
	case strings.Contains(minor, "opendocument"), strings.Contains(minor, "rtf"), strings.Contains(minor, "word"),
		strings.Contains(minor, "excel"), strings.Contains(minor, "powerpoint"):
		return "Convert it to PDF: soffice --headless --convert-to pdf IN"
	}
	return "Convert it to PDF, or send it by link: WhatsApp accepts documents of any type by link."
}

// kindOf is the kind that the sender of a type most likely intended.
func kindOf(mime string) kind {
	major, _, _ := strings.Cut(mime, "/")
	switch kind := kind(major); kind {
	case kindImage, kindAudio, kindVideo:
		return kind
	}
	return kindDocument
}

// plural is the kind in a sentence.
func plural(k kind) string {
	switch k {
	case kindImage, kindDocument:
		return string(k) + "s"
	}
	return string(k)
}

// accepted lists the types of a kind that WhatsApp accepts.
func accepted(kind kind) string {
	list := strings.Join(mimes(kind), ", ")
	switch kind {
	case kindAudio:
		return list + " (Opus only)"
	case kindImage:
		return list + ", and image/webp for stickers"
	}
	return list
}

// mimes lists the types of a kind, each once. An empty kind means all.
func mimes(kind kind) []string {
	var list []string
	for _, t := range types {
		if (kind == "" || t.kind == kind) && !slices.Contains(list, t.MIME) {
			list = append(list, t.MIME)
		}
	}
	return list
}

// bytesText returns a length in bytes and in a larger unit: "5,242,881 bytes (5.0 MiB)".
func bytesText(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	switch {
	case n >= mib:
		return fmt.Sprintf("%s bytes (%.1f MiB)", digits, float64(n)/mib)
	case n >= kib:
		return fmt.Sprintf("%s bytes (%.1f KiB)", digits, float64(n)/kib)
	case n == 1:
		return "1 byte"
	}
	return digits + " bytes"
}
