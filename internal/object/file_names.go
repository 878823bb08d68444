package object

import (
	"errors"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// checkBucket checks the name of a general-purpose bucket
// (docs/references.md#s3-api, "General purpose bucket naming rules"). The names of access points, Object Lambda,
// directory buckets and tables are refused: they reach a bucket under another name
// than the one that the caller's policy was evaluated for.
func checkBucket(name string) error {
	if len(name) < 3 || len(name) > 63 {
		return errors.New("it must have 3 to 63 characters")
	}
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return errors.New("it must consist of lower-case letters, digits, hyphens and dots, as labels of a host name")
		}
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return errors.New("it must not look like an IP address")
	}
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, prefix) {
			return errors.New("its prefix is reserved")
		}
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, suffix) {
			return errors.New("its suffix is reserved; name the bucket itself")
		}
	}
	return nil
}

const maxKey = 1024 // bytes of a key (docs/references.md#s3-api)

// checkKey checks that a key names the same object at every store. The segments "."
// and ".." are refused for all stores, because a proxy or a file system behind a
// store may resolve them into another bucket. Empty segments ("a//b", "/a") are
// part of the key where literal is set; another store may merge the slashes and
// return an object that the policy was not evaluated for.
func checkKey(key string, literal bool) *Error {
	from := origin{name: "The object key " + shorten(key)}
	switch {
	case key == "":
		return from.fail(badKey, nil, "it is empty")
	case len(key) > maxKey:
		return from.fail(badKey, nil, "it is longer than 1024 bytes")
	case !utf8.ValidString(key) || strings.ContainsRune(key, 0):
		return from.fail(badKey, nil, "it must be UTF-8 without NUL")
	case hasDotSegment(key):
		return from.fail(badKey, nil, `it must not contain the segments "." or ".."`)
	case !literal && (strings.HasPrefix(key, "/") || strings.Contains(key, "//")):
		return from.fail(slashesInKey, nil)
	}
	return nil
}
