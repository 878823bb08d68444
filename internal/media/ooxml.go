package media

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// officeParts are the folders in which the kinds of OOXML keep their content. The name of the
// main part is not fixed: Word online writes word/document2.xml.
var officeParts = []struct{ mime, folder string }{{docx, "word/"}, {xlsx, "xl/"}, {pptx, "ppt/"}}

// officeNames is what the names of an archive's members show.
type officeNames struct {
	types, macros, binary bool
	folders               [3]bool // of officeParts
}

func (o *officeNames) add(name string) {
	o.types = o.types || name == "[Content_Types].xml"
	o.macros = o.macros || strings.HasSuffix(name, "/vbaProject.bin")
	o.binary = o.binary || name == "xl/workbook.bin"
	for i, part := range officeParts {
		o.folders[i] = o.folders[i] || strings.HasPrefix(name, part.folder)
	}
}

// examineOOXML reads the names in the archive's directory and requires the parts of the kind
// that the file is declared as.
func examineOOXML(x *examiner) {
	if bytes.HasPrefix(x.head, []byte("\xd0\xcf\x11\xe0")) {
		examineOLE(x) // with a password, or in an old format
		return
	}
	names, ok := readZipNames(x)
	if !ok {
		return
	}
	if !names.types {
		x.report(CodeOfficeNoContent, "no list of its parts ([Content_Types].xml)")
		return
	}
	if names.binary {
		x.report(CodeOfficeOtherKind, "a binary workbook (xlsb)")
		return
	}
	other := ""
	for i, part := range officeParts {
		if names.folders[i] && part.mime == x.kind.MIME {
			if names.macros {
				x.report(CodeOfficeMacros, x.kind.extension)
			}
			return
		}
		if names.folders[i] {
			other = part.mime
		}
	}
	if other != "" {
		x.report(CodeOfficeOtherKind, other)
		return
	}
	x.report(CodeOfficeNoContent, "no document, sheet or slides")
}

// readZipNames reads the directory of a ZIP. An entry has "PK\1\2", the lengths u16 of name,
// extra field and comment at 28, and these three at 46 (docs/references.md#zip, §4.3.12).
// archive/zip is not used: it allocates as many members as the file claims to have.
func readZipNames(x *examiner) (names officeNames, ok bool) {
	const entry = 46
	off, end, ok := findZipDirectory(x)
	for ok && off < end {
		b := x.at(off, entry, stepSize)
		if b == nil || string(b[:4]) != "PK\x01\x02" {
			x.reportMissingEntry(b)
			return names, false
		}
		name := int(binary.LittleEndian.Uint16(b[28:]))
		length := entry + name + int(binary.LittleEndian.Uint16(b[30:])) + int(binary.LittleEndian.Uint16(b[32:]))
		if len(b) < entry+name {
			b = x.at(off, entry+name, stepSize)
		}
		if b == nil {
			x.reportMissingEntry(b)
			return names, false
		}
		names.add(string(b[entry : entry+name]))
		off += int64(length)
	}
	return names, ok
}

// reportMissingEntry reports that an entry of the directory is missing or is not an entry.
func (x *examiner) reportMissingEntry(entry []byte) {
	if entry != nil {
		x.report(CodeDamaged, "the directory of the archive is not where its end record says")
		return
	}
	x.reportMissing("the end of the archive's directory")
}

// findZipDirectory reads the end record: "PK\5\6", length and offset of the directory u32 at
// 12 and 16, length of a comment u16 at 20, the comment (docs/references.md#zip, §4.3.16).
func findZipDirectory(x *examiner) (off, end int64, ok bool) {
	const record, comment, zip64 = 22, 1<<16 - 1, 1<<32 - 1
	start := max(0, x.size-record-comment)
	tail := x.at(start, int(x.size-start), record+comment)
	if tail == nil {
		x.reportMissing("the directory of the archive")
		return 0, 0, false
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < record {
		x.report(CodeTruncated, "the directory at the end of the archive is missing")
		return 0, 0, false
	}
	length, offset := binary.LittleEndian.Uint32(tail[at+12:]), binary.LittleEndian.Uint32(tail[at+16:])
	if length == zip64 || offset == zip64 {
		x.reason = "the archive is in the ZIP64 format"
		x.unchecked("the directory of the archive")
		return 0, 0, false
	}
	return int64(offset), int64(offset) + int64(length), true
}
