package metasim

import (
	"path"
	"slices"
	"strings"
)

// mediaType is a type that Meta supports, with its limit in MiB and KiB
// (docs/references.md#media-types).
type mediaType struct {
	name       string
	kind       string   // in error messages
	limit      int64    // bytes; of WebP: for an animated sticker
	extensions []string // lower case, with the dot
}

const (
	audioLimit          = 16 << 20
	videoLimit          = 16 << 20
	imageLimit          = 5 << 20
	documentLimit       = 100 << 20
	stickerLimit        = 500 << 10
	staticStickerLimit  = 100 << 10
	openXML             = "application/vnd.openxmlformats-officedocument."
	receivedWithoutType = "application/octet-stream"
)

// mediaTypes are in the order of Meta's error message.
var mediaTypes = []mediaType{
	{"audio/aac", "Audio", audioLimit, []string{".aac"}},
	{"audio/mp4", "Audio", audioLimit, []string{".m4a", ".mp4"}},
	{"audio/mpeg", "Audio", audioLimit, []string{".mp3", ".mpga"}},
	{"audio/amr", "Audio", audioLimit, []string{".amr"}},
	{"audio/ogg", "Audio", audioLimit, []string{".ogg", ".oga", ".opus"}},
	{"audio/opus", "Audio", audioLimit, []string{".opus", ".ogg"}},
	{"application/vnd.ms-powerpoint", "Document", documentLimit, []string{".ppt", ".pps"}},
	{"application/msword", "Document", documentLimit, []string{".doc", ".dot"}},
	{openXML + "wordprocessingml.document", "Document", documentLimit, []string{".docx"}},
	{openXML + "presentationml.presentation", "Document", documentLimit, []string{".pptx"}},
	{openXML + "spreadsheetml.sheet", "Document", documentLimit, []string{".xlsx"}},
	{"application/pdf", "Document", documentLimit, []string{".pdf"}},
	{"text/plain", "Document", documentLimit, nil},
	{"application/vnd.ms-excel", "Document", documentLimit, []string{".xls", ".xlt"}},
	{"image/jpeg", "Image", imageLimit, []string{".jpg", ".jpeg"}},
	{"image/png", "Image", imageLimit, []string{".png"}},
	{"image/webp", "Sticker", stickerLimit, []string{".webp"}},
	{"video/mp4", "Video", videoLimit, []string{".mp4", ".m4v"}},
	{"video/3gpp", "Video", videoLimit, []string{".3gp", ".3gpp"}},
}

// mediaTypeNames returns the list of types in Meta's error message.
func mediaTypeNames() string {
	names := make([]string, len(mediaTypes))
	for i, t := range mediaTypes {
		names[i] = t.name
	}
	return strings.Join(names, ", ")
}

// findMediaType looks up a base type, in lower case and without parameters.
func findMediaType(base string) (mediaType, bool) {
	i := slices.IndexFunc(mediaTypes, func(t mediaType) bool { return t.name == base })
	if i < 0 {
		return mediaType{}, false
	}
	return mediaTypes[i], true
}

// resumableTypes are the types of resumable uploads (docs/references.md#graph-upload).
var resumableTypes = []string{"application/pdf", "image/jpeg", "image/jpg", "image/png", "video/mp4"}

// findResumableType looks up a type exactly as declared. Meta documents
// image/jpg as well as image/jpeg.
func findResumableType(declared string) (mediaType, bool) {
	if !slices.Contains(resumableTypes, declared) {
		return mediaType{}, false
	}
	if declared == "image/jpg" {
		declared = "image/jpeg"
	}
	return findMediaType(declared)
}

// fitsName reports whether the extension of a file name fits the type. Meta also
// classifies a file by its extension, and treats it as application/octet-stream
// if that is missing or wrong; it reports so only later
// (docs/references.md#media-failures).
//
// Plain text may have any extension that no other type has, because CSV, JSON
// and XML are sent as text/plain.
func (t mediaType) fitsName(fileName string) bool {
	extension := strings.ToLower(path.Ext(fileName))
	if extension == "" || extension == "." {
		return false
	}
	if t.name != "text/plain" {
		return slices.Contains(t.extensions, extension)
	}
	return !slices.ContainsFunc(mediaTypes, func(other mediaType) bool {
		return slices.Contains(other.extensions, extension)
	})
}

// maxSize returns the limit in bytes of a file of this type that begins with head.
func (t mediaType) maxSize(head []byte) int64 {
	if t.name == "image/webp" && !isAnimatedWebP(head) {
		return staticStickerLimit
	}
	return t.limit
}
