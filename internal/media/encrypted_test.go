package media

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

// oleStream is a stream of a compound file that oleOf writes.
type oleStream struct{ name, data string }

// oleOf is a compound file with sectors of 512 bytes: table, mini stream, directory, and the
// streams. Its directory has two sectors, which do not follow each other. The mini stream has
// the streams of less than 4096 bytes.
func oleOf(streams ...oleStream) string {
	const sector, end, free = 512, 0xfffffffe, 0xffffffff
	u32 := binary.LittleEndian.PutUint32
	pad := func(s string, to int) string { return s + strings.Repeat("\x00", (to-len(s)%to)%to) }
	var mini, long, entries string
	next := uint32(5) // sector 0 table, 1 mini stream, 2 and 4 directory, 3 nothing
	entry := func(name string, first, size uint32) {
		b := make([]byte, 128)
		units := utf16.Encode([]rune(name))
		for i, u := range units {
			binary.LittleEndian.PutUint16(b[2*i:], u)
		}
		binary.LittleEndian.PutUint16(b[64:], uint16(2*len(units)+2))
		u32(b[116:], first)
		u32(b[120:], size)
		entries += string(b)
	}
	entry("Root Entry", 1, sector)
	entry("\x05SummaryInformation", 0, 0)
	entry("\x01CompObj", 0, 0)
	entry("other", 0, 0)
	for _, s := range streams {
		if len(s.data) < 4096 {
			entry(s.name, uint32(len(mini)/64), uint32(len(s.data)))
			mini += pad(s.data, 64)
			continue
		}
		entry(s.name, next, uint32(len(s.data)))
		data := pad(s.data, sector)
		long += data
		next += uint32(len(data) / sector)
	}
	header := make([]byte, sector)
	copy(header, oleSignature)
	binary.LittleEndian.PutUint16(header[30:], 9)
	u32(header[48:], 2)
	for i := range 109 {
		u32(header[76+4*i:], free)
	}
	u32(header[76:], 0)
	table := make([]byte, sector)
	for i := range sector / 4 {
		u32(table[4*i:], end)
	}
	u32(table[8:], 4) // the directory goes on
	directory := pad(entries, 2*sector)[:2*sector]
	return string(header) + string(table) + pad(mini+"\x00", sector)[:sector] + directory[:sector] + strings.Repeat("\xaa", sector) + directory[sector:] + long
}

func TestOfficeFileWithAPasswordHasAWarning(t *testing.T) {
	word := func(flags string) string {
		return "\xec\xa5\xc1\x00\x00\x00\x00\x00\x00\x00" + flags + strings.Repeat("w", 5000)
	}
	records := func(more string) string {
		return "\x09\x08\x10\x00" + strings.Repeat("\x06", 16) + more + strings.Repeat("\x00", 5000)
	}
	user := func(token string) string { return "\x00\x00\xf6\x0f\x14\x00\x00\x00\x14\x00\x00\x00" + token + "tail" }
	for _, c := range []struct {
		about, mime, data string
		encrypted         bool
	}{
		{"docx with a password", docx, oleOf(oleStream{"EncryptionInfo", "i"}, oleStream{"EncryptedPackage", strings.Repeat("e", 9000)}), true},
		{"xlsx with a password, in capitals", xlsx, oleOf(oleStream{"ENCRYPTIONINFO", "i"}, oleStream{"ENCRYPTEDPACKAGE", "e"}), true},
		{"Word", doc, oleOf(oleStream{"WordDocument", word("\x00\x12")}), false},
		{"Word with a password", doc, oleOf(oleStream{"WordDocument", word("\x00\x13")}), true},
		{"Word with rights management", doc, oleOf(oleStream{"\tDRMContent", "d"}, oleStream{"WordDocument", word("\x00\x12")}), true},
		{"Excel", xls, oleOf(oleStream{"Workbook", records("\xe1\x00\x02\x00\xb0\x04")}), false},
		{"Excel with a password", xls, oleOf(oleStream{"Workbook", records("\x2f\x00\x06\x00\x00\x00")}), true},
		{"Excel with a password behind a write protection", xls, oleOf(oleStream{"Workbook", records("\x86\x00\x00\x00\x2f\x00\x06\x00")}), true},
		{"Excel 5 with a password", xls, oleOf(oleStream{"Book", records("\x2f\x00\x04\x00")}), true},
		{"Excel with the number of the record further on", xls, oleOf(oleStream{"Workbook", records("\xe1\x00\x02\x00\xb0\x04\x2f\x00\x06\x00")}), false},
		{"PowerPoint", ppt, oleOf(oleStream{"Current User", user("\x5f\xc0\x91\xe3")}), false},
		{"PowerPoint with a password", ppt, oleOf(oleStream{"Current User", user("\xdf\xc4\xd1\xf3")}), true},
		{"PowerPoint with an encrypted summary", ppt, oleOf(oleStream{"EncryptedSummary", "s"}), true},
		{"an empty compound file", doc, oleOf(), false},
	} {
		want := ""
		if c.encrypted {
			want = CodeOfficeEncrypted
		}
		for _, head := range heads {
			data := []byte(c.data)
			source := &ranges{data: data, size: int64(len(data))}
			r := Result{Type: row(c.mime, false)}
			err := examine(t.Context(), File{Size: source.size, Head: data[:min(head, len(data))], ReadAt: source.readAt}, &r)
			if err != nil || source.broken != "" || codes(r) != want || len(r.Unchecked) > 0 {
				t.Errorf("%s with %d bytes: %+v, %v, %s; want %q", c.about, head, r, err, source.broken, want)
			}
		}
	}
	// A presigned URL, in which the directory is not among the first bytes.
	r := Result{Type: row(doc, false)}
	data := []byte(oleOf(oleStream{"WordDocument", word("\x00\x13")}))
	if err := examine(t.Context(), File{Size: int64(len(data)), Head: data[:1024]}, &r); err != nil || len(r.Findings) > 0 ||
		len(r.Unchecked) != 1 || !strings.HasPrefix(r.Unchecked[0], "whether the file has a password: ") {
		t.Errorf("without ranges: %+v, %v", r, err)
	}
}

func FuzzExamineOLE(f *testing.F) {
	for _, s := range []oleStream{{"WordDocument", strings.Repeat("w", 5000)}, {"Workbook", strings.Repeat("w", 5000)}, {"Current User", "u"}, {"EncryptedPackage", "e"}} {
		f.Add(byte(0), uint32(0), uint16(sniffSize), []byte(oleOf(s)))
		f.Add(byte(1), uint32(5<<20), uint16(600), []byte(oleOf(s)))
	}
	fuzzExamine(f, doc, xls, ppt, docx)
}
