// Where the media of a message are.

package message

import (
	"fmt"
	"slices"
)

// A Medium is a file in a message: an image, a video, a document, an audio file or a
// sticker, in the message itself, in the header of an interactive message or of one of
// its cards, or in a parameter of a template.
type Medium struct {
	Path string // "image", "interactive.header.image", "template.components[0].parameters[1].document"
	Kind string // "image", "video", "document", "audio" or "sticker"
	ID   string // Meta's media id; empty means none
	Link string // empty means none
	// Start and End are where its JSON object is in the message.
	Start, End int
}

var mediaKinds = []string{"audio", "document", "image", "sticker", "video"}

// maxElements bounds the elements of lists that are looked at in one message. Meta
// accepts far fewer: 10 cards, for example.
const maxElements = 1000

// mediaOf returns the media in the object of a type.
func mediaOf(typ string, object member) []Medium {
	f := &mediaFinder{}
	switch {
	case slices.Contains(mediaKinds, typ):
		f.medium(typ, typ, object)
	case typ == "interactive":
		object.each(func(name string, m member) {
			switch name {
			case "header":
				f.members("interactive.header", m)
			case "action":
				f.list("interactive.action", "cards", m, func(path string, card member) {
					card.each(func(name string, m member) {
						if name == "header" {
							f.members(path+".header", m)
						}
					})
				})
			}
		})
	case typ == "template":
		f.components("template", object, true)
	}
	return f.found
}

// A mediaFinder collects media.
type mediaFinder struct {
	found    []Medium
	elements int // of lists that were looked at
}

// components looks into the components of a template, or of one of its cards.
func (f *mediaFinder) components(path string, owner member, mayHaveCards bool) {
	f.list(path, "components", owner, func(path string, component member) {
		f.list(path, "parameters", component, f.members)
		if mayHaveCards {
			f.list(path, "cards", component, func(path string, card member) { f.components(path, card, false) })
		}
	})
}

// list calls visit for each element of a list, which is a member of an object.
func (f *mediaFinder) list(path, name string, owner member, visit func(path string, element member)) {
	owner.each(func(own string, list member) {
		if own != name || list.value.Kind() != '[' {
			return
		}
		read := newReader(list.value, list.start)
		_, _ = read.ReadToken() // the message is valid JSON
		for i := 0; read.PeekKind() != ']' && f.elements < maxElements; i++ {
			f.elements++
			element, _ := read.value()
			visit(fmt.Sprintf("%s.%s[%d]", path, name, i), element)
		}
	})
}

// members adds the media among the members of an object.
func (f *mediaFinder) members(path string, owner member) {
	owner.each(func(name string, m member) {
		if slices.Contains(mediaKinds, name) && m.value.Kind() == '{' {
			f.medium(path+"."+name, name, m)
		}
	})
}

func (f *mediaFinder) medium(path, kind string, object member) {
	found := Medium{Path: path, Kind: kind, Start: object.start, End: object.start + len(object.value)}
	object.each(func(name string, m member) {
		switch name {
		case "id":
			found.ID = m.text()
		case "link":
			found.Link = m.text()
		}
	})
	f.found = append(f.found, found)
}

// each calls visit for each member of an object that is a part of a message; of any
// other value, for none.
func (m member) each(visit func(name string, m member)) {
	if m.value.Kind() == '{' {
		_ = newReader(m.value, m.start).members(visit) // the message is valid JSON
	}
}
