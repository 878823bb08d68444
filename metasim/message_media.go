package metasim

import (
	"net/url"
	"strings"
)

// The files of messages: what Meta checks at once.

// mediaReference is a file in a message, by its id or by its link.
type mediaReference struct {
	kind string // image, video, document, audio or sticker
	path string // of the object, in the words of an error
	id   string
	link string
}

// addMedia checks the form of a file's id or link. If there are both, the id counts.
func (m *messageCheck) addMedia(kind, path string, object map[string]any) *apiError {
	reference := mediaReference{kind: kind, path: path, link: text(object["link"])}
	if id, ok := object["id"]; ok {
		reference.id = scalar(id)
	}
	switch {
	case reference.id == "" && reference.link == "":
		return missingParameter(memberPath(path, "id"))
	case reference.id != "" && reference.link != "":
		reference.link = ""
		if refusal := m.warn(warnMemberIgnored, "The member %s is ignored, because there is an id. Send one of them.", memberPath(path, "link")); refusal != nil {
			return refusal
		}
	case reference.id == "" && !isLink(reference.link):
		return parameterError("Param %s is not a valid URI.", reference.member("link"))
	}
	m.media = append(m.media, reference)
	return nil
}

// member names a member of the file as Meta does: with a dot if the file is the
// message itself (docs/references.md#graph-messages).
func (r mediaReference) member(name string) string {
	if strings.Contains(r.path, "[") {
		return memberPath(r.path, name)
	}
	return r.path + "." + name
}

// isLink reports whether a text is an address that Meta fetches.
func isLink(link string) bool {
	u, err := url.Parse(link)
	return err == nil && (strings.EqualFold(u.Scheme, "http") || strings.EqualFold(u.Scheme, "https")) && u.Hostname() != "" && u.User == nil
}

// checkAttachments refuses ids that are no file of the sender: unknown, expired, or
// uploaded for another number.
func (s *Server) checkAttachments(c *call, media []mediaReference) *apiError {
	for _, reference := range media {
		if reference.id == "" {
			continue
		}
		file, ok := s.Media(reference.id)
		if ok && file.PhoneNumberID == c.id {
			continue
		}
		refusal := parameterError("Param %s is not a valid whatsapp business account media attachment ID", reference.member("id"))
		if refusal.reason = refusal.message + ": no such media, or it has expired"; ok {
			refusal.reason = refusal.message + ": the media was uploaded for another number"
		}
		return refusal
	}
	return nil
}
