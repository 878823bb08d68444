package media

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
)

// oleSignature is the beginning of a compound file.
const oleSignature = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

// noSector ends a chain of sectors: the largest number of one is less.
const noSector = 0xfffffffa

// compound is a compound file (docs/references.md#ole2, MS-CFB): sectors in chains, which
// a table of sector numbers links, and a directory of streams.
type compound struct {
	x          *examiner
	sectorSize int64
	header     []byte
	mini       uint32 // the first sector of the chain that contains all short streams
	table      []byte // the part of the table that was read last
	tableAt    int64
}

// stream is an entry of the directory.
type stream struct {
	name  string
	first uint32 // its first sector or, if it is short, its first part of the mini chain
	size  uint32
}

// examineOLE looks for a password of an Office file in a compound file: of OOXML, Word,
// Excel or PowerPoint.
func examineOLE(x *examiner) {
	c, ok := openCompound(x)
	if !ok {
		return
	}
	encrypted, ok := c.isEncrypted()
	switch {
	case encrypted:
		x.report(CodeOfficeEncrypted)
	case !ok && x.reason != "":
		x.unchecked("whether the file has a password")
	}
}

// openCompound reads the header: the shift of the sector size u16 at 30, the first sector of
// the directory u32 at 48, and the first 109 sectors of the table at 76.
func openCompound(x *examiner) (*compound, bool) {
	const headerSize = 512
	b := x.at(0, headerSize, headerSize)
	if b == nil || string(b[:8]) != oleSignature {
		return nil, false
	}
	shift := binary.LittleEndian.Uint16(b[30:])
	if shift != 9 && shift != 12 {
		return nil, false
	}
	return &compound{x: x, sectorSize: 1 << shift, header: bytes.Clone(b)}, true
}

// offset is where a sector begins: the header fills the place of the one before the first.
func (c *compound) offset(sector uint32) int64 { return (int64(sector) + 1) * c.sectorSize }

// next returns the sector after this one in its chain.
func (c *compound) next(sector uint32) uint32 {
	const inHeader, listAt = 109, 76
	perTable := uint32(c.sectorSize / 4)
	table := sector / perTable
	if table >= inHeader {
		return noSector
	}
	if at := c.offset(binary.LittleEndian.Uint32(c.header[listAt+4*table:])); c.table == nil || at != c.tableAt {
		b := c.x.at(at, int(c.sectorSize), int(c.sectorSize))
		if b == nil {
			return noSector
		}
		c.table, c.tableAt = bytes.Clone(b[:c.sectorSize]), at
	}
	return binary.LittleEndian.Uint32(c.table[4*(sector%perTable):])
}

// streams calls found for the entries of the directory until it returns true. A directory
// with more than maxDirectory sectors is not read further. It returns false if part of the
// directory was not read.
func (c *compound) streams(found func(stream) bool) bool {
	const maxDirectory, entrySize, ahead = 64, 128, 16 * kib // sectors of a directory often follow each other
	sector := binary.LittleEndian.Uint32(c.header[48:])
	for range maxDirectory {
		if sector >= noSector {
			return c.x.reason == ""
		}
		b := c.x.at(c.offset(sector), int(c.sectorSize), ahead)
		if b == nil {
			return false
		}
		for entry := bytes.Clone(b[:c.sectorSize]); len(entry) >= entrySize; entry = entry[entrySize:] {
			if found(readStream(entry)) {
				return true
			}
		}
		sector = c.next(sector)
	}
	return false
}

// readStream reads an entry: the name in UTF-16 at 0, its length in bytes with the 0 at its end
// u16 at 64, the first sector u32 at 116, the size u32 at 120.
func readStream(entry []byte) stream {
	length := min(int(binary.LittleEndian.Uint16(entry[64:])), 64)
	var units []uint16
	for i := 0; i+2 < length; i += 2 {
		units = append(units, binary.LittleEndian.Uint16(entry[i:]))
	}
	return stream{string(utf16.Decode(units)), binary.LittleEndian.Uint32(entry[116:]), binary.LittleEndian.Uint32(entry[120:])}
}

// isEncrypted reports whether the content needs a password, or a licence (MS-OFFCRYPTO §2.3.4, MS-DOC §2.5.2,
// MS-XLS §2.4.117, MS-PPT §2.3.2). It returns false for ok if it could not be decided.
func (c *compound) isEncrypted() (encrypted, ok bool) {
	var content stream
	ok = c.streams(func(s stream) bool {
		switch {
		case strings.EqualFold(s.name, "EncryptedPackage"), strings.EqualFold(s.name, "EncryptedSummary"), s.name == "\tDRMContent":
			encrypted = true
		case s.name == "Root Entry":
			c.mini = s.first
		case slices.Contains([]string{"WordDocument", "Workbook", "Book", "Current User"}, s.name):
			content = s
		}
		return encrypted
	})
	if encrypted || content.name == "" {
		return encrypted, ok
	}
	b := c.start(content)
	if b == nil {
		return false, false
	}
	switch content.name {
	case "WordDocument": // fEncrypted is bit 8 of the flags at 10
		return binary.LittleEndian.Uint16(b) == 0xa5ec && b[11]&1 != 0, true
	case "Current User": // the token at 12 has two values
		return binary.LittleEndian.Uint32(b[12:]) == 0xf3d1c4df, true
	}
	return hasFilePass(b), true
}

// start returns the first bytes of a stream, nil if they cannot be read.
func (c *compound) start(s stream) []byte {
	const miniSize, cutoff, shortest, wanted = 64, 4096, 16, 512
	off := c.offset(s.first)
	if s.size < cutoff { // in the mini chain, whose first sectors are assumed to follow each other
		off = c.offset(c.mini) + int64(s.first)*miniSize
	}
	return c.x.at(off, shortest, wanted)
}

// hasFilePass looks for the record of a password among the first records of a workbook, which
// follows the first one, BOF, or that of a write protection. A record has its type and its
// length, u16 each.
func hasFilePass(b []byte) bool {
	const bof, filePass, writeProtect = 0x0809, 0x002f, 0x0086
	for len(b) >= 4 {
		switch binary.LittleEndian.Uint16(b) {
		case filePass:
			return true
		case bof, writeProtect:
			b = b[min(len(b), 4+int(binary.LittleEndian.Uint16(b[2:]))):]
		default:
			return false
		}
	}
	return false
}
