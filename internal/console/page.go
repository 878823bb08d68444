package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"ferry/internal/tty"
	"ferry/metasim"
)

//go:embed web
var web embed.FS

// pages are the templates, one set for each page: web/layout.html with the page.
type pages struct {
	version string // of everything in web, so that browsers may keep what it names
	sets    map[string]*template.Template
	static  map[string][]byte
}

// loadPages reads the templates and what browsers load beside them.
func loadPages() (*pages, error) {
	p := &pages{sets: make(map[string]*template.Template), static: make(map[string][]byte)}
	digest := sha256.New()
	entries, err := fs.ReadDir(web, "web")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		text, err := web.ReadFile("web/" + entry.Name())
		if err != nil {
			return nil, err
		}
		digest.Write(text)
		if path.Ext(entry.Name()) != ".html" {
			p.static[entry.Name()] = text
		}
	}
	p.version = hex.EncodeToString(digest.Sum(nil)[:8])
	layout, err := template.New("").Funcs(functions).ParseFS(web, "web/layout.html", "web/part-*.html")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name, isPage := strings.CutSuffix(entry.Name(), ".html")
		if !isPage || name == "layout" || strings.HasPrefix(name, "part-") {
			continue
		}
		set, err := layout.Clone()
		if err == nil {
			set, err = set.ParseFS(web, "web/"+entry.Name())
		}
		if err != nil {
			return nil, err
		}
		p.sets[name] = set
	}
	return p, nil
}

// functions are what templates call.
var functions = template.FuncMap{
	"clean":  tty.Clean, // a name, an id or a line from elsewhere
	"size":   tty.Size,
	"clock":  func(t time.Time) string { return t.UTC().Format("15:04:05") },
	"minute": func(t time.Time) string { return t.UTC().Format("15:04") },
	"day":    func(t time.Time) string { return t.UTC().Format("2 Jan 2006") },
	"exact":  func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"stamp":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"zero":   func(t time.Time) bool { return t.IsZero() },
	"phone":  phoneNumber,
	"number": user.number, // {{number .User "16505551234"}}: as the person may see it
	"span":   span,
	"took":   took,
	"lines":  cleanLines, // the same of several lines
	"short":  shortTo,
	"join":   strings.Join,
	"lower":  strings.ToLower,
	"title":  func(word string) string { return strings.ToUpper(word[:1]) + word[1:] },
	"inc":    func(i int) int { return i + 1 },
	"shell":  shellWord,
	"words":  func(text string) string { return strings.ReplaceAll(strings.ToLower(text), "_", " ") },
	"dict": func(pairs ...any) map[string]any {
		values := make(map[string]any, len(pairs)/2)
		for i := 0; i+1 < len(pairs); i += 2 {
			values[fmt.Sprint(pairs[i])] = pairs[i+1]
		}
		return values
	},
	"list":    func(values ...string) []string { return values },
	"in":      func(list []string, value string) bool { return slices.Contains(list, value) },
	"query":   url.QueryEscape,
	"command": command,

	"hasPrefix": strings.HasPrefix,
}

// phoneNumber returns a wa_id as a phone number.
func phoneNumber(waID string) string {
	if waID == "" || strings.Trim(waID, "0123456789") != "" {
		return tty.Clean(waID)
	}
	return "+" + waID
}

// span returns a duration in words: "3 days", "23:54 h", "12 min", "5 s".
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour:
		return fmt.Sprintf("%d:%02d h", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// view is what templates show.
type view struct {
	Page      string // name of the template
	Static    string // path of what is beside the pages
	Place     string // path of this page
	Nav       []navItem
	User      user
	Login     bool // people log in
	CanAsk    bool // there is a page Why
	CanRecord bool // there is a page with tests
	World     *worldView
	Data      any
}

// worldView is what the head of each page shows of the simulator.
type worldView struct {
	Number  metasim.Number // that the page is about
	Account string
	Numbers []metasim.Number
	Clock   metasim.Clock
	Faults  int
	Default bool // Number is the first one
}

// With returns the path of a page about the same phone number.
func (v *worldView) With(path string) string {
	if v == nil || v.Default || v.Number.ID == "" {
		return path
	}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + "number=" + v.Number.ID
}

// number returns the phone number that a request is about: that of the parameter, or the
// first one.
func (c *Console) number(r *request) metasim.Number {
	numbers := c.config.Simulator.Numbers()
	wanted := r.URL.Query().Get("number")
	if i := slices.IndexFunc(numbers, func(n metasim.Number) bool { return n.ID == wanted }); i >= 0 {
		return numbers[i]
	}
	if len(numbers) == 0 {
		return metasim.Number{}
	}
	return numbers[0]
}

func (c *Console) worldView(r *request) *worldView {
	if c.config.Simulator == nil || r.user.Role == 0 {
		return nil
	}
	v := &worldView{Numbers: c.config.Simulator.Numbers(), Number: c.number(r), Clock: c.config.Simulator.Clock(), Faults: len(c.config.Simulator.Faults())}
	v.Default = len(v.Numbers) == 0 || v.Numbers[0].ID == v.Number.ID
	return v
}

// parts are the templates that a script may fetch alone; each makes one element with its
// name as the id.
func isPart(set *template.Template, name string) bool {
	return strings.HasSuffix(name, "-part") && set.Lookup(name) != nil
}

// render writes a page, or the parts of it that a script wants.
func (c *Console) render(w http.ResponseWriter, r *request, name string, data any) {
	c.renderStatus(w, r, http.StatusOK, name, data)
}

func (c *Console) renderStatus(w http.ResponseWriter, r *request, status int, name string, data any) {
	v := view{
		Page: name, Static: "/static/" + c.pages.version, Place: r.URL.Path, User: r.user, Login: c.config.NeedsLogin,
		World: c.worldView(r), Data: data,
	}
	if r.user.Role > 0 {
		v.Nav, v.CanAsk, v.CanRecord = c.nav, c.config.Gateway != nil, c.canRecord()
	}
	set, names := c.pages.sets[name], []string{"layout"}
	if parts := r.part(); parts != nil && status == http.StatusOK {
		names = parts
	}
	var page bytes.Buffer
	for _, name := range names {
		if name != "layout" && !isPart(set, name) {
			continue
		}
		if err := set.ExecuteTemplate(&page, name, v); err != nil {
			c.config.Logger.Error("a page of the console failed", "page", v.Page, "error", err)
			http.Error(w, "The page cannot be shown. The server's log says why.", http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // fails only if the browser has disconnected
}

// renderError writes a page that says what is wrong.
func (c *Console) renderError(w http.ResponseWriter, r *request, p problem) {
	if p.Status >= http.StatusInternalServerError {
		c.config.Logger.Error("a request to the console failed", "method", r.Method, "path", r.URL.Path, "status", p.Status)
	}
	c.renderStatus(w, r, p.Status, "error", struct {
		problem
		Title string
	}{p, http.StatusText(p.Status)})
}

// serveStatic serves a script or a style sheet. Browsers keep it: the path names its
// version.
func (c *Console) serveStatic(w http.ResponseWriter, r *http.Request) {
	text, ok := c.pages.static[r.PathValue("name")]
	if !ok || r.PathValue("version") != c.pages.version {
		http.Error(w, "There is no such file in this version.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(r.PathValue("name"))))
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(text)
}
