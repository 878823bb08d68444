package metasim

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	_ "image/jpeg" // registers the format
	_ "image/png"  // registers the format
	"io"
	"math"
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
	if details := unsupportedType(file.Kind, media.MIMEType); details != "" {
		return details
	}
	return contentFault(file.Kind, kind, reader)
}

// contentFault returns what Meta finds wrong beyond the first bytes of a file whose
// type is right.
func contentFault(kind string, declared mediaType, content io.Reader) string {
	switch {
	case kind == "image":
		return imageFault(content)
	case (declared.name == "audio/mp4" || declared.name == "video/mp4") && isFragmented(content):
		return mislabelled(declared.kind, declared.name, receivedWithoutType).details
	}
	return ""
}

// maxBoxes is the number of boxes of an MP4 that are looked at.
const maxBoxes = 64

// isFragmented reports whether an MP4 consists of fragments, as those that a browser
// records do: Meta does not recognise it (docs/references.md#media-failures).
func isFragmented(content io.Reader) bool {
	var header [8]byte
	for range maxBoxes {
		if _, err := io.ReadFull(content, header[:]); err != nil {
			return false
		}
		if string(header[4:]) == "moof" {
			return true
		}
		rest := int64(binary.BigEndian.Uint32(header[:])) - 8
		if rest == 1-8 { // the size follows in 8 bytes
			if _, err := io.ReadFull(content, header[:]); err != nil {
				return false
			}
			rest = int64(min(binary.BigEndian.Uint64(header[:]), math.MaxInt64)) - 16
		}
		if rest < 0 { // 0: to the end of the file
			return false
		}
		if _, err := io.CopyN(io.Discard, content, rest); err != nil {
			return false
		}
	}
	return false
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
func headFault(kind, base string, head []byte) string {
	known, ok := findMediaType(base)
	if !ok || kind == "document" {
		return ""
	}
	if actual, fits := matchesType(base, head); !fits {
		return mislabelled(known.kind, known.name, actual).details
	}
	return contentFault(kind, known, bytes.NewReader(head))
}
