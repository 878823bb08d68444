// What is measured: files of one size, so many at once.

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

// A workload is one case.
type workload struct {
	size        int64 // bytes of each file
	concurrency int   // uploads at once
}

// maxFile is WhatsApp's largest limit, that of documents.
const maxFile = 100 * mib

// parseWorkloads reads cases such as "20KiB@32,1MiB@8".
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
	size, concurrency, _ := strings.Cut(text, "@")
	number, unit := strings.TrimSuffix(size, "MiB"), int64(mib)
	if number == size {
		number, unit = strings.TrimSuffix(size, "KiB"), kib
	}
	n, err := strconv.ParseInt(number, 10, 32)
	c, err2 := strconv.Atoi(concurrency)
	if number == size || err != nil || err2 != nil || n < 1 || n*unit > maxFile || c < 1 || c > 256 {
		return workload{}, fmt.Errorf("%q is not a case; expected a size up to 100MiB, @, and up to 256 uploads at once, such as 20KiB@32", text)
	}
	return workload{n * unit, c}, nil
}

func (w workload) String() string {
	if w.size%mib == 0 {
		return fmt.Sprintf("%dMiB@%d", w.size/mib, w.concurrency)
	}
	return fmt.Sprintf("%dKiB@%d", w.size/kib, w.concurrency)
}

// key is the key of the object that the case moves.
func (w workload) key() string { return objectKey(w.size) }

func objectKey(size int64) string {
	if size%mib == 0 {
		return fmt.Sprintf("o%dm", size/mib)
	}
	return fmt.Sprintf("o%dk", size/kib)
}

// uploads is how many files a run moves: about a GiB, at most 4,000 files, and
// each caller at least two.
func (w workload) uploads(quick bool) int {
	n := min(4000, int((1<<30)/w.size))
	if quick {
		n /= 4
	}
	c := w.concurrency
	return max((n+c-1)/c, 2) * c
}
