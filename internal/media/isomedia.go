package media

import (
	"encoding/binary"
	"slices"
	"strings"
)

// sniffISOMedia reads the ftyp box that an ISO base media file begins with
// (docs/references.md#mp4, §4.3): length u32, "ftyp", major brand, version u32, compatible
// brands. The brand does not prove the type: Android writes isom or mp42 for audio and 3gp4
// for files named .mp4. Files with a general brand are therefore accepted under all three
// types of the family, and files with a brand for one kind of content, such as Apple's,
// only under that.
func sniffISOMedia(head []byte) (detection, bool) {
	f, ok := sniffBrands(head)
	f.movie = ok && !strings.HasPrefix(f.mime, "image/")
	return f, ok
}

func sniffBrands(head []byte) (detection, bool) {
	// An ftyp box is shorter than 16 MiB. Text with "ftyp" in the right place is not a box.
	if len(head) < 12 || head[0] != 0 || string(head[4:8]) != "ftyp" {
		return detection{}, false
	}
	major := string(head[8:12])
	switch major {
	case "M4A ", "M4B ", "M4P ", "F4A ", "F4B ":
		return detection{mime: "audio/mp4", candidates: []string{"audio/mp4"}}, true
	case "M4V ", "M4VH", "M4VP", "F4V ", "F4P ":
		return detection{mime: "video/mp4", candidates: []string{"video/mp4"}}, true
	case "qt  ", "mqt ", "moov":
		return detection{mime: "video/quicktime", description: "a QuickTime movie (video/quicktime)"}, true
	case "crx ":
		return detection{mime: "image/x-canon-cr3"}, true
	}
	mime := detect(head)
	switch {
	case strings.HasPrefix(major, "3g") && !strings.HasPrefix(major, "3g2"):
		return detection{mime: "video/3gpp", candidates: []string{"video/3gpp", "video/mp4", "audio/mp4"}}, true
	case strings.HasPrefix(mime, "image/"), mime == "video/3gpp2", mime == "video/mj2", mime == "video/vnd.dvb.file":
		return detection{mime: mime}, true
	case slices.Contains(compatibleBrands(head), "M4A "):
		return detection{mime: "audio/mp4", candidates: []string{"audio/mp4", "video/mp4", "video/3gpp"}}, true
	}
	return detection{mime: "video/mp4", candidates: []string{"video/mp4", "audio/mp4", "video/3gpp"}}, true
}

// compatibleBrands lists the brands after the major one that are in the head.
func compatibleBrands(head []byte) []string {
	end := min(int(binary.BigEndian.Uint32(head)), len(head))
	var brands []string
	for at := 16; at+4 <= end; at += 4 {
		brands = append(brands, string(head[at:at+4]))
	}
	return brands
}
