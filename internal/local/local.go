// Package local is a whole world on one machine: ferry's gateway, the
// simulator of WhatsApp's Cloud API and an S3 server, with a sample account
// linked and a bucket made. `ferry dev` and `ferry demo` run it.
//
// The gateway in it is the one of `ferry serve`. Only its addresses differ:
// the Graph API is the simulator, the store is the embedded S3 server.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"

	"ferry/internal/gateway"
	"ferry/internal/graph"
	"ferry/internal/guard"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/metasim"
)

// The sample account. The ids of Meta's are those of Meta's documentation.
const (
	AccountID = "111122223333"
	Bucket    = "ferry-media"

	keyName           = "developer"
	metaAccountID     = "102290129340398"
	metaPhoneNumberID = "106540352242922"
	metaAppID         = "634974688087057"
)

// Config says where the world lives.
type Config struct {
	Region   string       // of the API; default us-east-1
	PortBase int          // API, simulator, S3, console and simulator control on this port and the four after; 0 = free ports
	Data     string       // directory to keep everything in; "" = in memory
	Logger   *slog.Logger // default: discards
}

// Environment is a running world.
type Environment struct {
	Region       string
	APIURL       string // ferry
	SimulatorURL string // the Graph API
	ControlURL   string // the simulator's control API
	S3URL        string // the embedded S3 server

	AccessKeyID       string // for the API and for S3
	SecretAccessKey   secret.Secret
	BusinessAccountID string // AWS's id, "waba-…"
	PhoneNumberID     string // AWS's id, "phone-number-id-…"
	MetaPhoneNumberID string // Meta's id
	MetaToken         secret.Secret

	Gateway   *gateway.Gateway
	Simulator *metasim.Server

	config Config
	own    guard.Own          // every listener but that of the embedded S3, which is a configured store
	group  *errgroup.Group    // gateway, simulator, S3 server
	failed context.Context    // done when one of them has failed
	drain  context.CancelFunc // drains the gateway
	waited bool               // Wait has returned what failed
}

// Start starts a world, which is ready when Start returns.
func Start(ctx context.Context, config Config) (*Environment, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Environment{Region: cmp.Or(config.Region, "us-east-1"), config: config}
	e.group, e.failed = errgroup.WithContext(context.WithoutCancel(ctx))
	err := e.start(ctx)
	if err == nil {
		err = e.linkSample(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// start opens everything and serves it.
func (e *Environment) start(ctx context.Context) error {
	listeners, err := listen(e.config.PortBase)
	if err != nil {
		return err
	}
	e.APIURL, e.SimulatorURL = "http://"+listeners.api.Addr().String(), "http://"+listeners.simulator.Addr().String()
	e.own.AddListener(listeners.simulator)
	e.own.AddListener(listeners.control)
	e.S3URL, e.ControlURL = "http://"+listeners.s3.Addr().String(), "http://"+listeners.control.Addr().String()
	var s3 http.Handler
	err = e.openGateway(ctx, listeners.api)
	if err == nil {
		err = e.openSimulator()
	}
	if err == nil {
		s3, err = e.openS3(ctx)
	}
	if err != nil {
		listeners.close()
		return err
	}
	// The gateway needs the others until it has drained.
	others, endOthers := context.WithCancel(e.failed)
	draining, drain := context.WithCancel(context.WithoutCancel(ctx))
	e.drain = drain
	e.group.Go(func() error {
		defer endOthers()
		defer context.AfterFunc(e.failed, func() { e.Stop(context.Cause(e.failed)) })()
		return e.Gateway.Run(draining)
	})
	e.group.Go(func() error { return serve(others, listeners.simulator, e.Simulator) })
	e.group.Go(func() error { return serve(others, listeners.control, e.Simulator.Control()) })
	e.group.Go(func() error { return serve(others, listeners.s3, s3) })
	return nil
}

// Wait waits until ctx is done or something has failed. Then it drains the
// gateway, stops everything and returns what failed.
func (e *Environment) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-e.failed.Done():
	}
	e.drain()
	e.waited = true
	return e.group.Wait()
}

// Stop ends everything in progress at once, with a cause that the gateway's
// calls see. Wait then returns [gateway.ErrCutOff] if there were calls.
func (e *Environment) Stop(cause error) { e.Gateway.Stop(cause) }

// Close stops everything at once and closes it. It returns what failed, unless
// Wait did.
func (e *Environment) Close() error {
	var problems []error
	if e.Gateway != nil {
		e.Stop(errors.New("the local world was closed"))
	}
	if err := e.group.Wait(); !e.waited && !errors.Is(err, gateway.ErrCutOff) {
		problems = append(problems, err)
	}
	if e.Gateway != nil {
		problems = append(problems, e.Gateway.Close())
	}
	if e.Simulator != nil {
		problems = append(problems, e.Simulator.Close())
	}
	return errors.Join(problems...)
}

type listeners struct{ api, simulator, s3, control net.Listener }

func (l listeners) close() {
	for _, listener := range []net.Listener{l.api, l.simulator, l.s3, l.control} {
		if listener != nil {
			_ = listener.Close()
		}
	}
}

func listen(base int) (l listeners, err error) {
	for offset, listener := range map[int]*net.Listener{0: &l.api, 1: &l.simulator, 2: &l.s3, 4: &l.control} { // 3 is the console's
		port := 0
		if base != 0 {
			port = base + offset
		}
		if *listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			l.close()
			return listeners{}, fmt.Errorf("%w; choose other ports with --port-base", err)
		}
	}
	return l, nil
}

// openGateway opens the gateway, and reads or makes the sample's key and token.
func (e *Environment) openGateway(ctx context.Context, listener net.Listener) error {
	if e.config.Data != "" {
		if err := os.MkdirAll(e.config.Data, 0o700); err != nil {
			return err
		}
	}
	sealer, err := e.openKeyset()
	if err != nil {
		return err
	}
	db, err := state.Open(ctx, state.Config{Path: e.path("ferry.db", state.Memory), Sealer: sealer, Logger: e.config.Logger})
	if err != nil {
		return err
	}
	if err := e.sampleKey(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	e.Gateway, err = gateway.Open(ctx, gateway.Config{
		State:   db,
		Sealer:  sealer,
		Graph:   graph.Config{BaseURL: e.SimulatorURL, UserAgent: "ferry-dev"},
		Objects: object.Config{Stores: []object.StoreConfig{{Endpoint: e.S3URL, Region: e.Region, PathStyle: true, AccessKeyID: e.AccessKeyID, SecretAccessKey: e.SecretAccessKey}}},
		API:     social.Config{Region: e.Region},
		Own:     &e.own,
		Logger:  e.config.Logger,

		Listener: listener,
	})
	return err
}

// path gives a file of the data directory, or what stands for it in memory.
func (e *Environment) path(name, inMemory string) string {
	if e.config.Data == "" {
		return inMemory
	}
	return filepath.Join(e.config.Data, name)
}

// openKeyset reads the keyset of the data directory, or makes one.
func (e *Environment) openKeyset() (*secret.Sealer, error) {
	path := e.path("keyset.json", "")
	if path != "" {
		text, err := os.ReadFile(path)
		if err == nil {
			return secret.NewSealer(secret.New(string(text)))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		return nil, err
	}
	if path != "" {
		if err := os.WriteFile(path, []byte(keyset.Reveal()), 0o600); err != nil {
			return nil, err
		}
	}
	return secret.NewSealer(keyset)
}
