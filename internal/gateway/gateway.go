// Package gateway puts ferry's server together: database, Graph client, object
// stores and API. `ferry serve`, `ferry dev`, `ferry demo` and tests run this
// same code; only addresses and limits differ.
//
// A [Gateway] consists of parts, which serve HTTP on a listener each, and of
// loops, which work in the background:
//
//	gateway.go      Config, Open and Close
//	run.go          Run and Stop
//	part.go         parts and loops
//	outbox.go       what delivers messages and events
//	events.go       where events go
//	messages.go     what sends messages
//	webhook.go      the receiver of Meta's webhooks
//	metrics.go      what is counted, and where that is served
//	tokens.go       when the tokens of Meta expire
//	certificate.go  the API's certificate, and its renewal
//	framing.go      requests whose length is ambiguous
//	health.go       what is ready, and what is not
//	examine.go      what 'ferry doctor' finds
//	limits.go       the limits in force
//	hosts.go        host names and web pages that requests may come from
package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ferry/internal/activity"
	"ferry/internal/admission"
	"ferry/internal/event"
	"ferry/internal/graph"
	"ferry/internal/guard"
	"ferry/internal/journal"
	"ferry/internal/message"
	"ferry/internal/object"
	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/internal/tracing"
	"ferry/internal/transfer"
)

// Config configures a Gateway.
type Config struct {
	// State is the database. Required. The gateway closes it.
	State *state.DB
	// Sealer is the one that State was opened with. Required.
	Sealer *secret.Sealer
	// Graph configures the client of Meta's Graph API. The gateway sets Dial.
	Graph graph.Config
	// Objects configures the stores and presigned URLs. The gateway sets Guard, and
	// adds the hosts of the Graph API to ExceptHosts.
	Objects object.Config
	// Own holds the addresses that no source may name: the other listeners of
	// the process. The gateway adds its own listeners and the addresses of State.
	// Default: none.
	Own *guard.Own
	// Dial connects to Meta, to stores and to destinations, whose addresses have been
	// checked. Default: the machine's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Alone says that no other process uses State, so that nothing looks for what others
	// have put in. Default: false.
	Alone bool
	// Transfer has the limits of transfers. The gateway sets State, Graph, Objects,
	// Activity and Logger.
	Transfer transfer.Config
	// Router has the destinations of events. The gateway sets State, Region and
	// AnyRegion.
	Router event.RouterConfig
	// Deliverer says how destinations are reached. The gateway sets State, Router,
	// Guard, Activity and Logger.
	Deliverer event.DelivererConfig
	// Messages has the limits of outgoing messages. The gateway sets State, Graph,
	// Governor, Route, Region and Activity.
	Messages message.Config
	// Governor has the rate limits of outgoing messages. The gateway sets State.
	Governor message.GovernorConfig
	// LinkToID uploads the files that messages link to, and sends them by their ids, for
	// all accounts. Default: for those that have turned it on.
	LinkToID bool
	// Version is that of the program, for whoever examines it. Default: none.
	Version string
	// Webhook configures the receiver of Meta's webhooks. Default: none.
	Webhook Webhook
	// Metrics configures the metrics. Default: none.
	Metrics Metrics
	// Tracer exports traces. Whoever opened it closes it, after the gateway. Default: none.
	Tracer *tracing.Tracer
	// API has the limits and the region of the API. The gateway sets State,
	// Transfers, Objects, Messages, Graph, Sealer, Events and Activity.
	API social.Config
	// Journal keeps what happens. The gateway runs it. Default: one in memory.
	Journal *journal.Journal
	// Now returns the time by which messages, events, files and limits have their age.
	// State must have been opened with it. Signatures, caches and timeouts are of real
	// time. Default: time.Now.
	Now func() time.Time
	// Until returns how long it takes until Now returns t. Default: the difference.
	Until func(t time.Time) time.Duration
	// Logger receives the log. Default: it is discarded.
	Logger *slog.Logger

	// Listener is where the API is served. Required. The gateway closes it.
	Listener net.Listener
	// CertFile and KeyFile are PEM files with the certificate of the API and its
	// key: both or none. They are read again when they change. Default: none, which
	// means plain HTTP.
	CertFile, KeyFile string
	// TLS encrypts the API in place of CertFile and KeyFile. Default: none.
	TLS *tls.Config
	// Access says by which host names the health checks and the parts are called,
	// and from which web pages. Default: the zero Access.
	Access Access
	// Parts are served beside the API, such as a console. The gateway closes
	// their listeners.
	Parts []Part
	// Checks are further parts whose health /readyz depends on. Default: none.
	Checks []Check
	// ShowReasons makes the health checks say why a part does not work. Default: only
	// the log says so.
	ShowReasons bool
	// Loops run beside the gateway's own.
	Loops []Loop

	// Admission bounds the connections of all parts together, and what clients may
	// hold before they are verified. The gateway sets Logger, and lowers the number
	// of connections, and of transfers, to what the file descriptors of the process
	// allow.
	Admission admission.Config
	// BodyTimeout is the time in which a client must send a request's body.
	// Default: 30 s.
	BodyTimeout time.Duration
	// DrainDelay is how long requests are still accepted after Run's context is
	// done, while /readyz returns 503 so that load balancers choose other
	// replicas. Default: 0.
	DrainDelay time.Duration
	// DrainTimeout is how long requests in progress may continue after
	// DrainDelay. Default: 30 s.
	DrainTimeout time.Duration
}

// Gateway is ferry's server: Open creates it, Run serves, Close closes it.
type Gateway struct {
	config    Config
	activity  *activity.Recorder
	admission *admission.Limiter
	limits    Limits
	graph     *graph.Client
	objects   *object.Opener
	transfers *transfer.Engine
	tokens    *tokens // nil without metrics
	governor  *message.Governor
	links     *message.Links
	messages  *message.Sender
	service   *social.Service
	events    *event.Deliverer
	servers   []*server
	// deliverers make the deliveries of the outbox, by the kind of the destination.
	deliverers map[string]func(context.Context, outbox.Delivery) error
	remove     []func() // removes the listeners from Own
	loops      []*loop

	draining atomic.Bool
	requests atomic.Int64  // in progress, health checks included
	started  atomic.Bool   // Run or Close has been called
	ended    chan struct{} // closed when Run returns, or by a Close without Run

	base   context.Context // of all requests and loops; Stop ends it
	cancel context.CancelCauseFunc
	stop   sync.Once
	cutOff atomic.Bool // Stop found requests in progress

	deliveries *outbox.Outbox
}

// Open creates a Gateway, which serves when Run is called. If Open fails, it
// closes State and all listeners.
func Open(ctx context.Context, config Config) (*Gateway, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.DrainTimeout <= 0 {
		config.DrainTimeout = drainTimeout
	}
	if config.BodyTimeout <= 0 {
		config.BodyTimeout = bodyTimeout
	}
	if config.Own == nil {
		config.Own = new(guard.Own)
	}
	if config.Journal == nil {
		config.Journal = journal.New(journal.Config{Now: config.Now})
	}
	g := &Gateway{config: config, ended: make(chan struct{}), deliverers: make(map[string]func(context.Context, outbox.Delivery) error)}
	g.base, g.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	if err := g.open(ctx); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

func (g *Gateway) open(ctx context.Context) (err error) {
	certificate, err := openCertificate(g.config.CertFile, g.config.KeyFile, g.config.Logger)
	if err != nil {
		return err
	}
	config := g.config
	if config.Now != nil {
		config.API.Now, config.Messages.Now, config.Transfer.Now = config.Now, config.Now, config.Now
		config.API.SignatureNow = time.Now
		config.Governor.Now, config.Governor.Until = config.Now, config.Until
		config.Graph.Now, config.Deliverer.EntryNow = config.Now, config.Now
	}
	g.limitConnections(&config)
	g.config.State.OnAddress(func(address netip.AddrPort) { config.Own.Add(address) })
	config.Graph.Dial = config.Dial
	if g.graph, err = graph.New(config.Graph); err != nil {
		return err
	}
	config.Objects.ExceptHosts = append(slices.Clone(config.Objects.ExceptHosts), g.graph.Hosts()...)
	config.Objects.Guard = guard.New(guard.Config{Own: config.Own, Dial: config.Dial})
	if g.objects, err = object.New(ctx, config.Objects); err != nil {
		return err
	}
	sinks, counted := []activity.Sink{config.Journal}, g.newMetrics(&config, certificate)
	if counted != nil {
		sinks = append(sinks, counted)
	}
	if config.Tracer != nil {
		sinks = append(sinks, config.Tracer)
	}
	record := activity.NewRecorder(config.Logger, sinks...)
	g.activity = record
	config.Transfer.State, config.Transfer.Graph, config.Transfer.Objects = config.State, g.graph, g.objects
	config.Transfer.Activity, config.Transfer.Logger = record, config.Logger
	transfers, err := transfer.New(config.Transfer)
	if err != nil {
		return err
	}
	g.transfers = transfers
	if err := g.openEvents(ctx, &config, record); err != nil {
		return err
	}
	if err := g.openMessages(&config, transfers, record); err != nil {
		return err
	}
	config.API.State, config.API.Transfers, config.API.Objects = config.State, transfers, g.objects
	config.API.Sealer, config.API.Graph, config.API.Activity = config.Sealer, g.graph, record
	config.API.Journal = config.Journal
	config.API.Apps = append(slices.Clone(config.API.Apps), config.Webhook.apps()...)
	if g.service, err = social.New(config.API); err != nil {
		return err
	}
	receiver, err := g.openWebhook(config, transfers, record)
	if err != nil {
		return err
	}
	if err := g.openOutbox(); err != nil {
		return err
	}
	loops := append([]Loop{
		{Name: "purge", Run: config.State.Run},
		{Name: "journal", Run: config.Journal.Run},
		{Name: "outbox", Run: func(ctx context.Context) error { return g.runOutbox(ctx) }, EndsFirst: true},
	}, config.Loops...)
	if certificate != nil {
		config.TLS = certificate.config()
		loops = append(loops, Loop{Name: "certificate", Run: certificate.Run})
	}
	parts := g.signedParts(config, receiver)
	if counted != nil {
		g.tokens = &tokens{state: config.State, graph: g.graph, apps: config.API.Apps, activity: record, now: time.Now}
		loops = append(loops, Loop{Name: "tokens", Run: g.tokens.Run})
		parts = append(parts, g.metricsPart(&config, counted))
	}
	for _, work := range loops {
		g.loops = append(g.loops, &loop{Loop: work})
	}
	return g.openParts(&config, append(parts, config.Parts...))
}

// openParts creates the servers of parts.
func (g *Gateway) openParts(config *Config, parts []Part) (err error) {
	for _, part := range parts {
		if part.Listener == nil {
			return fmt.Errorf("the %s has no listener", part.Name)
		}
		if part.SharesTLS {
			part.TLS = config.TLS
		}
		if part.Open != nil {
			if part.Handler, err = part.Open(g); err != nil {
				return fmt.Errorf("opening the %s: %w", part.Name, err)
			}
		}
		g.remove = append(g.remove, config.Own.AddListener(part.Listener))
		g.servers = append(g.servers, g.newServer(part))
	}
	return nil
}

// signedParts returns the API and, if it has a listener of its own, the receiver of
// Meta's webhooks, which may be nil.
func (g *Gateway) signedParts(config Config, receiver http.Handler) []Part {
	api := Part{Name: "API", Handler: g.service, Listener: config.Listener, TLS: config.TLS, Signed: true}
	parts := []Part{api}
	switch own := config.Webhook.Listener; {
	case own != nil:
		parts = append(parts, Part{Name: "webhook receiver", Handler: onlyWebhook(receiver), Listener: own, TLS: config.TLS, Signed: true})
	case receiver != nil:
		parts[0].Handler = withWebhook(g.service, receiver)
	}
	parts[0].Handler = g.withHealth(parts[0].Handler)
	return parts
}

// limitConnections creates the limiter of connections, and lowers the limits of
// config to what the file descriptors of the process allow. A transfer needs two:
// one for its source, one for WhatsApp.
func (g *Gateway) limitConnections(config *Config) {
	limits := config.Admission
	connections := cmp.Or(limits.MaxConnections, admission.DefaultMaxConnections)
	transfers := cmp.Or(config.Transfer.MaxTransfers, transfer.DefaultMaxTransfers)
	descriptors := admission.Divide(connections, 2*transfers)
	limits.MaxConnections, config.Transfer.MaxTransfers = descriptors.Incoming, min(transfers, max(1, descriptors.Outgoing/2))
	limits.MaxPerAddress = min(limits.MaxPerAddress, limits.MaxConnections)
	limits.Logger = config.Logger
	if limits.MaxConnections < connections || config.Transfer.MaxTransfers < transfers {
		config.Logger.Warn("the process may open too few files, so that its limits are lower than configured; raise the limit of open files (ulimit -n)",
			"files", descriptors.Limit, "max_connections", limits.MaxConnections, "max_uploads", config.Transfer.MaxTransfers)
	}
	config.Admission = limits
	g.setLimits(config)
	g.admission = admission.New(limits)
}

// Journal returns what has happened.
func (g *Gateway) Journal() *journal.Journal { return g.config.Journal }

// Activity returns the recorder of what happens, for administration.
func (g *Gateway) Activity() *activity.Recorder { return g.activity }

// Service returns the API, for ferry's own operations inside the process.
func (g *Gateway) Service() *social.Service { return g.service }

// Graph returns the gateway's client of the Graph API, for administration.
func (g *Gateway) Graph() *graph.Client { return g.graph }

// Close stops the gateway at once if it is running, waits until Run has
// returned, and closes the database, all listeners and connections.
func (g *Gateway) Close() error {
	g.Stop(errors.New("the gateway was closed"))
	if !g.started.Swap(true) {
		close(g.ended)
	}
	<-g.ended
	if g.links != nil {
		g.links.Stop(fmt.Errorf("%w: the gateway was closed", context.Canceled))
	}
	for _, listener := range g.listeners() {
		_ = listener.Close() // Run may have closed it
	}
	for _, remove := range g.remove {
		remove()
	}
	if g.objects != nil {
		g.objects.Close()
	}
	if g.events != nil {
		g.events.Close()
	}
	if g.graph != nil {
		g.graph.Close()
	}
	return g.config.State.Close()
}

func (g *Gateway) listeners() []net.Listener {
	listeners := []net.Listener{g.config.Listener, g.config.Webhook.Listener, g.config.Metrics.Listener}
	for _, part := range g.config.Parts {
		listeners = append(listeners, part.Listener)
	}
	return slices.DeleteFunc(listeners, func(l net.Listener) bool { return l == nil })
}

// pingTimeout bounds how long the database may take to respond to /readyz.
const pingTimeout = 2 * time.Second

// withHealth adds three health checks to the API. The only result of the first two is the
// status, unless Config.ShowReasons is set:
//
//	GET /livez   200 while the process runs
//	GET /readyz  200 while requests are accepted; 503 when the gateway is about to stop or a part of it does not work, such as its database
//	GET /_ferry/health  the same, with the parts as JSON (type Health)
//
// They are not signed, unlike the rest of the API.
func (g *Gateway) withHealth(api http.Handler) http.Handler {
	live := g.config.Access.Unsigned(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	ready := g.config.Access.Unsigned(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serveReady(w, g.Health(r.Context()), g.config.ShowReasons)
	}))
	health := g.config.Access.Unsigned(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serveHealth(w, g.Health(r.Context())) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet && r.RequestURI == HealthPath:
			health.ServeHTTP(w, r)
		case r.Method == http.MethodGet && r.RequestURI == "/livez":
			live.ServeHTTP(w, r)
		case r.Method == http.MethodGet && r.RequestURI == "/readyz":
			ready.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}
