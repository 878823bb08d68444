// The id of a file in place of its link.

package message

import (
	"bytes"
	"slices"
	"sort"

	"github.com/go-json-experiment/json/jsontext"
)

// replaceLinks returns a message in which the media have ids in place of their links,
// but for those whose id is "". Every other byte stays. The media are in the order in
// which they are in the message, and the message is valid JSON.
func replaceLinks(body []byte, media []Medium, ids []string) []byte {
	var edits []edit
	for i, medium := range media {
		if ids[i] != "" {
			edits = append(edits, linkEdits(body[medium.Start:medium.End], medium.Start, ids[i])...)
		}
	}
	sort.Slice(edits, func(i, j int) bool { return edits[i].start < edits[j].start })
	var edited []byte
	done := 0
	for _, e := range edits {
		edited = append(append(edited, body[done:e.start]...), e.text...)
		done = e.end
	}
	return append(edited, body[done:]...)
}

// An edit replaces bytes of a message.
type edit struct {
	start, end int
	text       []byte
}

// linkEdits returns the edits of one media object, which begins at an offset of the
// message: its member link becomes the member id. If it has a member id already, which
// says nothing, that one gets the id, and the link becomes null.
func linkEdits(object []byte, offset int, id string) []edit {
	quoted, _ := jsontext.AppendQuote(nil, id) // media ids are digits
	decoder := jsontext.NewDecoder(bytes.NewReader(object))
	next := func() (start, end int, text []byte) {
		value, err := decoder.ReadValue()
		if err != nil { // the message is valid JSON
			return 0, 0, nil
		}
		end = offset + int(decoder.InputOffset())
		return end - len(value), end, slices.Clone(value)
	}
	var linkName, linkValue, idValue edit
	_, _ = decoder.ReadToken()
	for decoder.PeekKind() == '"' {
		start, end, name := next()
		valueStart, valueEnd, _ := next()
		switch text, _ := jsontext.AppendUnquote(nil, name); string(text) {
		case "link":
			linkName, linkValue = edit{start, end, []byte(`"id"`)}, edit{valueStart, valueEnd, quoted}
		case "id":
			idValue = edit{valueStart, valueEnd, quoted}
		}
	}
	if idValue.text == nil {
		return []edit{linkName, linkValue}
	}
	linkValue.text = []byte("null")
	return []edit{idValue, linkValue}
}
