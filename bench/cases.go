// What is measured: files of one size, so many at once, over one way.

package main

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// Ways between store, mover and sink.
const (
	viaHTTP  = ""      // http on both sides
	viaHTTPS = "https" // https on both sides
	viaLine  = "line"  // http, with a slow line between mover and sink
)

// lineBitsPerSecond is the bandwidth of the slow line.
const lineBitsPerSecond = 100e6

// A workload is one case.
type workload struct {
	size        int64  // bytes of each file
	concurrency int    // uploads at once
	via         string // one of the ways
}

// maxFile is WhatsApp's largest limit, that of documents.
const maxFile = 100 * mib

// allCases are the cases of a whole run. Those in peopleCases are measured
// with what people use today too; each of those runs takes seconds.
const (
	allCases = "20KiB@1,20KiB@32,1MiB@8,1MiB@64,16MiB@8,16MiB@64,100MiB@1,100MiB@8," +
		"https:20KiB@32,https:1MiB@8,https:16MiB@8,https:100MiB@8,line:16MiB@1"
	peopleCases = "20KiB@1,20KiB@32,1MiB@8,16MiB@8,16MiB@64,100MiB@8,https:16MiB@8"
)

// parseWorkloads reads cases such as "20KiB@32,https:1MiB@8".
func parseWorkloads(text string) ([]workload, error) {
	var list []workload
	for element := range strings.SplitSeq(text, ",") {
		w, err := parseWorkload(strings.TrimSpace(element))
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

func parseWorkload(text string) (workload, error) {
	via, rest, found := strings.Cut(text, ":")
	if !found {
		via, rest = viaHTTP, text
	}
	size, concurrency, _ := strings.Cut(rest, "@")
	number, unit := strings.TrimSuffix(size, "MiB"), int64(mib)
	if number == size {
		number, unit = strings.TrimSuffix(size, "KiB"), kib
	}
	n, err := strconv.ParseInt(number, 10, 32)
	c, err2 := strconv.Atoi(concurrency)
	known := !found || via == viaHTTPS || via == viaLine
	if !known || number == size || err != nil || err2 != nil || n < 1 || n*unit > maxFile || c < 1 || c > 256 {
		return workload{}, fmt.Errorf("%q is not a case; expected a size up to 100MiB, @, and up to 256 uploads at once, such as 20KiB@32, https:1MiB@8 or line:16MiB@1", text)
	}
	return workload{n * unit, c, via}, nil
}

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

// key is the key of the object that the case moves.
func (w workload) key() string { return objectKey(w.size) }

func objectKey(size int64) string {
	if size%mib == 0 {
		return fmt.Sprintf("o%dm", size/mib)
	}
	return fmt.Sprintf("o%dk", size/kib)
}

// forPeople says whether the case is measured with what people use today.
func (w workload) forPeople() bool {
	for name := range strings.SplitSeq(peopleCases, ",") {
		if name == w.String() {
			return true
		}
	}
	return false
}

// uploads is how many files a run moves: about a GiB, at most 4,000 files (half
// of that one at a time, and over https), and each caller at least two. A slow
// line takes three.
func (w workload) uploads(quick bool) int {
	c := w.concurrency
	if w.via == viaLine {
		return 3 * c
	}
	n := min(4000, int((1<<30)/w.size))
	if c == 1 || w.via == viaHTTPS {
		n /= 2
	}
	if quick {
		n /= 4
	}
	return max((n+c-1)/c, 2) * c
}

// fewUploads is how many files a slow mover moves: about 256 MiB, at most 256
// files, and each caller at least one.
func (w workload) fewUploads(quick bool) int {
	n := min(256, int((256<<20)/w.size))
	if quick {
		n /= 4
	}
	c := w.concurrency
	return max((n+c-1)/c, 1) * c
}
