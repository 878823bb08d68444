package media

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// An ISO base media file is a tree of boxes (ISO/IEC 14496-12 §4.2). This reads their
// headers and the few fields that decide, and skips the rest. Libraries were measured and
// left out: abema/go-mp4 v1.4.1 takes 1.4 µs and 2 KiB for each empty box and decodes
// tables entry by entry by reflection, so that 8 MiB of crafted boxes cost 1.5 s and 2 GiB of
// allocations; Eyevinn/mp4ff v0.48.0 reads the whole moov, and panics on crafted ones.

// stepSize is how far ahead of a box is read where its surroundings are too long to be
// read at once.
const stepSize = 64 * kib

// box is one box: where it starts, where its payload does, and where it ends.
type box struct {
	name             string
	start, body, end int64
}

// boxes gives the boxes from one offset to another. Fewer than 8 bytes at the end are padding, as QuickTime leaves it.
func (x *examiner) boxes(from, to int64) iter.Seq[box] {
	return func(yield func(box) bool) {
		for from+8 <= to {
			b, ok := x.box(from, to)
			if !ok || !yield(b) {
				return
			}
			from = b.end
		}
	}
}

// box reads the header of a box that has to end at to: length u32 with itself, name,
// and length u64 if the first is 1. Length 0 means that it ends at to. The first box
// that cannot be read is accounted for, and no other is read after it.
func (x *examiner) box(off, to int64) (box, bool) {
	if x.isStopped() {
		return box{}, false
	}
	header := 8
	b := x.at(off, header, x.step(off))
	if b != nil && binary.BigEndian.Uint32(b) == 1 {
		header = 16
		b = x.at(off, header, x.step(off))
	}
	if b == nil {
		x.reportMissingBox(off)
		return box{}, false
	}
	length := uint64(binary.BigEndian.Uint32(b))
	switch length {
	case 0:
		length = uint64(to - off)
	case 1:
		length = binary.BigEndian.Uint64(b[8:])
	}
	name := string(b[4:8])
	switch {
	case length < uint64(header):
		x.report(CodeDamaged, fmt.Sprintf("the box %q at byte %d is shorter than its header", name, off))
		return box{}, false
	case length <= uint64(to-off):
		return box{name: name, start: off, body: off + int64(header), end: off + int64(length)}, true
	case to == x.size:
		x.report(CodeTruncated, fmt.Sprintf("its box %q at byte %d has %d bytes and the file only %d of them", name, off, length, to-off))
	default:
		x.report(CodeDamaged, fmt.Sprintf("the box %q at byte %d is longer than the box around it", name, off))
	}
	return box{}, false
}

// step is how much to read at an offset: up to the end of the index, if all of it can
// be read at once, else a little.
func (x *examiner) step(off int64) int {
	if n := x.index.end - off; n > 0 && x.index.end-x.index.start <= maxReadSize {
		return int(n)
	}
	return stepSize
}

// payload gives what a box holds: at least need bytes of it, at most want.
func (x *examiner) payload(b box, need, want int) []byte {
	if x.isStopped() {
		return nil
	}
	if int64(need) > b.end-b.body {
		x.report(CodeDamaged, fmt.Sprintf("the box %q at byte %d is too short", b.name, b.start))
		return nil
	}
	need = int(min(int64(max(need, want)), b.end-b.body))
	p := x.at(b.body, need, need)
	if p == nil {
		x.reportMissingBox(b.body)
		return nil
	}
	return p[:need]
}

// isStopped reports whether something has been found or missed already.
func (x *examiner) isStopped() bool { return len(x.result.Findings)+len(x.result.Unchecked) > 0 }

// reportMissingBox accounts for bytes that could not be had.
func (x *examiner) reportMissingBox(off int64) {
	if x.index.end == 0 {
		x.reportMissing(fmt.Sprintf("the index (moov), which is not before byte %d", off))
		return
	}
	x.reportMissing(fmt.Sprintf("the tracks, as far as the index (moov) names them from byte %d on", off))
}
