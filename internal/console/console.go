// Package console is the web console: pages that show what ferry does, and in `ferry
// dev` the other side's phone and the controls of the simulator.
//
// Pages are rendered on the server (html/template, web/*.html) and work without
// JavaScript. The scripts in web/*.js add keys, and make the parts of a page follow what
// happens: a stream of server-sent events says that something has changed, and each page
// fetches its own parts again, so that there is one renderer and one place that decides
// what a person may see.
//
//	console.go   Config, routes
//	header.go    what browsers are told, and which requests are refused
//	session.go   who is logged in, and what they may do
//	trust.go     people whom a proxy has identified
//	redact.go    what viewers are not shown
//	request.go   requests and their errors
//	action.go    changes: POST requests, each of which is recorded
//	page.go      templates
//	stream.go    the stream of changes
//	preview.go   files that others have made
//	reading.go   what pages show of the journal and of events, redacted for viewers
//	now.go, timeline.go, trace.go, why.go, events*.go   pages of every server
//	admin.go and admin_*.go   pages of ferry serve: administration
//	sent.go, upload*.go, template_meta.go   pages of ferry serve: messages, files, templates
//	phone*.go, world*.go, template.go, media.go, message.go   pages of ferry dev
package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"ferry/internal/activity"
	"ferry/internal/gateway"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/testcode"
	"ferry/metasim"
)

// Config configures a Console.
type Config struct {
	// State is the database, which holds the sessions. Required.
	State *state.DB
	// Activity receives an entry for each change. Default: none.
	Activity *activity.Recorder
	// Gateway is the server whose journal and events are shown. Default: none; the pages
	// about them do not exist then.
	Gateway *gateway.Gateway
	// Simulator is the simulator in this process. Default: none, as in `ferry serve`; the
	// pages about it do not exist then.
	Simulator *metasim.Server
	// World is the whole world of ferry dev, with the simulator. Default: none; it is then
	// neither saved nor loaded.
	World World
	// Sample is what every world has, for tests that are made of what was done.
	Sample testcode.Sample
	// Sources say when the pages about them are out of date, by the name that templates
	// use in data-live. The simulator is added as "world".
	Sources map[string]Source
	// NeedsLogin refuses everybody without a session. Default: everybody is an admin.
	NeedsLogin bool
	// Token logs in as often as it is used, as an admin. Default: only links of
	// state.AddConsoleLogin do, once each.
	Token secret.Secret
	// Trust says which proxies name the person who sends a request, in place of a login.
	// Default: none.
	Trust Trust
	// Origins (scheme://host[:port]) are those whose pages may send forms to the console.
	// Default: its own.
	Origins []string
	// Logger receives errors that a person is not shown. Default: they are discarded.
	Logger *slog.Logger
	// Now returns the current time. Default: that of the simulator, or else time.Now.
	Now func() time.Time
}

// A Source says that something has changed.
type Source interface {
	// Changed returns a channel that is closed by the next change.
	Changed() <-chan struct{}
}

// Console is an http.Handler.
type Console struct {
	config  Config
	pages   *pages
	mux     *http.ServeMux
	foreign *http.CrossOriginProtection
	nav     []navItem

	logins   *rate.Limiter
	streams  chan struct{} // has an element for each stream
	pictures chan struct{} // has an element for each picture that is decoded
	previews chan struct{} // has an element for each file that is read from Meta
	draining chan struct{} // closed by Drain
	drain    sync.Once
	// examining is held while the server is examined.
	examining sync.Mutex
	checked   struct { // the last health checks
		sync.Mutex
		health gateway.Health
		at     time.Time
	}
}

const (
	maxStreams  = 32 // that are open at a time
	maxPictures = 2  // that are decoded at a time
	maxPreviews = 8  // files that are read from Meta at a time, to be shown
	loginRate   = 5  // logins a second
)

// New returns a Console.
func New(config Config) (*Console, error) {
	if config.State == nil {
		return nil, errors.New("console: the database is missing")
	}
	if err := config.Trust.Check(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if config.Gateway == nil && config.Simulator == nil {
		return nil, errors.New("console: there is neither a gateway nor a simulator to show")
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil && config.Simulator != nil {
		config.Now = config.Simulator.Now
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	sources := make(map[string]Source, len(config.Sources)+1)
	for name, source := range config.Sources {
		sources[name] = source
	}
	if config.Simulator != nil {
		sources["world"] = config.Simulator
	}
	config.Sources = sources
	c := &Console{
		config: config, mux: http.NewServeMux(), foreign: http.NewCrossOriginProtection(),
		logins: rate.NewLimiter(loginRate, loginRate), streams: make(chan struct{}, maxStreams),
		pictures: make(chan struct{}, maxPictures), previews: make(chan struct{}, maxPreviews), draining: make(chan struct{}),
	}
	for _, origin := range config.Origins {
		if err := c.foreign.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	var err error
	if c.pages, err = loadPages(); err != nil {
		return nil, err
	}
	c.route()
	return c, nil
}

// route registers all routes. A page or an action needs a role; what is in c.mux without
// one is for everybody.
func (c *Console) route() {
	c.mux.HandleFunc("GET /static/{version}/{name}", c.serveStatic)
	c.mux.HandleFunc("GET /login", c.serveLogin)
	c.mux.HandleFunc("POST /login", c.logIn)
	c.mux.HandleFunc("GET /stream", c.forRole(viewer, c.serveStream))
	c.mux.HandleFunc("POST /logout", c.forRole(viewer, c.logOut))
	if c.config.Gateway != nil {
		c.routeNow()
	}
	if c.config.Simulator != nil {
		c.routePhone()
		c.routeMessages()
		c.routeTemplates()
		c.routeMedia()
	} else if c.config.Gateway != nil {
		c.routeSent()
		c.routeMetaTemplates()
		c.routeUploads()
	}
	if c.config.Gateway != nil {
		c.routeTimeline()
		c.routeWhy()
		c.routeEvents()
	} else {
		c.mux.HandleFunc("GET /{$}", c.forRole(viewer, func(w http.ResponseWriter, r *request) {
			http.Redirect(w, r.Request, c.nav[0].Path, http.StatusSeeOther)
		}))
	}
	switch {
	case c.config.Simulator != nil:
		c.routeSimulator()
	case c.config.Gateway != nil:
		c.routeAdmin()
	}
	c.mux.HandleFunc("/", c.forRole(viewer, func(w http.ResponseWriter, r *request) {
		c.renderError(w, r, problem{http.StatusNotFound, "There is no such page.", ""})
	}))
}

// ServeHTTP implements [http.Handler].
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header(), r)
	if err := c.refuses(r); err != nil {
		c.renderError(w, &request{Request: r}, problem{http.StatusForbidden, err.Error(), ""})
		return
	}
	if _, err := c.config.Trust.person(r); err != nil {
		c.config.Logger.Warn("a request to the console was refused", "remote", r.RemoteAddr, "cause", err)
		c.renderError(w, &request{Request: r}, asProblem(err))
		return
	}
	c.mux.ServeHTTP(w, r)
}

// Drain ends the streams, so that a stop does not wait for them.
func (c *Console) Drain() { c.drain.Do(func() { close(c.draining) }) }

// navItem is a page that the head of every page links to.
type navItem struct{ Path, Name, Key string }

// Has reports whether a path is that of the page, or of one below it.
func (n navItem) Has(path string) bool { return path == n.Path || strings.HasPrefix(path, n.Path+"/") }

// page registers a page that the head of every page links to, if it has a name. Key is
// the second key of its shortcut.
func (c *Console) page(item navItem, least role, serve func(http.ResponseWriter, *request)) {
	if item.Name != "" {
		c.nav = append(c.nav, item)
	}
	pattern := item.Path
	if pattern == "/" { // and no other path below it
		pattern = "/{$}"
	}
	c.mux.HandleFunc("GET "+pattern, c.forRole(least, serve))
}

// record records a change.
func (c *Console) record(ctx context.Context, r *request, e activity.Entry) {
	e.Kind, e.By, e.Remote = activity.Admin, r.user.Name, r.RemoteAddr
	c.config.Activity.Record(ctx, e)
}
