package e2e

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"ferry/internal/sample"
)

// A carrier is a file of a type that has room for other text near its beginning, where
// browsers look for the type of a file that does not have one.
type carrier struct {
	name, contentType string
	with              func(text []byte) []byte
}

func carriers() []carrier {
	after := func(name string, at int, wrap func(text []byte) []byte) func([]byte) []byte {
		data := sample.Data(name)
		return func(text []byte) []byte { return slices.Concat(data[:at], wrap(text), data[at:]) }
	}
	asItIs := func(text []byte) []byte { return text }
	size32 := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	return []carrier{
		{"comment.jpg", "image/jpeg", after("sample.jpg", 2, func(text []byte) []byte {
			return slices.Concat([]byte{0xff, 0xfe}, binary.BigEndian.AppendUint16(nil, uint16(len(text)+2)), text)
		})},
		{"chunk.png", "image/png", after("sample.png", 8+12+13, func(text []byte) []byte {
			chunk := slices.Concat([]byte("tEXtComment\x00"), text)
			return slices.Concat(size32(len(chunk)-4), chunk, size32(int(crc32.ChecksumIEEE(chunk))))
		})},
		{"box.mp4", "video/mp4", after("sample.mp4", int(binary.BigEndian.Uint32(sample.Data("sample.mp4"))), func(text []byte) []byte {
			return slices.Concat(size32(len(text)+8), []byte("free"), text)
		})},
		{"tag.mp3", "audio/mpeg", func(text []byte) []byte {
			frame := slices.Concat([]byte("TXXX"), size32(len(text)+1), []byte{0, 0, 0}, text)
			n := len(frame)
			return slices.Concat([]byte("ID3\x03\x00\x00"), []byte{byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}, frame, sample.Data("sample.mp3"))
		}},
		{"comment.pdf", "application/pdf", after("sample.pdf", bytes.IndexByte(sample.Data("sample.pdf"), '\n')+1, func(text []byte) []byte {
			return slices.Concat([]byte("%"), text, []byte("\n"))
		})},
		{"end.webp", "image/webp", after("sticker-static.webp", len(sample.Data("sticker-static.webp")), asItIs)},
		{"end.ogg", "audio/ogg", after("voice.ogg", len(sample.Data("voice.ogg")), asItIs)},
		{"end.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", after("sample.docx", len(sample.Data("sample.docx")), asItIs)},
		{"script.gif", "text/plain", func(text []byte) []byte { return slices.Concat([]byte("GIF89a=0;\n"), text) }},
		{"text.txt", "text/plain", asItIs},
	}
}

// foreignTexts are texts that run a script or load something where a browser takes them for
// what they are, by the type that they need for it. They all make a request to a URL.
func foreignTexts(url string) map[string]string {
	fetch := "fetch('" + url + "', {mode: 'no-cors'})"
	return map[string]string{
		"text/html":       "<!doctype html><html><body onload=\"" + fetch + "\"><script>" + fetch + "</script><img src='" + url + "'></body></html>",
		"image/svg+xml":   "<svg xmlns='http://www.w3.org/2000/svg' onload=\"" + fetch + "\"><script>" + fetch + "</script><image href='" + url + "'/></svg>",
		"text/xml":        "<?xml version='1.0'?><x xmlns:h='http://www.w3.org/1999/xhtml'><h:script>" + fetch + "</h:script><h:img src='" + url + "'/></x>",
		"text/javascript": fetch + ";/*\n*/",
	}
}

// A stranger is a web server that is not ferry's. It has pages, and counts the requests to /beacon.
type stranger struct {
	*httptest.Server
	mu      sync.Mutex
	pages   map[string][2]string // type and content by path
	beacons []string             // queries
}

func startStranger(t *testing.T) *stranger {
	s := &stranger{pages: make(map[string][2]string)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.URL.Path == "/beacon" {
			s.beacons = append(s.beacons, r.URL.RawQuery)
			return
		}
		page, ok := s.pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", page[0])
		fmt.Fprint(w, page[1])
	}))
	t.Cleanup(s.Close)
	return s
}

// add adds a page and returns its URL.
func (s *stranger) add(path, contentType, content string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = [2]string{contentType, content}
	return s.URL + path
}

// has reports whether a beacon came.
func (s *stranger) has(query string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.beacons, query)
}

// frame is a page with elements, which counts in window.ended those that were loaded, or were not.
func frame(elements string) string {
	return "<!doctype html><script>window.ended = 0; for (const event of ['load', 'error']) " +
		"document.addEventListener(event, (e) => { if (e.target.dataset?.counts) window.ended++ }, true)</script>" + elements
}

// TestFilesOfTwoTypesRunNoScript uploads files of one type that are also HTML, SVG, XML or a script, looks at them in
// the console, and uses them in the page of a stranger.
func TestFilesOfTwoTypesRunNoScript(t *testing.T) {
	w := startDevAs(t, raceBuild)
	console := w.console()
	other := startStranger(t)
	browser := startBrowser(t)
	p, pages := browser.open(), browser.open()
	defer p.forget() // what the browser refuses is what this test is about

	for contentType, text := range foreignTexts(other.URL + "/beacon?served") {
		url := other.add("/served", contentType, text)
		if contentType == "text/javascript" {
			url = other.add("/page", "text/html", frame("<script src='/served'></script>"))
		}
		other.mu.Lock()
		other.beacons = nil
		other.mu.Unlock()
		p.visit(url)
		eventually(t, contentType+" runs when it is served as such", func() bool { return other.has("served") })
	}

	var files, elements []string // addresses of the files, and what a page of a stranger does with them
	for _, c := range carriers() {
		for contentType, text := range foreignTexts(other.URL + "/beacon?" + c.name) {
			data := c.with([]byte(text))
			if at := bytes.Index(data, []byte(text)); at < 0 || !strings.HasPrefix(c.name, "end.") && at > 512 {
				t.Fatalf("%s has the text at %d; expected it near the beginning", c.name, at)
			}
			accepted, body := w.simulatorAccepts(c.name, c.contentType, data)
			var answer struct{ ID string }
			if err := json.Unmarshal([]byte(body), &answer); !accepted || err != nil {
				t.Fatalf("%s with %s: %s", c.name, contentType, body)
			}
			files = append(files, console+"/media/"+answer.ID)
			if contentType == "text/html" {
				pages.visit(console + "/media/" + answer.ID)
			}
		}
	}
	if len(files) != 40 {
		t.Fatalf("%d files, want 40", len(files))
	}
	for _, file := range files {
		p.visit(file + "/view")
		for _, address := range []string{file + "/view", file + "/download"} {
			elements = append(elements, "<script data-counts=1 src='"+address+"'></script>", "<img data-counts=1 src='"+address+"'>",
				"<link data-counts=1 rel=stylesheet href='"+address+"'>")
		}
		elements = append(elements, "<iframe data-counts=1 src='"+file+"/view'></iframe>", "<object data-counts=1 data='"+file+"/view'></object>")
	}
	pages.visit(console + "/media")
	p.visit(other.add("/attack", "text/html", frame(strings.Join(elements, "\n"))))
	p.await("all elements are loaded or refused", fmt.Sprintf("window.ended >= %d", len(elements)))

	p.visit(other.add("/last", "text/html", foreignTexts(other.URL + "/beacon?last")["text/html"]))
	eventually(t, "the last page runs", func() bool { return other.has("last") })
	other.mu.Lock()
	defer other.mu.Unlock()
	for _, query := range other.beacons {
		if query != "last" && query != "served" {
			t.Errorf("a script of %s ran", query)
		}
	}
}
