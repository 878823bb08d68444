package media

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// sniffOffice recognises the two containers of Office files.
func sniffOffice(head []byte) (detection, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return sniffOLE(head), true
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return sniffZip(head), true
	}
	return detection{}, false
}

// encryptedPackage is the directory entry, in UTF-16, of an OOXML file with a password.
var encryptedPackage = []byte("E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")

// sniffOLE recognises OLE2 compound files. They may be any of the old Office formats, because
// the directory that distinguishes them may be anywhere in the file, unless the library
// recognises something else, such as an installer. An OOXML file with a password is an OLE2
// file too (docs/references.md#ole2, MS-OFFCRYPTO §2.3).
func sniffOLE(head []byte) detection {
	mime := detect(head)
	switch {
	case mime == "application/x-ole-storage", bytes.Contains(head, encryptedPackage):
		return detection{
			mime: "application/x-ole-storage", uncertain: true,
			description: "an Office file in the old format or with a password (OLE2)",
			candidates:  []string{doc, xls, ppt, docx, xlsx, pptx},
		}
	case mime == doc, mime == xls, mime == ppt:
		return detection{mime: mime, candidates: []string{mime, doc, xls, ppt}}
	}
	return detection{mime: mime}
}

// sniffZip distinguishes OOXML files by the names of their first members. If the head ends
// before such a name, the file may be any of the three, provided that its first member is
// one that OOXML files begin with.
func sniffZip(head []byte) detection {
	mime := detect(head)
	switch mime {
	case docx, xlsx, pptx:
		return detection{mime: mime, candidates: []string{mime}}
	case "application/zip":
		if startsLikeOOXML(head) {
			return detection{
				mime: mime, description: "an Office file (OOXML) of a kind that its first bytes do not show", uncertain: true,
				candidates: []string{docx, xlsx, pptx},
			}
		}
	}
	return detection{mime: mime}
}

// startsLikeOOXML checks the name of the first member of a ZIP: its length, u16 little
// endian, is at 26, and the name at 30 (docs/references.md#zip, §4.3.7).
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
