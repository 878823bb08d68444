package media

// Codes of [Finding], by what they are about.
const (
	CodeEmpty           = "empty"                  // no bytes
	CodeSizeUnknown     = "size-unknown"           // length not announced, or not true
	CodeEncoded         = "content-encoding"       // stored with a Content-Encoding; package object finds it
	CodeTooLarge        = "too-large"              // above WhatsApp's limit for the type
	CodeTypeUnknown     = "type-unknown"           // nothing usable is declared, and bytes and name do not tell
	CodeTypeNotAccepted = "type-not-accepted"      // a type that WhatsApp does not take
	CodeTypeContradicts = "type-contradicts-bytes" // declared as one type, the bytes are another
	CodeAudioNotOpus    = "audio-not-opus"         // Ogg with something else than Opus inside

	CodeTruncated = "truncated" // any type: the file ends before its own headers say so
	CodeDamaged   = "damaged"   // any type: the structure contradicts itself

	CodeImageDimensions = "image-dimensions" // JPEG, PNG: a side of 0, or more than maxPixels
	CodeImageNotRGB     = "image-not-rgb"    // JPEG, PNG: greyscale or palette
	CodeJPEGCMYK        = "jpeg-cmyk"        // four channels: CMYK or YCCK
	CodeJPEGBitDepth    = "jpeg-bit-depth"   // not 8 bits a channel
	CodeJPEGArithmetic  = "jpeg-arithmetic"  // arithmetic instead of Huffman coding
	CodeJPEGLossless    = "jpeg-lossless"    // lossless or hierarchical coding
	CodePNGBitDepth     = "png-bit-depth"    // 16 bits a channel
	CodePNGAnimated     = "png-animated"     // APNG

	CodeStickerDimensions = "sticker-dimensions" // WebP: not 512x512

	CodeOpusNotMono    = "opus-not-mono"   // Ogg: Opus with other than one channel
	CodeOggMultiplexed = "ogg-multiplexed" // Ogg: streams side by side
	CodeOggChained     = "ogg-chained"     // Ogg: streams one after the other
	CodeVoiceTooLarge  = "voice-too-large" // Ogg: above maxVoice
	CodeMP3FreeFormat  = "mp3-free-format" // MP3: no bit rate in the header
	CodeMP3Layer       = "mp3-layer"       // MPEG audio of layer II
	CodeAACProfile     = "aac-profile"     // AAC, MP4: Main, SSR, LTP and others that phones do not decode

	CodeMP4NoIndex    = "mp4-no-index"   // MP4: no moov
	CodeMP4IndexLast  = "mp4-index-last" // MP4 video: moov behind mdat
	CodeMP4Fragmented = "mp4-fragmented" // MP4: moof or mvex
	CodeMP4Encrypted  = "mp4-encrypted"  // MP4: encv or enca
	CodeMP4Empty      = "mp4-empty"      // MP4: nothing to play

	CodeVideoCodec      = "video-codec"        // video that is not H.264
	CodeVideoAudioCodec = "video-audio-codec"  // sound of a video that is not AAC
	CodeVideoMissing    = "video-missing"      // video/mp4 with sound only
	CodeAudioTracks     = "audio-tracks"       // more than one audio track
	CodeH264Profile     = "h264-profile"       // H.264 beyond High: 10 bits, 4:2:2, 4:4:4
	CodeH264HighBFrames = "h264-high-b-frames" // High profile and B-frames
	CodeH264High        = "h264-high"          // High profile alone
	CodeH264BFrames     = "h264-b-frames"      // B-frames alone
	CodeAudioCodec      = "audio-codec"        // audio/mp4 that is not AAC
	CodeAudioHasVideo   = "audio-has-video"    // audio/mp4 with a picture track

	CodePDFEncrypted    = "pdf-encrypted"
	CodeOfficeNoContent = "office-no-document" // a ZIP with no document, sheet or slides in it
	CodeOfficeOtherKind = "office-other-kind"  // another kind of OOXML than declared
	CodeOfficeMacros    = "office-macros"      // docm, xlsm or pptm under the type without macros
	CodeTextUTF16       = "text-utf-16"
	CodeTextNotUTF8     = "text-not-utf-8" // an 8-bit encoding
	CodeTextNUL         = "text-nul"       // bytes of 0 in text
)

// rule is what a finding says.
type rule struct {
	severity Severity
	why      string // a format
	fix      string // empty if it depends on the file (advice.go)
}

// Commands that more than one finding tells people to run.
const (
	toRGB     = "ffmpeg -i IN -frames:v 1 -vf format=rgba -q:v 3 out.EXT"
	toMP3     = "ffmpeg -i IN -vn -c:a libmp3lame -q:a 4 out.mp3"
	toAAC     = "ffmpeg -i IN -c:v copy -c:a aac -movflags +faststart out.EXT"
	toM4A     = "ffmpeg -i IN -vn -c:a aac -movflags +faststart out.m4a"
	remux     = "ffmpeg -i IN -c copy -movflags +faststart out.EXT"
	toSticker = "ffmpeg -i IN -vf 'scale=512:512:force_original_aspect_ratio=decrease,format=rgba,pad=512:512:-1:-1:color=#00000000' -c:v libwebp -q:v 60 out.webp"
)

// rules says for each code how bad it is. Meta's word is in meta-cloud-api.md §3.6
// and §3.7; where it is silent the reason stands beside the rule, and WillFail is
// kept for what phones or common programs cannot open.
var rules = map[string]rule{
	CodeEmpty:           {Refused, "The file is empty: %s.", "Check that the upload to the store had finished."},
	CodeSizeUnknown:     {Refused, "The length of the file is not known: %s.", "Use a source that sends the file's length as Content-Length."},
	CodeTooLarge:        {Refused, "The file has %s; WhatsApp's limit for %s as %s is %s.", ""},
	CodeTypeUnknown:     {Refused, "No type is declared, the first bytes are %s, and the name has %s: together that decides nothing.", ""},
	CodeTypeNotAccepted: {Refused, "WhatsApp does not take %.80q. As %s it takes %s.", ""},
	CodeTypeContradicts: {Refused, "The file is declared as %q and its first bytes are %s. WhatsApp checks the content after the upload and would drop the message.", ""},
	CodeAudioNotOpus:    {Refused, "The file is %s. WhatsApp takes Ogg with Opus audio only, one channel.", "Convert it: " + toOpus},

	CodeTruncated: {WillFail, "The file is cut short: %s.",
		"Upload it to the store again, whole, and compare the lengths."},
	CodeDamaged: {WillFail, "The file is damaged: %s.",
		"Make it again with the program that wrote it, and check that it opens there."},

	// "Image is invalid … supported are JPG/JPEG, RGB/RGBA, 8 bit/channels and PNG, RGB/RGBA, up to 8 bit/channel" (§3.7).
	CodeJPEGCMYK: {WillFail, "The JPEG has the four channels of print (CMYK), and WhatsApp takes RGB only.",
		"Convert the colours: " + toRGB},
	CodeJPEGBitDepth: {WillFail, "The JPEG has %d bits a channel, and WhatsApp takes 8.",
		"Save it again with 8 bits a channel, in a program that reads it."},
	CodePNGBitDepth: {WillFail, "The PNG has %d bits a channel, and WhatsApp takes up to 8.",
		"Reduce it to 8 bits: " + toRGB},
	// The table names RGB and RGBA only. Scans in grey and pictures with a palette are so
	// common, and unreported as failures, that they are not held back.
	CodeImageNotRGB: {LooksBad, "The picture is in %s, and Meta's table names RGB and RGBA only.",
		"Convert it to RGB: " + toRGB},
	// Phones, browsers and libjpeg in its usual build decode none of these.
	CodeJPEGArithmetic: {WillFail, "The JPEG is arithmetically coded, which phones do not decode.",
		"Code it again with Huffman tables, which loses nothing: jpegtran -copy all IN > out.jpg"},
	CodeJPEGLossless: {WillFail, "The JPEG is coded in %s mode, which phones do not decode.",
		"Save it as an ordinary JPEG: " + toRGB},
	// No camera makes more within 5 MiB, and showing one takes 4 bytes a pixel. FFmpeg opens
	// none above 268 million pixels.
	CodeImageDimensions: {WillFail, "The picture is %d x %d pixels, which no phone shows.",
		"Scale it with libvips, which opens a picture so large and writes beside it: vipsthumbnail IN --size 1600 -o out.EXT"},
	CodePNGAnimated: {LooksBad, "The PNG is animated, and WhatsApp shows a still picture.",
		"Send it as a video: " + toMP4},

	CodeStickerDimensions: {LooksBad, "The sticker is %d x %d pixels, and WhatsApp's are 512 x 512.",
		"Scale it and fill up the sides: " + toSticker},

	CodeOpusNotMono: {WillFail, "The Opus audio has %d channels: WhatsApp accepts it and recipients cannot play it.",
		"Mix it down to one channel: " + toOpus},
	CodeOggMultiplexed: {WillFail, "The Ogg file has %d streams side by side, and WhatsApp plays one.",
		"Keep one stream: ffmpeg -i IN -map 0:a:0 -ac 1 -c:a libopus -b:a 32k out.ogg"},
	// ExoPlayer and AVFoundation stop at the end of the first link.
	CodeOggChained: {LooksBad, "The Ogg file is several streams one after the other, and phones play the first only.",
		"Make one stream of it: " + toOpus},
	CodeVoiceTooLarge: {LooksBad, "The audio has %s: as a voice message above 512 KiB it has no play button until it is downloaded.",
		"Lower the bit rate, or cut it: ffmpeg -i IN -vn -ac 1 -c:a libopus -b:a 16k out.ogg"},
	// Android's extractor skips frames without a bit rate, and its decoder knows layer III only.
	CodeMP3FreeFormat: {WillFail, "The MP3 is in free format, without a bit rate, which phones do not play.",
		"Decode it with a player that knows free format, and encode it again: mpg123 -q -w - IN | ffmpeg -i - -c:a libmp3lame -q:a 4 out.mp3"},
	CodeMP3Layer: {WillFail, "The file is MPEG audio of layer II (MP2), which phones do not play as MP3.",
		"Encode it as MP3: " + toMP3},
	// Android decodes LC, HE, HE v2 and ELD; Meta says no more than AAC.
	CodeAACProfile: {LooksBad, "The AAC audio is of the profile %s, which many phones do not decode.",
		"Encode it as AAC-LC: " + toAAC},

	CodeMP4NoIndex: {WillFail, "The file has no index (moov), as when a recording was not finished.",
		"Record or export it again: without the index it cannot be mended with certainty."},
	CodeMP4IndexLast: {LooksBad, "The index (moov) is behind the media, so that the video starts only when all of it is there.",
		"Move it to the front, which loses nothing: " + remux},
	// Seen with audio from browsers (§3.7); taken to hold for video too.
	CodeMP4Fragmented: {WillFail, "The file is fragmented, as browsers and streaming servers write it, and WhatsApp does not process that.",
		"Write it in one piece, which loses nothing: " + remux},
	CodeMP4Encrypted: {WillFail, "The %s track is encrypted.",
		"Decrypt it with its key: ffmpeg -decryption_key KEY -i IN -c copy -movflags +faststart out.EXT"},
	CodeMP4Empty: {WillFail, "There is nothing to play in the file: %s.",
		"Record or export it again, and check that it plays."},

	CodeVideoCodec: {WillFail, "The video is %s, and WhatsApp takes H.264 only.",
		"Convert it: " + toMP4},
	CodeVideoAudioCodec: {WillFail, "The sound of the video is %s, and WhatsApp takes AAC only.",
		"Convert the sound: " + toAAC},
	CodeVideoMissing: {WillFail, "The file is declared as video and has no picture track.",
		"Store it with Content-Type audio/mp4, as an m4a: " + toM4A},
	CodeAudioTracks: {WillFail, "The file has %d audio tracks, and WhatsApp takes one.",
		"Keep the first: ffmpeg -i IN -map '0:v:0?' -map 0:a:0 -c copy -movflags +faststart out.EXT"},
	CodeH264Profile: {WillFail, "The H.264 profile is %s, which phones do not decode.",
		"Encode it as Main: " + toMP4},
	// "High profile + B-frames are unsupported on Android clients; use Main/Baseline" (§3.6):
	// both together fail; one alone is what most phones record, and only warned of.
	CodeH264HighBFrames: {WillFail, "The H.264 video is of the High profile with B-frames, which WhatsApp on Android does not play.",
		"Encode it as Main without B-frames: " + toMP4},
	CodeH264High: {LooksBad, "The H.264 video is of the High profile; Meta advises Main or Baseline for Android.",
		"Encode it as Main: " + toMP4},
	CodeH264BFrames: {LooksBad, "The H.264 video has B-frames; Meta advises against them for Android.",
		"Encode it without B-frames: " + toMP4},
	// Meta takes the whole of what it cannot process for application/octet-stream (§3.7).
	CodeAudioCodec: {WillFail, "The audio in the MP4 is %s, and WhatsApp plays AAC there.",
		"Convert it: " + toM4A},
	CodeAudioHasVideo: {WillFail, "The file is declared as audio and has a picture track, so that WhatsApp would find a video.",
		"Store it with Content-Type video/mp4, or keep the sound alone: " + toM4A},

	// An owner's password alone does not keep the recipient out, and only a try tells.
	CodePDFEncrypted: {LooksBad, "The PDF is encrypted: WhatsApp shows no preview, and a recipient without the password may not open it.",
		"Take the password off: qpdf --password=PASSWORD --decrypt IN out.pdf"},
	CodeOfficeNoContent: {Refused, "The file is a ZIP archive and no Office file: it has %s.",
		"Store it as what it is; WhatsApp takes a ZIP by link only."},
	CodeOfficeOtherKind: {Refused, "The file is declared as another kind of Office file than it is: it has the parts of %s.",
		"Store it with the Content-Type and the extension of what it is."},
	// Word, Excel and PowerPoint refuse to open it under the extension without m.
	CodeOfficeMacros: {WillFail, "The Office file has macros, and Office does not open it under a name without them (.%s).",
		"Save it without macros, or as PDF: soffice --headless --convert-to pdf IN"},
	CodeTextUTF16: {LooksBad, "The text is encoded in UTF-16, and phones show it as UTF-8.",
		"Convert it: iconv -f UTF-16 -t UTF-8 IN > out.txt"},
	CodeTextNotUTF8: {LooksBad, "The text is not UTF-8, and phones show the letters beyond ASCII wrongly.",
		"Convert it, if it is Western European: iconv -f WINDOWS-1252 -t UTF-8 IN > out.txt"},
	CodeTextNUL: {LooksBad, "The text has bytes of 0 in it, and phones show it cut off or not at all.",
		"Remove them: tr -d '\\000' < IN > out.txt"},
}

// otherFixes are the fixes of files that the rule's own does not mend, by code; the
// comment says which. See examiner.findOther.
var otherFixes = map[string]string{
	CodeJPEGLossless:    "Save it as an ordinary JPEG, in the program that made it.",                    // FFmpeg does not decode it
	CodeImageDimensions: "Save it again in the program that made it, and check that it opens there.",    // a side of 0
	CodeAudioHasVideo:   "It has no sound: store it with Content-Type video/mp4, made an mp4: " + toMP4, // pictures only
	// Animated. FFmpeg reads none of these.
	CodeStickerDimensions: "Make it again at 512 x 512 from the GIF or the pictures that it came from, or scale it with ImageMagick 7: " +
		"magick IN -coalesce -resize 512x512 -background none -gravity center -extent 512x512 -quality 60 out.webp",
}
