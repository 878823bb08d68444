// The files in messages from people.

package metasim

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"path"
	"time"
	"unicode/utf8"
)

// inboundLifetime is how long the file of a message from a person can be downloaded
// (docs/references.md#graph-media).
const inboundLifetime = 7 * 24 * time.Hour

// Samples are the content of messages without one: a picture, a video, a voice
// message, a page and stickers, all small.
//
//go:embed samples
var samples embed.FS

// sampleOf are the sample and its type for each kind of message with a file.
var sampleOf = map[string]struct{ file, mimeType, name string }{
	"image":    {"samples/sample.jpg", "image/jpeg", "image"},
	"video":    {"samples/sample.mp4", "video/mp4", "video"},
	"audio":    {"samples/voice.ogg", "audio/ogg; codecs=opus", "audio"},
	"document": {"samples/sample.pdf", "application/pdf", "document"},
	"sticker":  {"samples/sticker-static.webp", "image/webp", "sticker"},
}

const animatedSample = "samples/sticker-animated.webp"

// media returns the file of a message of a type, or nil if the type has none.
func (c *inboundContent) media(kind string) *InboundMedia {
	switch kind {
	case "image":
		return c.Image
	case "video":
		return c.Video
	case "audio":
		return c.Audio
	case "document":
		return c.Document
	case "sticker":
		return c.Sticker
	}
	return nil
}

// check returns what is wrong with a file of the caller's.
func (m *InboundMedia) check(kind string) error {
	switch {
	case m.SHA256 != "" || m.ID != "" || m.URL != "":
		return fmt.Errorf("%s has sha256, id or url, which the simulator makes; send content", kind)
	case len(m.Content) > documentLimit:
		return fmt.Errorf("%s.content has more than %d bytes; send too_large in its place", kind, documentLimit)
	case len(m.Content) > 0 && m.MIMEType == "":
		return fmt.Errorf("%s.mime_type is missing; it is required with content", kind)
	case m.FileName != "" && kind != "document":
		return fmt.Errorf("%s has no filename, only a document has", kind)
	case utf8.RuneCountInString(m.Caption) > maxInboundText:
		return fmt.Errorf("%s.caption has more than %d characters", kind, maxInboundText)
	case m.Caption != "" && (kind == "audio" || kind == "sticker"):
		return fmt.Errorf("%s has no caption", kind)
	case m.Voice != nil && kind != "audio", m.Animated != nil && kind != "sticker":
		return fmt.Errorf("voice is a member of audio, animated of sticker")
	}
	if m.MIMEType != "" {
		if _, _, err := mime.ParseMediaType(m.MIMEType); err != nil {
			return fmt.Errorf("%s.mime_type %q is not a MIME type", kind, truncate(m.MIMEType))
		}
	}
	return nil
}

// withContent returns a file with its content and defaults.
func (m InboundMedia) withContent(kind string) (InboundMedia, error) {
	sample := sampleOf[kind]
	if len(m.Content) == 0 {
		file := sample.file
		if m.Animated != nil && *m.Animated {
			file = animatedSample
		}
		content, err := samples.ReadFile(file)
		if err != nil {
			return m, fmt.Errorf("metasim: message: %w", err)
		}
		m.Content, m.MIMEType = content, cmp.Or(m.MIMEType, sample.mimeType)
		if kind == "audio" && m.Voice == nil {
			m.Voice = new(bool)
			*m.Voice = true
		}
	}
	switch {
	case kind == "audio" && m.Voice == nil:
		m.Voice = new(bool)
	case kind == "sticker" && m.Animated == nil:
		animated := isAnimatedWebP(m.Content)
		m.Animated = &animated
	case kind == "document" && m.FileName == "":
		m.FileName = fileNameOf(kind, m.MIMEType)
	}
	return m, nil
}

// fileNameOf returns a name with the extension of a type.
func fileNameOf(name, mimeType string) string {
	base, _, err := mime.ParseMediaType(mimeType)
	if err != nil {
		return name
	}
	if t, ok := findMediaType(base); ok && len(t.extensions) > 0 {
		return name + t.extensions[0]
	}
	if base == "text/plain" {
		return name + ".txt"
	}
	return name
}

// keepMedia stores the file of a message, if there is one, and returns the content as
// the webhook has it, with the id of the media.
func (s *Server) keepMedia(phoneID, kind string, content inboundContent) (inboundContent, string, error) {
	given := content.media(kind)
	switch {
	case given == nil:
		return content, "", nil
	case given.TooLarge: // there is no file
		return inboundContent{}, "", nil
	}
	full, err := given.withContent(kind)
	if err != nil {
		return content, "", err
	}
	media, err := s.storeInbound(phoneID, full, sampleOf[kind].name)
	if err != nil {
		return content, "", fmt.Errorf("metasim: message: storing the file: %w", err)
	}
	digest := sha256.Sum256(full.Content)
	full.SHA256, full.ID, full.Content = base64.StdEncoding.EncodeToString(digest[:]), media.ID, nil
	if origin := s.mediaOrigin(); origin != "" {
		full.URL = s.signedURL(origin, media.ID)
	}
	switch kind {
	case "image":
		content.Image = &full
	case "video":
		content.Video = &full
	case "audio":
		content.Audio = &full
	case "document":
		content.Document = &full
	case "sticker":
		content.Sticker = &full
	}
	return content, media.ID, nil
}

// storeInbound adds a file to the media, like an upload of the phone number, but for
// seven days.
func (s *Server) storeInbound(phoneID string, file InboundMedia, name string) (Media, error) {
	id, blob, err := s.createFile(s.newMediaID)
	if err != nil {
		return Media{}, err
	}
	if _, err := bytes.NewReader(file.Content).WriteTo(blob); err != nil {
		s.logStorage(blob.Abort())
		return Media{}, err
	}
	if err := blob.Commit(); err != nil {
		return Media{}, err
	}
	digest := sha256.Sum256(file.Content)
	media := Media{
		ID: id, PhoneNumberID: phoneID, MIMEType: file.MIMEType,
		FileName: cmp.Or(path.Base("/"+file.FileName), name), Inbound: true,
		Size: int64(len(file.Content)), SHA256: hex.EncodeToString(digest[:]), Created: s.Now(),
	}
	if file.FileName == "" {
		media.FileName = fileNameOf(name, file.MIMEType)
	}
	media.Expires = media.Created.Add(inboundLifetime)
	s.removeExpiredHourly()
	if err := s.media.put(id, media); err != nil {
		s.discardBytes(id)
		return Media{}, err
	}
	return media, nil
}

// mediaOrigin returns the scheme://host of the URLs in webhooks: Config.MediaURL, or the
// address on which Run serves the Graph API. Empty means that neither is known.
func (s *Server) mediaOrigin() string {
	if s.cfg.MediaURL != "" {
		return s.cfg.MediaURL
	}
	origin, _ := s.graphOrigin.Load().(string)
	return origin
}
