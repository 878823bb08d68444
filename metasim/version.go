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
	newerVersions = 10 // major versions after the newest that Meta may have released meanwhile
)

// resolveVersion returns the version that serves a request whose path begins with
// an element: of an expired version, the oldest live one; without a version, that
// one too (docs/references.md#graph-versions). It reports false for what is no
// version, or one that never existed.
func (t *route) resolveVersion(element string) (version string, ok bool) {
	oldest := fmt.Sprintf("v%d.0", oldestVersion)
	major, minor, ok := parseVersion(element)
	last := 0 // minor version of a major one
	switch major {
	case 2:
		last = 12
	case 3:
		last = 3
	}
	switch {
	case !ok || major < 1 || major > newestVersion+newerVersions || minor > last:
		return oldest, false
	case major < oldestVersion:
		t.warn(warnExpiredVersion, "%s has expired, so %s responds. Use /v%d.0.", element, oldest, newestVersion)
		return oldest, true
	case major > newestVersion:
		t.warn(warnNewerVersion, "%s is newer than the simulator, which knows versions up to v%d.0. Use that, or a newer ferry.", element, newestVersion)
	}
	return element, true
}

// parseVersion reads "v25.0".
func parseVersion(element string) (major, minor int, ok bool) {
	numbers, found := strings.CutPrefix(element, "v")
	left, right, dot := strings.Cut(numbers, ".")
	major, majorErr := strconv.Atoi(left)
	minor, minorErr := strconv.Atoi(right)
	ok = found && dot && majorErr == nil && minorErr == nil &&
		strconv.Itoa(major) == left && strconv.Itoa(minor) == right && minor >= 0
	return major, minor, ok
}
