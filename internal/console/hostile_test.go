package console_test

import (
	"net/http"
	"strings"
	"testing"

	"ferry/internal/console"
	"ferry/internal/sample"
)

const hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egnp.exe\x1b[31m"

func TestNamesAndTextsWithMarkupAreShownAsText(t *testing.T) {
	w := start(t)
	w.post("/phone", "wa_id", anna, "name", hostile).want(t, http.StatusSeeOther)
	w.business(map[string]any{"type": "text", "text": map[string]any{"body": hostile}})
	w.post("/phone/"+anna+"/send", "text", hostile).want(t, http.StatusSeeOther)
	w.post("/phone/"+anna+"/location", "latitude", "1", "longitude", "1", "name", hostile).want(t, http.StatusSeeOther)
	w.post("/phone/"+anna+"/contact", "name", hostile, "phone", hostile).want(t, http.StatusSeeOther)
	w.upload(hostile, "application/pdf", []byte("%PDF-1.7 "+hostile)).want(t, http.StatusSeeOther)
	w.post("/world/faults", "body", hostile).want(t, http.StatusSeeOther)
	pages := []string{"/phone/" + anna, "/messages", "/messages?q=" + "%3Cscript%3E", "/media", "/media/" + w.sim.MediaFiles(1)[0].ID, "/world", "/phone/%3Cscript%3Ealert(1)%3C%2Fscript%3E"}
	for _, path := range pages {
		if a := w.get(path); strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<img src=x") {
			t.Errorf("%s has the markup: %s", path, a.body)
		}
	}
}

func TestFilesThatABrowserCouldRunAreNeverShownByIt(t *testing.T) {
	w := start(t)
	w.post("/phone", "wa_id", anna).want(t, http.StatusSeeOther)
	for name, content := range map[string]string{
		"image/svg+xml": `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		"image/png":     `<!doctype html><script>alert(1)</script>`,
		"text/html":     `<html><script>alert(1)</script></html>`,
		"text/xml":      `<?xml version="1.0"?><x/>`,
		"image/gif":     "GIF89a/*" + strings.Repeat("x", 40) + "*/=1;alert(1)",
	} {
		w.upload("file", name, []byte(content), "as", "document").want(t, http.StatusSeeOther)
		id := w.sim.MediaFiles(1)[0].ID
		w.get("/media/"+id+"/view").want(t, http.StatusUnsupportedMediaType)
		a := w.get("/media/" + id + "/download")
		if a.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment;") || a.body != content {
			t.Errorf("%s: %v", name, a.header)
		}
	}
	for _, f := range sample.Files()[:1] {
		w.upload("a.jpg", "image/jpeg", f.Data).want(t, http.StatusSeeOther)
		a := w.get("/media/" + w.sim.MediaFiles(1)[0].ID + "/view")
		if a.header.Get("Content-Type") != "image/jpeg" || a.header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
			t.Errorf("%v", a.header)
		}
	}
}

func TestNamesOfSavedFilesAreSafe(t *testing.T) {
	for name, want := range map[string]string{
		"a.pdf":                    `attachment; filename="a.pdf"; filename*=UTF-8''a.pdf`,
		"\"x\"\r\nSet-Cookie: a=b": `attachment; filename="_x___Set-Cookie_ a=b"; filename*=UTF-8''_x___Set-Cookie_%20a=b`,
		"../../etc/passwd":         `attachment; filename="_.._etc_passwd"; filename*=UTF-8''_.._etc_passwd`,
		"größe.txt":                `attachment; filename="gr__e.txt"; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt`,
		"":                         `attachment; filename="file"; filename*=UTF-8''file`,
	} {
		if got := console.Disposition("attachment", name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
