package metasim

import (
	"bufio"
	"bytes"
	"errors"
	"image"
	"image/color"
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"io"
	"mime"
	"slices"
	"strings"
)

// What Meta finds in the files of messages after it has accepted them: the details of
// code 131053 (docs/references.md#media-failures).

// maxImageHeader is how far into a picture its properties are looked for, in bytes.
const maxImageHeader = 1 << 20

const invalidImage = "Image is invalid. Please check the image properties; supported are JPG/JPEG, RGB/RGBA, 8 bit/channels and PNG, RGB/RGBA, up to 8 bit/channel."

// sentTypes are the types that each type of message can have, in Meta's order. A
// document may have any.
var sentTypes = map[string][]string{
	"image":   {"image/png", "image/jpeg"},
	"video":   {"video/3gpp", "video/mp4"},
	"audio":   {"audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg"},
	"sticker": {"image/webp"},
}

// mediaFault returns what Meta finds wrong with an uploaded file, or "". A file that
// was deleted meanwhile is delivered, since Meta has it already.
func (s *Server) mediaFault(file messageMedia) string {
	media, ok := s.Media(file.ID)
	if !ok {
		return ""
	}
	content, err := s.cfg.Storage.Open(media.ID)
	if err != nil {
		if !errors.Is(err, ErrNotKept) && !errors.Is(err, ErrNotStored) {
			s.logStorage(err)
		}
		return unsupportedType(file.Kind, media.MIMEType)
	}
	defer content.Close()
	base, _, _ := mime.ParseMediaType(media.MIMEType)
	kind, known := findMediaType(base)
	reader := bufio.NewReaderSize(content, sniffLength)
	head, _ := reader.Peek(sniffLength) // a short file has a short head
	switch actual, fits := matchesType(base, head); {
	case known && !kind.fitsName(media.FileName):
		return mislabelled(kind.kind, kind.name, receivedWithoutType).details
	case known && !fits:
		return mislabelled(kind.kind, kind.name, actual).details
	}
	if details := unsupportedType(file.Kind, media.MIMEType); details != "" || file.Kind != "image" {
		return details
	}
	return imageFault(reader)
}

// unsupportedType returns the details for a file whose type does not fit the type of
// the message, or "".
func unsupportedType(kind, declared string) string {
	types := sentTypes[kind]
	base, _, err := mime.ParseMediaType(declared)
	if err != nil {
		base = receivedWithoutType
	}
	if types == nil || slices.Contains(types, base) {
		return ""
	}
	return "Unsupported " + strings.ToUpper(kind[:1]) + kind[1:] + " mime type " + truncate(base) + ". Please use one of " + strings.Join(types, ", ") + "."
}

// imageFault returns the details for a picture whose header cannot be read, or whose
// colours Meta does not take.
func imageFault(content io.Reader) string {
	config, _, err := image.DecodeConfig(io.LimitReader(content, maxImageHeader))
	if err != nil || config.Width == 0 || config.Height == 0 {
		return invalidImage
	}
	switch config.ColorModel {
	case color.CMYKModel, color.RGBA64Model, color.NRGBA64Model, color.Gray16Model:
		return invalidImage
	}
	return ""
}

// headFault returns what Meta finds wrong with a file that was fetched, by its first
// bytes.
func headFault(kind, base string, head []byte, complete bool) string {
	known, ok := findMediaType(base)
	if !ok || kind == "document" {
		return ""
	}
	if actual, fits := matchesType(base, head); !fits {
		return mislabelled(known.kind, known.name, actual).details
	}
	if kind == "image" && complete {
		return imageFault(bytes.NewReader(head))
	}
	return ""
}
