package metasim

import (
	"fmt"
	"strconv"
	"strings"
)

// The Graph API versions that are live (docs/references.md#graph-versions).
const (
	oldestVersion = 21
	newestVersion = 26
)

// resolveVersion returns the version that serves a request for the one in the
// path: for an expired version, that is the oldest live one. It reports false for
// a version that never existed.
func resolveVersion(asked string) (string, bool) {
	numbers, found := strings.CutPrefix(asked, "v")
	if !found {
		return "", false
	}
	left, right, found := strings.Cut(numbers, ".")
	major, err := strconv.Atoi(left)
	if !found || err != nil || strconv.Itoa(major) != left {
		return "", false
	}
	minor, err := strconv.Atoi(right)
	if err != nil || strconv.Itoa(minor) != right || minor < 0 {
		return "", false
	}
	last := 0 // minor version of a major one
	switch major {
	case 2:
		last = 12
	case 3:
		last = 3
	}
	if major < 1 || major > newestVersion || minor > last {
		return "", false
	}
	return fmt.Sprintf("v%d.0", max(major, oldestVersion)), true
}
