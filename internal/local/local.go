// Package local runs a complete world on one machine, for `ferry dev` and
// `ferry demo`: ferry's gateway, the simulator of WhatsApp's Cloud API and an S3
// server, with a linked sample account and a bucket.
//
// The gateway is that of `ferry serve`. Only its addresses differ: the Graph API
// is the simulator, and the store is the embedded S3 server.
package local

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"ferry/internal/gateway"
	"ferry/internal/guard"
	"ferry/internal/secret"
	"ferry/metasim"
)

// The sample account. Meta's ids are those in the examples of its documentation.
const (
	AccountID = "111122223333"
	Bucket    = "ferry-media"

	keyName           = "developer"
	metaAccountID     = "102290129340398"
	metaPhoneNumberID = "106540352242922"
	metaAppID         = "634974688087057"
)

// Config configures a world.
type Config struct {
	// Region is the AWS region of the API. Default: us-east-1.
	Region string
	// PortBase is the port of the API; the simulator, S3 and the simulator's
	// control API use the ports +1, +2 and +4 (+3 is reserved for the console).
	// 0 means free ports.
	PortBase int
	// Data is the directory of all state. Empty means in memory.
	Data string
	// Logger receives the log of all servers. Default: discarded.
	Logger *slog.Logger
}

// Environment is a running world.
type Environment struct {
	Region       string
	APIURL       string // ferry's API
	SimulatorURL string // the simulated Graph API
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

	config    Config
	listeners listeners
	own       guard.Own               // all listeners except the embedded S3 server, which is a configured store
	group     *errgroup.Group         // gateway, simulator, S3 server
	failed    context.Context         // done when one of them has failed
	drain     context.CancelCauseFunc // drains the gateway
	waited    bool                    // Wait has returned what failed
}

// Start starts a world. When it returns, all servers are ready.
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
func (e *Environment) start(ctx context.Context) (err error) {
	if e.listeners, err = listen(e.config.PortBase); err != nil {
		return err
	}
	e.APIURL, e.SimulatorURL = "http://"+e.listeners.api.Addr().String(), "http://"+e.listeners.simulator.Addr().String()
	e.S3URL, e.ControlURL = "http://"+e.listeners.s3.Addr().String(), "http://"+e.listeners.control.Addr().String()
	e.own.AddListener(e.listeners.simulator)
	e.own.AddListener(e.listeners.control)
	if err := e.openGateway(ctx); err != nil {
		return err
	}
	if err := e.openSimulator(); err != nil {
		return err
	}
	s3, err := e.openS3(ctx)
	if err != nil {
		return err
	}
	// The gateway needs the others until it has drained.
	others, endOthers := context.WithCancel(e.failed)
	draining, drain := context.WithCancelCause(context.WithoutCancel(ctx))
	e.drain = drain
	e.group.Go(func() error {
		defer endOthers()
		defer context.AfterFunc(e.failed, func() { e.Stop(context.Cause(e.failed)) })()
		return e.Gateway.Run(draining)
	})
	e.group.Go(func() error { return e.Simulator.Run(others, e.listeners.simulator, e.listeners.control) })
	e.group.Go(func() error { return serve(others, "S3 server", e.listeners.s3, s3) })
	return nil
}

// Wait waits until ctx is done or something has failed. Then it drains the
// gateway, stops everything and returns what failed.
func (e *Environment) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-e.failed.Done():
	}
	e.drain(context.Cause(ctx))
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
	e.listeners.close()
	return errors.Join(problems...)
}

// path returns the path of a file in the data directory, or inMemory if there is
// no directory.
func (e *Environment) path(name, inMemory string) string {
	if e.config.Data == "" {
		return inMemory
	}
	return filepath.Join(e.config.Data, name)
}

// openKeyset reads the keyset in the data directory, or creates one.
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
