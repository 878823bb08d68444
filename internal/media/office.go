package media

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// sniffOffice looks into the two containers that Office files come in.
func sniffOffice(head []byte) (detection, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return sniffOLE(head), true
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return sniffZip(head), true
	}
	return detection{}, false
}

// encryptedPackage is the directory entry of an OOXML file with a password, in UTF-16.
var encryptedPackage = []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")

// sniffOLE takes an OLE2 compound file for any of the old Office formats, since the
// directory that would tell them apart may stand anywhere in the file, unless
// the library recognises something else, such as an installer. An OOXML file
// with a password is one too ([MS-OFFCRYPTO] §2.3), as long as it shows no older format.
func sniffOLE(head []byte) detection {
	mime := detect(head)
	switch {
	case mime == "application/x-ole-storage", bytes.Contains(head, encryptedPackage):
		return detection{
			mime: "application/x-ole-storage", uncertain: true,
			description: "an Office file of the old format or with a password (OLE2)",
			candidates:  []string{doc, xls, ppt, docx, xlsx, pptx},
		}
	case mime == doc, mime == xls, mime == ppt:
		return detection{mime: mime, candidates: []string{mime, doc, xls, ppt}}
	}
	return detection{mime: mime}
}

// sniffZip tells OOXML files apart by the names of their first members. Where the
// head ends before one that tells, any of the three will do, provided that the
// first member is one that OOXML files start with.
func sniffZip(head []byte) detection {
	mime := detect(head)
	switch mime {
	case docx, xlsx, pptx:
		return detection{mime: mime, candidates: []string{mime}}
	case "application/zip":
		if startsLikeOOXML(head) {
			return detection{
				mime: mime, description: "an Office file (OOXML) whose first bytes do not say which", uncertain: true,
				candidates: []string{docx, xlsx, pptx},
			}
		}
	}
	return detection{mime: mime}
}

// startsLikeOOXML looks at the name of the first member of a ZIP: its length stands
// at 26, u16 little endian, the name at 30 (APPNOTE §4.3.7).
func startsLikeOOXML(head []byte) bool {
	const lengthAt, nameAt = 26, 30
	if len(head) < nameAt {
		return false
	}
	name := string(head[nameAt:min(len(head), nameAt+int(binary.LittleEndian.Uint16(head[lengthAt:])))])
	for _, prefix := range []string{"[Content_Types].xml", "_rels/", "docProps/", "customXml/", "docMetadata/", "[trash]/"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
