// The files at WhatsApp: a gallery, and a page for each with what is wrong with it.

package console

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"

	"ferry/internal/media"
	"ferry/metasim"
)

const maxGallery = 120 // files in the gallery

// file is a file as pages show it.
type file struct {
	metasim.Media
	Kind  string // of message that shows it: image, video, audio, document, sticker
	Voice bool
	Gone  bool // it has expired or was deleted
}

// inspected is a file with what its bytes say.
type inspected struct {
	file
	media.Result
	Shown   string // how it is previewed: image, audio, video, pdf, text, parts; empty means not at all
	Note    string // about the preview
	Length  string // of a voice message
	Text    string // the beginning of a text
	Parts   []string
	Base64  string // SHA-256 as webhooks have it
	Used    []use
	Problem string // why the bytes cannot be read
}

// use is a message that has a file.
type use struct {
	ID, Who, Path string
	Inbound       bool
}

// galleryPage lists files, newest first.
type galleryPage struct {
	Files []inspected
	Total int
	Only  string // findings, inbound, uploaded; empty means all
}

func (c *Console) routeMedia() {
	c.page(navItem{"/media", "Media", "m"}, viewer, c.serveGallery)
	c.page(navItem{Path: "/media/{id}"}, viewer, c.serveFile)
	c.page(navItem{Path: "/media/{id}/view"}, viewer, c.serveView)
	c.page(navItem{Path: "/media/{id}/thumb"}, viewer, c.serveThumb)
	c.page(navItem{Path: "/media/{id}/download"}, viewer, c.serveDownload)
}

func (c *Console) serveGallery(w http.ResponseWriter, r *request) {
	all := c.config.Simulator.MediaFiles(1 << 20)
	page := galleryPage{Total: len(all), Only: r.URL.Query().Get("only")}
	slices.Reverse(all)
	for _, m := range all {
		if page.Only == "inbound" && !m.Inbound || page.Only == "uploaded" && m.Inbound || len(page.Files) == maxGallery {
			continue
		}
		one := c.inspect(r.Context(), m)
		if page.Only == "findings" && len(one.Findings) == 0 {
			continue
		}
		page.Files = append(page.Files, one)
	}
	c.render(w, r, "gallery", page)
}

func (c *Console) serveFile(w http.ResponseWriter, r *request) {
	found, ok := c.config.Simulator.Media(r.PathValue("id"))
	if !ok {
		c.renderError(w, r, asProblem(notFound("file", r.PathValue("id"))))
		return
	}
	one := c.inspect(r.Context(), found)
	c.addContent(&one)
	one.Used = c.uses(found)
	c.render(w, r, "file", one)
}

// inspect looks into a file as ferry does before it uploads one.
func (c *Console) inspect(ctx context.Context, m metasim.Media) inspected {
	one := inspected{file: file{Media: m, Kind: media.MessageType(m.MIMEType)}}
	if sum, err := hex.DecodeString(m.SHA256); err == nil {
		one.Base64 = base64.StdEncoding.EncodeToString(sum)
	}
	bytes, err := c.config.Simulator.OpenMedia(m.ID)
	if err != nil {
		one.Gone, one.Problem = errors.Is(err, metasim.ErrNotStored), err.Error()
		return one
	}
	defer bytes.Close()
	f, err := toCheck(m, bytes)
	if err == nil {
		one.Result, err = media.Check(ctx, f)
	}
	if err != nil {
		one.Problem = err.Error()
		return one
	}
	f.DeclaredType = ""
	if asItIs, err := media.Check(ctx, f); err == nil {
		one.Shown, one.Note = preview(asItIs.Type.MIME)
	}
	return one
}

// toCheck returns a file of the simulator as package media reads it.
func toCheck(m metasim.Media, bytes io.ReadSeeker) (media.File, error) {
	f := media.File{DeclaredType: m.MIMEType, Name: m.FileName, Size: m.Size, Head: make([]byte, min(m.Size, media.HeadSize))}
	if _, err := io.ReadFull(bytes, f.Head); err != nil {
		return f, err
	}
	f.ReadAt = func(_ context.Context, p []byte, off int64) (int, error) {
		if _, err := bytes.Seek(off, io.SeekStart); err != nil {
			return 0, err
		}
		return io.ReadFull(bytes, p)
	}
	return f, nil
}

// preview returns how a file whose bytes are of a type is shown. Types that are not named
// here are never shown by a browser, whatever they are declared as: SVG, HTML and XML
// among them.
func preview(mimeType string) (shown, note string) {
	switch mimeType {
	case "image/jpeg", "image/png", "image/webp":
		return "image", ""
	case "audio/ogg":
		return "audio", "A browser plays every Ogg file; WhatsApp plays Opus with one channel only."
	case "audio/mpeg", "audio/mp4", "audio/aac":
		return "audio", ""
	case "audio/amr":
		return "", "Browsers do not play AMR; phones do."
	case "video/mp4":
		return "video", "What the browser plays says nothing about WhatsApp; the findings do."
	case "video/3gpp":
		return "video", "Some browsers do not play 3GP; phones do."
	case "application/pdf":
		return "pdf", ""
	case "text/plain":
		return "text", ""
	}
	if strings.HasPrefix(mimeType, "application/vnd.openxmlformats") {
		return "parts", ""
	}
	return "", ""
}

// uses returns the messages with a file.
func (c *Console) uses(m metasim.Media) (uses []use) {
	for _, message := range c.config.Simulator.Messages() {
		if strings.Contains(string(message.Content), `"`+m.ID+`"`) {
			uses = append(uses, use{ID: message.ID, Who: message.WAID, Path: path.Join("/messages", message.ID)})
		}
	}
	for _, written := range c.config.Simulator.Written(m.PhoneNumberID, "") {
		if written.MediaID == m.ID {
			uses = append(uses, use{ID: written.ID, Who: written.WAID, Path: path.Join("/phone", written.WAID), Inbound: true})
		}
	}
	return uses
}

// Worst returns the highest severity of the findings.
func (i inspected) Worst() string {
	if worst := i.MaxSeverity(); worst > 0 {
		return worst.String()
	}
	return ""
}

// Command returns the command of a fix, which follows the last ": ", or "".
func command(fix string) string {
	at := strings.LastIndex(fix, ": ")
	if at < 0 || !strings.Contains(fix[at:], "IN") {
		return ""
	}
	return fix[at+2:]
}
