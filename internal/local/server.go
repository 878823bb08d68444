// The servers of the world.

package local

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/graph"
	"ferry/internal/kms"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/metasim"
)

// openListeners opens the listeners, and the certificate if there is one, and sets
// the URLs.
func (w *World) openListeners() (err error) {
	var secure *tls.Config
	if w.config.TLS {
		if err := w.openCertificate(); err != nil {
			return err
		}
		secure = w.authority.config()
	}
	open := openListener
	if w.config.Network != nil {
		w.config.Listen, w.config.PortBase, open = "", memoryBase, openInMemory(w.config.Network)
	}
	if w.listeners, err = listen(open, w.config.Listen, w.config.PortBase, &w.own, secure, w.config.Console != nil); err != nil {
		return err
	}
	w.urls = w.listeners.urls(localHost(w.config.Listen), w.config.TLS)
	public := w.listeners.urls(cmp.Or(w.publicHost(), localHost(w.config.Listen)), w.config.TLS)
	w.APIURL, w.S3URL, w.ControlURL, w.ConsoleURL = public.api, public.s3, public.control, public.console
	w.SimulatorURL = cmp.Or(strings.TrimRight(w.config.SimulatorURL, "/"), public.simulator)
	return nil
}

// openCertificate opens the certificate in the data directory, or in a directory
// that Close removes.
func (w *World) openCertificate() (err error) {
	directory := w.path("tls", "")
	if directory == "" {
		if directory, err = os.MkdirTemp("", "ferry-dev-*"); err != nil {
			return err
		}
		w.temporary = directory
	}
	names := []string{"localhost", "*.localhost", "127.0.0.1", "::1"}
	for _, name := range append([]string{localHost(w.config.Listen)}, w.names()...) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	w.authority, err = openAuthority(directory, names, w.config.SystemRoots, time.Now())
	return err
}

// names returns Config.Hosts, also with a bucket in front.
func (w *World) names() (names []string) {
	for _, name := range w.config.Hosts {
		names = append(names, name)
		if net.ParseIP(name) == nil && !strings.HasPrefix(name, "*.") {
			names = append(names, "*."+name)
		}
	}
	return names
}

// openGateway opens the gateway with the sample account.
func (w *World) openGateway(ctx context.Context) error {
	sealer, err := w.openKeyset()
	if err != nil {
		return err
	}
	database := state.Config{
		Path: cmp.Or(w.config.Database, w.path("ferry.db", state.Memory)), Sealer: sealer, Now: w.Simulator.Now, Machine: time.Now,
		CheckIntegrity: true, Logger: w.config.Logger,
	}
	if w.config.Network != nil {
		database.PurgeInterval = memorySweep
	}
	db, err := state.Open(ctx, database)
	if err != nil {
		return err
	}
	if err := errors.Join(w.createSample(ctx, db), w.createSeed(ctx, db)); err != nil {
		return errors.Join(err, db.Close())
	}
	store := object.StoreConfig{
		Endpoint: w.urls.s3, Aliases: w.s3Aliases(), Region: w.Region, PathStyle: true, LiteralKeys: true,
		AccessKeyID: w.AccessKeyID, SecretAccessKey: w.SecretAccessKey,
	}
	config := gateway.Config{
		State:    db,
		Sealer:   sealer,
		Graph:    graph.Config{BaseURL: w.urls.simulator, Version: GraphVersion, DownloadURL: w.simulatorPublicURL(), UserAgent: "ferry-dev"},
		Objects:  object.Config{Stores: []object.StoreConfig{store}, LinksInside: true},
		API:      w.config.API,
		LinkToID: w.config.LinkToID,
		Own:      &w.own,
		Checks:   w.checks(),

		ShowReasons: true,
		Version:     w.config.Version,
		Now:         w.Simulator.Now,
		Until:       w.Simulator.UntilClock,
		Webhook:     gateway.Webhook{AppSecrets: []event.AppSecret{{Secret: secret.New(metaAppSecret)}}, VerifyToken: secret.New(webhookVerifyToken)},
		Logger:      w.config.Logger,
		Access:      w.access,
		Listener:    w.listeners.api,
		Metrics:     w.config.Metrics,
		Tracer:      w.config.Tracer,
	}
	if w.config.Network != nil {
		config.Dial, config.Alone = w.config.Network.DialContext, true
	}
	w.state = db
	config.API.Apps = []graph.App{{ID: MetaAppID, Secret: secret.New(metaAppSecret)}}
	config.API.Region, config.API.AnyRegion = w.Region, w.config.Region == ""
	config.API.AllowsOrigin, config.API.AllowsHost = w.access.AllowsOrigin, w.access.AllowsHost
	config.Router, config.Deliverer = w.events()
	config.API.NoKMS = noKMS
	if w.config.KMSEndpoint != "" {
		config.API.KMS = &kms.Config{Endpoint: w.config.KMSEndpoint, AccessKeyID: w.AccessKeyID, SecretAccessKey: w.SecretAccessKey}
	}
	if w.authority != nil {
		config.TLS = w.authority.config()
		config.Graph.RootCAs, config.Objects.RootCAs = w.authority.roots, w.authority.roots
	}
	if w.config.Console != nil {
		open := func(g *gateway.Gateway) (http.Handler, error) { return w.config.Console(w, g) }
		config.Parts = append(config.Parts, gateway.Part{Name: "console", Open: open, Listener: w.listeners.console, TLS: config.TLS})
	}
	if w.Gateway, err = gateway.Open(ctx, config); err != nil {
		return err
	}
	w.follower.gateway.Store(w.Gateway)
	return nil
}

// s3Aliases returns the addresses of the embedded S3 server that presigned URLs
// may name, beside the one by which this process reaches it.
func (w *World) s3Aliases() []string {
	aliases := []string{}
	for _, host := range append([]string{"localhost", "127.0.0.1", "::1"}, w.config.Hosts...) {
		if url := w.listeners.urls(host, w.config.TLS).s3; url != w.urls.s3 && !strings.HasPrefix(host, "*.") {
			aliases = append(aliases, url)
		}
	}
	return aliases
}

// publicHost returns the name that is part of all URLs, or "" for loopback.
func (w *World) publicHost() string {
	if len(w.config.Hosts) == 0 || strings.HasPrefix(w.config.Hosts[0], "*.") {
		return ""
	}
	return w.config.Hosts[0]
}

// simulatorPublicURL returns the start of download URLs, or "" if each request
// names it.
func (w *World) simulatorPublicURL() string {
	if w.config.SimulatorURL == "" {
		return ""
	}
	return w.SimulatorURL
}

// openSimulator opens the simulator with the sample account, whose webhooks go to the
// gateway.
func (w *World) openSimulator() error {
	config := metasim.Config{
		Logger: w.config.Logger, PublicURL: w.simulatorPublicURL(), Strict: w.config.Strict, Hosts: w.config.Hosts, Origins: w.config.Origins,
		BusinessAccounts: w.accounts(), OpenWindows: true, ClockFollower: &w.follower,
	}
	config.WebhookURL, config.WebhookVerifyToken = w.urls.api+gateway.WebhookPath, webhookVerifyToken
	config.MediaURL = w.SimulatorURL
	config.Observe = w.observe
	config.ControlPaths = w.controlPaths()
	if w.authority != nil || w.config.Network != nil {
		config.WebhookTransport = w.transport()
	}
	if w.config.Network != nil {
		links := w.transport()
		links.DisableKeepAlives = true
		config.LinkTransport, config.SweepInterval = links, memorySweep
	}
	if w.config.Data != "" {
		storage, err := metasim.NewDirectoryStorage(filepath.Join(w.config.Data, "whatsapp"))
		if err != nil {
			return err
		}
		config.Storage = storage
	}
	w.Simulator = metasim.New(config)
	return nil
}

// memorySweep is how often a world on a network in memory removes what has expired: months
// pass in a bubble of testing/synctest, and what is done each minute would take its time.
const memorySweep = 7 * 24 * time.Hour

// transport returns a transport of the simulator to the servers of the world.
func (w *World) transport() *http.Transport {
	transport := &http.Transport{IdleConnTimeout: idleTimeout, DisableCompression: true}
	if w.authority != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: w.authority.roots, MinVersion: tls.VersionTLS12}
	}
	if w.config.Network != nil {
		transport.DialContext = w.config.Network.DialContext
	}
	return transport
}

// idleTimeout is the time for which an idle connection between servers of the world,
// or of a client of S3, is kept.
const idleTimeout = 2 * time.Minute

// serve serves a handler until ctx is done. It closes the listener.
func serve(ctx context.Context, name string, listener net.Listener, handler http.Handler, logger *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: idleTimeout, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the %s at %s failed: %w", name, listener.Addr(), err)
	}
	return nil
}
