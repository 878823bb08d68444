package console_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/console"
	"ferry/internal/local"
	"ferry/internal/sample"
	"ferry/internal/state"
	"ferry/metasim"
)

// as reads a page with a cookie.
func (s *server) as(cookie, path string) answer {
	s.t.Helper()
	return s.get(path, "Cookie", cookie)
}

func TestServerListsUploadsAndShowsTheirBytesOnlyOnRequest(t *testing.T) {
	var later atomic.Int64
	s := startServer(t, asServe, func(c *console.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	id := s.cmyk()
	viewer, operator := s.login("viewer"), s.login("operator")
	row := []string{"s3://ferry-media/print.jpg", "image/jpeg", `href="/media/` + id + `"`, `href="/why?id=` + id}
	s.as(viewer, "/media").want(t, 200, row...)
	s.as(viewer, "/media?q=print.jpg").want(t, 200, row...)
	s.as(viewer, "/media?q="+id).want(t, 200, row...)
	s.as(viewer, "/media?q=nothing").want(t, 200, "No file here is like this")
	s.as(viewer, "/media?before=yesterday").want(t, http.StatusBadRequest, "expected the one of a link")
	s.as(viewer, "/media?account=1").want(t, http.StatusBadRequest, "no account")
	s.await("/media/"+id, []string{"Cookie", viewer}, "jpeg-cmyk", "ffmpeg -i IN", "PostWhatsAppMessageMedia", "Operators may look at the file", "15…881", local.AccessKeyID)
	s.as(viewer, "/media/1").want(t, http.StatusNotFound, "no record of an upload")
	s.as(viewer, "/why?id="+id).want(t, 200, `href="/media/`+id+`"`)

	page := s.as(operator, "/media/"+id)
	page.want(t, 200, "Looking at them is recorded", "+1 555-078-3881", ">Show<")
	if strings.Contains(page.body, "/view") {
		t.Error("the bytes are shown without a request")
	}
	for _, path := range []string{"/view", "/view?preview=x", "/download"} {
		s.as(operator, "/media/"+id+path).want(t, http.StatusForbidden, "This preview is for another file or person")
	}
	s.submit(viewer, "/media/"+id+"/preview").want(t, http.StatusForbidden, "Your role is viewer")
	s.submit(operator, "/media/1/preview").want(t, http.StatusNotFound)
	shown := s.submit(operator, "/media/"+id+"/preview")
	shown.want(t, http.StatusSeeOther)
	to := shown.header.Get("Location")
	s.as(operator, to).want(t, 200, `<img class="large" src="/media/`+id+`/view?preview=`, "image/jpeg by its bytes", "Download")
	ticket := to[strings.Index(to, "?"):]
	view := s.as(operator, "/media/"+id+"/view"+ticket)
	original := sample.Data("jpeg-cmyk.jpg")
	if view.status != 200 || view.header.Get("Content-Type") != "image/jpeg" || view.body != string(original) {
		t.Errorf("the file is %d %q, %d bytes", view.status, view.header.Get("Content-Type"), len(view.body))
	}
	if policy := view.header.Get("Content-Security-Policy"); policy != "default-src 'none'; sandbox" {
		t.Errorf("the file may do %q", policy)
	}
	if head := s.send(http.MethodHead, "/media/"+id+"/view"+ticket, "", nil, "Cookie", operator); head.status != 200 || head.header.Get("Content-Type") != "image/jpeg" || head.body != "" {
		t.Errorf("HEAD of the file: %d %q", head.status, head.header.Get("Content-Type"))
	}
	saved := s.as(operator, "/media/"+id+"/download"+ticket)
	if saved.body != string(original) || saved.header.Get("Content-Disposition") != `attachment; filename="print.jpg"` && !strings.HasPrefix(saved.header.Get("Content-Disposition"), "attachment; ") {
		t.Errorf("the download is %d, %q", saved.status, saved.header.Get("Content-Disposition"))
	}
	s.as(viewer, "/media/"+id+"/view"+ticket).want(t, http.StatusForbidden, "this needs the role operator")
	other := s.cmykAgain()
	s.as(operator, "/media/"+other+"/view"+ticket).want(t, http.StatusForbidden, "another file")

	s.await("/timeline?kind=admin", []string{"Cookie", operator}, "PreviewMedia", "shown: s3://ferry-media/print.jpg")
	if texts := s.changes(); !strings.Contains(texts, "anna PreviewMedia "+local.AccountID+" ok: shown: s3://ferry-media/print.jpg") || !strings.Contains(texts, "anna PreviewMedia  refused:") {
		t.Errorf("the changes are:\n%s", texts)
	}

	later.Store(int64(6 * time.Minute))
	s.as(operator, "/media/"+id+"/view"+ticket).want(t, http.StatusForbidden, "older than 5 min")
}

// cmykAgain uploads the picture of putPrint under another name.
func (s *server) cmykAgain() string {
	s.t.Helper()
	s.put("other.jpg", sample.Data("jpeg-cmyk.jpg"))
	id, err := s.uploadObject("other.jpg")
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func TestPreviewOfAFileThatWhatsAppHasNoLongerSaysSo(t *testing.T) {
	s := startServer(t, asServe)
	id := s.cmyk()
	operator := s.login("operator")
	for want, fault := range map[string]metasim.Fault{
		"WhatsApp does not have this file any more": {Operation: metasim.OperationRetrieve, Status: 400, ErrorCode: 100},
		"Meta refuses it": {Operation: metasim.OperationRetrieve, Status: 500, ErrorCode: 1},
		"Meta ":           {Operation: metasim.OperationDownload, Status: 500},
	} {
		if _, err := s.sim.AddFault(fault); err != nil {
			t.Fatal(err)
		}
		to := s.submit(operator, "/media/"+id+"/preview").header.Get("Location")
		if a := s.as(operator, to); a.status < 400 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", want, a.status, a.body)
		}
		s.sim.ClearFaults()
	}
}

func TestServerPagesUploadsOfEachAccount(t *testing.T) {
	s := startServer(t, asServe)
	viewer := s.login("viewer")
	for i := range console.MaxUploadRows + 5 {
		s.put(fmt.Sprintf("many/%d.jpg", i), sample.Data("jpeg-cmyk.jpg"))
		if _, err := s.uploadObject(fmt.Sprintf("many/%d.jpg", i)); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(map[string]bool)
	pages := 0
	for path := "/media?q=many"; path != ""; pages++ {
		a := s.as(viewer, path)
		a.want(t, 200)
		if len(a.body) > 100_000 {
			t.Errorf("the page has %d bytes", len(a.body))
		}
		path = ""
		for _, link := range attribute(a, "href") {
			switch {
			case strings.Contains(link, "before="):
				path = link
			case strings.HasPrefix(link, "/media/"):
				seen[link] = true
			}
		}
	}
	if pages != 2 || len(seen) != console.MaxUploadRows+5 {
		t.Errorf("%d files on %d pages", len(seen), pages)
	}
}

func TestServerListsMessagesWithTheirStatuses(t *testing.T) {
	s := startServer(t, asServe)
	media := s.cmyk()
	failed := s.sendTo(map[string]any{"type": "image", "image": map[string]any{"id": media}})
	text := s.sendText("a word in confidence")
	viewer, operator := s.login("viewer"), s.login("operator")
	s.await("/messages?status=failed", []string{"Cookie", operator}, failed, "131053")
	s.await("/messages?status=delivered", []string{"Cookie", operator}, text, anna)
	if a := s.as(operator, "/messages?status=failed"); strings.Contains(a.body, text) {
		t.Error("a delivered message is among the failed ones")
	}
	s.as(operator, "/messages?id="+text).want(t, 200, `href="/messages/`+text+`"`)
	s.as(operator, "/messages?id=unknown").want(t, 200, "No message is like this")
	s.as(operator, "/messages?status=lost").want(t, http.StatusBadRequest, "There is no status &#34;lost&#34;; expected one of")
	s.as(operator, "/messages/"+text).want(t, 200, "✓✓ delivered", "… queued", "a word in confidence", `href="/why?id=`+text)
	s.as(operator, "/messages/unknown").want(t, http.StatusNotFound, "no event or message")
	for _, path := range []string{"/messages", "/messages/" + text} {
		if a := s.as(viewer, path); a.status != 200 || strings.Contains(a.body, anna) || strings.Contains(a.body, "in confidence") || !strings.Contains(a.body, "16…234") {
			t.Errorf("%s shows a viewer too much, or nothing: %d %s", path, a.status, a.body)
		}
	}
}

func TestServerShowsTheTemplatesThatMetaHas(t *testing.T) {
	s := startServer(t, asServe)
	viewer := s.login("viewer")
	templates := s.sim.Templates("")
	if len(templates) == 0 {
		t.Fatal("the world has no templates")
	}
	one := templates[0]
	page := s.as(viewer, "/templates")
	page.want(t, 200, one.Name, "✓ approved", local.MetaAccountID)
	var link string
	for _, l := range attribute(page, "href") {
		if strings.HasPrefix(l, "/templates/"+one.ID) {
			link = l
		}
	}
	s.as(viewer, link).want(t, 200, "As Meta has it", "&#34;components&#34;", one.ID)
	s.as(viewer, "/templates/123456789012345?"+link[strings.Index(link, "?")+1:]).want(t, http.StatusNotFound, "has no template with the id")
	s.as(viewer, "/templates?waba=x").want(t, http.StatusNotFound, "no business account")
	s.as(viewer, "/templates?next=x").want(t, http.StatusBadRequest, "nextToken is not one")
	if _, err := s.sim.ChangeTemplate(one.ID, metasim.TemplateChange{Status: "REJECTED", Reason: "SCAM"}); err != nil {
		t.Fatal(err)
	}
	s.as(viewer, link).want(t, 200, "✗ rejected", "✗ scam")
	if got := s.submit(viewer, "/templates/"+one.ID, "status", "APPROVED"); got.status != http.StatusMethodNotAllowed && got.status != http.StatusNotFound {
		t.Errorf("a review: %d", got.status)
	}
	if _, err := s.sim.AddFault(metasim.Fault{Operation: metasim.OperationTemplates, Status: 401, ErrorCode: 190}); err != nil {
		t.Fatal(err)
	}
	s.as(viewer, "/templates").want(t, http.StatusBadGateway, "Meta refuses it", "check the token")
}

func TestPagesOfAServerShowMarkupAsText(t *testing.T) {
	s := startServer(t, asServe)
	operator := s.login("operator")
	key := `<script>alert(1)</script>"'&` + "\u202e.jpg"
	s.put(key, sample.Data("jpeg-cmyk.jpg"))
	id, err := s.uploadObject(key)
	if err != nil {
		t.Fatal(err)
	}
	message := s.sendText("<img src=x onerror=alert(1)>")
	for _, path := range []string{"/media", "/media/" + id, "/media?q=" + url.QueryEscape(key), "/messages", "/messages/" + message, "/messages?id=" + url.QueryEscape(hostile), "/templates?waba=" + url.QueryEscape(hostile), "/media/" + url.PathEscape(hostile)} {
		a := s.as(operator, path)
		if a.status >= 500 || strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<img src=x") || strings.ContainsAny(tags.ReplaceAllString(a.body, ""), "\x1b\u202e") {
			t.Errorf("%s: %d has the markup: %s", path, a.status, a.body)
		}
	}
	to := s.submit(operator, "/media/"+id+"/preview").header.Get("Location")
	saved := s.as(operator, "/media/"+id+"/download"+to[strings.Index(to, "?"):])
	if name := saved.header.Get("Content-Disposition"); strings.ContainsAny(name, "<>\u202e") || !bytes.Equal([]byte(saved.body), sample.Data("jpeg-cmyk.jpg")) {
		t.Errorf("it is saved as %q", name)
	}
}

func TestDatabaseThatIsNotThereIsNamedAndItsErrorIsNot(t *testing.T) {
	for cause, want := range map[error]string{
		state.ErrUnreachable: "The server of the database cannot be reached at the moment. ferry continues by itself",
		state.ErrUnwritable:  "The database cannot be written at the moment. ferry continues by itself",
		state.ErrUncertain:   "which may have been made or not. Reload the page",
	} {
		status, text, advice := console.ProblemOf(fmt.Errorf("%w: dial tcp 10.1.2.3:5432: connection refused", cause))
		if status != http.StatusServiceUnavailable || !strings.Contains(text+" "+advice, want) || strings.Contains(text+advice, "10.1.2.3") {
			t.Errorf("%v: %d %q %q", cause, status, text, advice)
		}
	}
}
