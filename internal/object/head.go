package object

import (
	"errors"
	"strings"
)

// checkHead refuses a body whose length is not known, or that is of another version
// than the requested one.
func (want getRequest) checkHead(from origin, obj *Object) *Error {
	switch {
	case obj.Size < 0:
		return from.fail(sizeUnknown, nil)
	case want.ifMatch != "" && obj.ETag != want.ifMatch:
		return from.fail(urlChanged, errors.New("the response has another ETag than If-Match requested"))
	}
	return nil
}

// entityTag returns tag, or "" if it cannot be sent back in If-Match.
func entityTag(tag string) string {
	const limit = 1 << 10
	if len(tag) > limit || !isHeaderValue(tag) || strings.HasPrefix(tag, "W/") { // If-Match never matches a weak ETag
		return ""
	}
	return tag
}
