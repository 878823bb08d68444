// Versions of the Graph API (docs/references.md#graph-versions).

package graph

import (
	"strconv"
	"strings"
	"time"
)

// Versions up to lastExpired have expired. The end of the one after it is known, too;
// those of later versions were not when this was written.
const lastExpired = 20

// endOfNext is when the version after lastExpired expires.
var endOfNext = time.Date(2027, time.January, 21, 0, 0, 0, 0, time.UTC)

// ParseVersion reads a version such as "v23.0". It reports whether text is one; whether
// Meta has or had this version is another question.
func ParseVersion(text string) (major, minor int, ok bool) {
	numbers, found := strings.CutPrefix(text, "v")
	left, right, dot := strings.Cut(numbers, ".")
	major, majorErr := strconv.Atoi(left)
	minor, minorErr := strconv.Atoi(right)
	ok = found && dot && majorErr == nil && minorErr == nil && major > 0 && minor >= 0 &&
		strconv.Itoa(major) == left && strconv.Itoa(minor) == right && major < 1000 && minor < 1000
	return major, minor, ok
}

// LiveVersion returns the version to call when a caller names one: that one, or "",
// which means the configured one, if it has expired or is no version.
func LiveVersion(version string, now time.Time) string {
	major, _, ok := ParseVersion(version)
	if !ok || major <= lastExpired || major == lastExpired+1 && !now.Before(endOfNext) {
		return ""
	}
	return version
}
