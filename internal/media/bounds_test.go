package media

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"
)

// mp4Box is a box around others.
func mp4Box(name string, parts ...string) string {
	body := name + strings.Join(parts, "")
	return string(binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))) + body
}

// nested is many boxes of one name inside each other.
func nested(name string, depth int) string {
	var b strings.Builder
	for i := depth; i > 0; i-- {
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(8*i)))
		b.WriteString(name)
	}
	return b.String()
}

// crafted are files that claim much, nest deeply or repeat what is most expensive, each up
// to the length that WhatsApp accepts.
var crafted = []struct{ about, mime, data string }{
	{"boxes without content", "video/mp4", ftyp("isom") + strings.Repeat(mp4Box("free"), 15*mib/8)},
	{"an index of boxes without content", "video/mp4", ftyp("isom") + mp4Box("moov", strings.Repeat(mp4Box("free"), 15*mib/8))},
	{"an index of tracks", "video/mp4", ftyp("isom") + mp4Box("moov", strings.Repeat(mp4Box("trak", mp4Box("mdia")), 15*mib/16))},
	{"an index of media boxes in each other", "video/mp4", ftyp("isom") + mp4Box("moov", mp4Box("trak", nested("mdia", 1<<17)))},
	{"an index of large boxes", "video/mp4", ftyp("isom") + mp4Box("moov", strings.Repeat(mp4Box("trak", strings.Repeat("\x00", stepSize)), 200))},
	{"a table that claims 2^32 entries", "video/mp4", ftyp("isom") + mp4Box("moov", mp4Box("trak", mp4Box("stbl", mp4Box("ctts", "\x00\x00\x00\x00\xff\xff\xff\xff", strings.Repeat("\x00", 4*mib)))))},
	{"boxes of 2^64 bytes", "audio/mp4", ftyp("M4A ") + "\x00\x00\x00\x01mdat" + strings.Repeat("\xff", 64)},
	{"segments without content", "image/jpeg", "\xff\xd8" + strings.Repeat("\xff\xe0\x00\x02", 5*mib/4)},
	{"fill", "image/jpeg", "\xff\xd8" + strings.Repeat("\xff", 5*mib-2)},
	{"bytes between segments", "image/jpeg", "\xff\xd8" + strings.Repeat("\x00", 5*mib-2)},
	{"chunks without content", "image/png", headPNG + "\x00\x00\x00\x00" + strings.Repeat("\x00\x00\x00\x00tEXt\x00\x00\x00\x00", 5*mib/12)},
	{"streams side by side", "audio/ogg", strings.Repeat(oggPage(2, opusHead), 300_000)},
	{"tags before the sound", "audio/mpeg", strings.Repeat("ID3\x04\x00\x00\x00\x00\x00\x00", mib)},
	{"headers of no frame", "audio/mpeg", strings.Repeat("\xff\xfb\xe4\x00", 4*mib)},
	{"frames without sound", "audio/amr", amrMagic + strings.Repeat("\x7c", 15*mib)},
	{"end marks", "application/pdf", headPDF + strings.Repeat("startxref\n0\n%%EOF/Encrypt", mib)},
	{"members without a name", docx, "PK\x03\x04" + strings.Repeat("PK\x01\x02"+strings.Repeat("\x00", 42), 1<<18) + endRecord(4, 46<<18)},
	{"members with long names", docx, "PK\x03\x04" + strings.Repeat("PK\x01\x02"+strings.Repeat("\xff", 42)+strings.Repeat("n", 3*65535), 90) + endRecord(4, 90*(46+3*65535))},
	{"end records", docx, strings.Repeat(endRecord(1<<31, 1<<31), mib)},
	{"a directory in a circle", doc, oleSignature + strings.Repeat("\x00", 22) + "\x09\x00" + strings.Repeat("\x00", mib)},
	{"text", "text/plain", strings.Repeat("\x80", mib)},
}

// endRecord is the end of a ZIP.
func endRecord(offset, length uint32) string {
	b := binary.LittleEndian.AppendUint32([]byte("PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff"), length)
	return string(binary.LittleEndian.AppendUint32(b, offset)) + "\x00\x00"
}

func TestCraftedFilesCostLittle(t *testing.T) {
	for _, c := range crafted {
		for _, head := range heads {
			data := []byte(c.data)
			source := &ranges{data: data, size: int64(len(data))}
			result := Result{Type: row(c.mime, false)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			err := examine(t.Context(), File{Size: source.size, Head: data[:min(head, len(data))], ReadAt: source.readAt}, &result)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 3*maxReadTotal {
				t.Errorf("%s with %d bytes: %d bytes allocated", c.about, head, allocated)
			}
			if err != nil || source.broken != "" || took > time.Second {
				t.Errorf("%s with %d bytes: %v, %s, %v", c.about, head, err, source.broken, took)
			}
			t.Logf("%s with %d bytes: %v, %d reads of %d bytes", c.about, head, took, source.reads, source.asked)
			checkFindings(t, result)
		}
	}
}
