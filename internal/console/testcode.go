// What was just done, as a test.

package console

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"ferry/internal/activity"
	"ferry/internal/journal"
	"ferry/internal/testcode"
)

const (
	maxRecorded = 10_000   // entries of the journal that a recording is made of: all that ferry dev keeps
	maxObject   = 16 << 20 // bytes of an object in a recording
	maxCode     = 32 << 10 // bytes of code that are shown; the file has all
)

// testPage shows a recording.
type testPage struct {
	About  string // in words
	Notes  []string
	Steps  int
	Go     string
	Shell  string
	Query  string // of the same recording
	Person string
}

func (c *Console) routeTest() {
	if c.config.World == nil || c.config.Gateway == nil {
		return
	}
	c.page(navItem{Path: "/test"}, admin, c.serveTest) // files of messages are in it
	c.mux.HandleFunc("GET /test/session_test.go", c.forRole(admin, c.downloadTest(func(p testPage) string { return p.Go })))
	c.mux.HandleFunc("GET /test/session.sh", c.forRole(admin, c.downloadTest(func(p testPage) string { return p.Shell })))
}

// shownCode is code of which a page shows the beginning.
type shownCode struct {
	Text string
	Cut  bool
}

// Shown returns what the page shows of one of its texts.
func (testPage) Shown(code string) shownCode {
	if len(code) <= maxCode {
		return shownCode{code, false}
	}
	return shownCode{strings.ToValidUTF8(code[:maxCode], ""), true}
}

// canRecord reports whether there is a page with tests.
func (c *Console) canRecord() bool { return c.config.World != nil && c.config.Gateway != nil }

func (c *Console) serveTest(w http.ResponseWriter, r *request) {
	page, err := c.recordTest(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	c.render(w, r, "test", page)
}

// downloadTest returns a handler that sends one of the two forms of a recording.
func (c *Console) downloadTest(form func(testPage) string) func(http.ResponseWriter, *request) {
	return func(w http.ResponseWriter, r *request) {
		page, err := c.recordTest(r)
		if err != nil {
			c.renderError(w, r, asProblem(err))
			return
		}
		name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
		_, _ = io.WriteString(w, form(page)) // fails only if the browser has disconnected
	}
}

// recordTest returns what a request is about, as tests.
func (c *Console) recordTest(r *request) (testPage, error) {
	query := r.URL.Query()
	about := testcode.About{Person: strings.TrimPrefix(query.Get("person"), "+"), ID: strings.TrimSpace(query.Get("id"))}
	page := testPage{About: "everything", Person: about.Person}
	values := url.Values{}
	switch {
	case about.Person != "":
		about.ID = ""
		page.About = "the conversation with " + phoneNumber(about.Person)
		values.Set("person", about.Person)
	case about.ID != "":
		page.About = about.ID
		values.Set("id", about.ID)
	}
	page.Query = values.Encode()
	var entries []activity.Entry
	for len(entries) < maxRecorded {
		after := int64(0)
		if n := len(entries); n > 0 {
			after = entries[n-1].Seq
		}
		more, err := c.config.Gateway.Journal().Read(r.Context(), journal.Filter{After: after})
		if err != nil {
			return page, err
		}
		if len(more) == 0 {
			break
		}
		entries = append(entries, more...)
	}
	recording := testcode.Record(testcode.Config{
		Simulator: c.config.Simulator, Entries: entries, Sample: c.config.Sample,
		Object: func(bucket, key string) ([]byte, string, bool) { return c.object(r.Context(), bucket, key) },
	}, about)
	page.Notes, page.Steps = recording.Notes, recording.Steps()
	if recording.IsEmpty() {
		return page, nil
	}
	var err error
	page.Go, err = recording.Go()
	page.Shell = recording.Shell()
	return page, err
}

// object returns an object of S3.
func (c *Console) object(ctx context.Context, bucket, key string) ([]byte, string, bool) {
	object, mime, err := c.config.World.Object(ctx, bucket, key)
	if err != nil {
		return nil, "", false
	}
	defer object.Close()
	data, err := io.ReadAll(io.LimitReader(object, maxObject+1))
	return data, mime, err == nil && len(data) <= maxObject
}
