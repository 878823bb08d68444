package metasim

import "strings"

// isISOMedia reports whether a file begins with the ftyp box of MP4 and 3GP
// (docs/references.md#mp4): a length in 4 bytes, which is small in real files,
// "ftyp", major brand.
func isISOMedia(head []byte) bool {
	return len(head) >= 12 && head[0] == 0 && string(head[4:8]) == "ftyp"
}

// isoBrands are the major brands that mean one type only.
var isoBrands = map[string]string{
	"M4A ": "audio/mp4", "M4B ": "audio/mp4", "M4P ": "audio/mp4", "F4A ": "audio/mp4", "F4B ": "audio/mp4",
	"M4V ": "video/mp4", "M4VH": "video/mp4", "M4VP": "video/mp4", "F4V ": "video/mp4", "F4P ": "video/mp4",
	"qt  ": "video/quicktime", "mqt ": "video/quicktime", "moov": "video/quicktime",
	"heic": "image/heic", "heix": "image/heic", "heim": "image/heic", "heis": "image/heic",
	"hevc": "image/heic", "hevx": "image/heic", "hevm": "image/heic", "hevs": "image/heic",
	"mif1": "image/heic", "msf1": "image/heic", "avic": "image/heic", "avcs": "image/heic",
	"avif": "image/avif", "avis": "image/avif", "crx ": "image/x-canon-cr3",
	"KDDI": "video/3gpp2", "mjp2": "video/mj2", "mj2s": "video/mj2",
	"dvr1": "video/vnd.dvb.file", "dvt1": "video/vnd.dvb.file",
}

// isoMediaType returns the type that the major brand means.
func isoMediaType(head []byte) string {
	brand := string(head[8:12])
	switch actual, only := isoBrands[brand]; {
	case only:
		return actual
	case strings.HasPrefix(brand, "3g2"):
		return "video/3gpp2"
	case strings.HasPrefix(brand, "3g"):
		return "video/3gpp"
	}
	return "video/mp4"
}

// isoMediaFits reports whether a file may be declared as one of the types of MP4
// and 3GP. They are one container with the same codecs
// (docs/references.md#media-types: H.264 and AAC for both types of video), and
// recorders write the brand of one into files of another. So a brand that is
// not in isoBrands fits all three.
func isoMediaFits(head []byte, declared string) bool {
	actual := isoMediaType(head)
	if _, only := isoBrands[string(head[8:12])]; only {
		return actual == declared
	}
	return actual == "video/mp4" || actual == "video/3gpp"
}
