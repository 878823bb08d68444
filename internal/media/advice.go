package media

import (
	"fmt"
	"slices"
	"strings"
)

// Commands that several messages advise.
const (
	toOpus = "ffmpeg -i IN -vn -ac 1 -c:a libopus -b:a 32k out.ogg"
	// fittingRate are the bit rates at which a video has about 15 MB: WhatsApp's limit less
	// a tenth, since encoders meet a rate only about.
	fittingRate = `-b:v $(ffprobe -v error -show_entries format=duration -of csv=p=0 IN | awk '{print int(1.2e8/$1-64e3)}') -c:a aac -b:a 64k`

	toMP4 = "ffmpeg -i IN -c:v libx264 -profile:v main -bf 0 -pix_fmt yuv420p -vf 'scale=trunc(iw/2)*2:trunc(ih/2)*2' -c:a aac -movflags +faststart out.mp4"
	// vipsthumbnail reads HEIC, AVIF, SVG and animated WebP, which FFmpeg does not in all
	// versions, turns pictures as their metadata say, and writes the result beside the input.
	toJPEG = "vipsthumbnail IN --size '1600x1600>' -o 'out.jpg[background=255]'"
	toPNG  = "vipsthumbnail IN --size 1600 -o out.png" // of vector graphics, with transparency
	toPDF  = "soffice --headless --convert-to pdf IN"
)

// plainAdvice is for text formats that are not in the table.
const plainAdvice = "Store it with Content-Type text/plain, and WhatsApp delivers it as a document under its own name; " +
	"\"ferry account text-as-plain --account ACCOUNT on\", or the server's flag --text-as-plain, makes ferry send all text files so."

// notAccepted refuses a type that is not in the table: the declared one or, if that is empty
// or says nothing, the detected one.
func notAccepted(declared string, detected detection) *refusal {
	what := fmt.Sprintf("%.80q", declared)
	if isUninformative(declared) {
		return refuse(CodeTypeNotAccepted, cure(kindOf(detected.mime), detected), detected.describe())
	}
	return refuse(CodeTypeNotAccepted, declaredCure(declared, detected), what)
}

// declaredCure says what to do with a file that is declared as a type that is not in the table.
// What the bytes are counts more than what they are declared as.
func declaredCure(declared string, detected detection) string {
	kind := kindOf(declared)
	_, certain := detected.likely()
	isText := slices.Contains(detected.candidates, "text/plain")
	switch {
	case certain:
		return cure(kind, detected)
	case isTextType(declared) && isText:
		return plainAdvice
	case isTextType(declared) && detected.mime == "":
		return "Check that the right file was stored: its bytes are not text."
	case isText && strings.Contains(detected.mime, "html"), isText && kind != kindDocument && !detected.code:
		return errorPage
	case detected.mime == "application/zip", detected.mime == "", isText && !detected.code:
		return conversionAdvice(declared, kind, detected)
	case detected.uncertain && len(detected.candidates) > 0:
		return "Store it with its own Content-Type, one of: " + strings.Join(detected.candidates, ", ") + "."
	}
	return cure(kind, detected)
}

const errorPage = "It may be an error page or message instead of the file: check what the source sends."

// contradicts refuses a declared type that does not agree with the bytes.
func contradicts(declared string, t Type, detected detection) *refusal {
	advice := "Check that the right file was stored."
	switch _, certain := detected.likely(); {
	case strings.Contains(detected.mime, "html"), t.kind != kindDocument && slices.Contains(detected.candidates, "text/plain") && !detected.code:
		advice = errorPage
	case certain, detected.code:
		advice = cure(t.kind, detected)
	case slices.Contains(detected.candidates, "text/plain"):
		advice = "If this is the right file, s" + plainAdvice[1:]
	case detected.mime == "", detected.uncertain:
	default:
		advice = cure(t.kind, detected)
	}
	effect := "WhatsApp would not deliver the message: it checks the content after the upload"
	if t.kind == kindDocument { // which Meta is not known to check
		effect = "recipients could not open it"
	}
	return refuse(CodeTypeContradicts, advice, declared, detected.describe(), effect)
}

// cure says what to do with a file of a recognised type: store it as what it is, if WhatsApp
// accepts that, or convert it. wanted is the kind that it is meant to be.
func cure(wanted kind, detected detection) string {
	t, certain := detected.likely()
	if detected.movie && detected.tracks.soundOnly() { // a type for video does not fit
		if t, certain = lookup("audio/mp4"); !slices.Contains(detected.candidates, t.MIME) {
			return conversionAdvice(detected.mime, wanted, detected)
		}
	}
	for _, mime := range detected.candidates {
		if other, ok := lookup(mime); ok && certain && other.kind == wanted && !(wanted == kindAudio && detected.tracks.video) {
			t = other
			break
		}
	}
	switch {
	case certain && t.kind == kindSticker && wanted != kindSticker:
		return "Convert it to JPEG and store that with Content-Type image/jpeg (as image/webp it could only be sent as a sticker): " + toJPEG
	case certain:
		return fmt.Sprintf("If this is the right file, store it with Content-Type %s.", t.MIME)
	}
	return conversionAdvice(detected.mime, wanted, detected)
}

func notOpus(detected detection) *refusal {
	return refuse(CodeAudioNotOpus, conversionAdvice(detected.mime, kindAudio, detected), detected.description)
}

// unknownType refuses a file whose type neither bytes nor name decide.
func unknownType(name string, detected detection) *refusal {
	ext := "no extension"
	if e := extension(name); e != "" {
		ext = fmt.Sprintf("the extension %.20q", e)
	}
	advice := "Check that the right file was stored. If it is a document of an old or damaged kind, store it with its Content-Type, such as application/msword."
	switch {
	case strings.Contains(detected.mime, "html"):
		advice = errorPage + " If a page is to be sent, store it with Content-Type text/plain."
	case slices.Contains(detected.candidates, "text/plain"):
		advice = errorPage + " If it is the file, store it with Content-Type text/plain."
	case len(detected.candidates) > 0:
		advice = "Store it with its Content-Type, one of: " + strings.Join(detected.candidates, ", ") + "."
	}
	return refuse(CodeTypeUnknown, advice, detected.describe(), ext)
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
		return "Encode it at a bit rate that fits its duration, and shorten it first if it is longer than 20 minutes: " + strings.Replace(toMP4, "-c:a aac", fittingRate, 1)
	case t.Animated:
		return "Create it again from its original GIF, with fewer frames or lower quality: gif2webp -lossy -q 30 in.gif -o out.webp"
	case t.kind == kindSticker:
		return "Reduce the quality: cwebp -q 50 IN -o out.webp"
	}
	return "Split it, or compress the images in it."
}

// conversionAdvice says what to do with a type that WhatsApp does not accept. kind is what
// the file is meant to be; the tracks of a container say what it can become.
func conversionAdvice(mime string, kind kind, detected detection) string {
	_, minor, _ := strings.Cut(mime, "/")
	is := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(minor, w) })
	}
	media := kindOf(mime)
	switch {
	case detected.tracks.known:
		media = detected.tracks.kind(kind)
	case media == kindVideo && kind == kindAudio: // a container that is named after video
		media = kindAudio
	}
	switch {
	case mime == "image/gif" && !detected.animated:
		return "Convert it and store the result with Content-Type image/jpeg: " + toJPEG
	case mime == "image/gif":
		return "Convert it to a video and store that with Content-Type video/mp4: " + toMP4
	case mime == "image/svg+xml":
		return "Convert it and store the result with Content-Type image/png: " + toPNG
	case media == kindImage:
		return "Convert it and store the result with Content-Type image/jpeg: " + toJPEG
	case media == kindAudio && detected.movie:
		return "Convert it and store the result with Content-Type audio/mp4: " + toM4A
	case media == kindAudio && (mime != "application/ogg" || detected.tracks.known):
		return "Convert it and store the result with Content-Type audio/ogg: " + toOpus
	case media == kindVideo:
		return "Convert it and store the result with Content-Type video/mp4: " + toMP4
	case mime == "application/ogg":
		return "Check that the recording is complete, or record it again as Opus with one channel."
	case mime == "message/rfc822":
		return "Open it in a mail program, and save it as PDF."
	case mime == "application/postscript":
		return "Convert it to PDF: ps2pdf IN out.pdf"
	case isTextType(mime):
		return plainAdvice
	case is("opendocument", "rtf", "word", "excel", "powerpoint", "epub"):
		return "Convert it to PDF: " + toPDF
	case is("gzip", "bzip2", "zstd", "x-xz", "lzip", "zlib"):
		return "Decompress it, and store the file that is inside with its own Content-Type."
	case is("zip", "rar", "7z", "x-tar", "x-archive"):
		return "Unpack it and send the files that are inside, or send it by link: WhatsApp accepts documents of any type by link."
	}
	return "Send it by link, for which WhatsApp accepts documents of any type, or convert it to PDF if its program can do that."
}

// kind is the kind of message that tracks are good for. A picture is left out if only sound
// is wanted.
func (t tracks) kind(wanted kind) kind {
	switch {
	case t.audio && (!t.video || wanted == kindAudio):
		return kindAudio
	case t.video:
		return kindVideo
	}
	return kindDocument
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
