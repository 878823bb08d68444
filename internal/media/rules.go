package media

// Codes of [Finding], by what they are about.
const (
	CodeEmpty           = "empty"                  // no bytes
	CodeSizeUnknown     = "size-unknown"           // length not announced, or announced wrongly
	CodeEncoded         = "content-encoding"       // encoded as its Content-Encoding says
	CodeTooLarge        = "too-large"              // above WhatsApp's limit for the type
	CodeTypeUnknown     = "type-unknown"           // nothing usable is declared, and bytes and name do not decide
	CodeTypeNotAccepted = "type-not-accepted"      // a type that WhatsApp does not accept
	CodeTypeContradicts = "type-contradicts-bytes" // declared as one type, the bytes are another
	CodeAudioNotOpus    = "audio-not-opus"         // Ogg that contains anything other than Opus

	CodeStoredForm    = "stored-form"     // a multipart form instead of the file in it
	CodeEncodedText   = "encoded-as-text" // base64, hexadecimal digits or JSON instead of the bytes
	CodeStoredPointer = "stored-pointer"  // a pointer of Git LFS instead of the file
	CodeErrorDocument = "error-document"  // an error message of a store instead of the file
	CodeCompressed    = "compressed"      // gzip, or a ZIP archive, instead of the file in it
	CodeMangled       = "damaged-as-text" // a binary file whose bytes were changed by a program that took it for text
	CodeLeadingBytes  = "leading-bytes"   // a byte order mark or line breaks in front of a binary file

	CodeTruncated = "truncated" // any type: the file ends before its headers say
	CodeDamaged   = "damaged"   // any type: the structure contradicts itself

	CodeImageDimensions = "image-dimensions" // JPEG, PNG: a side of 0, or more than maxPixels
	CodeImageNotRGB     = "image-not-rgb"    // JPEG, PNG: greyscale or palette
	CodeJPEGCMYK        = "jpeg-cmyk"        // four channels: CMYK or YCCK
	CodeJPEGBitDepth    = "jpeg-bit-depth"   // other than 8 bits per channel
	CodeJPEGArithmetic  = "jpeg-arithmetic"  // arithmetic instead of Huffman coding
	CodeJPEGLossless    = "jpeg-lossless"    // lossless or hierarchical coding
	CodePNGBitDepth     = "png-bit-depth"    // 16 bits per channel
	CodePNGAnimated     = "png-animated"     // APNG

	CodePictureIncomplete = "picture-incomplete" // JPEG, PNG, WebP: the end of the picture is missing or all zero

	CodeStickerDimensions = "sticker-dimensions" // WebP: other than 512x512

	CodeOpusNotMono    = "opus-not-mono"   // Ogg: Opus with more than one channel
	CodeOggMultiplexed = "ogg-multiplexed" // Ogg: parallel streams
	CodeOggChained     = "ogg-chained"     // Ogg: streams in sequence
	CodeVoiceTooLarge  = "voice-too-large" // Ogg: above maxVoice
	CodeMP3FreeFormat  = "mp3-free-format" // MP3: no bit rate in the header
	CodeMP3Layer       = "mp3-layer"       // MPEG audio layer II
	CodeAACProfile     = "aac-profile"     // AAC, MP4: Main, SSR, LTP and others that phones do not decode

	CodeMP4NoIndex    = "mp4-no-index"   // MP4: no moov
	CodeMP4IndexLast  = "mp4-index-last" // MP4 video: moov after mdat
	CodeMP4Fragmented = "mp4-fragmented" // MP4: moof or mvex
	CodeMP4Encrypted  = "mp4-encrypted"  // MP4: encv or enca
	CodeMP4Empty      = "mp4-empty"      // MP4: nothing to play

	CodeVideoCodec      = "video-codec"        // video that is not H.264
	CodeVideoAudioCodec = "video-audio-codec"  // audio of a video that is not AAC
	CodeVideoMissing    = "video-missing"      // video/mp4 with audio only
	CodeAudioTracks     = "audio-tracks"       // more than one audio track
	CodeH264Profile     = "h264-profile"       // H.264 beyond High: 10 bits, 4:2:2, 4:4:4
	CodeH264HighBFrames = "h264-high-b-frames" // High profile and B-frames
	CodeH264High        = "h264-high"          // High profile alone
	CodeH264BFrames     = "h264-b-frames"      // B-frames alone
	CodeAudioCodec      = "audio-codec"        // audio/mp4 that is not AAC
	CodeAudioHasVideo   = "audio-has-video"    // audio/mp4 with a video track

	CodeDocumentUnknown = "document-unknown"   // PDF, Office: the first bytes are of no known format
	CodePDFHeader       = "pdf-header"         // PDF: the header is not at the beginning
	CodePDFEnd          = "pdf-end"            // PDF: no end mark, or much behind it
	CodePDFEncrypted    = "pdf-encrypted"      // PDF: does not open without a password or a certificate
	CodeOfficeFormat    = "office-format"      // another format under an Office type: RTF, HTML, XML, older ones
	CodeOfficeEncrypted = "office-encrypted"   // Word, Excel, PowerPoint with a password
	CodeOfficeNoContent = "office-no-document" // a ZIP without a document, sheet or slides
	CodeOfficeOtherKind = "office-other-kind"  // another kind of OOXML than declared
	CodeOfficeMacros    = "office-macros"      // docm, xlsm or pptm under the type without macros
	CodeTextIsCode      = "text-is-code"       // RTF, SVG, PostScript, e-mail, base64 and the like, sent as text
	CodeTextUTF16       = "text-utf-16"
	CodeTextNotUTF8     = "text-not-utf-8" // an 8-bit encoding
	CodeTextNUL         = "text-nul"       // NUL bytes in text
)

// rule is the severity and text of a finding.
type rule struct {
	severity Severity
	why      string // a format
	fix      string // empty if it depends on the file (advice.go)
}

// severityFor is the severity for a file of the type t. Damage keeps WhatsApp from processing
// pictures, audio and video; Meta is not known to look at the bytes of documents, and
// viewers repair many of them.
func (r rule) severityFor(code string, t Type) Severity {
	if t.kind == kindDocument && (code == CodeTruncated || code == CodeDamaged) {
		return LooksBad
	}
	return r.severity
}

// Commands that several fixes advise.
const (
	toRGB     = "ffmpeg -i IN -frames:v 1 -vf format=rgba -q:v 3 out.EXT"
	toMP3     = "ffmpeg -i IN -vn -c:a libmp3lame -q:a 4 out.mp3"
	toAAC     = "ffmpeg -i IN -c:v copy -c:a aac -movflags +faststart out.EXT"
	toM4A     = "ffmpeg -i IN -vn -c:a aac -movflags +faststart out.m4a"
	remux     = "ffmpeg -i IN -c copy -movflags +faststart out.EXT"
	toSticker = "ffmpeg -i IN -vf 'scale=512:512:force_original_aspect_ratio=decrease,format=rgba,pad=512:512:-1:-1:color=#00000000' -c:v libwebp -q:v 60 out.webp"
)

// rules is the table of findings by code. What Meta documents or users observed is in
// docs/references.md#media-types and docs/references.md#media-failures. Where neither says
// anything, the reason is given beside the rule, and WillFail is used only for files that
// phones or common programs cannot open.
var rules = map[string]rule{
	CodeEmpty:           {Refused, "The file is empty: %s.", "Check that the upload to the store was complete."},
	CodeSizeUnknown:     {Refused, "The length of the file is not known: %s.", "Use a source that sends the length of the file as Content-Length."},
	CodeEncoded:         {Refused, "The file is stored with the Content-Encoding %q, and its bytes are encoded: recipients would get them as they are.", ""},
	CodeTooLarge:        {Refused, "The file has %s. WhatsApp's limit for %s (%s) is %s.", ""},
	CodeTypeUnknown:     {Refused, "The type of the file cannot be determined: no usable type is declared, the first bytes are %s, and the name has %s.", ""},
	CodeTypeNotAccepted: {Refused, "WhatsApp does not accept %s.", ""},
	CodeTypeContradicts: {Refused, "The file is declared as %q, but its first bytes are %s, so %s.", ""},
	CodeAudioNotOpus:    {Refused, "The file is %s. In Ogg, WhatsApp accepts only Opus audio with one channel.", ""},

	CodeStoredForm: {Refused, "The file is a form and not the file itself: a multipart/form-data body was stored, with %s inside.",
		"Send the file itself as the body of the PUT request, and not a FormData object or a form."},
	CodeEncodedText: {Refused, "The file is text and not the file itself: it contains %s.",
		"Store the bytes themselves and not their text form: decode it before the upload."},
	CodeStoredPointer: {Refused, "The file is %s and not the file itself.",
		"Fetch the file with git lfs pull, and upload it again."},
	CodeErrorDocument: {Refused, "The file is the error message of a store (%s) and not the file itself.",
		"Check that the program that stored it tests the status of the response that it copies."},
	CodeCompressed: {Refused, "The file is compressed: it is %s, which WhatsApp does not unpack.",
		"Store it uncompressed."},
	// Meta's check of the content finds no known type, and documents do not open or have blank pages.
	CodeMangled:      {WillFail, "The file is damaged: %s.", asBinary},
	CodeLeadingBytes: {WillFail, "The file begins with %s too many (%s) in front of %s, so programs do not recognise it.", ""},

	CodeTruncated: {WillFail, "The file is truncated: %s.",
		"Upload the complete file to the store again, and compare the sizes."},
	CodeDamaged: {WillFail, "The file is damaged: %s.",
		"Create it again with the program that wrote it, and check that it opens there."},

	// Meta's error says "supported are JPG/JPEG, RGB/RGBA, 8 bit/channels and PNG, RGB/RGBA, up to 8 bit/channel".
	CodeJPEGCMYK: {WillFail, "The JPEG has the four colour channels of print (CMYK), but WhatsApp accepts only RGB.",
		"Convert the colours: " + toRGB},
	CodeJPEGBitDepth: {WillFail, "The JPEG has %d bits per channel, but WhatsApp accepts only 8.",
		"Save it with 8 bits per channel, in a program that can read it."},
	CodePNGBitDepth: {WillFail, "The PNG has %d bits per channel, but WhatsApp accepts at most 8.",
		"Reduce it to 8 bits: " + toRGB},
	// Meta's table lists only RGB and RGBA. Greyscale scans and pictures with a palette are
	// common, and no failure is reported, so they are only warned about.
	CodeImageNotRGB: {LooksBad, "The picture is in %s, but Meta's table lists only RGB and RGBA.",
		"Convert it to RGB: " + toRGB},
	// Neither phones nor browsers nor libjpeg in its usual build decode these.
	CodeJPEGArithmetic: {WillFail, "The JPEG uses arithmetic coding, which phones do not decode.",
		"Recode it with Huffman tables, without loss: jpegtran -copy all IN > out.jpg"},
	CodeJPEGLossless: {WillFail, "The JPEG uses %s coding, which phones do not decode.",
		"Save it as an ordinary JPEG: " + toRGB},
	// No camera produces more within 5 MiB, and displaying a picture takes 4 bytes per pixel.
	// FFmpeg opens none above 268 million pixels.
	CodeImageDimensions: {WillFail, "The picture is %d x %d pixels, which no phone displays.",
		"Scale it down with libvips, which opens such large pictures and writes the result beside the input: vipsthumbnail IN --size 1600 -o out.EXT"},
	CodePNGAnimated: {LooksBad, "The PNG is animated, but WhatsApp shows only a still picture.",
		"Send it as a video: " + toMP4},

	// Programs show the part that is there, and some show nothing.
	CodePictureIncomplete: {LooksBad, "The picture is incomplete: %s. Its lower part is missing or grey.",
		"Upload the complete file to the store again, and compare the sizes."},

	CodeStickerDimensions: {LooksBad, "The sticker is %d x %d pixels, but WhatsApp's stickers are 512 x 512.",
		"If it is a photo, convert it to JPEG: WhatsApp shows WebP only as stickers. To scale a sticker and pad its sides: " + toSticker},

	CodeOpusNotMono: {WillFail, "The Opus audio has %d channels. WhatsApp accepts it, but recipients cannot play it.",
		"Mix it down to one channel: " + toOpus},
	CodeOggMultiplexed: {WillFail, "The Ogg file has %d parallel streams, but WhatsApp plays only one.",
		"Keep one stream: ffmpeg -i IN -map 0:a:0 -ac 1 -c:a libopus -b:a 32k out.ogg"},
	// ExoPlayer and AVFoundation stop at the end of the first stream.
	CodeOggChained: {LooksBad, "The Ogg file consists of several streams in sequence, but phones play only the first.",
		"Combine them into one stream: " + toOpus},
	CodeVoiceTooLarge: {LooksBad, "The audio has %s. A voice message above 512 KiB has no play button until it is downloaded.",
		"Reduce the bit rate, or shorten it: ffmpeg -i IN -vn -ac 1 -c:a libopus -b:a 16k out.ogg"},
	// Android's extractor skips frames without a bit rate, and its decoder supports only layer III.
	CodeMP3FreeFormat: {WillFail, "The MP3 is in free format (without a bit rate), which phones do not play.",
		"Decode it with a player that supports free format, and encode it again: mpg123 -q -w - IN | ffmpeg -i - -c:a libmp3lame -q:a 4 out.mp3"},
	CodeMP3Layer: {WillFail, "The file is MPEG audio layer II (MP2), which phones do not play as MP3.",
		"Encode it as MP3: " + toMP3},
	// Android decodes LC, HE, HE v2 and ELD; Meta's table says only AAC.
	CodeAACProfile: {LooksBad, "The AAC audio has the profile %s, which many phones do not decode.",
		"Encode it as AAC-LC: " + toAAC},

	CodeMP4NoIndex: {WillFail, "The file has no index (moov), which happens when a recording is interrupted.",
		"Record or export it again: it cannot be repaired reliably without the index."},
	CodeMP4IndexLast: {LooksBad, "The index (moov) is at the end of the file, so playback starts only after the whole video has been downloaded.",
		"Move the index to the front, without loss: " + remux},
	// Observed with audio that browsers record; assumed to hold for video too.
	CodeMP4Fragmented: {WillFail, "The file is a fragmented MP4, as browsers and streaming servers write it, which WhatsApp does not process.",
		"Rewrite it without fragments, without loss: " + remux},
	CodeMP4Encrypted: {WillFail, "The %s track is encrypted.",
		"Decrypt it with its key: ffmpeg -decryption_key KEY -i IN -c copy -movflags +faststart out.EXT"},
	CodeMP4Empty: {WillFail, "The file has nothing to play: %s.",
		"Record or export it again, and check that it plays."},

	CodeVideoCodec: {WillFail, "The video codec is %s, but WhatsApp accepts only H.264.",
		"Convert it: " + toMP4},
	CodeVideoAudioCodec: {WillFail, "The audio codec of the video is %s, but WhatsApp accepts only AAC.",
		"Convert the audio: " + toAAC},
	// The tracks decide the type; a message of type video would fail with it.
	CodeVideoMissing: {LooksBad, "The file is declared as %.80q but has sound only, so it is uploaded as audio/mp4.",
		"Send it as an audio message, and store it with Content-Type audio/mp4."},
	CodeAudioTracks: {WillFail, "The file has %d audio tracks, but WhatsApp accepts only one.",
		"Keep the first: ffmpeg -i IN -map '0:v:0?' -map 0:a:0 -c copy -movflags +faststart out.EXT"},
	CodeH264Profile: {WillFail, "The H.264 profile is %s, which phones do not decode.",
		"Encode it with the Main profile: " + toMP4},
	// Meta: "High profile + B-frames are unsupported on Android clients; use Main/Baseline".
	// Both together fail. Most phones record one of the two, which is only warned about.
	CodeH264HighBFrames: {WillFail, "The H.264 video uses the High profile with B-frames, which WhatsApp on Android does not play.",
		"Encode it with the Main profile and without B-frames, or run the server with --will-fail warn, which sends it as it is. To encode it: " + toMP4},
	CodeH264High: {LooksBad, "The H.264 video uses the High profile; Meta recommends Main or Baseline for Android.",
		"Encode it with the Main profile: " + toMP4},
	CodeH264BFrames: {LooksBad, "The H.264 video has B-frames; Meta advises against them for Android.",
		"Encode it without B-frames: " + toMP4},
	// Meta treats a file that it cannot process as application/octet-stream.
	CodeAudioCodec: {WillFail, "The audio codec in the MP4 is %s, but WhatsApp plays only AAC there.",
		"Convert it: " + toM4A},
	CodeAudioHasVideo: {WillFail, "The file is declared as audio but has a video track, so WhatsApp would treat it as a video.",
		"Store it with Content-Type video/mp4, or keep only the audio: " + toM4A},

	CodeDocumentUnknown: {LooksBad, "The first bytes of the document are %s and not those of a .%s file, so recipients may not be able to open it.",
		"Check that the right file was stored, and that it opens in the program that is made for it."},
	CodePDFHeader: {LooksBad, "The header of the PDF (%%PDF-) is not in its first 1,024 bytes, so some viewers do not open it.",
		"Remove what is before the header, or rewrite the PDF: qpdf --warning-exit-0 IN out.pdf"},
	CodePDFEnd: {LooksBad, "The end of the PDF is not as it should be: %s. Some viewers do not open it.",
		"Rewrite it without what follows the mark: qpdf --warning-exit-0 IN out.pdf"},
	CodeOfficeFormat: {LooksBad, "The file is declared or named as .%s, but it is %s. Office may ask before it opens it, and phones may not open it.",
		""},

	// Every viewer opens a PDF with an owner password alone.
	CodePDFEncrypted: {LooksBad, "The PDF is encrypted: WhatsApp shows no preview, and recipients need %s to open it.",
		"Tell the recipients the password another way, or remove it: qpdf --password=PASSWORD --decrypt IN out.pdf"},
	// Excel encrypts some files with a password that every Excel knows.
	CodeOfficeEncrypted: {LooksBad, "The Office file is encrypted: WhatsApp shows no preview, and recipients need its password to open it.",
		"Tell the recipients the password another way, or remove it in the program that set it."},
	CodeOfficeNoContent: {Refused, "The file is a ZIP archive and not an Office file: it has %s.",
		"Store it with its real type. WhatsApp accepts ZIP files only by link."},
	CodeOfficeOtherKind: {Refused, "The file is declared as one kind of Office file but contains another: %s.",
		"Store it with the Content-Type and the extension that match its content."},
	// Word, Excel and PowerPoint refuse to open it under the extension without the m.
	CodeOfficeMacros: {LooksBad, "The Office file contains macros, and Office does not open such a file with the extension .%s.",
		"Save it without macros, or as PDF: soffice --headless --convert-to pdf IN"},
	CodeTextIsCode: {LooksBad, "The text is %s, so the recipient sees its %s and not its content.",
		"Store the file itself and not its text form."},
	CodeTextUTF16: {LooksBad, "The text is encoded in UTF-16, but phones read it as UTF-8.",
		"Convert it: iconv -f UTF-16 -t UTF-8 IN > out.txt"},
	CodeTextNotUTF8: {LooksBad, "The text is not UTF-8, so phones show characters beyond ASCII incorrectly.",
		"Convert it, if it is Western European: iconv -f WINDOWS-1252 -t UTF-8 IN > out.txt"},
	CodeTextNUL: {LooksBad, "The text contains NUL bytes, so phones show only part of it or nothing.",
		"Remove them: tr -d '\\000' < IN > out.txt"},
}

// otherFixes are the fixes, by code, for files that the rule's own fix does not repair; the
// comment says which. See examiner.reportOther.
var otherFixes = map[string]string{
	CodeJPEGLossless:    "Save it as an ordinary JPEG, in the program that created it.",                                  // FFmpeg does not decode it
	CodeImageDimensions: "Save it again in the program that created it, and check that it opens there.",                  // a side of 0
	CodePDFEnd:          "Compare its size with that of the original, and upload it again if they differ.",               // nothing can complete it
	CodePDFEncrypted:    "Save it without protection, in the program that protected it.",                                 // a certificate, or a program of its own
	CodeAudioHasVideo:   "It has no audio track: convert it to MP4 and store that with Content-Type video/mp4: " + toMP4, // video only
	// Animated stickers, which FFmpeg does not read.
	CodeStickerDimensions: "Create it again at 512 x 512 pixels from its original GIF or pictures, or scale it with ImageMagick 7: " +
		"magick IN -coalesce -resize 512x512 -background none -gravity center -extent 512x512 -quality 60 out.webp",
}
