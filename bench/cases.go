// What is measured, and the bounds that must hold.

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// The ways between store, mover and sink, as they stand before the size in the
// name of a case.
const (
	viaHTTP   = ""       // http on both sides
	viaHTTPS  = "https"  // https on both sides
	viaVerify = "verify" // https on both sides, and ferry verifies the uploads
	viaLine   = "line"   // http, with a slow line between mover and sink
	viaReuse  = "reuse"  // http, and ferry reuses the media id of a file that it has uploaded before
	viaWatch  = "watch"  // http, while somebody looks at the timeline of ferry's console
	viaTraced = "traced" // http, while ferry serves metrics and exports one trace of a hundred
)

// lineBitsPerSecond is the bandwidth of the slow line.
const lineBitsPerSecond = 100e6

// A benchCase is a row of the table of cases.
type benchCase struct {
	workload
	bare         string // the bare mover that ferry is compared with; empty means none
	alternatives bool   // also measured with what users would run without ferry
	bounds       []bound
}

// A bound is a limit for one figure of ferry in one case, or for the ratio of
// that figure to another mover's.
type bound struct {
	figure  string // key of a column
	atLeast bool   // otherwise at most
	limit   float64
	against string // name of the other mover, or yardstick; empty means the figure itself
}

func atLeast(limit float64, figure, against string) bound {
	return bound{figure, true, limit, against}
}

func atMost(limit float64, figure, against string) bound {
	return bound{figure, false, limit, against}
}

// yardstick stands for gostream or, where its source is missing, for our own
// bare mover, which does the same.
const yardstick = "(yardstick)"

// cases are those of a whole run, in their order. Unless a case says otherwise,
// ferry takes no digest, which is its default.
var cases = []benchCase{
	{workload: workload{20 * kib, 1, viaHTTP}, bare: yardstick, alternatives: true},
	{workload: workload{20 * kib, 32, viaHTTP}, bare: yardstick, alternatives: true, bounds: []bound{
		atLeast(0.75, "uploads_per_s", yardstick),
		atLeast(6, "uploads_per_s", nameBoto3),
	}},
	{workload: workload{mib, 8, viaHTTP}, bare: yardstick, alternatives: true, bounds: []bound{
		atLeast(0.90, "mb_per_s", yardstick),
	}},
	{workload: workload{mib, 64, viaHTTP}, bare: yardstick},
	{workload: workload{16 * mib, 8, viaHTTP}, bare: yardstick, alternatives: true, bounds: []bound{
		atLeast(1.00, "mb_per_s", yardstick),
		atMost(1.05, "cpu_s_per_gb", yardstick),
		atLeast(2.5, "mb_per_s", nameBoto3),
	}},
	{workload: workload{16 * mib, 64, viaHTTP}, bare: yardstick, alternatives: true, bounds: []bound{
		atMost(128, "over_idle_mib", ""),
	}},
	{workload: workload{100 * mib, 1, viaHTTP}, bare: yardstick},
	{workload: workload{100 * mib, 8, viaHTTP}, bare: yardstick, alternatives: true, bounds: []bound{
		atLeast(1.00, "mb_per_s", yardstick),
		atMost(1.05, "cpu_s_per_gb", yardstick),
		atLeast(2.5, "mb_per_s", nameBoto3),
		atMost(64, "over_idle_mib", ""),
	}},
	{workload: workload{20 * kib, 32, viaHTTPS}, bare: yardstick},
	{workload: workload{mib, 8, viaHTTPS}, bare: yardstick},
	{workload: workload{16 * mib, 8, viaHTTPS}, bare: yardstick, alternatives: true, bounds: []bound{
		atLeast(1.05, "mb_per_s", yardstick),
	}},
	{workload: workload{100 * mib, 8, viaHTTPS}, bare: yardstick},
	{workload: workload{16 * mib, 8, viaVerify}, bare: nameSHA256, bounds: []bound{
		atLeast(0.95, "mb_per_s", nameSHA256),
	}},
	{workload: workload{16 * mib, 1, viaLine}, bare: yardstick, bounds: []bound{
		atMost(1.05, "line_times", ""),
	}},
	{workload: workload{20 * kib, 32, viaReuse}, bounds: []bound{
		atLeast(2, "uploads_per_s", nameFerry),
		// The headers of the response to a HEAD request; the object has 20,480 bytes.
		atMost(kib, "hit_bytes", ""),
	}},
	{workload: workload{20 * kib, 32, viaWatch}, bounds: []bound{
		atLeast(0.98, "uploads_per_s", nameFerry),
		atMost(20, "more_rss_mib", ""),
		atLeast(1000, "entries_per_s", ""),
	}},
	{workload: workload{20 * kib, 32, viaTraced}, bounds: []bound{
		atLeast(0.95, "uploads_per_s", nameFerry),
	}},
}

// A workload is how much is moved at once, and how it travels.
type workload struct {
	size        int64  // bytes of each file
	concurrency int    // uploads at once
	via         string // one of the ways
}

// maxFile is WhatsApp's largest limit, that of documents.
const maxFile = 100 * mib

// maxConcurrency is ferry's default limit of uploads at once.
const maxConcurrency = 256

// selectCases reads names of cases such as "20KiB@32,https:1MiB@8"; empty means
// all cases of the table. A case that is not in the table is measured without
// bounds.
func selectCases(text string) ([]benchCase, error) {
	if text == "" {
		return cases, nil
	}
	var selected []benchCase
	for name := range strings.SplitSeq(text, ",") {
		w, err := parseWorkload(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(cases, func(c benchCase) bool { return c.workload == w })
		switch {
		case i >= 0:
			selected = append(selected, cases[i])
		case w.via == viaVerify:
			selected = append(selected, benchCase{workload: w, bare: nameSHA256})
		case w.via == viaReuse || w.via == viaWatch || w.via == viaTraced:
			return nil, fmt.Errorf("%q is not a case; %s is measured as %[2]s:20KiB@32 only", name, w.via)
		default:
			selected = append(selected, benchCase{workload: w, bare: yardstick})
		}
	}
	return selected, nil
}

func parseWorkload(name string) (workload, error) {
	via, rest, found := strings.Cut(name, ":")
	if !found {
		via, rest = viaHTTP, name
	}
	size, concurrency, _ := strings.Cut(rest, "@")
	number, unit := strings.TrimSuffix(size, "MiB"), int64(mib)
	if number == size {
		number, unit = strings.TrimSuffix(size, "KiB"), kib
	}
	n, err := strconv.ParseInt(number, 10, 32)
	c, err2 := strconv.Atoi(concurrency)
	known := !found || slices.Contains([]string{viaHTTPS, viaVerify, viaLine, viaReuse, viaWatch, viaTraced}, via)
	if !known || number == size || err != nil || err2 != nil || n < 1 || n*unit > maxFile || c < 1 || c > maxConcurrency {
		return workload{}, fmt.Errorf("%q is not a case; expected a size up to 100MiB, @, and up to 256 uploads at once, such as 20KiB@32, https:1MiB@8, verify:16MiB@8 or line:16MiB@1", name)
	}
	return workload{n * unit, c, via}, nil
}

// String returns the name of the case.
func (w workload) String() string {
	text := fmt.Sprintf("%dKiB@%d", w.size/kib, w.concurrency)
	if w.size%mib == 0 {
		text = fmt.Sprintf("%dMiB@%d", w.size/mib, w.concurrency)
	}
	if w.via != viaHTTP {
		text = w.via + ":" + text
	}
	return text
}

// key returns the key of the object that the case moves.
func (w workload) key() string { return objectKey(w.size) }

func objectKey(size int64) string {
	if size%mib == 0 {
		return fmt.Sprintf("o%dm", size/mib)
	}
	return fmt.Sprintf("o%dk", size/kib)
}

// uploads returns how many files a run moves: about 1 GiB, at most 4,000 files
// (half of that one at a time and over https; ten times as many while somebody
// looks, twice as many with traces), and at least two per caller. On the slow line each caller uploads three files.
func (w workload) uploads(quick bool) int {
	c := w.concurrency
	if w.via == viaLine {
		return 3 * c
	}
	n := min(4000, int((1<<30)/w.size))
	if w.via == viaTraced {
		n *= 2
	}
	if w.via == viaWatch { // about a minute
		n *= 10
	}
	if c == 1 || w.via == viaHTTPS || w.via == viaVerify {
		n /= 2
	}
	if quick {
		n /= 4
	}
	return max((n+c-1)/c, 2) * c
}

// fewUploads returns how many files a slow mover moves: about 256 MiB, at most
// 256 files, and at least one per caller.
func (w workload) fewUploads(quick bool) int {
	n := min(256, int((256<<20)/w.size))
	if quick {
		n /= 4
	}
	c := w.concurrency
	return max((n+c-1)/c, 1) * c
}
