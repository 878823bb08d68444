// The bytes of files that others have made. A browser shows what it can show harmlessly,
// by the type that the bytes have, and saves everything else.

package console

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // decodes it
	"image/png"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // decodes it

	"ferry/internal/media"
	"ferry/internal/tty"
	"ferry/metasim"
)

const (
	maxPixels     = 24_000_000 // of a picture that is decoded for a small one
	maxThumbBytes = 16 << 20   // bytes of such a picture
	thumbSize     = 320        // pixels of the longer side
	maxShownText  = 64 << 10   // bytes of a text that is shown
	maxZip        = 4 << 20    // bytes of an Office document whose parts are listed
	maxParts      = 100        // of them
	maxShownName  = 150        // characters of the name under which a file is saved
	oggTail       = 64 << 10   // bytes at the end of an Ogg file that are searched for its length
)

// open opens a file for a request; it writes the response if there is none.
func (c *Console) open(w http.ResponseWriter, r *request) (metasim.Media, io.ReadSeekCloser, bool) {
	found, ok := c.config.Simulator.Media(r.PathValue("id"))
	var content io.ReadSeekCloser
	err := error(metasim.ErrNotStored)
	if ok {
		content, err = c.config.Simulator.OpenMedia(found.ID)
	}
	if err != nil {
		c.renderError(w, r, asProblem(notFound("file", r.PathValue("id"))))
		return found, nil, false
	}
	return found, content, true
}

// serveView serves a file for a page to show. Its type is that of its bytes.
func (c *Console) serveView(w http.ResponseWriter, r *request) {
	found, content, ok := c.open(w, r)
	if !ok {
		return
	}
	defer content.Close()
	f, err := toCheck(found, content)
	f.DeclaredType = ""
	result, checkErr := media.Check(r.Context(), f)
	if err = errors.Join(err, checkErr); err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	shown, _ := preview(result.Type.MIME)
	if shown != "image" && shown != "audio" && shown != "video" && shown != "pdf" {
		c.renderError(w, r, problem{http.StatusUnsupportedMediaType, "A browser must not show this file.", "Download it."})
		return
	}
	setFileHeaders(w.Header())
	w.Header().Set("Content-Type", result.Type.MIME)
	w.Header().Set("Content-Disposition", disposition("inline", found.FileName))
	http.ServeContent(w, r.Request, "", time.Time{}, content)
}

// serveDownload serves a file for a person to save.
func (c *Console) serveDownload(w http.ResponseWriter, r *request) {
	found, content, ok := c.open(w, r)
	if !ok {
		return
	}
	defer content.Close()
	setFileHeaders(w.Header())
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", disposition("attachment", found.FileName))
	http.ServeContent(w, r.Request, "", time.Time{}, content)
}

// disposition returns a Content-Disposition with a name that is safe for every system, as
// RFC 6266 has it: a plain form for old programs, and all of it in UTF-8.
func disposition(kind, name string) string {
	var safe, ascii strings.Builder
	for i, r := range []rune(name) {
		switch {
		case i >= maxShownName:
		case r == utf8.RuneError || !unicode.IsGraphic(r) || strings.ContainsRune(`/\:*?"<>|%`, r) || tty.Clean(string(r)) != string(r):
			safe.WriteByte('_')
			ascii.WriteByte('_')
		case r > unicode.MaxASCII:
			safe.WriteRune(r)
			ascii.WriteByte('_')
		default:
			safe.WriteRune(r)
			ascii.WriteRune(r)
		}
	}
	clean := func(text, fallback string) string {
		if text = strings.Trim(text, ". "); text == "" {
			return fallback
		}
		return text
	}
	return fmt.Sprintf(`%s; filename="%s"; filename*=UTF-8''%s`, kind, clean(ascii.String(), "file"), escapeName(clean(safe.String(), "file")))
}

// escapeName escapes a name as RFC 8187 has it.
func escapeName(name string) string { return strings.ReplaceAll(url.PathEscape(name), "'", "%27") }

// serveThumb serves a small picture of a picture.
func (c *Console) serveThumb(w http.ResponseWriter, r *request) {
	select {
	case c.pictures <- struct{}{}:
		defer func() { <-c.pictures }()
	case <-r.Context().Done():
		return
	}
	found, content, ok := c.open(w, r)
	if !ok {
		return
	}
	defer content.Close()
	small, err := thumbnail(found, content)
	if err != nil {
		c.renderError(w, r, problem{http.StatusUnsupportedMediaType, "There is no small picture of this file.", ""})
		return
	}
	setFileHeaders(w.Header())
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(small)
}

// thumbnail returns a PNG with at most thumbSize pixels on a side. The dimensions of the
// picture are read first: a small file may claim very large ones.
func thumbnail(m metasim.Media, content io.ReadSeeker) ([]byte, error) {
	if m.Size > maxThumbBytes {
		return nil, errors.New("too large")
	}
	config, _, err := image.DecodeConfig(content)
	switch {
	case err != nil:
		return nil, err
	case config.Width <= 0 || config.Height <= 0 || config.Width > maxPixels/config.Height:
		return nil, errors.New("too many pixels")
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	picture, _, err := image.Decode(content)
	if err != nil {
		return nil, err
	}
	bounds := picture.Bounds()
	scale := min(1, float64(thumbSize)/float64(max(bounds.Dx(), bounds.Dy())))
	small := image.NewNRGBA(image.Rect(0, 0, max(1, int(float64(bounds.Dx())*scale)), max(1, int(float64(bounds.Dy())*scale))))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), picture, bounds, draw.Src, nil)
	var out bytes.Buffer
	err = png.Encode(&out, small)
	return out.Bytes(), err
}

// addContent adds what a page shows of a file's content itself.
func (c *Console) addContent(one *inspected) {
	content, err := c.config.Simulator.OpenMedia(one.ID)
	if err != nil {
		return
	}
	defer content.Close()
	switch one.Shown {
	case "text":
		text := make([]byte, min(one.Size, maxShownText))
		n, _ := io.ReadFull(content, text)
		one.Text = strings.ToValidUTF8(string(text[:n]), "�")
	case "parts":
		one.Parts = parts(content, one.Size)
	case "audio":
		one.Length = oggLength(content, one.Size)
	}
}

// parts returns the names of the parts of an Office document.
func parts(content io.ReadSeeker, size int64) (names []string) {
	if size > maxZip {
		return nil
	}
	all, err := io.ReadAll(io.LimitReader(content, maxZip))
	if err != nil {
		return nil
	}
	archive, err := zip.NewReader(bytes.NewReader(all), int64(len(all)))
	if err != nil {
		return nil
	}
	for _, part := range archive.File[:min(len(archive.File), maxParts)] {
		names = append(names, tty.Clean(part.Name))
	}
	return names
}

// oggLength returns how long an Ogg file with Opus plays, "" if it is none: the position
// of its last page, in samples of 48 kHz (RFC 7845).
func oggLength(content io.ReadSeeker, size int64) string {
	if _, err := content.Seek(max(0, size-oggTail), io.SeekStart); err != nil {
		return ""
	}
	tail, err := io.ReadAll(io.LimitReader(content, oggTail))
	at := bytes.LastIndex(tail, []byte("OggS"))
	if err != nil || at < 0 || len(tail) < at+14 {
		return ""
	}
	samples := binary.LittleEndian.Uint64(tail[at+6:])
	if samples > 48_000*86_400 {
		return ""
	}
	return fmt.Sprintf("%.2f s", float64(samples)/48_000)
}
