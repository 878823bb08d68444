package metasim

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	imagejpeg "image/jpeg"
	imagepng "image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// pngOf returns a picture of one pixel.
func pngOf(t *testing.T, picture image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := imagepng.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func jpegOf(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := imagejpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 1, 1)), nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func onePixel(model color.Model) image.Image {
	if model == color.RGBA64Model {
		return image.NewRGBA64(image.Rect(0, 0, 1, 1))
	}
	return image.NewRGBA(image.Rect(0, 0, 1, 1))
}

// box returns a box of an MP4.
func box(name, content string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))) + name + content
}

const webp = "RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00" + "0123456789012345678901234567"

func TestWhatIsWrongWithAFileFailsTheMessageLater(t *testing.T) {
	good := pngOf(t, onePixel(color.RGBAModel))
	tests := map[string]struct {
		kind, name, declared, content string
		details                       string // empty means that the message is delivered
	}{
		"a PNG":                  {"image", "a.png", "image/png", good, ""},
		"a JPEG":                 {"image", "a.jpg", "image/jpeg", jpegOf(t), ""},
		"a damaged PNG":          {"image", "a.png", "image/png", png, invalidImage},
		"16 bits a channel":      {"image", "a.png", "image/png", pngOf(t, onePixel(color.RGBA64Model)), invalidImage},
		"a web page as a JPEG":   {"image", "a.jpg", "image/jpeg", "<html><body>Sorry</body></html>", "Image file uploaded with mimetype as image/jpeg, however on processing it is of type text/html. Please choose a different file."},
		"another extension":      {"image", "a.gif", "image/png", good, "Image file uploaded with mimetype as image/png, however on processing it is of type application/octet-stream. Please choose a different file."},
		"a sticker as an image":  {"image", "a.webp", "image/webp", webp, "Unsupported Image mime type image/webp. Please use one of image/png, image/jpeg."},
		"an image as a sticker":  {"sticker", "a.png", "image/png", good, "Unsupported Sticker mime type image/png. Please use one of image/webp."},
		"a sticker":              {"sticker", "a.webp", "image/webp", webp, ""},
		"a film":                 {"video", "a.mp4", "video/mp4", mp4, ""},
		"a film of fragments":    {"video", "a.mp4", "video/mp4", box("ftyp", "isom\x00\x00\x02\x00") + box("moov", "tracks") + box("moof", "frames"), "Video file uploaded with mimetype as video/mp4, however on processing it is of type application/octet-stream. Please choose a different file."},
		"a song of fragments":    {"audio", "a.m4a", "audio/mp4", box("ftyp", "isom\x00\x00\x02\x00") + "\x00\x00\x00\x01free\x00\x00\x00\x00\x00\x00\x00\x14skip" + box("moof", "frames"), "Audio file uploaded with mimetype as audio/mp4, however on processing it is of type application/octet-stream. Please choose a different file."},
		"a song in one piece":    {"audio", "a.m4a", "audio/mp4", box("ftyp", "isom\x00\x00\x02\x00") + box("moov", "tracks") + box("mdat", "moof"), ""},
		"a voice as a film":      {"video", "a.ogg", "audio/ogg", opus, "Unsupported Video mime type audio/ogg. Please use one of video/3gpp, video/mp4."},
		"a voice":                {"audio", "a.ogg", "audio/ogg; codecs=opus", opus, ""},
		"audio/opus":             {"audio", "a.opus", "audio/opus", opus, "Unsupported Audio mime type audio/opus. Please use one of audio/aac, audio/mp4, audio/mpeg, audio/amr, audio/ogg."},
		"bytes as a voice":       {"audio", "a.ogg", "audio/ogg", "\x00\x01\x02\x03\x04", "Audio file uploaded with mimetype as audio/ogg, however on processing it is of type application/octet-stream. Please choose a different file."},
		"a picture as a paper":   {"document", "a.png", "image/png", good, ""},
		"a paper":                {"document", "a.pdf", "application/pdf", pdf, ""},
		"a damaged paper":        {"document", "a.pdf", "application/pdf", "%PDF", ""},
		"a damaged image's type": {"document", "a.png", "image/png", png, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, openWindows)
			media := s.mustUpload(test.name, test.declared, test.content)
			id := s.message(`"type":"` + test.kind + `","` + test.kind + `":{"id":"` + media + `"}`).sentID(t)
			s.advance(time.Second)
			s.wantFault(id, test.details)
		})
	}
}

// wantFault checks that a message was read, or failed with code 131053.
func (s *sim) wantFault(id, details string) {
	s.t.Helper()
	m, _ := s.Message(id)
	if details == "" {
		if got := s.statuses(id); got != "sent, delivered, read" {
			s.t.Errorf("%s: %+v", got, m)
		}
		return
	}
	if s.statuses(id) != "failed 131053" || m.Statuses[0].Details != details || m.Statuses[0].Title != "Media upload error" {
		s.t.Errorf("%+v, want failed: %s", m, details)
	}
}

func TestAMediaIDOfAnotherNumberIsRefused(t *testing.T) {
	s := startSim(t)
	a := s.mustSend(http.MethodPost, "/v25.0/106540352242923/media", strings.NewReader(formOf(field("messaging_product", "whatsapp"), file("a.png", "image/png", png))),
		"Authorization", "Bearer "+token1, "Content-Type", formType)
	foreign, _ := a.fields(t)["id"].(string)
	own := s.mustUpload("a.png", "image/png", png)
	refused := "(#100) Param image.id is not a valid whatsapp business account media attachment ID"
	content := func(id string) string { return `"type":"image","image":{"id":"` + id + `"}` }
	s.message(content(foreign)).wantError(t, 400, 100, refused, "")
	if reason := s.lastRequest().Reason; !strings.Contains(reason, "uploaded for another number") {
		t.Errorf("the history says %q", reason)
	}
	s.message(content(own)).sentID(t)
	s.manual.advance(mediaLifetime)
	s.message(content(own)).wantError(t, 400, 100, refused, "")
}

func TestLinksAreFetchedAsByMeta(t *testing.T) {
	good := pngOf(t, onePixel(color.RGBAModel))
	mux := http.NewServeMux()
	serve := func(path, contentType, body string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{contentType}
			_, _ = io.WriteString(w, body)
		})
	}
	serve("/a.png", "image/png", good)
	serve("/page", "text/html; charset=utf-8", "<html></html>")
	serve("/lie.png", "image/png", "<html></html>")
	serve("/large.png", "image/png", good+strings.Repeat("x", imageLimit))
	serve("/a.pdf", "application/octet-stream", pdf)
	serve("/a.webp", "image/webp", webp)
	serve("/large.webp", "image/webp", webp+strings.Repeat("x", staticStickerLimit))
	mux.HandleFunc("GET /moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/a.png", http.StatusFound) })
	mux.HandleFunc("GET /moved-without-a-page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/a.png")
		w.WriteHeader(http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /gone", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusNotFound) })
	mux.HandleFunc("GET /forbidden", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, good)
	})
	files := httptest.NewServer(mux)
	defer files.Close()
	closed := httptest.NewServer(mux)
	closed.Close()
	const failed = "Downloading media from weblink failed with http code "
	html := "Unsupported Image mime type text/html. Please use one of image/png, image/jpeg."
	tests := map[string]struct{ kind, link, details string }{
		"a picture":                     {"image", files.URL + "/a.png", ""},
		"a picture by the name":         {"image", strings.Replace(files.URL, "127.0.0.1", "localhost", 1) + "/a.png", ""},
		"a redirect":                    {"image", files.URL + "/moved", html},
		"a redirect without a page":     {"image", files.URL + "/moved-without-a-page", html},
		"a page":                        {"image", files.URL + "/page", html},
		"a page that says it is a PNG":  {"image", files.URL + "/lie.png", "Image file uploaded with mimetype as image/png, however on processing it is of type text/html. Please choose a different file."},
		"a large picture":               {"image", files.URL + "/large.png", "Media file size too big. Max file size we currently support: 5MB."},
		"nothing":                       {"image", files.URL + "/gone", failed + "404, status message Not Found"},
		"no access":                     {"document", files.URL + "/forbidden", failed + "403, status message Forbidden"},
		"a response that breaks":        {"image", files.URL + "/broken", failed + "500, status message Internal Server Error"},
		"nobody":                        {"image", closed.URL + "/a.png", failed + "500, status message Internal Server Error"},
		"a paper without a type":        {"document", files.URL + "/a.pdf", ""},
		"a page as a paper":             {"document", files.URL + "/page", ""},
		"a sticker":                     {"sticker", files.URL + "/a.webp", ""},
		"a large sticker":               {"sticker", files.URL + "/large.webp", "Media file size too big. Max file size we currently support: 100KB."},
		"a picture as a film":           {"video", files.URL + "/a.png", "Unsupported Video mime type image/png. Please use one of video/3gpp, video/mp4."},
		"a host that is not fetched":    {"image", "https://example.com/a.png", ""},
		"a network that is not fetched": {"image", "http://169.254.169.254/latest/meta-data", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, openWindows)
			id := s.message(`"type":"` + test.kind + `","` + test.kind + `":{"link":"` + test.link + `"}`).sentID(t)
			s.advance(time.Second)
			s.wantFault(id, test.details)
			m, _ := s.Message(id)
			if noted := len(m.Notes) > 0 && strings.Contains(m.Notes[0], "was not fetched"); noted != strings.HasSuffix(name, "not fetched") {
				t.Errorf("notes %q", m.Notes)
			}
		})
	}
}

func TestALinkInATemplateIsFetched(t *testing.T) {
	files := httptest.NewServer(http.NotFoundHandler())
	defer files.Close()
	s := startSim(t, withTemplates)
	id := s.message(templateOf("picture", "es", `{"type":"header","parameters":[{"type":"image","image":{"link":"`+files.URL+`/a.png"}}]}`)).sentID(t)
	s.advance(time.Second)
	s.wantFault(id, "Downloading media from weblink failed with http code 404, status message Not Found")
}

func TestManyLinksToOneHostFailAsByMeta(t *testing.T) {
	good := pngOf(t, onePixel(color.RGBAModel))
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, good)
	}))
	defer files.Close()
	s := startSim(t, openWindows, func(c *Config) { c.LinksPerMinute = 2 })
	for i := range 3 {
		id := s.message(`"type":"image","image":{"link":"` + files.URL + `/a.png"}`).sentID(t)
		s.advance(time.Second)
		if i < 2 {
			s.wantFault(id, "")
			continue
		}
		s.wantFault(id, "Downloading media from weblink failed with http code 429, status message Too Many Requests, ratelimit reason: Request ratelimit by fwdproxy. Details: [GlobalCountingRatelimiter] Request hit ratelimit policy — destination matcher asn_list: 47583")
	}
}

func TestLinkHostsDecideWhatIsFetched(t *testing.T) {
	tests := []struct {
		hosts         []string
		host, address string
		want          bool
	}{
		{nil, "localhost", "127.0.0.1", true},
		{nil, "files.localhost", "::1", true},
		{nil, "localhost", "10.0.0.1", false}, // a name of this machine that leads elsewhere
		{nil, "127.9.9.9", "127.9.9.9", true},
		{nil, "[::ffff:127.0.0.1]", "127.0.0.1", false}, // no host name
		{nil, "example.com", "127.0.0.1", false},
		{[]string{"minio"}, "minio", "172.17.0.2", true},
		{[]string{"minio"}, "MINIO.", "172.17.0.2", true},
		{[]string{"*.internal"}, "files.internal", "10.0.0.1", true},
		{[]string{"*.internal"}, "internal", "10.0.0.1", false},
		{[]string{"*"}, "example.com", "93.184.216.34", true},
		{[]string{"*"}, "example.com", "10.0.0.1", false},
		{[]string{"*"}, "example.com", "127.0.0.1", false},
		{[]string{"*"}, "example.com", "169.254.169.254", false},
		{[]string{"*"}, "example.com", "fd00::1", false},
		{[]string{"*"}, "example.com", "100.64.0.1", false},
		{[]string{"*"}, "example.com", "64:ff9b::a00:1", false},
		{[]string{"*"}, "example.com", "2606:2800:220:1::1", true},
	}
	for _, test := range tests {
		s := New(Config{LinkHosts: test.hosts})
		allowed := s.mayFetch(test.host)
		if got := allowed != nil && allowed(parseAddr(t, test.address)); got != test.want {
			t.Errorf("%v: %s at %s: %v", test.hosts, test.host, test.address, got)
		}
		s.Close()
	}
}

func parseAddr(t *testing.T, text string) netip.Addr {
	t.Helper()
	address, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return address
}
