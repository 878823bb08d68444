package media

import "strings"

// Declared types: their other names, and those that say nothing about the file.

// aliases are other names that clients and stores use for types of the table. The types
// that they stand for are checked against the bytes like any other.
var aliases = map[string]string{
	"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/jpe": "image/jpeg", "image/jfif": "image/jpeg",
	"image/x-jpeg": "image/jpeg", "image/x-jpg": "image/jpeg", "image/x-citrix-jpeg": "image/jpeg",
	"image/x-png": "image/png", "image/apng": "image/png", "image/x-citrix-png": "image/png", "image/x-webp": "image/webp",

	"audio/aacp": "audio/aac", "audio/x-aac": "audio/aac", "audio/x-hx-aac-adts": "audio/aac",
	"audio/vnd.dlna.adts": "audio/aac",
	"audio/amr-nb":        "audio/amr", "audio/x-amr": "audio/amr",
	"audio/mp3": "audio/mpeg", "audio/x-mp3": "audio/mpeg", "audio/mpeg3": "audio/mpeg",
	"audio/x-mpeg": "audio/mpeg", "audio/x-mpeg-3": "audio/mpeg",
	"audio/m4a": "audio/mp4", "audio/x-m4a": "audio/mp4", "audio/x-mp4a": "audio/mp4",
	"audio/mp4a-latm": "audio/mp4",
	// Meta accepts audio/opus at upload, and sending it then fails (docs/references.md#media-failures).
	"audio/opus": "audio/ogg", "audio/x-opus": "audio/ogg", "audio/x-opus+ogg": "audio/ogg", "audio/x-ogg": "audio/ogg", "audio/oga": "audio/ogg",
	"application/ogg": "audio/ogg", "application/x-ogg": "audio/ogg", "video/ogg": "audio/ogg", "video/x-ogg": "audio/ogg", "video/x-theora+ogg": "audio/ogg",
	"audio/vorbis": "audio/ogg", "audio/x-vorbis": "audio/ogg", "audio/x-vorbis+ogg": "audio/ogg",
	"audio/speex": "audio/ogg", "audio/x-speex": "audio/ogg", "audio/x-speex+ogg": "audio/ogg", "audio/x-flac+ogg": "audio/ogg",

	// AWS's table says video/3gp, Meta's says video/3gpp.
	"video/3gp": "video/3gpp", "video/x-m4v": "video/mp4",

	"application/x-pdf":       "application/pdf",
	"application/vnd.ms-word": doc, "application/x-msword": doc, "application/doc": doc, "application/word": doc,
	"application/msexcel": xls, "application/x-msexcel": xls, "application/excel": xls, "application/x-excel": xls, "application/xls": xls, "application/x-xls": xls,
	"application/mspowerpoint": ppt, "application/x-mspowerpoint": ppt, "application/powerpoint": ppt,
}

// silent are declared types that say nothing about the file. Stores, SDKs and browsers use
// some of them when no type is given; the others name a container that holds files of
// several types. silentNames has those that say nothing whatever is before the slash.
var silent = map[string]bool{
	"unknown/unknown": true, "content/unknown": true,
	"application/x-www-form-urlencoded": true, // the default of curl and of many HTTP clients
	"multipart/form-data":               true, // the type of a request that stored the file

	// libmagic, PHP and Apache Tika call the OLE2 files of Office so, or OOXML.
	"application/cdfv2": true, "application/cdfv2-unknown": true, "application/cdfv2-encrypted": true, "application/cdfv2-corrupt": true,
	"application/vnd.ms-office": true, "application/msoffice": true, "application/x-msoffice": true,
	"application/x-ole-storage": true, "application/x-cfb": true, "application/x-ole": true,
	"application/x-tika-msoffice": true, "application/x-tika-ooxml": true, "application/x-tika-ooxml-protected": true,
	"application/vnd.openxmlformats": true, "application/vnd.openxmlformats-officedocument": true, "application/ooxml": true,
	"application/zip": true, "application/x-zip": true, "application/x-zip-compressed": true, "application/zip-compressed": true, "multipart/x-zip": true,

	"application/mp4": true, "application/x-mp4": true, // video, audio or neither
}

var silentNames = map[string]bool{
	"*": true, "unknown": true, "x-unknown": true, "undefined": true, "null": true, "none": true, "any": true, "other": true,
	"binary": true, "x-binary": true, "bin": true, "raw": true, "data": true, "blob": true, "file": true, "x-file": true, "attachment": true,
	"download": true, "x-download": true, "force-download": true, "x-force-download": true, "x-forcedownload": true, "forcedownload": true, "save": true,
}

// isUninformative reports whether a declared base type does not decide the type: it is
// missing, says nothing, is one of the many spellings of octet-stream, or is not of the form
// type/subtype ("jpeg", "image/jpeg, image/png").
func isUninformative(base string) bool {
	major, minor, _ := strings.Cut(base, "/")
	return silent[base] || silentNames[minor] || !isToken(major) || !isToken(minor) || isOctetStream(minor) || major == "octet"
}

// isOctetStream recognises octet-stream however it is written: octetstream, x-octet-stream,
// octect-stream, octed-stream, ocet-stream, oct-stream, octet. No other type is named so.
func isOctetStream(minor string) bool {
	rest := strings.TrimPrefix(minor, "x-")
	return strings.HasPrefix(rest, "octet") || strings.HasPrefix(rest, "octect") ||
		strings.HasPrefix(rest, "oc") && strings.HasSuffix(rest, "stream")
}

// isToken reports whether s is a token (docs/references.md#http, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
