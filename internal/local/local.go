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

// World is a running world.
type World struct {
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
func Start(ctx context.Context, config Config) (*World, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	w := &World{Region: cmp.Or(config.Region, "us-east-1"), config: config}
	w.group, w.failed = errgroup.WithContext(context.WithoutCancel(ctx))
	err := w.start(ctx)
	if err == nil {
		err = w.linkSample(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// start opens everything and serves it.
func (w *World) start(ctx context.Context) (err error) {
	if w.listeners, err = listen(w.config.PortBase); err != nil {
		return err
	}
	w.APIURL, w.SimulatorURL = "http://"+w.listeners.api.Addr().String(), "http://"+w.listeners.simulator.Addr().String()
	w.S3URL, w.ControlURL = "http://"+w.listeners.s3.Addr().String(), "http://"+w.listeners.control.Addr().String()
	w.own.AddListener(w.listeners.simulator)
	w.own.AddListener(w.listeners.control)
	if err := w.openGateway(ctx); err != nil {
		return err
	}
	if err := w.openSimulator(); err != nil {
		return err
	}
	s3, err := w.openS3(ctx)
	if err != nil {
		return err
	}
	// The gateway needs the others until it has drained.
	others, endOthers := context.WithCancel(w.failed)
	draining, drain := context.WithCancelCause(context.WithoutCancel(ctx))
	w.drain = drain
	w.group.Go(func() error {
		defer endOthers()
		defer context.AfterFunc(w.failed, func() { w.Stop(context.Cause(w.failed)) })()
		return w.Gateway.Run(draining)
	})
	w.group.Go(func() error { return w.Simulator.Run(others, w.listeners.simulator, w.listeners.control) })
	w.group.Go(func() error { return serve(others, "S3 server", w.listeners.s3, s3) })
	return nil
}

// Wait waits until ctx is done or something has failed. Then it drains the
// gateway, stops everything and returns what failed.
func (w *World) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-w.failed.Done():
	}
	w.drain(context.Cause(ctx))
	w.waited = true
	return w.group.Wait()
}

// Stop ends everything in progress at once, with a cause that the gateway's
// calls see. Wait then returns [gateway.ErrCutOff] if there were calls.
func (w *World) Stop(cause error) { w.Gateway.Stop(cause) }

// Close stops everything at once and closes it. It returns what failed, unless
// Wait did.
func (w *World) Close() error {
	var problems []error
	if w.Gateway != nil {
		w.Stop(errors.New("the local world was closed"))
	}
	if err := w.group.Wait(); !w.waited && !errors.Is(err, gateway.ErrCutOff) {
		problems = append(problems, err)
	}
	if w.Gateway != nil {
		problems = append(problems, w.Gateway.Close())
	}
	if w.Simulator != nil {
		problems = append(problems, w.Simulator.Close())
	}
	w.listeners.close()
	return errors.Join(problems...)
}

// path returns the path of a file in the data directory, or inMemory if there is
// no directory.
func (w *World) path(name, inMemory string) string {
	if w.config.Data == "" {
		return inMemory
	}
	return filepath.Join(w.config.Data, name)
}

// openKeyset reads the keyset in the data directory, or creates one.
func (w *World) openKeyset() (*secret.Sealer, error) {
	path := w.path("keyset.json", "")
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
